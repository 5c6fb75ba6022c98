"""A run as a picture: one panel per probe over time, the fault shaded, the threshold drawn, misses marked.

The card has a light ground of its own, so that it reads the same on a dark page and on a light one.
"""

import io
import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from windtunnel.model.experiment import Experiment, Probe
from windtunnel.model.record import EventKind, Record
from windtunnel.redaction import redact
from windtunnel.report.figures import Span, fault_span, last_instant, probe_names, zero
from windtunnel.report.probe_words import expectation, is_duration, thresholds
from windtunnel.report.traces import Trace, trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 8  # more would be too small to read; the report's table has them all
WIDTH_IN = 6.8
PANEL_IN, STRIP_IN = 1.25, 0.62  # with title, for a probe with numbers and for one without
TITLE_IN, TOP_IN, BOTTOM_IN, LEFT_IN, RIGHT_IN = 0.32, 0.3, 0.5, 0.6, 0.15
DPI = 144
SHORT_S = 10.0  # panels of shorter times are in milliseconds
DASHED = (0, (4, 3))
_HEADROOM = 0.12  # of the range of values, so that no line runs along the frame

INK, FAINT, GROUND = "#1f2430", "#8a90a0", "#fbfbfd"
LINE, MISS, SILENT, BOUND = "#2563b8", "#c4271b", "#b26a00", "#6b7280"
FAULT, RECOVERING = "#f2b8a0", "#cfe3d6"

_STYLE: Any = {  # matplotlib types each key; spelling them out would help nobody
    "font.size": 8,
    "font.family": "sans-serif",
    "svg.fonttype": "none",  # text stays text: a tenth of the size, and it can be searched
    "svg.hashsalt": "windtunnel",  # the same record gives the same bytes
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": GROUND,
    "axes.facecolor": GROUND,
}


def chart(record: Record, experiment: Experiment, *, form: Literal["svg", "png"] = "svg") -> bytes:
    """Draw the probes of *record*; a record without samples gives a picture that says so."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):
        figure = _draw(record, experiment)
        out = io.BytesIO()
        nothing = {"Date": None} if form == "svg" else {"Software": None}
        figure.savefig(out, format=form, dpi=DPI, metadata=nothing)
    return out.getvalue()


def _draw(record: Record, experiment: Experiment) -> "Figure":
    from matplotlib.figure import Figure

    start = zero(record)
    if start is None or not record.samples:
        empty = Figure(figsize=(WIDTH_IN, STRIP_IN * 1.5))
        empty.text(0.5, 0.5, "Nothing was looked at in this run.", ha="center", va="center", color=INK)
        return empty
    names = [name for name in probe_names(record, experiment) if any(s.probe == name for s in record.samples)]
    traces = [trace(record.samples, name, start) for name in names[:PANELS]]
    heights = [PANEL_IN if found.line else STRIP_IN for found in traces]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + TOP_IN + BOTTOM_IN))
    panels = _panels(figure, heights)
    probes = {probe.name: probe for probe in experiment.steady_state}
    for axes, found in zip(panels, traces, strict=True):
        _panel(axes, found, probes.get(found.probe))
        _spans(axes, record, start)
    _bottom(panels, record, start)
    _legend(figure, traces, record)
    return figure


def _panels(figure: "Figure", heights: Sequence[float]) -> list["Axes"]:
    """Place the panels by hand: measuring all the text, as matplotlib's layouts do, doubles the time."""
    width, height = figure.get_size_inches()
    panels, top = [], height - TOP_IN
    for tall in heights:
        left, right = LEFT_IN / width, 1 - RIGHT_IN / width
        panels.append(
            figure.add_axes((left, (top - tall) / height, right - left, (tall - TITLE_IN) / height))
        )
        top -= tall
    return panels


def _panel(axes: "Axes", found: Trace, probe: Probe | None) -> None:
    words = f"{found.probe}: {expectation(probe)}" if probe else found.probe
    scale = _scale(found, probe)
    unit = " (in ms)" if scale != 1.0 else ""
    axes.set_title(_short(words) + unit, loc="left", fontsize=8.5, color=INK, pad=3)
    if found.line:
        _draw_line(axes, found, [bound * scale for bound in thresholds(probe)] if probe else [], scale=scale)
    else:
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        _marks(axes, [(at, 0.5) for at in found.held], sign="|", color=LINE)
    bottom = axes.get_ylim()[0] if found.line else 0.5  # where a look without a number is marked
    missed = [(at, bottom if value is None else value * scale) for at, value in found.missed]
    _marks(axes, missed, sign="x", color=MISS)
    _marks(axes, [(at, bottom) for at in found.silent], sign="^", color=SILENT)


