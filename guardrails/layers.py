"""Policies in layers: a run must satisfy each of them, so that one more can only tighten. Pure."""

from dataclasses import replace

from windtunnel.model.experiment import Experiment
from windtunnel.model.policy import Policy


def layers(policy: Policy, experiment: Experiment) -> tuple[tuple[Policy, Experiment], ...]:
    """Return every policy that holds for a run, the nearest first, each with the experiment as it sees it.

    The window that an experiment names must be in one of the policies. To one that has other windows alone,
    the name means nothing: the run must be inside any of its windows.
    """
    wanted = experiment.schedule.window
    known = any(wanted in each.windows for each in policy.stack)
    anywhere = replace(experiment, schedule=replace(experiment.schedule, window=""))
    return tuple(
        (each, anywhere if known and wanted not in each.windows else experiment) for each in policy.stack
    )
