"""What Slack is told of a run, as Block Kit: an announcement, replies in its thread, and its last state.

Pure builders. Everything that came from a file or a cluster is escaped and cut to Slack's limits, so that no
text can mention anybody, break the layout or make Slack refuse the message.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from windtunnel.model.experiment import Experiment
from windtunnel.model.record import Event, EventKind
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import ExitCode, Judgement, Verdict
from windtunnel.redaction import redact
from windtunnel.report.run_words import recovery_words, sentence, verdict_words

HEADER_LIMIT = 150  # Slack's limits, in characters
SECTION_LIMIT = 3000
FIELD_LIMIT = 2000
TEXT_LIMIT = 3000  # Slack takes 40,000; a notification shows some dozens
NAME_LIMIT = 80
FINDINGS_SHOWN = 10
NAMES_SHOWN = 5

_SIGNS = {
    Verdict.PASSED: ":white_check_mark:",
    Verdict.DEVIATED: ":red_circle:",
    Verdict.INCONCLUSIVE: ":grey_question:",
    Verdict.NOT_TESTED: ":grey_question:",
    Verdict.BLOCKED: ":no_entry:",
    Verdict.ABORTED: ":octagonal_sign:",
}
_REPLIES = {
    EventKind.INJECTED: ":zap: *Injected.*",
    EventKind.INJECT_FAILED: ":grey_question: *Not injected.*",
    EventKind.ABORT: ":octagonal_sign: *Aborted.*",
    EventKind.RECOVERED: ":large_green_circle: *Recovered.*",
    EventKind.NOT_RECOVERED: ":red_circle: *Not recovered.*",
}
_SLACK_ID = re.compile(r"[UWS][A-Z0-9]{6,}")

Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """One Slack message. *text* is what a notification and a screen reader get."""

    text: str
    blocks: tuple[Block, ...]
    mentions: bool = False  # somebody is called: names like @payments-sre are linked


def plain_message(text: str) -> Message:
    """Build a message of one paragraph; what came from elsewhere is escaped."""
    safe = escape(text)
    return Message(text=_cut(safe, TEXT_LIMIT), blocks=(_section(_cut(safe, SECTION_LIMIT)),))


def sections(*texts: str) -> Message:
    """Build a message of several paragraphs in Slack's markup; the first is what a notification shows."""
    return Message(text=_cut(texts[0], TEXT_LIMIT), blocks=tuple(map(_section, texts)))


def announcement(
    experiment: Experiment, *, run_id: str, until: datetime | None = None, ui_url: str = ""
) -> Message:
    """Build the first message of a run: what, where, how much, until when, whose, and how to stop it."""
    how = "Stop it: `windtunnel halt --reason ...`"
    return _head(
        experiment,
        sign=":wind_blowing_face:",
        status="running",
        fields=_plan_fields(experiment, until),
        footer=(f"Run `{code(run_id)}`", how, _link(ui_url)),
    )


def concluded(
    experiment: Experiment,
    judgement: Judgement,
    *,
    run_id: str,
    until: datetime | None = None,
    ui_url: str = "",
) -> Message:
    """Build the first message again as it shall stand once the run is over."""
    report = f"Report: `windtunnel report {code(run_id)}`"
    return _head(
        experiment,
        sign=_sign(judgement),
        status=verdict_words(judgement),
        fields=_plan_fields(experiment, until),
        result=f"*{verdict_words(judgement).capitalize()}.* {escape(judgement.reason)}",
        footer=(f"Run `{code(run_id)}`", report, _link(ui_url)),
    )


def reply(event: Event) -> Message | None:
    """Build the reply that *event* is worth, or None where it is worth none.

    What ends a run before its injection is left to the verdict, which follows at once with the same words.
    """
    if event.kind is EventKind.UNDO_FINISHED:
        return _undone(event)
    if event.kind not in _REPLIES:
        return None
    opening = _REPLIES[event.kind]
    body = f"{opening} {escape(_after(opening, event.message))}".rstrip()
    text = escape(sentence(event.message)) or opening
    return Message(text=_cut(text, TEXT_LIMIT), blocks=(_section(body),))


def _after(opening: str, message: str) -> str:
    """Return *message* as it follows *opening*, without the words that this ends with."""
    words = opening.partition("*")[2].rstrip(".*")
    repeated = message.startswith((f"{words}: ", f"{words}. "))
    return sentence(message[len(words) + 2 :] if repeated else message)


def _undone(event: Event) -> Message:
    if event.data.get("state") == UndoState.CLEAN:
        text = "Undo is clean."
        return Message(text=text, blocks=(_section(f":leftwards_arrow_with_hook: *{text}*"),))
    text = f"Undo is not clean: {escape(event.message)}"
    return Message(text=_cut(text, TEXT_LIMIT), blocks=(_section(f":rotating_light: *{text}*"),))


