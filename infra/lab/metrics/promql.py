"""Asking prombed in Prometheus' own dialect: its string forms, comments, times, and raw range vectors."""

import math
import re
from datetime import datetime
from typing import Any

from prombed import InMemoryStorage, LabelMatcher, PrombedError, PromQLEngine, parse_duration, parse_promql
from prombed.promql.parser import SelectorExpression

MAX_POINTS = 11_000
MORE = "; windtunnel lab up --prometheus real runs a Prometheus that does"

_PIECES = re.compile(r"""("(?:\\.|[^"\\])*")|('(?:\\.|[^'\\])*')|(`[^`]*`)|(\#[^\n]*)""")


class QueryError(Exception):
    """A query that Prometheus would refuse.

    Attributes:
        kind: Prometheus' errorType: bad_data or execution.
    """

    def __init__(self, message: str, *, kind: str = "bad_data") -> None:
        super().__init__(message)
        self.kind = kind


def normalise(query: str) -> str:
    """Return *query* with every string in double quotes and without comments.

    >>> normalise("up{job='a'} # all of them")
    'up{job="a"} '
    """

    def piece(match: re.Match[str]) -> str:
        double, single, raw, comment = match.groups()
        if comment is not None:
            return ""
        if double is not None:
            return double
        if single is not None:
            return '"' + single[1:-1].replace("\\'", "'").replace('"', r"\"") + '"'
        return '"' + raw[1:-1].replace("\\", r"\\").replace('"', r"\"") + '"'

    return _PIECES.sub(piece, query)


def parse_time(name: str, text: str) -> int:
    """Return Unix milliseconds from Unix seconds or RFC 3339.

    Raises:
        QueryError: *text* is neither; the message names the parameter.
    """
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        return _parse_moment(name, text)


def _parse_moment(name: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        msg = f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
        raise QueryError(msg)
    return round(moment.timestamp() * 1000)


def parse_step(text: str) -> int:
    """Return a step in milliseconds from seconds or a duration such as 15s.

    Raises:
        QueryError: *text* is no positive duration.
    """
    try:
        step = round(float(text) * 1000)
    except (ValueError, OverflowError):
        try:
            step = parse_duration(text)
        except PrombedError as error:
            msg = f'invalid parameter "step": cannot parse "{text}" to a valid duration'
            raise QueryError(msg) from error
    if step <= 0:
        msg = (
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. '
            "Try a positive integer"
        )
        raise QueryError(msg)
    return step


class Queries:
    """Answers queries over one store; safe to call from threads while scrapes go on."""

    def __init__(self, storage: InMemoryStorage) -> None:
        self._storage = storage
        self._engine = PromQLEngine(storage, max_range_points=MAX_POINTS)

    def instant(self, query: str, at_ms: int) -> dict[str, Any]:
        """Return the data of an instant query.

        Raises:
            QueryError: the query cannot be parsed or evaluated.
        """
        text = _checked(query)
        try:
            expression = parse_promql(text)
            if isinstance(expression, SelectorExpression) and expression.range_ms is not None:
                return self._matrix(expression, at_ms, expression.range_ms)
            return self._engine.query(text, at_ms)["data"]  # type: ignore[no-any-return]
        except PrombedError as error:
            raise _refusal(error) from error

    def range(self, query: str, *, start_ms: int, end_ms: int, step_ms: int) -> dict[str, Any]:
        """Return the data of a range query.

        Raises:
            QueryError: as for instant queries, or the range makes no sense.
        """
        if end_ms < start_ms:
            msg = 'invalid parameter "end": end timestamp must not be before start time'
            raise QueryError(msg)
        if (end_ms - start_ms) // step_ms > MAX_POINTS:
            msg = (
                "exceeded maximum resolution of 11,000 points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
            raise QueryError(msg)
        text = _checked(query)
        try:
            expression = parse_promql(text)
            if isinstance(expression, SelectorExpression) and expression.range_ms is not None:
                msg = (
                    'invalid parameter "query": invalid expression type "range vector" for range query, '
                    "must be Scalar or instant Vector"
                )
                raise QueryError(msg)
            return self._engine.query_range(text, start_ms, end_ms, step_ms)["data"]  # type: ignore[no-any-return]
        except PrombedError as error:
            raise _refusal(error) from error

    def series(self, selectors: list[str], *, start_ms: int, end_ms: int) -> list[dict[str, str]]:
        """Return the label sets with a sample in the range, of all series where *selectors* is empty.

        Raises:
            QueryError: a selector is none.
        """
        found: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        for matchers in [_selector(text) for text in selectors] or [[]]:
            for series in self._storage.select(matchers):
                samples = series.samples
                if samples[-1].timestamp >= start_ms and samples[0].timestamp <= end_ms:
                    found[tuple(sorted(series.labels.items()))] = dict(series.labels)
        return [found[key] for key in sorted(found)]

    def _matrix(self, selector: SelectorExpression, at_ms: int, range_ms: int) -> dict[str, Any]:
        result = []
        for series in self._storage.select(list(selector.matchers)):
            values = [
                [sample.timestamp / 1000, _number(sample.value)]
                for sample in series.samples
                if at_ms - range_ms < sample.timestamp <= at_ms and not sample.stale
            ]
            if values:
                result.append({"metric": series.labels, "values": values})
        return {"resultType": "matrix", "result": result}


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value.is_integer() else str(value)


def _checked(query: str) -> str:
    text = normalise(query).strip()
    if not text:
        msg = 'invalid parameter "query": unknown position: parse error: no expression found in input'
        raise QueryError(msg)
    return text


def _selector(text: str) -> list[LabelMatcher]:
    try:
        expression = parse_promql(_checked(text))
    except PrombedError as error:
        msg = f'invalid parameter "match[]": {error}'
        raise QueryError(msg) from error
    if not isinstance(expression, SelectorExpression) or expression.range_ms is not None:
        msg = f'invalid parameter "match[]": {text!r} is not a series selector'
        raise QueryError(msg)
    return list(expression.matchers)


def _refusal(error: PrombedError) -> QueryError:
    if error.code == "unsupported_promql_feature":
        return QueryError(f'invalid parameter "query": parse error: {error}{MORE}')
    if error.code == "query_execution_error":
        return QueryError(str(error), kind="execution")
    return QueryError(f'invalid parameter "query": parse error: {error}')
