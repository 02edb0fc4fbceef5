"""Words in what was said: an index of each database's own kind, which knows beginnings of words.

SQLite: FTS5, a table beside `turns` that triggers keep as it is. PostgreSQL: an index of `to_tsvector`. Words are whole
or begin so, in any order, all of them in one turn.
"""

from __future__ import annotations

import re
import unicodedata

from sqlalchemy import Select, bindparam, func, literal_column, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from aiconvai.serve.store.tables import Call, Turn

MANY = 5_000
"""Turns. Where more have the words it is quicker to look at one call after the other, the newest first."""
LEAST_CALLS, MOST_CALLS = 200, 10_000
"""Looked at a time then: more each time, as long as too few have the words."""

ON_SQLITE = (
    "CREATE VIRTUAL TABLE turn_words USING fts5(text, whole_text, content='turns', content_rowid='id',"
    # Where a word is does not matter. Beginnings of a length that is not indexed are put together from all words that
    # begin so: 200 ms where millions of turns have them.
    " tokenize='unicode61 remove_diacritics 2', detail=none, prefix='1 2 3 4 5 6 7 8 9 10 11 12')",
    "CREATE TRIGGER turn_words_insert AFTER INSERT ON turns BEGIN"
    " INSERT INTO turn_words(rowid, text, whole_text) VALUES (new.id, new.text, new.whole_text); END",
    "CREATE TRIGGER turn_words_delete AFTER DELETE ON turns BEGIN"
    " INSERT INTO turn_words(turn_words, rowid, text, whole_text)"
    " VALUES ('delete', old.id, old.text, old.whole_text); END",
    "CREATE TRIGGER turn_words_update AFTER UPDATE OF text, whole_text ON turns BEGIN"
    " INSERT INTO turn_words(turn_words, rowid, text, whole_text)"
    " VALUES ('delete', old.id, old.text, old.whole_text);"
    " INSERT INTO turn_words(rowid, text, whole_text) VALUES (new.id, new.text, new.whole_text); END",
    "INSERT INTO turn_words(turn_words) VALUES ('rebuild')",
)
_VECTOR = "to_tsvector('simple', text || ' ' || coalesce(whole_text, ''))"
ON_POSTGRESQL = (f"CREATE INDEX ix_turn_words ON turns USING gin ({_VECTOR})",)
FORGOTTEN_ON_SQLITE = "INSERT INTO turn_words(turn_words) VALUES ('optimize')"
"""What was deleted stays in an index until it is put together anew."""

_WORD = re.compile("[^\\W_\u19b0-\u19c9\u1cf2\u1cf3]+")
"""What is one word to SQLite as well: it takes some signs of New Tai Lue and of Vedic texts for no part of one."""
_MATCHES = "turn_words MATCH :words"
_SAID_IN = text(
    "SELECT DISTINCT turns.call_id FROM turn_words JOIN turns ON turns.id = turn_words.rowid"
    f" WHERE {_MATCHES} AND turns.call_id IN :calls AND turn_words.rowid BETWEEN"
    " (SELECT min(id) FROM turns WHERE call_id IN :calls) AND (SELECT max(id) FROM turns WHERE call_id IN :calls)"
).bindparams(bindparam("calls", expanding=True))


async def newest_with_words(session: AsyncSession, query: Select[Call], given: str, limit: int) -> list[Call]:
    """Of the calls of the query, which has them newest first, those in which these words were said, or were to be."""
    words = _WORD.findall(unicodedata.normalize("NFC", given))
    if not words:
        return []
    if session.get_bind().dialect.name != "sqlite":
        asked = func.to_tsquery("simple", " & ".join(f"{word}:*" for word in words))
        said = select(Turn.call_id).where(literal_column(_VECTOR).op("@@")(asked))
        return list(await session.scalars(query.where(Call.id.in_(said)).limit(limit)))
    match = " AND ".join(f'"{word}"*' for word in words)
    some = text(f"SELECT count(*) FROM (SELECT rowid FROM turn_words WHERE {_MATCHES} LIMIT {MANY + 1})")
    if (await session.scalar(some, {"words": match}) or 0) > MANY:
        return await _walk_back(session, query, match, limit)
    rows = text(f"calls.id IN (SELECT call_id FROM turns WHERE id IN (SELECT rowid FROM turn_words WHERE {_MATCHES}))")
    return list(await session.scalars(query.where(rows.bindparams(words=match)).limit(limit)))


async def _walk_back(session: AsyncSession, query: Select[Call], match: str, limit: int) -> list[Call]:
    """Looks at so many calls at a time: the index is asked once for all of them, and for their turns alone."""
    found: list[int] = []
    older, at_a_time = query.with_only_columns(Call.id, Call.started), LEAST_CALLS
    while len(found) < limit and (calls := (await session.execute(older.limit(at_a_time))).all()):
        ids = [one.id for one in calls]
        said = set(await session.scalars(_SAID_IN, {"words": match, "calls": ids}))
        found += [one for one in ids if one in said]
        older = query.with_only_columns(Call.id, Call.started).where(
            tuple_(Call.started, Call.id) < (calls[-1].started, calls[-1].id)
        )
        at_a_time = min(2 * at_a_time, MOST_CALLS)
    return list(await session.scalars(query.where(Call.id.in_(found[:limit]))))
