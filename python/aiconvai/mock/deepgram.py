"""A stand-in for Deepgram's Voice Agent, version 1.

Every message, both ways, is checked with the types of the vendor's own Python client. Their lists of values are open:
what is in none of them passes, so those that matter are looked up here. Audio is in binary messages. Facts follow that
client and the vendor's documentation; where the service's behaviour is not documented, the stricter reading is taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NoReturn, get_args

from deepgram.agent.v1.socket_client import V1SocketClientResponse
from deepgram.agent.v1.types import (
    AgentV1ForceEndTurn,
    AgentV1InjectAgentMessage,
    AgentV1InjectAgentMessageBehavior,
    AgentV1InjectUserMessage,
    AgentV1KeepAlive,
    AgentV1SendFunctionCallResponse,
    AgentV1Settings,
    AgentV1SettingsAudioInputEncoding,
    AgentV1SettingsAudioOutputContainer,
    AgentV1SettingsAudioOutputEncoding,
    AgentV1UpdateListen,
    AgentV1UpdatePrompt,
    AgentV1UpdateSpeak,
    AgentV1UpdateThink,
    AgentV1UpdateThinkLive,
    ConversationHistoryMessage,
    FunctionCallHistoryMessage,
)
from pydantic import BaseModel
from websockets.http11 import Response

from aiconvai.audio import FORMATS
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, Limits, ToolResult
from aiconvai.mock.errors import ConversationClosedError, ErrorType, InvalidMessageError
from aiconvai.mock.futures import give_up
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockOptions, MockServer, json_response
from aiconvai.mock.strict_json import parse_object, quoted, refuse_unknown_keys, validate
from aiconvai.speech import speak

CLIENT_MESSAGE_SECONDS = 10.0
"""Without a message for so long the service gives a client up."""
AUDIO_FLOWS_SECONDS = 1.0
"""How long after audio it still counts as flowing."""
TIMEOUT_CODE = "CLIENT_MESSAGE_TIMEOUT"
REFUSED_CLOSE_CODE = 1008

_LINEAR_RATES = (8000, 16000, 24000, 32000, 48000)
"""Those that the service speaks."""
_FORMATS = {("mulaw", 8000): "ulaw_8000", ("alaw", 8000): "alaw_8000"} | {
    ("linear16", rate): f"pcm_{rate}" for rate in _LINEAR_RATES if f"pcm_{rate}" in FORMATS
}
_ERROR_CODES: dict[ErrorType, str] = {
    "transport_receive_timeout": TIMEOUT_CODE,
    "max_duration_exceeded": "MAXIMUM_SESSION_LENGTH_REACHED",
    "invalid_message": "UNPARSABLE_CLIENT_MESSAGE",
    "missing_fields": "UNPARSABLE_CLIENT_MESSAGE",
    "value_error": "INVALID_SETTINGS",
    "override_error": "INVALID_SETTINGS",
    "llm_timeout": "FAILED_TO_THINK",
    "llm_error": "FAILED_TO_THINK",
    "custom_llm_error": "FAILED_TO_THINK",
    "tts_cascade_error": "FAILED_TO_SPEAK",
    "asr_transcription_error": "ASR_CONNECTION_CLOSED",
    "websocket_disconnect": "SERVER_GOING_AWAY",
}
"""What the service calls it; what is not here is an INTERNAL_SERVER_ERROR."""
_UPDATES = {
    "UpdateListen": ("listen", "ListenUpdated"),
    "UpdateThink": ("think", "ThinkUpdated"),
    "UpdateThink_Live": ("think_live", "ThinkLiveUpdated"),
    "UpdateSpeak": ("speak", "SpeakUpdated"),
}
"""Which part of the agent's settings such a message replaces, and what confirms it."""


def _by_type(models: Iterable[type[BaseModel]]) -> dict[str, type[BaseModel]]:
    """The vendor's models of messages by their `type`."""
    return {model.model_fields["type"].default: model for model in models}


def _listed(open_literal: Any) -> tuple[str, ...]:
    """The values in one of the vendor's lists, to which it adds anything at all."""
    return get_args(get_args(open_literal)[0])


