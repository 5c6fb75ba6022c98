"""The history of a cluster's injections: one ConfigMap there, so that it outlives machines and ledgers.

A run is added just before its first change, in the same write that sees the runs before it: the ConfigMap is
changed only at the version that was read, so that of two runs that take the last place of a day, one wins.
Whoever deletes it makes windtunnel forget.
"""

from collections.abc import Callable
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.connection import Timeouts
from windtunnel.clients.contended import until_settled
from windtunnel.clients.own_namespace import MANAGED, NAMESPACE, explaining_absence
from windtunnel.clock import Clock
from windtunnel.model.errors import ClusterError, NotFoundError
from windtunnel.model.history import History, history_of, history_text

NAME = "history"
_TIMEOUTS = Timeouts(connect_s=1.5, read_s=5.0, total_s=10.0, tries=2)  # a run that is about to change waits
_KEY = "runs"


def read(cluster: Cluster) -> History:
    """Return the runs that injected.

    Raises:
        ClusterError: it could not be read, or makes no sense; nobody can tell then how often there were runs.
    """
    return _parsed(_stored(cluster))


def change(cluster: Cluster, clock: Clock, changed: Callable[[History], History | None]) -> None:
    """Write what *changed* makes of the history, or nothing where it returns None.

    *changed* is called again with a newer history when somebody else was faster.

    Raises:
        ClusterError: it could not be read, makes no sense, or could not be written.
    """
    asked = cluster.within(_TIMEOUTS)

    def once() -> None:
        found = _stored(asked)
        new = changed(_parsed(found))
        if new is None:
            return
        data = {_KEY: history_text(new)}
        if found is None:
            metadata = {"name": NAME, "labels": MANAGED}
            with explaining_absence(cluster.label):
                asked.create("ConfigMap", {"metadata": metadata, "data": data}, NAMESPACE)
        else:
            version = found["metadata"]["resourceVersion"]
            patch = {"metadata": {"resourceVersion": version}, "data": data}
            asked.patch_merge("ConfigMap", NAME, NAMESPACE, patch=patch)

    until_settled(clock, once)


def _stored(cluster: Cluster) -> dict[str, Any] | None:
    try:
        return cluster.get("ConfigMap", NAME, NAMESPACE)
    except NotFoundError:
        return None


def _parsed(found: dict[str, Any] | None) -> History:
    if found is None:
        return History()
    try:
        return history_of(str((found.get("data") or {}).get(_KEY, "")))
    except ValueError as error:
        msg = (
            f"configmap/{NAME} in {NAMESPACE}, the record of earlier runs, cannot be read: {error}; "
            "mend it, or delete it if earlier runs need not count"
        )
        raise ClusterError(msg) from error
