"""From the first attempt to the announced conversation, and every way in which it does not come to that."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from engine_host import (
    API_KEY,
    FIXED,
    PRIVATE,
    PUBLIC,
    SIGNATURE,
    SIGNED_URL,
    ULAW,
    Host,
    audio,
    metadata,
    service_error,
)

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.conversation import Conversation, ConversationStats, Phase, VirtualClock
from aiconvai.engine.events import (
    Abort,
    Close,
    Ended,
    Error,
    Open,
    Ready,
    RequestKind,
    Send,
    Status,
)
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import Line, Settings

AGENTS = pytest.mark.parametrize("agent", [PUBLIC, PRIVATE, FIXED], ids=["public", "private", "fixed"])


def opened(host: Host) -> Open:
    (action,) = host.tick()
    assert isinstance(action, Open)
    return action


# Opening


def test_a_public_agent_is_reached_by_its_id() -> None:
    request = opened(Host(PUBLIC)).request
    assert request.kind is RequestKind.WEBSOCKET
    assert request.url == "wss://api.example.com/v1/convai/conversation?agent_id=agent_1"
    assert request.headers == {}


def test_a_private_agents_signed_url_is_fetched_with_the_key() -> None:
    host = Host(PRIVATE)
    request = opened(host).request
    assert request.kind is RequestKind.HTTP_GET
    assert request.headers == {"xi-api-key": API_KEY}
    assert parse_qsl(urlsplit(request.url).query) == [("agent_id", "agent 1/ž")]
    assert API_KEY not in request.url
    assert host.conversation.phase is Phase.FETCHING
    host.conversation.http_reply(200, json.dumps({"more": [1], "signed_url": SIGNED_URL}).encode())
    (action,) = host.pump()
    assert isinstance(action, Open)
    assert action.request.kind is RequestKind.WEBSOCKET
    assert action.request.url == SIGNED_URL
    assert action.request.headers == {}, "the key goes nowhere but to signed_url_endpoint"
    assert host.conversation.phase is Phase.CONNECTING


def test_a_fixed_url_is_used_as_it_is() -> None:
    request = opened(Host(FIXED)).request
    assert (request.kind, request.url) == (RequestKind.WEBSOCKET, SIGNED_URL)


@AGENTS
def test_the_whole_way(agent: Mapping[str, str]) -> None:
    host = Host(agent)
    assert host.conversation.phase is Phase.WAITING
    host.clock.advance(ms=5)
    host.open()
    host.clock.advance(ms=20)
    host.say(metadata("pcm_16000", "ulaw_8000"))
    pcm = AudioFormat(Encoding.PCM16, 16000)
    assert host.events == [Ready("conv_42", uplink=ULAW, downlink=pcm)]
    stats = host.conversation.stats()
    assert (stats.phase, stats.attempts, stats.conversation_id) == (Phase.ACTIVE, 1, "conv_42")
    assert (stats.connected_us, stats.ready_us, stats.first_audio_us) == (5000, 25_000, 0)
    assert (stats.line_format, stats.uplink_format, stats.downlink_format) == (ULAW, ULAW, pcm)
    assert host.conversation.deadline_us is None


def test_nothing_is_asked_for_before_its_time() -> None:
    host = Host()
    assert host.pump() == []
    assert host.conversation.deadline_us == host.clock.now_us


# Initiation data


def initiation(host: Host) -> dict[str, Any]:
    host.open()
    (message,) = host.sent
    return message


def test_plain_initiation_data() -> None:
    assert initiation(Host()) == {
        "type": "conversation_initiation_client_data",
        "source_info": {"source": "asterisk"},
    }


def test_variables_of_the_call_win_over_configured_ones() -> None:
    lines = tuple(Line("dynamic_variable", value) for value in ("a=1", "b=x=y", "empty=", "a=2"))
    host = Host(lines=lines, variables={"b": "call", "caller_number": "+420 777", "odd": '\udcff"\\ž'})
    assert initiation(host)["dynamic_variables"] == {
        "a": "2", "b": "call", "empty": "", "caller_number": "+420 777", "odd": "\N{REPLACEMENT CHARACTER}\"\\ž",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"prompt": "Be brief."}, {"agent": {"prompt": {"prompt": "Be brief."}}}),
        ({"first_message": 'Hello "ž"'}, {"agent": {"first_message": 'Hello "ž"'}}),
        ({"language": "cs"}, {"agent": {"language": "cs"}}),
        ({"voice_id": "v1"}, {"tts": {"voice_id": "v1"}}),
        (
            {"prompt": "p", "first_message": "f", "language": "en", "voice_id": "v"},
            {
                "agent": {"prompt": {"prompt": "p"}, "first_message": "f", "language": "en"},
                "tts": {"voice_id": "v"},
            },
        ),
    ],
)
def test_overrides(options: dict[str, str], expected: dict[str, Any]) -> None:
    assert initiation(Host(**options))["conversation_config_override"] == expected


def test_the_user_id() -> None:
    assert initiation(Host(user_id="cust-7"))["user_id"] == "cust-7"


# Audio before the announcement


def test_early_audio_is_kept_the_newest_and_sent_first() -> None:
    host = Host(connect_audio_limit_ms=1000, audio_frames_buffer_ms=100)
    early = random.Random(1).randbytes(160 * 75)
    host.conversation.caller_audio(early[: 160 * 30])
    host.open()
    host.conversation.caller_audio(early[160 * 30 :])
    assert not host.conversation.wants_to_send
    assert host.pump() == []
    host.say(metadata())
    assert host.uplink() == [early[-8000:][at : at + 800] for at in range(0, 8000, 800)]
    assert host.conversation.stats().uplink_bytes_dropped == 160 * 75 - 8000
    late = random.Random(2).randbytes(1600)
    host.conversation.caller_audio(late)
    host.pump()
    assert b"".join(host.uplink()) == early[-8000:] + late


def test_early_audio_outlives_a_failed_attempt() -> None:
    host = Host(audio_frames_buffer_ms=20)
    host.conversation.caller_audio(b"\1" * 160)
    opened(host)
    host.conversation.request_failed("refused", retry=True)
    host.pump()
    host.conversation.caller_audio(b"\2" * 160)
    host.wait(ms=250)
    host.conversation.connected()
    host.say(metadata())
    assert host.uplink() == [b"\1" * 160, b"\2" * 160]


@pytest.mark.parametrize(
    "name", ["ulaw_8000", "pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"]
)
@pytest.mark.parametrize("buffer_ms", [20, 240, 500])
@pytest.mark.parametrize("early_frames", [0, 10])
def test_chunks_are_exactly_as_long_as_configured(name: str, buffer_ms: int, early_frames: int) -> None:
    host = Host(audio_frames_buffer_ms=buffer_ms)
    caller = random.Random(3).randbytes(160 * 100)
    host.conversation.caller_audio(caller[: 160 * early_frames])
    host.start("ulaw_8000", name)
    for at in range(160 * early_frames, len(caller), 160):
        host.conversation.caller_audio(caller[at : at + 160])
        host.pump()
    service = AudioFormat.parse(name)
    chunks = host.uplink()
    assert {len(chunk) for chunk in chunks} == {service.bytes_of(buffer_ms)}
    assert Transcoder(ULAW, service).run(caller).startswith(b"".join(chunks))
    assert abs(len(chunks) * buffer_ms - 2000) <= buffer_ms + 20
    stats = host.conversation.stats()
    assert stats.uplink_bytes == len(caller)
    assert stats.uplink_chunks_sent == len(chunks)
    assert stats.uplink_bytes_sent == sum(map(len, chunks))
    assert stats.uplink_bytes_dropped == 0


@pytest.mark.parametrize("line_name", ["alaw_8000", "pcm_8000", "pcm_16000", "pcm_48000"])
def test_other_lines(line_name: str) -> None:
    line = AudioFormat.parse(line_name)
    host = Host(line_format=line, audio_frames_buffer_ms=20)
    host.start("pcm_16000")
    caller = random.Random(4).randbytes(line.bytes_of(400))
    host.conversation.caller_audio(caller)
    host.pump()
    assert Transcoder(line, AudioFormat.parse("pcm_16000")).run(caller).startswith(b"".join(host.uplink()))
    assert len(host.uplink()) in (19, 20)
    agent = random.Random(5).randbytes(640 * 10)
    host.say(audio(1, agent))
    expected = Transcoder(AudioFormat.parse("pcm_16000"), line).run(agent)
    assert host.play()[: len(expected)] == expected


def test_announced_formats_default_to_pcm_16000() -> None:
    host = Host()
    host.open()
    host.say({"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": {}})
    pcm = AudioFormat(Encoding.PCM16, 16000)
    assert host.events == [Ready("", pcm, pcm)]


@pytest.mark.parametrize(
    ("output", "input_"), [("mp3_44100", "ulaw_8000"), ("ulaw_8000", "opus"), ("", "pcm_16000")]
)
def test_unknown_formats_end_it_without_another_attempt(output: str, input_: str) -> None:
    host = Host()
    host.open()
    host.say(metadata(output, input_))
    assert host.ended.status is Status.UNAVAILABLE
    assert "one of which is unknown" in host.ended.reason
    assert (output or "ulaw_8000") in host.ended.reason or input_ in host.ended.reason
    assert isinstance(host.actions[-1], Close)


def test_a_second_announcement_is_ignored() -> None:
    host = Host()
    host.start()
    host.say(metadata("pcm_16000"))
    assert host.conversation.stats().downlink_format == ULAW
    assert len(host.told(Ready)) == 1
    assert "twice" in host.errors[0]


# Failures


@pytest.mark.parametrize(
    ("status", "retry", "hint"),
    [
        (401, False, "check api_key"),
        (403, False, "check api_key"),
        (404, False, "check agent_id and signed_url_endpoint"),
        (422, False, "check agent_id and signed_url_endpoint"),
        (400, False, "answered HTTP 400"),
        (301, False, "answered HTTP 301"),
        (204, False, "answered HTTP 204"),
        (408, True, "answered HTTP 408"),
        (429, True, "answered HTTP 429"),
        (500, True, "answered HTTP 500"),
        (503, True, "answered HTTP 503"),
    ],
)
def test_http_status(status: int, retry: bool, hint: str) -> None:
    host = Host(PRIVATE)
    opened(host)
    host.conversation.http_reply(status, f'{{"detail":"{API_KEY}"}}'.encode())
    assert host.pump() == []
    if retry:
        assert host.conversation.phase is Phase.WAITING
        (text,) = host.errors
        assert text.startswith("attempt 1 of 3 failed: https://api.example.com answered HTTP ")
    else:
        text = host.ended.reason
        assert (host.ended.status, host.ended.close_code) == (Status.UNAVAILABLE, None)
    assert hint in text


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"{}", b'{"signed_url":null}', b'{"signed_url":7}', b'{"url":"wss://h"}', b'{"signed_url":"wss://h"',
     b"\xff" * 100, b'{"signed_url":""}', b'{"signed_url":"https://h/x"}', b'{"signed_url":"ws:"}',
     b'{"signed_url":"wss://h\\r\\nHost: x/"}', b'{"signed_url":"wss://u:p@h/"}', b'["wss://h"]'],
)  # fmt: skip
def test_a_reply_without_a_signed_url(body: bytes) -> None:
    host = Host(PRIVATE, max_connection_attempts=1)
    opened(host)
    host.conversation.http_reply(200, body)
    assert host.pump() == []
    assert host.ended.status is Status.UNAVAILABLE
    assert "check signed_url_endpoint" in host.ended.reason


def test_garbage_is_worth_another_attempt() -> None:
    host = Host(PRIVATE)
    opened(host)
    host.conversation.http_reply(200, b"<html>maintenance")
    host.pump()
    assert host.conversation.phase is Phase.WAITING


def test_a_failure_the_host_saw() -> None:
    host = Host()
    opened(host)
    host.conversation.request_failed("no such host", retry=False)
    host.pump()
    assert host.ended == Ended(Status.UNAVAILABLE, None, "no such host")


def phase_of(host: Host, phase: Phase) -> None:
    """Bring a new conversation there."""
    if phase is Phase.WAITING:
        return
    opened(host)
    if phase is Phase.FETCHING:
        return
    if host.conversation.phase is Phase.FETCHING:
        host.conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode())
        host.pump()
    if phase is Phase.CONNECTING:
        return
    host.conversation.connected()
    host.pump()
    if phase is Phase.STARTING:
        return
    host.say(metadata())
    assert host.conversation.phase is phase is Phase.ACTIVE


@pytest.mark.parametrize(
    ("phase", "agent", "text"),
    [
        (Phase.FETCHING, PRIVATE, "https://api.example.com did not give a signed URL within 4 s"),
        (Phase.CONNECTING, PRIVATE, "wss://api.example.com did not accept the connection within 4 s"),
        (Phase.CONNECTING, FIXED, "wss://api.example.com did not accept the connection within 4 s"),
        (Phase.STARTING, PUBLIC, "wss://api.example.com did not announce the conversation within 7 s"),
    ],
)
def test_every_phase_has_a_time_limit(phase: Phase, agent: Mapping[str, str], text: str) -> None:
    host = Host(agent, connection_timeout_seconds=4, handshake_timeout_seconds=7, max_connection_attempts=2)
    phase_of(host, phase)
    limit = 7.0 if phase is Phase.STARTING else 4.0
    assert host.conversation.deadline_us == host.clock.now_us + limit * 1_000_000
    host.wait(seconds=limit - 0.001)
    assert host.conversation.phase is phase
    assert host.wait(ms=1) == [Abort()]
    assert host.conversation.phase is Phase.WAITING
    assert host.errors == [f"attempt 1 of 2 failed: {text}"]
    host.wait(ms=250)
    phase_of(host, Phase.WAITING)
    assert host.conversation.stats().attempts == 2
    host.wait(seconds=20)
    assert host.ended.status is Status.UNAVAILABLE
    assert isinstance(host.actions[-1], Abort)


def test_what_hangs_in_the_air_after_a_time_limit_is_ignored() -> None:
    host = Host(PRIVATE)
    opened(host)
    assert host.wait(seconds=10) == [Abort()]
    host.conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode())
    host.conversation.connected()
    host.conversation.message(json.dumps(metadata()))
    host.conversation.closed(1000)
    host.conversation.request_failed("late", retry=False)
    assert host.pump() == []
    assert host.conversation.phase is Phase.WAITING


def test_attempts_are_further_and_further_apart() -> None:
    host = Host(max_connection_attempts=6, retry_backoff_ms=100)
    times = []
    start = host.clock.now_us
    for attempt in range(1, 7):
        while not (host.tick()):
            host.clock.now_us = host.conversation.deadline_us or pytest.fail("no deadline")
        times.append((host.clock.now_us - start) // 1000)
        host.conversation.request_failed(f"refused {attempt}", retry=True)
        host.pump()
    assert times == [0, 100, 300, 700, 1500, 3100]
    assert host.ended == Ended(Status.UNAVAILABLE, None, "refused 6")
    assert host.errors == [f"attempt {attempt} of 6 failed: refused {attempt}" for attempt in range(1, 6)]


def test_no_backoff() -> None:
    host = Host(retry_backoff_ms=0, max_connection_attempts=2)
    opened(host)
    host.conversation.request_failed("refused", retry=True)
    host.pump()
    opened(host)


def test_the_longest_backoff() -> None:
    host = Host(retry_backoff_ms=10_000, max_connection_attempts=10)
    for attempt in range(1, 10):
        opened(host)
        host.conversation.request_failed("refused", retry=True)
        host.pump()
        wait_us = (host.conversation.deadline_us or 0) - host.clock.now_us
        assert wait_us == 10_000_000 * 2 ** (attempt - 1)
        host.clock.now_us += wait_us


def test_a_failure_after_the_first_request_begins_with_it_again() -> None:
    """A signed URL may be good for one connection only."""
    host = Host(PRIVATE)
    phase_of(host, Phase.CONNECTING)
    host.conversation.request_failed("refused", retry=True)
    (action,) = host.wait(ms=250)
    assert isinstance(action, Open)
    assert action.request.kind is RequestKind.HTTP_GET


def test_half_a_message_of_a_lost_connection_does_not_spoil_the_next() -> None:
    host = Host()
    host.open()
    host.conversation.message(b'{"type":"conversation_initiation_meta', complete=False)
    host.conversation.closed(None)
    host.wait(ms=250)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    assert host.conversation.stats().malformed_messages == 0


def test_half_a_malformed_message_of_a_lost_connection_does_not_spoil_the_next() -> None:
    host = Host()
    host.open()
    host.conversation.message(b"}}}", complete=False)
    host.conversation.closed(None)
    host.wait(ms=250)
    host.conversation.connected()
    host.pump()
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE


def test_a_second_attempt_sends_the_initiation_data_again() -> None:
    host = Host()
    host.writable = False
    host.open()
    host.conversation.closed(1011)
    host.wait(ms=250)
    host.writable = True
    host.conversation.connected()
    host.pump()
    assert len(host.messages("conversation_initiation_client_data")) == 1


def test_an_error_explains_the_close_that_follows() -> None:
    host = Host()
    host.open()
    host.say(service_error("Override for field 'prompt' is not allowed"))
    host.conversation.closed(1008, "policy")
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE
    assert host.ended.close_code == 1008
    assert "close code 1008: policy" in host.ended.reason
    assert "Override for field 'prompt' is not allowed" in host.ended.reason


def test_an_error_of_one_attempt_does_not_explain_the_next() -> None:
    host = Host(max_connection_attempts=2)
    host.open()
    host.say(service_error("first"))
    host.conversation.closed(1011)
    host.wait(ms=250)
    host.conversation.connected()
    host.conversation.closed(1011)
    host.pump()
    assert "first" not in host.ended.reason


def test_what_the_service_sends_before_it_announces_the_conversation() -> None:
    host = Host()
    host.open()
    host.say(audio(1, bytes(160)))
    assert "before it announced" in host.errors[0]
    assert host.conversation.playout.is_empty()
    host.say({"type": "ping", "ping_event": {"event_id": 1}})
    assert host.messages("pong") == [{"type": "pong", "event_id": 1}]
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE


def test_a_call_that_ends_before_it_was_announced_did_not_take_place() -> None:
    host = Host(max_connection_attempts=1)
    host.open()
    host.say(
        {"type": "agent_tool_response", "agent_tool_response": {"tool_name": "end_call", "is_error": False}}
    )
    host.conversation.closed(1000)
    host.pump()
    assert host.ended.status is Status.UNAVAILABLE


def test_the_password_in_a_configured_url_is_not_told() -> None:
    host = Host({"conversation_url": f"wss://user:{SIGNATURE}@h/x"}, max_connection_attempts=1)
    opened(host)
    host.wait(seconds=10)
    assert "h did not accept the connection" in host.ended.reason


# The call's side, in every phase


@pytest.mark.parametrize(
    ("phase", "agent", "expected"),
    [
        (Phase.WAITING, PUBLIC, []),
        (Phase.FETCHING, PRIVATE, [Abort()]),
        (Phase.CONNECTING, PRIVATE, [Abort()]),
        (Phase.CONNECTING, PUBLIC, [Abort()]),
        (Phase.STARTING, PUBLIC, [Close(1000, "User ended conversation")]),
        (Phase.ACTIVE, PUBLIC, [Close(1000, "User ended conversation")]),
    ],
)
@pytest.mark.parametrize("status", list(Status))
def test_the_end_from_this_side(
    phase: Phase, agent: Mapping[str, str], expected: list[Any], status: Status
) -> None:
    host = Host(agent)
    phase_of(host, phase)
    host.conversation.end(status, "the caller hung up")
    assert host.pump() == expected
    assert host.ended == Ended(status, None, "the caller hung up")
    assert host.conversation.deadline_us is None


@pytest.mark.parametrize(
    "phase", [Phase.WAITING, Phase.FETCHING, Phase.CONNECTING, Phase.STARTING, Phase.ACTIVE]
)
def test_nothing_happens_after_the_end(phase: Phase) -> None:
    host = Host(PRIVATE)
    phase_of(host, phase)
    conversation = host.conversation
    conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    inputs: list[Callable[[], object]] = [
        lambda: conversation.caller_audio(bytes(16000)),
        lambda: conversation.dtmf("5"),
        lambda: conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode()),
        lambda: conversation.request_failed("late", retry=True),
        conversation.connected,
        lambda: conversation.message(json.dumps(metadata())),
        lambda: conversation.message(json.dumps(audio(1, bytes(160)))),
        lambda: conversation.message(b"{", complete=False),
        lambda: conversation.closed(1006),
        lambda: conversation.closed(None),
        conversation.tick,
        lambda: conversation.end(Status.LOST, "again"),
    ]
    for give in inputs:
        give()
        assert host.pump() == []
    assert not conversation.context("x")
    assert not conversation.user_message("x")
    assert not conversation.tool_result("x", "y")
    assert not conversation.wants_to_send
    host.wait(seconds=100)
    assert host.ended.status is Status.CALLER_HANGUP
    assert conversation.playout.is_empty()


def test_the_end_before_the_request_was_started() -> None:
    host = Host()
    host.conversation.tick()
    host.conversation.end(Status.CALLER_HANGUP, "gone")
    assert not any(isinstance(action, Open) for action in host.pump())


def test_the_end_while_waiting_for_another_attempt_drops_what_was_open() -> None:
    host = Host()
    opened(host)
    host.clock.advance(seconds=10)
    host.conversation.tick()
    host.conversation.end(Status.CALLER_HANGUP, "gone")
    assert host.pump() == [Abort()]


def test_an_abort_comes_before_the_next_request() -> None:
    host = Host(retry_backoff_ms=0)
    opened(host)
    host.clock.advance(seconds=10)
    host.conversation.tick()
    host.conversation.tick()
    abort, request = host.pump()
    assert isinstance(abort, Abort)
    assert isinstance(request, Open)


# The binding itself


def test_the_statistics_are_those_of_the_engine() -> None:
    fields = load_library().ffi.typeof("struct aic_conversation_stats").fields
    assert {name for name, _ in fields} == set(ConversationStats.__dataclass_fields__)


def test_events_may_be_handled_at_once_and_the_handler_may_call_back() -> None:
    seen: list[object] = []
    clock = VirtualClock()

    def on_event(event: object) -> None:
        seen.append(event)
        if isinstance(event, Ready):
            assert conversation.user_message("hello")
        if isinstance(event, Error):
            conversation.end(Status.LOST, "an error was enough")

    conversation = Conversation(
        Settings.read_agent("sales", PUBLIC), line_format=ULAW, clock=clock, on_event=on_event
    )
    conversation.tick()
    list(conversation.actions())
    conversation.connected()
    conversation.message(json.dumps(metadata()))
    assert [
        json.loads(action.message)["type"] for action in conversation.actions() if isinstance(action, Send)
    ] == [
        "conversation_initiation_client_data",
        "user_message",
    ]
    conversation.message(b"nonsense")
    assert [type(event) for event in seen] == [Ready, Error, Ended]
    assert conversation.take_events() == []


def test_settings_with_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="expected agent_id"):
        Conversation(Settings.read_agent("sales", {}), line_format=ULAW)
