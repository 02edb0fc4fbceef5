"""From the first attempt to the announced conversation."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from engine_host import (
    API_KEY,
    FIXED,
    PRIVATE,
    PUBLIC,
    SIGNED_URL,
    ULAW,
    Host,
    audio,
    metadata,
)

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import (
    Close,
    Open,
    Ready,
    RequestKind,
    Status,
)
from aiconvai.engine.settings import Line

AGENTS = pytest.mark.parametrize("agent", [PUBLIC, PRIVATE, FIXED], ids=["public", "private", "fixed"])


# Opening


def test_a_public_agent_is_reached_by_its_id() -> None:
    request = Host(PUBLIC).begin().request
    assert request.kind is RequestKind.WEBSOCKET
    assert request.url == "wss://api.example.com/v1/convai/conversation?agent_id=agent_1"
    assert request.headers == {}


def test_a_private_agents_signed_url_is_fetched_with_the_key() -> None:
    host = Host(PRIVATE)
    request = host.begin().request
    assert request.kind is RequestKind.HTTP_GET
    assert request.headers == {"xi-api-key": API_KEY}
    assert parse_qsl(urlsplit(request.url).query) == [("agent_id", "agent 1/ž")]
    assert API_KEY not in request.url
    assert host.conversation.stats().phase is Phase.FETCHING
    host.conversation.http_reply(200, json.dumps({"more": [1], "signed_url": SIGNED_URL}).encode())
    (action,) = host.pump()
    assert isinstance(action, Open)
    assert action.request.kind is RequestKind.WEBSOCKET
    assert action.request.url == SIGNED_URL
    assert action.request.headers == {}, "the key goes nowhere but to signed_url_endpoint"
    assert host.conversation.phase is Phase.CONNECTING


def test_a_fixed_url_is_used_as_it_is() -> None:
    request = Host(FIXED).begin().request
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
    assert host.wait(seconds=20) == []


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
        "source_info": {"source": "unknown"},
    }


def test_variables_of_the_call_win_over_configured_ones() -> None:
    lines = tuple(Line("dynamic_variable", value) for value in ("a=1", "b=x=y", "empty=", "a=2"))
    host = Host(lines=lines, variables={"b": "call", "caller_number": "+420 777", "odd": '\udcff"\\ž'})
    assert initiation(host)["dynamic_variables"] == {
        "a": "2",
        "b": "call",
        "empty": "",
        "caller_number": "+420 777",
        "odd": '\N{REPLACEMENT CHARACTER}"\\ž',
    }


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
    assert initiation(Host(PUBLIC | options))["conversation_config_override"] == expected


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
    host.begin()
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


@pytest.mark.parametrize(("output", "input_"), [("mp3_44100", "ulaw_8000"), ("ulaw_8000", "opus"), ("", "pcm_16000")])
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
