"""Who asks: a program with a token, or somebody who has logged in."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.users import Visit

COOKIE = "aiconvai"
CSRF_HEADER = "X-CSRF"
_READING = ("GET", "HEAD", "OPTIONS")

_bearer = HTTPBearer(auto_error=False, description="A token: aiconvai serve token NAME --role ROLE")


def need(application: Application, role: Role) -> Callable[..., Awaitable[None]]:
    """For an endpoint: 401 for nobody, 403 for whoever may not."""

    async def check(
        request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        held = await application.tokens.role_of(given.credentials) if given is not None else None
        if held is None and (visit := await visit_of(application, request)) is not None:
            check_origin(request, visit, request.headers.get(CSRF_HEADER, ""))
            held = visit.role
        if held is None:
            raise HTTPException(401, "a token is needed", {"WWW-Authenticate": "Bearer"})
        if not held.may(role):
            raise HTTPException(403, f"your role is {held}, and {role} is needed")

    return check


async def visit_of(application: Application, connection: HTTPConnection) -> Visit | None:
    """By the cookie; None: nobody who has logged in."""
    cookie = connection.cookies.get(COOKIE)
    return await application.users.visit(cookie) if cookie else None


def is_from_elsewhere(connection: HTTPConnection) -> bool:
    """Another site's page sends it; browsers say so."""
    origin = connection.headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc != connection.headers.get("Host", "")


def check_origin(request: Request, visit: Visit, given: str) -> None:
    """What changes something has to come from our own page: 403."""
    if request.method not in _READING and not secrets.compare_digest(given.encode(), visit.csrf.encode()):
        raise HTTPException(403, "this did not come from the page: load it again")
