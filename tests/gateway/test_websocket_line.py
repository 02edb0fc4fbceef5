"""Calls on the WebSocket of a channel: beside somebody who does what Asterisk does, and who does what nobody should."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from media_server import Connection, MediaServer

from aiconvai.audio import Samples, rms_dbfs, tone
from aiconvai.engine.library import GATEWAY, Library, library_path
from aiconvai.gateway.agents import Agents
from aiconvai.gateway.media import Begun, Media, MediaError, MediaEvent, Over
from aiconvai.mock import ConversationRecord, ElevenLabsAgent, ElevenLabsMockThread, MockOptions
from aiconvai.mock.threaded import ThreadedConversation

# When each frame comes is measured closely.
pytestmark = pytest.mark.alone

RATE = 16_000
FRAME_BYTES = RATE // 50 * 2
HZ = 5000.0
"""Of wide band only."""
LEVEL_DBFS = -12.0


class Loops:
    """The gateway's, on an event loop of their own."""

    def __init__(self, agents: Agents) -> None:
        self.agents = agents
        self.events: list[MediaEvent] = []
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.media: Media = self.do(self._begin)

    def _begin(self) -> Media:
        media = Media(loops=1, max_calls=20)
        media.follow(self._take)
        return media

    def _take(self, event: MediaEvent) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def do(self, function: Callable[..., Any], *arguments: Any) -> Any:
        async def run() -> Any:
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    def until(self, call: int, kind: type[Any], timeout: float = 10.0) -> Any:
        """What is told of that call."""

        def found() -> list[Any]:
            return [one.what for one in self.events if one.call == call and isinstance(one.what, kind)]

        with self._news:
            assert self._news.wait_for(found, timeout), self.events
            return found()[-1]

    def open(self, url: str, rate: int = RATE) -> int:
        number: int = self.do(self.media.open_websocket, url, "127.0.0.1", rate)
        return number

    def converse(self, call: int) -> None:
        agent = self.agents.find("sales")
        assert agent is not None
        assert self.do(self.media.converse, call, self.agents, agent, {})
        self.until(call, Begun)

    def close(self) -> None:
        self.do(self.media.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def service() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions()) as mock:
        mock.agents["sales"] = ElevenLabsAgent(input_format="pcm_16000", output_format="pcm_16000")
        yield mock


@pytest.fixture(scope="module")
def loops(service: ElevenLabsMockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loops]:
    library = Library(library_path(GATEWAY))
    folder: Path = tmp_path_factory.mktemp("gateway")
    lines = "\n".join(f"{key} = {value}" for key, value in service.settings("sales").items())
    more = "audio_frames_buffer_ms = 20\nidle_audio = none\necho_guard = off\ninterruption = service\n"
    (folder / "aiconvai.conf").write_text(f"[sales]\n{lines}\n{more}")
    with pytest.MonkeyPatch.context() as patch:
        # The rest of this process has the engine by itself.
        for name, module in list(sys.modules.items()):
            if name.startswith("aiconvai.") and hasattr(module, "load_library"):
                patch.setattr(module, "load_library", lambda: library)
        loops = Loops(Agents(folder / "aiconvai.conf"))
        yield loops
        loops.close()


@pytest.fixture(params=[False, True], ids=["text", "json"])
def asterisk(request: pytest.FixtureRequest) -> Iterator[MediaServer]:
    with MediaServer(RATE, in_json=request.param) as server:
        yield server


@pytest.fixture
def plain() -> Iterator[MediaServer]:
    with MediaServer(RATE) as server:
        yield server


def begun(
    loops: Loops, asterisk: MediaServer, service: ElevenLabsMockThread
) -> tuple[int, Connection, ThreadedConversation]:
    """A conversation that goes on."""
    number = loops.open(asterisk.url)
    connection = asterisk.next()
    connection.start()
    loops.converse(number)
    conversation = service.next_conversation()
    conversation.wait_started()
    return number, connection, conversation


def heard(connection: Connection) -> Samples:
    data = b"".join(one.data for one in connection.frames() if isinstance(one.data, bytes))
    return np.frombuffer(data, dtype="<i2").astype(np.int16)


def got(record: ConversationRecord) -> Samples:
    """What the agent has heard."""
    data = b"".join(one.data for one in list(record.uplink))
    return np.frombuffer(data, dtype="<i2").astype(np.int16)


def loud(samples: Samples) -> Samples:
    """From the first to the last loud sample."""
    (places,) = np.nonzero(np.abs(samples) > 3000)
    return samples[places[0] : places[-1]] if len(places) else samples[:0]


