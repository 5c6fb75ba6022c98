"""A run as one look at it sees it: its target is resolved once, for all the facts that ask for it."""

import threading
from typing import Any

from tasks.prospect import Prospect
from windtunnel.clients.targets import ResolvedTarget, resolve


class OneLook:
    """Stands for a run while its facts are gathered, and is that run in all but the target.

    Of thousands of pods, resolving takes a second and many megabytes; three facts at once need it.
    """

    def __init__(self, run: Prospect) -> None:
        self._run = run
        self._lock = threading.Lock()
        self._target: ResolvedTarget | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._run, name)

    def fresh_target(self) -> ResolvedTarget:
        """Resolve the target anew, once in this look."""
        with self._lock:
            if self._target is None:
                self._target = resolve(self._run.experiment.target, self._run.cluster)
            return self._target


def fresh_target(run: Prospect) -> ResolvedTarget:
    """Return what the target is now: as this look found it, or else as the cluster says at this moment.

    Raises:
        TargetError: the target is not there.
        ClusterError: the cluster could not be asked.
    """
    return run.fresh_target() if isinstance(run, OneLook) else resolve(run.experiment.target, run.cluster)
