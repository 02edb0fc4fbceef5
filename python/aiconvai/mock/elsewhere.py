"""Stand-ins for those who speak a vendor's protocol at an address of their own, and what is different there."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict
from websockets.http11 import Response

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.errors import InvalidMessageError
from aiconvai.mock.gemini import GeminiConversation, GeminiMock
from aiconvai.mock.openai import OpenAiConversation, OpenAiMock, wrong_key
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import bearer_token
from aiconvai.mock.strict_json import validate


class AzureMock(OpenAiMock):
    """Azure OpenAI: agents are known by the name of their deployment, their key stands in a header of its own, and of a
    bearer token nothing else is looked at than whether it is the key.
    """

    TITLE: ClassVar[str] = "Azure OpenAI Realtime"
    CONVERSATION_PATH: ClassVar[str | None] = "/openai/v1/realtime"

    def settings(self, agent_id: str) -> dict[str, str]:
        return {**super().settings(agent_id), "api_key_header": "api-key"}

    def _key_of(self, record: HttpRequest) -> str | None:
        return record.headers.get("api-key", bearer_token(record))


class LocalMock(OpenAiMock):
    """A server on one's own machine: whoever reaches it needs no key."""

    TITLE: ClassVar[str] = "A local server with OpenAI's protocol"

    def settings(self, agent_id: str) -> dict[str, str]:
        return {"provider": self.PROVIDER, "conversation_url": f"{self.conversation_endpoint}?model={agent_id}"}

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: MockAgent | None) -> Response | None:
        return None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _XaiFormat(_Strict):
    type: Literal["audio/pcm", "audio/pcmu", "audio/pcma"]
    rate: Literal[8000, 16000, 24000, 32000, 44100, 48000] | None = None


class _XaiDirection(_Strict):
    format: _XaiFormat | None = None


class _XaiAudio(_Strict):
    input: _XaiDirection | None = None
    output: _XaiDirection | None = None


class _XaiTurnDetection(_Strict):
    type: Literal["server_vad"]


class _XaiSession(_Strict):
    """The settings that it takes, in a shape of their own."""

    instructions: str | None = None
    voice: str | None = None
    turn_detection: _XaiTurnDetection | None = None
    audio: _XaiAudio | None = None
    tools: list[dict[str, Any]] | None = None


class XaiConversation(OpenAiConversation):
    """Greets with the conversation, and has no way to be told how much of an answer was heard."""

    def greet(self) -> None:
        self._send("conversation.created", conversation={"id": self.id, "object": "realtime.conversation"})

    def _read(self, message: str) -> dict[str, Any]:
        value = super()._read(message)
        if value.get("type") == "conversation.item.truncate":
            raise InvalidMessageError("invalid_message", "unknown type 'conversation.item.truncate'")
        if value.get("type") == "session.update":
            return {**value, "session": _as_openai(value.get("session"))}
        return value


def _as_openai(session: Any) -> dict[str, Any]:
    """The same settings where OpenAI has them. Raises `InvalidMessageError`."""
    given = validate(_XaiSession, session if isinstance(session, dict) else {}, "session", strict=True)
    audio = (given.audio or _XaiAudio()).model_dump(exclude_none=True)
    if "turn_detection" in given.model_fields_set:
        detection = given.turn_detection.model_dump() if given.turn_detection else None
        audio.setdefault("input", {})["turn_detection"] = detection
    if given.voice is not None:
        audio.setdefault("output", {})["voice"] = given.voice
    others = given.model_dump(exclude_none=True, include={"instructions", "tools"})
    return {"type": "realtime", "audio": audio, **others}


class XaiMock(OpenAiMock):
    """xAI's Voice Agent: OpenAI's messages, with settings of its own."""

    TITLE: ClassVar[str] = "xAI Voice Agent"
    CONVERSATION: ClassVar[type[Conversation]] = XaiConversation

    def settings(self, agent_id: str) -> dict[str, str]:
        return {**super().settings(agent_id), "dialect": "xai", "voice_id": "Ara"}


class VertexConversation(GeminiConversation):
    """Models are named with all that they are part of."""

    MODEL_PREFIX: ClassVar[str] = "projects/example/locations/europe-west4/publishers/google/models/"


class VertexMock(GeminiMock):
    """Gemini Live of Vertex AI: a token of the Google account stands in for the key."""

    TITLE: ClassVar[str] = "Gemini Live on Vertex AI"
    CONVERSATION: ClassVar[type[Conversation]] = VertexConversation
    CONVERSATION_PATH: ClassVar[str | None] = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"
    ALSO_AT: ClassVar[tuple[str, ...]] = ()

    def settings(self, agent_id: str) -> dict[str, str]:
        return {
            **super().settings(agent_id),
            "api_key_header": "Authorization",
            "model": VertexConversation.MODEL_PREFIX + agent_id,
        }

    def _refuse(self, connection: MockConnection, record: HttpRequest, agent: Any) -> Response | None:
        return None if self._bears_key(record) else wrong_key(connection)

    def _key_of(self, record: HttpRequest) -> str | None:
        return bearer_token(record)
