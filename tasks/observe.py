"""Let the fault work, and watch: until the duration ends or something says stop."""

import threading
from importlib import import_module

from tasks.live_run import LiveRun
from tasks.step import Ending, step
from windtunnel.model.record import EventKind


@step("observe")
def observe(run: LiveRun) -> Ending:
    """Wait for the experiment's duration; probes, lever, window and lease are watched by `watching`."""
    now = run.clock.monotonic()
    ends = (run.injecting_since if run.injecting_since is not None else now) + run.experiment.duration_s
    run.clock.wait((ends - now) / 2, until=run.stopping.event)
    _load_what_draws()
    run.clock.wait(ends - run.clock.monotonic(), until=run.stopping.event)
    if stop := run.stopping.stop:
        run.happened(EventKind.ABORT, stop.message, by=stop.by)
        return Ending(go_on=False, name="Aborted", message=stop.message, failed=True)
    return Ending(go_on=True, name="Observed", message=f"Observed for {run.experiment.duration_s:g} s.")


def _load_what_draws() -> None:
    """Load matplotlib beside the waiting: half a second that the end of the run then does not take."""
    threading.Thread(target=import_module, args=("matplotlib.figure",), name="loading", daemon=True).start()
