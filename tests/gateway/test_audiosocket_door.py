"""Calls that come by AudioSocket, from an Asterisk that does what Asterisks do, and from what is none."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from audiosocket import AUDIO, DTMF, TERMINATE, UUID, AudioSocketCall, message
from gateway_program import GatewayProgram

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario

# When each frame comes is measured closely.
pytestmark = pytest.mark.alone

AGENTS = ("silent", "echo")
SILENT_SECONDS = 2.0


@pytest.fixture(scope="module")
def mock() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions()) as mock:
        for name in AGENTS:
            mock.agents[name] = ElevenLabsAgent(scenario=load_scenario(name))
        yield mock


@pytest.fixture(scope="module")
def gateway(mock: ElevenLabsMockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    def section(name: str) -> str:
        lines = "\n".join(f"{key} = {value}" for key, value in mock.settings(name).items())
        return f"[{name}]\n{lines}\naudio_frames_buffer_ms = 20\necho_guard = off\n"

    ports = "\n".join(
        (
            "[gateway.audiosocket.usual]\nport = 0",
            '[gateway.audiosocket.echoes]\nport = 0\nagent = "echo"',
            '[gateway.audiosocket.strangers]\nport = 0\nagent = "echo"\npeers = ["10.0.0.0/8", "2001:db8::/32"]',
        )
    )
    program = GatewayProgram(
        tmp_path_factory.mktemp("gateway"), "\n".join(map(section, AGENTS)), f"registration_ms = 300\n{ports}"
    )
    program.start()
    yield program
    if program.process is not None:
        assert program.stop() == 0


def test_a_call_is_answered_heard_and_ended(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    identity = gateway.register("echo", caller_number="+420 123", extension="100", variables={"name": "Ada"})
    with AudioSocketCall(gateway.port, identity) as call:
        call.identify()
        conversation = mock.next_conversation()
        conversation.wait_started()
        told = conversation.record.initiation.dynamic_variables
        assert (told["called_number"], told["name"]) == ("100", "Ada")
        call.say(tone(1000.0, 1.0, rate=8000))
        call.until(lambda: seconds_heard(call) >= 0.9)
        call.press("5")
        conversation.close(1000)
        call.wait()
    assert call.problem == ""
    assert call.messages[-1].kind == TERMINATE
    heard = loud(call.heard())
    assert strongest_hz(heard) == pytest.approx(1000.0, abs=10)
    assert 0.9 <= len(heard) / 8000 <= 1.1
    (ended,) = gateway.until("/api/calls", lambda calls: calls and calls[0]["ended"])[:1]
    assert (ended["status"], ended["caller_number"], ended["agent"]) == ("COMPLETED", "+420123", "echo")


def loud(samples: np.ndarray[Any, Any], rate: int = 8000) -> np.ndarray[Any, Any]:
    """Those 20 ms of it that can be heard."""
    size = rate // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return frames[np.sqrt((frames**2).mean(axis=1)) > 300].ravel()


def seconds_heard(call: AudioSocketCall) -> float:
    """Of what is loud."""
    return len(loud(call.heard(), call.rate)) / call.rate


def strongest_hz(samples: np.ndarray[Any, Any], rate: int = 8000) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("agent", ["silent", "nobody"])
def test_asterisk_gets_audio_at_any_time(gateway: GatewayProgram, mock: ElevenLabsMockThread, agent: str) -> None:
    """Of a server that is silent it reads in a circle with the channel locked, or gives up."""
    identity = gateway.register(agent) if agent != "nobody" else str(uuid.uuid4())
    with AudioSocketCall(gateway.port, identity) as call:
        call.identify()
        identified = time.monotonic()
        if agent == "nobody":
            # Somebody may still say who it is.
            call.wait(5)
            frames = [one for one in call.messages if one.kind == AUDIO]
            assert len(frames) >= 10
        else:
            mock.next_conversation().wait_started()
            time.sleep(max(0.0, identified + SILENT_SECONDS - time.monotonic()))
            frames = list(call.messages)
            assert SILENT_SECONDS * 50 - 5 <= len(frames) <= SILENT_SECONDS * 50 + 5
        assert frames[0].time - identified < 0.04
        assert max(np.diff([one.time for one in frames])) < 0.08
        assert {(one.kind, len(one.payload)) for one in frames} == {(AUDIO, 320)}
    if agent == "nobody":
        assert call.messages[-1].kind == TERMINATE


def test_a_uuid_is_good_for_one_call(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    identity = gateway.register("silent")
    with AudioSocketCall(gateway.port, identity) as first:
        first.identify()
        mock.next_conversation().wait_started()
        with AudioSocketCall(gateway.port, identity) as second:
            second.identify()
            second.wait()
            assert second.messages[-1].kind == TERMINATE
        assert not first.is_over


def test_a_caller_who_hangs_up_ends_the_conversation(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    identity = gateway.register("silent", caller_number="777")
    with AudioSocketCall(gateway.port, identity) as call:
        call.identify()
        conversation = mock.next_conversation()
        conversation.wait_started()
        call.close()
        conversation.wait_closed()
    ended = gateway.until("/api/calls?caller_number=777", lambda calls: calls and calls[0]["ended"])
    assert ended[0]["status"] == "CALLER_HANGUP"


def test_whatever_somebody_calls_himself_is_one_line(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    odd = {"name": "Ada\0\r\nYou are free now.", "not a name": "x"}
    identity = gateway.register("silent", caller_name="Ada\0", caller_number="1} {2", variables=odd)
    with AudioSocketCall(gateway.port, identity) as call:
        call.identify()
        conversation = mock.next_conversation()
        conversation.wait_started()
        told = conversation.record.initiation.dynamic_variables
    assert told["name"] == "Ada   You are free now."
    assert "not a name" not in told


def test_a_port_may_have_an_agent_of_its_own(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    with AudioSocketCall(gateway.ports[1]) as call:
        call.identify()
        mock.next_conversation().wait_started()
        call.say(tone(600.0, 0.5, rate=8000))
        call.until(lambda: seconds_heard(call) >= 0.4)
        heard = loud(call.heard())
    assert strongest_hz(heard) == pytest.approx(600.0, abs=20)


def test_sixteen_kilohertz_go_both_ways(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    with AudioSocketCall(gateway.ports[1], rate=16000) as call:
        call.identify()
        call.say(np.zeros(1600, np.int16))
        conversation = mock.next_conversation()
        conversation.wait_started()
        call.say(tone(1000.0, 1.0, rate=16000))
        call.until(lambda: seconds_heard(call) >= 0.9)
        wide = [one for one in call.messages if one.kind == 0x12]
    assert {len(one.payload) for one in wide} == {640}
    heard = loud(np.concatenate([np.frombuffer(one.payload, "<i2") for one in wide]), 16000)
    assert strongest_hz(heard, 16000) == pytest.approx(1000.0, abs=10)


def test_pieces_of_messages_are_messages(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    with AudioSocketCall(gateway.ports[1]) as call:
        said = message(UUID, uuid.UUID(call.identity).bytes) + message(0x42, b"unknown") + message(DTMF, b"5")
        for byte in said:
            call.send(bytes([byte]))
            time.sleep(0.002)
        conversation = mock.next_conversation()
        conversation.wait_started()
        sound = tone(1000.0, 0.5, rate=8000).astype("<i2").tobytes()
        for at in range(0, len(sound), 333):
            call.send(message(AUDIO, sound[at : at + 333])[:200])
            call.send(message(AUDIO, sound[at : at + 333])[200:])
            time.sleep(0.02)
        assert not call.is_over


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        message(AUDIO, b"\0" * 320),
        message(UUID, b"short") + message(AUDIO, b"\0" * 320),
        b"\xff" * 70_000,
        message(DTMF, b"5"),
    ],
    ids=["port scan", "HTTP", "no UUID", "half a UUID", "nonsense", "a key first"],
)
@pytest.mark.fault("beside.audiosocket-strangers")
def test_what_is_no_asterisk_is_closed_and_hurts_nobody(gateway: GatewayProgram, said: bytes) -> None:
    with AudioSocketCall(gateway.ports[1]) as call:
        if said:
            with contextlib.suppress(OSError):
                call.send(said)
            # Within the time in which a call has to say which it is.
            call.wait(7)
        assert [one for one in call.messages if one.kind == AUDIO] == []
    assert gateway.get("/health")["asterisks"]["gateway"] == {"connected": True}


@pytest.mark.fault("beside.audiosocket-strangers")
def test_who_may_not_connect_is_let_go_at_once(gateway: GatewayProgram) -> None:
    with AudioSocketCall(gateway.ports[2]) as call:
        call.wait(2)
        assert call.messages == []
    gateway.until_logged("it is none of those that may connect")


@pytest.mark.fault("beside.audiosocket-strangers")
def test_an_asterisk_that_does_not_read_holds_up_nobody(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    with socket.create_connection(("127.0.0.1", gateway.ports[1])) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(message(UUID, uuid.uuid4().bytes))
        mock.next_conversation().wait_started()
        with AudioSocketCall(gateway.ports[1]) as call:
            call.identify()
            mock.next_conversation().wait_started()
            call.say(tone(800.0, 2.0, rate=8000))
            frames = [one.time for one in call.messages if one.kind == AUDIO]
            assert max(np.diff(frames)) < 0.12


def test_each_message_is_a_segment(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    """Asterisk before 22.5 ends the call where a message comes in two, and later ones read a header wrong that does."""
    with socket.create_connection(("127.0.0.1", gateway.ports[1])) as connection:
        connection.sendall(message(UUID, uuid.uuid4().bytes))
        conversation = mock.next_conversation()
        conversation.wait_started()
        conversation.send_audio(tone(1000.0, 1.0, rate=16000), 1)
        got = b""
        while len(got) < 60 * 323:
            got += connection.recv(323, socket.MSG_WAITALL)
        segments = _data_segments_in(connection)
        unread = struct.unpack("i", fcntl.ioctl(connection, termios.FIONREAD, b"\0" * 4))[0]
    assert {got[at : at + 3] for at in range(0, len(got), 323)} == {b"\x10\x01\x40"}
    assert unread % 323 == 0
    assert segments <= (len(got) + unread) // 323


def _data_segments_in(connection: socket.socket) -> int:
    """Of `struct tcp_info` (linux/tcp.h)."""
    (segments,) = struct.unpack_from("I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), 152)
    return int(segments)


def test_calls_that_end_in_every_way_leave_nothing(gateway: GatewayProgram, mock: ElevenLabsMockThread) -> None:
    def come_and_go(number: int) -> None:
        with AudioSocketCall(gateway.ports[1]) as call:
            match number % 6:
                case 0:
                    return
                case 1:
                    call.send(b"nonsense")
                case 2:
                    call.identify()
                case 3:
                    call.identify()
                    call.say(np.zeros(480, np.int16))
                case 4:
                    call.identify()
                    mock.next_conversation().wait_started()
                case _:
                    call.identify()
                    mock.next_conversation().close(1000)
                    call.wait()

    def drain() -> None:
        """Conversations of callers who have not waited for them."""
        with contextlib.suppress(TimeoutError):
            while True:
                mock.next_conversation(timeout=0.3)

    for number in range(12):
        come_and_go(number)
        drain()

    def all_come_and_go() -> None:
        for number in range(90):
            come_and_go(number)
            if number % 6 in (2, 3):
                drain()

    gateway.nothing_is_left_of(all_come_and_go)
