"""A page of the templates, for somebody who is known."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.templating import Jinja2Templates

from aiconvai import __version__
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.users import Visit
from aiconvai.serve.web.visitor import visit_of

_templates = Jinja2Templates(Path(__file__).parent / "templates")


def _when(time: float) -> str:
    """Until a script says it by the reader's own clock."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _as_day(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")


_templates.env.filters["when"] = _when
_templates.env.filters["day"] = _as_day


def show(request: Request, name: str, visit: Visit | None, status: int = 200, **values: Any) -> Response:
    """`name`.html with these values; `visit` None: whoever it is."""
    given = {"visit": visit, "version": __version__, "roles": Role, "status": status, **values}
    return _templates.TemplateResponse(request, f"{name}.html", given, status_code=status)


class _Stranger(HTTPException):
    """Has to log in first."""

    def __init__(self) -> None:
        super().__init__(303, headers={"Location": "/login"})


async def visitor(application: Application, request: Request, needed: Role = Role.VIEWER) -> Visit:
    """Who has to be known: others are sent to where they log in; and who may do that: 403."""
    visit = await visit_of(application, request)
    if visit is None:
        raise _Stranger
    if not visit.role.may(needed):
        raise HTTPException(403, f"your role is {visit.role}, and {needed} is needed")
    return visit
