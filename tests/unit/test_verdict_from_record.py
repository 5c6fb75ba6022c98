"""The verdict follows from the record alone: start from a run that passed, change one fact."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import Experiment, FaultSpec, Holds, Probe, PrometheusProbe, Role, Target
from windtunnel.model.judge import judge
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.verdict import ExitCode, Verdict

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
RATIO = Probe(name="ratio", look=PrometheusProbe(query="r", expect=parse_comparison(">= 0.99")))
LOAD = Probe(name="traffic", look=PrometheusProbe(query="t", expect=parse_comparison("> 5")), role=Role.LOAD)
EXPERIMENT = Experiment(
    name="x",
    hypothesis="h",
    owner="o",
    target=Target(namespace="shop", workload="deployment/checkout"),
    steady_state=(RATIO, LOAD),
    faults=(FaultSpec(name="pod-delete", parameters={}),),
    duration_s=10,
    recover_within_s=5,
)


def at(seconds):
    return START + timedelta(seconds=seconds)


def event(seconds, kind, message="", **data):
    return Event(at=at(seconds), kind=kind, message=message, data=data)


def sample(seconds, *, ok=True, probe="ratio", phase=Phase.DURING, error=""):
    return Sample(
        at=at(seconds),
        probe=probe,
        phase=phase,
        ok=ok,
        value=1.0,
        took_s=0.01,
        detail="0.9 < 0.99",
        error=error,
    )


def passed_run():
    events = (
        event(0, EventKind.STARTED),
        event(1, EventKind.BASELINE_MET),
        event(2, EventKind.TICKET),
        event(2, EventKind.INJECTING),
        event(3, EventKind.INJECTED, hit=["pod/a"]),
        event(5, EventKind.WATCHED, what="workload-ready"),
        event(13, EventKind.UNDO_FINISHED, state="clean"),
        event(14, EventKind.RECOVERED),
    )
    samples = tuple(
        sample(second, probe=probe, phase=Phase.DURING if second < 13 else Phase.RECOVERY)
        for second in range(3, 16)
        for probe in ("ratio", "traffic")
    )
    return Record(run_id="r", experiment="x", events=events, samples=samples)


def without(record, kind):
    return replace(record, events=tuple(e for e in record.events if e.kind is not kind))


def with_event(record, extra):
    return replace(record, events=tuple(sorted((*record.events, extra), key=lambda e: e.at)))


def with_sample(record, changed):
    kept = tuple(s for s in record.samples if (s.at, s.probe) != (changed.at, changed.probe))
    return replace(record, samples=tuple(sorted((*kept, changed), key=lambda s: s.at)))


def test_a_run_in_which_everything_held_has_passed():
    judgement = judge(passed_run(), EXPERIMENT)
    assert judgement.verdict is Verdict.PASSED
    assert judgement.exit_code is ExitCode.PASSED
    assert judgement.recovery.disrupted_s == 0.0
    assert judgement.recovery.recovered_s == 0.0
    assert judgement.recovery.workload_ready_s == 3.0


def test_one_miss_while_the_fault_is_active_deviates():
    judgement = judge(with_sample(passed_run(), sample(6, ok=False)), EXPERIMENT)
    assert judgement.verdict is Verdict.DEVIATED
    assert "ratio missed in 1 of 13 looks" in judgement.reason
    assert judgement.recovery.disrupted_s == 1.0


def test_a_miss_is_allowed_during_the_fault_when_the_probe_need_only_hold_after():
    tolerant = replace(EXPERIMENT, steady_state=(replace(RATIO, holds=Holds.AFTER), LOAD))
    judgement = judge(with_sample(passed_run(), sample(6, ok=False)), tolerant)
    assert judgement.verdict is Verdict.PASSED
    assert judgement.reason == (
        "The steady state held wherever it had to; 1 look that was allowed to miss did."
    )


def test_a_pass_without_a_probe_of_load_says_what_it_leaves_open():
    blind = replace(EXPERIMENT, steady_state=(RATIO,))
    assert "whether there was traffic is not known" in judge(passed_run(), blind).findings[0]


def test_a_probe_that_could_not_answer_makes_the_run_inconclusive():
    judgement = judge(with_sample(passed_run(), sample(6, ok=None, error="timed out")), EXPERIMENT)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "timed out" in judgement.reason


def test_too_little_load_makes_the_run_inconclusive():
    assert judge(with_sample(passed_run(), sample(6, ok=False, probe="traffic")), EXPERIMENT).verdict is (
        Verdict.INCONCLUSIVE
    )


def test_a_miss_outranks_missing_load():
    record = with_sample(passed_run(), sample(6, ok=False, probe="traffic"))
    assert judge(with_sample(record, sample(7, ok=False)), EXPERIMENT).verdict is Verdict.DEVIATED


def test_a_probe_that_never_looked_proves_nothing():
    record = passed_run()
    kept = tuple(s for s in record.samples if not (s.probe == "ratio" and s.phase is Phase.DURING))
    assert judge(replace(record, samples=kept), EXPERIMENT).verdict is Verdict.INCONCLUSIVE


def test_a_run_that_hit_nothing_was_not_tested():
    record = with_event(without(passed_run(), EventKind.INJECTED), event(3, EventKind.INJECTED, hit=[]))
    judgement = judge(record, EXPERIMENT)
    assert judgement.verdict is Verdict.NOT_TESTED
    assert judgement.exit_code is ExitCode.INCONCLUSIVE


def test_an_injection_that_failed_was_not_tested():
    record = with_event(passed_run(), event(3, EventKind.INJECT_FAILED, "delete of pod/a refused"))
    assert judge(record, EXPERIMENT).reason == "Delete of pod/a refused."


def test_a_missed_baseline_is_inconclusive_even_though_nothing_was_injected():
    record = Record(
        "r", "x", (event(0, EventKind.STARTED), event(1, EventKind.BASELINE_MISSED, "no traffic")), ()
    )
    assert judge(record, EXPERIMENT).verdict is Verdict.INCONCLUSIVE


def test_a_blocked_run_lists_every_objection():
    record = Record(
        "r", "x", (event(0, EventKind.BLOCKED, "2 guardrails object", objections=["a", "b"]),), ()
    )
    judgement = judge(record, EXPERIMENT)
    assert (judgement.verdict, judgement.findings) == (Verdict.BLOCKED, ("a", "b"))


def test_an_abort_outranks_the_misses_that_caused_it():
    record = with_sample(passed_run(), sample(6, ok=False))
    judgement = judge(
        with_event(record, event(7, EventKind.ABORT, "ratio < 0.9", by="condition")), EXPERIMENT
    )
    assert judgement.verdict is Verdict.ABORTED
    assert len(judgement.findings) == 2


def test_a_steady_state_that_did_not_come_back_in_time_deviates():
    missed = sample(14, ok=False, phase=Phase.RECOVERY)
    judgement = judge(with_sample(late_run(), missed), EXPERIMENT)
    assert (judgement.verdict, judgement.recovery.recovered_s) == (Verdict.DEVIATED, None)
    assert judgement.findings[-1] == "late"


def test_a_probe_that_only_fell_silent_after_undo_proves_no_deviation():
    silent = sample(14, ok=None, phase=Phase.RECOVERY, error="no answer")
    judgement = judge(with_sample(late_run(), silent), EXPERIMENT)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "late" in judgement.findings


def late_run():
    late = event(18, EventKind.NOT_RECOVERED, "late", probes=["ratio"])
    return with_event(without(passed_run(), EventKind.RECOVERED), late)


def test_a_fault_that_somebody_else_took_out_has_tested_nothing_to_its_end():
    gone = event(
        13, EventKind.UNDONE, drift="deployment/a was replaced by someone else since", disturbed=True
    )
    judgement = judge(with_event(passed_run(), gone), EXPERIMENT)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "deployment/a was replaced by someone else since" in judgement.reason


def test_a_deviation_says_that_somebody_else_interfered():
    gone = event(13, EventKind.UNDONE, drift="deployment/a was deleted by someone else since", disturbed=True)
    judgement = judge(with_event(with_sample(passed_run(), sample(6, ok=False)), gone), EXPERIMENT)
    assert judgement.verdict is Verdict.DEVIATED
    assert "deployment/a was deleted by someone else since" in judgement.findings[-1]


def test_a_record_that_ends_before_recovery_claims_nothing():
    assert judge(without(passed_run(), EventKind.RECOVERED), EXPERIMENT).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("state", ["partial", "failed", "unknown"])
def test_an_undo_that_is_not_clean_outranks_a_pass_in_the_exit_code(state):
    record = with_event(
        without(passed_run(), EventKind.UNDO_FINISHED), event(13, EventKind.UNDO_FINISHED, state=state)
    )
    judgement = judge(record, EXPERIMENT)
    assert judgement.verdict is Verdict.PASSED
    assert judgement.exit_code is ExitCode.UNDO_NOT_CLEAN


def test_an_undo_that_never_reported_is_unknown():
    assert judge(without(passed_run(), EventKind.UNDO_FINISHED), EXPERIMENT).undo == "unknown"


def test_recovery_is_measured_from_the_end_of_undo_to_the_first_look_that_held_again():
    record = with_sample(passed_run(), sample(13, ok=False, phase=Phase.RECOVERY))
    assert judge(record, EXPERIMENT).recovery.recovered_s == 1.0


def test_judging_twice_gives_the_same_judgement():
    assert judge(passed_run(), EXPERIMENT) == judge(passed_run(), EXPERIMENT)
