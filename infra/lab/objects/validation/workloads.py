"""Validation of the kinds that keep pods running, and of disruption budgets."""

import json
import re
from typing import Any

from infra.lab.objects.selectors import match_label_selector
from infra.lab.objects.statuses import Cause, Json
from infra.lab.objects.validation.metadata import labels
from infra.lab.objects.validation.podspec import pod_spec
from infra.lab.objects.wording import (
    forbidden,
    immutable,
    invalid,
    not_negative,
    one_of,
    required,
    unsupported,
)

_STATEFUL_CHANGES = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_CHANGEABLE = frozenset(
    {
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    }
)
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
_PERCENT_WORDS = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)
_PERCENT = re.compile(r"\d+%")


def deployment(obj: Json, old: Json | None) -> list[Cause]:
    """A deployment."""
    spec = obj.get("spec") or {}
    found = [*not_negative("spec.replicas", spec.get("replicas")), *_selected(spec, "deployment")]
    strategy = spec.get("strategy") or {}
    found += one_of("spec.strategy.type", strategy.get("type"), ("Recreate", "RollingUpdate"))
    if strategy.get("type") == "Recreate" and strategy.get("rollingUpdate") is not None:
        words = "may not be specified when strategy `type` is 'Recreate'"
        found.append(forbidden("spec.strategy.rollingUpdate", words))
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        found += not_negative(f"spec.{name}", spec.get(name))
    return [*found, *_same_selector(spec, old)]


def replica_set(obj: Json, old: Json | None) -> list[Cause]:
    """A replica set."""
    spec = obj.get("spec") or {}
    found = [*not_negative("spec.replicas", spec.get("replicas")), *_selected(spec, "replicaset")]
    return [*found, *_same_selector(spec, old)]


def stateful_set(obj: Json, old: Json | None) -> list[Cause]:
    """A stateful set."""
    spec = obj.get("spec") or {}
    policies = ("OrderedReady", "Parallel")
    found = one_of("spec.podManagementPolicy", spec.get("podManagementPolicy"), policies)
    found += not_negative("spec.replicas", spec.get("replicas"))
    found += _selected(spec, "statefulset")
    if old is not None:
        was = old.get("spec") or {}
        keys = (set(spec) | set(was)) - _STATEFUL_CHANGEABLE
        if any(spec.get(key) != was.get(key) for key in keys):
            found.append(forbidden("spec", _STATEFUL_CHANGES))
    return found


def daemon_set(obj: Json, old: Json | None) -> list[Cause]:
    """A daemon set."""
    spec = obj.get("spec") or {}
    return [*_selected(spec, "daemonset"), *_same_selector(spec, old)]


def job(obj: Json, old: Json | None) -> list[Cause]:
    """A job."""
    spec = obj.get("spec") or {}
    found: list[Cause] = []
    for name in (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ):
        found += not_negative(f"spec.{name}", spec.get(name))
    template = spec.get("template") or {}
    found += _job_template(template, "spec.template")
    was = (old or {}).get("spec") or {}
    if was:
        found += [
            immutable(f"spec.{name}", spec.get(name))
            for name in ("completions", "selector", "template")
            if spec.get(name) != was.get(name) and not (name == "template" and was.get("suspend"))
        ]
    return found


def _job_template(template: Json, field: str) -> list[Cause]:
    spec = template.get("spec") or {}
    found = pod_spec(spec, f"{field}.spec")
    policy, where = spec.get("restartPolicy"), f"{field}.spec.restartPolicy"
    if policy == "Always":
        found.append(required(where, 'valid values: "OnFailure", "Never"'))
    return found


def cron_job(obj: Json, old: Json | None) -> list[Cause]:
    """A cron job."""
    del old
    spec = obj.get("spec") or {}
    found = [] if spec.get("schedule") else [required("spec.schedule")]
    found += one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    inner = (spec.get("jobTemplate") or {}).get("spec") or {}
    return [*found, *_job_template(inner.get("template") or {}, "spec.jobTemplate.spec.template")]


def _selected(spec: Json, kind: str) -> list[Cause]:
    """The selector and the template it has to select; such pods always restart."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    found = []
    if selector is None:
        found.append(required("spec.selector"))
    else:
        found += label_selector(selector, "spec.selector")
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            found.append(invalid("spec.selector", selector, f"empty selector is invalid for {kind}"))
    given = (template.get("metadata") or {}).get("labels") or {}
    if selector and not found and not match_label_selector(selector, given):
        words = "`selector` does not match template `labels`"
        found.append(invalid("spec.template.metadata.labels", given, words))
    found += labels(given, "spec.template.labels")
    pods = template.get("spec") or {}
    found += pod_spec(pods, "spec.template.spec")
    policy = pods.get("restartPolicy")
    if policy in {"OnFailure", "Never"}:
        found.append(unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    return found


def label_selector(selector: Json, field: str) -> list[Cause]:
    """What is wrong with a label selector."""
    found = labels(selector.get("matchLabels") or {}, f"{field}.matchLabels")
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        path, operator = f"{field}.matchExpressions[{index}]", one.get("operator", "")
        if operator not in _OPERATORS:
            found.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
        elif operator in {"In", "NotIn"} and not one.get("values"):
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
        elif operator in {"Exists", "DoesNotExist"} and one.get("values"):
            words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden(f"{path}.values", words))
    return found


def _same_selector(spec: Json, old: Json | None) -> list[Cause]:
    was = ((old or {}).get("spec") or {}).get("selector")
    changed = old is not None and spec.get("selector") != was
    return [immutable("spec.selector", spec.get("selector"))] if changed else []


def disruption_budget(obj: Json, old: Json | None) -> list[Cause]:
    """A disruption budget: one of two bounds, as a number or a percentage."""
    del old
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    found = []
    if least is not None and most is not None:
        shown = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        text = json.dumps(shown, separators=(",", ":"))
        words = "minAvailable and maxUnavailable cannot be both set"
        found.append(Cause("FieldValueInvalid", f"Invalid value: {text}: {words}", "spec"))
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        found += _bound(f"spec.{name}", value)
    if spec.get("selector"):
        found += label_selector(spec["selector"], "spec.selector")
    policies = ("AlwaysAllow", "IfHealthyBudget")
    return [
        *found,
        *one_of("spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"), policies),
    ]


def _bound(field: str, value: Any) -> list[Cause]:
    if not isinstance(value, str):
        return not_negative(field, value)
    if not _PERCENT.fullmatch(value):
        return [invalid(field, value, _PERCENT_WORDS)]
    return [invalid(field, value, "must not be greater than 100%")] if int(value[:-1]) > 100 else []
