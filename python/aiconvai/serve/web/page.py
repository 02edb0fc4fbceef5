"""The page: HTML, and what a browser needs for it. Words of callers are text, never markup.

Nothing is fetched from elsewhere, and the content security policy says so: no script, style or picture that is not a
file of ours.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, FastAPI, Form, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException as StarletteHTTPException

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.store.numbers import SECONDS_A_DAY, day_numbers
from aiconvai.serve.store.numbers import agents as agents_with_calls
from aiconvai.serve.store.store import Wanted
from aiconvai.serve.store.tables import Call
from aiconvai.serve.users import SESSION_SECONDS, UserError
from aiconvai.serve.web.agents import agent_pages
from aiconvai.serve.web.answer_headers import say_problem
from aiconvai.serve.web.api import WholeCallOut, stored_call
from aiconvai.serve.web.outbound import outbound_pages
from aiconvai.serve.web.shapes import Id
from aiconvai.serve.web.show import show, visitor
from aiconvai.serve.web.visitor import COOKIE, check_origin, is_from_elsewhere, visit_of

PAGE_LENGTH = 50
EXPORT_LENGTH = 1000
MOST_DAYS = 3660
"""Whose numbers are shown at once."""
TRIES = parse("10 per 5 minutes")
"""To log in, from an address."""
TRIES_OF_A_NAME = parse("50 per 5 minutes")
"""From all of them; more, so that nobody is locked out by whoever knows his name."""
_HERE = Path(__file__).parent
_CSV_COLUMNS = (
    "started", "ended", "asterisk", "direction", "agent", "caller_number", "caller_name", "extension", "status",
    "reason", "duration_ms", "answer_ms", "interruptions", "cost", "summary", "conversation_id", "unique_id",
)  # fmt: skip
# Spreadsheets take what begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

class Setup:
    """Until there is a user, whoever has this token makes the first one."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(24)


def add_page(api: FastAPI, application: Application, setup: Setup) -> None:
    """To the application that has the API."""
    api.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    api.include_router(_access(application, setup), include_in_schema=False)
    api.include_router(_pages(application), include_in_schema=False)
    api.include_router(agent_pages(application), include_in_schema=False)
    api.include_router(outbound_pages(application), include_in_schema=False)

    @api.exception_handler(StarletteHTTPException)
    async def say(request: Request, error: StarletteHTTPException) -> Response:
        """To a person what is wrong as a page, to a program as JSON."""
        if error.status_code < 400 or "text/html" not in request.headers.get("Accept", ""):
            return await say_problem(request, error)
        visit = await visit_of(application, request)
        return show(request, "error", visit, error.status_code, detail=error.detail)


# Who it is -------------------------------------------------------------------------------------------------


def _access(application: Application, setup: Setup) -> APIRouter:
    router = APIRouter()
    limiter = MovingWindowRateLimiter(MemoryStorage())

    @router.get("/login")
    async def login_form(request: Request) -> Response:
        return show(request, "login", None)

    @router.post("/login")
    async def login(request: Request, name: Annotated[str, Form()], password: Annotated[str, Form()]) -> Response:
        _check_same_site(request)
        address = request.client.host if request.client is not None else ""
        if not (limiter.hit(TRIES, address) and limiter.hit(TRIES_OF_A_NAME, name[:80])):
            return show(request, "login", None, 429, problem="Too many tries. Wait for five minutes.")
        cookie = await application.users.log_in(name, password)
        if cookie is None:
            return show(request, "login", None, 403, problem="The name or the password is wrong.")
        return _logged_in(request, cookie)

    @router.post("/logout")
    async def logout(request: Request, csrf: Annotated[str, Form()]) -> Response:
        visit = await visitor(application, request)
        check_origin(request, visit, csrf)
        await application.users.log_out(request.cookies[COOKIE])
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    @router.get("/setup")
    async def setup_form(request: Request, token: str = "") -> Response:
        await _check_setup(token)
        return show(request, "setup", None, token=token)

    @router.post("/setup")
    async def first_user(
        request: Request,
        token: Annotated[str, Form()],
        name: Annotated[str, Form()],
        password: Annotated[str, Form()],
    ) -> Response:
        _check_same_site(request)
        await _check_setup(token)
        try:
            await application.users.create(name, password, Role.ADMIN)
        except UserError as error:
            return show(request, "setup", None, 422, token=token, problem=str(error))
        cookie = await application.users.log_in(name, password)
        assert cookie is not None
        return _logged_in(request, cookie)

    async def _check_setup(token: str) -> None:
        if await application.users.count() or not secrets.compare_digest(token.encode(), setup.token.encode()):
            raise HTTPException(403, "this address was good once, for the first user")

    return router


def _logged_in(request: Request, cookie: str) -> Response:
    response = RedirectResponse("/", 303)
    is_secure = request.url.scheme == "https"
    response.set_cookie(
        COOKIE, cookie, max_age=round(SESSION_SECONDS), httponly=True, samesite="strict", secure=is_secure
    )
    return response


