"""A stand-in for Google's Gemini Live service (BidiGenerateContent).

Every message, both ways, is checked with the types of the vendor's own Python client. Facts follow that client and the
vendor's description of the interface; where the service's behaviour is disputed, the stricter reading is taken.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, TypeVar

from google.genai import types
from pydantic import BaseModel
from pydantic.alias_generators import to_camel
from websockets.http11 import Response

from aiconvai.audio import FORMATS
from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, ToolResult
from aiconvai.mock.errors import CLIENT_ERRORS, ErrorType, InvalidMessageError
from aiconvai.mock.futures import give_up
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockOptions, MockServer
from aiconvai.mock.strict_json import parse_object, quoted, validate

CONVERSATION_PATHS = tuple(
    f"/ws/google.ai.generativelanguage.{version}.GenerativeService.BidiGenerateContent"
    for version in ("v1beta", "v1", "v1alpha")
)
INVALID_CLOSE_CODE = 1007
NOT_FOUND_CLOSE_CODE = 1008
UNREGISTERED_CLOSE_CODE = 1008

ModelT = TypeVar("ModelT", bound=BaseModel)

VOICES = frozenset({
    "Zephyr", "Puck", "Charon", "Kore", "Fenrir", "Leda", "Orus", "Aoede", "Callirrhoe", "Autonoe", "Enceladus",
    "Iapetus", "Umbriel", "Algieba", "Despina", "Erinome", "Algenib", "Rasalgethi", "Laomedeia", "Achernar", "Alnilam",
    "Schedar", "Gacrux", "Pulcherrima", "Achird", "Zubenelgenubi", "Vindemiatrix", "Sadachbia", "Sadaltager",
    "Sulafat"
})  # fmt: skip

_AUDIO_TYPE = re.compile(r"audio/pcm(?:; ?rate=(\d+))?")
_USUAL_RATE = 16000
_TEXT_PIECE = re.compile(r"\s*\S+\s*$|\s*\S+")
"""A word and the blanks before it, as the service cuts what is said."""


class Setup(types.LiveClientSetup):
    """With what the vendor's type lacks, and without the shorthands that its client resolves before it sends."""

    system_instruction: types.Content | None = None
    tools: list[types.Tool] | None = None  # type: ignore[assignment] # Narrower than what only its client takes.
    realtime_input_config: types.RealtimeInputConfig | None = None


class ClientMessage(types.LiveClientMessage):
    """One of them, which is what is in it."""

    setup: Setup | None = None


def client_message(text: str) -> ClientMessage:
    """What a client sent. Raises `InvalidMessageError`."""
    return _read(ClientMessage, parse_object(text))


def server_message(message: dict[str, Any]) -> types.LiveServerMessage:
    """What the service sends. Raises `InvalidMessageError`."""
    return _read(types.LiveServerMessage, message)


class ToolCancelledError(Exception):
    """There will be no result: the service has taken back the call."""


@dataclass(frozen=True)
class GeminiAgent(MockAgent):
    """A model, with the account that may use it."""

    binary_frames: bool = True
    """Whether it answers in binary messages, as the service mostly does, and not in text."""
    client_content: bool = False
    """Whether it takes `clientContent` at any time, as models up to 2.5 do, and not only as the history of before."""

    def check_message(self, message: dict[str, Any]) -> None:
        server_message(message)


