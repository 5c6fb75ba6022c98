"""Stop a lab, and leave no process of it, also where its main process was killed."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infra.lab import processes
from infra.lab.state import LabFolder

STOP_SECONDS = 8.0
ORPHAN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stopped:
    """What `down` found.

    Attributes:
        ran: whether the lab was running.
        killed: processes that did not end when asked and were killed.
    """

    ran: bool
    killed: tuple[int, ...] = ()


def down(home: Path) -> Stopped:
    """Stop the lab of *home*; afterwards no process of it is left. Without a lab, do nothing."""
    folder = LabFolder(home.expanduser().absolute())
    if not folder.root.is_dir():
        return Stopped(ran=False)
    with folder.one_at_a_time():
        pid = folder.holder()
        ran = pid is not None or bool(processes.of_lab(folder.home))
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        killed = processes.end(folder.home, within_s=STOP_SECONDS if pid is not None else ORPHAN_SECONDS)
        for secret in (folder.description, folder.kubeconfig, folder.token):
            secret.unlink(missing_ok=True)
    return Stopped(ran=ran, killed=tuple(killed))
