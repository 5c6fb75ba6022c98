"""How long a fault outlives a run that is killed: real runs in a lab, SIGKILL, and one janitor."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure

KILLS = 48
LANES = 6
GOAL_S = 15.0 + 5.0  # the lease's TTL, and what the janitor may take


def dying() -> Figure:
    """Time from the end of the killed process until its fault and its ticket are gone, as read each 0.2 s."""
    from tests.kill.course import course, janitors
    from tests.kill.killing import Kill
    from tests.kill.lane import FAULTS
    from tests.kill.matrix import carry_out

    points = ("after the change is made", "after the fault is on record")
    kinds = [Kill(fault, point) for point in points for fault in FAULTS]
    with (
        TemporaryDirectory(prefix="windtunnel-bench-") as folder,
        course(Path(folder), LANES) as lanes,
        janitors(1, Path(folder)),
    ):
        done = carry_out(lanes, [kinds[number % len(kinds)] for number in range(KILLS)])
    left = [one for one in done if one.undone_s is None or not (one.reached and one.injected)]
    assert not left, left
    note = (
        f"{KILLS} kills of runs with {len(FAULTS)} faults, {LANES} at once, with the fault in; "
        "the 99th percentile of so few is the longest"
    )
    samples = tuple(one.undone_s or 0.0 for one in done)
    return Figure("undo: SIGKILL -> fault undone by the janitor", "s", samples, GOAL_S, "p99", note)