ENCODINGS = {
    "input": _listed(AgentV1SettingsAudioInputEncoding),
    "output": _listed(AgentV1SettingsAudioOutputEncoding),
}
CONTAINERS = _listed(AgentV1SettingsAudioOutputContainer)
BEHAVIORS = _listed(AgentV1InjectAgentMessageBehavior)
CLIENT_MESSAGES = _by_type(
    [
        AgentV1Settings,
        AgentV1SendFunctionCallResponse,
        AgentV1InjectAgentMessage,
        AgentV1InjectUserMessage,
        AgentV1UpdateListen,
        AgentV1UpdatePrompt,
        AgentV1UpdateSpeak,
        AgentV1UpdateThink,
        AgentV1UpdateThinkLive,
        AgentV1KeepAlive,
        AgentV1ForceEndTurn,
    ]
)
SERVER_MESSAGES = _by_type(model for model in get_args(V1SocketClientResponse) if model is not bytes)
SERVER_MESSAGES["History"] = ConversationHistoryMessage


def client_message(value: dict[str, Any]) -> BaseModel:
    """A message of the client as the vendor's model of it. Raises `InvalidMessageError`."""
    return _modelled(CLIENT_MESSAGES, value, "a client may send")


def server_message(value: dict[str, Any]) -> BaseModel:
    """A message of the service as the vendor's model of it. Raises `InvalidMessageError`."""
    if value.get("type") == "History" and "function_calls" in value:
        return _modelled({"History": FunctionCallHistoryMessage}, value, "")
    return _modelled(SERVER_MESSAGES, value, "the service has")


def _modelled(models: dict[str, type[BaseModel]], value: dict[str, Any], said_of: str) -> BaseModel:
    kind = value.get("type")
    model = models.get(kind) if isinstance(kind, str) else None
    if model is None or not isinstance(kind, str):
        raise InvalidMessageError("invalid_message", f"unknown type {kind!r}; {said_of} {', '.join(models)}")
    message = validate(model, value, kind, strict=True)
    refuse_unknown_keys(message, kind)
    return message