def _draw_line(axes: "Axes", found: Trace, bounds: Sequence[float], *, scale: float) -> None:
    values = [value * scale for _, value in found.line]
    points = [(at, value * scale) for at, value in found.line]
    broken = sorted([*points, *((at, math.nan) for at in found.silent)])  # no line where nothing was seen
    axes.plot([at for at, _ in broken], [value for _, value in broken], color=LINE, linewidth=1.2, zorder=3)
    for bound in bounds:
        axes.axhline(bound, color=BOUND, linewidth=0.9, linestyle=DASHED, zorder=2)
    _limit(axes, values, bounds)
    axes.grid(visible=True, axis="y", color=FAINT, alpha=0.25, linewidth=0.5)


def _marks(axes: "Axes", points: Sequence[tuple[float, float]], *, sign: str, color: str) -> None:
    across, up = [at for at, _ in points], [height for _, height in points]
    axes.scatter(across, up, s=16, marker=sign, color=color, linewidths=1.1, clip_on=False, zorder=4)


def _scale(found: Trace, probe: Probe | None) -> float:
    """Return 1000 where short times read better in milliseconds."""
    if probe is None or not is_duration(probe):
        return 1.0
    top = max([value for _, value in found.line] + list(thresholds(probe)), default=0.0)
    return 1000.0 if 0 < top < SHORT_S else 1.0


def _limit(axes: "Axes", values: Sequence[float], bounds: Sequence[float]) -> None:
    seen = [*values, *bounds]
    low, high = min(seen), max(seen)
    room = (high - low) * _HEADROOM or abs(high) * _HEADROOM or 1.0
    axes.set_ylim(low - room, high + room)


def _spans(axes: "Axes", record: Record, start: datetime) -> None:
    if (fault := fault_span(record)) is None:
        return
    axes.axvspan(fault.start_s, fault.end_s, color=FAULT, alpha=0.45, linewidth=0, zorder=0)
    if (recovering := _recovering(record, start, fault)) is not None:
        axes.axvspan(recovering.start_s, recovering.end_s, color=RECOVERING, alpha=0.6, linewidth=0, zorder=0)


def _recovering(record: Record, start: datetime, fault: Span) -> Span | None:
    ended = record.last(EventKind.RECOVERED) or record.last(EventKind.NOT_RECOVERED)
    if ended is None or record.last(EventKind.UNDO_FINISHED) is None:
        return None
    return Span(fault.end_s, max(fault.end_s, (ended.at - start).total_seconds()))


def _bottom(panels: Sequence["Axes"], record: Record, start: datetime) -> None:
    first = min(sample.at for sample in record.samples)
    low, high = (first - start).total_seconds(), (last_instant(record) - start).total_seconds()
    for axes in panels:
        axes.set_xlim(low, max(high, low + 1))
        axes.tick_params(labelbottom=axes is panels[-1])
    since = "injection" if record.first(EventKind.INJECTING) else "start"
    panels[-1].set_xlabel(f"seconds since {since} ({start:%Y-%m-%d %H:%M:%S} UTC)", color=INK)


def _legend(figure: "Figure", traces: Sequence[Trace], record: Record) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(sign: str, color: str, label: str) -> Line2D:
        return Line2D([], [], color=color, marker=sign, linestyle="none", markersize=4.5, label=label)

    entries: list[Any] = []
    if fault_span(record) is not None:
        entries.append(Patch(facecolor=FAULT, alpha=0.6, label="fault in"))
        entries.append(Patch(facecolor=RECOVERING, alpha=0.8, label="recovering"))
    if any(found.line for found in traces):
        entries.append(Line2D([], [], color=BOUND, linestyle=DASHED, linewidth=0.9, label="threshold"))
    if any(found.missed for found in traces):
        entries.append(mark("x", MISS, "missed"))
    if any(found.silent for found in traces):
        entries.append(mark("^", SILENT, "no answer"))
    if entries:
        figure.legend(handles=entries, loc="upper right", ncols=5, frameon=False, fontsize=7.5)


def _short(text: str, limit: int = 110) -> str:
    line = " ".join(redact(text).split()).replace("$", r"\$")  # a dollar would start a formula
    return line if len(line) <= limit else line[: limit - 1] + "…"
