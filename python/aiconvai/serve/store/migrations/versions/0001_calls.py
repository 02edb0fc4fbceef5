"""Calls, what was said in them, the tools they used and whatever else happened."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("asterisk", sa.String(80), nullable=False),
        sa.Column("record", sa.String(80), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double()),
        sa.Column("agent", sa.String(80), nullable=False),
        sa.Column("conversation_id", sa.String(200), nullable=False),
        sa.Column("unique_id", sa.String(160), nullable=False),
        sa.Column("linked_id", sa.String(160), nullable=False),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("caller_number", sa.String(80), nullable=False),
        sa.Column("caller_name", sa.String(160), nullable=False),
        sa.Column("extension", sa.String(80), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("transfer", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer()),
        sa.Column("first_audio_ms", sa.Integer()),
        sa.Column("answer_ms", sa.Integer()),
        sa.Column("slowest_answer_ms", sa.Integer()),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_calls"),
        sa.UniqueConstraint("asterisk", "record", name="uq_calls_asterisk_record"),
    )
    op.create_index("ix_calls_started", "calls", ["started"])
    op.create_index("ix_calls_caller_number_started", "calls", ["caller_number", "started"])
    op.create_index("ix_calls_agent_started", "calls", ["agent", "started"])
    op.create_table(
        "turns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("whole_text", sa.Text()),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("spoken_ms", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_turns"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_turns_call_id", ondelete="CASCADE"),
        sa.UniqueConstraint("call_id", "turn", "role", name="uq_turns_call_id_turn_role"),
    )
    op.create_table(
        "tool_uses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("tool_call_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("called", sa.Double(), nullable=False),
        sa.Column("answered", sa.Double()),
        sa.Column("result", sa.Text()),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tool_uses"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_tool_uses_call_id", ondelete="CASCADE"),
        sa.UniqueConstraint("call_id", "tool_call_id", "called", name="uq_tool_uses_call_id_tool_call_id_called"),
    )
    op.create_table(
        "moments",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moments"),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name="fk_moments_call_id", ondelete="CASCADE"),
    )
    op.create_index("ix_moments_call_id_time", "moments", ["call_id", "time"])
    op.create_table(
        "journals",
        sa.Column("asterisk", sa.String(80), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asterisk", name="pk_journals"),
    )
