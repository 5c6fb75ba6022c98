"""Sections of a report that follow from events alone: targets, guardrails, undo, timeline, run again."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from windtunnel.model.experiment import Experiment
from windtunnel.model.record import Event, EventKind, Record
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement
from windtunnel.report.figures import zero
from windtunnel.report.markdown_text import bullets, code_block, escape, table
from windtunnel.report.run_words import allowed_words, is_allowed, offset, sentence

NAMES_SHOWN = 10
EVENTS_SHOWN = 100
_CHATTER = frozenset({EventKind.WATCHED})  # left out first when there is too much


def guardrails(record: Record) -> str:
    """Return the table of what every guardrail said."""
    rows = [
        (
            str(event.data.get("guardrail", "-")),
            str(event.data.get("outcome", "-")),
            " ".join(filter(None, (str(event.data.get("reason") or event.message), _evidence(event)))),
        )
        for event in record.all(EventKind.DECISION)
    ]
    return table(("Guardrail", "Said", "Because"), rows) if rows else ""


def targets(record: Record) -> str:
    """Return what was planned against what was hit."""
    chosen = record.last(EventKind.TARGETS)
    injected = record.all(EventKind.INJECTED)
    if chosen is None and not injected:
        return ""
    hits = [str(name) for event in injected for name in _list(event.data.get("hit"))]
    planned = [str(name) for name in _list(chosen.data.get("chosen"))] if chosen else []
    rows = [("Planned", str(len(planned)), _bounded(planned)), ("Hit", str(len(hits)), _bounded(hits))]
    if chosen and "candidates" in chosen.data:
        rows.insert(0, ("Candidates", _count(chosen.data["candidates"]), ""))
    return table(("", "Count", "Which"), rows, right=frozenset({1}))


def undo(record: Record, judgement: Judgement) -> str:
    """Return what undo did, step by step; drift and errors are never left out."""
    if record.first(EventKind.TICKET) is None:
        return ""
    steps = record.all(EventKind.UNDONE)
    lines = [f"Undo: **{judgement.undo}**." + ("" if judgement.undo is UndoState.CLEAN else _left_behind())]
    told = [event for event in steps if event.data.get("drift") or event.data.get("error")]
    quiet = [event for event in steps if event not in told]
    listed = [*told, *quiet[:NAMES_SHOWN]]
    lines.append(bullets(_step(event) for event in listed))
    if len(quiet) > NAMES_SHOWN:
        lines.append(f"{NAMES_SHOWN} of {len(quiet)} steps that went well are shown.")
    return "\n\n".join(line for line in lines if line)


def timeline(record: Record) -> str:
    """Return the events with their offsets from the injection; chatter is thinned where there is too much."""
    start = zero(record)
    if start is None or not record.events:
        return ""
    events = list(_folded(record.events))
    left_out = 0
    if len(events) > EVENTS_SHOWN:
        left_out = len(events) - len(events := _thinned(events))
    rows = [
        (offset((event.at - start).total_seconds()), str(event.kind), sentence(event.message))
        for event in events
    ]
    more = f"\n\n{left_out} more are in the record: `windtunnel report {record.run_id} --format json`."
    return table(("Offset", "Event", "What"), rows, right=frozenset({0})) + (more if left_out else "")


def again(record: Record, experiment: Experiment) -> str:
    """Return the command that runs the same experiment with the same choice of victims."""
    started = record.first(EventKind.STARTED)
    seed = started.data.get("seed") if started else None
    command = f"windtunnel run {shlex.quote(experiment.source or experiment.name + '.yaml')}"
    chosen = f" --seed {seed}" if seed is not None else ""
    return code_block(command + chosen, "sh")


def _folded(events: Iterable[Event]) -> Iterator[Event]:
    """Make one line of all guardrails that do not object: the section about them has each."""
    for allowed, group in groupby(events, key=is_allowed):
        if allowed:
            together = list(group)
            yield replace(together[-1], message=allowed_words(together))
        else:
            yield from group


def _thinned(events: Sequence[Event]) -> list[Event]:
    weighty = [event for event in events if event.kind not in _CHATTER]
    room = max(0, EVENTS_SHOWN - len(weighty))
    chatter = [event for event in events if event.kind in _CHATTER][:room]
    kept = {id(event) for event in [*weighty[: EVENTS_SHOWN * 2], *chatter]}
    return [event for event in events if id(event) in kept]


def _step(event: Event) -> str:
    data = event.data
    sign = "done" if data.get("done", True) else "**not done**"
    drift = f"; drift left alone: {escape(str(data['drift']))}" if data.get("drift") else ""
    error = f"; {escape(str(data['error']))}" if data.get("error") else ""
    return f"{sign}: {escape(str(data.get('what') or event.message))}{drift}{error}"


def _left_behind() -> str:
    return " Something may be left behind; the steps say what. `windtunnel history` shows every such run."


def _evidence(event: Event) -> str:
    """Return what was seen against what is allowed, where the reason does not say it already."""
    seen, allowed = (str(event.data.get(key) or "") for key in ("observed", "limit"))
    reason = str(event.data.get("reason") or event.message)
    told = [] if not seen or seen == allowed or seen in reason else [f"seen {seen}", f"allowed {allowed}"]
    if event.data.get("until"):
        told.append(f"until {event.data['until']}")
    return f"({', '.join(told)})" if told else ""


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _count(value: Any) -> str:
    return str(len(value)) if isinstance(value, list | tuple) else str(value)


def _bounded(names: Sequence[str]) -> str:
    if len(names) <= NAMES_SHOWN:
        return ", ".join(names)
    return ", ".join(names[:NAMES_SHOWN]) + f", ... ({NAMES_SHOWN} of {len(names)})"
