"""Words in what was said are found by an index; what a call cost, what it was about, and where it is recorded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from aiconvai.serve.store.search import ON_POSTGRESQL, ON_SQLITE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added as it is: made anew, a table would lose what refers to it.
    op.add_column("calls", sa.Column("cost", sa.Double()))
    op.add_column("calls", sa.Column("summary", sa.Text()))
    op.add_column("calls", sa.Column("recording", sa.Text(), nullable=False, server_default=""))
    op.add_column("calls", sa.Column("recorded_ms", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_moments_call_id_time", "moments")
    op.create_index("ix_moments_call_id_time_kind", "moments", ["call_id", "time", "kind"], unique=True)
    for statement in ON_SQLITE if op.get_bind().dialect.name == "sqlite" else ON_POSTGRESQL:
        op.execute(statement)
