"""No sequence of events and samples, however odd, makes a run pass that has not shown what passing claims."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import Experiment, FaultSpec, Holds, Probe, PrometheusProbe, Role, Target
from windtunnel.model.judge import judge
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.recovery import measure_recovery
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import ExitCode, Verdict

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LOOK = PrometheusProbe(query="r", expect=parse_comparison("> 0"))
PROBES = (
    Probe(name="users", look=LOOK),
    Probe(name="after", look=LOOK, holds=Holds.AFTER),
    Probe(name="load", look=LOOK, role=Role.LOAD),
)
EXPERIMENT = Experiment(
    name="x",
    hypothesis="h",
    owner="o",
    target=Target(namespace="shop", workload="deployment/checkout"),
    steady_state=PROBES,
    faults=(FaultSpec("pod-delete", {}), FaultSpec("deployment-scale", {})),
    duration_s=10,
    recover_within_s=5,
)
_DATA = st.fixed_dictionaries(
    {},
    optional={
        "hit": st.lists(st.just("pod/a in shop"), max_size=1),
        "missed": st.lists(st.just("pod/b is still there"), max_size=1),
        "state": st.sampled_from([*UndoState, "nonsense"]).map(str),
        "by": st.sampled_from(["operator", "condition", ""]),
    },
)
_seconds = st.integers(0, 20).map(lambda second: START + timedelta(seconds=second))
_events = st.builds(
    Event, at=_seconds, kind=st.sampled_from(EventKind), message=st.just("It happened."), data=_DATA
)
_samples = st.builds(
    Sample,
    at=_seconds,
    probe=st.sampled_from([probe.name for probe in PROBES]),
    phase=st.sampled_from(Phase),
    ok=st.sampled_from([True, True, True, False, None]),
    value=st.none(),
    took_s=st.floats(0, 5),
)
_good_start = [
    Event(START, EventKind.BASELINE_MET, ""),
    Event(START, EventKind.TICKET, ""),
    Event(START, EventKind.INJECTING, ""),
    *[Event(START, EventKind.INJECTED, "", {"hit": ["pod/a in shop"]})] * 2,
    Event(START, EventKind.UNDO_FINISHED, "", {"state": "clean"}),
    Event(START, EventKind.RECOVERED, ""),
]


@st.composite
def records(draw):
    """Draw records that are near a passed one, so that a rule that is missing would show."""
    kept = [event for event in _good_start if draw(st.integers(0, 9))]
    good = [
        Sample(START, probe.name, Phase.DURING, ok=True, value=1.0, took_s=0.1)
        for probe in PROBES
        if draw(st.integers(0, 9))
    ]
    events = sorted([*kept, *draw(st.lists(_events, max_size=2))], key=lambda event: event.at)
    samples = sorted([*good, *draw(st.lists(_samples, max_size=3))], key=lambda sample: sample.at)
    return Record("r", "x", tuple(events), tuple(samples))


@given(records())
def test_passed_implies_every_claim(record):
    judgement = judge(record, EXPERIMENT)
    if judgement.verdict is not Verdict.PASSED:
        return
    kinds = {event.kind for event in record.events}
    hits = [event for event in record.all(EventKind.INJECTED) if event.data.get("hit")]
    assert len(hits) >= len(EXPERIMENT.faults)
    assert not any(event.data.get("missed") for event in hits)
    assert {EventKind.BASELINE_MET, EventKind.RECOVERED} <= kinds
    assert not kinds & {
        EventKind.BLOCKED,
        EventKind.BASELINE_MISSED,
        EventKind.INJECT_FAILED,
        EventKind.ABORT,
        EventKind.NOT_RECOVERED,
        EventKind.ERROR,
    }
    assert not any(event.data.get("disturbed") for event in record.all(EventKind.UNDONE))
    during = [s for s in record.samples if s.phase is Phase.DURING]
    assert all(s.ok for s in during if s.probe in {"users", "load"})
    assert {"users", "load"} <= {s.probe for s in during}
    assert all(s.ok for s in record.samples if s.probe == "users" and s.phase is not Phase.BASELINE)


@given(records())
def test_a_run_whose_undo_is_not_known_to_be_clean_never_exits_as_passed(record):
    judgement = judge(record, EXPERIMENT)
    finished = record.last(EventKind.UNDO_FINISHED)
    if finished is None or finished.data.get("state") != "clean":
        began = {EventKind.TICKET, EventKind.INJECTING, EventKind.INJECTED, EventKind.UNDO_STARTED}
        if finished or began & {event.kind for event in record.events}:
            assert judgement.undo is not UndoState.CLEAN
            assert judgement.exit_code is ExitCode.UNDO_NOT_CLEAN


@given(records())
def test_judging_twice_gives_the_same(record):
    assert judge(record, EXPERIMENT) == judge(record, EXPERIMENT)


def near(*, events=(), samples=()):
    good = [Sample(START, probe.name, Phase.DURING, ok=True, value=1.0, took_s=0.1) for probe in PROBES]
    return Record("r", "x", (*_good_start, *events), (*good, *samples))


def test_a_fault_that_hit_less_than_planned_proves_nothing():
    data = {"hit": ["pod/a"], "missed": ["pod/b was gone already"]}
    judgement = judge(near(events=[Event(START, EventKind.INJECTED, "", data)]), EXPERIMENT)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "pod/b was gone already" in judgement.reason


def test_one_of_two_faults_is_not_the_experiment():
    record = near()
    first = next(event for event in record.events if event.kind is EventKind.INJECTED)
    events = tuple(event for event in record.events if event.kind is not EventKind.INJECTED)
    assert judge(replace(record, events=(*events, first)), EXPERIMENT).verdict is Verdict.NOT_TESTED


def test_a_look_that_was_under_way_when_the_fault_began_counts():
    early = Sample(
        START - timedelta(seconds=2), "users", Phase.BASELINE, ok=False, value=None, took_s=2.5, detail="500"
    )
    assert judge(near(samples=[early]), EXPERIMENT).verdict is Verdict.DEVIATED
    assert judge(near(samples=[replace(early, took_s=1.5)]), EXPERIMENT).verdict is Verdict.PASSED


def test_a_ticket_whose_writing_was_not_recorded_still_has_an_undo():
    undone = Event(START, EventKind.UNDO_FINISHED, "", {"state": "failed"})
    assert judge(Record("r", "x", (undone,), ()), EXPERIMENT).undo is UndoState.FAILED


def test_a_look_that_hung_disturbed_for_as_long_as_it_hung():
    hung = Sample(START + timedelta(seconds=1), "users", Phase.DURING, ok=None, value=None, took_s=5.0)
    assert measure_recovery(near(samples=[hung]), EXPERIMENT).disrupted_s == 5.0