def test_both_hear_each_other_in_wide_band(loops: Loops, asterisk: MediaServer, service: ElevenLabsMockThread) -> None:
    number, connection, conversation = begun(loops, asterisk, service)
    assert (connection.path, connection.subprotocol) == ("/media/c1", "media")
    conversation.send_audio(tone(HZ, 1.0, RATE, LEVEL_DBFS), conversation.current_event_id + 1)
    connection.until(lambda: len(connection.frames()) >= 50)
    frames = connection.frames()
    assert {len(one.data) for one in frames} == {FRAME_BYTES}
    spacing = np.diff([one.time for one in frames])
    assert float(np.median(spacing)) == pytest.approx(0.02, abs=0.001)
    assert frames[49].time - frames[0].time == pytest.approx(0.98, abs=0.05)
    assert rms_dbfs(heard(connection)[1600:-1600]) == pytest.approx(LEVEL_DBFS, abs=0.3)
    connection.say(tone(HZ, 0.5, RATE, LEVEL_DBFS))
    conversation.wait_received(lambda record: len(loud(got(record))) >= 0.45 * RATE)
    assert rms_dbfs(loud(got(conversation.record))[800:6400]) == pytest.approx(LEVEL_DBFS, abs=0.3)
    assert connection.pings == 0
    loops.media.hang_up(number)
    assert loops.until(number, Over).why
    assert connection.is_over.wait(5)


def test_samples_may_come_in_any_pieces(loops: Loops, plain: MediaServer, service: ElevenLabsMockThread) -> None:
    number, connection, conversation = begun(loops, plain, service)
    sound = tone(1000.0, 0.4, RATE, LEVEL_DBFS).astype("<i2").tobytes()
    at = 0
    for size in (1, 3, 641, 7, 2000, 5, len(sound)):
        connection.send(sound[at : at + size])
        at += size
    # The rest of a chunk waits for more.
    conversation.wait_received(lambda record: sound[:-FRAME_BYTES] in got(record).tobytes())
    loops.media.hang_up(number)
    loops.until(number, Over)


def test_an_interruption_flushes_what_waits_there(
    loops: Loops, asterisk: MediaServer, service: ElevenLabsMockThread
) -> None:
    number, connection, conversation = begun(loops, asterisk, service)
    conversation.send_audio(tone(HZ, 5.0, RATE, LEVEL_DBFS), conversation.current_event_id + 1)
    connection.until(lambda: len(connection.frames()) >= 20)
    connection.tell("STATUS", queue_length=30)
    conversation.interrupt(conversation.current_event_id)
    connection.until(lambda: any("FLUSH_MEDIA" in one for one in connection.commands()))
    count = len(connection.frames())
    time.sleep(0.3)
    # One that was under way.
    assert len(connection.frames()) <= count + 2
    loops.media.hang_up(number)
    loops.until(number, Over)


def test_who_has_enough_gets_no_more_until_he_wants_it(
    loops: Loops, plain: MediaServer, service: ElevenLabsMockThread
) -> None:
    number, connection, conversation = begun(loops, plain, service)
    conversation.send_audio(tone(HZ, 5.0, RATE, LEVEL_DBFS), conversation.current_event_id + 1)
    connection.until(lambda: len(connection.frames()) >= 10)
    connection.tell("MEDIA_XOFF")
    connection.until(lambda: "FLUSH_MEDIA" in connection.commands())
    at_flush = len(connection.frames())
    time.sleep(0.2)
    assert len(connection.frames()) <= at_flush + 1
    connection.tell("MEDIA_XON")
    connection.until(lambda: len(connection.frames()) >= at_flush + 10)
    # It is asked how much waits there.
    connection.until(lambda: "GET_STATUS" in connection.commands())
    loops.media.hang_up(number)
    loops.until(number, Over)


@pytest.mark.parametrize(
    ("start", "why"),
    [
        ({"optimal_frame_size": 641}, "in pieces of 641 bytes; expected slin16 in pieces of 640"),
        ({"optimal_frame_size": 0}, "in pieces of 0 bytes"),
        ({"format": "ulaw", "optimal_frame_size": 160}, "Asterisk takes ulaw"),
    ],
)
def test_what_is_not_our_audio_ends_it(loops: Loops, plain: MediaServer, start: dict[str, Any], why: str) -> None:
    number = loops.open(plain.url)
    plain.next().start(**start)
    assert why in loops.until(number, Over).why


def test_an_asterisk_that_does_not_start_is_left(loops: Loops, plain: MediaServer) -> None:
    number = loops.open(plain.url)
    connection = plain.next()
    connection.send("x" * 100_000)
    connection.send(b"early audio")
    assert "did not say in time" in loops.until(number, Over).why
    assert connection.is_over.wait(5)


def test_an_asterisk_that_closes_ends_the_call(loops: Loops, plain: MediaServer, service: ElevenLabsMockThread) -> None:
    number, connection, conversation = begun(loops, plain, service)
    connection.close()
    assert loops.until(number, Over).why == "Asterisk closed the connection"
    conversation.wait_closed()


def test_nobody_there_and_no_such_channel(loops: Loops) -> None:
    number = loops.open("ws://127.0.0.1:9/media/c1")
    assert "the connection could not be made" in loops.until(number, Over).why
    with pytest.raises(MediaError, match="expected a URL of at most"):
        loops.open("ws://127.0.0.1:9/" + "x" * 600)


def test_an_asterisk_that_refuses_says_why(loops: Loops) -> None:
    def refuse(_socket: Any, request: Any) -> Any:
        return _socket.respond(404, "no such connection\n")

    with MediaServer(RATE, refuse=refuse) as server:
        number = loops.open(server.url)
        assert "HTTP 404" in loops.until(number, Over).why
