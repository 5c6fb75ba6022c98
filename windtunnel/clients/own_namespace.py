"""The namespace in which windtunnel keeps its leases, tickets, history and safety lever on every cluster."""

from collections.abc import Iterator
from contextlib import contextmanager

from windtunnel.model.errors import NotFoundError

NAMESPACE = "windtunnel"
MANAGED = {"app.kubernetes.io/managed-by": "windtunnel"}


@contextmanager
def explaining_absence(cluster_label: str) -> Iterator[None]:
    """Turn the server's 404 for a missing namespace into what to do about it."""
    try:
        yield
    except NotFoundError as error:
        if f'namespaces "{NAMESPACE}"' not in str(error):
            raise
        msg = (
            f"the namespace {NAMESPACE!r} does not exist on {cluster_label}; windtunnel keeps its leases and "
            f"undo tickets there: create it with `kubectl create namespace {NAMESPACE}`"
        )
        raise NotFoundError(msg, status=error.status, reason=error.reason) from error