def _check_same_site(request: Request) -> None:
    """There is no session yet whose secret a form could bring."""
    if is_from_elsewhere(request):
        raise HTTPException(403, "this did not come from the page: load it again")


# What there is to see --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Filters:
    """Which calls, as the form of the history has it; what is empty does not matter."""

    agent: str = ""
    caller: str = ""
    status: str = ""
    text: str = ""
    day: str = ""
    direction: Literal["", "inbound", "outbound"] = ""

    def wanted(self) -> Wanted:
        since = _day(self.day)
        until = since + 86_400 if since is not None else None
        return Wanted(self.agent, self.caller, self.status, self.text, since, until, self.direction)


def _pages(application: Application) -> APIRouter:
    router = APIRouter()
    currency = application.settings.costs.currency

    @router.get("/")
    async def live(request: Request) -> Response:
        visit = await visitor(application, request)
        return show(request, "live", visit, here="live", phones=list(application.settings.phones))

    @router.get("/state")
    async def state(request: Request) -> Response:
        visit = await visitor(application, request)
        return show(request, "state", visit, here="state", application=application, problems=application.problems())

    @router.get("/calls")
    async def calls(
        request: Request,
        filters: Annotated[_Filters, Depends()],
        before: Annotated[float | None, Query()] = None,
    ) -> Response:
        visit = await visitor(application, request)
        found = await application.store.calls(filters.wanted(), PAGE_LENGTH + 1, before)
        given = asdict(filters)
        older = {**given, "before": found[PAGE_LENGTH - 1].started} if len(found) > PAGE_LENGTH else None
        return show(
            request, "calls", visit, here="calls", calls=found[:PAGE_LENGTH], filters=filters,
            older=urlencode(older) if older else "", query=urlencode(given), currency=currency,
        )  # fmt: skip

    @router.get("/numbers")
    async def numbers(
        request: Request, agent: str = "", days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 30
    ) -> Response:
        visit = await visitor(application, request)
        now = time.time()
        since = now - now % SECONDS_A_DAY - (days - 1) * SECONDS_A_DAY
        async with application.store.reading() as session:
            found, agents = await day_numbers(session, since, now, agent), await agents_with_calls(session)
        return show(
            request, "numbers", visit, here="numbers", numbers=found, agents=agents, agent=agent, days=days,
            currency=currency,
        )  # fmt: skip

    @router.get("/calls.csv")
    async def export(request: Request, filters: Annotated[_Filters, Depends()]) -> Response:
        await visitor(application, request)
        found = await application.store.calls(filters.wanted(), EXPORT_LENGTH)
        return _download(_as_csv(found), "text/csv; charset=utf-8", "calls.csv")

    @router.get("/calls/{call_id}")
    async def call(request: Request, call_id: Id) -> Response:
        visit = await visitor(application, request)
        found = await stored_call(application, call_id)
        recording = await asyncio.to_thread(application.recordings.find, found.asterisk, found.recording)
        return show(
            request, "call", visit, here="calls", call=found, happened=_happened(found), currency=currency,
            is_recorded=recording is not None,
        )  # fmt: skip

    @router.get("/calls/{call_id}/call.json")
    async def call_json(request: Request, call_id: Id) -> Response:
        await visitor(application, request)
        found = WholeCallOut.model_validate(await stored_call(application, call_id))
        return _download(found.model_dump_json(indent=1), "application/json", f"call-{call_id}.json")

    @router.get("/calls/{call_id}/call.txt")
    async def call_text(request: Request, call_id: Id) -> Response:
        await visitor(application, request)
        found = await stored_call(application, call_id)
        lines = [f"{turn.role}: {turn.text}" for turn in found.turns]
        return PlainTextResponse("\n".join(lines) + "\n")

    return router


def _day(text: str) -> float | None:
    """Its beginning, in UTC; None where it is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() if text else None
    except ValueError as error:
        raise HTTPException(422, f"day: expected YYYY-MM-DD, got {text[:20]!r}") from error


def _happened(call: Call) -> list[dict[str, Any]]:
    """In its order: what was said, tools, everything else."""
    said = [{"kind": "turn", "time": call.started + one.spoken_ms / 1000, "of": one} for one in call.turns]
    tools = [{"kind": "tool", "time": one.called, "of": one} for one in call.tools]
    others = [{"kind": "moment", "time": one.time, "of": one, "data": _brief(one.data)} for one in call.moments]
    return sorted([*said, *tools, *others], key=lambda one: float(str(one["time"])))


def _brief(data: dict[str, Any]) -> str:
    return ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in data.items())


def _as_csv(calls: Iterable[Call]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CSV_COLUMNS)
    for call in calls:
        writer.writerow([_cell(getattr(call, name)) for name in _CSV_COLUMNS])
    return text.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _download(text: str, kind: str, name: str) -> Response:
    return Response(text, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
