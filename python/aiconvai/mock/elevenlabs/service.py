"""A stand-in for the ElevenLabs conversation service: signed URLs, the WebSocket upgrade, conversations."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlencode

from websockets.http11 import Response

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.elevenlabs.agent import ElevenLabsAgent
from aiconvai.mock.elevenlabs.conversation import ElevenLabsConversation
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockOptions, MockServer, json_response, new_conversation_id

SIGNED_URL_PATH = "/v1/convai/conversation/get-signed-url"
DEPRECATED_SIGNED_URL_PATH = "/v1/convai/conversation/get_signed_url"
CONVERSATION_PATH = "/v1/convai/conversation"
REFUSED_CLOSE_CODE = 3000
"""The service accepts the upgrade of a conversation it refuses, and then closes it with this code."""


@dataclass
class _Signature:
    agent_id: str
    expires: float
    conversation_id: str | None
    used: bool = False


class ElevenLabsMock(MockServer[ElevenLabsAgent, ElevenLabsConversation]):
    """Agents are known by their `agent_id`."""

    PROVIDER: ClassVar[str] = "elevenlabs"
    TITLE: ClassVar[str] = "ElevenLabs"
    AGENT: ClassVar[type[MockAgent]] = ElevenLabsAgent
    CONVERSATION: ClassVar[type[Conversation]] = ElevenLabsConversation
    ID_PREFIX: ClassVar[str] = "conv_"
    CONVERSATION_PATH: ClassVar[str | None] = CONVERSATION_PATH
    SUBPROTOCOLS: ClassVar[tuple[str, ...]] = ("convai",)

    def __init__(self, options: MockOptions) -> None:
        super().__init__(options)
        self._signatures: dict[str, _Signature] = {}

    @property
    def signed_url_endpoint(self) -> str:
        """Where a signed URL is requested; `?agent_id=` is for the client to add."""
        return self.base_url + SIGNED_URL_PATH

    def conversation_url(self, agent_id: str) -> str:
        """The WebSocket URL of a public agent."""
        return f"{self.conversation_endpoint}?{urlencode({'agent_id': agent_id})}"

    def signed_url(self, agent_id: str, *, include_conversation_id: bool = False) -> str:
        """A new signed URL, single-use if it includes the conversation id."""
        signature = "cvtkn_" + secrets.token_urlsafe(24)
        query = {"agent_id": agent_id, "conversation_signature": signature}
        conversation_id = new_conversation_id(self.ID_PREFIX) if include_conversation_id else None
        if conversation_id is not None:
            query["conversation_id"] = conversation_id
        expires = time.monotonic() + self.options.signature_lifetime
        self._signatures[signature] = _Signature(agent_id, expires, conversation_id)
        return f"{self.conversation_endpoint}?{urlencode(query)}"

    def settings(self, agent_id: str) -> dict[str, str]:
        agent = self.agents[agent_id]
        if not agent.private:
            return {"agent_id": agent_id, "conversation_endpoint": self.conversation_endpoint}
        return {"agent_id": agent_id, "api_key": agent.api_key, "signed_url_endpoint": self.signed_url_endpoint}

    def _agent_id(self, record: HttpRequest) -> str | None:
        return record.query.get("agent_id")

    async def _reply(self, connection: MockConnection, record: HttpRequest) -> Response | None:
        if record.path not in (SIGNED_URL_PATH, DEPRECATED_SIGNED_URL_PATH):
            return await super()._reply(connection, record)
        agent_id = self._agent_id(record) or ""
        agent = self.agents.get(agent_id)
        fault = self._fault(agent_id, record, agent.scenario.handshake.signed_url) if agent else None
        return await self._answer(connection, fault, self._reply_with_signed_url(connection, record))

    def _reply_with_signed_url(self, connection: MockConnection, record: HttpRequest) -> Response:
        agent_id = self._agent_id(record)
        if agent_id is None:
            problem = {
                "type": "missing",
                "loc": ["query", "agent_id"],
                "msg": "Field required",
                "input": None,
            }
            return json_response(connection, 422, {"detail": [problem]})
        key = record.headers.get("xi-api-key")
        agent = self.agents.get(agent_id)
        if key is None:
            return _api_error(connection, 401, "needs_authorization", "No xi-api-key header was received.")
        if agent is None and not any(key == known.api_key for known in self.agents.values()):
            return _api_error(connection, 401, "invalid_api_key", "Invalid API key")
        if agent is None:
            return _api_error(connection, 404, "agent_not_found", f"There is no agent {agent_id}.")
        if key != agent.api_key:
            return _api_error(connection, 401, "invalid_api_key", "Invalid API key")
        wants_id = record.query.get("include_conversation_id", "false").lower() == "true"
        url = self.signed_url(agent_id, include_conversation_id=wants_id)
        return json_response(connection, 200, {"signed_url": url})

    def _refusal(self, record: HttpRequest, agent: ElevenLabsAgent | None) -> tuple[int, str] | None:
        reason = self._reason_to_refuse(record, agent)
        return None if reason is None else (REFUSED_CLOSE_CODE, reason)

    def _reason_to_refuse(self, record: HttpRequest, agent: ElevenLabsAgent | None) -> str | None:
        signature = self._signature(record)
        if agent is None:
            return "The AI agent you are trying to reach does not exist."
        if "conversation_signature" not in record.query:
            return "The agent is private: a signed URL is needed." if agent.private else None
        if signature is None or signature.agent_id != record.query.get("agent_id"):
            return "The conversation signature is invalid."
        if time.monotonic() > signature.expires:
            return "The conversation signature has expired."
        if signature.conversation_id is not None and signature.used:
            return "The conversation signature has already been used."
        return None

    def _conversation_id(self, record: HttpRequest) -> str:
        signature = self._signature(record)
        if signature is None:
            return super()._conversation_id(record)
        signature.used = True
        return signature.conversation_id or super()._conversation_id(record)

    def _signature(self, record: HttpRequest) -> _Signature | None:
        return self._signatures.get(record.query.get("conversation_signature", ""))


def _api_error(connection: MockConnection, status: int, code: str, message: str) -> Response:
    return json_response(connection, status, {"detail": {"status": code, "message": message}})
