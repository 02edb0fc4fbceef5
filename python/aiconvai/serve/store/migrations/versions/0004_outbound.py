"""People who are to be called, by themselves or in lists, and numbers that are not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_calls_unique_id", "calls", ["unique_id"])
    op.create_table(
        "call_lists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_call_lists"),
        sa.UniqueConstraint("name", name="uq_call_lists_name"),
    )
    op.create_table(
        "outbound_calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("list_id", sa.Integer()),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("variables", sa.JSON(), nullable=False),
        sa.Column("caller_id", sa.String(40), nullable=False),
        sa.Column("ring_seconds", sa.Integer()),
        sa.Column("any_hour", sa.Boolean(), nullable=False),
        sa.Column("most_attempts", sa.Integer(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(12), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("channel_id", sa.String(80), nullable=False),
        sa.Column("begun", sa.Double()),
        sa.Column("answered", sa.Double()),
        sa.Column("ended", sa.Double()),
        sa.Column("asterisk", sa.String(80), nullable=False),
        sa.Column("record", sa.String(80), nullable=False),
        sa.Column("conversation_id", sa.String(200), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbound_calls"),
        sa.ForeignKeyConstraint(["list_id"], ["call_lists.id"], name="fk_outbound_calls_list_id", ondelete="CASCADE"),
    )
    op.create_index("ix_outbound_calls_list_id_state_due", "outbound_calls", ["list_id", "state", "due"])
    op.create_index("ix_outbound_calls_state_due", "outbound_calls", ["state", "due"])
    op.create_index("ix_outbound_calls_number", "outbound_calls", ["number"])
    op.create_index("ix_outbound_calls_channel_id", "outbound_calls", ["channel_id"])
    op.create_table(
        "do_not_call",
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("added", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_do_not_call"),
    )
