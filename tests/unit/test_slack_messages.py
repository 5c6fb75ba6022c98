"""What Slack is told: within its limits, without a mention that nobody asked for."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.unit.report_sample import DEVIATED, EXPERIMENT, event
from windtunnel.model.record import EventKind
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Recovery, Verdict
from windtunnel.report.slack_blocks import announcement, concluded, mention, reply, verdict

RUN = "20261121-120000-ab12"
UNTIL = datetime(2026, 11, 21, 12, 1, 3, tzinfo=UTC)
PASSED = Judgement(Verdict.PASSED, "It held.", UndoState.CLEAN, (), Recovery(0.0, 0.4, 8.0))
EVIL = "<!channel> & <@U123> *`x`* " + "y" * 5000


def words(message):
    return json.dumps(message.blocks, ensure_ascii=False)


def texts(message):
    """Every text object of a message, with its kind of block."""
    for block in message.blocks:
        for place in ([block["text"]] if "text" in block else []) + block.get("fields", []):
            yield block["type"], place["text"]
        for element in block.get("elements", []):
            yield block["type"], element["text"]


def test_the_first_message_says_what_where_how_long_whose_and_how_to_stop():
    said = words(announcement(EXPERIMENT, run_id=RUN, until=UNTIL, ui_url="http://ui/runs/1"))

    assert "catalog-survives-pod-loss: running" in said
    assert "pod-delete (count 1)" in said
    assert "deployment/catalog in shop on lab" in said
    assert "20 s, then undo and up to 40 s to recover" in said
    assert f"<!date^{int(UNTIL.timestamp())}^{{time_secs}}|12:01:03 UTC>" in said
    assert "catalog-team" in said
    assert "windtunnel halt --reason" in said
    assert "<http://ui/runs/1|Prefect>" in said


def test_the_first_message_ends_with_the_result_in_place_of_running():
    said = words(concluded(EXPERIMENT, DEVIATED, run_id=RUN))

    assert "catalog-survives-pod-loss: deviated" in said
    assert "running" not in said
    assert f"windtunnel report {RUN}" in said


@pytest.mark.parametrize(
    ("kind", "opening"),
    [
        (EventKind.INJECTED, "Injected."),
        (EventKind.ABORT, "Aborted."),
        (EventKind.RECOVERED, "Recovered."),
        (EventKind.NOT_RECOVERED, "Not recovered."),
    ],
)
def test_what_matters_is_told_in_the_thread(kind, opening):
    assert f"*{opening}*" in words(reply(event(1, kind, "So it was.")))


@pytest.mark.parametrize(
    "kind",
    [
        EventKind.WATCHED,
        EventKind.DECISION,
        EventKind.NOTIFIED,
        EventKind.FINISHED,
        EventKind.BLOCKED,  # the verdict follows at once, with the same words
        EventKind.BASELINE_MISSED,
    ],
)
def test_chatter_is_not_told(kind):
    assert reply(event(1, kind, "x")) is None


def test_an_undo_that_is_not_clean_is_told_as_an_alarm():
    clean = reply(event(1, EventKind.UNDO_FINISHED, "Undo: clean.", state="clean"))
    failed = reply(event(1, EventKind.UNDO_FINISHED, "Undo: failed.", state="failed"))

    assert "*Undo is clean.*" in words(clean)
    assert ":rotating_light: *Undo is not clean: Undo: failed.*" in words(failed)


def test_objections_are_listed_and_bounded():
    objections = tuple(f"reason {number} " + "z" * 900 for number in range(30))
    blocked = replace(PASSED, verdict=Verdict.BLOCKED, reason="Blocked.", findings=objections)

    said = words(verdict(EXPERIMENT, blocked))

    assert "• reason 9 " in said
    assert "• reason 10 " not in said
    assert "… 10 of 30" in said


def test_a_reply_says_nothing_twice():
    told = "Not recovered: no answer in 40 s."

    late = reply(event(1, EventKind.NOT_RECOVERED, told))

    assert late.blocks[0]["text"]["text"] == ":red_circle: *Not recovered.* No answer in 40 s."
    assert late.text == told


def test_a_reply_is_a_sentence():
    injected = reply(event(1, EventKind.INJECTED, "deleted catalog-5d-x2"))

    assert injected.blocks[0]["text"]["text"] == ":zap: *Injected.* Deleted catalog-5d-x2"


def test_the_times_of_the_recovery_have_sensible_digits():
    assert words(verdict(EXPERIMENT, DEVIATED)).count(
        "Disturbed for 12.2 s, steady 4.1 s after undo, target ready again after 8.4 s."
    )
    assert "Never disturbed, target ready again after 8.0 s." in words(verdict(EXPERIMENT, PASSED))


def test_the_owner_is_called_when_something_is_wrong():
    message = verdict(EXPERIMENT, DEVIATED)

    assert message.mentions
    assert "\\n@catalog-team, please look." in words(message)
    assert "• front page could not answer" in words(message)
    assert words(message).count("success ratio missed") == 1


@pytest.mark.parametrize("good", [Verdict.PASSED, Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.NOT_TESTED])
def test_the_owner_is_left_in_peace_when_nothing_is_wrong(good):
    message = verdict(EXPERIMENT, replace(PASSED, verdict=good))

    assert not message.mentions
    assert "catalog-team" not in words(message)


def test_an_undo_that_is_not_clean_calls_the_owner_whatever_the_verdict():
    message = verdict(EXPERIMENT, replace(PASSED, undo=UndoState.UNKNOWN))

    assert message.mentions
    assert "Passed, undo unknown" in words(message)


@pytest.mark.parametrize(
    ("owner", "called"),
    [
        ("payments-sre", "@payments-sre"),
        ("@ana", "@ana"),
        ("U0123ABCD", "<@U0123ABCD>"),
        ("S0123ABCD", "<!subteam^S0123ABCD>"),
        ("<!channel>", "@&lt;!channel&gt;"),
    ],
)
def test_an_owner_is_called_by_id_or_by_name(owner, called):
    assert mention(owner) == called


def test_no_text_can_mention_anybody_or_break_slacks_limits():
    evil = replace(EXPERIMENT, name=EVIL, hypothesis=EVIL, owner=EVIL)
    judged = replace(PASSED, reason=EVIL, findings=(EVIL,) * 50, undo=UndoState.FAILED)
    messages = [
        announcement(evil, run_id=EVIL, until=UNTIL, ui_url=f"http://x/{EVIL}"),
        concluded(evil, judged, run_id=EVIL),
        reply(event(1, EventKind.ABORT, EVIL)),
        verdict(evil, judged),
    ]
    limits = {"header": 150, "section": 3000, "context": 2000}

    for message in messages:
        assert len(message.text) <= 3000
        assert len(message.blocks) <= 50
        for kind, text in texts(message):
            assert 0 < len(text) <= limits[kind]
            if kind != "header":  # plain text: Slack shows it as it is
                assert "<!channel>" not in text
                assert "<@U123>" not in text
