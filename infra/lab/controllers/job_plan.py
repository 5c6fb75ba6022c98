"""Jobs, decided: how many pods should run, whether the job is over, and what its status says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.lab.client import Object
from infra.lab.controllers import pods
from infra.lab.controllers.conditions import with_condition
from infra.lab.controllers.moments import as_time, read_time, seconds_between
from infra.lab.controllers.ownership import is_going

TRACKING = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
_SUCCESS = ("CompletionsReached", "Reached expected number of succeeded pods")
_LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
_DEADLINE = ("DeadlineExceeded", "Job was active longer than specified deadline")


@dataclass(frozen=True, slots=True)
class Tally:
    """How a job's pods fared so far."""

    succeeded: int
    failed: int
    active: tuple[Object, ...]
    terminating: int
    ready: int
    indexes_done: frozenset[int] = frozenset()


def tally(job: Object, owned: Iterable[Object], counted: frozenset[str]) -> Tally:
    """Add the pods that ended since the last status to its counts; `counted` are those it has (by UID)."""
    owned = list(owned)
    status = job.get("status") or {}
    fresh = [
        pod for pod in owned if has_ended(pod) and pod["metadata"]["uid"] not in counted and _tracked(pod)
    ]
    won = [pod for pod in fresh if pods.phase(pod) == "Succeeded"]
    active = tuple(pod for pod in owned if pods.is_active(pod))
    done = {index_of(pod) for pod in owned if pods.phase(pod) == "Succeeded"} | _ranges(status)
    return Tally(
        succeeded=status.get("succeeded", 0) + len(won),
        failed=status.get("failed", 0) + len(fresh) - len(won),
        active=active,
        terminating=sum(is_going(pod) and not pods.is_finished(pod) for pod in owned),
        ready=sum(pods.is_ready(pod) for pod in active),
        indexes_done=frozenset(one for one in done if one >= 0),
    )


def has_ended(pod: Object) -> bool:
    """Whether a pod counts as succeeded or failed; one that is deleted before it succeeded failed."""
    return pods.is_finished(pod) or is_going(pod)


def _tracked(pod: Object) -> bool:
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def index_of(pod: Object) -> int:
    """A pod's completion index; -1 where the job has none."""
    text = (pod["metadata"].get("annotations") or {}).get(INDEX, "")
    return int(text) if text.isdigit() else -1


def _ranges(status: Object) -> set[int]:
    """`0-2,5` as numbers."""
    found: set[int] = set()
    for part in str(status.get("completedIndexes", "")).split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found.update(range(int(first), int(last or first) + 1))
    return found


def _as_ranges(numbers: Iterable[int]) -> str:
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{one[0]}-{one[-1]}" if len(one) > 1 else str(one[0]) for one in parts)


def is_over(job: Object) -> bool:
    """Whether a job is complete or failed."""
    return pods.is_true(job, "Complete") or pods.is_true(job, "Failed")


def verdict(job: Object, count: Tally, now: datetime) -> tuple[str, str, str]:
    """How the job ended: "Complete" or "Failed" with reason and message; empty where it goes on."""
    spec, status = job["spec"], job.get("status") or {}
    if count.failed > spec.get("backoffLimit", 6) or _restarted(job, count) > spec.get("backoffLimit", 6):
        return "Failed", *_LIMIT
    if seconds_to_deadline(job, now) <= 0:
        return "Failed", *_DEADLINE
    if spec.get("suspend") and not status.get("startTime"):
        return "", "", ""
    completions = spec.get("completions")
    if completions is None:
        return ("Complete", *_SUCCESS) if count.succeeded and not count.active else ("", "", "")
    done = len(count.indexes_done) if spec.get("completionMode") == "Indexed" else count.succeeded
    return ("Complete", *_SUCCESS) if done >= completions else ("", "", "")


def _restarted(job: Object, count: Tally) -> int:
    if job["spec"]["template"]["spec"].get("restartPolicy") != "OnFailure":
        return 0
    return sum(pods.restarts(pod) for pod in count.active)


def seconds_to_deadline(job: Object, now: datetime) -> float:
    """Seconds until activeDeadlineSeconds is over; infinite where it is not set or not running."""
    limit, started = job["spec"].get("activeDeadlineSeconds"), (job.get("status") or {}).get("startTime")
    if limit is None or not started or job["spec"].get("suspend"):
        return float("inf")
    return float(limit) - seconds_between(read_time(started), now)


def missing(job: Object, count: Tally) -> int:
    """How many pods to make (or, negative, to remove) now."""
    spec = job["spec"]
    if spec.get("suspend"):
        return -len(count.active)
    parallelism, completions = int(spec.get("parallelism", 1)), spec.get("completions")
    if completions is None:
        wanted = len(count.active) if count.succeeded else parallelism
    else:
        done = len(count.indexes_done) if spec.get("completionMode") == "Indexed" else count.succeeded
        wanted = min(parallelism, int(completions) - done)
    if spec.get("podReplacementPolicy") == "Failed" and wanted > len(count.active):
        wanted = max(len(count.active), wanted - count.terminating)
    return wanted - len(count.active)


def free_indexes(job: Object, count: Tally, how_many: int) -> list[int]:
    """The lowest indexes nobody works on or has completed."""
    taken = count.indexes_done | {index_of(pod) for pod in count.active}
    every = range(int(job["spec"].get("completions") or 0))
    return [one for one in every if one not in taken][:how_many]


def status_of(job: Object, count: Tally, ended: Sequence[str], now: datetime) -> Object:
    """The status. A verdict (`ended`) adds two conditions: the intent and, once no pod is left, the end."""
    old = job.get("status") or {}
    conditions = list(old.get("conditions") or [])
    status: Object = {}
    kind, reason, message = ended
    if kind:
        intent = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
        conditions = _set(conditions, intent, "True", reason=reason, message=message, now=now)
        if not count.active and not count.terminating:
            conditions = _set(conditions, kind, "True", reason=reason, message=message, now=now)
    else:
        conditions = _suspension(conditions, bool(job["spec"].get("suspend")), now)
    if conditions:
        status["conditions"] = conditions
    started = old.get("startTime") or (None if job["spec"].get("suspend") else as_time(now))
    if started and not (job["spec"].get("suspend") and not kind):
        status["startTime"] = started
    if kind == "Complete" and not count.active and not count.terminating:
        status["completionTime"] = old.get("completionTime") or as_time(now)
    counts = {"active": len(count.active), "succeeded": count.succeeded, "failed": count.failed}
    status |= {name: number for name, number in counts.items() if number}
    if job["spec"].get("completionMode") == "Indexed":
        status["completedIndexes"] = _as_ranges(count.indexes_done)
    return {**status, "terminating": count.terminating, "uncountedTerminatedPods": {}, "ready": count.ready}


def _suspension(conditions: list[Object], suspended: bool, now: datetime) -> list[Object]:  # noqa: FBT001 - a state
    if suspended:
        return _set(conditions, "Suspended", "True", reason="JobSuspended", message="Job suspended", now=now)
    if any(one["type"] == "Suspended" for one in conditions):
        return _set(conditions, "Suspended", "False", reason="JobResumed", message="Job resumed", now=now)
    return conditions


def _set(
    conditions: list[Object], kind: str, status: str, *, reason: str, message: str, now: datetime
) -> list[Object]:
    changed = with_condition(conditions, kind, status, reason=reason, message=message, now=now)
    stamp = as_time(now)
    return [one if "lastProbeTime" in one else {**one, "lastProbeTime": stamp} for one in changed]
