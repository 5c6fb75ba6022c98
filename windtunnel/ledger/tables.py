"""The tables, as SQLAlchemy Core. Times are whole milliseconds since 1970 in UTC, exact on every database.

The migrations make the tables; these definitions are what reading and writing use, and a test holds the two
equal. Rows of `events` and `samples` are only ever added.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

# SQLite counts by itself only in a column of type INTEGER; elsewhere 32 bits are too few for samples.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

runs = Table(
    "runs",
    metadata,
    Column("run_id", String(64), primary_key=True),
    Column("experiment", String(255), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger),
    Column("verdict", String(32)),
    Column("undo", String(32)),
    Column("exit_code", Integer),
    Column("reason", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("triggered_by", String(255), nullable=False),
    Column("experiment_source", Text, nullable=False),
    Column("experiment_text", Text, nullable=False),
    Column("policy_source", Text, nullable=False),
    Column("policy_text", Text, nullable=False),
    Index("runs_by_start", "started_at"),
    Index("runs_by_experiment", "experiment", "started_at"),
)

events = Table(
    "events",
    metadata,
    Column("number", _Sequence, primary_key=True, autoincrement=True),
    Column("run_id", String(64), ForeignKey("runs.run_id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", String(64), nullable=False),
    Column("message", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON
    Index("events_by_run", "run_id", "number"),
    sqlite_autoincrement=True,
)

samples = Table(
    "samples",
    metadata,
    Column("number", _Sequence, primary_key=True, autoincrement=True),
    Column("run_id", String(64), ForeignKey("runs.run_id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("probe", String(255), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("ok", Boolean),
    Column("value", Float(53)),
    Column("took_s", Float(53), nullable=False),
    Column("detail", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("samples_by_run", "run_id", "number"),
    sqlite_autoincrement=True,
)

tickets = Table(
    "tickets",
    metadata,
    Column("ticket_id", String(255), primary_key=True),
    Column("run_id", String(64), ForeignKey("runs.run_id"), nullable=False),
    Column("state", String(16), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("detail", Text, nullable=False),
    Column("ticket", Text, nullable=False),  # JSON
    Index("tickets_by_state", "state", "expires_at"),
    Index("tickets_by_run", "run_id"),
)
