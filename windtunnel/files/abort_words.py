"""What stops a run, as people write it. Text to value; ValueError says what is wrong and what is allowed."""

import re
from typing import Any

from windtunnel.files.problems import what
from windtunnel.files.words import comparison, duration, text
from windtunnel.model.comparison import Comparison
from windtunnel.model.experiment import Abort, AbortCondition, FailuresInARow, PercentileCondition

_OPERATOR = re.compile(r"[<>=!]|\bbetween\s+[-+.\d]")
_HOLD = re.compile(r"\s+for\s+")
_OVER = re.compile(r"\s+over\s+")
_FAILS = re.compile(r"(.+?)\s+fails\s+(\d+)\s+times?")
_PERCENTILE = re.compile(r"p(\d+(?:\.\d+)?)\s+of\s+(.+)", re.DOTALL)
_TIMED = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)?(?:ms|s|m|h)\S*)")
ALLOWED = "`PROBE < 0.90 for 5s`, `PROBE fails 3 times` or `p95 of PROBE > 500ms over 30s`"
_MOST_PERCENT = 100


def abort_condition(value: Any) -> Abort:
    """Read one condition: a threshold for a time, failures in a row, or a percentile over a time."""
    written = text(value, f"an abort condition; write {ALLOWED}")
    if match := _FAILS.fullmatch(written):
        return _failures(match[1], int(match[2]))
    operator = _OPERATOR.search(written)
    if operator is None or not written[: operator.start()].strip():
        msg = f"{what(written)} is not an abort condition; write {ALLOWED}"
        raise ValueError(msg)
    probe, rest = written[: operator.start()].strip(), written[operator.start() :]
    if _OVER.search(rest) and not _PERCENTILE.fullmatch(probe):
        msg = f"{what(written)} is not an abort condition; only a percentile is taken over a time: {ALLOWED}"
        raise ValueError(msg)
    if match := _PERCENTILE.fullmatch(probe):
        return _percentile(match[2].strip(), float(match[1]), rest)
    condition, *hold = _HOLD.split(rest, maxsplit=1)
    return AbortCondition(probe, _compared(condition), duration(hold[0]) if hold else 0.0)


def _failures(probe: str, times: int) -> FailuresInARow:
    if times < 1:
        msg = f"{times} failures are none; write `{probe} fails 3 times`"
        raise ValueError(msg)
    return FailuresInARow(probe, times)


def _percentile(probe: str, percentile: float, rest: str) -> PercentileCondition:
    if not 0 < percentile <= _MOST_PERCENT:
        msg = f"p{percentile:g} is no percentile; write p1 to p100"
        raise ValueError(msg)
    condition, *over = _OVER.split(rest, maxsplit=1)
    if not over:
        bare = _HOLD.split(rest, maxsplit=1)[0].strip()
        msg = f"a percentile needs a time; write `p{percentile:g} of {probe} {bare} over 30s`"
        raise ValueError(msg)
    compared = _compared(condition)
    if compared.operator not in {"<", "<=", ">", ">="}:
        msg = f"a percentile is compared with <, <=, > or >=, not with {compared.operator}"
        raise ValueError(msg)
    return PercentileCondition(probe, percentile, compared, duration(over[0]))


def _compared(written: str) -> Comparison:
    """Read a comparison with a number, or with a duration, which counts in seconds."""
    if match := _TIMED.fullmatch(written.strip()):
        return Comparison(match[1], duration(match[2]))
    return comparison(written)
