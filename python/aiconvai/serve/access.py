"""Who may do what: tokens of programs, with a role each. Only a token's hash is kept."""

from __future__ import annotations

import hashlib
import secrets
import time
from enum import StrEnum

from sqlalchemy import delete, select

from aiconvai.serve.store.store import Store
from aiconvai.serve.store.tables import Token

PREFIX = "aic_"
"""Of every token, so that one that lies about is known for what it is."""
_BYTES = 32


class Role(StrEnum):
    """Each may what those before it may."""

    VIEWER = "viewer"
    """Sees calls, and what was said in them."""
    OPERATOR = "operator"
    """Steers calls that go on."""
    ADMIN = "admin"
    """Changes and erases."""

    def may(self, needed: Role) -> bool:
        order = list(Role)
        return order.index(self) >= order.index(needed)


class TokenError(ValueError):
    """A token cannot be made or taken back; the message names it."""


class Tokens:
    """Those of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def issue(self, name: str, role: Role) -> str:
        """A new one, which is told this once. Raises `TokenError`."""
        token = PREFIX + secrets.token_urlsafe(_BYTES)
        async with self._store.writing() as session:
            if await session.get(Token, name) is not None:
                raise TokenError(f"a token named {name!r} exists: take it back first, or choose another name")
            session.add(Token(name=name, role=role.value, digest=_digest(token), created=time.time()))
        return token

    async def revoke(self, name: str) -> None:
        """Raises `TokenError`."""
        async with self._store.writing() as session:
            gone = await session.scalar(delete(Token).where(Token.name == name).returning(Token.name))
            if gone is None:
                raise TokenError(f"no token is named {name!r}")

    async def all(self) -> list[Token]:
        """By their names."""
        async with self._store.reading() as session:
            return list(await session.scalars(select(Token).order_by(Token.name)))

    async def role_of(self, token: str) -> Role | None:
        """None: it is no token."""
        if not token.startswith(PREFIX):
            return None
        async with self._store.reading() as session:
            role = await session.scalar(select(Token.role).where(Token.digest == _digest(token)))
        return Role(role) if role is not None else None


def _digest(token: str) -> str:
    # It has 256 bits of chance: nothing slower is needed to keep it from being guessed.
    return hashlib.sha256(token.encode()).hexdigest()
