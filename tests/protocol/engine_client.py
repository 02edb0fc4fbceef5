"""The module's engine as the client of a mock: a caller over a real WebSocket, in real time."""

# ruff: noqa: ASYNC109 - a test states how long each of its waits may take.

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from aiconvai.audio import tone as tone_of
from aiconvai.audio import ulaw_encode
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Conversation, Phase
from aiconvai.engine.events import Abort, Close, Ended, Event, Open, Ping, Send, Status, ToolCall
from aiconvai.engine.playout_queue import PlayoutResult
from aiconvai.engine.settings import Settings

FRAME_SECONDS = 0.02
SILENCE = b"\xff" * 160
TONE = ulaw_encode(tone_of(440, FRAME_SECONDS, 8000))


class EngineClient:
    """A call whose caller is silent unless `speaks`; answers tools with `tool_answer`."""

    def __init__(self, agent: Mapping[str, str], variables: Mapping[str, str] | None = None) -> None:
        settings = Settings.read_agent("sales", agent)
        line = AudioFormat(Encoding.ULAW, 8000)
        self.conversation = Conversation(settings, line_format=line, variables=variables)
        self.events: list[Event] = []
        self.speaks = False
        self.tool_answer = "done"
        self.heard = b""
        """Of the agent, silence of the line left out."""
        self._socket: ClientConnection | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def run(self, until: Callable[[EngineClient], bool] = lambda client: False, timeout: float = 20.0) -> Ended:
        """The call, until `until` holds and the caller hangs up, or until the agent ends it."""
        due = end = time.monotonic()
        end += timeout
        while self.conversation.phase is not Phase.ENDED:
            assert time.monotonic() < end, f"not over after {timeout:g} s: {self.events}"
            if until(self):
                self.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
            else:
                self._frame()
            await self._act()
            due += FRAME_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await self._act()
        if self._socket is not None and self._receiver is not None:
            await self._socket.close()
            await self._receiver
        [ended] = [event for event in self.events if isinstance(event, Ended)]
        return ended

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def _frame(self) -> None:
        self.conversation.caller_audio(TONE if self.speaks else SILENCE)
        frame = self.conversation.playout.take()
        if frame.result is PlayoutResult.FRAME:
            self.heard += frame.audio
        self.conversation.tick()

    async def _act(self) -> None:
        for event in self.conversation.take_events():
            self.events.append(event)
            if isinstance(event, ToolCall):
                self.conversation.tool_result(event.id, self.tool_answer)
        for action in self.conversation.actions():
            if isinstance(action, Open):
                request = action.request
                self._socket = await connect(
                    request.url,
                    additional_headers=dict(request.headers),
                    compression=None,
                    # The engine itself sees whether the service is there.
                    ping_interval=None,
                )
                self._receiver = asyncio.create_task(self._receive(self._socket))
                self.conversation.connected()
            elif isinstance(action, Send):
                assert self._socket is not None
                # Where the service has just closed, the reader says so.
                with contextlib.suppress(ConnectionClosed):
                    await self._socket.send(action.message if action.binary else action.message.decode())
            elif isinstance(action, Ping):
                assert self._socket is not None
                (await self._socket.ping()).add_done_callback(self._take_pong)
            elif isinstance(action, Abort):
                await self._drop()
            elif isinstance(action, Close):
                assert self._socket is not None
                await self._socket.close(action.code, action.reason)
        self.events += self.conversation.take_events()

    def _take_pong(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self.conversation.service_heard()

    async def _drop(self) -> None:
        if self._socket is None or self._receiver is None:
            return
        self._receiver.cancel()
        await asyncio.gather(self._receiver, return_exceptions=True)
        self._socket.transport.abort()
        self._socket = self._receiver = None

    async def _receive(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                if isinstance(message, str):
                    self.conversation.message(message)
                else:
                    self.conversation.binary_message(message)
        except ConnectionClosed:
            pass
        self.conversation.closed(socket.close_code, socket.close_reason or "")
