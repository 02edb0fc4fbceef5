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

from aiconvai.pipecat.observer import CallObserver
from aiconvai.pipecat.serializer import CallSerializer
from aiconvai.websocket_protocol import FORMAT_NAMES, SessionInit, Tool, ToolResult

INIT_SECONDS = 10.0
"""In which the telephone says what the call is."""
TOOL_SECONDS = 60.0
"""In which a tool has answered: the telephone answers each, at the latest after its own time."""
_WRONG = 1007


class CallRefusedError(RuntimeError):
    """Whoever connected is no telephone that keeps to the protocol; the WebSocket is closed."""


class BotCall:
    """On the event loop alone. What the call is: `init`. Its audio: `transport`, at `rate` both ways."""

    def __init__(self, websocket: WebSocket, init: SessionInit) -> None:
        self._websocket = websocket
        self.init = init
        self._results: dict[str, asyncio.Future[ToolResult]] = {}
        self._tool_count = 0
        wire = init.config.audio_format, init.config.sample_rate
        serializer = CallSerializer(FORMAT_NAMES[wire], frozenset(init.extensions), self._take_result)
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
        self._tool_count += 1
        identity = f"call_{self._tool_count}"
        self._results[identity] = asyncio.get_running_loop().create_future()
        try:
            await self._tell({"type": "tool_call", "id": identity, "name": name, "parameters": dict(arguments)})
            async with asyncio.timeout(TOOL_SECONDS):
                result = await self._results[identity]
            return f"Error: {result.result}" if result.is_error else result.result
        except TimeoutError:
            return "Error: nobody answered in time."
        finally:
            del self._results[identity]

    def _take_result(self, result: ToolResult) -> None:
        waiting = self._results.get(result.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(result)

    async def _tell(self, message: Mapping[str, Any]) -> None:
        # Where the caller has hung up the transport says so.
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.send_text(json.dumps(message, separators=(",", ":")))


async def answer(websocket: WebSocket) -> BotCall:
    """The call of a WebSocket that was accepted: its first message is read, and answered. Raises `CallRefusedError`."""
    try:
        async with asyncio.timeout(INIT_SECONDS):
            init = SessionInit.model_validate_json(await websocket.receive_text())
    except (TimeoutError, KeyError, WebSocketDisconnect) as error:
        raise await _refused(websocket, f"no session.init within {INIT_SECONDS:g} s") from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"])) or "session.init"
        raise await _refused(websocket, f"{where}: {problem['msg']}") from error
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
        # As long as the reason of a close may be (RFC 6455 5.5.1: 125 bytes with the code).
        await websocket.close(_WRONG, reason.encode()[:123].decode(errors="ignore"))
    return CallRefusedError(reason)
