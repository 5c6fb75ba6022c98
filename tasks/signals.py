"""Ctrl-C, SIGTERM and a closed terminal ask a run to stop; they never tear it apart.

Python would raise at whatever line the main thread is: between the injection and its undo, say, or in the
middle of the undo. Here a signal only asks, as the safety lever does; the run then stops at its next wait,
undoes, and is concluded. However often it is asked, it stops once. SIGKILL cannot be handled; the ticket on
the cluster is there for that.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from prefect.exceptions import TerminationSignal

from tasks.live_run import LiveRun

_WORDS = {
    signal.SIGHUP: "Stopped because its terminal was closed.",
    signal.SIGINT: "Stopped from the keyboard.",
    signal.SIGTERM: "Stopped by a termination signal.",
}


@contextmanager
def signals_ask_to_stop(run: LiveRun) -> Iterator[None]:
    """Turn SIGINT, SIGHUP and SIGTERM into a request to stop *run* until the block ends.

    A SIGTERM (a cancelled run, an evicted worker) is raised again by `conclude`, for Prefect to see. In
    another thread than the main one Python delivers no signals, so there is nothing to do.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            run.crash = TerminationSignal(signal=number)
        # In a thread: the main one may be holding, at this very line, the lock that stopping needs.
        words = _WORDS[signal.Signals(number)]
        threading.Thread(target=run.stop, args=("operator", words), daemon=True).start()

    before = {number: signal.getsignal(number) for number in _WORDS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # nohup and background jobs of a shell ignore SIGINT on purpose
            signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
