"""The tables. Times are seconds since 1970, spans milliseconds; a call is one conversation of one Asterisk."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from aiconvai.serve.outbound.outcome import is_outbound

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
"""So that a migration can name what it changes, in any database."""

_OF_CALL = "calls.id"


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: JSON}


class Call(Base):
    """One conversation, from its first event to its last; while `ended` is None it goes on, or nobody knows better."""

    __tablename__ = "calls"
    __table_args__ = (
        UniqueConstraint("asterisk", "record"),
        Index(None, "started"),
        Index(None, "caller_number", "started"),
        Index(None, "agent", "started"),
        Index(None, "unique_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    asterisk: Mapped[str] = mapped_column(String(80))
    """The name that its source has in serve.toml."""
    record: Mapped[str] = mapped_column(String(80))
    """Its name there."""
    is_whole: Mapped[bool] = mapped_column(default=False)
    """All of it was read in the journal: nothing more is to come."""
    started: Mapped[float]
    ended: Mapped[float | None]
    agent: Mapped[str] = mapped_column(String(80), default="")
    conversation_id: Mapped[str] = mapped_column(String(200), default="")
    unique_id: Mapped[str] = mapped_column(String(160), default="")
    linked_id: Mapped[str] = mapped_column(String(160), default="")
    channel: Mapped[str] = mapped_column(String(200), default="")
    caller_number: Mapped[str] = mapped_column(String(80), default="")
    caller_name: Mapped[str] = mapped_column(String(160), default="")
    extension: Mapped[str] = mapped_column(String(80), default="")
    status: Mapped[str] = mapped_column(String(20), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    transfer: Mapped[str] = mapped_column(Text, default="")
    duration_ms: Mapped[int | None]
    first_audio_ms: Mapped[int | None]
    answer_ms: Mapped[int | None]
    slowest_answer_ms: Mapped[int | None]
    interruptions: Mapped[int] = mapped_column(default=0)
    recording: Mapped[str] = mapped_column(Text, default="")
    """With what the names of its files begin, at its Asterisk; empty: there is none."""
    recorded_ms: Mapped[int] = mapped_column(default=0)
    """For so long it had been recorded when it began."""
    cost: Mapped[float | None]
    """By the prices of the time; None: its agents have none."""
    summary: Mapped[str | None] = mapped_column(Text)
    """What it was about; None: nobody has said yet."""
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What its last event said besides, under the headers' names."""

    @property
    def direction(self) -> str:
        """outbound: it was made here; `caller_number` is who was called then."""
        return "outbound" if is_outbound(self.unique_id) else "inbound"

    turns: Mapped[list[Turn]] = relationship(back_populates="call", cascade="all, delete-orphan", order_by="Turn.turn")
    tools: Mapped[list[ToolUse]] = relationship(
        back_populates="call", cascade="all, delete-orphan", order_by="ToolUse.called"
    )
    moments: Mapped[list[Moment]] = relationship(
        back_populates="call", cascade="all, delete-orphan", order_by="Moment.time"
    )


class Turn(Base):
    """What one of the two said."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("call_id", "turn", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey(_OF_CALL, ondelete="CASCADE"))
    turn: Mapped[int]
    """In the order in which it was spoken."""
    role: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    whole_text: Mapped[str | None] = mapped_column(Text)
    """What the agent was to say, where the caller interrupted it."""
    time: Mapped[float]
    """When it was told."""
    spoken_ms: Mapped[int]
    """When it was spoken, since the call began."""

    call: Mapped[Call] = relationship(back_populates="turns")


class ToolUse(Base):
    """A tool that the agent called."""

    __tablename__ = "tool_uses"
    __table_args__ = (UniqueConstraint("call_id", "tool_call_id", "called"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey(_OF_CALL, ondelete="CASCADE"))
    tool_call_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    parameters: Mapped[str] = mapped_column(Text, default="")
    called: Mapped[float]
    answered: Mapped[float | None]
    result: Mapped[str | None] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(String(10), default="open")
    """open, done, error or cancelled."""

    call: Mapped[Call] = relationship(back_populates="tools")


class Moment(Base):
    """Anything else that happened: an interruption, a hold, keys, how long an answer took."""

    __tablename__ = "moments"
    # It is told once, however often it is told.
    __table_args__ = (Index(None, "call_id", "time", "kind", unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_id: Mapped[int] = mapped_column(ForeignKey(_OF_CALL, ondelete="CASCADE"))
    time: Mapped[float]
    kind: Mapped[str] = mapped_column(String(40))
    """The event's name without its prefix."""
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)

    call: Mapped[Call] = relationship(back_populates="moments")


