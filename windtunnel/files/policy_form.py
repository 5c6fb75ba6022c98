"""The policy file as pydantic models. Field descriptions are what editors show."""

from datetime import date, datetime, time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from windtunnel.files import words
from windtunnel.files.form import Abort, Form, LabelSelector, Name, Seconds, SlackChannel, Text
from windtunnel.files.names import Url
from windtunnel.files.problems import what
from windtunnel.model.policy import Caps, Policy
from windtunnel.model.selector import parse_selector

LATER = {
    "freeze": "deployment freezes",
    "incidents": "open incidents",
    "error_budget": "error budgets",
    "health": "health queries",
    "min_interval": "the time between runs",
    "schedule": "schedules",
}
"""Keys of rules that a later version checks. A rule that somebody wrote is never ignored in silence."""

_CAPS = Caps()
_HOUR_PATTERN = r"^([01]?\d|2[0-3]):[0-5]\d$|^24:00$"
_DAY_OR_INSTANT = WithJsonSchema({"type": "string", "examples": ["2026-12-24", "2026-12-24T18:00"]})
_PERCENT = WithJsonSchema(
    {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
            {"type": "string", "pattern": r"^\d+(\.\d+)?%?$"},
        ]
    }
)
_DAYS = WithJsonSchema(
    {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "examples": ["Mon-Thu", ["Mon", "Wed"]],
    }
)
_HOUR = WithJsonSchema({"type": "string", "pattern": _HOUR_PATTERN, "examples": ["09:00"]})


class WindowForm(Form):
    """Weekly hours, in the policy's time zone. An end at or before the start lies on the next day."""

    days: Annotated[frozenset[int], BeforeValidator(words.days), _DAYS] = Field(
        description="The weekdays on which it starts: Mon-Thu, or a list."
    )
    from_: Annotated[time, BeforeValidator(words.start_time), _HOUR] = Field(
        alias="from", description="00:00 to 23:59."
    )
    to: Annotated[time | None, BeforeValidator(words.end_time), _HOUR] = Field(
        description="Up to 24:00; not included."
    )

    @model_validator(mode="after")
    def _not_empty(self) -> "WindowForm":
        if self.from_ == self.to:
            msg = "from and to are the same; for a whole day write 00:00 and 24:00"
            raise ValueError(msg)
        return self


class BlackoutForm(Form):
    """A stretch of time in which nothing runs."""

    from_: Annotated[date | datetime, BeforeValidator(words.day_or_instant), _DAY_OR_INSTANT] = Field(
        alias="from", description="The first day, or an instant."
    )
    to: Annotated[date | datetime, BeforeValidator(words.day_or_instant), _DAY_OR_INSTANT] = Field(
        description="The last day, which is included, or an instant, which is not."
    )
    reason: Text = Field(description="The reason that a refusal shows.")

    @model_validator(mode="after")
    def _forwards(self) -> "BlackoutForm":
        first, last = self.from_, self.to
        ordered = str(first)[:10] <= str(last)[:10]
        if (
            isinstance(first, datetime)
            and isinstance(last, datetime)
            and bool(first.tzinfo) == bool(last.tzinfo)
        ):
            ordered = first < last
        if not ordered:
            msg = f"ends ({last}) before it begins ({first})"
            raise ValueError(msg)
        return self


class CapsForm(Form):
    """The most that any run may do."""

    pods: int = Field(_CAPS.pods, ge=0, description="Pods hit by one run.")
    percent: Annotated[float, BeforeValidator(words.percentage), _PERCENT] = Field(
        _CAPS.percent, description="Share of the target's pods, rounded down, but never below one pod."
    )
    nodes: int = Field(_CAPS.nodes, ge=0, description="Nodes hit by one run.")
    duration: Seconds = Field(_CAPS.duration_s, description="How long a fault may last.")
    concurrent_runs: int = Field(_CAPS.concurrent_runs, ge=1, description="Runs at the same time.")


class ProtectForm(Form):
    """What is never hit. The cluster's own namespaces and windtunnel's are always on the list."""

    namespaces: list[Text] = Field(default_factory=list, description="Namespaces, by name.")
    services: list[Text] = Field(
        default_factory=list, description="Services or workloads, by name or as namespace/name."
    )


class ClusterForm(Form):
    """How to reach one cluster."""

    kubeconfig: Text | None = Field(None, description="Path of its kubeconfig. Default: as kubectl finds it.")
    context: Text | None = Field(None, description="The context in it. Default: the current one.")
    prometheus: Url | None = Field(None, description="URL of its Prometheus.")


class PrometheusForm(Form):
    """Where queries go."""

    url: Url = Field(description="Base URL.", examples=["http://prometheus:9090"])


class SlackForm(Form):
    """Where messages go when an experiment names no channel."""

    channel: SlackChannel = Field(description="A Slack channel, in quotes.")


def _opt_in(value: Any) -> str:
    """Read a selector that something without labels can never satisfy."""
    written = words.selector(value)
    if not parse_selector(written).asks_for_a_label:
        msg = f"{what(written)} also matches what has no label; ask for one, like windtunnel.dev/enabled=true"
        raise ValueError(msg)
    return written


class PolicyForm(Form):
    """The rules of an installation. They win over every experiment."""

    timezone: Annotated[str, BeforeValidator(words.time_zone)] = Field(
        "UTC", description="IANA name, for all hours and days here.", examples=["Europe/Paris"]
    )
    windows: dict[Name, WindowForm] = Field(
        default_factory=dict, description="With windows here, a run must be in one."
    )
    blackouts: list[BlackoutForm] = Field(default_factory=list, description="When nothing runs.")
    caps: CapsForm = Field(default_factory=CapsForm, description="The most that any run may do.")
    opt_in: Annotated[LabelSelector, BeforeValidator(_opt_in)] = Field(
        Policy().opt_in, description="Labels that a workload, its namespace or a node must carry to be hit."
    )
    protect: ProtectForm = Field(default_factory=ProtectForm, description="What is never hit.")
    abort_when: list[Abort] = Field(
        default_factory=list,
        description="Conditions that stop every run, on probes that every experiment must have.",
    )
    clusters: dict[Annotated[str, StringConstraints(min_length=1)], ClusterForm] = Field(
        default_factory=dict, description="Clusters by the name that experiments use."
    )
    prometheus: PrometheusForm | None = Field(None, description="Where queries go.")
    slack: SlackForm | None = Field(None, description="Where messages go.")