class GeminiConversation(Conversation):
    """The numbers of utterances are those of the model's turns; they are not sent.

    A detector of speech that is at work before the first audio came takes it to have 16000 samples a second.
    """

    OPENING_MESSAGE: ClassVar[str] = "setup"
    MODEL_PREFIX: ClassVar[str] = "models/"

    def __init__(
        self, *args: Any, agents: Mapping[str, GeminiAgent], handles: set[str], agent: GeminiAgent, **options: Any
    ) -> None:
        super().__init__(*args, agent=agent, input_format=f"pcm_{_USUAL_RATE}", output_format="pcm_24000", **options)
        self.model: GeminiAgent = agent
        """As `agent`."""
        self._agents = agents
        self._handles = handles
        self._tool_names: dict[str, str] = {}
        self._turn: int | None = None
        """The number of what the model is saying."""
        self._takes_content = False
        self._request: list[dict[str, Any]] | None = None
        """The calls collected for one message."""

    # What the service says -----------------------------------------------------------------------------

    def announce(self) -> None:
        self.send_now({"setupComplete": {"sessionId": self.id}})

    def send_now(self, message: dict[str, Any]) -> None:
        audio = _audio_in(server_message(message))
        text = json.dumps(message, separators=(",", ":"))
        if audio:
            turn = self.next_event_id() if self._turn is None else self._turn
            self._send_chunk(audio, turn, message=self._framed(text))
        else:
            self._transmit(self._framed(text), _kind(message))

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        if self._setup.input_audio_transcription is not None:
            self._say_content(**{"interimInputTranscription" if tentative else "inputTranscription": {"text": text}})

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        if self._setup.output_audio_transcription is not None:
            self._say_content(outputTranscription={"text": text})

    def interrupt_now(self, event_id: int | None = None) -> None:
        """The caller is active; whether that ends the turn is up to the setup."""
        if self._input.activity_handling is not types.ActivityHandling.NO_INTERRUPTION:
            super().interrupt_now(event_id)

    def start_tools(self, *calls: tuple[str, dict[str, Any]]) -> list[asyncio.Future[Any]]:
        request: list[dict[str, Any]] = []
        self._request = request
        results = [self.start_tool(name, parameters) for name, parameters in calls]
        self._request = None
        self.send_now({"toolCall": {"functionCalls": request}})
        return results

    async def cancel_tool(self, tool_call_id: str) -> None:
        """Takes back a call that is not answered yet; who waits for its result gets a `ToolCancelledError`."""
        give_up(self._tool_calls.pop(tool_call_id), ToolCancelledError(tool_call_id))
        await self.send({"toolCallCancellation": {"ids": [tool_call_id]}})

    async def go_away(self, seconds: float) -> None:
        """Warns that the service will end the connection; the end itself is up to the caller of this."""
        await self.send({"goAway": {"timeLeft": f"{seconds:g}s"}})

    async def update_resumption(self, new_handle: str | None) -> None:
        """Gives out a handle with which a later connection can go on; None: at present none can."""
        if self._setup.session_resumption is None:
            raise ValueError("the client's setup has no sessionResumption, without which no handle is given out")
        update: dict[str, Any] = {"resumable": new_handle is not None}
        if new_handle is not None:
            self._handles.add(new_handle)
            update["newHandle"] = new_handle
        await self.send({"sessionResumptionUpdate": update})

    def echo(self, on: bool, event_id: int | None = None) -> None:
        super().echo(on, event_id)
        if not on:
            self._complete_turn()

    def _tell_interruption(self, event_id: int) -> None:
        self._turn = None
        self._say_content(interrupted=True)
        self._end_turn()

    def _begin_utterance(self, event_id: int, text: str | None) -> None:
        self._complete_turn()
        self._turn = event_id
        for piece in _TEXT_PIECE.findall(text or ""):
            self.agent_said(piece, event_id)

    def _end_utterance(self, event_id: int, text: str | None, *, interrupted: bool) -> None:
        if self._turn == event_id:
            self._complete_turn()

    def _complete_turn(self) -> None:
        if self._turn is not None:
            self._turn = None
            self._say_content(generationComplete=True)
            self._end_turn()

    def _end_turn(self) -> None:
        usage = {"promptTokenCount": 5, "responseTokenCount": 7, "totalTokenCount": 12}
        self.send_now({"serverContent": {"turnComplete": True}, "usageMetadata": usage})

    def _say_content(self, **content: Any) -> None:
        self.send_now({"serverContent": content})

    def _send_chunk(
        self, data: bytes, event_id: int, encoded: str | None = None, message: str | bytes | None = None
    ) -> None:
        if self._turn != event_id:
            self._begin_utterance(event_id, None)
        super()._send_chunk(data, event_id, encoded, message)

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str | bytes:
        text = base64.b64encode(data).decode() if encoded is None else encoded
        part = '{"inlineData":{"mimeType":"audio/pcm;rate=24000","data":"' + text + '"}}'
        return self._framed('{"serverContent":{"modelTurn":{"role":"model","parts":[' + part + "]}}}")

    def _framed(self, text: str) -> str | bytes:
        return text.encode() if self.model.binary_frames else text

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        self._tool_names[tool_call_id] = name
        call = {"id": tool_call_id, "name": name, "args": parameters}
        if self._request is not None:
            self._request.append(call)
        else:
            self.send_now({"toolCall": {"functionCalls": [call]}})

    def _has_tool(self, name: str) -> bool:
        declared = (each for tool in self._setup.tools or [] for each in tool.function_declarations or [])
        return any(each.name == name for each in declared)

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        """The service has no message for it: the reason of its close says what was wrong."""

    def close_code_for(self, error_type: ErrorType) -> int:
        return INVALID_CLOSE_CODE if error_type in CLIENT_ERRORS else 1011

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        if not isinstance(message, str):
            raise InvalidMessageError("invalid_message", f"a binary message of {len(message)} bytes; expected text")
        read = client_message(message)
        kind = to_camel(_only_field(read, "a message"))
        if read.setup is not None:
            if self.initiation is None:
                self._obey(read.setup)
            self._accept_initiation(read.setup, kind, now, message)
            return
        self._require_initiation(kind)
        if self.started is None:
            raise InvalidMessageError("invalid_message", f"{kind} before setupComplete was sent")
        if read.realtime_input is not None:
            self._accept_realtime_input(read.realtime_input, now, message)
            return
        if read.context_update is not None:
            raise InvalidMessageError("value_error", "contextUpdate: not every model takes it, and this one does not")
        if read.client_content is not None:
            self._accept_content(read.client_content)
        if read.tool_response is not None:
            self._accept_tool_response(read.tool_response)
        self._accept_other(getattr(read, _only_field(read, "a message")), kind, now, message)

    def _obey(self, setup: Setup) -> None:
        self.model = self.agent = self._model_of(setup)
        self.agent_id = (setup.model or "").removeprefix(self.MODEL_PREFIX)
        self._check_generation(setup.generation_config or types.GenerationConfig())
        instruction = setup.system_instruction
        if instruction is not None and not _texts_only(instruction):
            raise InvalidMessageError("value_error", "setup.systemInstruction.parts: expected parts with text")
        handle = setup.session_resumption and setup.session_resumption.handle
        if handle and handle not in self._handles:
            raise InvalidMessageError(
                "value_error", f"setup.sessionResumption.handle: {handle!r} is none that was given out"
            )
        history = setup.history_config
        self._takes_content = self.model.client_content or bool(history and history.initial_history_in_client_content)
        self._max_duration = self.model.max_duration_seconds
        if self.model.scenario.wire is not None:
            self.shape(self.model.scenario.wire)

    def _model_of(self, setup: Setup) -> GeminiAgent:
        if setup.model is None:
            raise InvalidMessageError("missing_fields", f"setup.model: expected {self.MODEL_PREFIX}NAME, got none")
        agent = self._agents.get(setup.model.removeprefix(self.MODEL_PREFIX))
        if not setup.model.startswith(self.MODEL_PREFIX):
            raise InvalidMessageError(
                "value_error", f"setup.model: expected {self.MODEL_PREFIX}NAME, got {setup.model!r}"
            )
        if agent is None:
            raise _ModelNotFoundError(
                "value_error", f"{setup.model} is not found, or is not supported for bidiGenerateContent"
            )
        return agent

    def _check_generation(self, config: types.GenerationConfig) -> None:
        place = "setup.generationConfig"
        modalities = config.response_modalities
        if modalities not in (None, [types.Modality.AUDIO]):
            raise InvalidMessageError(
                "value_error", f"{place}.responseModalities: the model can only speak: expected AUDIO"
            )
        speech = config.speech_config or types.SpeechConfig()
        prebuilt = speech.voice_config and speech.voice_config.prebuilt_voice_config
        voice = prebuilt and prebuilt.voice_name
        if voice and voice not in VOICES:
            raise InvalidMessageError("value_error", f"{place}.speechConfig: there is no voice {voice!r}")

    def _accept_realtime_input(self, given: types.LiveClientRealtimeInput, now: float, text: str) -> None:
        field = _only_field(given, "realtimeInput")
        if given.audio is not None:
            if self._detection_is_off and not self._is_callers_turn:
                raise InvalidMessageError("value_error", "realtimeInput.audio: outside of an activity")
            self._accept_audio(self._audio(given.audio), now)
            return
        detects = not self._detection_is_off
        if field == "media_chunks":
            raise InvalidMessageError("value_error", "realtimeInput.mediaChunks is deprecated; expected audio or text")
        if field in ("activity_start", "activity_end") and detects:
            raise InvalidMessageError(
                "value_error", f"realtimeInput.{to_camel(field)}: the service itself detects activity"
            )
        if field == "audio_stream_end" and not detects:
            raise InvalidMessageError(
                "value_error", "realtimeInput.audioStreamEnd: only where the service detects activity"
            )
        if field == "text" and not detects and not self._is_callers_turn:
            raise InvalidMessageError("value_error", "realtimeInput.text: outside of an activity")
        if field == "activity_start":
            if self._is_callers_turn:
                raise InvalidMessageError("value_error", "realtimeInput.activityStart: within an activity")
            self._begin_caller_turn()
        elif field == "activity_end":
            if not self._is_callers_turn:
                raise InvalidMessageError("value_error", "realtimeInput.activityEnd: there is no activity")
            self._end_caller_turn(now)
        # Text counts as activity, as the voice does; but the first asks for what a scenario may have begun to say.
        is_activity = field == "activity_start" or (field == "text" and bool(self.uplink or self.received[1:]))
        self._accept_other(given, f"realtimeInput.{to_camel(field)}", now, text)
        if is_activity and self.playout_left > 0.0:
            self.interrupt_now()

    def _audio(self, blob: types.Blob) -> bytes:
        found = _AUDIO_TYPE.fullmatch(blob.mime_type or "")
        form = f"pcm_{found[1] or _USUAL_RATE}" if found else ""
        place = "realtimeInput.audio"
        if form not in FORMATS:
            raise InvalidMessageError(
                "value_error", f"{place}.mimeType: expected audio/pcm;rate=16000 or the like, got {blob.mime_type!r}"
            )
        if self.uplink and form != self.input_format:
            raise InvalidMessageError("value_error", f"{place}.mimeType: {form} after {self.input_format}")
        if not blob.data:
            raise InvalidMessageError("value_error", f"{place}.data: no audio in it")
        self.input_format = form
        return blob.data

    def _interrupt_if_spoken_over(self) -> None:
        if not self._detection_is_off:
            super()._interrupt_if_spoken_over()

    def _accept_content(self, content: types.LiveClientContent) -> None:
        if not self._takes_content:
            raise InvalidMessageError(
                "value_error",
                "clientContent: only before the conversation, after historyConfig.initialHistoryInClientContent",
            )
        for turn in content.turns or []:
            if turn.role not in (None, "user", "model"):
                raise InvalidMessageError(
                    "value_error", f"clientContent.turns.role: expected user or model, got {turn.role!r}"
                )
            if not turn.parts:
                raise InvalidMessageError("value_error", "clientContent.turns.parts: there are none")
        if content.turn_complete and not self.model.client_content:
            self._takes_content = False
        if self._turn is not None:
            super().interrupt_now()

    def _accept_tool_response(self, message: types.LiveClientToolResponse) -> None:
        place = "toolResponse.functionResponses"
        if not message.function_responses:
            raise InvalidMessageError("missing_fields", f"{place}: there are none")
        for response in message.function_responses:
            if response.id is None or response.name is None or response.response is None:
                raise InvalidMessageError("missing_fields", f"{place}: expected id, name and response in each")
            if response.scheduling is not None or response.will_continue is not None:
                raise InvalidMessageError(
                    "value_error", f"{place}: scheduling and willContinue are for NON_BLOCKING functions"
                )
            called = self._tool_names.get(response.id, response.name)
            if response.name != called:
                raise InvalidMessageError(
                    "value_error", f"{place}.name: {response.id} is a call of {called!r}, got {response.name!r}"
                )
            self._accept_tool_result(response.id, _tool_result(response.id, response.response))

    async def _refuse(self, error: InvalidMessageError) -> None:
        code = NOT_FOUND_CLOSE_CODE if isinstance(error, _ModelNotFoundError) else None
        await self.fail(error.error_type, error.detail, code=code)

    @property
    def _setup(self) -> Setup:
        return self.initiation if isinstance(self.initiation, Setup) else Setup()

    @property
    def _input(self) -> types.RealtimeInputConfig:
        return self._setup.realtime_input_config or types.RealtimeInputConfig()

    @property
    def _detection_is_off(self) -> bool:
        detection = self._input.automatic_activity_detection
        return detection is not None and bool(detection.disabled)


