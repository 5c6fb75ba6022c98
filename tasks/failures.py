"""What ends a run early is put on record; what must not be mistaken for a verdict is raised again later."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from tasks.live_run import LiveRun
from windtunnel.model.errors import LedgerError, WindtunnelError
from windtunnel.model.record import EventKind
from windtunnel.redaction import redact


@contextmanager
def failures_recorded(run: LiveRun) -> Iterator[None]:
    """Let the run be concluded after any failure of its steps.

    An error that windtunnel knows ends the run and is judged from the record. An error in windtunnel itself
    is on record too, and is raised again once the run is concluded. A ledger that cannot be written ends
    everything: the undo has run by then, and there is nowhere left to conclude.
    """
    try:
        yield
    except LedgerError:
        raise
    except WindtunnelError as error:
        run.happened(EventKind.ERROR, str(error), type=type(error).__name__)
    except Exception as error:  # noqa: BLE001 - the boundary: recorded with its traceback, raised again below
        told = f"internal error: {type(error).__name__}: {error}"
        run.happened(
            EventKind.ERROR, told, traceback=redact("".join(traceback.format_exception(error)))[-8000:]
        )
        run.crash = error
