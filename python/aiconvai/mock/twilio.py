"""A stand-in for an AI server of Twilio Media Streams, as people write them: the client plays Twilio.

It holds the client to what Twilio does, message by message: there is nobody else to check that. Facts follow the
vendor's documentation of Media Streams.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from websockets.http11 import Response

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation, ToolResult
from aiconvai.mock.errors import ErrorType, InvalidMessageError
from aiconvai.mock.marks import Marks
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockServer, json_response
from aiconvai.mock.strict_json import decode_base64, parse_object, read_message

Number = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]*)$")]
"""Twilio writes numbers as text."""
StreamSid = Annotated[str, Field(pattern=r"^MZ[0-9a-f]{32}$")]
CallSid = Annotated[str, Field(pattern=r"^CA[0-9a-f]{32}$")]
AccountSid = Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]
Name = Annotated[str, Field(min_length=1)]


class Message(BaseModel):
    """A message, or a part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


# From Twilio


class Connected(Message):
    """The first message of all."""

    event: Literal["connected"]
    protocol: Literal["Call"]
    version: Literal["1.0.0"]


class Numbered(Message):
    """Any other message."""

    sequence_number: Number
    stream_sid: StreamSid


class MediaFormat(Message):
    """The only one there is."""

    encoding: Literal["audio/x-mulaw"]
    sample_rate: Literal[8000]
    channels: Literal[1]


class StartDetails(Message):
    """What is known about the call."""

    account_sid: AccountSid
    stream_sid: StreamSid
    call_sid: CallSid
    tracks: Annotated[list[Literal["inbound"]], Field(min_length=1, max_length=1)]
    media_format: MediaFormat
    custom_parameters: dict[str, str]


class Start(Numbered):
    """The second message."""

    event: Literal["start"]
    start: StartDetails


class MediaDetails(Message):
    """A chunk of the caller's audio."""

    track: Literal["inbound"]
    chunk: Number
    timestamp: Number
    """Milliseconds since the stream began."""
    payload: str


class Media(Numbered):
    """Audio of the caller."""

    event: Literal["media"]
    media: MediaDetails


class DtmfDetails(Message):
    """Which key."""

    track: Literal["inbound_track"]
    digit: Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]


class Dtmf(Numbered):
    """The caller pressed a key."""

    event: Literal["dtmf"]
    dtmf: DtmfDetails


class MarkDetails(Message):
    """Which mark."""

    name: Name


class Mark(Numbered):
    """The audio before the server's mark of that name was heard, or dropped by a clear."""

    event: Literal["mark"]
    mark: MarkDetails


class StopDetails(Message):
    """Which stream."""

    account_sid: AccountSid
    call_sid: CallSid


class Stop(Numbered):
    """The last message."""

    event: Literal["stop"]
    stop: StopDetails


# To Twilio


class OutgoingAudio(Message):
    """A chunk of the agent's audio."""

    payload: str


class Outgoing(Message):
    """A message of the server."""

    stream_sid: StreamSid


class OutgoingMedia(Outgoing):
    """Audio of the agent."""

    event: Literal["media"]
    media: OutgoingAudio


class OutgoingMark(Outgoing):
    """To be echoed when the audio before it was heard."""

    event: Literal["mark"]
    mark: MarkDetails


class Clear(Outgoing):
    """What has not been heard yet is dropped."""

    event: Literal["clear"]


CLIENT_MESSAGES: dict[str, type[Message]] = {
    "connected": Connected,
    "start": Start,
    "media": Media,
    "dtmf": Dtmf,
    "mark": Mark,
    "stop": Stop,
}
SERVER_MESSAGES: dict[str, type[Message]] = {"media": OutgoingMedia, "mark": OutgoingMark, "clear": Clear}


@dataclass(frozen=True)
class TwilioAgent(MockAgent):
    """`api_key` is the bearer token where the server wants one."""

    private: bool = False
    """Whether the server wants a bearer token, which Twilio itself does not send."""

    def check_message(self, message: dict[str, Any]) -> None:
        # It is sent with the id of the stream, which is not known before there is one.
        read_message({**message, "streamSid": "MZ" + "0" * 32}, "event", SERVER_MESSAGES)


