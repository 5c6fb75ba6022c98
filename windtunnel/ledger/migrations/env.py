"""What alembic runs: it works on the connection that `windtunnel.ledger.opening` hands over."""

from alembic import context

from windtunnel.ledger.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
