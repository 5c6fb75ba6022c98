"""Undo tickets: everything undo needs, written down before the first change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """One Kubernetes object, exactly: the UID tells it from a namesake that replaced it."""

    kind: str  # as in the API: "Pod", "Deployment", "Node"
    name: str
    namespace: str = ""
    uid: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.kind.lower()}/{self.name}{where}"


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Put one field back: if the object (by UID) still has *changed_to* there, write *before*.

    *path* is a JSON Pointer (RFC 6901). `before=None` means that the field was absent. A value that is
    neither *before* nor *changed_to* was changed by someone else since: it is reported, not overwritten.
    """

    ref: ObjectRef
    path: str
    before: Any
    changed_to: Any


@dataclass(frozen=True, slots=True)
class UndoTicket:
    """What one fault of one run is about to do, and how to take it back. Serialises to JSON and back."""

    run_id: str
    fault: str
    targets: tuple[ObjectRef, ...]
    steps: tuple[UndoStep, ...]  # in the order of the changes; undo walks them backwards
    parameters: Mapping[str, Any]  # what inject needs to know beyond targets and steps
    created_at: datetime
    expires_at: datetime
    cluster: str = ""
    number: int = 1  # counts the faults of the same kind in one run

    @property
    def id(self) -> str:
        """Name of the ticket, unique within a cluster and usable as a Kubernetes object name."""
        nth = f"-{self.number}" if self.number > 1 else ""
        return f"windtunnel-undo-{self.run_id}-{self.fault}{nth}"


class UndoState(StrEnum):
    """How undo ended, best to worst. Anything but CLEAN (or NOTHING to undo) outranks every verdict."""

    CLEAN = "clean"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What became of one step. *drift* tells what someone else had written there; *error* why it failed.

    It was *disturbed* where someone else's hand was on the target before the fault was taken back: then the
    fault was not in for as long as it was meant to be, or not in what was watched.
    """

    what: str
    done: bool
    drift: str = ""
    error: str = ""
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What undo did, verified by an independent read."""

    ticket_id: str
    steps: tuple[StepReport, ...] = field(default=())

    @property
    def state(self) -> UndoState:
        """Clean when every step is done; a drift that was left alone is clean too, and is reported."""
        if all(step.done for step in self.steps):
            return UndoState.CLEAN
        return UndoState.PARTIAL if any(step.done for step in self.steps) else UndoState.FAILED