class TwilioConversation(Conversation):
    """The numbers of utterances are known to the server only."""

    OPENING_MESSAGE: ClassVar[str] = "start"

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.stream_sid = ""
        self.custom_parameters: dict[str, str] = {}
        """What the client told about the call."""
        self.marks = Marks()
        self._connected = False
        self._stopped = False
        self._start: StartDetails | None = None
        self._sequence = 0
        self._chunk = 0
        self._timestamp = -1

    # What the server says ------------------------------------------------------------------------------

    @property
    def identifies_audio(self) -> bool:
        return False

    def announce(self) -> None:
        """A server confirms nothing."""

    def send_now(self, message: dict[str, Any]) -> None:
        message = {**message, "streamSid": self.stream_sid}
        read = read_message(message, "event", SERVER_MESSAGES)
        if isinstance(read, OutgoingMedia):
            data = decode_base64(read.media.payload, "payload")
            self._send_chunk(data, self.current_event_id or self.next_event_id(), message=json.dumps(message))
            return
        if isinstance(read, OutgoingMark):
            self.marks.add(read.mark.name, time.monotonic() + self.playout_left)
        self._transmit(json.dumps(message), message["event"])

    async def mark(self, name: str) -> None:
        """Wants to be told when all audio sent so far was heard; `marks.reported` says of which the client did."""
        await self.send({"event": "mark", "mark": {"name": name}})

    def caller_said(self, text: str, event_id: int | None = None, *, tentative: bool = False) -> None:
        """A server keeps it for itself."""

    def agent_said(self, text: str, event_id: int | None = None) -> None:
        """A server keeps it for itself."""

    def _tell_interruption(self, event_id: int) -> None:
        self.marks.release(time.monotonic())
        self.send_now({"event": "clear"})

    def _audio_message(self, data: bytes, event_id: int, encoded: str | None) -> str:
        payload = base64.b64encode(data).decode() if encoded is None else encoded
        message = {"event": "media", "streamSid": self.stream_sid, "media": {"payload": payload}}
        return json.dumps(message, separators=(",", ":"))

    def _tell_tool_call(
        self, tool_call_id: str, name: str, parameters: dict[str, Any], expects_response: bool | None
    ) -> None:
        """There are no tools: nobody is asked."""
        self._accept_tool_result(tool_call_id, ToolResult(tool_call_id, "", is_error=True))

    def _tell_error(self, error_type: ErrorType, message: str, code: int) -> None:
        """A server just closes."""

    # Judging the client --------------------------------------------------------------------------------

    def _accept(self, message: str | bytes, now: float) -> None:
        if not isinstance(message, str):
            raise InvalidMessageError(
                "invalid_message", f"a binary message of {len(message)} bytes; Twilio sends text only"
            )
        value = parse_object(message)
        read = read_message(value, "event", CLIENT_MESSAGES)
        kind = str(value["event"])
        if isinstance(read, Connected) == self._connected:
            expected = "it is sent once" if self._connected else "the first message must be connected"
            raise InvalidMessageError("invalid_message", f"{kind}: {expected}")
        if isinstance(read, Start):
            self._begin(read)
            self._accept_initiation(read, kind, now, message)
            return
        if isinstance(read, Numbered):
            self._require_initiation(kind)
            self._count(read, kind)
        if isinstance(read, Media):
            self._hear(read.media, now)
            return
        self._judge(read, now)
        self._accept_other(read, kind, now, message)

    def _begin(self, message: Start) -> None:
        if self._start is not None:
            return
        if message.start.stream_sid != message.stream_sid:
            raise InvalidMessageError(
                "value_error", f"start.streamSid: expected {message.stream_sid}, as outside of it"
            )
        self._start = message.start
        self.stream_sid = message.stream_sid
        self.custom_parameters = message.start.custom_parameters
        self._count(message, "start")

    def _count(self, message: Numbered, kind: str) -> None:
        if self._stopped:
            raise InvalidMessageError("invalid_message", f"{kind} after stop, which is the last message")
        if message.stream_sid != self.stream_sid:
            raise InvalidMessageError("value_error", f"streamSid: expected {self.stream_sid}, got {message.stream_sid}")
        self._sequence = _next(self._sequence, message.sequence_number, "sequenceNumber")

    def _hear(self, media: MediaDetails, now: float) -> None:
        self._chunk = _next(self._chunk, media.chunk, "chunk")
        if int(media.timestamp) <= self._timestamp:
            raise InvalidMessageError(
                "value_error",
                f"timestamp: expected more than the last chunk's {self._timestamp}, got {media.timestamp}",
            )
        self._timestamp = int(media.timestamp)
        self._accept_audio(decode_base64(media.payload, "payload"), now, media.payload)

    def _judge(self, message: BaseModel, now: float) -> None:
        if isinstance(message, Connected):
            self._connected = True
        elif isinstance(message, Mark):
            self.marks.report(message.mark.name, now)
        elif isinstance(message, Stop):
            assert self._start is not None
            if (message.stop.account_sid, message.stop.call_sid) != (self._start.account_sid, self._start.call_sid):
                raise InvalidMessageError("value_error", "stop: accountSid and callSid are not those of start")
            self._stopped = True

    def _note_close(self) -> None:
        super()._note_close()
        if self.closed_by == "client" and self._start is not None and not self._stopped:
            self._violate("missing_fields", "the client closed without stop")


class TwilioMock(MockServer[TwilioAgent, TwilioConversation]):
    """Has one agent, at any path."""

    PROVIDER: ClassVar[str] = "twilio"
    TITLE: ClassVar[str] = "Twilio Media Streams"
    AGENT: ClassVar[type[MockAgent]] = TwilioAgent
    CONVERSATION: ClassVar[type[Conversation]] = TwilioConversation
    ID_PREFIX: ClassVar[str] = "stream_"
    HAS_TOOLS: ClassVar[bool] = False
    HAS_TRANSCRIPTS: ClassVar[bool] = False

    def settings(self, agent_id: str) -> dict[str, str]:
        key = self.agents[agent_id].api_key
        return {"provider": self.PROVIDER, "api_key": key, "conversation_url": self.conversation_endpoint}

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: TwilioAgent | None) -> Response | None:
        if agent is None or not agent.private or self._bears_key(record):
            return None
        return json_response(connection, 401, {"message": "the token is wrong"})


def _next(last: int, given: str, name: str) -> int:
    if int(given) != last + 1:
        raise InvalidMessageError("value_error", f"{name}: expected {last + 1}, got {given}")
    return last + 1
