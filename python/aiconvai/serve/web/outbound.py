"""Calls that go out: lists and how far they are, and who was called singly; operators call people, and steer lists."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, Query, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.outbound.api import CallIn, ListIn
from aiconvai.serve.outbound.book import BookError
from aiconvai.serve.outbound.door import DoorError
from aiconvai.serve.outbound.numbers import NumberError, read_number
from aiconvai.serve.outbound.outbound import Outbound
from aiconvai.serve.outbound.outcome import GOING_ON, State
from aiconvai.serve.outbound.people import PeopleError, Person, check_variables, read_csv
from aiconvai.serve.users import Visit
from aiconvai.serve.web.shapes import LARGEST_ID, Id
from aiconvai.serve.web.show import show, visitor
from aiconvai.serve.web.visitor import check_origin

CALLS_SHOWN = 50
PEOPLE_SHOWN = 100
_STEPS = {"ready": ("start", "cancel"), "running": ("pause", "cancel"), "paused": ("resume", "cancel")}
"""What may be done with a list in that state."""
_NOT_OVER = (State.WAITING, *GOING_ON)
_Text = Annotated[str, Form()]


def outbound_pages(application: Application) -> APIRouter:
    """All of them. Without [outbound] in serve.toml they say so."""
    router = APIRouter()

    @router.get("/outbound")
    async def outbound(request: Request) -> Response:
        visit = await visitor(application, request)
        return await _overview(request, visit, application.outbound)

    @router.get("/outbound/{list_id}")
    async def of_list(
        request: Request,
        list_id: Id,
        state: State | None = None,
        after: Annotated[int, Query(ge=0, le=LARGEST_ID)] = 0,
    ) -> Response:
        visit = await visitor(application, request)
        book = _there(application).book
        try:
            (one,) = await book.lists(list_id)
        except BookError as error:
            raise HTTPException(404, str(error)) from error
        people = await book.calls(list_id=list_id, state=state or "", after=after, limit=PEOPLE_SHOWN + 1)
        more = people[PEOPLE_SHOWN - 1].id if len(people) > PEOPLE_SHOWN else 0
        return show(
            request, "outbound_list", visit, here="outbound", list=one, people=people[:PEOPLE_SHOWN], more=more,
            state=state or "", states=list(State), done=_done(one.states),
        )  # fmt: skip

    @router.post("/outbound/call")
    async def call(
        request: Request, csrf: _Text, number: _Text, agent: _Text, variables: _Text = "", anyway: _Text = ""
    ) -> Response:
        visit = await _operator(application, request, csrf)
        outbound = _there(application)
        try:
            given = CallIn(number=number, agent=agent, variables=_variables(variables), anyway=bool(anyway))
            if problem := check_variables(given.variables):
                raise PeopleError(problem)
            person = Person(read_number(given.number, outbound.settings.begins), given.variables)
            await outbound.call(given.agent, person, anyway=given.anyway)
        except (ValidationError, NumberError, PeopleError, BookError) as error:
            return await _overview(request, visit, outbound, 422, problem=_said(error))
        return RedirectResponse("/outbound", 303)

    @router.post("/outbound/list")
    async def create(
        request: Request, csrf: _Text, name: _Text, agent: _Text, people: Annotated[UploadFile, File()]
    ) -> Response:
        visit = await _operator(application, request, csrf)
        outbound = _there(application)
        try:
            text = (await people.read()).decode("utf-8")
            given = ListIn.model_validate({"name": name, "agent": agent, "people": [{"number": "0"}]})
            outbound.check_agent(given.agent)
            read = read_csv(text, outbound.settings.begins)
            await outbound.book.create_list(given.name, given.agent, read, most_attempts=outbound.settings.attempts)
        except (ValidationError, PeopleError, BookError, UnicodeDecodeError) as error:
            return await _overview(request, visit, outbound, 422, problem=_said(error))
        return RedirectResponse("/outbound", 303)

    @router.post("/outbound/{list_id}/{step}")
    async def step(request: Request, list_id: Id, step: str, csrf: _Text) -> Response:
        visit = await _operator(application, request, csrf)
        outbound = _there(application)
        if not any(step in steps for steps in _STEPS.values()):
            raise HTTPException(404, f"nothing is called {step[:20]!r}")
        try:
            await outbound.book.step(list_id, step)
        except BookError as error:
            return await _overview(request, visit, outbound, 409, problem=_said(error))
        outbound.wake()
        return RedirectResponse("/outbound", 303)

    @router.post("/outbound/call/{call_id}/cancel")
    async def cancel(request: Request, call_id: Id, csrf: _Text) -> Response:
        visit = await _operator(application, request, csrf)
        outbound = _there(application)
        try:
            await outbound.cancel(call_id)
        except (BookError, DoorError) as error:
            return await _overview(request, visit, outbound, 409, problem=_said(error))
        return RedirectResponse("/outbound", 303)

    return router


async def _overview(
    request: Request, visit: Visit, outbound: Outbound | None, status: int = 200, problem: str = ""
) -> Response:
    lists = await outbound.book.lists() if outbound is not None else []
    shown: dict[str, Any] = {
        "lists": [(one, _done(one.states), _STEPS.get(one.state, ())) for one in lists],
        "calls": await outbound.book.calls(limit=CALLS_SHOWN) if outbound is not None else [],
        "going_on": _NOT_OVER,
    }
    return show(request, "outbound", visit, status, here="outbound", outbound=outbound, problem=problem, **shown)


def _done(states: Any) -> int:
    """People of whom it is known what came of it."""
    return sum(count for state, count in states.items() if state not in _NOT_OVER)


def _there(application: Application) -> Outbound:
    if application.outbound is None:
        raise HTTPException(409, "nobody is called from here: there is no [outbound] in serve.toml")
    return application.outbound


async def _operator(application: Application, request: Request, csrf: str) -> Visit:
    visit = await visitor(application, request)
    check_origin(request, visit, csrf)
    if not visit.role.may(Role.OPERATOR):
        raise HTTPException(403, f"your role is {visit.role}, and {Role.OPERATOR} is needed")
    return visit


def _variables(text: str) -> dict[str, str]:
    """Of lines NAME=VALUE. Raises `PeopleError`."""
    pairs = [line.strip().partition("=") for line in text.splitlines() if line.strip()]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise PeopleError(f"expected NAME=VALUE in each line, got {wrong[0]!r:.80}")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors(include_url=False))
    return str(error)
