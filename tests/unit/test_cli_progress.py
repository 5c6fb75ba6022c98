"""What a run looks like while it lives, and how its end is told."""

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import typer

from tests.unit.report_sample import DEVIATED, EXPERIMENT, RUN_ID, at, event, events, samples
from windtunnel.cli import run as run_verb
from windtunnel.cli.displays import LiveDisplay, PlainDisplay
from windtunnel.cli.following import followed
from windtunnel.cli.live_picture import picture
from windtunnel.cli.outcome import Outcome, outcome_json, outcome_text
from windtunnel.cli.run_view import RunView
from windtunnel.ledger import News, open_ledger
from windtunnel.model.errors import LedgerError
from windtunnel.model.record import EventKind, Phase, Sample
from windtunnel.model.ticket import UndoState, UndoTicket
from windtunnel.model.verdict import ExitCode, Verdict


def view_at(seconds):
    view = RunView(EXPERIMENT, run_id=RUN_ID)
    for happened in events():
        if happened.at <= at(seconds):
            view.take_event(happened)
    changes = view.take_samples([sample for sample in samples() if sample.at <= at(seconds)])
    return view, changes


def drawn(view, now, *, width=120, height=40):
    from rich.console import Console

    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(picture(view, now, width=width, height=height))
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "phase", "length"),
    [
        (-4, "starting", None),
        (-3, "checking", None),
        (-1, "watching the steady state", None),
        (5, "observing", 20.0),
        (20.15, "undoing", None),
        (22, "recovering", 40.0),
        (24.35, "judging", None),
        (25, "telling", None),
    ],
)
def test_the_phase_follows_the_events(seconds, phase, length):
    view, _ = view_at(seconds)

    assert (view.phase, view.phase_s) == (phase, length)


def test_a_change_is_told_once_when_a_probe_misses_and_once_when_it_holds_again():
    _, changes = view_at(25)

    ratio = [change for change in changes if "success ratio" in change.sentence]
    page = [change.sentence for change in changes if "front page" in change.sentence]
    assert [(change.good, change.sentence.split(":")[0]) for change in ratio] == [
        (False, "success ratio missed"),
        (True, "success ratio holds again"),
    ]
    assert page[0] == "front page does not answer: no answer within 5 s"


def test_misses_are_counted_from_the_injection_on():
    view, _ = view_at(25)

    assert view.probes["success ratio"].missed == 10
    assert view.probes["front page"].unanswered == 2
    assert view.probes["traffic"].missed == 0


def test_a_miss_before_the_injection_is_shown_but_not_counted():
    view = RunView(EXPERIMENT, run_id=RUN_ID)
    missed = Sample(at(-1), "traffic", Phase.BASELINE, False, 1.0, 0.1, detail="1 is not > 5")

    (change,) = view.take_samples([missed, replace(missed, probe="somebody else's")])

    assert change.sentence == "traffic missed: 1 is not > 5"
    assert view.probes["traffic"].missed == 0


def test_the_live_view_shows_phase_time_probes_and_misses():
    view, _ = view_at(9.3)

    text = drawn(view, at(9.3))

    assert "9 of 20 s, 11 s left" in text
    assert [line.split()[0] for line in text.splitlines()[3:]] == [
        "success",
        "front",
        "catalog",
        "smoke",
        "traffic",
    ]
    assert ">= 0.99" in text
    assert "8 missed" in text
    assert "2 unanswered" in text


def test_with_more_probes_than_rows_those_in_trouble_are_shown():
    many = tuple(replace(EXPERIMENT.steady_state[0], name=f"ratio {number}") for number in range(30))
    view = RunView(replace(EXPERIMENT, steady_state=many), run_id=RUN_ID)
    assert drawn(view, at(0), width=80, height=24).splitlines()[-1] == "and 15 more"
    view.take_samples(Sample(at(1), probe.name, Phase.DURING, True, 1.0, 0.1) for probe in many[:29])
    view.take_samples([Sample(at(1), "ratio 29", Phase.DURING, False, 0.5, 0.1)])

    lines = drawn(view, at(2), width=80, height=24).splitlines()

    assert len(lines) <= 24
    assert "ratio 29" in lines[-2]
    assert lines[-1] == "and 15 more, all well"


