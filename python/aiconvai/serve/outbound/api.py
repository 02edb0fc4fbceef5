"""Calls that go out, for programs: one, and lists of people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.outbound.book import LONGEST_PAGE, BookError, NotInBookError
from aiconvai.serve.outbound.door import DoorError
from aiconvai.serve.outbound.numbers import NumberError, comparable, read_number
from aiconvai.serve.outbound.outbound import Outbound
from aiconvai.serve.outbound.outcome import State
from aiconvai.serve.outbound.people import MOST_PEOPLE, PeopleError, Person, check_variables, read_csv
from aiconvai.serve.settings import CALLER_ID_PATTERN
from aiconvai.serve.web.shapes import LARGEST_ID, Id, Words
from aiconvai.serve.web.visitor import need

AgentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_. -]{1,80}$")]
ListName = Annotated[Words, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
_NumberText = Annotated[str, Field(max_length=80, description="Digits, * and #, and a + in front.")]
_Model = TypeVar("_Model", bound=BaseModel)
_Variables = dict[Annotated[Words, Field(max_length=60)], Annotated[Words, Field(max_length=1000)]]


class PersonIn(BaseModel):
    """Who is to be called, and what the agent is told about them."""

    model_config = ConfigDict(extra="forbid")

    number: _NumberText
    variables: _Variables = Field(default_factory=dict)


class CallIn(PersonIn):
    """One call."""

    agent: AgentName
    caller_id: Annotated[str, StringConstraints(pattern=CALLER_ID_PATTERN)] = ""
    ring_seconds: Annotated[int | None, Field(ge=5, le=300)] = None
    attempts: Annotated[int, Field(ge=1, le=20)] = 1
    anyway: Annotated[bool, Field(description="Also outside of the hours of serve.toml.")] = False


class ListIn(BaseModel):
    """People whom an agent is to call."""

    model_config = ConfigDict(extra="forbid")

    name: ListName
    agent: AgentName
    people: Annotated[list[PersonIn], Field(min_length=1, max_length=MOST_PEOPLE)]
    attempts: Annotated[int | None, Field(ge=1, le=20)] = None
    start: bool = False


class PeopleIn(BaseModel):
    """More of them."""

    model_config = ConfigDict(extra="forbid")

    people: Annotated[list[PersonIn], Field(min_length=1, max_length=MOST_PEOPLE)]


class OutboundCallOut(BaseModel):
    """Somebody who is to be called, or was. Times are seconds since 1970."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    list_id: int | None
    number: str
    agent: str
    variables: dict[str, Any]
    state: State
    result: str
    reason: str
    attempts: int
    due: float
    begun: float | None
    answered: float | None
    ended: float | None
    asterisk: str
    record: str
    conversation_id: str
    status: str