class _RefusedError(InvalidMessageError):
    """A client message for which the service has an error of its own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__("invalid_message" if code != "INVALID_SETTINGS" else "value_error", detail)
        self.code = code


class DeepgramConversation(Conversation):
    """The numbers of utterances are the mock's alone: audio has no ids."""

    OPENING_MESSAGE: ClassVar[str] = "Settings"

    def __init__(self, *args: Any, limits: Limits, **options: Any) -> None:
        limits = replace(limits, receive=min(limits.receive, CLIENT_MESSAGE_SECONDS))
        super().__init__(*args, limits=limits, input_format="pcm_24000", output_format="pcm_24000", **options)
        self.agent_settings: dict[str, Any] = {}
        """The agent's, as the client sent and changed them; of a saved agent only what the client changed."""
        self._is_saved = False
        self._begun: set[int] = set()
        self._speaking: int | None = None
        """The utterance whose end was not told yet."""
        self._caller_speaks = False
        self._tool_names: dict[str, str] = {}
        """Of every tool call there was, by its id."""
        self._cancelled: set[str] = set()
        self._request: list[dict[str, Any]] | None = None
        """The calls collected for one request."""
        self._ordered: asyncio.Queue[str] = asyncio.Queue()
        """What the client told the agent to say."""
        self._to_say = 0
        """Utterances that were ordered or begun, and are not over."""
        self._mouth = asyncio.Lock()

    # What happened -------------------------------------------------------------------------------------

    @property
    def needless_keep_alives(self) -> int:
        """How often the client said KeepAlive while its audio flowed, which is allowed and of no use."""
        audio = [chunk.time for chunk in list(self.uplink)]
        said = [entry.time for entry in list(self.received) if entry.type == "KeepAlive"]
        return sum(any(0.0 <= time - heard < AUDIO_FLOWS_SECONDS for heard in audio) for time in said)

    # What the service says -----------------------------------------------------------------------------

    def greet(self) -> None:
        self._send("Welcome", request_id=self.id)

    def announce(self) -> None:
        self._send("SettingsApplied")
        greeting = self.agent_settings.get("greeting")
        if greeting:
            self._order(greeting)

    def send_now(self, message: dict[str, Any]) -> None:
        server_message(message)
        self._transmit(json.dumps(message, ensure_ascii=False), message["type"])

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        if not tentative:
            self._caller_speaks = False
            self._send("ConversationText", role="user", content=text)
            self._send("AgentThinking", content=f"How to answer: {text}")

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        self._send("ConversationText", role="assistant", content=text)

    def caller_began_speaking(self) -> None:
        if not self._caller_speaks:
            self.interrupt_now()

    def caller_stopped_speaking(self) -> None:
        self._caller_speaks = False

    def interrupt_now(self, event_id: int | None = None) -> None:
        """Of all there was, since nothing in the message says what is meant."""
        super().interrupt_now(self._event_id)

    def _tell_interruption(self, event_id: int) -> None:
        self._caller_speaks = True
        self._speaking = None
        self._send("UserStartedSpeaking")

    async def play(self, *args: Any, **options: Any) -> bool:
        """One utterance after the other; what the client ordered comes first."""
        await self._ordered.join()
        return await self._say(partial(super().play, *args, **options))

    async def run(self, drive: Callable[[Conversation], Awaitable[None]]) -> None:
        async with asyncio.TaskGroup() as group:
            speaker = group.create_task(self._say_what_is_ordered())
            try:
                await super().run(drive)
            finally:
                speaker.cancel()

    def _order(self, text: str) -> None:
        self._to_say += 1
        self._ordered.put_nowait(text)

    async def _say_what_is_ordered(self) -> None:
        while True:
            text = await self._ordered.get()
            try:
                samples = await asyncio.to_thread(speak, text, self.downlink_rate)
                with contextlib.suppress(ConversationClosedError):
                    await self._say(partial(super().play, samples, text=text))
            finally:
                self._to_say -= 1
                self._ordered.task_done()

    async def _say(self, play: Callable[[], Awaitable[bool]]) -> bool:
        self._to_say += 1
        try:
            async with self._mouth:
                return await play()
        finally:
            self._to_say -= 1

    def _begin_utterance(self, event_id: int, text: str | None) -> None:
        self._finish_utterance()
        self._speaking = event_id
        self._begun.add(event_id)
        super()._begin_utterance(event_id, text)
        self._send("AgentStartedSpeaking", total_latency=0.9, tts_latency=0.3, ttt_latency=0.5)

    def _end_utterance(self, event_id: int, text: str | None, *, interrupted: bool) -> None:
        if self._speaking == event_id and not interrupted:
            self._finish_utterance()

    def _finish_utterance(self) -> None:
        if self._speaking is not None:
            self._speaking = None
            self._send("AgentAudioDone")

    def _send_chunk(
        self, data: bytes, event_id: int, encoded: str | None = None, message: str | bytes | None = None
    ) -> None:
        if event_id not in self._begun:
            self._begin_utterance(event_id, None)
        super()._send_chunk(data, event_id, encoded, message)

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> bytes:
        return data

    # Tools ---------------------------------------------------------------------------------------------

    def start_tools(self, *calls: tuple[str, dict[str, Any]]) -> list[asyncio.Future[Any]]:
        """In one request."""
        request: list[dict[str, Any]] = []
        self._request = request
        results = [self.start_tool(name, parameters) for name, parameters in calls]
        self._request = None
        self._send("FunctionCallRequest", functions=request)
        return results

    def cancel_tool(self, name: str) -> None:
        """The agent no longer wants the answers to the open calls of that tool; waits for them raise `TimeoutError`."""
        cancelled = [tool_call_id for tool_call_id in self._tool_calls if self._tool_names[tool_call_id] == name]
        if not cancelled:
            raise ValueError(f"no call of the tool {name!r} is open")
        for tool_call_id in cancelled:
            give_up(self._tool_calls.pop(tool_call_id), TimeoutError(f"the call of {name} was cancelled"))
        self._cancelled.update(cancelled)
        self._send("FunctionCallCancelled", functions=[{"id": each, "name": name} for each in cancelled])

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        self._tool_names[tool_call_id] = name
        call = {"id": tool_call_id, "name": name, "arguments": self._arguments_text(parameters), "client_side": True}
        if self._request is not None:
            self._request.append(call)
        else:
            self._send("FunctionCallRequest", functions=[call])

    def _has_tool(self, name: str) -> bool:
        """Those of a saved agent are its owner's affair: it has them."""
        return self._is_saved or any(
            function["name"] == name and "endpoint" not in function for function in _functions(self.agent_settings)
        )

    # Errors --------------------------------------------------------------------------------------------

    async def _refuse(self, error: InvalidMessageError) -> None:
        code = error.code if isinstance(error, _RefusedError) else "UNPARSABLE_CLIENT_MESSAGE"
        self._send("Error", description=error.detail, code=code)
        await self.close(REFUSED_CLOSE_CODE, error.detail)

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        self._send("Error", description=message, code=self._error_code(error_type))

    def close_code_for(self, error_type: ErrorType) -> int:
        return 1011 if self._error_code(error_type) == TIMEOUT_CODE else super().close_code_for(error_type)

    def _error_code(self, error_type: ErrorType) -> str:
        if error_type == "missing_fields" and not self.received:
            return TIMEOUT_CODE  # Settings did not come at all.
        return _ERROR_CODES.get(error_type, "INTERNAL_SERVER_ERROR")

    def _send(self, kind: str, **fields: Any) -> None:
        self.send_now({"type": kind, **fields})

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        if isinstance(message, bytes):
            self._accept_binary(message, now)
            return
        value = parse_object(message)
        kind = value.get("type")
        if self.initiation is None and kind != self.OPENING_MESSAGE:
            raise _not_settings(kind)
        if self.initiation is not None and kind == self.OPENING_MESSAGE:
            raise _RefusedError("SETTINGS_ALREADY_APPLIED", "Settings a second time")
        parsed = client_message(value)
        if self.initiation is None:
            self._obey(value)
            self._accept_initiation(parsed, self.OPENING_MESSAGE, now, message)
            return
        self._act(value["type"], value)
        self._accept_other(parsed, value["type"], now, message)

    def _accept_binary(self, data: bytes, now: float) -> None:
        if self.initiation is None:
            raise _not_settings("audio")
        if self.started is None:
            raise _RefusedError("NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", "audio before SettingsApplied")
        if not data:
            raise _RefusedError("USER_AUDIO_FORMAT", "audio: an empty binary message")
        self._accept_audio(data, now)

    def _obey(self, settings: dict[str, Any]) -> None:
        agent = settings["agent"]
        if isinstance(agent, str):
            if agent != self.agent_id:
                raise _RefusedError("INVALID_AGENT_ID", f"Settings.agent: there is no saved agent {agent!r}")
            self._is_saved = True
        else:
            _check_listen(agent.get("listen") or {})
            _check_functions(agent)
            self.agent_settings = dict(agent)
        self.input_format = _audio_format("input", settings["audio"].get("input") or {})
        self.output_format = _audio_format("output", settings["audio"].get("output") or {})

    def _act(self, kind: str, value: dict[str, Any]) -> None:
        if kind == "FunctionCallResponse":
            self._take_response(value)
        elif kind == "InjectAgentMessage":
            self._inject(value["message"], value.get("behavior") or "default")
        elif kind == "InjectUserMessage":
            self.caller_said(value["content"])
        elif kind == "UpdatePrompt":
            self._send("PromptUpdated")
        elif kind == "ForceEndTurn":
            self._end_turn()
        elif kind in _UPDATES:
            part, confirmation = _UPDATES[kind]
            changed = {**self.agent_settings, part: value[part]}
            _check_listen(changed.get("listen") or {})
            _check_functions(changed)
            self.agent_settings = changed
            self._send(confirmation)

    def _take_response(self, value: dict[str, Any]) -> None:
        tool_call_id = value.get("id")
        if tool_call_id is None:
            raise InvalidMessageError("missing_fields", "FunctionCallResponse: id: a client has to say it")
        if tool_call_id in self._cancelled:
            return  # It may have crossed the cancellation; the service drops it.
        name = self._tool_names.get(tool_call_id, value["name"])
        if value["name"] != name:
            detail = f"FunctionCallResponse: name: {tool_call_id!r} is a call of {name!r}, got {value['name']!r}"
            raise InvalidMessageError("value_error", detail)
        self._accept_tool_result(tool_call_id, ToolResult(tool_call_id, value["content"]))

    def _inject(self, text: str, behavior: str) -> None:
        if behavior not in BEHAVIORS:
            detail = f"InjectAgentMessage: behavior: {behavior!r} is none of {quoted(BEHAVIORS)}"
            raise InvalidMessageError("value_error", detail)
        agent_speaks = self._to_say > 0 or self.playout_left > 0.0
        if behavior == "default" and (self._caller_speaks or agent_speaks):
            who = "user" if self._caller_speaks else "agent"
            self._send("InjectionRefused", message=f"Cannot inject message while {who} is currently speaking")
            return
        if behavior == "interrupt":
            self._interrupted_through = max(self._interrupted_through, self._event_id)
        self._order(text)

    def _end_turn(self) -> None:
        provider = (self.agent_settings.get("listen") or {}).get("provider") or {}
        if provider.get("version") == "v2":
            self._caller_speaks = False
            return
        code = "FORCE_END_TURN_UNSUPPORTED"
        self._send("Warning", description="ForceEndTurn needs a listen provider of version v2", code=code)


