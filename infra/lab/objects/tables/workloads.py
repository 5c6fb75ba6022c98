"""The columns of the kinds that keep pods running, and of disruption budgets."""

from datetime import datetime
from typing import Any

from infra.lab.objects.selectors import as_label_text
from infra.lab.objects.statuses import Json
from infra.lab.objects.tables.column import (
    NONE,
    Column,
    age,
    age_column,
    duration,
    joined,
    name_column,
    selector_text,
    text_column,
)


def _spec(obj: Json) -> Json:
    return obj.get("spec") or {}


def _status(obj: Json) -> Json:
    return obj.get("status") or {}


def _wide(*, selector: bool = True) -> tuple[Column, ...]:
    """What `-o wide` adds to every workload."""
    images = (
        text_column("Containers", lambda obj: joined([one["name"] for one in _containers(obj)]), wide=True),
        text_column(
            "Images", lambda obj: joined([one.get("image", "") for one in _containers(obj)]), wide=True
        ),
    )
    chosen = text_column("Selector", lambda obj: as_label_text(_spec(obj).get("selector")) or NONE, wide=True)
    return (*images, chosen) if selector else images


def _containers(obj: Json) -> list[Json]:
    template = _spec(obj).get("template") or _spec(obj).get("jobTemplate", {}).get("spec", {}).get(
        "template", {}
    )
    return (template.get("spec") or {}).get("containers") or []


def deployments() -> tuple[Column, ...]:
    """`kubectl get deployments`."""
    return (
        name_column(),
        text_column(
            "Ready", lambda obj: f"{_status(obj).get('readyReplicas', 0)}/{_spec(obj).get('replicas', 0)}"
        ),
        _count("Up-to-date", "updatedReplicas"),
        _count("Available", "availableReplicas"),
        age_column(),
        *_wide(),
    )


def _count(name: str, key: str, *, wide: bool = False) -> Column:
    return text_column(name, lambda obj: _status(obj).get(key, 0), kind="integer", wide=wide)


def replica_sets() -> tuple[Column, ...]:
    """`kubectl get replicasets`."""
    return (
        name_column(),
        text_column("Desired", lambda obj: _spec(obj).get("replicas", 0), kind="integer"),
        _count("Current", "replicas"),
        _count("Ready", "readyReplicas"),
        age_column(),
        *_wide(),
    )


def stateful_sets() -> tuple[Column, ...]:
    """`kubectl get statefulsets`."""
    ready = text_column(
        "Ready", lambda obj: f"{_status(obj).get('readyReplicas', 0)}/{_spec(obj).get('replicas', 0)}"
    )
    return (name_column(), ready, age_column(), *_wide(selector=False))


def daemon_sets() -> tuple[Column, ...]:
    """`kubectl get daemonsets`."""
    return (
        name_column(),
        _count("Desired", "desiredNumberScheduled"),
        _count("Current", "currentNumberScheduled"),
        _count("Ready", "numberReady"),
        _count("Up-to-date", "updatedNumberScheduled"),
        _count("Available", "numberAvailable"),
        text_column("Node Selector", _node_selector),
        age_column(),
        *_wide(),
    )


def _node_selector(obj: Json) -> str:
    return selector_text((_spec(obj).get("template", {}).get("spec") or {}).get("nodeSelector"))


def jobs() -> tuple[Column, ...]:
    """`kubectl get jobs`."""
    return (
        name_column(),
        text_column("Status", _job_status),
        text_column("Completions", _completions),
        Column("Duration", _job_duration),
        age_column(),
        *_wide(),
    )


def _job_status(obj: Json) -> str:
    for name in ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"):
        holds = any(
            one.get("type") == name and one.get("status") == "True"
            for one in _status(obj).get("conditions") or ()
        )
        if holds:
            return name
    return "Terminating" if "deletionTimestamp" in obj["metadata"] else "Running"


def _completions(obj: Json) -> str:
    wanted = _spec(obj).get("completions")
    if wanted is None:
        parallel = _spec(obj).get("parallelism", 1)
        return f"{_status(obj).get('succeeded', 0)}/1" + (f" of {parallel}" if parallel > 1 else "")
    return f"{_status(obj).get('succeeded', 0)}/{wanted}"


def _job_duration(obj: Json, now: datetime) -> str:
    start, end = _status(obj).get("startTime"), _status(obj).get("completionTime")
    if not start:
        return ""
    until = datetime.fromisoformat(end) if end else now
    return duration((until - datetime.fromisoformat(start)).total_seconds())


def cron_jobs() -> tuple[Column, ...]:
    """`kubectl get cronjobs`."""
    return (
        name_column(),
        text_column("Schedule", lambda obj: _spec(obj).get("schedule", "")),
        text_column("Timezone", lambda obj: _spec(obj).get("timeZone") or NONE),
        text_column("Suspend", lambda obj: str(bool(_spec(obj).get("suspend")))),
        text_column("Active", lambda obj: len(_status(obj).get("active") or ()), kind="integer"),
        Column("Last Schedule", _last_schedule),
        age_column(),
    )


def _last_schedule(obj: Json, now: datetime) -> str:
    last = _status(obj).get("lastScheduleTime")
    return age(last, now) if last else NONE


def disruption_budgets() -> tuple[Column, ...]:
    """`kubectl get poddisruptionbudgets`."""
    return (
        name_column(),
        text_column("Min Available", lambda obj: _bound(_spec(obj).get("minAvailable"))),
        text_column("Max Unavailable", lambda obj: _bound(_spec(obj).get("maxUnavailable"))),
        _count("Allowed Disruptions", "disruptionsAllowed"),
        age_column(),
    )


def _bound(value: Any) -> str:
    return "N/A" if value is None else str(value)
