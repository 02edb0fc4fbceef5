"""A stand-in for OpenAI's Realtime service, in the shape it has since it is generally available.

Every message, both ways, is checked with the types of the vendor's own Python client. Facts follow that client and the
vendor's description of the interface; where the service's behaviour is disputed, the stricter reading is taken.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel
from websockets.http11 import Response

from aiconvai.audio import Samples
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, ToolResult
from aiconvai.mock.errors import ConversationClosedError, ErrorType, InvalidMessageError
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockServer, json_response
from aiconvai.mock.strict_json import decode_base64, parse_object, refuse_unknown_keys, validate

RATE_24_KHZ = 24000
BETA_CLOSE_CODE = 4000
BETA_CODE = "beta_api_shape_disabled"
BUSY_CODE = "conversation_already_has_active_response"
LEAST_COMMIT_MS = 100
OVERTAKING_CHUNK_MS = 250
REFUSED_CLOSE_CODE = 3000
RESPONSE_SECONDS = 5.0
"""How long a client may take to ask for an answer after the result of a tool."""

_FORMATS = {"audio/pcmu": "ulaw_8000", "audio/pcma": "alaw_8000", "audio/pcm": "pcm_24000"}


def models_by_type(union: Any) -> dict[str, type[BaseModel]]:
    """The models of one of the vendor's unions of messages, by their `type`."""
    models = get_args(get_args(union)[0])
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


CLIENT_EVENTS = models_by_type(RealtimeClientEvent)
SERVER_EVENTS = models_by_type(RealtimeServerEvent)


@dataclass
class _Item:
    """Something the agent says."""

    id: str
    response_id: str
    event_id: int
    bytes: int = 0
    """Of audio sent."""
    text: str | None = None


