"""A run as one JSON document: the judgement and the whole record, from which it can be computed again."""

import json
from collections.abc import Mapping
from typing import Any

from windtunnel.model.forms import plain, record_form
from windtunnel.model.record import Record
from windtunnel.model.verdict import Judgement

FORMAT = 1  # raised when a reader of the old form could misread the new one


def as_json(record: Record, judgement: Judgement) -> str:
    """Return the JSON document of one run."""
    form = {"format": FORMAT, "judgement": judgement_form(judgement), "record": record_form(record)}
    return json.dumps(form, indent=2, ensure_ascii=False)


def judgement_form(judgement: Judgement) -> Mapping[str, Any]:
    """Return *judgement* as JSON values, with its exit code."""
    return {**plain(judgement), "exit_code": int(judgement.exit_code)}
