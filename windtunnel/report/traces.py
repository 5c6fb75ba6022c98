"""One probe's samples as what a picture needs of them: few enough points, and every kind of miss."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from windtunnel.model.record import Sample

Thing = TypeVar("Thing")

POINTS = 300  # per line; a panel is some 600 pixels wide
MARKS = 150  # per kind; more would be one red bar


@dataclass(frozen=True, slots=True)
class Trace:
    """One probe over time. Offsets are seconds after the zero of the timeline."""

    probe: str
    line: tuple[tuple[float, float], ...]  # offset and value; empty for a probe without numbers
    held: tuple[float, ...]
    missed: tuple[tuple[float, float | None], ...]
    silent: tuple[float, ...]  # could not answer


def trace(samples: Iterable[Sample], probe: str, start: datetime) -> Trace:
    """Return what to draw of *probe*; extremes and the first and last miss survive the thinning."""
    own = [
        (round((sample.at - start).total_seconds(), 3), sample) for sample in samples if sample.probe == probe
    ]
    own.sort(key=lambda pair: pair[0])
    finite = [
        (at, sample.value)
        for at, sample in own
        if sample.value is not None and abs(sample.value) != float("inf")
    ]
    return Trace(
        probe=probe,
        line=extremes(finite, limit=POINTS),
        held=tuple(spread([at for at, sample in own if sample.ok is True], limit=MARKS)),
        missed=tuple(spread([(at, sample.value) for at, sample in own if sample.ok is False], limit=MARKS)),
        silent=tuple(spread([at for at, sample in own if sample.ok is None], limit=MARKS)),
    )


def extremes(points: Sequence[tuple[float, float]], *, limit: int) -> tuple[tuple[float, float], ...]:
    """Thin *points* to about *limit*, keeping the lowest and highest of every stretch, and both ends."""
    if len(points) <= limit:
        return tuple(points)
    stretches = max(1, limit // 2)
    kept = {0, len(points) - 1}
    for stretch in range(stretches):
        places = range(stretch * len(points) // stretches, (stretch + 1) * len(points) // stretches)
        kept.add(min(places, key=lambda place: points[place][1]))
        kept.add(max(places, key=lambda place: points[place][1]))
    return tuple(points[place] for place in sorted(kept))


def spread(things: Sequence[Thing], *, limit: int) -> list[Thing]:
    """Thin *things* evenly to at most *limit*, keeping the first and the last."""
    if len(things) <= limit:
        return list(things)
    return [things[round(place * (len(things) - 1) / (limit - 1))] for place in range(limit)]


BARS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float | None], *, width: int, beside: Iterable[float] = ()) -> str:
    """Draw the last values as *width* characters at most; a gap is a blank.

    The heights span the values shown and the numbers *beside* them, such as a threshold: without one, the
    noise of a steady value would fill the whole height.
    """
    recent = list(values)[-width:]
    seen = [value for value in (*recent, *beside) if value is not None]
    low, high = (min(seen), max(seen)) if seen else (0.0, 0.0)
    return "".join(" " if value is None else _bar(value, low, high) for value in recent)


def _bar(value: float, low: float, high: float) -> str:
    if high <= low:
        return BARS[3]
    return BARS[min(len(BARS) - 1, int((value - low) / (high - low) * len(BARS)))]
