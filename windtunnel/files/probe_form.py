"""The entries of steady_state as pydantic models: one class per kind of probe."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)

from windtunnel.files import words
from windtunnel.files.form import AlsoText, Compared, Form, LabelSelector, Regex, Seconds, Secretive, Text
from windtunnel.files.names import Namespace, Object, Url, kind_of
from windtunnel.files.problems import what

PROBE_KINDS = ("prometheus", "http", "kubernetes", "command")
SHORTEST_INTERVAL_S = 0.1
_LONGEST_LOOK_S = 300.0
_WITH_READINESS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Node")
_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


class HttpForm(Form):
    """A request."""

    url: Url = Field(description="Where to ask.", examples=["http://shop:8080/"])
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = Field(
        "GET", description="How to ask."
    )
    headers: dict[str, Secretive] = Field(default_factory=dict, description="Header fields to send.")
    body: Secretive | None = Field(None, description="What to send.")

    @field_validator("headers")
    @classmethod
    def _no_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name.lower() in _SECRET_HEADERS and not words.has_placeholder(value):
                msg = f"{name} must not be in the file; take it from the environment, like ${{SHOP_TOKEN}}"
                raise ValueError(msg)
            if not name or not name.isascii() or any(letter in name for letter in " :\r\n") or "\n" in value:
                msg = f"{what(name)} is not a header field"
                raise ValueError(msg)
        return headers


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _http_expectation(value: Any) -> Any:
    if isinstance(value, str | int | float):
        msg = f"{what(value)} is not what an http probe can expect; write {{status: 200, within: 500ms}}"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError alone into a message
    return value


_Status = Annotated[int, Field(ge=100, le=599)]


class HttpExpectation(Form):
    """What an answer must be like."""

    status: Annotated[
        list[_Status],
        Field(min_length=1),
        BeforeValidator(_as_list, json_schema_input_type=_Status | list[_Status]),
    ] = Field([200], description="The HTTP status, or a list of them. Default: 200.")
    within: Seconds | None = Field(None, description="The longest the answer may take.", examples=["500ms"])
    matches: Regex | None = Field(None, description="A regular expression that the answer's text contains.")


class KubernetesForm(Form):
    """A workload's readiness, or a condition of any object."""

    object: Object = Field(
        description="kind/name; or a kind alone, for all that the selector matches.",
        examples=["deployment/checkout", "node/worker-1", "pods"],
    )
    namespace: Namespace | None = Field(None, description="Default: the target's namespace.")
    selector: LabelSelector | None = Field(None, description="Which pods or nodes.")
    condition: Text | None = Field(
        None, description="The condition to look at.", examples=["Available", "Ready"]
    )
    status: Literal["True", "False", "Unknown"] | None = Field(
        None, description='The status the condition must have, in quotes. Default: "True".'
    )

    @field_validator("status", mode="before")
    @classmethod
    def _status_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, bool) else value

    @model_validator(mode="after")
    def _fits_together(self) -> "KubernetesForm":
        if "/" not in self.object and not self.selector:
            msg = f"{self.object} needs a selector; or write kind/name, like deployment/checkout"
            raise ValueError(msg)
        if "/" in self.object and self.selector:
            msg = f"{self.object} is one object, so a selector has no meaning; write `object: pods`"
            raise ValueError(msg)
        if self.status and not self.condition:
            msg = "status belongs to a condition; name the condition, like Available"
            raise ValueError(msg)
        if not self.condition and kind_of(self.object).kind not in _WITH_READINESS:
            msg = f"readiness is known of workloads, pods and nodes; for {self.object} name a condition"
            raise ValueError(msg)
        return self


class CommandExpectation(Form):
    """How a program must end, and what it must print."""

    exit_code: int = Field(0, ge=0, le=255, description="The exit status. Default: 0.")
    matches: Regex | None = Field(None, description="A regular expression that its output contains.")
    number: Compared | None = Field(None, description="Its output, read as one number.")