class GeminiMock(MockServer[GeminiAgent, GeminiConversation]):
    """Agents are known by the name of their model, without `models/`.

    A client says the name only in its setup; faults of the upgrade are those of the first agent whose key it has.
    """

    PROVIDER: ClassVar[str] = "gemini"
    TITLE: ClassVar[str] = "Gemini Live"
    AGENT: ClassVar[type[MockAgent]] = GeminiAgent
    CONVERSATION: ClassVar[type[Conversation]] = GeminiConversation
    CONVERSATION_PATH: ClassVar[str | None] = CONVERSATION_PATHS[0]
    ALSO_AT: ClassVar[tuple[str, ...]] = CONVERSATION_PATHS[1:]
    """All versions of the interface are the same here."""

    def __init__(self, options: MockOptions) -> None:
        super().__init__(options)
        self._handles: set[str] = set()

    async def _reply(self, connection: MockConnection, record: HttpRequest) -> Response | None:
        if record.path in self.ALSO_AT:
            return await self._reply_to_upgrade(connection, record)
        return await super()._reply(connection, record)

    def _conversation_options(self, record: HttpRequest) -> dict[str, Any]:
        return {"agents": self._agents_of(record), "handles": self._handles}

    def _agents_of(self, record: HttpRequest) -> dict[str, GeminiAgent]:
        """Those that the request's key is for."""
        key = self._key_of(record)
        return {name: agent for name, agent in self.agents.items() if agent.api_key == key}

    def _key_of(self, record: HttpRequest) -> str | None:
        return record.headers.get("x-goog-api-key", record.query.get("key"))

    def settings(self, agent_id: str) -> dict[str, str]:
        return {**super().settings(agent_id), "model": agent_id}

    def _agent_id(self, record: HttpRequest) -> str | None:
        return next(iter(self._agents_of(record)), None)

    def _refusal(self, record: HttpRequest, agent: GeminiAgent | None) -> tuple[int, str] | None:
        if agent is not None:
            return None
        if self._key_of(record) is None:
            return UNREGISTERED_CLOSE_CODE, "Method doesn't allow unregistered callers. Please use API Key."
        return INVALID_CLOSE_CODE, "API key not valid. Please pass a valid API key."