class OpenAiConversation(Conversation):
    """The numbers of utterances are those in the ids of responses and items."""

    OPENING_MESSAGE: ClassVar[str] = "session.update"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, input_format="pcm_24000", output_format="pcm_24000", **options)
        self.session: dict[str, Any] = {"type": "realtime", "model": self.agent_id, "audio": {}}
        """The session's settings, as updates have made them."""
        self.truncated: dict[str, int] = {}
        """How much of an item was heard in milliseconds, as the client says."""
        self._ids = itertools.count(1)
        self._items: dict[int, _Item] = {}
        self._open: _Item | None = None
        """What the response that is being made says."""
        self._asked: str | None = None
        """The id of a response that the client asked for, and that says nothing yet."""
        self._overtaking: deque[Samples] = deque()
        """What responses say that meet the client's next requests."""
        self._overtook: asyncio.Queue[tuple[int, Samples]] = asyncio.Queue()
        """Those that have begun."""
        self._request: list[dict[str, Any]] | None = None
        """The calls of tools collected for one response."""
        self._client_event_id: str | None = None
        """That of the client's message that is being judged."""
        self._caller_item: str | None = None
        self._owed_answers = 0
        self._floor = asyncio.Event()
        """Whether nothing is owed that the client has to ask for."""
        self._floor.set()

    # What the service does -----------------------------------------------------------------------------

    def overtake(self, audio: Samples) -> None:
        """The client's next request for a response meets one of the service's own, which began in that very moment
        and says `audio`. The request is refused; that is not the client's fault.
        """
        self._overtaking.append(audio)

    def start_tools(self, *calls: tuple[str, dict[str, Any]]) -> list[asyncio.Future[Any]]:
        """In one response."""
        request: list[dict[str, Any]] = []
        self._request = request
        results = [self.start_tool(name, parameters) for name, parameters in calls]
        self._request = None
        self._call_tools(request)
        return results

    async def run(self, drive: Callable[[Conversation], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            speaker = group.create_task(self._say_what_overtook())
            try:
                await super().run(drive)
            finally:
                speaker.cancel()

    async def _say_what_overtook(self) -> None:
        while True:
            event_id, audio = await self._overtook.get()
            with contextlib.suppress(ConversationClosedError):
                for chunk in self._chunks(audio, OVERTAKING_CHUNK_MS):
                    if self._interrupted_through < event_id:
                        self._send_chunk(chunk, event_id)
                await self._drain()
                self._end_utterance(event_id, None, interrupted=self._interrupted_through >= event_id)

    # What the service says -----------------------------------------------------------------------------

    def greet(self) -> None:
        if "openai-beta" in self.headers:
            raise _beta_shape()
        self._send("session.created", session=self._public_session())

    def announce(self) -> None:
        self._send("session.updated", session=self._public_session())

    def send_now(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        model = SERVER_EVENTS.get(kind) if isinstance(kind, str) else None
        if model is None:
            raise ValueError(f"the service has no event {kind!r}")
        message = {"event_id": f"event_{next(self._ids)}", **message}
        _check_own(model, message)
        if kind == "response.output_audio.delta":
            item = next((item for item in self._items.values() if item.id == message["item_id"]), None)
            data = base64.b64decode(message["delta"])
            self._send_chunk(data, item.event_id if item else self.next_event_id(), message=json.dumps(message))
            return
        self._transmit(json.dumps(message), kind)

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        if not self._input().get("transcription"):
            return
        where = {"item_id": self._caller_item or "item_caller_0", "content_index": 0}
        prefix = "conversation.item.input_audio_transcription"
        if tentative:
            self._send(f"{prefix}.delta", delta=text, **where)
        else:
            usage = {"type": "duration", "seconds": 1.0}
            self._send(f"{prefix}.completed", transcript=text, usage=usage, **where)

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        item = self._items.get(self._event_id if event_id is None else event_id)
        if item is None:
            raise ValueError(f"agent_response: nothing was said yet that is number {event_id}")
        self._send("response.output_audio_transcript.done", transcript=text, **_place(item))

    def caller_began_speaking(self) -> None:
        if self._caller_item is None and self._turn_detection():
            self._caller_item = f"item_caller_{next(self._ids)}"
            interrupted = self._turn_detection().get("interrupt_response", True)
            self._send("input_audio_buffer.speech_started", audio_start_ms=self._heard_ms(), item_id=self._caller_item)
            if interrupted and self._asked is not None:
                self._end_silent_response("cancelled", "turn_detected")

    def caller_stopped_speaking(self) -> None:
        if self._caller_item is not None:
            self._send("input_audio_buffer.speech_stopped", audio_end_ms=self._heard_ms(), item_id=self._caller_item)
            self._commit(self._caller_item)
            self._caller_item = None

    def _commit(self, item_id: str) -> None:
        self._send("input_audio_buffer.committed", item_id=item_id, previous_item_id=None)
        content = [{"type": "input_audio", "transcript": None}]
        item = {"id": item_id, "type": "message", "role": "user", "content": content}
        self._send("conversation.item.added", item=item, previous_item_id=None)
        if not self._turn_detection().get("create_response", bool(self._turn_detection())):
            # Asked for by whoever knows whether it was more than a cough.
            self._floor.clear()

    def interrupt_now(self, event_id: int | None = None) -> None:
        """The caller is noticed; whether that ends the answer is up to the session's settings. Without turn detection
        nobody is.
        """
        if not self._turn_detection():
            return
        if self._turn_detection().get("interrupt_response", True):
            super().interrupt_now(event_id)
        else:
            self.caller_began_speaking()

    def _tell_interruption(self, event_id: int) -> None:
        self.caller_began_speaking()

    async def _wait_for_floor(self) -> None:
        try:
            async with asyncio.timeout(RESPONSE_SECONDS):
                await self._floor.wait()
        except TimeoutError:
            detail = f"no response.create within {RESPONSE_SECONDS:g} s of the result of a tool, or of what was said"
            self._violate("missing_fields", detail)
            raise TimeoutError(detail) from None

    def _begin_utterance(self, event_id: int, text: str | None) -> None:
        self._end_response("completed")
        item = _Item(f"item_{event_id}", self._begin_response(f"resp_{event_id}"), event_id, text=text)
        self._items[event_id] = self._open = item
        in_progress = _spoken_item(item, "in_progress")
        self._send("response.output_item.added", response_id=item.response_id, output_index=0, item=in_progress)
        self._send("conversation.item.added", item=in_progress, previous_item_id=None)
        self._send("response.content_part.added", part={"type": "audio", "transcript": ""}, **_place(item))
        if text is not None:
            for word in text.split(" "):
                self._send("response.output_audio_transcript.delta", delta=word + " ", **_place(item))

    def _begin_response(self, response_id: str) -> str:
        """The id of the one that the client asked for, or of a new one."""
        if self._asked is not None:
            response_id, self._asked = self._asked, None
        else:
            self._send("response.created", response=_response(response_id, "in_progress"))
        return response_id

    def _end_silent_response(self, status: str, reason: str) -> None:
        response_id, self._asked = self._asked, None
        if response_id is not None:
            details = {"type": status, "reason": reason}
            self._send("response.done", response=_response(response_id, status, details))

    def _end_utterance(self, event_id: int, text: str | None, *, interrupted: bool) -> None:
        if self._open is not None and self._open.event_id == event_id:
            self._end_response("cancelled" if interrupted else "completed", "turn_detected")

    def _end_response(self, status: str, reason: str | None = None) -> None:
        item, self._open = self._open, None
        if item is None:
            return
        if status == "completed":
            self._send("response.output_audio.done", **_place(item))
            if item.text is not None:
                self._send("response.output_audio_transcript.done", transcript=item.text, **_place(item))
        spoken = _spoken_item(item, "completed" if status == "completed" else "incomplete")
        self._send("response.output_item.done", response_id=item.response_id, output_index=0, item=spoken)
        details = {"type": "cancelled", "reason": reason} if status == "cancelled" else None
        self._send("response.done", response=_response(item.response_id, status, details, [spoken]))

    def _send_chunk(
        self, data: bytes, event_id: int, encoded: str | None = None, message: str | bytes | None = None
    ) -> None:
        if event_id not in self._items:
            self._begin_utterance(event_id, None)
        self._items[event_id].bytes += len(data)
        super()._send_chunk(data, event_id, encoded, message)

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str:
        delta = base64.b64encode(data).decode() if encoded is None else encoded
        event = {"type": "response.output_audio.delta", "event_id": f"event_{next(self._ids)}", "delta": delta}
        return json.dumps({**event, **_place(self._items[event_id])}, separators=(",", ":"))

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        call = {"call_id": tool_call_id, "name": name, "arguments": self._arguments_text(parameters)}
        if self._request is not None:
            self._request.append(call)
        else:
            self._call_tools([call])

    def _call_tools(self, calls: list[dict[str, Any]]) -> None:
        self._end_response("completed")
        response_id = self._begin_response(f"resp_tool_{next(self._ids)}")
        items = []
        for index, call in enumerate(calls):
            item_id, where = f"item_tool_{next(self._ids)}", {"response_id": response_id, "output_index": index}
            item = {"id": item_id, "type": "function_call", **call, "status": "completed"}
            begun = {**item, "arguments": "", "status": "in_progress"}
            self._send("response.output_item.added", item=begun, **where)
            self._send("response.function_call_arguments.done", item_id=item_id, **call, **where)
            self._send("response.output_item.done", item=item, **where)
            items.append(item)
        self._send("response.done", response=_response(response_id, "completed", None, items))
        self._owed_answers += len(calls)
        self._floor.clear()

    def _has_tool(self, name: str) -> bool:
        return any(tool.get("name") == name for tool in self.session.get("tools", []))

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        codes = {"max_duration_exceeded": "session_expired", "value_error": "invalid_value"}
        kind = "server_error" if code == 1011 else "invalid_request_error"
        error = {"type": kind, "code": codes.get(error_type, error_type), "message": message}
        self._send("error", error={**error, "param": None, "event_id": None})

    def _tell_refusal(self, code: str, message: str) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": None}
        self._send("error", error={**error, "event_id": self._client_event_id})

    def close_code_for(self, error_type: ErrorType) -> int:
        return 1001 if error_type == "max_duration_exceeded" else super().close_code_for(error_type)

    def _send(self, kind: str, **fields: Any) -> None:
        self.send_now({"type": kind, **fields})

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        self._client_event_id = None
        if not isinstance(message, str):
            raise InvalidMessageError("invalid_message", "a binary message; the service takes text messages only")
        value = self._read(message)
        event_id = value.get("event_id")
        self._client_event_id = event_id if isinstance(event_id, str) else None
        kind = value.get("type")
        model = CLIENT_EVENTS.get(kind) if isinstance(kind, str) else None
        if model is None or not isinstance(kind, str):
            raise InvalidMessageError(
                "invalid_message", f"unknown type {kind!r}; a client may send {', '.join(CLIENT_EVENTS)}"
            )
        if kind == "session.update" and "type" not in (value.get("session") or {}):
            raise _beta_shape()
        event = validate(model, value, kind, strict=True)
        refuse_unknown_keys(event, kind)
        if kind == "session.update":
            first = self.initiation is None
            self._update(value["session"])
            if first:
                self._accept_initiation(event, kind, now, message)
                return
            self.announce()
        else:
            self._require_initiation(kind)
        if kind == "input_audio_buffer.append":
            self._accept_audio(decode_base64(value["audio"], "audio"), now, value["audio"])
            return
        self._act(kind, value)
        self._accept_other(event, kind, now, message)

    def _read(self, message: str) -> dict[str, Any]:
        """The message as this service has it. Raises `InvalidMessageError`."""
        return parse_object(message)

    def _act(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "response.create":
            self._create_response()
        elif kind == "response.cancel":
            self._cancel(value)
        elif kind == "conversation.item.truncate":
            self._truncate(value)
        elif kind == "conversation.item.create":
            self._add_item(value["item"])
        elif kind == "input_audio_buffer.commit":
            self._take_commit()
        elif kind == "input_audio_buffer.clear":
            self._send("input_audio_buffer.cleared")

    def _take_commit(self) -> None:
        if self._turn_detection():
            raise InvalidMessageError(
                "value_error", "input_audio_buffer.commit, which is the service's with turn detection on"
            )
        said = sum(len(chunk.data) for chunk in self.uplink[self._turn_began_at :])
        if said * 1000 < LEAST_COMMIT_MS * self.uplink_bytes_per_second:
            raise InvalidMessageError("value_error", f"input_audio_buffer.commit: less than {LEAST_COMMIT_MS} ms in it")
        self._end_caller_turn(time.monotonic())
        self._commit(f"item_caller_{next(self._ids)}")

    def _create_response(self) -> None:
        active = self._open.response_id if self._open is not None else self._asked
        if active is not None:
            raise _BusyError("value_error", _busy(active))
        if self._tool_calls and self._owed_answers:
            raise InvalidMessageError("value_error", "response.create before the tools of the last one are answered")
        if self._overtaking:
            event_id = self.next_event_id()
            self._begin_utterance(event_id, None)
            self._overtook.put_nowait((event_id, self._overtaking.popleft()))
            self._tell_refusal(BUSY_CODE, _busy(self._items[event_id].response_id))
            return
        self._owed_answers = 0
        self._asked = self._begin_response(f"resp_asked_{next(self._ids)}")
        self._floor.set()

    def _update(self, session: dict[str, Any]) -> None:
        if session.get("model", self.session["model"]) != self.session["model"]:
            raise InvalidMessageError("value_error", "session.model: cannot be changed")
        voice = session.get("audio", {}).get("output", {}).get("voice")
        before = self.session["audio"].get("output", {}).get("voice")
        if voice is not None and self.downlink and voice != before:
            raise InvalidMessageError(
                "value_error", "session.audio.output.voice: cannot be changed once there was audio"
            )
        for direction in ("input", "output"):
            form = session.get("audio", {}).get(direction, {}).get("format")
            if form is None:
                continue
            if form["type"] == "audio/pcm" and form.get("rate", RATE_24_KHZ) != RATE_24_KHZ:
                raise InvalidMessageError(
                    "value_error", f"session.audio.{direction}.format.rate: 24000 is the only one"
                )
            setattr(self, f"{direction}_format", _FORMATS[form["type"]])
        self.session = _merged(self.session, session)

    def _cancel(self, value: dict[str, Any]) -> None:
        item = self._open
        if item is None and self._asked is not None and value.get("response_id") in (None, self._asked):
            self._end_silent_response("cancelled", "client_cancelled")
            return
        if item is None or value.get("response_id") not in (None, item.response_id):
            # The real service answers with an error that does no harm, as the answer may just have ended.
            self._tell_refusal("response_cancel_not_active", "no active response")
            return
        self._interrupted_through = max(self._interrupted_through, item.event_id)
        self._end_response("cancelled", "client_cancelled")

    def _truncate(self, value: dict[str, Any]) -> None:
        item_id, milliseconds = value["item_id"], value["audio_end_ms"]
        item = next((item for item in self._items.values() if item.id == item_id), None)
        if item is None:
            raise InvalidMessageError("value_error", f"conversation.item.truncate: there is no item {item_id!r}")
        if value["content_index"] != 0:
            raise InvalidMessageError("value_error", "conversation.item.truncate: content_index: there is only 0")
        sent_ms = item.bytes * 1000 // self.downlink_bytes_per_second
        if milliseconds > sent_ms:
            raise InvalidMessageError(
                "value_error", f"Audio content of {sent_ms}ms is already shorter than {milliseconds}ms"
            )
        if item_id in self.truncated:
            raise InvalidMessageError("value_error", f"conversation.item.truncate: {item_id!r} a second time")
        self.truncated[item_id] = milliseconds
        now = time.monotonic()
        if self._playout.left(now) > 0.0:
            # The client has decided that it was an interruption.
            self.interruptions.append(now)
            self._playout.interrupt(item.event_id, now)
        self._send("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=milliseconds)

    def _add_item(self, item: dict[str, Any]) -> None:
        if item["type"] == "function_call_output":
            self._accept_tool_result(item["call_id"], ToolResult(item["call_id"], item["output"]))
        item = {"id": f"item_client_{next(self._ids)}", **item}
        self._send("conversation.item.added", item=item, previous_item_id=None)
        self._send("conversation.item.done", item=item, previous_item_id=None)

    async def _refuse(self, error: InvalidMessageError) -> None:
        """Most errors do not end a session."""
        beta = isinstance(error, _BetaShapeError)
        busy = isinstance(error, _BusyError)
        self._tell_refusal(BETA_CODE if beta else BUSY_CODE if busy else error.error_type, error.detail)
        if beta:
            await self.close(BETA_CLOSE_CODE, "invalid_request_error.beta_api_shape_disabled")

    def _input(self) -> dict[str, Any]:
        given: dict[str, Any] = self.session["audio"].get("input", {})
        return given

    def _turn_detection(self) -> dict[str, Any]:
        """The settings of turn detection; none at all if it is off."""
        given = self._input().get("turn_detection", {"type": "server_vad"})
        return given or {}

    def _heard_ms(self) -> int:
        return sum(len(chunk.data) for chunk in self.uplink) * 1000 // self.uplink_bytes_per_second

    def _public_session(self) -> dict[str, Any]:
        return {**self.session, "id": self.id, "object": "realtime.session"}


class OpenAiMock(MockServer[MockAgent, OpenAiConversation]):
    """Agents are known by the name of their model."""

    PROVIDER: ClassVar[str] = "openai"
    TITLE: ClassVar[str] = "OpenAI Realtime"
    CONVERSATION: ClassVar[type[Conversation]] = OpenAiConversation
    ID_PREFIX: ClassVar[str] = "sess_"
    CONVERSATION_PATH: ClassVar[str | None] = "/v1/realtime"
    SUBPROTOCOLS: ClassVar[tuple[str, ...]] = ("realtime",)

    def settings(self, agent_id: str) -> dict[str, str]:
        return {**super().settings(agent_id), "model": agent_id}

    def _agent_id(self, record: HttpRequest) -> str | None:
        return record.query.get("model")

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: MockAgent | None) -> Response | None:
        return None if self._bears_key(record) else wrong_key(connection)

    def _refusal(self, record: HttpRequest, agent: MockAgent | None) -> tuple[int, str] | None:
        return None if agent is not None else (REFUSED_CLOSE_CODE, "invalid_request_error.model_not_found")


def wrong_key(connection: MockConnection) -> Response:
    """What whoever has no key is told, as by all of the vendor's interfaces."""
    error = {"message": "Incorrect API key provided", "type": "invalid_request_error", "code": "invalid_api_key"}
    return json_response(connection, 401, {"error": error})


class _BetaShapeError(InvalidMessageError):
    pass


class _BusyError(InvalidMessageError):
    pass


def _busy(response_id: str) -> str:
    return (
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one."
    )


def _beta_shape() -> _BetaShapeError:
    return _BetaShapeError("invalid_message", "the shape of the beta is no longer served: session.type is required")


def _check_own(model: type[BaseModel], message: dict[str, Any]) -> None:
    """Raises `ValueError`: it is the mock, or its scenario, that is wrong."""
    session = message.get("session")
    if isinstance(session, dict):
        # The service says both; the vendor's type has neither.
        message = {**message, "session": {key: value for key, value in session.items() if key not in ("id", "object")}}
    try:
        refuse_unknown_keys(validate(model, message, message["type"]), message["type"])
    except InvalidMessageError as error:
        raise ValueError(str(error)) from None


def _place(item: _Item) -> dict[str, Any]:
    return {"response_id": item.response_id, "item_id": item.id, "output_index": 0, "content_index": 0}


def _spoken_item(item: _Item, status: str) -> dict[str, Any]:
    content = [] if status == "in_progress" else [{"type": "output_audio", "transcript": item.text or ""}]
    return {"id": item.id, "type": "message", "role": "assistant", "status": status, "content": content}


def _response(
    response_id: str, status: str, details: dict[str, Any] | None = None, output: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {"id": response_id, "status": status, "status_details": details, "output": output or []}


def _merged(before: dict[str, Any], update: dict[str, Any]) -> dict[str, Any]:
    """As the service does: only fields that are present change, null clears."""
    merged = dict(before)
    for key, value in update.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, dict) and isinstance(value, dict) else value
    return merged
