"""People who use the page: who they are, and that they are who they say. Passwords are kept as Argon2 has them."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error
from sqlalchemy import delete, func, select

from aiconvai.serve.access import Role
from aiconvai.serve.store.store import Store
from aiconvai.serve.store.tables import PageSession, User

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
SESSION_SECONDS = 12 * 3600.0
HASHES_AT_ONCE = 2
"""Each takes 64 MiB while it is made."""
_BYTES = 32


class UserError(ValueError):
    """A user cannot be made or changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Of somebody who is known."""

    name: str
    role: Role
    csrf: str
    """What a request that changes something has to bring: another site does not know it."""


class Users:
    """Those of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hasher = PasswordHasher()
        self._hashing = asyncio.Semaphore(HASHES_AT_ONCE)
        # So that it takes as long where there is no such user.
        self._of_nobody = self._hasher.hash(secrets.token_urlsafe(_BYTES))

    async def count(self) -> int:
        async with self._store.reading() as session:
            return await session.scalar(select(func.count()).select_from(User)) or 0

    async def all(self) -> list[User]:
        """By their names."""
        async with self._store.reading() as session:
            return list(await session.scalars(select(User).order_by(User.name)))

    async def create(self, name: str, password: str, role: Role) -> None:
        """Raises `UserError`."""
        name = name.strip()
        if not name.isprintable() or not 1 <= len(name) <= 80:
            raise UserError("a name has 1 to 80 characters, all of which can be seen")
        digest = await self._hash(password)
        async with self._store.writing() as session:
            if await session.get(User, name) is not None:
                raise UserError(f"there is a user {name!r} already")
            session.add(User(name=name, role=role.value, password=digest, created=time.time()))

    async def change_password(self, name: str, password: str) -> None:
        """All sessions of that user end. Raises `UserError`."""
        digest = await self._hash(password)
        async with self._store.writing() as session:
            user = await session.get(User, name)
            if user is None:
                raise UserError(f"there is no user {name!r}")
            user.password = digest
            await session.execute(delete(PageSession).where(PageSession.user == name))

    async def remove(self, name: str) -> None:
        """Raises `UserError`."""
        async with self._store.writing() as session:
            gone = await session.scalar(delete(User).where(User.name == name).returning(User.name))
            if gone is None:
                raise UserError(f"there is no user {name!r}")

    async def log_in(self, name: str, password: str) -> str | None:
        """A new session's secret, for a cookie; None where the name or the password is wrong."""
        # Longer ones, and those that no database has a text for, are nobody's.
        name = name.strip()[:80] if name.isprintable() else ""
        async with self._store.reading() as session:
            user = await session.get(User, name)
        digest = user.password if user is not None else self._of_nobody
        async with self._hashing:
            is_right = await asyncio.to_thread(self._is_right, digest, password[:LONGEST_PASSWORD])
        if user is None or not is_right:
            return None
        cookie, now = secrets.token_urlsafe(_BYTES), time.time()
        async with self._store.writing() as session:
            await session.execute(delete(PageSession).where(PageSession.expires < now))
            session.add(
                PageSession(
                    digest=_digest(cookie), user=user.name, csrf=secrets.token_urlsafe(_BYTES),
                    expires=now + SESSION_SECONDS,
                )
            )  # fmt: skip
        return cookie

    async def visit(self, cookie: str) -> Visit | None:
        """Whose cookie it is; None: nobody's, or its session is over."""
        query = select(PageSession, User).join(User, User.name == PageSession.user)
        async with self._store.reading() as session:
            row = (await session.execute(query.where(PageSession.digest == _digest(cookie)))).first()
        if row is None or row[0].expires < time.time():
            return None
        return Visit(row[1].name, Role(row[1].role), row[0].csrf)

    async def log_out(self, cookie: str) -> None:
        async with self._store.writing() as session:
            await session.execute(delete(PageSession).where(PageSession.digest == _digest(cookie)))

    async def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise UserError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
        async with self._hashing:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _is_right(self, digest: str, password: str) -> bool:
        try:
            return self._hasher.verify(digest, password)
        except Argon2Error:
            return False


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
