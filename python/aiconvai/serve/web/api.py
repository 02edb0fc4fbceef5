"""The API, the metrics, and how it goes. Its description: /api/openapi.json."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from aiconvai import __version__
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.live import LiveCall
from aiconvai.serve.manager import ManagerError, text_lines
from aiconvai.serve.outbound.api import outbound_api
from aiconvai.serve.recordings import Recording
from aiconvai.serve.store.store import LONGEST_PAGE, Wanted
from aiconvai.serve.store.tables import Call
from aiconvai.serve.web.answer_headers import AnswerHeaders, say_fault, say_invalid, say_problem
from aiconvai.serve.web.body_limit import BodyLimit
from aiconvai.serve.web.shapes import REFUSALS, Id, Line, Words
from aiconvai.serve.web.streams import STREAMS, Streams, whole
from aiconvai.serve.web.visitor import need

LONGEST_TEXT = 10_000
"""Characters that an agent is told at once."""
_RINGS_MS = "30000"
_UNFIT_FOR_CALLER_ID = re.compile(r"[^\w+*#. -]")
# Quietly, until that channel is gone; w: the agent's side alone hears who listens, B: both do.
_SPYING = {"listen": "qES", "whisper": "qESw", "barge": "qESB"}


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CallOut(_Out):
    """A call, without what happened in it. Times are seconds since 1970."""

    id: int
    asterisk: str
    record: str
    direction: Literal["inbound", "outbound"]
    started: float
    ended: float | None
    agent: str
    conversation_id: str
    unique_id: str
    linked_id: str
    channel: str
    caller_number: str
    caller_name: str
    extension: str
    status: str
    reason: str
    transfer: str
    duration_ms: int | None
    first_audio_ms: int | None
    answer_ms: int | None
    slowest_answer_ms: int | None
    interruptions: int
    cost: float | None
    summary: str | None
    recording: str
    recorded_ms: int


class TurnOut(_Out):
    """What one of the two said; `whole_text`: what the agent was to say, where it was interrupted."""

    turn: int
    role: str
    text: str
    whole_text: str | None
    time: float
    spoken_ms: int


class ToolUseOut(_Out):
    """A tool that the agent called."""

    tool_call_id: str
    name: str
    parameters: str
    called: float
    answered: float | None
    result: str | None
    outcome: str


class MomentOut(_Out):
    """Anything else."""

    time: float
    kind: str
    data: dict[str, Any]


class WholeCallOut(CallOut):
    """With all that happened in it."""

    figures: dict[str, Any]
    turns: list[TurnOut]
    tools: list[ToolUseOut]
    moments: list[MomentOut]


class TextIn(BaseModel):
    """What an agent is told."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[Words, Field(min_length=1, max_length=LONGEST_TEXT)]


class StateIn(BaseModel):
    """A state of the agent's prompts."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[Line, Field(min_length=1, max_length=200)]


class EndIn(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Words, Field(max_length=200)] = ""


class RecordingIn(BaseModel):
    """Whether it is silence from now on."""

    model_config = ConfigDict(extra="forbid")

    paused: bool


class ListenIn(BaseModel):
    """On which phone, and whether who listens is heard: by nobody, by the agent's side alone, or by both."""

    model_config = ConfigDict(extra="forbid")

    phone: Annotated[str, Field(description="A name of [phones].")]
    how: Literal["listen", "whisper", "barge"] = "listen"


class PlaceIn(BaseModel):
    """Where the caller goes on."""

    model_config = ConfigDict(extra="forbid")

    context: Annotated[Line, Field(min_length=1, max_length=80)]
    extension: Annotated[Line, Field(min_length=1, max_length=80)]
    priority: Annotated[int, Field(ge=1, le=1_000_000)] = 1


def make_api(application: Application) -> FastAPI:
    """Everything but the page."""
    # FastAPI's pages for people fetch their scripts from elsewhere.
    api = FastAPI(
        title="aiconvai serve", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
        # It would be to where the request says that it is.
        redirect_slashes=False,
    )  # fmt: skip
    api.add_middleware(BodyLimit)
    api.add_middleware(AnswerHeaders)
    api.add_exception_handler(Exception, say_fault)
    api.add_exception_handler(StarletteHTTPException, say_problem)
    api.add_exception_handler(RequestValidationError, say_invalid)
    api.include_router(_health(application))
    # Before the history, which has numbers where this has words.
    api.include_router(outbound_api(application), prefix="/api", responses=REFUSALS)
    api.include_router(_history(application), prefix="/api", responses=REFUSALS)
    api.include_router(_live(application), prefix="/api", responses=REFUSALS)
    return api


def make_health(application: Application, agent: str) -> FastAPI:
    """How it goes, and nothing else: of that agent, or of all where it is empty."""
    api = FastAPI(title="aiconvai health", version=__version__, openapi_url=None, docs_url=None, redoc_url=None)
    api.add_middleware(AnswerHeaders)
    api.add_exception_handler(Exception, say_fault)
    api.include_router(_health(application, agent))
    return api


# How it goes -----------------------------------------------------------------------------------------------


