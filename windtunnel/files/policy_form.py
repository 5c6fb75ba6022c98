"""The policy file as pydantic models. Field descriptions are what editors show."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints

from windtunnel.files import words
from windtunnel.files.form import Abort, Form, LabelSelector, Name, Seconds, SlackChannel, Text
from windtunnel.files.hours_form import BlackoutEntry, WindowForm
from windtunnel.files.names import Url
from windtunnel.files.problems import what
from windtunnel.files.rule_forms import ErrorBudgetForm, FreezeForm, Health, IncidentsForm, Percent
from windtunnel.model.policy import Caps, Policy
from windtunnel.model.selector import parse_selector

LATER = {"schedule": "schedules"}
"""Keys of rules that a later version checks. A rule that somebody wrote is never ignored in silence."""

_CAPS = Caps()


class CapsForm(Form):
    """The most that any run may do."""

    pods: int = Field(_CAPS.pods, ge=0, description="Pods hit by one run.")
    percent: Percent = Field(_CAPS.percent, description="Share of the target's pods, rounded down.")
    nodes: int = Field(_CAPS.nodes, ge=0, description="Nodes hit by one run.")
    namespaces: int = Field(_CAPS.namespaces, ge=1, description="Namespaces in which one run hits anything.")
    zones: int = Field(_CAPS.zones, ge=1, description="Zones in which one run hits anything.")
    duration: Seconds = Field(_CAPS.duration_s, description="How long a fault may last.")
    concurrent_runs: int = Field(_CAPS.concurrent_runs, ge=1, description="Runs at the same time.")
    runs_per_day: int | None = Field(None, ge=1, description="Runs that inject, in one day on one cluster.")


class ProtectForm(Form):
    """What is never hit. The cluster's own namespaces and windtunnel's are always on the list."""

    namespaces: list[Text] = Field(default_factory=list, description="Namespaces, by name.")
    services: list[Text] = Field(
        default_factory=list, description="Services or workloads, by name or as namespace/name."
    )
    labels: list[LabelSelector] = Field(
        default_factory=list, description="Selectors; what carries such labels is never hit."
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


LastReplica = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9-]{1,63}/[a-z0-9]+/[a-z0-9.-]{1,253}$"),
    Field(examples=["shop/deployment/checkout"]),
]


class PolicyForm(Form):
    """The rules of an installation. They win over every experiment."""

    timezone: Annotated[str, BeforeValidator(words.time_zone)] = Field(
        "UTC", description="IANA name, for all hours and days here.", examples=["Europe/Paris"]
    )
    windows: dict[Name, WindowForm] = Field(
        default_factory=dict, description="With windows here, a run must be in one."
    )
    blackouts: list[BlackoutEntry] = Field(default_factory=list, description="When nothing runs.")
    freeze: FreezeForm | None = Field(None, description="Where a deployment freeze can be declared.")
    caps: CapsForm = Field(default_factory=CapsForm, description="The most that any run may do.")
    opt_in: Annotated[LabelSelector, BeforeValidator(_opt_in)] = Field(
        Policy().opt_in, description="Labels that a workload, its namespace or a node must carry to be hit."
    )
    protect: ProtectForm = Field(default_factory=ProtectForm, description="What is never hit.")
    last_replica: list[LastReplica] = Field(
        default_factory=list,
        description="Workloads whose last ready replica may be hit, as namespace/kind/name.",
    )
    min_interval: Seconds | None = Field(None, description="Between two runs that hit the same thing.")
    error_budget: ErrorBudgetForm | None = Field(None, description="What chaos may spend of an objective.")
    incidents: IncidentsForm | None = Field(None, description="What else must not be burning.")
    health: list[Health] = Field(default_factory=list, description="Queries that must hold.")
    blind_after: Seconds = Field(
        Policy().blind_after_s, description="A run stops when a probe has not answered for so long."
    )
    abort_when: list[Abort] = Field(
        default_factory=list,
        description="Conditions that stop every run, on probes that every experiment must have.",
    )
    clusters: dict[Annotated[str, StringConstraints(min_length=1)], ClusterForm] = Field(
        default_factory=dict, description="Clusters by the name that experiments use."
    )
    prometheus: PrometheusForm | None = Field(None, description="Where queries go.")
    slack: SlackForm | None = Field(None, description="Where messages go.")
