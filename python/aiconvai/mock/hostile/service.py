"""A mock that is honest up to a place in a conversation, and hostile there.

The case is in the path of the request, `/hostile/PLACE/KIND/NUMBER` before the service's own; without it each request
gets the next of the server's own cases. Everything before the place is the strict mock's. From there on nothing the
client does is judged: what it was made to do is no fault of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from aiconvai.mock.connection import MockConnection
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.elevenlabs import ALL_OVERRIDES, ElevenLabsMock
from aiconvai.mock.errors import ConversationClosedError
from aiconvai.mock.hostile.attack import Attack
from aiconvai.mock.hostile.cases import FOREIGN_IDS, Case, case_named
from aiconvai.mock.hostile.places import HTTP_PLACES, Place, go_to
from aiconvai.mock.hostile.wire import EndOfStream, Pause, Reset, Step, Write, close_frame
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.server import MockOptions, MockServer
from aiconvai.mock.services import mock_class

CASE_BYTES = 64 * 1024 * 1024
"""More is not sent in one case."""
CASE_SECONDS = 20.0
"""Longer a case does not take, whatever the client does."""
ENDING_BYTES = 4 * 1024 * 1024
"""More is not put behind a close."""
_PREFIX = "/hostile/"
_AGENT, _PRIVATE_AGENT = "hostile", "hostile-private"
_KEY = "hostile-api-key"
_GOODBYE_SECONDS = 10.0
_LAST_WORDS_SECONDS = 0.05


@dataclass
class Outcome:
    """What came of a case."""

    provider: str
    case: str
    reached: bool = False
    """The honest way led to the place."""
    attacks: list[str] = field(default_factory=list)
    """Those that were begun, in order."""
    planned: int = 0
    """How many there are."""
    bytes: int = 0
    messages: int = 0
    seconds: float = 0.0
    problem: str = ""
    """Why the place was not reached, or what went wrong in the mock."""
    close_code: int | None = None
    """What the client closed with, if it did."""
    close_reason: str = ""


Report = Callable[[str, Outcome], None]
"""Called with `begun`, `attack` or `ended`."""


class _GoneError(Exception):
    """The connection is."""


class HostileConnection(MockConnection):
    """Takes any bytes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.case: Case | None = None
        self.outcome: Outcome | None = None
        self.is_muted = False
        """The mock's own words are left out: they would come into the middle of what is written byte by byte."""
        self.last_words: Callable[[], None] | None = None
        """Called when the client has begun to close, or has asked for it, before that is answered."""

    def write(self, data: bytes) -> None:
        """Bytes on the wire, as they are and at once. Raises `_GoneError`."""
        if self.transport.is_closing():
            raise _GoneError
        try:
            self.transport.write(data)
        except RuntimeError:  # Its sending side is closed, as it is once both have said goodbye.
            raise _GoneError from None

    async def play(self, steps: Iterable[Step], outcome: Outcome) -> None:
        """Raises `_GoneError` once there is no connection any more."""
        for step in steps:
            if isinstance(step, Write):
                if outcome.bytes + len(step.data) > CASE_BYTES:
                    return
                self.write(step.data)
                outcome.bytes += len(step.data)
                outcome.messages += step.messages
                with contextlib.suppress(ConnectionClosed, ConnectionError):
                    await self.drain()
            elif isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Reset):
                self.abort()
                raise _GoneError
            elif isinstance(step, EndOfStream):
                if self.transport.can_write_eof():
                    self.transport.write_eof()
                await self.wait_lost()
                raise _GoneError
            else:
                await self.wait_lost()
                raise _GoneError
        # A connection that was lost meanwhile is only noticed when it is the loop's turn.
        await asyncio.sleep(0)

    def send_data(self) -> None:
        last_words = self.last_words
        closing = self.protocol.close_rcvd is not None or self.protocol.close_sent is not None
        if last_words is not None and closing:
            self.last_words = None
            last_words()
        if self.is_muted and not closing:
            self.protocol.data_to_send()
        else:
            super().send_data()