class JournalRead(Base):
    """How far the journal of an Asterisk was read."""

    __tablename__ = "journals"

    asterisk: Mapped[str] = mapped_column(String(80), primary_key=True)
    inode: Mapped[int] = mapped_column(BigInteger)
    offset: Mapped[int] = mapped_column(BigInteger)


class CallList(Base):
    """People whom an agent is to call."""

    __tablename__ = "call_lists"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    agent: Mapped[str] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10), default="ready")
    """ready, running, paused, done or cancelled."""
    created: Mapped[float]


class OutboundCall(Base):
    """Somebody who is to be called, or was: of a list, or singly."""

    __tablename__ = "outbound_calls"
    __table_args__ = (
        Index(None, "list_id", "state", "due"),
        Index(None, "state", "due"),
        Index(None, "number"),
        Index(None, "channel_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int | None] = mapped_column(ForeignKey("call_lists.id", ondelete="CASCADE"))
    number: Mapped[str] = mapped_column(String(40))
    agent: Mapped[str] = mapped_column(String(80))
    variables: Mapped[dict[str, Any]] = mapped_column(default=dict)
    caller_id: Mapped[str] = mapped_column(String(40), default="")
    """Empty: the usual one."""
    ring_seconds: Mapped[int | None]
    """None: as long as usual."""
    any_hour: Mapped[bool] = mapped_column(default=False)
    most_attempts: Mapped[int] = mapped_column(default=1)
    created: Mapped[float]
    state: Mapped[str] = mapped_column(String(12))
    due: Mapped[float] = mapped_column(default=0.0)
    """Not called before that."""
    attempts: Mapped[int] = mapped_column(default=0)
    result: Mapped[str] = mapped_column(String(12), default="")
    """Of the last attempt."""
    reason: Mapped[str] = mapped_column(Text, default="")
    """A sentence about it."""
    channel_id: Mapped[str] = mapped_column(String(80), default="")
    """Of the last attempt's channel."""
    begun: Mapped[float | None]
    answered: Mapped[float | None]
    ended: Mapped[float | None]
    """Of the last attempt."""
    asterisk: Mapped[str] = mapped_column(String(80), default="")
    record: Mapped[str] = mapped_column(String(80), default="")
    """Its conversation; empty: there was none."""
    conversation_id: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(20), default="")
    """How the conversation ended."""


class DoNotCall(Base):
    """A number that is never called."""

    __tablename__ = "do_not_call"

    number: Mapped[str] = mapped_column(String(40), primary_key=True)
    """With its country's code and without anything in front of it."""
    added: Mapped[float]


class Token(Base):
    """With which a program may use the API."""

    __tablename__ = "tokens"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the token, in hexadecimal digits."""
    created: Mapped[float]


class User(Base):
    """Somebody who uses the page."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    role: Mapped[str] = mapped_column(String(10))
    password: Mapped[str] = mapped_column(String(200))
    """As Argon2 has it."""
    created: Mapped[float]


class PageSession(Base):
    """Of a user who has logged in."""

    __tablename__ = "page_sessions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of the cookie."""
    user: Mapped[str] = mapped_column(ForeignKey("users.name", ondelete="CASCADE"))
    csrf: Mapped[str] = mapped_column(String(64))
    expires: Mapped[float]