class DeepgramMock(MockServer[MockAgent, DeepgramConversation]):
    """The first agent serves any settings; its name is also that of a saved agent."""

    PROVIDER: ClassVar[str] = "deepgram"
    TITLE: ClassVar[str] = "Deepgram"
    CONVERSATION: ClassVar[type[Conversation]] = DeepgramConversation
    CONVERSATION_PATH: ClassVar[str | None] = "/v1/agent/converse"

    def __init__(self, options: MockOptions) -> None:
        super().__init__(options)
        self.temporary_tokens: set[str] = set()
        """They come as a bearer token; the account's key never does."""

    def _conversation_id(self, record: HttpRequest) -> str:
        return str(uuid.uuid4())

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: MockAgent | None) -> Response | None:
        scheme, _, secret = record.headers.get("authorization", "").partition(" ")
        keys = {known.api_key for known in self.agents.values()}
        if secret in {"token": keys, "bearer": self.temporary_tokens}.get(scheme.lower(), set()):
            return None
        error = {"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": str(uuid.uuid4())}
        return json_response(connection, 401, error)


def _not_settings(kind: Any) -> _RefusedError:
    return _RefusedError(
        "NON_SETTINGS_MESSAGE_BEFORE_SETTINGS", f"the first message must be Settings, got {kind or 'no type'}"
    )


