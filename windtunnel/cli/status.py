"""`windtunnel status`: what is injected now, by whom, until when."""

import json
from typing import TYPE_CHECKING, Any

import typer

from windtunnel.cli.console import AsJson, columns, say
from windtunnel.cli.halt import Where
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from windtunnel.undo.standing import Standing, Standings

_SHOWN = 3  # objects of one ticket in the table; JSON has all


def register(app: typer.Typer) -> None:
    """Add the verb to *app*."""
    app.command("status")(status)


def status(cluster: Where = "", *, as_json: AsJson = False) -> None:
    """Show what is injected on a cluster now, by whom, until when.

    Exit status: 0 when nothing is, or only by runs that live; 6 when a run died and its fault is not undone.
    """
    from windtunnel.cli.place import named_cluster
    from windtunnel.clock import SystemClock
    from windtunnel.undo.standing import standings

    place = named_cluster(cluster)
    now = standings(place, SystemClock())
    if as_json:
        say(json.dumps(_form(now), indent=2))
    else:
        say(_text(now, place.label, f" --cluster {cluster}" if cluster else ""))
    if any(not one.alive for one in now.tickets):
        raise typer.Exit(ExitCode.UNDO_NOT_CLEAN)


def _text(now: "Standings", label: str, where: str) -> str:
    lines = []
    if now.tickets:
        head = ("run", "experiment", "fault", "state", "undone by", "started by", "on")
        lines.append(columns(head, [_row(one) for one in now.tickets]))
    else:
        lines.append(f"Nothing is injected on {label}.")
    lines += [f"Run {run} is under way and has injected nothing." for run in now.holding]
    lines += [one.found.error for one in now.tickets if one.found.error]
    dead = sorted({one.found.run_id for one in now.tickets if not one.alive})
    remedy = "Its fault may stand; undo it now with: windtunnel undo"
    lines += [f"Run {run} is gone. {remedy} {run}{where}" for run in dead]
    lines += [
        f"Undo of run {one.found.run_id} failed: {one.found.last_error}"
        for one in now.tickets
        if one.found.last_error
    ]
    return "\n".join(lines)


def _row(one: "Standing") -> tuple[str, ...]:
    ticket, about = one.found.ticket, one.found.about
    if ticket is None:
        return one.found.run_id, about.experiment, "?", one.found.state, "?", about.by, "?"
    more = f" and {len(ticket.targets) - _SHOWN} more" if len(ticket.targets) > _SHOWN else ""
    where = ", ".join(map(str, ticket.targets[:_SHOWN])) + more
    state = one.found.state if one.alive else f"{one.found.state}, run gone"
    return (
        one.found.run_id,
        about.experiment,
        ticket.fault,
        state,
        f"{ticket.expires_at:%H:%M:%SZ}",
        about.by,
        where,
    )


def _form(now: "Standings") -> dict[str, Any]:
    from windtunnel.model.forms import stamp, ticket_form

    return {
        "at": stamp(now.at),
        "injected": [
            {
                "run": one.found.run_id,
                "ticket": one.found.name,
                "state": one.found.state,
                "alive": one.alive,
                "experiment": one.found.about.experiment,
                "by": one.found.about.by,
                "undo_tries": one.found.tries,
                "undo_error": one.found.last_error or one.found.error,
                "content": ticket_form(one.found.ticket) if one.found.ticket else None,
            }
            for one in now.tickets
        ],
        "holding": list(now.holding),
    }
