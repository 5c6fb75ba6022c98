"""A run in words, the same in the terminal, in reports and in messages."""

import re
from collections.abc import Sequence

from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Recovery
from windtunnel.report.probe_words import seconds

_PLAIN_WORD = re.compile(r"[a-z]+(?= )")


def verdict_words(judgement: Judgement) -> str:
    """Return verdict and undo in a few words: "deviated", "aborted, undo partial"."""
    words = str(judgement.verdict).replace("_", " ")
    return words if judgement.undo is UndoState.CLEAN else f"{words}, undo {judgement.undo}"


def recovery_words(recovery: Recovery) -> str:
    """Say how the service was disturbed and came back; empty where nothing of that was observed."""
    told = [
        _disturbed(recovery.disrupted_s),
        "" if recovery.disrupted_s == 0 else _steady(recovery.recovered_s),
        ""
        if recovery.workload_ready_s is None
        else f"target ready again after {seconds(recovery.workload_ready_s)}",
    ]
    return ", ".join(filter(None, told))


def _disturbed(lasted_s: float | None) -> str:
    if lasted_s is None:
        return ""
    return f"disturbed for {seconds(lasted_s)}" if lasted_s else "never disturbed"


def _steady(after_s: float | None) -> str:
    if after_s is None:
        return ""
    return f"steady {seconds(after_s)} after undo" if after_s else "steady at once after undo"


def sentence(text: str) -> str:
    """Begin with a capital, unless the first word is a name: pod/x, success-ratio, halt:."""
    return text[:1].upper() + text[1:] if _PLAIN_WORD.match(text) else text


def offset(after_s: float) -> str:
    """Write seconds before or after the injection: -3.21 s, +0.00 s, +12.40 s."""
    return f"{round(after_s, 2) + 0.0:+.2f} s"  # adding zero makes -0.0 positive


def is_allowed(event: Event) -> bool:
    """Say whether *event* is a guardrail that does not object."""
    return event.kind is EventKind.DECISION and event.data.get("outcome") == "allow"


def allowed_words(decisions: Sequence[Event]) -> str:
    """Tell in one line that no guardrail objects: "7 guardrails allow it: halt, window, ..."."""
    if len(decisions) == 1:
        return decisions[0].message
    names = ", ".join(str(event.data.get("guardrail", "-")) for event in decisions)
    return f"{len(decisions)} guardrails allow it: {names}."
