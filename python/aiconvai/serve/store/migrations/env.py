"""What alembic runs: the migrations, on the connection that it was given."""

from __future__ import annotations

from alembic import context

from aiconvai.serve.store.tables import Base

connection = context.config.attributes["connection"]
# SQLite cannot change a table: it is made anew, and what was in it copied.
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
