"""Calls that a browser makes on the page: by a WebSocket, of somebody who has logged in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Mapping

from starlette.websockets import WebSocket, WebSocketDisconnect

from aiconvai.engine.events import Status
from aiconvai.gateway.browser_line import PONG_SECONDS, BrowserLine, receive, tell
from aiconvai.gateway.browser_messages import RATE, Began, Begin, BrowserError, Over, read_message
from aiconvai.gateway.calls import LOST, Calls
from aiconvai.gateway.media import Media, MediaError
from aiconvai.gateway.registrations import Caller, a_line
from aiconvai.gateway.way import PlainWay

BEGIN_SECONDS = 5.0
"""In which a browser says which agent it wants."""
_WRONG = 1008
"""RFC 6455, section 7.4.1: what was sent violates the policy."""

_log = logging.getLogger(__name__)


class BrowserWay(PlainWay):
    """There is no dialplan: what it would be told, and where the caller would go on in it, is shown on the page."""

    no_transfer = ""

    def __init__(self, media: Media, number: int) -> None:
        self._media = media
        self._number = number
        self._variables: dict[str, str] = dict(LOST)
        self._sent_to = ""

    @property
    def outcome(self) -> Over:
        """As it is now."""
        told = self._variables
        return Over(status=told["AICONVAI_STATUS"], reason=told["AICONVAI_REASON"], sent_to=self._sent_to)

    async def set_variables(self, variables: Mapping[str, str]) -> None:
        self._variables.update(variables)

    async def send_to(self, context: str, extension: str, priority: str) -> bool:
        self._sent_to = ",".join((context, extension, priority))
        await self.go_on()
        return True

    async def go_on(self) -> None:
        self._media.hang_up(self._number)

    async def press(self, key: str, ms: int) -> bool:
        """Nobody is there who takes keys."""
        return False

    async def over(self) -> None:
        """The line has seen it."""


class BrowserDoor:
    """All of them."""

    def __init__(self, name: str, media: Media, calls: Calls, most: int) -> None:
        """`name`: of the source that calls are told by; `most`: at the same time."""
        self.refused = 0
        self.dropped = 0
        """That did what our page does not do, or took nothing."""
        self._name = name
        self._media = media
        self._calls = calls
        self._most = most
        self._open = 0
        self._lines: dict[int, BrowserLine] = {}

    def begun(self, number: int) -> None:
        """A conversation has."""
        line, call = self._lines.get(number), self._calls.find(number)
        if line is not None and call is not None:
            line.begun(Began(asterisk=self._name, record=call.record))

    async def talk(self, websocket: WebSocket, user: str) -> None:
        """The call of a WebSocket that is accepted, until it is over."""
        self._open += 1
        try:
            if self._open > self._most:
                raise _Refused(Status.BUSY, f"browser_calls of [gateway] ({self._most}) is reached")
            await self._converse(websocket, user, await _read_begin(websocket))
        except _Refused as refused:
            self.refused += 1
            _log.warning("a call of %s by a browser is refused: %s", user, refused.reason)
            await _end(websocket, Over(status=refused.status.value, reason=refused.reason))
        except BrowserError as error:
            self.dropped += 1
            _log.warning("a call of %s by a browser is ended, the %d. of such: %s", user, self.dropped, error)
            await _end(websocket, Over(status=Status.CALLER_HANGUP.value, reason=str(error)), _WRONG)
        except WebSocketDisconnect:
            pass
        finally:
            self._open -= 1

    async def _converse(self, websocket: WebSocket, user: str, begin: Begin) -> None:
        """Raises `_Refused`, `BrowserError` and `WebSocketDisconnect`."""
        try:
            number, connection = self._media.open_audiosocket(RATE)
        except MediaError as error:
            raise _Refused(Status.BUSY, str(error)) from error
        identity, name = str(uuid.uuid4()), a_line(user)
        way = BrowserWay(self._media, number)
        refusal = self._calls.begin(
            number,
            Caller(begin.agent, name=name, variables=begin.variables),
            way,
            agent=begin.agent,
            unique_id=identity,
            channel=f"Browser/{name}-{identity[:8]}",
        )
        if refusal is not None:
            connection.close()
            raise _Refused(*refusal)

        def let_go(why: str) -> None:
            self._media.end(number, Status.CALLER_HANGUP, why)

        self._lines[number] = line = BrowserLine(websocket, connection, let_go)
        try:
            if await line.run():
                await _end(websocket, way.outcome)
        finally:
            del self._lines[number]


class _Refused(Exception):
    """No agent answers."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def _read_begin(websocket: WebSocket) -> Begin:
    """Raises `BrowserError` and `WebSocketDisconnect`."""
    try:
        async with asyncio.timeout(BEGIN_SECONDS):
            said = await receive(websocket)
    except TimeoutError:
        raise BrowserError(f"expected a first message within {BEGIN_SECONDS:.0f} s") from None
    first = read_message(said) if isinstance(said, str) else None
    if not isinstance(first, Begin):
        raise BrowserError("expected a message that says which agent is to answer first")
    return first


async def _end(websocket: WebSocket, over: Over, code: int = 1000) -> None:
    """Says so, to whoever takes it."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
        async with asyncio.timeout(PONG_SECONDS):
            await tell(websocket, over)
            await websocket.close(code)
