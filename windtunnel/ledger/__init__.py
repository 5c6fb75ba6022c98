"""What happened and what is still to be undone: append-only records and undo tickets in SQL.

Belongs here: schema, migrations, reading and writing. Does not belong here: judging a record (model.judge).
"""

from windtunnel.ledger.address import is_at_hand
from windtunnel.ledger.journal import Ledger, open_ledger
from windtunnel.ledger.pruning import Pruned
from windtunnel.ledger.rows import News
from windtunnel.ledger.runs import LAST, Origin, RunSummary
from windtunnel.ledger.tickets import StoredTicket, TicketState

__all__ = [
    "LAST",
    "Ledger",
    "News",
    "Origin",
    "Pruned",
    "RunSummary",
    "StoredTicket",
    "TicketState",
    "is_at_hand",
    "open_ledger",
]
