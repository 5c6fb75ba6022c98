"""Freezes, incidents, error budget and health of a policy file as pydantic models."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from windtunnel.files import words
from windtunnel.files.form import AlsoText, Compared, Form, Seconds, Text
from windtunnel.files.names import Url
from windtunnel.model.rule_sources import ErrorBudget

_PERCENT_SCHEMA = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        {"type": "string", "pattern": r"^\d+(\.\d+)?%?$"},
    ]
}
Percent = Annotated[float, BeforeValidator(words.percentage), WithJsonSchema(_PERCENT_SCHEMA)]
_MONTH_S = 30 * 86400.0
_BUDGET = ErrorBudget(objective=0.999)
_MATCHER = r"^\s*[a-zA-Z_][a-zA-Z0-9_]*\s*(=~|!~|!=|=)\s*\S.*$"


class FreezeForm(Form):
    """Where a deployment freeze can be declared. Each that is named is read; any of them freezes."""

    configmap: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}$")] | None = (
        Field(None, description="A config map, as namespace/name.", examples=["ops/deployment-freeze"])
    )
    variable: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,255}$")] | None = Field(
        None, description="A Prefect variable.", examples=["deployment_freeze"]
    )
    annotation: Text | None = Field(
        None,
        description="An annotation on the target workload or its namespace.",
        examples=["example.com/freeze"],
    )
    url: Url | None = Field(None, description="An HTTP endpoint that says whether there is a freeze.")

    @model_validator(mode="after")
    def _not_empty(self) -> "FreezeForm":
        if not (self.configmap or self.variable or self.annotation or self.url):
            msg = "names no place to look at; write configmap, variable, annotation or url"
            raise ValueError(msg)
        return self


class PagerDutyForm(Form):
    """Open incidents in PagerDuty. The token comes from the environment: PAGERDUTY_TOKEN."""

    services: Annotated[list[Text], Field(min_length=1)] = Field(description="Ids of services.")
    urgencies: list[Annotated[str, StringConstraints(pattern=r"^(high|low)$")]] = Field(
        default_factory=lambda: ["high", "low"], min_length=1, description="Which urgencies count."
    )


class AlertmanagerForm(Form):
    """Firing alerts in an Alertmanager."""

    url: Url = Field(description="Base URL.", examples=["http://alertmanager:9093"])
    match: list[Annotated[str, StringConstraints(pattern=_MATCHER)]] = Field(
        default_factory=list,
        description="Matchers; an alert that satisfies all of them counts.",
        examples=['severity="critical"'],
    )


class IncidentsForm(Form):
    """What else is burning."""

    pagerduty: PagerDutyForm | None = Field(None, description="Open incidents.")
    alertmanager: AlertmanagerForm | None = Field(None, description="Firing alerts.")

    @model_validator(mode="after")
    def _not_empty(self) -> "IncidentsForm":
        if not (self.pagerduty or self.alertmanager):
            msg = "names nothing to ask; write pagerduty or alertmanager"
            raise ValueError(msg)
        return self


class ErrorBudgetForm(Form):
    """A service level objective, and how much of its error budget chaos may use."""

    objective: Percent = Field(description="The share of good events that is promised.", examples=["99.9%"])
    period: Seconds = Field(_MONTH_S, description="Over which the objective is meant.")
    error_ratio: Text | None = Field(
        None, description="A query for the share of bad events; $window stands for a range."
    )
    remaining: Text | None = Field(
        None, description="A query for the fraction of the budget that is left, such as a recording rule."
    )
    keep: Percent = Field(100 * _BUDGET.keep, description="Refuse when less of the budget is left.")
    spend_per_run: Percent = Field(
        100 * _BUDGET.spend_per_run, description="Of the whole budget; a run that spends more stops."
    )

    burn_rate: Annotated[float, BeforeValidator(words.times)] | None = Field(
        None, description="A run under which the budget burns so many times too fast stops.", examples=[14.4]
    )

    @model_validator(mode="after")
    def _consistent(self) -> "ErrorBudgetForm":
        if not (self.error_ratio or self.remaining):
            msg = "has neither error_ratio nor remaining; one of them must say what is spent"
            raise ValueError(msg)
        if self.burn_rate and not self.error_ratio:
            msg = "has a burn_rate, which follows from error_ratio; give that query as well"
            raise ValueError(msg)
        if self.error_ratio and "$window" not in self.error_ratio:
            msg = "error_ratio has no $window; write ranges as [$window], because several are asked"
            raise ValueError(msg)
        if self.objective == 100:  # noqa: PLR2004 - percent
            msg = "objective is 100%, which leaves no budget at all"
            raise ValueError(msg)
        return self


class HealthEntry(Form):
    """A query whose every series must satisfy a comparison."""

    query: Annotated[Text, BeforeValidator(words.unfiltered_query)] = Field(
        description="A PromQL query without a comparison at its end."
    )
    expect: Compared = Field(description="What every series must satisfy.")


def _split(value: Any) -> Any:
    """Read `up{job="api"} == 1` as a query and what is expected of it."""
    if not isinstance(value, str):
        return value
    query, comparison = words.query_and_comparison(value)
    return {"query": query, "expect": comparison}


_ALSO_TEXT = AlsoText("query", "A query and a comparison.", examples=['up{job="api-gateway"} == 1'])
Health = Annotated[HealthEntry, BeforeValidator(_split), _ALSO_TEXT]
