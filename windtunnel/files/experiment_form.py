"""The experiment file as pydantic models. Field descriptions are what editors show."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from windtunnel.files import words
from windtunnel.files.form import Abort, Form, LabelSelector, Name, Seconds, SlackChannel, Text
from windtunnel.files.names import OBJECT_NAME, Dependency, Namespace, Workload
from windtunnel.files.probe_form import ProbeEntry
from windtunnel.files.problems import listed, what

_CRON_FIELDS = 5


def _nodes(value: Any) -> str:
    """Read `node/NAME` or a label selector."""
    written = words.text(value, "a selector of nodes; write a label like pool=batch, or node/NAME")
    name = written.removeprefix("node/")
    return written if name != written and re.fullmatch(OBJECT_NAME, name) else words.selector(written)


class TargetForm(Form):
    """What may be hit: a workload or pods by selector in a namespace, or nodes."""

    cluster: Text | None = Field(
        None, description="A name from the policy's clusters. Default: the kube context."
    )
    namespace: Namespace | None = Field(None, description="The namespace of the workload or the pods.")
    workload: Workload | None = Field(
        None, description="One workload, as kind/name.", examples=["deployment/checkout"]
    )
    selector: LabelSelector | None = Field(None, description="Pods by their labels, instead of a workload.")
    nodes: Annotated[str, BeforeValidator(_nodes), WithJsonSchema({"type": "string"})] | None = Field(
        None, description="Nodes by their labels, or node/NAME."
    )

    @model_validator(mode="after")
    def _one_target(self) -> "TargetForm":
        given = [key for key in ("workload", "selector", "nodes") if getattr(self, key) is not None]
        if len(given) != 1:
            has = f"; it has {listed(given, last='and')}" if given else ""
            msg = f"needs exactly one of workload, selector and nodes{has}"
            raise ValueError(msg)
        if given != ["nodes"] and not self.namespace:
            msg = f"needs the namespace of its {given[0]}"
            raise ValueError(msg)
        if given == ["nodes"] and self.namespace:
            msg = "nodes have no namespace; remove the key namespace"
            raise ValueError(msg)
        return self


def _cron(value: Any) -> str:
    written = words.text(value, "a cron line of five fields, in quotes")
    fields = written.split()
    if len(fields) != _CRON_FIELDS or not all(re.fullmatch(r"[0-9A-Za-z*,/#?-]+", field) for field in fields):
        msg = f'{what(written)} is not a cron line; write five fields, like "0 10 * * 1-4"'
        raise ValueError(msg)
    return written


class ScheduleForm(Form):
    """When it may run, and how often it is meant to."""

    window: Text | None = Field(None, description="A name from the policy's windows.")
    every: Seconds | None = Field(None, description="How often.", examples=["4h"])
    cron: Annotated[str, BeforeValidator(_cron)] | None = Field(
        None, description="When, as a cron line, instead of every.", examples=["0 10 * * 1-4"]
    )

    @model_validator(mode="after")
    def _one_rhythm(self) -> "ScheduleForm":
        if self.every and self.cron:
            msg = "has both every and cron; remove one"
            raise ValueError(msg)
        return self


class NotifyForm(Form):
    """Who is told."""

    slack: SlackChannel | None = Field(None, description="A Slack channel, in quotes.")


class ExperimentForm(Form):
    """One chaos experiment: what is believed, what is broken, and what must still hold."""

    experiment: Name = Field(description="Its name: lower case, digits and dashes.")
    hypothesis: Text = Field(description="What you believe, in one sentence.")
    owner: Text = Field(description="The team that answers for it.")
    target: TargetForm = Field(description="What may be hit.")
    steady_state: list[ProbeEntry] = Field(
        min_length=1, description="What must hold; probes are run in parallel."
    )
    faults: list[Any] = Field(min_length=1, description="What is broken, in this order; undone in reverse.")
    duration: Seconds = Field(description="How long the fault is observed.")
    recover_within: Seconds = Field(description="How long the service may take to be well again after undo.")
    abort_when: list[Abort] = Field(default_factory=list, description="Stop at once when one of these holds.")
    dependencies: list[Dependency] = Field(
        default_factory=list,
        description="Workloads that the target needs; no other experiment may hit them meanwhile.",
        examples=[["deployment/catalog", "payments/deployment/api"]],
    )
    schedule: ScheduleForm = Field(
        default_factory=ScheduleForm, description="When it may run, and how often it is meant to."
    )
    notify: NotifyForm = Field(default_factory=NotifyForm, description="Who is told.")
