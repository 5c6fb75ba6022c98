"""A run as Markdown: the verdict first, then what proves it, then how to run it again."""

from collections.abc import Iterator

from windtunnel.model.experiment import Experiment, Probe
from windtunnel.model.forms import stamp
from windtunnel.model.record import Event, EventKind, Record
from windtunnel.model.verdict import Judgement
from windtunnel.report import sections
from windtunnel.report.figures import PHASE_NAMES, ProbeFigures, probe_figures
from windtunnel.report.markdown_text import bullets, code, escape, table
from windtunnel.report.probe_words import amount, expectation, seconds
from windtunnel.report.run_words import verdict_words


def markdown(record: Record, judgement: Judgement, experiment: Experiment, *, chart: str = "") -> str:
    """Return the report of one run.

    Args:
        record: What was observed.
        judgement: What it proves.
        experiment: What was asked.
        chart: Where the chart is, as a path or a data: address; empty for a report without one.
    """
    parts = [
        f"# {escape(experiment.name)}: {verdict_words(judgement)}",
        f"**{verdict_words(judgement).capitalize()}.** {escape(judgement.reason)}",
        f"> {escape(experiment.hypothesis)}",
        bullets(escape(finding) for finding in judgement.findings if finding not in judgement.reason),
        f"![Probes over time, the fault shaded]({chart})" if chart else "",
        *_titled("The run", _facts(record, experiment)),
        *_titled("Recovery", _recovery(judgement)),
        *_titled("Probes", _probes(record, experiment)),
        *_titled("Targets", sections.targets(record)),
        *_titled("Guardrails", sections.guardrails(record)),
        *_titled("Undo", sections.undo(record, judgement)),
        *_titled("Timeline", sections.timeline(record)),
        *_titled("Run it again", sections.again(record, experiment)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _titled(title: str, body: str) -> Iterator[str]:
    if body:
        yield from (f"## {title}", body)


def _facts(record: Record, experiment: Experiment) -> str:
    started, finished = record.first(EventKind.STARTED), record.last(EventKind.FINISHED)
    known = dict(started.data) if started else {}
    ended = finished or (record.events[-1] if record.events else None)
    rows = (
        ("Target", str(experiment.target)),
        ("Faults", ", ".join(_fault(fault.name, fault.parameters) for fault in experiment.faults)),
        ("Owner", experiment.owner),
        ("Started", _started(started)),
        ("Took", seconds((ended.at - started.at).total_seconds()) if started and ended else "-"),
        ("Seed", str(known.get("seed", "-"))),
        ("Started by", str(known.get("triggered_by") or "-")),
        ("Policy", str(known.get("policy") or "-")),
    )
    return table(("Run", record.run_id), rows)


def _started(event: Event | None) -> str:
    return stamp(event.at).replace("T", " ") if event else "-"


def _fault(name: str, parameters: object) -> str:
    given = [f"{key} {value}" for key, value in parameters.items()] if isinstance(parameters, dict) else []
    return f"{name} ({', '.join(given)})" if given else name


def _recovery(judgement: Judgement) -> str:
    recovery = judgement.recovery
    rows = (
        ("Service disturbed, first to last miss", recovery.disrupted_s, "never"),
        ("Steady again after undo", recovery.recovered_s, "at once"),
        ("Target fully ready again, from the injection", recovery.workload_ready_s, "at once"),
    )
    told = [(what, none if lasted == 0 else seconds(lasted)) for what, lasted, none in rows]
    if all(lasted is None for _, lasted, _ in rows):
        return ""
    return table(("What", "Time"), told, right=frozenset({1}))


def _probes(record: Record, experiment: Experiment) -> str:
    probes = {probe.name: probe for probe in experiment.steady_state}
    head = ("Probe", "Phase", "Looks", "Missed", "No answer", "Min", "Median", "Max")
    rows, shown = [], ""
    for figures in probe_figures(record, experiment):
        first = figures.probe != shown
        shown = figures.probe
        rows.append(_probe_row(figures, probes.get(figures.probe), first=first))
    if not rows:
        return ""
    expected = bullets(
        f"{escape(probe.name)}: {code(expectation(probe))}, every {probe.interval_s:g} s"
        for probe in experiment.steady_state
    )
    return table(head, rows, right=frozenset(range(2, 8))) + "\n\nExpected:\n\n" + expected


def _probe_row(figures: ProbeFigures, probe: Probe | None, *, first: bool) -> tuple[str, ...]:
    values = (figures.minimum, figures.median, figures.maximum)
    written = [amount(probe, value) if probe else str(value) for value in values]
    return (
        figures.probe if first else "",
        PHASE_NAMES[figures.phase],
        str(figures.looks),
        str(figures.missed),
        str(figures.unanswered),
        *written,
    )
