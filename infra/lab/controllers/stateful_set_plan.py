"""StatefulSets, decided: which pod is made, replaced or removed next, and what the status says."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers import kinds, pods
from infra.lab.controllers.changes import Change, Create, Note, Remove
from infra.lab.controllers.ownership import is_going
from infra.lab.controllers.revisions import HASH_LABEL, hash_of, template_of
from infra.lab.controllers.templates import pod_from

COMPONENT = "statefulset-controller"
POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


@dataclass(frozen=True, slots=True)
class Fleet:
    """A StatefulSet, its pods by ordinal, and its two revisions (one and the same outside of a rollout)."""

    owner: Object
    current: Object
    update: Object
    pods: dict[int, Object] = field(default_factory=dict)

    @property
    def ordinals(self) -> range:
        """The ordinals that should exist."""
        start = int((self.owner["spec"].get("ordinals") or {}).get("start", 0))
        return range(start, start + int(self.owner["spec"].get("replicas", 1)))

    @property
    def parallel(self) -> bool:
        """Whether pods do not wait for one another."""
        return bool(self.owner["spec"].get("podManagementPolicy") == "Parallel")

    def is_updated(self, pod: Object) -> bool:
        """Whether a pod has the newest template."""
        return (pod["metadata"].get("labels") or {}).get(HASH_LABEL) == hash_of(self.update)

    def is_settled(self, pod: Object, now: datetime) -> bool:
        """Whether a pod is there to stay and available."""
        min_ready_s = self.owner["spec"].get("minReadySeconds", 0)
        return pods.is_active(pod) and pods.is_available(pod, min_ready_s, now)


def ordinal_of(owner: Object, pod: Object) -> int | None:
    """A pod's ordinal by its name; None where the name is not one of the set's."""
    prefix, _, number = str(pod["metadata"]["name"]).rpartition("-")
    return int(number) if prefix == owner["metadata"]["name"] and number.isdigit() else None


def by_ordinal(owner: Object, owned: Iterable[Object]) -> dict[int, Object]:
    """Pods by their ordinal."""
    found = ((ordinal_of(owner, pod), pod) for pod in owned)
    return {ordinal: pod for ordinal, pod in found if ordinal is not None}


def new_pod(fleet: Fleet, ordinal: int) -> Object:
    """The pod of an ordinal, with its lasting name."""
    owner = fleet.owner
    name = f"{owner['metadata']['name']}-{ordinal}"
    revision = _revision_for(fleet, ordinal)
    labels = {POD_NAME: name, POD_INDEX: str(ordinal), HASH_LABEL: hash_of(revision)}
    pod = pod_from(owner, template_of(revision), name=name, labels=labels)
    spec = {**pod["spec"], "hostname": name}
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    claims = owner["spec"].get("volumeClaimTemplates") or ()
    if claims:
        names = {claim["metadata"]["name"] for claim in claims}
        others = [volume for volume in spec.get("volumes") or () if volume["name"] not in names]
        mounted = [
            {"name": one, "persistentVolumeClaim": {"claimName": f"{one}-{name}"}} for one in sorted(names)
        ]
        spec["volumes"] = [*mounted, *others]
    return {**pod, "spec": spec}


def _revision_for(fleet: Fleet, ordinal: int) -> Object:
    """A pod lost during a rollout comes back as it was: below the rolled-out part with the old revision."""
    if hash_of(fleet.current) == hash_of(fleet.update):
        return fleet.update
    strategy = fleet.owner["spec"].get("updateStrategy") or {}
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    if strategy.get("type") == "OnDelete":
        return fleet.update
    updated = [number for number, pod in fleet.pods.items() if fleet.is_updated(pod)]
    reached = min(updated, default=fleet.ordinals.stop)
    return fleet.update if ordinal >= max(partition, min(reached, _next_to_update(fleet))) else fleet.current


def _next_to_update(fleet: Fleet) -> int:
    """The ordinal whose turn it is: the highest that is missing or outdated."""
    pending = [
        one for one in fleet.ordinals if one not in fleet.pods or not fleet.is_updated(fleet.pods[one])
    ]
    return max(pending, default=fleet.ordinals.start)


def plan(fleet: Fleet, now: datetime) -> list[Change]:
    """The next pods to make and to remove; one at a time and in order, unless the set is parallel."""
    if is_going(fleet.owner):
        return []
    changes: list[Change] = []
    for ordinal in fleet.ordinals:
        pod = fleet.pods.get(ordinal)
        if pod is None:
            changes.append(_create(fleet, ordinal))
        elif pods.is_finished(pod) and not is_going(pod):
            changes.append(_remove(fleet, pod))
        if not fleet.parallel and (changes or (pod is not None and not fleet.is_settled(pod, now))):
            return changes
    surplus = [fleet.pods[one] for one in sorted(fleet.pods, reverse=True) if one not in fleet.ordinals]
    if fleet.parallel:
        changes += [_remove(fleet, pod) for pod in surplus if not is_going(pod)]
    elif surplus:
        return [] if any(is_going(pod) for pod in surplus) else [_remove(fleet, surplus[0])]
    return changes or _update(fleet, now)


def _update(fleet: Fleet, now: datetime) -> list[Change]:
    """Replace the highest outdated pod, when all above it are settled."""
    strategy = fleet.owner["spec"].get("updateStrategy") or {}
    if strategy.get("type") == "OnDelete":
        return []
    partition = int((strategy.get("rollingUpdate") or {}).get("partition") or 0)
    for ordinal in sorted((one for one in fleet.ordinals if one >= partition), reverse=True):
        pod = fleet.pods.get(ordinal)
        if pod is None or is_going(pod):
            return []
        if not fleet.is_updated(pod):
            return [_remove(fleet, pod)]
        if not fleet.is_settled(pod, now):
            return []
    return []


def _create(fleet: Fleet, ordinal: int) -> Create:
    owner = fleet.owner
    subject = f"create Pod {owner['metadata']['name']}-{ordinal} in StatefulSet {owner['metadata']['name']}"
    note = Note(
        owner,
        COMPONENT,
        "SuccessfulCreate",
        f"{subject} successful",
        "FailedCreate",
        f"{subject} failed error: {{error}}",
    )
    return Create(kinds.PODS, owner["metadata"]["namespace"], new_pod(fleet, ordinal), note)


def _remove(fleet: Fleet, pod: Object) -> Remove:
    owner = fleet.owner
    subject = f"delete Pod {pod['metadata']['name']} in StatefulSet {owner['metadata']['name']}"
    note = Note(
        owner,
        COMPONENT,
        "SuccessfulDelete",
        f"{subject} successful",
        "FailedDelete",
        f"{subject} failed error: {{error}}",
    )
    return Remove(kinds.PODS, pod, note=note)


def status_of(fleet: Fleet, now: datetime) -> Object:
    """The status. The current revision becomes the updated one when every pod has it."""
    owner = fleet.owner
    alive = [pod for pod in fleet.pods.values() if not pods.is_finished(pod)]
    active = [pod for pod in alive if not is_going(pod)]
    min_ready_s = owner["spec"].get("minReadySeconds", 0)
    updated = sum(fleet.is_updated(pod) for pod in active)
    current = sum(
        (pod["metadata"].get("labels") or {}).get(HASH_LABEL) == hash_of(fleet.current) for pod in active
    )
    ready = sum(pods.is_ready(pod) for pod in active)
    total = len(fleet.ordinals)
    rolling = (owner["spec"].get("updateStrategy") or {}).get("type") != "OnDelete"
    done = rolling and updated == total == ready == len(alive)
    counts = {
        "readyReplicas": ready,
        "currentReplicas": updated if done else current,
        "updatedReplicas": updated,
    }
    revision = fleet.update if done else fleet.current
    return {
        "observedGeneration": owner["metadata"].get("generation", 1),
        "replicas": len(alive),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": revision["metadata"]["name"],
        "updateRevision": fleet.update["metadata"]["name"],
        "collisionCount": 0,
        "availableReplicas": sum(pods.is_available(pod, min_ready_s, now) for pod in active),
    }
