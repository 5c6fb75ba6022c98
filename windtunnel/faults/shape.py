"""The one shape of all faults."""

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from windtunnel.clients.cluster import Cluster
from windtunnel.clients.targets import ResolvedTarget
from windtunnel.model.ticket import ObjectRef, UndoReport, UndoTicket


@dataclass(frozen=True, slots=True)
class Rule:
    """One RBAC rule that a fault needs. *cluster_wide* rules need a ClusterRole."""

    api_group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    cluster_wide: bool = False


@dataclass(frozen=True, slots=True)
class Planning:
    """What prepare may know: everything is passed in, so that a plan can be made again from the record."""

    run_id: str
    cluster: Cluster
    target: ResolvedTarget
    rng: random.Random
    now: datetime
    expires_at: datetime


class FaultStatus(StrEnum):
    """Where a fault is: not yet there, there, over by itself, or failed."""

    PENDING = "pending"
    ACTIVE = "active"
    OVER = "over"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Injection:
    """What inject really did, read back from the cluster. *hit* may be less than what the ticket planned."""

    hit: tuple[ObjectRef, ...]
    message: str
    missed: tuple[str, ...] = ()  # what was planned, and asked of the service, and yet was not hit


Stop = threading.Event | None


class Inject(Protocol):
    """Do what the ticket says. A long one looks at *stop* and, when it is set, ends with a FaultError."""

    def __call__(self, cluster: Cluster, ticket: UndoTicket, *, stop: Stop = None) -> Injection:
        """Return what was hit; raise FaultError, whose `hit` says what was changed before it failed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break.

    *prepare* computes and validates and changes nothing. *inject* does what the ticket says, once, and never
    retries. *undo* works from the ticket alone, is idempotent, goes on past errors, verifies by reading
    again, and reports; it never raises for what it could not undo. Raises FaultError from prepare and inject.
    """

    name: str
    summary: str
    schema: Mapping[str, Any]  # JSON Schema (2020-12) of its parameters
    rbac: tuple[Rule, ...]
    undo_rbac: tuple[Rule, ...]  # what undo alone needs, which is all that the janitor may do
    prepare: Callable[[Planning, Mapping[str, Any]], UndoTicket]
    inject: Inject
    status: Callable[[Cluster, UndoTicket], FaultStatus]
    undo: Callable[[Cluster, UndoTicket], UndoReport]