def _health(application: Application, agent: str = "") -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def health() -> dict[str, Any]:
        """Always 200: degraded where something is wrong, and where. What it is stands on the page, for its users."""
        problems = [*application.problems(), *application.problems_of(agent)]
        calls = [one for one in application.live.going_on() if agent in ("", one.agent)]
        return {
            "status": "degraded" if problems else "healthy",
            **({"agent": agent} if agent else {}),
            "version": __version__,
            "uptime_seconds": round(time.time() - application.begun),
            "active_calls": len(calls),
            "asterisks": {one.name: {"connected": one.connection.is_there} for one in application.sources},
            # Which, and no more: what was said may be in what a database says of it, and a key in an address.
            "problems": [one.partition(": ")[0] for one in problems],
        }

    @router.get("/ready", responses={503: {"description": "It is not."}})
    async def ready() -> JSONResponse:
        """503 until an Asterisk is followed and what happens can be kept."""
        is_ready = any(one.connection.is_there for one in application.sources)
        is_ready = is_ready and not any(one.problem for one in application.hub.queues)
        is_ready = is_ready and not application.problems_of(agent)
        return JSONResponse({"ready": is_ready}, 200 if is_ready else 503)

    @router.get("/live", response_class=PlainTextResponse)
    async def live() -> Response:
        """It runs."""
        return Response("ok", media_type="text/plain")

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """For Prometheus."""
        return Response(application.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


# What was --------------------------------------------------------------------------------------------------


def _history(application: Application) -> APIRouter:
    router = APIRouter(tags=["calls"], dependencies=[Depends(need(application, Role.VIEWER))])

    @router.get("/calls")
    async def calls(
        agent: str = "",
        caller_number: str = "",
        status: str = "",
        text: Annotated[str, Query(description="Somewhere in what was said.")] = "",
        since: float | None = None,
        until: float | None = None,
        direction: Literal["", "inbound", "outbound"] = "",
        before: Annotated[float | None, Query(description="Began before: `started` of the last one there was.")] = None,
        limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 50,
    ) -> list[CallOut]:
        """The newest first."""
        wanted = Wanted(agent, caller_number, status, text, since, until, direction)
        return [CallOut.model_validate(one) for one in await application.store.calls(wanted, limit, before)]

    @router.get("/calls/{call_id}")
    async def call(call_id: Id) -> WholeCallOut:
        """With what was said, the tools, and everything else that happened."""
        return WholeCallOut.model_validate(await stored_call(application, call_id))

    @router.get("/calls/{call_id}/recording.wav", response_class=Response)
    async def recording(
        call_id: Id, wanted: Annotated[str, Header(alias="Range", description="bytes=FIRST-LAST")] = ""
    ) -> Response:
        """Both sides, the caller on the left. 404 where it was not recorded, or cannot be read here."""
        found = await _recording(application, call_id)
        begin, end = _range(wanted, found.length)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - begin),
            "Content-Disposition": f'inline; filename="call-{call_id}.wav"',
        }
        is_part = (begin, end) != (0, found.length)
        if is_part:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{found.length}"
        return StreamingResponse(found.read(begin, end), 206 if is_part else 200, headers, "audio/wav")

    @router.get("/calls/{call_id}/peaks")
    async def peaks(call_id: Id, count: Annotated[int, Query(ge=10, le=4000)] = 1000) -> dict[str, Any]:
        """The loudest moment in each of so many parts of its recording, of both sides, 0 to 1."""
        found = await _recording(application, call_id)
        sides = await asyncio.to_thread(found.peaks, count)
        return {"seconds": found.frames / found.rate, **sides}

    @router.delete("/callers/{number}", dependencies=[Depends(need(application, Role.ADMIN))])
    async def forget(number: str) -> dict[str, int]:
        """All calls of that number are erased."""
        return {"forgotten": await application.forgetting.caller(number)}

    return router


async def _recording(application: Application, call_id: int) -> Recording:
    call = await stored_call(application, call_id)
    found = await asyncio.to_thread(application.recordings.find, call.asterisk, call.recording)
    if found is None:
        raise HTTPException(404, "this call was not recorded, or its recording cannot be read here")
    return found


def _range(wanted: str, length: int) -> tuple[int, int]:
    """Of one range of bytes (RFC 9110, section 14); all where none is asked for. 416 where it is none of the file's."""
    given = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", wanted.strip())
    if given is None or not (given[1] or given[2]):
        return 0, length
    first = int(given[1]) if given[1] else max(0, length - int(given[2]))
    last = min(int(given[2]), length - 1) if given[1] and given[2] else length - 1
    if first > last:
        raise HTTPException(416, "no part of it is there", {"Content-Range": f"bytes */{length}"})
    return first, last + 1


async def stored_call(application: Application, call_id: int) -> Call:
    """With all that happened in it; 404 where there is none."""
    found = await application.store.call(call_id)
    if found is None:
        raise HTTPException(404, f"no call has the number {call_id}")
    return found


# What is ---------------------------------------------------------------------------------------------------


