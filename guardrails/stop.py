"""One reason to stop a run that is under way."""

from dataclasses import dataclass, field
from datetime import datetime

from windtunnel.model.decision import Evidence
from windtunnel.model.experiment import Abort


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run must stop now. *since* is when it began to be so.

    *by* is the word that the record's abort event carries: condition, halt, window, freeze, incident, budget,
    sight, lease, ticket, deadline, operator or error.
    """

    by: str
    reason: str  # one sentence
    since: datetime
    evidence: Evidence = field(default_factory=Evidence)
    condition: Abort | None = None  # set when *by* is condition