def verdict(experiment: Experiment, judgement: Judgement) -> Message:
    """Build the last reply: verdict, findings, recovery; the owner is called when something is wrong."""
    wrong = is_wrong(judgement)
    called = f"\n{mention(experiment.owner)}, please look." if wrong and experiment.owner else ""
    body = f"{_sign(judgement)} *{verdict_words(judgement).capitalize()}.* {escape(judgement.reason)}"
    told = _bullets(line for line in judgement.findings if line not in judgement.reason)
    blocks = [_section(_cut(body + told, SECTION_LIMIT - len(called)) + called)]
    if times := recovery_words(judgement.recovery):
        blocks.append(_context(f"{sentence(times)}."))
    text = f"{experiment.name}: {verdict_words(judgement)}. {judgement.reason}"
    return Message(text=_cut(escape(text), TEXT_LIMIT), blocks=tuple(blocks), mentions=wrong)


def is_wrong(judgement: Judgement) -> bool:
    """Say whether somebody should look: a deviation, an abort, or anything left behind."""
    return judgement.exit_code in {ExitCode.DEVIATED, ExitCode.ABORTED, ExitCode.UNDO_NOT_CLEAN}


def escape(text: str) -> str:
    """Escape Slack's control characters, so that *text* cannot mention anybody or become a link.

    Secrets go first: one with such a character in it would no longer be known.
    """
    return redact(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str) -> str:
    """Escape *text* for use between backticks."""
    return escape(text).replace("`", "'").replace("\n", " ")


def mention(owner: str) -> str:
    """Call *owner*: by id where it is one (U..., W..., or S... for a group), else as @name."""
    name = owner.strip().lstrip("@")
    if _SLACK_ID.fullmatch(name):
        return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"
    return f"@{_cut(escape(name), NAME_LIMIT)}"


def _head(
    experiment: Experiment,
    *,
    sign: str,
    status: str,
    fields: Sequence[tuple[str, str]],
    footer: Iterable[str],
    result: str = "",
) -> Message:
    title = f"{experiment.name}: {status}"
    blocks = (
        {"type": "header", "text": _plain(f"{sign} {title}", HEADER_LIMIT)},
        _section(f"_{escape(experiment.hypothesis)}_"),
        {"type": "section", "fields": [_mrkdwn(f"*{name}*\n{value}", FIELD_LIMIT) for name, value in fields]},
        *([_section(result)] if result else []),
        _context(*filter(None, footer)),
    )
    return Message(text=_cut(escape(f"{title}. {experiment.hypothesis}"), TEXT_LIMIT), blocks=blocks)


def _plan_fields(experiment: Experiment, until: datetime | None) -> tuple[tuple[str, str], ...]:
    lasts = f"{experiment.duration_s:g} s, then undo and up to {experiment.recover_within_s:g} s to recover"
    return (
        (
            "What",
            escape(", ".join(f"{fault.name} {_parameters(fault.parameters)}" for fault in experiment.faults)),
        ),
        ("Where", escape(str(experiment.target))),
        ("How long", lasts + (f"; at the latest until {_moment(until)}" if until else "")),
        ("Owner", escape(experiment.owner.lstrip("@")) or "nobody"),
    )


def _parameters(parameters: Mapping[str, Any]) -> str:
    return (
        "(" + ", ".join(f"{name} {value}" for name, value in parameters.items()) + ")" if parameters else ""
    )


def _moment(at: datetime) -> str:
    """Write *at* so that every reader sees it in their own time zone."""
    return f"<!date^{int(at.timestamp())}^{{time_secs}}|{at:%H:%M:%S} UTC>"


def _link(url: str) -> str:
    safe = url.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
    return f"<{safe}|Prefect>" if safe.startswith(("http://", "https://")) else ""


def _sign(judgement: Judgement) -> str:
    return ":rotating_light:" if judgement.exit_code is ExitCode.UNDO_NOT_CLEAN else _SIGNS[judgement.verdict]


def _bullets(lines: Iterable[object]) -> str:
    told = [str(line) for line in lines]
    shown = "".join(
        f"\n• {escape(_cut(line, SECTION_LIMIT // FINDINGS_SHOWN - 30))}" for line in told[:FINDINGS_SHOWN]
    )
    return shown + (f"\n… {FINDINGS_SHOWN} of {len(told)}" if len(told) > FINDINGS_SHOWN else "")


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text, SECTION_LIMIT)}


def _context(*texts: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text, FIELD_LIMIT) for text in texts]}


def _mrkdwn(text: str, limit: int) -> Block:
    return {"type": "mrkdwn", "text": _cut(text, limit)}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": _cut(text, limit), "emoji": True}


def _cut(text: str, limit: int) -> str:
    """Take secrets out of *text*, then shorten it, never in the middle of an escaped character."""
    text = redact(text)
    if len(text) <= limit:
        return text
    return re.sub(r"&[a-z]{0,3}$", "", text[: limit - 1]) + "…"
