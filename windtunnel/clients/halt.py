"""The safety lever: a ConfigMap that stops every run on its cluster and refuses new ones until it is gone."""

from dataclasses import dataclass
from datetime import datetime

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.own_namespace import MANAGED, NAMESPACE, explaining_absence
from windtunnel.model.errors import ConflictError, NotFoundError
from windtunnel.redaction import redact

LEVER = "halt"
VARIABLE = "windtunnel_halt"
"""The Prefect variable in which the same lever can be pulled, for all clusters of that Prefect server."""


@dataclass(frozen=True, slots=True)
class Lever:
    """Where the lever is. The texts tell about a pulled one, as its puller wrote them."""

    pulled: bool
    reason: str = ""
    by: str = ""
    at: str = ""  # RFC 3339
    until: str = ""  # RFC 3339; from then on it counts as released

    def __str__(self) -> str:
        if not self.pulled:
            return "released"
        who = f" by {self.by}" if self.by else ""
        when = f" at {self.at}" if self.at else ""
        end = f" until {self.until}" if self.until else ""
        return f"pulled{who}{when}{end}: {self.reason or 'no reason given'}"


def read(cluster: Cluster) -> Lever:
    """Return the lever's position. Whatever stands in its place counts as pulled.

    Raises:
        ClusterError: it could not be read; who asks must take that as pulled.
    """
    try:
        found = cluster.get("ConfigMap", LEVER, NAMESPACE)
    except NotFoundError:
        return Lever(pulled=False)
    data = found.get("data") or {}
    told = {key: str(data.get(key, "")) for key in ("reason", "by", "at", "until")}
    return Lever(pulled=True, **told)


def told(*, reason: str, by: str, now: datetime, until: datetime | None = None) -> dict[str, str]:
    """Return what is written where the lever is pulled, whichever place that is."""
    data = {"reason": redact(reason), "by": redact(by), "at": now.isoformat(timespec="seconds")}
    return data | ({"until": until.isoformat(timespec="seconds")} if until else {})


def pull(cluster: Cluster, *, reason: str, by: str, now: datetime, until: datetime | None = None) -> Lever:
    """Pull the lever; pulling a pulled one replaces its reason."""
    data = told(reason=reason, by=by, now=now, until=until)
    body = {"metadata": {"name": LEVER, "labels": MANAGED}, "data": data}
    with explaining_absence(cluster.label):
        try:
            cluster.create("ConfigMap", body, NAMESPACE)
        except ConflictError:
            cluster.replace("ConfigMap", body, NAMESPACE)
    return Lever(pulled=True, **data)


def release(cluster: Cluster) -> bool:
    """Release the lever; say whether it was pulled."""
    try:
        cluster.delete("ConfigMap", LEVER, NAMESPACE)
    except NotFoundError:
        return False
    return True