def _live(application: Application) -> APIRouter:
    router = APIRouter(prefix="/live", tags=["live calls"], dependencies=[Depends(need(application, Role.VIEWER))])
    steering = [Depends(need(application, Role.OPERATOR))]
    streams = Streams(application.live)

    @router.get("")
    async def live() -> list[dict[str, Any]]:
        """The oldest first, with all that was said; those that have just ended as well."""
        return [whole(call) for call in application.live.calls.values()]

    @router.get("/events")
    async def events(request: Request) -> StreamingResponse:
        """Server-sent events: `call` with each call that has changed, all of them at first, without what was said but
        for the last of it; `gone` with the key of one that is not shown any more.
        """
        return _streaming(streams.of_all(request.is_disconnected), streams)

    @router.get("/{asterisk}/{record}/events")
    async def events_of(request: Request, asterisk: str, record: str) -> StreamingResponse:
        """Server-sent events: `call` with all of that one, whenever something in it has changed; then `gone`."""
        return _streaming(streams.of_one((asterisk, record), request.is_disconnected), streams)

    @router.post("/{asterisk}/{record}/end", dependencies=steering)
    async def end(asterisk: str, record: str, given: EndIn) -> dict[str, str]:
        """The conversation ends, and the call goes on in the dialplan."""
        return await _act(application, asterisk, record, "AIConvAIEnd", Reason=" ".join(given.reason.split()))

    @router.post("/{asterisk}/{record}/context", dependencies=steering)
    async def context(asterisk: str, record: str, given: TextIn) -> dict[str, str]:
        """The agent knows it from now on, and says nothing to it."""
        return await _act(application, asterisk, record, "AIConvAIContext", Text=text_lines(given.text))

    @router.post("/{asterisk}/{record}/message", dependencies=steering)
    async def message(asterisk: str, record: str, given: TextIn) -> dict[str, str]:
        """The agent answers to it, as if the caller had said it."""
        return await _act(application, asterisk, record, "AIConvAIMessage", Text=text_lines(given.text))

    @router.post("/{asterisk}/{record}/state", dependencies=steering)
    async def state(asterisk: str, record: str, given: StateIn) -> dict[str, str]:
        """The conversation enters that state of its prompts."""
        return await _act(application, asterisk, record, "AIConvAIState", State=given.state)

    @router.post("/{asterisk}/{record}/transfer", dependencies=steering)
    async def transfer(asterisk: str, record: str, given: PlaceIn) -> dict[str, str]:
        """The caller goes on there, without the agent."""
        call = _going_on(application, asterisk, record)
        place = {"Context": given.context, "Exten": given.extension, "Priority": str(given.priority)}
        return await _ask(application, call, "Redirect", Channel=call.channel, **place)

    @router.post("/{asterisk}/{record}/recording", dependencies=steering)
    async def pause_recording(asterisk: str, record: str, given: RecordingIn) -> dict[str, str]:
        """The recording of the call is paused, or goes on."""
        paused = "yes" if given.paused else "no"
        return await _act(application, asterisk, record, "AIConvAIRecording", Paused=paused)

    @router.post("/{asterisk}/{record}/listen", dependencies=steering)
    async def listen(asterisk: str, record: str, given: ListenIn) -> dict[str, str]:
        """That phone rings; whoever answers hears the call until it ends. Needs write = originate at the manager."""
        call = _going_on(application, asterisk, record)
        if not call.channel:
            # ChanSpy without one would take any.
            raise HTTPException(409, "the channel of this call is not known")
        phone = application.settings.phones.get(given.phone)
        if phone is None:
            raise HTTPException(422, f"no phone is named {given.phone[:40]!r}: see [phones] in serve.toml")
        spying = {"Application": "ChanSpy", "Data": f"{call.channel},{_SPYING[given.how]}"}
        number, agent = (_UNFIT_FOR_CALLER_ID.sub("", one) for one in (call.caller_number, call.agent))
        caller_id = f'"{number or "unknown"} and {agent}" <{number}>'
        headers = {"CallerID": caller_id, "Timeout": _RINGS_MS, "Async": "true"}
        return await _ask(application, call, "Originate", Channel=phone, **spying, **headers)

    return router


def _streaming(events: AsyncIterator[str], streams: Streams) -> StreamingResponse:
    if not streams.has_room:
        raise HTTPException(503, f"{STREAMS} programs follow calls already")
    return StreamingResponse(events, media_type="text/event-stream")


def _going_on(application: Application, asterisk: str, record: str) -> LiveCall:
    call = application.live.calls.get((asterisk, record))
    if call is None or call.ended is not None:
        raise HTTPException(404, f"no call {record} goes on at {asterisk}")
    return call


async def _act(
    application: Application, asterisk: str, record: str, action: str, **headers: str | list[str]
) -> dict[str, str]:
    call = _going_on(application, asterisk, record)
    return await _ask(application, call, action, Channel=call.unique_id, **headers)


async def _ask(application: Application, call: LiveCall, action: str, **headers: str | list[str]) -> dict[str, str]:
    try:
        response = await application.act(call.asterisk, action, **headers)
    except ManagerError as error:
        raise HTTPException(502, str(error)) from error
    return {"message": response.get("Message", "")}