def test_a_narrow_live_view_stays_within_its_width():
    long = replace(EXPERIMENT, name="a-long-name-" * 5, steady_state=EXPERIMENT.steady_state[:2])
    view, _ = view_at(9.3)
    view.experiment = long

    lines = drawn(view, at(9.3), width=60, height=24).splitlines()

    assert all(len(line) <= 60 for line in lines)
    assert len(lines) == 3 + len(EXPERIMENT.steady_state)
    assert lines[1].endswith("…")


def test_guardrails_that_do_not_object_are_told_in_one_line():
    from rich.console import Console

    console = Console(file=io.StringIO(), width=50, force_terminal=False, highlight=False)
    view, _ = view_at(-1)
    allowed = [
        event(-3, EventKind.DECISION, f"{name}: fine.", guardrail=name, outcome="allow")
        for name in ("halt", "window")
    ]
    with LiveDisplay(view, console=console) as display:
        for happened in (*allowed, event(-2, EventKind.LEASE, "Holding " + "deployment/catalog " * 4)):
            display.event(happened)

    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert lines[:2] == ["12:00:00            2 guardrails allow it: halt,", "                    window."]
    assert [line[:20].strip() for line in lines if "deployment" in line] == ["12:00:01", "", "", ""]


def test_a_live_view_before_anything_happened_can_be_drawn():
    assert "starting" in drawn(RunView(EXPERIMENT, run_id=RUN_ID), at(0))


def test_the_live_display_scrolls_events_and_leaves_no_live_part_behind():
    from rich.console import Console

    console = Console(file=io.StringIO(), width=100, force_terminal=True, highlight=False)
    view, changes = view_at(9.3)
    with LiveDisplay(view, console=console) as display:
        display.event(events()[7])
        display.change(changes[0])
        display.refresh(at(9.3))

    text = console.file.getvalue()
    assert "Deleted 1 pod." in text
    assert "success ratio missed" in text
    assert text.endswith("\x1b[2K")  # the last thing it does is to erase its lines


def test_plain_lines_have_time_offset_kind_and_message():
    lines = []
    view, changes = view_at(9.3)
    with PlainDisplay(view, write=lines.append) as display:
        display.event(events()[7])
        display.change(changes[0])
        display.refresh(at(9.3))

    assert lines == [
        "12:00:03.330Z    +0.08 s  fault.injected     Deleted 1 pod.",
        "12:00:05.250Z    +2.00 s  probe              success ratio missed: 0.9825, expected >= 0.99",
    ]


def test_a_run_is_followed_through_the_ledger_to_its_last_event(tmp_path):
    lines = []
    view = RunView(EXPERIMENT, run_id=RUN_ID)
    with (
        open_ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger,
        followed(ledger, view, PlainDisplay(view, write=lines.append), warn=pytest.fail),
    ):
        ledger.begin(RUN_ID, EXPERIMENT.name)
        for happened in events():
            ledger.append(RUN_ID, happened)

    assert len(lines) == len(events())
    assert "run.finished" in lines[-1]


def test_what_came_in_one_look_is_shown_in_the_order_of_time():
    lines = []
    view = RunView(EXPERIMENT, run_id=RUN_ID)
    news = iter([News(events(), samples(), 1, 1)])
    ledger = SimpleNamespace(follow=lambda *_: next(news, News((), (), 1, 1)))
    with followed(ledger, view, PlainDisplay(view, write=lines.append), warn=pytest.fail):
        pass

    times = [line[:13] for line in lines]
    assert len(times) > len(events())
    assert times == sorted(times)


def test_a_display_that_fails_is_given_up_and_the_run_goes_on():
    def broken(*_):
        msg = "terminal on fire"
        raise OSError(msg)

    told = []
    ledger = SimpleNamespace(follow=lambda *_: News(events(), (), 1, 0))
    view = RunView(EXPERIMENT, run_id=RUN_ID)
    with followed(ledger, view, PlainDisplay(view, write=broken), warn=told.append):
        went_on = True

    assert went_on
    assert told == ["The live view stopped (OSError: terminal on fire); the run goes on."]


OUTCOME = Outcome(RUN_ID, EXPERIMENT.name, 42, DEVIATED, "http://127.0.0.1:4200/runs/flow-run/1")


