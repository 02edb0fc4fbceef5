"""What the calls of each day come to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Float, Integer, case, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from aiconvai.serve.store.tables import Call

SECONDS_A_DAY = 86_400
FAILED = ("UNAVAILABLE", "LOST", "INVALID", "TIMEOUT")
"""How a call ends that went wrong."""


@dataclass(frozen=True, slots=True)
class DayNumbers:
    """Of calls that began on a day (UTC) and are over."""

    day: float
    """When it began."""
    calls: int
    failed: int
    seconds: float
    """Of talk."""
    answer_ms: float | None
    """The mean of the calls' own means; None: nobody was answered."""
    slowest_answer_ms: int | None
    interruptions: int
    cost: float | None


async def day_numbers(session: AsyncSession, since: float, until: float, agent: str = "") -> Sequence[DayNumbers]:
    """Of days with calls, in their order. `agent` empty: of all of them."""
    day = _day(session)
    answered = case((Call.answer_ms > 0, Call.answer_ms))
    query = (
        select(
            day,
            func.count(),
            func.sum(case((Call.status.in_(FAILED), 1), else_=0)),
            func.coalesce(func.sum(Call.duration_ms), 0),
            func.avg(cast(answered, Float)),
            func.max(Call.slowest_answer_ms),
            func.sum(Call.interruptions),
            func.sum(Call.cost),
        )
        .where(Call.started >= since, Call.started < until, Call.ended.is_not(None))
        .group_by(day)
        .order_by(day)
    )
    if agent:
        query = query.where(Call.agent == agent)
    return [
        DayNumbers(float(number * SECONDS_A_DAY), calls, int(failed), milliseconds / 1000, *rest)
        for number, calls, failed, milliseconds, *rest in await session.execute(query)
    ]


async def agents(session: AsyncSession) -> Sequence[str]:
    """Those that had calls."""
    return list(await session.scalars(select(Call.agent).distinct().order_by(Call.agent)))


def _day(session: AsyncSession) -> ColumnElement[int]:
    """Its number since 1970."""
    days = Call.started / SECONDS_A_DAY
    # SQLite has no floor() everywhere, and cuts off what PostgreSQL rounds.
    on_sqlite = session.get_bind().dialect.name == "sqlite"
    return cast(days if on_sqlite else func.floor(days), Integer)
