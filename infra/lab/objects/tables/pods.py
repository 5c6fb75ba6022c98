"""The columns of pods."""

from datetime import datetime
from typing import Any

from infra.lab.objects.statuses import Json
from infra.lab.objects.tables.column import NONE, Column, age, age_column, name_column, text_column


def columns() -> tuple[Column, ...]:
    """The columns of `kubectl get pods`."""
    return (
        name_column(),
        text_column("Ready", _ready),
        text_column("Status", status),
        Column("Restarts", _restarts),
        age_column(),
        text_column("IP", lambda pod: _of(pod, "status").get("podIP") or NONE, wide=True),
        text_column("Node", lambda pod: _of(pod, "spec").get("nodeName") or NONE, wide=True),
        text_column(
            "Nominated Node", lambda pod: _of(pod, "status").get("nominatedNodeName") or NONE, wide=True
        ),
        text_column("Readiness Gates", _gates, wide=True),
    )


def _of(pod: Json, part: str) -> Json:
    return pod.get(part) or {}


def _containers(pod: Json) -> list[Json]:
    return _of(pod, "status").get("containerStatuses") or []


def _ready(pod: Json) -> str:
    running = sum(bool(one.get("ready") and "running" in one.get("state", {})) for one in _containers(pod))
    return f"{running}/{len(_of(pod, 'spec').get('containers') or ())}"


def status(pod: Json) -> str:
    """The one word for a pod's state that kubectl prints, which is not always its phase."""
    own = _of(pod, "status")
    word = own.get("reason") or own.get("phase") or "Unknown"
    gated = any(
        one.get("type") == "PodScheduled" and one.get("reason") == "SchedulingGated"
        for one in own.get("conditions") or ()
    )
    if gated:
        word = "SchedulingGated"
    word, initialising = _init_status(pod, word)
    if not initialising:
        word = _container_status(pod, word)
    if "deletionTimestamp" in pod["metadata"]:
        return "Unknown" if own.get("reason") == "NodeLost" else "Terminating"
    return word


def _init_status(pod: Json, word: str) -> tuple[str, bool]:
    """The word while init containers run, and whether they still do."""
    statuses = _of(pod, "status").get("initContainerStatuses") or []
    for index, one in enumerate(statuses):
        state = one.get("state", {})
        ended = state.get("terminated")
        if ended is not None and ended.get("exitCode") == 0:
            continue
        if ended is not None:
            return f"Init:{ended.get('reason') or _exit(ended)}", True
        waiting = state.get("waiting", {}).get("reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}", True
        return f"Init:{index}/{len(_of(pod, 'spec').get('initContainers') or ())}", True
    return word, False


def _container_status(pod: Json, word: str) -> str:
    running = False
    for one in reversed(_containers(pod)):
        state = one.get("state", {})
        waiting, ended = state.get("waiting", {}), state.get("terminated")
        if waiting.get("reason"):
            word = waiting["reason"]
        elif ended is not None:
            word = ended.get("reason") or _exit(ended)
        elif one.get("ready") and "running" in state:
            running = True
    if word == "Completed" and running:
        ready = any(
            one.get("type") == "Ready" and one.get("status") == "True"
            for one in _of(pod, "status").get("conditions") or ()
        )
        return "Running" if ready else "NotReady"
    return word


def _exit(ended: Json) -> str:
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(pod: Json, now: datetime) -> Any:
    count = sum(one.get("restartCount", 0) for one in _containers(pod))
    ends = [one.get("lastState", {}).get("terminated", {}).get("finishedAt") for one in _containers(pod)]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _gates(pod: Json) -> str:
    gates = _of(pod, "spec").get("readinessGates") or []
    conditions = {one.get("type"): one.get("status") for one in _of(pod, "status").get("conditions") or ()}
    met = sum(conditions.get(gate.get("conditionType")) == "True" for gate in gates)
    return f"{met}/{len(gates)}" if gates else NONE