def _invalid_settings(place: str, problem: str) -> NoReturn:
    raise _RefusedError("INVALID_SETTINGS", f"Settings.{place}: {problem}")


def _audio_format(direction: str, given: dict[str, Any]) -> str:
    """The name of `aiconvai.audio` for one of the two formats in the settings; what is left out has a default."""
    place = f"audio.{direction}"
    encoding = given.get("encoding") or "linear16"
    rate = given.get("sample_rate") or (24000 if encoding == "linear16" else 8000)
    container = given.get("container") or "none"
    if encoding not in ENCODINGS[direction]:
        _invalid_settings(place, f"encoding {encoding!r} is none of {quoted(ENCODINGS[direction])}")
    if container not in CONTAINERS:
        _invalid_settings(place, f"container {container!r} is none of {quoted(CONTAINERS)}")
    if container != "none":
        _invalid_settings(place, f"container {container!r}: this mock has none")
    if (encoding, rate) not in _FORMATS:
        known = ", ".join(f"{name} at {hertz}" for name, hertz in _FORMATS)
        _invalid_settings(place, f"{encoding} at {rate} Hz: this mock has {known}")
    return _FORMATS[encoding, rate]


def _check_listen(listen: dict[str, Any]) -> None:
    provider = listen.get("provider") or {}
    model, version = provider.get("model") or "", provider.get("version") or "v1"
    if model.startswith("flux-") != (version == "v2"):
        _invalid_settings("agent.listen.provider", f"the model {model!r} is not one of version {version}")


def _check_functions(agent: dict[str, Any]) -> None:
    for function in _functions(agent):
        if not function.get("name"):
            _invalid_settings("agent.think.functions", f"a function without a name: {function}")


def _functions(agent: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the first of the models that think; the others are there for when it fails."""
    think = agent.get("think") or {}
    first = think[0] if isinstance(think, list) else think
    functions: list[dict[str, Any]] = first.get("functions") or []
    return functions
