"""What is appended is read back, exactly to the millisecond, in the order of time, on every database."""

import math
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from windtunnel.ledger import LAST, Origin, open_ledger
from windtunnel.model.errors import InputError, LedgerError
from windtunnel.model.forms import stamp
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Recovery, Verdict

START = datetime(2026, 11, 21, 7, 0, 0, 123_000, tzinfo=UTC)
JUDGEMENT = Judgement(Verdict.DEVIATED, "It broke.", UndoState.CLEAN, (), Recovery(1.0, 2.0, 3.0))


def at(seconds):
    return START + timedelta(seconds=seconds)


def event(seconds, kind=EventKind.STARTED, **data):
    return Event(at=at(seconds), kind=kind, message="It happened.", data=data)


def sample(seconds, value=1.0, *, ok=True, probe="ratio"):
    return Sample(at(seconds), probe, Phase.DURING, ok, value, 0.012)


@pytest.fixture
def begun(ledger):
    ledger.begin("run-1", "x", at=START)
    return ledger


def test_a_record_is_read_back_as_it_was_appended(begun):
    events = (event(0, seed=7, nested={"a": [1, None, "ä"]}), event(1, EventKind.INJECTED))
    samples = (sample(0.25), sample(0.5, None, ok=None), sample(0.75, math.inf, ok=False))

    for happened in events:
        begun.append("run-1", happened)
    begun.append_samples("run-1", samples)
    begun.flush()

    assert begun.read("run-1") == Record("run-1", "x", events, samples)


def test_the_record_is_in_the_order_of_time_however_it_was_written(begun):
    for seconds in (2, 0, 1):
        begun.append("run-1", event(seconds))
        begun.append_samples("run-1", [sample(seconds)])
    begun.flush()

    record = begun.read("run-1")

    assert [happened.at for happened in record.events] == [at(0), at(1), at(2)]
    assert [looked.at for looked in record.samples] == [at(0), at(1), at(2)]


def test_a_value_that_is_not_a_number_is_kept_as_no_value(begun):
    begun.append_samples("run-1", [sample(0, math.nan, ok=False)])
    begun.flush()

    (kept,) = begun.read("run-1").samples

    assert (kept.ok, kept.value) == (False, None)


def test_times_are_kept_to_the_millisecond_and_in_utc(begun):
    paris = datetime(2026, 11, 21, 8, 0, 0, 123_999, tzinfo=timezone(timedelta(hours=1)))
    begun.append("run-1", Event(paris, EventKind.STARTED, ""))

    assert begun.read("run-1").events[0].at == START


def test_data_that_is_no_json_is_kept_as_what_it_says(begun):
    begun.append(
        "run-1", event(0, when=START, some={"b", "a"}, pair=(1, 2), odd=math.nan, phase=Phase.DURING)
    )

    kept = begun.read("run-1").events[0].data

    assert kept == {"when": stamp(START), "some": ["a", "b"], "pair": [1, 2], "odd": "nan", "phase": "during"}


def test_text_that_no_database_could_hold_is_kept_as_well_as_it_can_be(begun):
    begun.append("run-1", Event(START, EventKind.ERROR, "a\0b \udce9", {"x\udce9": "\0"}))
    begun.append_samples("run-1", [replace(sample(0), detail="\0", error="\udce9")])
    begun.flush()

    record = begun.read("run-1")
    assert record.events[0].message == "a\ufffdb ?"
    assert record.events[0].data == {"x?": "\ufffd"}
    assert (record.samples[0].detail, record.samples[0].error) == ("\ufffd", "?")


def test_a_run_that_was_never_begun_takes_nothing(ledger):
    with pytest.raises(LedgerError, match="ghost: it was never begun"):
        ledger.append("ghost", event(0))
    with pytest.raises(LedgerError, match="ghost cannot be finished"):
        ledger.finish("ghost", JUDGEMENT)


def test_a_run_cannot_be_begun_twice(begun):
    with pytest.raises(LedgerError, match="run-1 is in the ledger already"):
        begun.begin("run-1", "x")


def test_an_error_in_writing_samples_surfaces_in_the_next_call(address):
    ledger = open_ledger(address)
    ledger.append_samples("ghost", [sample(0)])

    with pytest.raises(LedgerError, match="ghost: it was never begun"):
        ledger.flush()
    with pytest.raises(LedgerError, match="never begun"):
        ledger.append_samples("ghost", [sample(1)])
    with pytest.raises(LedgerError, match="never begun"):
        ledger.append("ghost", event(0))
    with pytest.raises(LedgerError, match="never begun"):
        ledger.close()


def test_samples_are_written_without_being_asked(begun):
    begun.append_samples("run-1", [sample(0)])

    deadline = threading.Event()
    while not begun.read("run-1").samples and not deadline.wait(0.02):
        pass  # the test's own time limit ends a writer that never writes


