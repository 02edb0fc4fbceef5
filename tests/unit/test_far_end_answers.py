"""When the far end answers: each conversation in its own time, or all at once."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import pytest
import websockets.sync.client
from websockets.typing import Subprotocol

from aiconvai.rig.bench.far_end import FarEnd

pytestmark = pytest.mark.quiet

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "far_end" / "far_end"
UUID = b"\x01\x00\x10" + bytes(16)
AUDIO = b"\x10\x01\x40" + bytes(320)
SPEECH = bytes(8 * 1000)
LONG_MS = 400
"""So long that no machine's hurry is taken for it."""


@pytest.fixture(scope="module", autouse=True)
def program() -> Path:
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is missing: build it with `make test-programs`")
    return PROGRAM


def call(far_end: FarEnd, stack: ExitStack) -> socket.socket:
    one = stack.enter_context(socket.create_connection(("127.0.0.1", far_end.audiosocket_port)))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(UUID)
    return one


def receive(one: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = one.recv(length - len(data))
        assert more
        data += more
    return data


def delays(spread_ms: int, calls: int, rounds: int = 5) -> list[float]:
    """Of each call, in ms, the least of some times: all ask at once."""
    least = [1e9] * calls
    with FarEnd(PROGRAM, answer_spread_ms=spread_ms) as far_end, ExitStack() as stack:
        sockets = [call(far_end, stack) for _ in range(calls)]
        for _ in range(rounds):
            asked: dict[socket.socket, float] = {}
            for one in sockets:
                one.sendall(AUDIO)
                asked[one] = time.monotonic()
            while asked:
                ready, _, _ = select.select(list(asked), [], [], 10)
                assert ready
                for one in ready:
                    late = (time.monotonic() - asked.pop(one)) * 1000
                    assert receive(one, len(AUDIO)) == AUDIO
                    number = sockets.index(one)
                    least[number] = min(least[number], late)
    return least


def test_echoes_come_at_once_unless_they_are_to_be_spread() -> None:
    assert median(delays(0, 20)) < 5


def test_each_conversation_has_a_delay_of_its_own() -> None:
    found = delays(20, 50)
    assert max(found) > 15
    assert min(found) < 5
    # Not in bunches: fifty over 20 ms are two or three in each.
    assert max(Counter(int(one) for one in found).values()) <= 9
    again = delays(20, 50)
    assert median(abs(one - other) for one, other in zip(found, again, strict=True)) < 1.5


def test_the_order_of_echoes_is_kept() -> None:
    messages = [b"\x10" + (2 * number).to_bytes(2) + bytes([number]) * 2 * number for number in range(1, 60)]
    with FarEnd(PROGRAM, answer_spread_ms=20) as far_end, ExitStack() as stack:
        for one in [call(far_end, stack) for _ in range(5)]:
            one.sendall(b"".join(messages))
            assert receive(one, sum(map(len, messages))) == b"".join(messages)


def test_who_leaves_before_the_answer_does_no_harm() -> None:
    with FarEnd(PROGRAM, answer_spread_ms=LONG_MS) as far_end:
        for _ in range(5):
            with ExitStack() as stack:
                call(far_end, stack).sendall(AUDIO)
        with ExitStack() as stack:
            one = call(far_end, stack)
            one.sendall(AUDIO)
            assert receive(one, len(AUDIO)) == AUDIO


def timed(ask: Callable[[], None], hear: Callable[[], object]) -> float:
    begun = time.monotonic()
    ask()
    hear()
    return time.monotonic() - begun


@contextmanager
def websocket(
    far_end: FarEnd, path: str, protocol: str | None = None
) -> Iterator[websockets.sync.client.ClientConnection]:
    with websockets.sync.client.connect(
        f"ws://127.0.0.1:{far_end.ws_port}{path}", compression=None, proxy=None, ping_interval=None,
        subprotocols=[Subprotocol(protocol)] if protocol else None,
    ) as one:  # fmt: skip
        yield one


def by_audiosocket(far_end: FarEnd) -> float:
    with ExitStack() as stack:
        one = call(far_end, stack)
        return timed(lambda: one.sendall(AUDIO), lambda: receive(one, len(AUDIO)))


def by_media(far_end: FarEnd) -> float:
    with websocket(far_end, "/media", "media") as one:
        return timed(lambda: one.send(bytes(160)), one.recv)


def by_service(far_end: FarEnd) -> float:
    with websocket(far_end, "/v1/convai/conversation?agent_id=echo") as one:
        one.send('{"type":"conversation_initiation_client_data"}')
        one.recv()
        return timed(lambda: one.send('{"user_audio_chunk":"AAAA"}'), one.recv)


def by_agent_that_streams(far_end: FarEnd) -> float:
    with websocket(far_end, "/v1/convai/conversation?agent_id=stream-20-0") as one:
        one.send('{"type":"conversation_initiation_client_data"}')
        one.recv()
        return timed(lambda: None, lambda: json.loads(one.recv())["audio_event"])


@pytest.mark.parametrize("way", [by_media, by_service, by_agent_that_streams])
def test_the_delay_is_the_same_in_every_way(way: Callable[[FarEnd], float]) -> None:
    """Of the first connection of a run, whatever it is: this is how it is told from the time that things take."""
    with FarEnd(PROGRAM, answer_spread_ms=LONG_MS, speech=SPEECH) as far_end:
        wanted = by_audiosocket(far_end)
    with FarEnd(PROGRAM, answer_spread_ms=LONG_MS, speech=SPEECH) as far_end:
        assert way(far_end) == pytest.approx(wanted, abs=0.03)
    assert wanted > 0.06


@pytest.mark.parametrize("value", ["-1", "1001", "x", ""])
def test_a_spread_that_is_none(program: Path, value: str) -> None:
    done = subprocess.run(
        [program, "--answer-spread-ms", value], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
        check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--answer-spread-ms: expected 0 to 1000" in done.stderr
