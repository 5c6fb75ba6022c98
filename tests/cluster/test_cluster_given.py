"""Which cluster the tests of this folder have talked to."""

import pytest

from tests.cluster.conftest import GIVEN
from windtunnel.clients.cluster import connect
from windtunnel.model.policy import ClusterEntry


def test_the_given_cluster_was_asked(cluster):
    """Without one the tests of this folder run against the lab, and this is the one that is skipped."""
    if not GIVEN:
        pytest.skip("no cluster was given (the lab was asked): make test-cluster KUBECONFIG=/path/to/config")
    assert cluster.label == connect(ClusterEntry(name="", kubeconfig=GIVEN)).label
