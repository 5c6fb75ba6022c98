"""A made-up but lifelike run, for the tests of reports: one of catalog's pods dies and customers notice."""

import math
import random
from datetime import UTC, datetime, timedelta

from windtunnel.model.comparison import parse_comparison
from windtunnel.model.experiment import (
    CommandProbe,
    Experiment,
    FaultSpec,
    HttpProbe,
    KubernetesProbe,
    Probe,
    PrometheusProbe,
    Role,
    Target,
)
from windtunnel.model.record import Event, EventKind, Phase, Record, Sample
from windtunnel.model.ticket import UndoState
from windtunnel.model.verdict import Judgement, Recovery, Verdict

ZERO = datetime(2026, 11, 21, 12, 0, 3, 250_000, tzinfo=UTC)
RUN_ID = "20261121-120000-ab12"

EXPERIMENT = Experiment(
    name="catalog-survives-pod-loss",
    hypothesis="Customers do not notice when one of catalog's pods dies.",
    owner="catalog-team",
    target=Target(namespace="shop", workload="deployment/catalog", cluster="lab"),
    steady_state=(
        Probe(name="success ratio", look=PrometheusProbe("a/b", parse_comparison(">= 0.99"))),
        Probe(name="front page", look=HttpProbe(url="http://shop/", within_s=0.5), interval_s=0.25),
        Probe(name="catalog ready", look=KubernetesProbe(object="deployment/catalog", namespace="shop")),
        Probe(name="smoke test", look=CommandProbe(argv=("true",)), interval_s=2.0),
        Probe(name="traffic", look=PrometheusProbe("t", parse_comparison("> 5")), role=Role.LOAD),
    ),
    faults=(FaultSpec(name="pod-delete", parameters={"count": 1}),),
    duration_s=20.0,
    recover_within_s=40.0,
    source="experiments/catalog-survives-pod-loss.yaml",
)

DEVIATED = Judgement(
    verdict=Verdict.DEVIATED,
    reason="The hypothesis does not hold: success ratio missed in 9 of 31 looks.",
    undo=UndoState.CLEAN,
    findings=("success ratio missed in 9 of 31 looks.", "front page could not answer in 2 of 80 looks."),
    recovery=Recovery(disrupted_s=12.25, recovered_s=4.1, workload_ready_s=8.432),
)


def at(seconds):
    return ZERO + timedelta(seconds=seconds)


def event(seconds, kind, message, **data):
    return Event(at=at(seconds), kind=kind, message=message, data=data)


def events():
    hit = ["pod/catalog-5d-x2 in shop"]
    return (
        event(-3.2, EventKind.STARTED, "catalog-survives-pod-loss", seed=42, triggered_by="ana"),
        event(-3.1, EventKind.TARGETS, "3 pods; chosen 1", chosen=hit, candidates=3),
        event(
            -3.0,
            EventKind.DECISION,
            "caps: 1 of 3 pods",
            guardrail="caps",
            outcome="allow",
            reason="1 of 3 pods is within the caps.",
            observed="1 pod",
            limit="1 pod",
        ),
        event(-2.9, EventKind.LEASE, "Holding deployment/catalog."),
        event(-0.1, EventKind.BASELINE_MET, "The steady state holds, and there is traffic."),
        event(-0.05, EventKind.TICKET, "Undo ticket is written."),
        event(0, EventKind.INJECTING, "Injecting pod-delete."),
        event(0.08, EventKind.INJECTED, "Deleted 1 pod.", hit=hit, fault="pod-delete"),
        event(0.4, EventKind.WATCHED, "pod/catalog-5d-x2 went", what="pod-gone"),
        event(8.432, EventKind.WATCHED, "deployment/catalog is ready", what="workload-ready"),
        event(20.1, EventKind.UNDO_STARTED, "Undoing pod-delete."),
        event(20.2, EventKind.UNDONE, "nothing to put back", what="nothing to put back", done=True),
        event(20.2, EventKind.UNDO_FINISHED, "Undo: clean.", state="clean"),
        event(24.3, EventKind.RECOVERED, "Steady again 4.1 s after undo."),
        event(24.4, EventKind.FINISHED, "deviated", verdict="deviated"),
    )


def samples():
    rng = random.Random(7)  # noqa: S311 - noise, no secret
    found = []
    for probe in EXPERIMENT.steady_state:
        seconds = -3.0
        while seconds < 24.3:
            found.append(_sample(probe, seconds, rng))
            seconds += probe.interval_s
    return tuple(sorted(found, key=lambda sample: sample.at))


def _sample(probe, seconds, rng):
    hurt = 1 < seconds < 12
    phase = Phase.BASELINE if seconds < 0 else Phase.DURING if seconds < 20.2 else Phase.RECOVERY
    values = {
        "success ratio": 0.999 - (0.06 * math.sin((seconds - 1) / 3.6) if hurt else 0),
        "front page": 0.02 + rng.random() * 0.01 + (0.45 if hurt and rng.random() < 0.3 else 0),
        "catalog ready": 2.0 if 0.3 < seconds < 8.4 else 3.0,
        "smoke test": None,
        "traffic": 20 + rng.random(),
    }
    ok = not (hurt and probe.name in {"success ratio", "smoke test"})
    if probe.name == "front page" and 5 < seconds < 5.6:
        return Sample(at(seconds), probe.name, phase, None, None, 5.0, error="no answer within 5 s")
    return Sample(at(seconds), probe.name, phase, ok, values[probe.name], 0.01)


RECORD = Record(run_id=RUN_ID, experiment=EXPERIMENT.name, events=events(), samples=samples())