class _ModelNotFoundError(InvalidMessageError):
    pass


def _only_field(message: BaseModel, name: str) -> str:
    fields = [field for field in type(message).model_fields if getattr(message, field) is not None]
    if len(fields) != 1:
        raise InvalidMessageError(
            "invalid_message", f"{name}: expected exactly one field, got {quoted(map(to_camel, fields))}"
        )
    return fields[0]


def _kind(message: dict[str, Any]) -> str:
    """Such as `toolCall`, or `serverContent.interrupted`, whose content differs much."""
    kind = next(iter(message), "")
    inner = next(iter(message[kind]), "") if kind == "serverContent" else ""
    return f"{kind}.{inner}" if inner else kind


def _audio_in(message: types.LiveServerMessage) -> bytes:
    turn = message.server_content and message.server_content.model_turn
    blobs = [part.inline_data for part in (turn and turn.parts) or []]
    return b"".join(blob.data or b"" for blob in blobs if blob is not None)


def _texts_only(content: types.Content) -> bool:
    return bool(content.parts) and all(part.text is not None for part in content.parts or [])


def _tool_result(tool_call_id: str, response: dict[str, Any]) -> ToolResult:
    """As the model understands it: without one of the two keys, all of it is the output."""
    is_error = "error" in response
    content = response.get("error" if is_error else "output", response)
    return ToolResult(tool_call_id, content if isinstance(content, str) else json.dumps(content), is_error)


