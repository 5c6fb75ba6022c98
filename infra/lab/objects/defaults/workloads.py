"""Defaults of the kinds that keep pods running."""

from infra.lab.objects.defaults.pods import template
from infra.lab.objects.statuses import Json

_QUARTER = "25%"


def deployment(obj: Json) -> None:
    """A deployment."""
    spec = _replicated(obj)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", _QUARTER)
        rolling.setdefault("maxSurge", _QUARTER)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    for condition in obj.get("status", {}).get("conditions", ()):
        condition.setdefault("lastUpdateTime", None)
        condition.setdefault("lastTransitionTime", None)


def replica_set(obj: Json) -> None:
    """A replica set, or a replication controller: its count is always written."""
    _replicated(obj)
    if "status" in obj:
        obj["status"].setdefault("replicas", 0)
    _condition_times(obj)


def stateful_set(obj: Json) -> None:
    """A stateful set."""
    spec = _replicated(obj)
    spec.setdefault("serviceName", "")
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    status = obj.get("status")
    if status is not None:
        status.setdefault("replicas", 0)
        status.setdefault("availableReplicas", 0)
    _condition_times(obj)


def daemon_set(obj: Json) -> None:
    """A daemon set."""
    spec = obj.setdefault("spec", {})
    _template(spec)
    strategy = spec.setdefault("updateStrategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    status = obj.get("status")
    if status is not None:
        for counter in (
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
        ):
            status.setdefault(counter, 0)
    _condition_times(obj)


def job(obj: Json) -> None:
    """A job; its selector and labels come on create, from its UID."""
    job_spec(obj.setdefault("spec", {}))
    for condition in obj.get("status", {}).get("conditions", ()):
        condition.setdefault("lastProbeTime", None)
        condition.setdefault("lastTransitionTime", None)


def job_spec(spec: Json) -> None:
    """The part that jobs and cron jobs share."""
    _template(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = spec["parallelism"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")


def cron_job(obj: Json) -> None:
    """A cron job."""
    spec = obj.setdefault("spec", {})
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    inner = spec.setdefault("jobTemplate", {}).setdefault("spec", {})
    _template(inner)


def disruption_budget(obj: Json) -> None:
    """A disruption budget: its counters are always written."""
    status = obj.get("status")
    if status is not None:
        for counter in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
            status.setdefault(counter, 0)
        for condition in status.get("conditions", ()):
            condition.setdefault("message", "")


def autoscaler(obj: Json) -> None:
    """A horizontal pod autoscaler."""
    obj.setdefault("spec", {}).setdefault("minReplicas", 1)


def _replicated(obj: Json) -> Json:
    """The spec of a kind with replicas and a template."""
    spec: Json = obj.setdefault("spec", {})
    spec.setdefault("replicas", 1)
    _template(spec)
    return spec


def _template(spec: Json) -> None:
    template(spec.setdefault("template", {}))


def _condition_times(obj: Json) -> None:
    for condition in obj.get("status", {}).get("conditions", ()):
        condition.setdefault("lastTransitionTime", None)
