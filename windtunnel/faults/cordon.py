"""Taking a node out of scheduling and putting it back, so that only our own cordon is ever lifted."""

from collections.abc import Mapping
from typing import Any

from windtunnel.clients.cluster import Cluster
from windtunnel.faults.marked_change import Wording, change, restore
from windtunnel.model.ticket import StepReport, UndoStep

UNSCHEDULABLE = "/spec/unschedulable"


def is_cordoned(node: Mapping[str, Any]) -> bool:
    """Say whether a node takes no new pods by order."""
    return bool((node.get("spec") or {}).get("unschedulable", False))


def cordon(cluster: Cluster, step: UndoStep, *, run_id: str) -> None:
    """Cordon and mark a node in one change, if it is the same node and still takes pods; read it back.

    Raises:
        FaultError: it is another node now, somebody else cordoned it, or the change was refused.
    """
    change(cluster, step, run_id=run_id, words=_WORDS)


def uncordon(cluster: Cluster, step: UndoStep, *, run_id: str) -> StepReport:
    """Lift our own cordon and verify it by reading; leave and report any other."""
    return restore(cluster, step, run_id=run_id, words=_WORDS)


def _back(step: UndoStep) -> str:
    return f"{step.ref} takes pods again"


def _word(value: object) -> str:
    return "is cordoned" if value else "takes pods"


_WORDS = Wording(changing="cordoned", back=_back, is_now=_word)