def test_samples_from_many_threads_are_all_kept_in_the_order_of_each(begun):
    def add(number):
        for place in range(100):
            begun.append_samples("run-1", [sample(place, probe=f"p{number}")])

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    begun.flush()

    record = begun.read("run-1")
    assert len(record.samples) == 800
    assert [s.at for s in record.samples if s.probe == "p3"] == [at(place) for place in range(100)]


def test_a_closed_ledger_takes_no_samples_and_may_be_closed_again(begun):
    begun.close()
    begun.close()

    with pytest.raises(LedgerError, match="closed"):
        begun.append_samples("run-1", [sample(0)])


def test_following_gives_only_what_is_new(begun):
    begun.append("run-1", event(0))
    begun.append_samples("run-1", [sample(0), sample(1)])
    begun.flush()

    first = begun.follow("run-1")
    begun.append("run-1", event(2, EventKind.FINISHED))
    second = begun.follow("run-1", first.after_event, first.after_sample)
    third = begun.follow("run-1", second.after_event, second.after_sample)

    assert (len(first.events), len(first.samples)) == (1, 2)
    assert ([e.kind for e in second.events], second.samples) == ([EventKind.FINISHED], ())
    assert (third.events, third.samples) == ((), ())
    assert (third.after_event, third.after_sample) == (second.after_event, second.after_sample)


def test_following_a_run_that_is_not_there_yet_gives_nothing(ledger):
    assert ledger.follow("soon").events == ()


def test_runs_come_newest_first_with_how_they_ended(ledger):
    for number in range(3):
        ledger.begin(f"run-{number}", "xy"[number % 2], at=at(number), origin=Origin(seed=number))
    ledger.finish("run-1", JUDGEMENT, at=at(9))

    runs = ledger.runs()

    assert [run.run_id for run in runs] == ["run-2", "run-1", "run-0"]
    assert (runs[1].verdict, runs[1].undo, runs[1].exit_code) == (Verdict.DEVIATED, UndoState.CLEAN, 1)
    assert (runs[1].finished_at, runs[1].reason, runs[1].seed) == (at(9), "It broke.", 1)
    assert (runs[0].verdict, runs[0].finished_at) == (None, None)
    assert [run.run_id for run in ledger.runs(limit=1)] == ["run-2"]
    assert [run.run_id for run in ledger.runs(experiment="x")] == ["run-2", "run-0"]


def test_the_end_of_a_run_is_written_once_and_with_it_its_last_events(begun):
    first, second = event(1, EventKind.FINISHED, by="one"), event(2, EventKind.FINISHED, by="another")
    begun.finish("run-1", JUDGEMENT, events=[first], at=at(1))

    with pytest.raises(LedgerError, match="run-1 cannot be finished: it ended already"):
        begun.finish("run-1", replace(JUDGEMENT, verdict=Verdict.PASSED), events=[second], at=at(2))

    assert begun.read("run-1").events == (first,)
    assert (begun.find("run-1").verdict, begun.find("run-1").finished_at) == (Verdict.DEVIATED, at(1))


def test_of_many_that_end_the_same_run_exactly_one_wins(begun):
    gate, ended = threading.Barrier(6), []

    def end(number):
        gate.wait()
        try:
            begun.finish("run-1", JUDGEMENT, events=[event(1, EventKind.FINISHED, by=number)])
        except LedgerError as error:
            ended.append(str(error))

    threads = [threading.Thread(target=end, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ended == ["Run run-1 cannot be finished: it ended already."] * 5
    assert len(begun.read("run-1").events) == 1


def test_a_run_is_found_by_the_beginning_of_its_id_or_as_the_last(ledger):
    for run_id in ("2026-a1", "2026-b2", "2026-b2-more"):
        ledger.begin(run_id, "x", at=START)

    assert ledger.find("2026-a").run_id == "2026-a1"
    assert ledger.find("2026-b2").run_id == "2026-b2"
    assert ledger.find(LAST).run_id == "2026-b2-more"
    assert ledger.run("2026-b2").run_id == "2026-b2"
    assert ledger.run("2026-b") is None
    assert ledger.read("2026-a").run_id == "2026-a1"


@pytest.mark.parametrize("name", ["", "%", "2026-_1", "nothing", "2026-a1' OR 1=1"])
def test_a_name_that_finds_nothing_says_where_to_look(ledger, name):
    ledger.begin("2026-a1", "x")

    with pytest.raises(InputError, match="windtunnel history"):
        ledger.find(name)


def test_a_name_that_finds_several_lists_some_of_them(ledger):
    for number in range(5):
        ledger.begin(f"run-{number}", "x", at=at(number))

    with pytest.raises(InputError, match=r"several runs \(run-4, run-3, run-2, \.\.\.\)"):
        ledger.find("run")


def test_an_empty_ledger_has_no_last_run(ledger):
    with pytest.raises(InputError, match="There is no run yet"):
        ledger.find(LAST)


def test_the_files_that_a_run_was_made_from_are_kept(ledger):
    origin = Origin(3, "ana", "x.yaml", "experiment: x\n# ümläut", "windtunnel.yaml", "caps: {}")
    ledger.begin("run-1", "x", origin=origin)

    assert ledger.origin("run") == origin
