"""Tickets are found by their run: removing a run asks for them, and would read all of them each time."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the index."""
    op.create_index("tickets_by_run", "tickets", ["run_id"])
