"""A telephone call that a pipecat bot answers."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.services.llm_service import FunctionCallParams
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pydantic import ValidationError

from aiconvai.client_tools import ClientTools
from aiconvai.pipecat.observer import CallObserver
from aiconvai.pipecat.serializer import CallSerializer
from aiconvai.websocket_protocol import FORMAT_NAMES, SessionInit, Tool, close_reason, fault_of

INIT_SECONDS = 10.0
"""In which the telephone says what the call is."""
_WRONG = 1007


class CallRefusedError(RuntimeError):
    """Whoever connected is no telephone that keeps to the protocol; the WebSocket is closed."""


class BotCall:
    """On the event loop alone. What the call is: `init`. Its audio: `transport`, at `rate` both ways."""

    def __init__(self, websocket: WebSocket, init: SessionInit) -> None:
        self._websocket = websocket
        self.init = init
        self._tools = ClientTools(self._tell)
        wire = init.config.audio_format, init.config.sample_rate
        serializer = CallSerializer(FORMAT_NAMES[wire], frozenset(init.extensions), self._tools.take)
        self.rate = init.config.sample_rate
        """In Hz. Pipecat's Silero VAD takes 8000 and 16000."""
        self.transport = FastAPIWebsocketTransport(
            websocket,
            FastAPIWebsocketParams(
                audio_in_enabled=True, audio_out_enabled=True, audio_in_sample_rate=self.rate,
                audio_out_sample_rate=self.rate, audio_out_end_silence_secs=0, serializer=serializer,
                allowed_origins=[],
            ),
        )  # fmt: skip
        self.observer = CallObserver(self._tell, self.transport.output(), serializer.end_utterance)

    @property
    def variables(self) -> Mapping[str, str]:
        """What is known of the call, such as caller_number."""
        return self.init.variables

    def tools(self) -> ToolsSchema:
        """The agent's tools, such as transfer_call, for an `LLMContext`: called, they are run by the telephone."""
        return ToolsSchema(standard_tools=[self._schema(one) for one in self.init.tools])

    def _schema(self, tool: Tool) -> FunctionSchema:
        parameters = tool.parameters
        return FunctionSchema(
            tool.name, tool.description, dict(parameters.get("properties", {})), list(parameters.get("required", [])),
            handler=self._run_tool,
        )  # fmt: skip

    async def _run_tool(self, params: FunctionCallParams) -> None:
        await params.result_callback(await self._outcome(params.function_name, params.arguments))

    async def _outcome(self, name: str, arguments: Mapping[str, Any]) -> str:
        if "tools" not in self.init.extensions:
            return "Error: this telephone runs no tools."
        result = await self._tools.run(name, arguments)
        if result is None:
            return "Error: nobody answered in time."
        return f"Error: {result.result}" if result.is_error else result.result

    async def _tell(self, kind: str, **fields: Any) -> None:
        # Where the caller has hung up the transport says so.
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.send_text(json.dumps({"type": kind, **fields}, separators=(",", ":")))


async def answer(websocket: WebSocket) -> BotCall:
    """The call of a WebSocket that was accepted: its first message is read, and answered. Raises `CallRefusedError`."""
    try:
        async with asyncio.timeout(INIT_SECONDS):
            init = SessionInit.model_validate_json(await websocket.receive_text())
    except (TimeoutError, KeyError, WebSocketDisconnect) as error:
        raise await _refused(websocket, f"no session.init within {INIT_SECONDS:g} s") from error
    except ValidationError as error:
        raise await _refused(websocket, fault_of(error)) from error
    if "turns" in init.extensions:
        raise await _refused(websocket, "turns = local: pipecat finds the caller's turns itself; leave that line out")
    try:
        await websocket.send_json({"type": "session_started", "session_id": f"pipecat_{secrets.token_hex(8)}"})
    except (RuntimeError, WebSocketDisconnect) as error:
        raise CallRefusedError("the caller has hung up") from error
    return BotCall(websocket, init)


async def _refused(websocket: WebSocket, reason: str) -> CallRefusedError:
    # It may have gone already.
    with suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(_WRONG, close_reason(reason))
    return CallRefusedError(reason)
