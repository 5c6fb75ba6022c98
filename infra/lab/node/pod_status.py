"""A pod's status from its containers' records: phase and conditions as the kubelet computes them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.lab.node.container_record import ContainerRecord, Running, Terminated, Waiting, is_sidecar

Object = dict[str, Any]

CONDITION_ORDER = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What a pod's status is computed from.

    Attributes:
        init: init containers, in order.
        main: the containers.
        ephemeral: ephemeral containers.
        over: nothing of the pod runs any more, and nothing will be started again.
        has_network: the pod has its address.
    """

    init: Sequence[ContainerRecord]
    main: Sequence[ContainerRecord]
    ephemeral: Sequence[ContainerRecord]
    over: bool
    has_network: bool
    address: str
    node_ip: str
    start_time: str


def status(pod: Object, facts: PodFacts, *, now: str) -> Object:
    """The whole status of a pod, keeping what others wrote into the one it has.

    Args:
        pod: the pod as last seen.
        facts: what the node knows.
        now: timestamp for conditions that change.
    """
    before = pod.get("status", {})
    current_phase = phase(pod["spec"].get("restartPolicy", "Always"), facts)
    told: Object = {
        "observedGeneration": pod["metadata"].get("generation", 1),
        "phase": current_phase,
        "conditions": conditions(pod, facts, current_phase, now=now),
        "hostIP": facts.node_ip,
        "hostIPs": [{"ip": facts.node_ip}],
        "startTime": facts.start_time,
        "containerStatuses": [record.as_status() for record in facts.main],
        "qosClass": before.get("qosClass", "BestEffort"),
        "resources": {},
    }
    if facts.address:
        told |= {"podIP": facts.address, "podIPs": [{"ip": facts.address}]}
    if facts.init:
        told["initContainerStatuses"] = [record.as_status() for record in facts.init]
    if facts.ephemeral:
        told["ephemeralContainerStatuses"] = [_ephemeral_status(record) for record in facts.ephemeral]
    for kept in ("reason", "message", "nominatedNodeName"):
        if kept in before:
            told[kept] = before[kept]
    return told


def _ephemeral_status(record: ContainerRecord) -> Object:
    """Ephemeral containers are never ready, and nothing waits for their start."""
    told = record.as_status() | {"ready": False}
    del told["started"]
    return told


def phase(restart_policy: str, facts: PodFacts) -> str:
    """Pending, Running, Succeeded or Failed."""
    pending, failed = _initialisation(facts.init)
    if failed and restart_policy == "Never":
        return "Failed"
    if facts.over:
        done = all(record.outcome is not None and record.outcome.exit_code == 0 for record in facts.main)
        return "Succeeded" if done else "Failed"
    waiting = any(record.outcome is None and isinstance(record.state, Waiting) for record in facts.main)
    if pending or waiting:
        return "Pending"
    if any(isinstance(record.state, Running) for record in facts.main) or restart_policy == "Always":
        return "Running"
    codes = [record.outcome.exit_code for record in facts.main if record.outcome is not None]
    if not any(codes):
        return "Succeeded"
    return "Failed" if restart_policy == "Never" else "Running"


def _initialisation(records: Sequence[ContainerRecord]) -> tuple[list[str], bool]:
    """Names of init containers that are not through yet, and whether one failed."""
    pending, failed = [], False
    for record in records:
        if is_sidecar(record.spec):
            if not record.started:
                pending.append(record.name)
            continue
        outcome = record.outcome
        if isinstance(record.state, Terminated) and record.state.exit_code == 0:
            continue
        pending.append(record.name)
        failed = failed or (
            outcome is not None and outcome.exit_code != 0 and not isinstance(record.state, Running)
        )
    return pending, failed


def conditions(pod: Object, facts: PodFacts, current_phase: str, *, now: str) -> list[Object]:
    """The five conditions of a node agent in their order, then those of others, untouched."""
    before = {item["type"]: item for item in pod.get("status", {}).get("conditions") or []}
    done = current_phase in ("Succeeded", "Failed")
    containers = _containers_ready(facts, current_phase)
    wanted = {
        "PodReadyToStartContainers": _verdict(facts.has_network and not (done and facts.over)),
        "Initialized": _initialized(facts, current_phase),
        "Ready": containers if containers["status"] != "True" else _gates(pod, before),
        "ContainersReady": containers,
        "PodScheduled": _verdict(ok=True),
    }
    generation = pod["metadata"].get("generation", 1)
    told = [
        _condition(kind, wanted[kind], before.get(kind), generation=generation, now=now)
        for kind in CONDITION_ORDER
    ]
    return told + [item for kind, item in before.items() if kind not in wanted]


def _condition(kind: str, wanted: Object, before: Object | None, *, generation: int, now: str) -> Object:
    unchanged = before is not None and before["status"] == wanted["status"]
    since = before.get("lastTransitionTime") if before is not None and unchanged else None
    return {
        "type": kind,
        "observedGeneration": generation,
        "status": wanted["status"],
        "lastProbeTime": None,
        "lastTransitionTime": since or now,
        **{key: wanted[key] for key in ("reason", "message") if key in wanted},
    }


def _verdict(ok: bool, reason: str = "", message: str = "") -> Object:  # noqa: FBT001 - the one fact it is about
    told: Object = {"status": "True" if ok else "False"}
    return told | ({"reason": reason} if reason else {}) | ({"message": message} if message else {})


def _initialized(facts: PodFacts, current_phase: str) -> Object:
    if current_phase == "Succeeded":
        return _verdict(True, "PodCompleted")  # noqa: FBT003 - reads as "true, because"
    pending, _ = _initialisation(facts.init)
    if pending:
        names = " ".join(pending)
        return _verdict(False, "ContainersNotInitialized", f"containers with incomplete status: [{names}]")  # noqa: FBT003
    return _verdict(ok=True)


def _containers_ready(facts: PodFacts, current_phase: str) -> Object:
    if current_phase == "Succeeded":
        return _verdict(False, "PodCompleted")  # noqa: FBT003 - reads as "false, because"
    if current_phase == "Failed":
        return _verdict(False, "PodFailed")  # noqa: FBT003 - reads as "false, because"
    sidecars = [record for record in facts.init if is_sidecar(record.spec)]
    unready = [record.name for record in (*sidecars, *facts.main) if not record.ready]
    if unready:
        names = " ".join(unready)
        return _verdict(False, "ContainersNotReady", f"containers with unready status: [{names}]")  # noqa: FBT003
    return _verdict(ok=True)


def _gates(pod: Object, before: dict[str, Object]) -> Object:
    """Ready, once every readiness gate's condition, which somebody else writes, is True."""
    missing = []
    for gate in pod["spec"].get("readinessGates") or []:
        kind = gate["conditionType"]
        if kind not in before:
            missing.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif before[kind]["status"] != "True":
            found = before[kind]["status"]
            missing.append(f'the status of pod readiness gate "{kind}" is not "True", but {found}')
    if missing:
        return _verdict(False, "ReadinessGatesNotReady", ", ".join(missing))  # noqa: FBT003 - "false, because"
    return _verdict(ok=True)