class ListOut(BaseModel):
    """A list, and how many of its people are in which state."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    agent: str
    state: Literal["ready", "running", "paused", "done", "cancelled"]
    created: float
    people: int
    states: dict[str, int]


class NumberIn(BaseModel):
    """Whom nobody is to call."""

    model_config = ConfigDict(extra="forbid")

    number: _NumberText


def outbound_api(application: Application) -> APIRouter:
    """For /api."""
    router = APIRouter(tags=["calls that go out"], dependencies=[Depends(need(application, Role.VIEWER))])
    router.include_router(_calls(application))
    router.include_router(_lists(application))
    router.include_router(_not_called(application))
    return router


def _calls(application: Application) -> APIRouter:
    router = APIRouter(prefix="/calls/outbound")
    operating = [Depends(need(application, Role.OPERATOR))]

    @router.post("", status_code=202, dependencies=operating)
    async def call(given: CallIn) -> OutboundCallOut:
        """Somebody is called. 409: not at this hour, or not that number; `GET` it to see what comes of it."""
        outbound = _outbound(application)
        person = _person(outbound, given)
        try:
            made = await outbound.call(
                given.agent, person, caller_id=given.caller_id, ring_seconds=given.ring_seconds,
                attempts=given.attempts, anyway=given.anyway,
            )  # fmt: skip
        except BookError as error:
            raise _refusal(error) from error
        return OutboundCallOut.model_validate(made)

    @router.get("")
    async def calls(
        state: State | None = None, limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50
    ) -> list[OutboundCallOut]:
        """Those that were asked for singly, the newest first."""
        found = await _outbound(application).book.calls(state=state or "", limit=limit)
        return [OutboundCallOut.model_validate(one) for one in found]

    @router.get("/{call_id}")
    async def one(call_id: Id) -> OutboundCallOut:
        """What came of it so far, also of somebody in a list."""
        try:
            return OutboundCallOut.model_validate(await _outbound(application).book.call(call_id))
        except BookError as error:
            raise _refusal(error) from error

    @router.post("/{call_id}/cancel", dependencies=operating)
    async def cancel(call_id: Id) -> OutboundCallOut:
        """Who waits is not called, and a call that goes on is hung up."""
        outbound = _outbound(application)
        try:
            await outbound.cancel(call_id)
            return OutboundCallOut.model_validate(await outbound.book.call(call_id))
        except BookError as error:
            raise _refusal(error) from error
        except DoorError as error:
            raise HTTPException(502, str(error)) from error

    return router


def _lists(application: Application) -> APIRouter:
    router = APIRouter(prefix="/call-lists")
    operating = [Depends(need(application, Role.OPERATOR))]
    of_json = {"application/json": {"schema": ListIn.model_json_schema()}, "text/csv": {}}

    @router.post("", status_code=201, dependencies=operating, openapi_extra={"requestBody": {"content": of_json}})
    async def create(request: Request) -> ListOut:
        """As JSON; or as CSV (`text/csv`) with a column `number`, the others being variables, and `name`, `agent`,
        `attempts` and `start` in the query.
        """
        outbound = _outbound(application)
        if (text := await _csv(request)) is not None:
            people = _read_csv(outbound, text)
            query = {**request.query_params, "people": [{"number": "0"}]}
            given = _validated(ListIn, query)
        else:
            given = _validated(ListIn, await _json(request))
            people = _people(outbound, given.people)
        try:
            outbound.check_agent(given.agent)
            made = await outbound.book.create_list(
                given.name, given.agent, people, most_attempts=given.attempts or outbound.settings.attempts,
                start=given.start,
            )  # fmt: skip
            outbound.wake()
            return await _list_out(outbound, made)
        except BookError as error:
            raise _refusal(error) from error

    @router.get("")
    async def lists() -> list[ListOut]:
        """The newest first."""
        return [ListOut.model_validate(one) for one in await _outbound(application).book.lists()]

    @router.get("/{list_id}")
    async def one(list_id: Id) -> ListOut:
        try:
            return await _list_out(_outbound(application), list_id)
        except BookError as error:
            raise _refusal(error) from error

    @router.delete("/{list_id}", status_code=204, dependencies=[Depends(need(application, Role.ADMIN))])
    async def delete(list_id: Id) -> Response:
        """With what came of it; not of one that is running."""
        try:
            await _outbound(application).book.delete_list(list_id)
        except BookError as error:
            raise _refusal(error) from error
        return Response(status_code=204)

    @router.get("/{list_id}/people")
    async def people_of(
        list_id: Id,
        state: State | None = None,
        after: Annotated[
            int, Query(ge=0, le=LARGEST_ID, description="Behind that one: `id` of the last one there was.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
    ) -> list[OutboundCallOut]:
        """In their order."""
        book = _outbound(application).book
        found = await book.calls(list_id=list_id, state=state or "", after=after, limit=limit)
        return [OutboundCallOut.model_validate(one) for one in found]

    of_more = {"application/json": {"schema": PeopleIn.model_json_schema()}, "text/csv": {}}

    @router.post("/{list_id}/people", dependencies=operating, openapi_extra={"requestBody": {"content": of_more}})
    async def add(request: Request, list_id: Id) -> ListOut:
        """More people, as JSON or CSV."""
        outbound = _outbound(application)
        if (text := await _csv(request)) is not None:
            people = _read_csv(outbound, text)
        else:
            people = _people(outbound, _validated(PeopleIn, await _json(request)).people)
        try:
            await outbound.book.add_people(list_id, people, most_attempts=outbound.settings.attempts)
            outbound.wake()
            return await _list_out(outbound, list_id)
        except BookError as error:
            raise _refusal(error) from error

    @router.post("/{list_id}/{step}", dependencies=operating)
    async def step(list_id: Id, step: Literal["start", "pause", "resume", "cancel"]) -> ListOut:
        """Calls that go on are let go on."""
        outbound = _outbound(application)
        try:
            await outbound.book.step(list_id, step)
            outbound.wake()
            return await _list_out(outbound, list_id)
        except BookError as error:
            raise _refusal(error) from error

    return router


def _not_called(application: Application) -> APIRouter:
    router = APIRouter(prefix="/do-not-call")
    operating = [Depends(need(application, Role.OPERATOR))]

    @router.post("", status_code=201, dependencies=operating)
    async def add(given: NumberIn) -> dict[str, str]:
        """That number is never called."""
        number = _number(given.number)
        await _outbound(application).book.do_not_call(number)
        return {"number": comparable(number)}

    @router.get("/{number}")
    async def is_there(number: str) -> dict[str, bool]:
        return {"do_not_call": await _outbound(application).book.is_not_called(_number(number))}

    @router.delete("/{number}", dependencies=[Depends(need(application, Role.ADMIN))])
    async def remove(number: str) -> dict[str, bool]:
        """It may be called again; whether it was not to be."""
        return {"removed": await _outbound(application).book.may_be_called(_number(number))}

    return router


def _outbound(application: Application) -> Outbound:
    if application.outbound is None:
        raise HTTPException(409, "nobody is called from here: there is no [outbound] in serve.toml")
    return application.outbound


async def _list_out(outbound: Outbound, list_id: int) -> ListOut:
    """Raises `BookError`."""
    (found,) = await outbound.book.lists(list_id)
    return ListOut.model_validate(found)


def _refusal(error: BookError) -> HTTPException:
    return HTTPException(404 if isinstance(error, NotInBookError) else 409, str(error))


def _number(text: str) -> str:
    try:
        return read_number(text)
    except NumberError as error:
        raise HTTPException(422, str(error)) from error


def _person(outbound: Outbound, given: PersonIn) -> Person:
    try:
        number = read_number(given.number, outbound.settings.begins)
    except NumberError as error:
        raise HTTPException(422, f"number: {error}") from error
    if problem := check_variables(given.variables):
        raise HTTPException(422, f"variables: {problem}")
    return Person(number, given.variables)


def _people(outbound: Outbound, given: list[PersonIn]) -> list[Person]:
    people = []
    for at, one in enumerate(given):
        try:
            people.append(_person(outbound, one))
        except HTTPException as error:
            raise HTTPException(422, f"people.{at}: {error.detail}") from error
    return people


def _read_csv(outbound: Outbound, text: str) -> list[Person]:
    try:
        return read_csv(text, outbound.settings.begins)
    except PeopleError as error:
        raise HTTPException(422, str(error)) from error


async def _csv(request: Request) -> str | None:
    """None: it is none."""
    if not request.headers.get("Content-Type", "").startswith("text/csv"):
        return None
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPException(422, f"expected CSV in UTF-8: {error}") from error


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise HTTPException(422, f"expected JSON, or CSV with Content-Type: text/csv: {error}") from error


def _validated(model: type[_Model], given: Any) -> _Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise HTTPException(422, error.errors(include_url=False, include_context=False, include_input=False)) from error
