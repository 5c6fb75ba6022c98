"""A preview of a run, as text and as JSON values."""

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from windtunnel.cli.console import columns, heading, shorten
from windtunnel.model.decision import Decision, Outcome, objections
from windtunnel.model.forms import stamp, ticket_form
from windtunnel.model.verdict import ExitCode

if TYPE_CHECKING:
    from tasks.look_ahead import Preview

_WIDE = 150  # columns of a terminal that has room for the numbers as well
_CELL = 40
_PAINT = {"allow": "green", "deny": "red", "unknown": "yellow", "holds": "green", "misses": "red"}
_ANSWERS = {True: "holds", False: "misses", None: "unknown"}
_SAYS = {
    ExitCode.PASSED: "It would start now.",
    ExitCode.BLOCKED: "It would be refused.",
    ExitCode.INCONCLUSIVE: "It would not inject: the steady state does not hold, or cannot be seen.",
}


def plan_text(preview: "Preview", *, seed: int) -> str:
    """Lay out a preview for people."""
    return "\n".join(_lines(preview, seed))


def plan_form(preview: "Preview", *, seed: int) -> dict[str, Any]:
    """Return a preview as JSON values."""
    outlook = preview.outlook
    return {
        "experiment": outlook.experiment.name,
        "seed": seed,
        "target": str(outlook.experiment.target),
        "policies": [policy.source or "built-in rules" for policy in outlook.policy.stack],
        "exit_code": int(preview.exit_code),
        "would_start": preview.exit_code is ExitCode.PASSED,
        "next_allowed": stamp(preview.next_allowed) if preview.next_allowed else None,
        "would": list(preview.would),
        "workloads": {name: {"hit": hit, "of": of} for name, (hit, of) in preview.shares.items()},
        "decisions": [_decision_form(decision) for decision in preview.decisions],
        "probes": [
            {
                "name": probe.name,
                "ok": answer.ok,
                "value": answer.value,
                "detail": answer.detail,
                "error": answer.error,
            }
            for probe, answer in preview.looks
        ],
        "tickets": [ticket_form(ticket) for ticket in preview.tickets],
    }


def _lines(preview: "Preview", seed: int) -> Iterator[str]:
    outlook = preview.outlook
    experiment = outlook.experiment
    yield heading(f"{experiment.name}: {_SAYS[preview.exit_code]}")
    yield from (f"  - {each.guardrail}: {each.reason}" for each in objections(preview.decisions))
    if preview.exit_code is ExitCode.BLOCKED and preview.next_allowed:
        yield f"The earliest that every objection has ended: {stamp(preview.next_allowed)}"
    yield f"Policies  {', '.join(policy.source or 'built-in rules' for policy in outlook.policy.stack)}"
    yield f"Seed      {seed}; a run with this --seed chooses the same while the target stays as it is"
    yield ""
    yield heading(f"Target: {experiment.target}")
    yield from (f"{name}: {hit} of {of} pods" for name, (hit, of) in preview.shares.items())
    yield from preview.would
    yield ""
    yield heading("Guardrails")
    wide = not sys.stdout.isatty() or shutil.get_terminal_size().columns >= _WIDE
    head = ("guardrail", "decision", *(("seen", "limit") if wide else ()), "reason")
    rows = [_decision_row(decision, wide=wide) for decision in preview.decisions]
    yield columns(head, rows, paint=_PAINT)
    yield ""
    yield heading("Probes, looked at once")
    looks = [
        (probe.name, _ANSWERS[answer.ok], answer.detail or answer.error) for probe, answer in preview.looks
    ]
    yield columns(("probe", "now", "seen"), looks, paint=_PAINT)
    yield ""
    yield heading("Undo tickets that would be written")
    yield from (f"{ticket.id}, which expires {stamp(ticket.expires_at)}" for ticket in preview.tickets)


def _decision_row(decision: Decision, *, wide: bool) -> tuple[str, ...]:
    numbers = (shorten(decision.evidence.observed, _CELL), shorten(decision.evidence.limit, _CELL))
    return (
        decision.guardrail,
        decision.outcome.name.lower(),
        *(numbers if wide else ()),
        decision.reason,
    )


def _decision_form(decision: Decision) -> dict[str, Any]:
    evidence = decision.evidence
    return {
        "guardrail": decision.guardrail,
        "outcome": Outcome(decision.outcome).name.lower(),
        "reason": decision.reason,
        "observed": evidence.observed,
        "limit": evidence.limit,
        "until": stamp(evidence.until) if evidence.until else None,
    }
