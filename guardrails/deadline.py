"""The deadline: a fault lasts as long as its experiment says, and no longer. Pure."""

from windtunnel.model.experiment import Experiment

LATE_S = 5.0  # after the duration, the flow not having begun to undo


def past_its_time(
    experiment: Experiment, *, since_injection_s: float, inject_over: bool, late_s: float = LATE_S
) -> tuple[str, bool]:
    """Return why a run is past its time, or "", and whether its undo must be done in its place.

    Injecting that takes longer than the whole duration is stopped; an undo that the flow does not get to in
    time is done by whoever watches.
    """
    over_s = since_injection_s - experiment.duration_s
    if over_s > late_s and inject_over:
        return f"Undo was due {over_s:.0f} s ago; the watchdog does it.", True
    if over_s > 0 and not inject_over:
        return f"Injecting took longer than the duration of {experiment.duration_s:g} s.", False
    return "", False
