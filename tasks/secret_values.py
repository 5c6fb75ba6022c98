"""The secrets that an experiment's probes take from Prefect and from the cluster, fetched once for a run.

What cannot be fetched is kept as the reason why: the probe that needs it cannot answer, and says so.
"""

from collections.abc import Callable, Iterable
from typing import Any

from tasks.prefect_api import asking
from windtunnel.clients.cluster import Cluster
from windtunnel.clients.secret_values import secret_value
from windtunnel.model.errors import PrefectApiError, WindtunnelError
from windtunnel.model.experiment import Experiment
from windtunnel.model.placeholder import Source, placeholders_of
from windtunnel.probes.placeholders import Fetched
from windtunnel.redaction import learn


def from_prefect(experiment: Experiment) -> Fetched:
    """Return the Secret blocks that *experiment* names, redacted from now on."""
    return _fetched(experiment, Source.PREFECT, block_value)


def from_cluster(experiment: Experiment, cluster: Cluster) -> Fetched:
    """Return the values in Kubernetes Secrets that *experiment* names, redacted from now on."""
    return _fetched(experiment, Source.KUBERNETES, lambda name: secret_value(cluster, name))


def block_value(name: str) -> str:
    """Return the text in the Prefect Secret block *name*, which is redacted from then on.

    Raises:
        PrefectApiError: Prefect could not be asked, has no such block, or it holds no text.
    """
    from prefect.exceptions import ObjectNotFound

    with asking(f"reading the Prefect Secret block {name}") as client:
        try:
            found = client.read_block_document_by_name(name, "secret", include_secrets=True)
        except ObjectNotFound as error:
            msg = f"Prefect has no Secret block {name}, which ${{secret:{name}}} needs; make it in the UI"
            raise PrefectApiError(msg) from error
    value: Any = found.data.get("value")
    for text in _texts(value):
        learn(text)
    if not isinstance(value, str):
        msg = f"the Prefect Secret block {name} holds no text, which a header or a body must be"
        raise PrefectApiError(msg)
    return value


def _fetched(experiment: Experiment, source: Source, read: Callable[[str], str]) -> Fetched:
    found: dict[Any, str | WindtunnelError] = {}
    for one in placeholders_of(experiment.steady_state, source):
        try:
            found[one] = read(one.name)
        except WindtunnelError as error:
            found[one] = error
    return found


def _texts(value: Any) -> Iterable[str]:
    """Yield every text in a block, which may hold any JSON."""
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list():
            for each in value:
                yield from _texts(each)