def _read(model: type[ModelT], message: dict[str, Any]) -> ModelT:
    read = validate(model, message, "message")
    wrong = sorted(_converted(message, read, "message"))
    if wrong:
        raise InvalidMessageError("value_error", f"values of another kind than the service knows: {', '.join(wrong)}")
    return read


def _converted(given: Any, read: Any, place: str) -> Iterator[str]:
    """What the vendor's types make fit: text for a number, and any text for a name of an enumeration."""
    if isinstance(read, BaseModel):
        fields = type(read).model_fields
        for name in read.model_fields_set:
            key = fields[name].alias or name
            yield from _converted(given.get(key, given.get(name)), getattr(read, name), f"{place}.{key}")
    elif isinstance(read, list):
        for one, one_read in zip(given, read, strict=True):
            yield from _converted(one, one_read, place)
    elif isinstance(read, dict):
        for key, one_read in read.items():
            yield from _converted(given[key], one_read, f"{place}.{key}")
    elif not _is_as_given(given, read):
        yield f"{place} {given!r}"


def _is_as_given(given: Any, read: Any) -> bool:
    if isinstance(read, Enum):
        return given in type(read).__members__
    if isinstance(read, float):
        return type(given) in (int, float)
    return type(given) is type(read) or not isinstance(read, (str, int))