class HostileServer(MockServer[Any, Any]):
    """What is hostile in the mock of any service; `hostile_mock` puts it before the mock's class."""

    CONNECTION: ClassVar[type[MockConnection]] = HostileConnection

    def __init__(
        self, options: MockOptions, cases: Sequence[Case], report: Report, foreign_ids: tuple[str, ...], only: str
    ) -> None:
        super().__init__(options)
        self._only = only
        self._is_signed = bool(cases) and all(case.place is Place.SIGNED_URL for case in cases)
        self._cases: Iterator[Case] = itertools.cycle(cases)
        self._foreign_ids = foreign_ids
        self._report = report

    def hostile_settings(self) -> dict[str, str]:
        """The options of aiconvai.conf that lead to its own cases."""
        return self.settings(_PRIVATE_AGENT if self._is_signed else _AGENT)

    def settings_by_path(self, case: str, *, signed: bool = False) -> dict[str, str]:
        """The options of aiconvai.conf that lead to the case of that name; `signed`: by a signed URL."""
        agent = _PRIVATE_AGENT if signed else _AGENT
        return {name: _leading_to(case, value) for name, value in self.settings(agent).items()}

    async def _process_request(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, HostileConnection)
        if request.path.startswith(_PREFIX):
            place, kind, number, rest = request.path.removeprefix(_PREFIX).split("/", 3)
            case = case_named(self.PROVIDER, f"{place}/{kind}/{number}")
            request = replace(request, path="/" + rest)
        else:
            case = next(self._cases)
        connection.case = case
        outcome = connection.outcome = Outcome(self.PROVIDER, case.name)
        self._report("begun", outcome)
        if case.place not in HTTP_PLACES:
            return await super()._process_request(connection, request)
        url = urlsplit(request.path)
        self.requests.append(HttpRequest(time.monotonic(), url.path, {}, {}))
        outcome.reached = True
        with self._ending(outcome):
            await self._attack(connection, self._attacks(case), outcome)
            connection.transport.close()
            await connection.wait_lost()
        return None

    async def _converse(self, conversation: Conversation, connection: MockConnection) -> None:
        assert isinstance(connection, HostileConnection)
        case, outcome = connection.case, connection.outcome
        assert case is not None
        assert outcome is not None
        with self._ending(outcome):
            try:
                if case.place is Place.OPENED:
                    await self._attack_in(conversation, connection, case, outcome)
                async with asyncio.timeout(CASE_SECONDS):
                    await conversation.run(lambda live: self._act(live, connection, case, outcome))
            finally:
                received = connection.protocol.close_rcvd
                if received is not None:
                    outcome.close_code, outcome.close_reason = received.code, received.reason

    async def _act(
        self, conversation: Conversation, connection: HostileConnection, case: Case, outcome: Outcome
    ) -> None:
        """What the agent does once the client has begun."""
        try:
            await self._play_part(conversation, connection, case, outcome)
            await self._say_goodbye(connection)
        except TimeoutError as error:
            outcome.problem = outcome.problem or f"the client did not do its part: {error}"
        except (_GoneError, ConversationClosedError):
            return
        finally:
            connection.abort()

    async def _play_part(
        self, conversation: Conversation, connection: HostileConnection, case: Case, outcome: Outcome
    ) -> None:
        if case.place is Place.SET_UP:
            await self._attack_in(conversation, connection, case, outcome)
        conversation.start()
        if case.place in (Place.OPENED, Place.SET_UP):
            return
        await go_to(case.place, conversation)
        if case.place is Place.ENDING:
            connection.last_words = partial(self._attack_at_once, conversation, connection, case, outcome)
            await connection.wait_lost()
        elif case.place is Place.CLOSED:
            connection.write(close_frame(1000, b"bye"))
            self._attack_at_once(conversation, connection, case, outcome)
            await connection.wait_lost()
        else:
            await self._attack_in(conversation, connection, case, outcome)

    def _attacks(self, case: Case) -> list[Attack]:
        return [attack for attack in case.attacks(self._foreign_ids) if self._only in attack.name]

    async def _attack_in(
        self, conversation: Conversation, connection: HostileConnection, case: Case, outcome: Outcome
    ) -> None:
        conversation.forgives = True
        outcome.reached = True
        await self._attack(connection, self._attacks(case), outcome)

    async def _attack(self, connection: HostileConnection, attacks: Sequence[Attack], outcome: Outcome) -> None:
        outcome.planned = len(attacks)
        connection.is_muted = True
        async with asyncio.timeout(CASE_SECONDS):
            for attack in attacks:
                if outcome.bytes >= CASE_BYTES:
                    break
                outcome.attacks.append(attack.name)
                self._report("attack", outcome)
                await connection.play(attack.steps(), outcome)
        connection.is_muted = False

    def _attack_at_once(
        self, conversation: Conversation, connection: HostileConnection, case: Case, outcome: Outcome
    ) -> None:
        """Where one side has closed already: before the other one notices."""
        conversation.forgives = True
        outcome.reached = True
        attacks = self._attacks(case)
        outcome.planned = len(attacks)
        for attack in attacks:
            outcome.attacks.append(attack.name)
            for step in attack.steps():
                if not isinstance(step, Write) or outcome.bytes + len(step.data) > ENDING_BYTES:
                    break
                with contextlib.suppress(_GoneError):
                    connection.write(step.data)
                outcome.bytes += len(step.data)
                outcome.messages += step.messages
        self._report("attack", outcome)

    async def _say_goodbye(self, connection: HostileConnection) -> None:
        """As an agent that hangs up, if the client has not gone."""
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        connection.write(close_frame(1000))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await connection.wait_lost()

    @contextlib.contextmanager
    def _ending(self, outcome: Outcome) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        except _GoneError:
            pass
        except TimeoutError:
            outcome.problem = outcome.problem or f"the client held the connection for {CASE_SECONDS:g} s"
        finally:
            outcome.seconds = time.monotonic() - began
            self._report("ended", outcome)


def _leading_to(case: str, value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if not separator:
        return value
    authority, _, path = rest.partition("/")
    return f"{scheme}://{authority}{_PREFIX}{case}/{path}"


def hostile_mock(
    provider: str,
    options: MockOptions,
    cases: Sequence[Case],
    report: Report,
    foreign_ids: tuple[str, ...] = FOREIGN_IDS,
    only: str = "",
) -> HostileServer:
    """The mock of a provider's service, hostile; `options` need no agents. Raises `NoMockError`.

    Of the attacks of a case those are played that have `only` in their names.
    """
    service = mock_class(provider)
    settings: dict[str, Any] = {"api_key": _KEY}
    if service is ElevenLabsMock:
        settings["allowed_overrides"] = ALL_OVERRIDES
    agents = {_AGENT: service.AGENT(**settings)}
    if service is ElevenLabsMock:
        agents[_PRIVATE_AGENT] = service.AGENT(**settings, **service.AGENT.with_key())
    made: type[HostileServer] = type(f"Hostile{service.__name__}", (HostileServer, service), {})
    return made(replace(options, agents=agents), cases, report, foreign_ids, only)
