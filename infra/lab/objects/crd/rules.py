"""Rules in CEL (`x-kubernetes-validations`), evaluated by cel-python."""

from functools import lru_cache
from typing import Any

from infra.lab.objects.statuses import Cause, Json


def has_rules(schema: Json) -> bool:
    """Whether a schema has a rule anywhere."""
    if schema.get("x-kubernetes-validations"):
        return True
    inner = [
        *(schema.get("properties") or {}).values(),
        schema.get("items"),
        schema.get("additionalProperties"),
    ]
    return any(has_rules(one) for one in inner if isinstance(one, dict))


def broken_rules(value: Any, old: Any, schema: Json, path: str) -> list[Cause]:
    """A cause for each rule a value breaks, at any depth. `old` is None where there was nothing before."""
    found = [
        cause
        for rule in schema.get("x-kubernetes-validations") or ()
        if (cause := _broken(rule, value, old, path))
    ]
    if isinstance(value, dict):
        declared, additional = schema.get("properties") or {}, schema.get("additionalProperties")
        for key, item in value.items():
            inner = declared.get(key, additional)
            if isinstance(inner, dict):
                before = old.get(key) if isinstance(old, dict) else None
                found += broken_rules(item, before, inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            # Elements of a list have no former state the rules could speak of.
            found += broken_rules(item, None, schema["items"], f"{path}[{index}]")
    return found


def _broken(rule: Json, value: Any, old: Any, path: str) -> Cause | None:
    text = rule["rule"]
    if "oldSelf" in text and old is None:
        return None
    verdict = _evaluate(text, value, old)
    if verdict is True:
        return None
    field = (path + rule.get("fieldPath", "")).lstrip(".") or "<nil>"
    reason = rule.get("reason", "FieldValueInvalid")
    if isinstance(verdict, str):
        return Cause(reason, f"Invalid value: rule evaluation error: {verdict}", field)
    words = rule.get("message") or f"failed rule: {text.strip()}"
    if rule.get("messageExpression"):
        told = _evaluate(rule["messageExpression"], value, old, as_text=True)
        words = told if isinstance(told, str) and told else words
    return Cause(reason, f"Invalid value: {words}", field)


def _evaluate(text: str, value: Any, old: Any, *, as_text: bool = False) -> bool | str:
    """Whether a rule holds; a text if it could not be evaluated (or, `as_text`, the text it evaluates to)."""
    from celpy.adapter import json_to_cel
    from celpy.evaluation import CELEvalError

    variables = {"self": json_to_cel(value)}
    if old is not None:
        variables["oldSelf"] = json_to_cel(old)
    try:
        result = _program(text).evaluate(variables)
    except CELEvalError as error:
        return "" if as_text else str(error.args[0] if error.args else error)
    return str(result) if as_text else bool(result)


@lru_cache(maxsize=1024)
def _program(text: str) -> Any:
    """A compiled rule. The import costs 0.1 s and is only paid by those who define rules."""
    import celpy

    environment = celpy.Environment()
    return environment.program(environment.compile(text))
