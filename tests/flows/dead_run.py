"""What a run would have planned that is no more."""

from dataclasses import replace
from datetime import datetime
from random import Random

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import resolve
from windtunnel.faults import load_fault
from windtunnel.faults.shape import Planning
from windtunnel.files import parse_experiment
from windtunnel.model.ticket import UndoTicket


def plan_of(cluster: Cluster, text: str, run_id: str, expires_at: datetime) -> UndoTicket:
    """Prepare the first fault of an experiment as its run did."""
    experiment = parse_experiment(text, "experiment.yaml")
    (spec, *_) = experiment.faults
    planning = Planning(
        run_id=run_id,
        cluster=cluster,
        target=resolve(experiment.target, cluster),
        rng=Random(7),  # noqa: S311 - chooses victims, keeps no secret
        now=expires_at,
        expires_at=expires_at,
    )
    return replace(load_fault(spec.name).prepare(planning, spec.parameters), number=1)
