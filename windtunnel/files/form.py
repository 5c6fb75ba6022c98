"""Building blocks of the models of both files: pydantic at the edge, with our own words."""

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from windtunnel.files import abort_words, words
from windtunnel.model import experiment as model
from windtunnel.model.comparison import Comparison
from windtunnel.model.duration import PATTERN as DURATION_PATTERN
from windtunnel.model.placeholder import FORMS

NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
_SLACK_PATTERN = r"^(#[^\s#]{1,79}|[CGDU][A-Z0-9]{6,14})$"


class Form(BaseModel):
    """A mapping in a file: nothing beyond its keys, and no value taken for another type."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # only the form of a whole file is built, and only when it is used
    )


class AlsoText:
    """Marks a field that may be written as plain text instead of a mapping with *key* in it."""

    def __init__(self, key: str, description: str, **schema: Any) -> None:
        self.key = key
        self.schema = {"type": "string", "description": description, **schema}

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Offer both forms to editors."""
        return {"anyOf": [self.schema, handler(core)]}

    def widen(self, value: Any) -> Any:
        """Return the mapping that the short form stands for."""
        return {self.key: value} if isinstance(value, str) else value


def _written(reader: Any, **schema: Any) -> Any:
    return (BeforeValidator(reader), WithJsonSchema({"type": "string", **schema}))


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Seconds = Annotated[
    float, *_written(words.duration, pattern=DURATION_PATTERN, examples=["500ms", "60s", "5m", "1h30m"])
]
Compared = Annotated[
    Comparison, *_written(words.comparison, examples=[">= 0.99", "< 5%", "== 1", "between 1 and 5"])
]
Abort = Annotated[
    model.Abort,
    *_written(
        abort_words.abort_condition,
        examples=[
            "success ratio < 0.90 for 5s",
            "front page fails 3 times",
            "p95 of front page > 500ms over 30s",
        ],
    ),
]
LabelSelector = Annotated[
    str, *_written(words.selector, minLength=1, examples=["app=checkout", "env in (dev, test)"])
]
Regex = Annotated[str, *_written(words.regular_expression, format="regex")]
Secretive = Annotated[
    str,
    *_written(words.with_placeholders, description=f"Secrets are filled in when it is used: write {FORMS}."),
]
SlackChannel = Annotated[str, StringConstraints(pattern=_SLACK_PATTERN), Field(examples=["#resilience"])]
