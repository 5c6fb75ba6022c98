"""Records and undo tickets: the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_Sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables runs, events, samples and tickets."""
    _make_runs()
    _make_events()
    _make_samples()
    _make_tickets()


def _make_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("experiment", sa.String(255), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("verdict", sa.String(32)),
        sa.Column("undo", sa.String(32)),
        sa.Column("exit_code", sa.Integer),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("triggered_by", sa.String(255), nullable=False),
        sa.Column("experiment_source", sa.Text, nullable=False),
        sa.Column("experiment_text", sa.Text, nullable=False),
        sa.Column("policy_source", sa.Text, nullable=False),
        sa.Column("policy_text", sa.Text, nullable=False),
    )
    op.create_index("runs_by_start", "runs", ["started_at"])
    op.create_index("runs_by_experiment", "runs", ["experiment", "started_at"])


def _make_events() -> None:
    op.create_table(
        "events",
        sa.Column("number", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(64), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_by_run", "events", ["run_id", "number"])


def _make_samples() -> None:
    op.create_table(
        "samples",
        sa.Column("number", _Sequence, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.String(64), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("probe", sa.String(255), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("ok", sa.Boolean),
        sa.Column("value", sa.Float(53)),
        sa.Column("took_s", sa.Float(53), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("samples_by_run", "samples", ["run_id", "number"])


def _make_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.String(255), primary_key=True),
        sa.Column("run_id", sa.String(64), sa.ForeignKey("runs.run_id"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("ticket", sa.Text, nullable=False),
    )
    op.create_index("tickets_by_state", "tickets", ["state", "expires_at"])
