"""The records of runs that died get their end, where the ledger is at hand: beside the undo, never before it.

It happens in a thread of its own: undo needs the cluster alone, and no ledger may hold it up.
"""

import threading
from collections.abc import Callable

from tasks.settle import settle, settle_untouched
from windtunnel.clients.cluster import Cluster
from windtunnel.clock import SystemClock
from windtunnel.faults import load_fault
from windtunnel.ledger import is_at_hand, open_ledger
from windtunnel.model.errors import WindtunnelError

PATIENCE_S = 5.0  # what the ledger has to answer a command that has done its work and would end
EVERY_S = 30.0  # between two looks of a janitor that watches
CLOCK = SystemClock()

Tell = Callable[[str], None]


def close_records(cluster: Cluster, *, tell: Tell) -> None:
    """Close the records of runs that died on *cluster*, or say why not; it takes seconds at the most.

    A run that was on record within the last minute is left: it may live and be about to say its own end.
    """
    said: list[str] = []
    closing = threading.Thread(target=lambda: said.append(_closed(cluster)), name="records", daemon=True)
    closing.start()
    closing.join(PATIENCE_S)
    told = said[0] if said else f"The ledger does not answer within {PATIENCE_S:g} s; records stay open."
    if told:
        tell(told)


def keep_closing(cluster: Cluster, *, stop: threading.Event, tell: Tell) -> None:
    """Do so every half a minute until *stop*, and say once what stands in the way. Returns at once."""

    def look_and_look() -> None:
        before = ""
        while not stop.is_set():
            told = _closed(cluster)
            if told and told != before:
                tell(told)
            before = told
            CLOCK.wait(EVERY_S, until=stop)

    threading.Thread(target=look_and_look, name="records", daemon=True).start()


def _closed(cluster: Cluster) -> str:
    """Close what can be closed; return it as a sentence, empty where there was nothing."""
    try:
        if not is_at_hand():
            return ""
        with open_ledger() as ledger:
            closed = settle_untouched(ledger, clock=CLOCK)
            closed += settle(ledger, cluster, clock=CLOCK, load_fault=load_fault)
    except WindtunnelError as error:
        return f"Records of dead runs stay open for now: {error}"
    except Exception as error:  # noqa: BLE001 - a record that cannot be closed keeps nobody from undoing
        return f"Records of dead runs stay open for now: {type(error).__name__}: {error}"
    return f"Closed the record of {', '.join(closed)}." if closed else ""
