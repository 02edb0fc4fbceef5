"""Calls that a browser makes: who may, what it hears and says, and what becomes of one that does what no page does."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_call import FRAME_BYTES, RATE, BrowserCall, log_in
from docs_blocks import blocks
from gateway_program import PASSWORD, GatewayProgram
from nginx_server import NginxServer
from websockets.exceptions import ConnectionClosed, InvalidStatus

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, ThreadedConversation, load_scenario
from aiconvai.serve.access import Role
from aiconvai.speech import speak

# When each frame comes is measured closely.
pytestmark = pytest.mark.alone

MOST = 2
MORE = {
    "sales": "tool_transfer_call = builtin\ntransfer_to_desk = default,700,1\ntransfer_to_boss = dial:PJSIP/boss",
}


@pytest.fixture(scope="module")
def mock() -> Iterator[ElevenLabsMockThread]:
    formats: dict[str, Any] = {"input_format": "pcm_16000", "output_format": "pcm_16000"}
    with ElevenLabsMockThread(MockOptions()) as mock:
        for name in ("silent", "echo"):
            mock.agents[name] = ElevenLabsAgent(scenario=load_scenario(name), **formats)
        mock.agents["talker"] = ElevenLabsAgent(scenario=load_scenario("long_talk"), **formats)
        mock.agents["sales"] = ElevenLabsAgent(scenario=load_scenario("silent"))
        yield mock


@pytest.fixture(scope="module")
def gateway(mock: ElevenLabsMockThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    def section(name: str) -> str:
        lines = "\n".join(f"{key} = {value}" for key, value in mock.settings(name).items())
        return f"[{name}]\n{lines}\naudio_frames_buffer_ms = 20\necho_guard = off\n{MORE.get(name, '')}\n"

    folder = tmp_path_factory.mktemp("gateway")
    program = GatewayProgram(folder, "\n".join(map(section, mock.agents)), f"browser_calls = {MOST}")
    program.user("ann", Role.OPERATOR)
    program.user("vic", Role.VIEWER)
    program.start()
    yield program
    if program.process is not None:
        assert program.stop() == 0


@pytest.fixture(scope="module")
def cookie(gateway: GatewayProgram) -> str:
    return log_in(gateway, "ann", PASSWORD)


def begun(call: BrowserCall, mock: ElevenLabsMockThread, agent: str = "silent") -> ThreadedConversation:
    call.begin(agent)
    conversation = mock.next_conversation()
    conversation.wait_started()
    call.wait_told("began")
    return conversation


def stored(gateway: GatewayProgram, call: BrowserCall) -> Any:
    """What is remembered of a call, once it is over."""

    def own(calls: Any) -> Any:
        return next((one for one in calls if one["record"] == call.wait_told("began")["record"]), None)

    return own(gateway.until("/api/calls", lambda calls: (own(calls) or {}).get("ended")))


# What it is for --------------------------------------------------------------------------------------------


def test_a_browser_talks_with_an_agent(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        call.begin("echo", name="Ada")
        conversation = mock.next_conversation()
        conversation.wait_started()
        assert conversation.record.initiation.dynamic_variables["name"] == "Ada"
        began = call.wait_told("began")
        (live,) = [one for one in gateway.get("/api/live") if one["record"] == began["record"]]
        assert (live["asterisk"], live["caller_name"]) == (began["asterisk"], "ann")
        call.say(tone(1000.0, 1.0, rate=RATE))
        call.tell(type="press", key="5")
        gateway.until("/api/live", lambda calls: any(one["keys"] == "5" for one in calls))
        call.until(lambda: len(loud(call.heard())) >= 0.9 * RATE)
        conversation.close(1000)
        over = call.wait_told("over")
        assert call.wait() == 1000
    assert (over["status"], over["sent_to"]) == ("COMPLETED", "")
    assert {len(one.audio) for one in call.frames} == {FRAME_BYTES}
    heard = loud(call.heard())
    assert 0.9 <= len(heard) / RATE <= 1.1
    assert strongest_hz(heard) == pytest.approx(1000.0, abs=5)
    kept = stored(gateway, call)
    assert (kept["status"], kept["caller_name"], kept["agent"]) == ("COMPLETED", "ann", "echo")
    assert kept["channel"].startswith("Browser/ann-")


def test_it_does_so_behind_a_proxy_with_tls(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, tmp_path: Path
) -> None:
    """As docs/gateway.md has nginx do it."""
    (block,) = blocks("nginx")
    with NginxServer(tmp_path, block.text, gateway.page) as proxy:
        cookie = log_in(gateway, "ann", PASSWORD, proxy)
        with BrowserCall(gateway, cookie, proxy=proxy) as call:
            call.begin("echo")
            mock.next_conversation().wait_started()
            call.say(tone(1000.0, 1.0, rate=RATE))
            call.until(lambda: len(loud(call.heard())) >= 0.9 * RATE)


def loud(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Those 20 ms of it that can be heard."""
    size = RATE // 50
    frames = samples[: len(samples) // size * size].reshape(-1, size).astype(np.float64)
    return frames[np.sqrt((frames**2).mean(axis=1)) > 300].ravel()


def strongest_hz(samples: np.ndarray[Any, Any]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * RATE / len(samples))


def test_every_sample_of_the_agent_is_heard_at_its_time(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    said = np.random.default_rng(7).integers(-8000, 8000, 2 * RATE).astype(np.int16)
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        conversation.play(said)
        call.until(lambda: said[-64:].tobytes() in call.heard().tobytes())
        heard = call.heard()
        frames = list(call.frames)
    (at,) = np.flatnonzero(np.all(np.lib.stride_tricks.sliding_window_view(heard, 64) == said[:64], axis=1))
    assert np.array_equal(heard[at : at + len(said)], said)
    times = np.array([one.time for one in frames])
    # From its beginning on: none is missing, none comes early, and none late.
    ideal = times[0] + 0.02 * np.arange(len(times))
    assert np.abs(times - ideal).max() < 0.1
    assert np.diff(times).max() < 0.08


def test_what_the_browser_says_reaches_the_agent_whole(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    said = np.random.default_rng(8).integers(-8000, 8000, RATE).astype(np.int16)
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        call.say(said)
        conversation.wait_received(lambda record: said[-320:].tobytes() in b"".join(one.data for one in record.uplink))
        assert said.tobytes() in b"".join(one.data for one in conversation.record.uplink)


def test_an_interrupted_agent_is_silent_at_once(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock, "talker")
        call.wait_loud()
        call.say(speak("Wait a moment, please. I would like to say something.", RATE))
        (interrupted, *_) = conversation.record.interruptions
        # Then it begins with what comes next.
        audible = [one.time - interrupted for one in call.frames if np.frombuffer(one.audio, "<i2").any()]
        assert [one for one in audible if 0.15 < one < 0.3] == []
        assert [one for one in audible if -0.3 < one < 0] != []


def test_an_agents_transfer_is_told(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock, "sales")
        refused = conversation.call_tool("transfer_call", {"destination": "boss"})
        assert "Nobody can be rung from here" in str(refused)
        conversation.start_tool("transfer_call", {"destination": "desk"})
        over = call.wait_told("over")
        call.wait()
    assert (over["status"], over["sent_to"]) == ("COMPLETED", "default,700,1")


def test_whoever_steers_ends_it(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        begun(call, mock)
        began = call.wait_told("began")
        gateway.request("POST", f"/api/live/{began['asterisk']}/{began['record']}/end", json={"reason": "lunch"})
        assert call.wait_told("over") == {"type": "over", "status": "COMPLETED", "reason": "lunch", "sent_to": ""}


def test_a_browser_that_hangs_up_ends_the_conversation(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        call.close()
        conversation.wait_closed()
    assert stored(gateway, call)["status"] == "CALLER_HANGUP"


def test_a_round_trip_is_measured(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        begun(call, mock)
        call.wait_told("ping")
        call.say(np.zeros(RATE * 3 // 2, np.int16))
        pings = [one for one in call.told if one["type"] == "ping"]
    assert [one["number"] for one in pings] == [1, 2]
    assert pings[0]["round_trip_ms"] is None
    assert 0 < pings[1]["round_trip_ms"] < 100


# Who may ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "origin", "status"),
    [
        (None, "", 401),
        ("nobody", "", 401),
        ("vic", "", 403),
        ("ann", "http://elsewhere.example", 403),
        ("ann", None, 403),
        ("ann", "null", 403),
    ],
)
def test_who_may_not_is_refused(gateway: GatewayProgram, who: str | None, origin: str | None, status: int) -> None:
    known = log_in(gateway, who, PASSWORD) if who in ("ann", "vic") else who
    cookie = f"aiconvai={who}" if who == "nobody" else known
    with pytest.raises(InvalidStatus) as refused:
        BrowserCall(gateway, cookie, origin=origin)
    assert refused.value.response.status_code == status


def test_an_agent_that_is_none_is_said(gateway: GatewayProgram, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        call.begin("nobody")
        over = call.wait_told("over")
        assert call.wait() == 1000
    assert over["status"] == "INVALID"
    assert over["reason"] == f"there is no agent 'nobody' in {gateway.agents}"


def test_there_are_so_many_calls_and_no_more(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST):
            begun(stack.enter_context(BrowserCall(gateway, cookie)), mock)
        with BrowserCall(gateway, cookie) as call:
            over = call.wait_told("over")
    assert (over["status"], over["reason"]) == ("BUSY", "browser_calls of [gateway] (2) is reached")
    # A connection that is closed has its place until its call is over.
    gateway.until("/api/live", lambda calls: all(one["ended"] for one in calls))
    with BrowserCall(gateway, cookie) as call:
        begun(call, mock)


# What no page does -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\0" * (FRAME_BYTES - 2), "expected audio in messages of 640 bytes, got 638"),
        (b"", "expected audio in messages of 640 bytes, got 0"),
        ("nonsense", "'nonsense': Invalid JSON"),
        ('{"type": "press", "key": "55"}', "press.key: String should match pattern"),
        ('{"type": "begin", "agent": "silent"}', "the call has begun already"),
    ],
    ids=["odd", "empty", "no JSON", "no key", "again"],
)
@pytest.mark.fault("beside.browser-hostile")
def test_a_browser_that_says_what_no_page_says_is_let_go(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str, sent: bytes | str, reason: str
) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        call.connection.send(sent)
        over = call.wait_told("over")
        assert call.wait() == 1008
        conversation.wait_closed()
    assert over["status"] == "CALLER_HANGUP"
    assert reason in over["reason"]
    assert stored(gateway, call)["reason"] == over["reason"]
    gateway.until_logged(over["reason"])


@pytest.mark.fault("beside.browser-hostile")
def test_a_browser_that_sends_more_than_there_is_time_for_is_let_go(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(3000):
                call.connection.send(bytes(FRAME_BYTES))
        assert "messages a second" in call.wait_told("over")["reason"]
        conversation.wait_closed()


@pytest.mark.parametrize("first", [b"\0" * FRAME_BYTES, '{"type": "press", "key": "5"}', None])
def test_a_browser_says_first_which_agent_it_wants(
    gateway: GatewayProgram, cookie: str, first: bytes | str | None
) -> None:
    with BrowserCall(gateway, cookie) as call:
        if first is not None:
            call.connection.send(first)
        assert "first" in call.wait_told("over")["reason"]
        assert call.wait() == 1008


def test_a_message_has_a_longest(gateway: GatewayProgram, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        with contextlib.suppress(ConnectionClosed):
            call.connection.send("x" * (2 << 20))
        assert call.wait() == 1009


def test_a_browser_that_answers_no_ping_is_let_go(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    with BrowserCall(gateway, cookie, answers=False) as call:
        conversation = begun(call, mock)
        assert call.wait_told("over")["reason"] == "the browser has taken nothing for 5 s"
        assert call.wait() == 1008
        conversation.wait_closed()


@pytest.mark.fault("beside.browser-hostile")
def test_a_browser_that_does_not_read_is_let_go_and_disturbs_nobody(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    with not_reading(gateway, cookie, "silent"):
        silent = mock.next_conversation()
        silent.wait_started()
        silent.play(tone(300.0, 60.0, rate=RATE))
        with BrowserCall(gateway, cookie) as call:
            begun(call, mock)
            call.say(np.zeros(RATE * 3, np.int16))
            assert np.diff([one.time for one in call.frames]).max() < 0.12
        silent.wait_closed()
    gateway.until_logged("the browser has taken nothing for 5 s")


def not_reading(gateway: GatewayProgram, cookie: str, agent: str) -> socket.socket:
    """A connection on which a call is begun, by somebody whose machine says that it is there."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", gateway.page))
    address = f"127.0.0.1:{gateway.page}"
    connection.sendall(
        f"GET /talk/call HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b" 101 " in connection.recv(4096)
    said = json.dumps({"type": "begin", "agent": agent}).encode()
    # RFC 6455, section 5.2: a whole text message, with a mask that changes nothing.
    connection.sendall(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)
    return connection


def test_calls_that_end_in_every_way_leave_nothing(
    gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str
) -> None:
    def come_and_go(number: int) -> None:
        with BrowserCall(gateway, cookie) as call:
            match number % 5:
                case 0:
                    return
                case 1:
                    call.begin("nobody")
                    call.wait()
                case 2:
                    begun(call, mock)
                case 3:
                    begun(call, mock).close(1000)
                    call.wait()
                case _:
                    begun(call, mock)
                    call.connection.send(b"odd")
                    call.wait()

    def all_come_and_go(count: int) -> None:
        for number in range(count):
            come_and_go(number)

    all_come_and_go(10)
    gateway.nothing_is_left_of(lambda: all_come_and_go(50))


def test_a_call_goes_when_the_program_does(gateway: GatewayProgram, mock: ElevenLabsMockThread, cookie: str) -> None:
    with BrowserCall(gateway, cookie) as call:
        conversation = begun(call, mock)
        assert gateway.stop() == 0
        assert call.wait() in (1000, 1012)
        conversation.wait_closed()
    assert "Traceback" not in gateway.log.read_text()