def test_the_end_of_a_run_is_told_with_its_findings_and_where_to_look():
    assert outcome_text(OUTCOME, color=False).splitlines() == [
        "Deviated. The hypothesis does not hold: success ratio missed in 9 of 31 looks.",
        "  - front page could not answer in 2 of 80 looks.",
        "Undo      clean",
        "Recovery  disturbed for 12.2 s, steady 4.1 s after undo, target ready again after 8.4 s",
        f"Report    windtunnel report {RUN_ID}",
        "Prefect   http://127.0.0.1:4200/runs/flow-run/1",
    ]


def test_on_a_terminal_the_end_of_a_run_is_broken_between_words():
    plain = outcome_text(OUTCOME, color=False)
    narrow = outcome_text(OUTCOME, color=True, width=40).splitlines()

    assert narrow[0] == typer.style("Deviated", fg="red", bold=True) + ". The hypothesis does not hold:"
    assert narrow[1] == "success ratio missed in 9 of 31 looks."
    assert narrow[2:4] == ["  - front page could not answer in 2 of", "    80 looks."]
    assert outcome_text(OUTCOME, color=False, width=200) == plain


def test_a_run_that_injected_nothing_has_nothing_to_undo():
    text = outcome_text(replace(OUTCOME, injected=False), color=False)

    assert "Undo      nothing to undo" in text
    unclean = replace(OUTCOME, injected=False, judgement=replace(DEVIATED, undo=UndoState.UNKNOWN))
    assert "Undo      unknown" in outcome_text(unclean, color=False)


def test_many_findings_are_bounded():
    many = replace(DEVIATED, findings=tuple(f"finding {number}" for number in range(30)))

    assert "... 10 of 30; the report has them all" in outcome_text(
        replace(OUTCOME, judgement=many), color=True
    )


def test_the_json_of_a_run_is_one_document_with_its_exit_code():
    document = json.loads(outcome_json(OUTCOME))

    assert (document["run_id"], document["verdict"], document["undo"]) == (RUN_ID, "deviated", "clean")
    assert (document["exit_code"], document["seed"]) == (1, 42)


@pytest.fixture
def ledger(tmp_path):
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        opened.begin(RUN_ID, EXPERIMENT.name)
        yield opened


def finish(ledger, judgement=DEVIATED):
    for happened in events():
        ledger.append(RUN_ID, happened)
    ledger.append_samples(RUN_ID, samples())
    ledger.finish(RUN_ID, judgement)


def end(ledger, error=None):
    return run_verb._outcome(ledger, EXPERIMENT, RUN_ID, error, "")


def test_the_verdict_is_computed_from_the_record(ledger):
    finish(ledger)

    assert end(ledger).judgement.verdict is Verdict.DEVIATED


def status_of(ledger, error=None):
    with pytest.raises(typer.Exit) as ended:
        end(ledger, error)
    return ended.value.exit_code


def test_a_run_that_was_stopped_before_it_began_is_aborted(tmp_path):
    with open_ledger(f"sqlite:///{tmp_path}/ledger.db") as empty:
        assert status_of(empty, KeyboardInterrupt()) == ExitCode.ABORTED
        with pytest.raises(LedgerError, match="gone"):
            end(empty, LedgerError("gone"))


def test_a_run_without_a_verdict_is_an_error(ledger):
    assert status_of(ledger) == ExitCode.INTERNAL_ERROR
    assert status_of(ledger, KeyboardInterrupt()) == ExitCode.ABORTED
    with pytest.raises(LedgerError, match="gone"):
        end(ledger, LedgerError("gone"))


def test_a_run_without_a_verdict_whose_ticket_is_open_is_not_clean(ledger):
    ledger.save_ticket(UndoTicket(RUN_ID, "pod-delete", (), (), {}, at(0), at(60)))

    assert status_of(ledger, LedgerError("gone")) == ExitCode.UNDO_NOT_CLEAN


def test_an_error_in_windtunnel_outranks_the_verdict(ledger):
    finish(ledger)

    with pytest.raises(ZeroDivisionError):
        end(ledger, ZeroDivisionError())


def test_ctrl_c_leaves_the_verdict_as_it_is_on_record(ledger):
    finish(ledger)

    assert end(ledger, KeyboardInterrupt()).judgement.verdict is Verdict.DEVIATED


def test_something_left_behind_outranks_even_an_error_in_windtunnel(ledger):
    finish(ledger)
    ledger.append(RUN_ID, event(30, EventKind.UNDO_FINISHED, "Undo: failed.", state="failed"))

    assert end(ledger, ZeroDivisionError()).judgement.undo is UndoState.FAILED
