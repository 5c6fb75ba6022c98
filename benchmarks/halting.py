"""How fast a pulled lever stops a run: the real watchdog, the lab's API server, a Prefect server."""

import random
import threading
import time
from types import SimpleNamespace

from benchmarks.figures import Figure

PULLS = 100
SEED = 7


def halting() -> Figure:
    """Time from the moment `halt` begins to write the lever until the run has been asked to stop.

    The lever is pulled at a random moment between two looks of the watchdog, in both of its places.
    """
    from tasks.known_facts import KnownFacts
    from tasks.prefect_variables import delete_variable, write_variable
    from tasks.watchdog import watchdog
    from windtunnel.clients import halt
    from windtunnel.clients.cluster import connect
    from windtunnel.clients.installation import cluster_entry
    from windtunnel.clock import SystemClock
    from windtunnel.model.experiment import Experiment, Target
    from windtunnel.model.policy import Policy

    clock, cluster = SystemClock(), connect(cluster_entry(Policy(), "lab"))
    experiment = Experiment("x", "h", "o", Target(namespace="shop"), (), (), 600.0, 60.0)
    rng, samples = random.Random(SEED), []  # noqa: S311 - spreads the pulls
    for _ in range(PULLS):
        stopped = threading.Event()
        run = SimpleNamespace(
            clock=clock, cluster=cluster, policy=Policy(), experiment=experiment, known=KnownFacts(),
            gatherers=None, calendars={}, plans=(), lease=None, sampler=SimpleNamespace(error=None),
            samples=SimpleNamespace(seen=[]), injecting_at=None, injecting_since=None, inject_over=False,
            undone=False, stop=lambda *_why, stopped=stopped: stopped.set(),
        )  # fmt: skip
        with watchdog(run):
            clock.wait(1.2 + rng.random())
            assert not stopped.is_set(), "stopped before the lever was pulled"
            began = time.perf_counter()
            on_prefect = threading.Thread(target=write_variable, args=(halt.VARIABLE, "bench"))
            on_prefect.start()
            halt.pull(cluster, reason="bench", by="bench", now=clock.now())
            assert stopped.wait(10), "the lever did not stop the run"
            samples.append(time.perf_counter() - began)
            on_prefect.join()
        halt.release(cluster)
        delete_variable(halt.VARIABLE)
    note = f"{PULLS} pulls at random moments; the watchdog looks every second"
    return Figure(
        "stop latency: halt -> run asked to stop", "s", tuple(samples), goal=1.5, judged="p99", note=note
    )