class ProbeForm(Form):
    """What every entry of steady_state has."""

    name: Annotated[str, StringConstraints(pattern=r"^[^\s<>=!#:](?:[^<>=!\n]{0,78}[^\s<>=!])?$")] = Field(
        description="Unique; abort_when refers to it."
    )
    role: Literal["steady", "load"] = Field(
        "steady", description="load proves that there is traffic: a miss makes the run inconclusive."
    )
    holds: Literal["throughout", "after"] = Field(
        "throughout", description="throughout: during the fault too. after: once it is undone and recovered."
    )
    interval: Seconds = Field(
        1.0, description="Between the starts of two looks; at least 100ms. Default: 1s."
    )
    timeout: Seconds = Field(5.0, description="A look that takes longer has not answered. Default: 5s.")

    @field_validator("interval")
    @classmethod
    def _not_too_often(cls, value: float) -> float:
        if value < SHORTEST_INTERVAL_S:
            msg = f"{value * 1000:g}ms is too short; the shortest interval is 100ms"
            raise ValueError(msg)
        return value

    @field_validator("timeout")
    @classmethod
    def _not_too_long(cls, value: float) -> float:
        if value > _LONGEST_LOOK_S:
            msg = f"{value:g}s is too long; the longest timeout is 5m"
            raise ValueError(msg)
        return value


class PrometheusEntry(ProbeForm):
    """An instant query that gives one number."""

    prometheus: Text = Field(description="PromQL; must give exactly one number.")
    expect: Compared = Field(description="What the number must be.")


_HTTP_SHORT = AlsoText("url", "A URL to GET.", examples=["http://shop:8080/"])


class HttpEntry(ProbeForm):
    """A request over HTTP."""

    http: Annotated[HttpForm, BeforeValidator(_HTTP_SHORT.widen), _HTTP_SHORT] = Field(
        description="What to ask."
    )
    expect: Annotated[HttpExpectation, BeforeValidator(_http_expectation)] = Field(
        default_factory=HttpExpectation, description="What the answer must be like. Default: status 200."
    )


_KUBERNETES_SHORT = AlsoText("object", "A workload that must be ready.", examples=["deployment/checkout"])


class KubernetesEntry(ProbeForm):
    """A workload's readiness, or a condition of any object."""

    kubernetes: Annotated[KubernetesForm, BeforeValidator(_KUBERNETES_SHORT.widen), _KUBERNETES_SHORT] = (
        Field(description="What to look at.")
    )
    namespace: Namespace | None = Field(None, description="Default: the target's namespace.")
    expect: Compared | None = Field(
        None, description="Ready replicas. Default: all of them.", examples=[">= 2"]
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "KubernetesEntry":
        if self.expect and self.kubernetes.condition and "/" in self.kubernetes.object:
            msg = "a condition of one object has a status, no number; remove expect, or the condition"
            raise ValueError(msg)
        if self.namespace and self.kubernetes.namespace:
            msg = "has the namespace twice; remove one"
            raise ValueError(msg)
        return self


_COMMAND_SHORT = AlsoText("number", "Its output, read as one number.", examples=[">= 1"])


def _argv(value: Any) -> Any:
    if isinstance(value, str):
        msg = f"{what(value)} is not a list; no shell is used, so write it as [program, argument, ...]"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns ValueError alone into a message
    return value


class CommandEntry(ProbeForm):
    """A program, started without a shell."""

    command: Annotated[list[str], Field(min_length=1), BeforeValidator(_argv)] = Field(
        description="The program and its arguments, as a list.", examples=[["pg_isready", "-h", "db"]]
    )
    expect: Annotated[CommandExpectation, BeforeValidator(_COMMAND_SHORT.widen), _COMMAND_SHORT] = Field(
        default_factory=CommandExpectation, description="How it must end. Default: exit status 0."
    )


def probe_kind(value: Any) -> str | None:
    """Return the tag of the one kind of probe that an entry is; None when it is none or several."""
    if isinstance(value, ProbeForm):
        return f"({type(value).__name__.removesuffix('Entry').lower()})"
    kinds = [kind for kind in PROBE_KINDS if kind in value] if isinstance(value, dict) else []
    return f"({kinds[0]})" if len(kinds) == 1 else None


ProbeEntry = Annotated[
    Annotated[PrometheusEntry, Tag("(prometheus)")]
    | Annotated[HttpEntry, Tag("(http)")]
    | Annotated[KubernetesEntry, Tag("(kubernetes)")]
    | Annotated[CommandEntry, Tag("(command)")],
    Discriminator(probe_kind),
]
