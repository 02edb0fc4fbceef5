"""Where the agent's audio is resampled: a frame is heard as it comes, and the end of what was said is heard too."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from typing import Any

import pytest
from engine_host import API_KEY, ULAW, Host, audio, end_call, interruption

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import AudioQueued, Open
from aiconvai.engine.playout_queue import PlayoutResult

PCM_16K = AudioFormat(Encoding.PCM16, 16000)
PCM_24K = AudioFormat(Encoding.PCM16, 24000)
FORMATS = ["pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000"]
LATE_MS = 60
"""What comes so much later than it was to be heard is no packet that was late."""


def speaking(name: str = "pcm_16000", **options: object) -> tuple[Host, AudioFormat]:
    host = Host(**options)
    host.start(name)
    return host, AudioFormat.parse(name)


def speech(audio_format: AudioFormat, ms: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(audio_format.bytes_of(ms))


def whole(audio_format: AudioFormat, said: bytes, line_format: AudioFormat = ULAW) -> bytes:
    """What of it is heard, to the last sample."""
    transcoder = Transcoder(audio_format, line_format)
    return transcoder.run(said) + transcoder.finish()


def padded(heard: bytes) -> bytes:
    """The last frame is completed with silence."""
    return heard + b"\xff" * (-len(heard) % 160)


def listen(host: Host, ms: int) -> list[bytes | None]:
    """The caller listens: a frame is due every 20 ms. None where there was none."""
    frames: list[bytes | None] = []
    for _ in range(ms // 20):
        frame = host.conversation.playout.take()
        frames.append(frame.audio if frame.result is PlayoutResult.FRAME else None)
        host.wait(ms=20)
    return frames


def heard_in(frames: list[bytes | None]) -> bytes:
    return b"".join(frame for frame in frames if frame)


# As it comes


@pytest.mark.parametrize("name", FORMATS)
def test_each_frame_can_be_heard_at_once(name: str) -> None:
    host, service = speaking(name)
    said = speech(service, 2000)
    frame, heard = service.bytes_of(20), b""
    for at in range(0, len(said), frame):
        host.say(audio(1, said[at : at + frame]))
        taken = host.conversation.playout.take()
        assert taken.result is PlayoutResult.FRAME
        assert host.conversation.playout.is_empty()
        heard += taken.audio
        host.wait(ms=20)
    assert heard == Transcoder(service, ULAW).run(said)


@pytest.mark.parametrize("late_ms", [20, 55])
def test_packets_that_are_late_are_no_end(late_ms: int) -> None:
    """What is put between them would keep all that follows waiting."""
    host, service = speaking()
    said = speech(service, 1000)
    frame = service.bytes_of(20)
    heard: list[bytes | None] = []
    for at in range(0, len(said), frame):
        host.say(audio(1, said[at : at + frame]))
        heard += listen(host, 20)
        if at // frame % 10 == 9:
            host.wait(ms=late_ms)
    assert heard_in(heard) == Transcoder(service, ULAW).run(said)
    assert None not in heard


# The end


@pytest.mark.parametrize("name", FORMATS)
def test_the_end_of_audio_that_comes_as_it_is_heard_is_heard_once_no_more_comes(name: str) -> None:
    host, service = speaking(name)
    said = speech(service, 400)
    frame = service.bytes_of(20)
    frames: list[bytes | None] = []
    for at in range(0, len(said), frame):
        host.say(audio(1, said[at : at + frame]))
        frames += listen(host, 20)
    queued = len(host.told(AudioQueued))
    frames += listen(host, LATE_MS + 60)
    assert heard_in(frames) == padded(whole(service, said))
    assert len(host.told(AudioQueued)) == queued + 1, "the host is told, who would look for nothing otherwise"
    assert heard_in(listen(host, 3000)) == b""
    stats = host.conversation.playout.stats()
    assert (stats.underruns, stats.delay_ms) == (0, 0), "that it comes later is our doing, and no sign of late audio"


@pytest.mark.parametrize("ms", [700, 1010, 3000])
def test_the_end_of_audio_that_comes_faster_is_heard_without_a_gap(ms: int) -> None:
    host, service = speaking()
    said = speech(service, ms)
    for at in range(0, len(said), 3200):
        host.say(audio(1, said[at : at + 3200]))
    expected = padded(whole(service, said))
    frames = listen(host, ms + 1000)
    assert heard_in(frames) == expected
    assert None not in frames[: len(expected) // 160 - 1]


def test_what_follows_an_end_begins_afresh() -> None:
    host, service = speaking()
    first, second = speech(service, 100, 2), speech(service, 100, 3)
    host.say(audio(1, first))
    assert heard_in(listen(host, 1000)) == padded(whole(service, first))
    host.say(audio(2, second))
    assert heard_in(listen(host, 1000)) == padded(whole(service, second))


def test_what_goes_on_before_the_end_is_one_stream() -> None:
    """Event ids do not tell: some services give one to each chunk."""
    host, service = speaking()
    first, second = speech(service, 2000, 2), speech(service, 2000, 3)
    host.say(audio(1, first))
    frames = listen(host, 1900)
    host.say(audio(2, second))
    frames += listen(host, 4000)
    assert heard_in(frames) == padded(whole(service, first + second))


def test_the_end_of_what_was_interrupted_is_not_heard() -> None:
    host, service = speaking()
    host.say(audio(1, speech(service, 1000)))
    listen(host, 200)
    host.say(interruption(1))
    assert heard_in(listen(host, 3000)) == b""
    said = speech(service, 300, 4)
    host.say(audio(2, said))
    assert heard_in(listen(host, 2000)) == padded(whole(service, said))


def test_the_end_goes_with_its_audio_when_that_is_interrupted_later() -> None:
    host, service = speaking()
    host.say(audio(1, speech(service, 1000)))
    listen(host, 980)
    assert host.conversation.playout.stats().queued_bytes > 160, "the end is queued"
    host.say(interruption(1))
    assert heard_in(listen(host, 1000)) == b""


def test_at_equal_rates_nothing_is_waited_for() -> None:
    host, service = speaking("ulaw_8000")
    before = host.conversation.deadline_us
    said = speech(service, 400)
    host.say(audio(1, said))
    assert host.conversation.deadline_us == before
    assert heard_in(listen(host, 1000)) == said


def test_a_caller_to_whom_nothing_is_played_costs_little() -> None:
    """Music on hold, say: what is queued stays so, and is looked at now and then."""
    host, service = speaking()
    host.say(audio(1, speech(service, 200)))
    looks = 0
    until = host.clock.now_us + 10_000_000
    while (deadline := host.conversation.deadline_us) is not None and deadline < until:
        host.clock.now_us = max(host.clock.now_us, deadline)
        host.tick()
        looks += 1
    assert looks <= 10_000 // 20


def test_the_last_words_of_an_agent_who_ends_are_whole() -> None:
    host, service = speaking()
    said = speech(service, 300)
    host.say(audio(1, said))
    host.say(end_call())
    host.conversation.closed(1000, "")
    host.pump()
    assert host.play() == padded(whole(service, said))


def test_a_new_connection_does_not_take_the_end_away() -> None:
    host, service = speaking()
    first, second = speech(service, 100, 5), speech(service, 100, 6)
    host.say(audio(1, first))
    host.conversation.closed(0, "")
    (again,) = host.tick()
    assert isinstance(again, Open)
    host.conversation.connected()
    host.pump()
    host.say(
        {
            "type": "conversation_initiation_metadata",
            "conversation_initiation_metadata_event": {
                "conversation_id": "conv_43",
                "agent_output_audio_format": "pcm_24000",
                "user_input_audio_format": "pcm_16000",
            },
        }
    )
    assert host.conversation.phase is Phase.ACTIVE
    second = speech(PCM_24K, 100, 6)
    host.say(audio(1, second))
    expected = whole(service, first) + Transcoder(PCM_24K, ULAW).run(second)
    assert host.play()[: len(expected)] == expected


# Services that say so


def _gemini() -> tuple[Host, AudioFormat]:
    host = Host({"provider": "gemini", "api_key": API_KEY})
    host.open()
    host.say({"setupComplete": {}})
    return host, PCM_24K


def _gemini_audio(data: bytes) -> dict[str, Any]:
    blob = {"mimeType": "audio/pcm;rate=24000", "data": base64.b64encode(data).decode()}
    return {"serverContent": {"modelTurn": {"parts": [{"inlineData": blob}]}}}


def _openai() -> tuple[Host, AudioFormat]:
    host = Host({"provider": "openai", "api_key": API_KEY}, line_format=PCM_16K)
    host.open()
    session = {"id": "sess_1"}
    host.say({"type": "session.created", "session": session})
    host.say({"type": "session.updated", "session": session})
    return host, PCM_24K


def _openai_audio(data: bytes) -> dict[str, Any]:
    delta = base64.b64encode(data).decode()
    return {"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": delta}


def _websocket() -> tuple[Host, AudioFormat]:
    host = Host({"provider": "websocket", "conversation_url": "wss://agent.example.com/"})
    host.open()
    host.say({"type": "session_started"})
    return host, PCM_16K


def _websocket_audio(data: bytes) -> dict[str, Any]:
    return {"type": "audio_delta", "audio": base64.b64encode(data).decode()}


@pytest.mark.parametrize(
    ("begin", "message", "done"),
    [
        (_gemini, _gemini_audio, {"serverContent": {"generationComplete": True}}),
        (_gemini, _gemini_audio, {"serverContent": {"turnComplete": True}}),
        (_openai, _openai_audio, {"type": "response.output_audio.done"}),
        (_openai, _openai_audio, {"type": "response.audio.done"}),
        (_websocket, _websocket_audio, {"type": "audio_done"}),
        (_websocket, _websocket_audio, {"type": "response_complete"}),
    ],
)
def test_the_end_that_a_service_announces_is_queued_at_once(
    begin: Callable[[], tuple[Host, AudioFormat]], message: Callable[[bytes], dict[str, Any]], done: dict[str, Any]
) -> None:
    host, service = begin()
    assert host.conversation.phase is Phase.ACTIVE
    line = host.conversation.stats().line_format
    said, following = speech(service, 100, 7), speech(service, 100, 8)
    host.say(message(said))
    host.say(done)
    host.say(done)
    host.say(message(following))
    expected = whole(service, said, line) + Transcoder(service, line).run(following)
    assert host.play()[: len(expected)] == expected


def test_the_end_that_deepgram_announces_is_queued_at_once() -> None:
    host = Host({"provider": "deepgram", "api_key": API_KEY}, line_format=AudioFormat(Encoding.PCM16, 12000))
    host.open()
    host.say({"type": "Welcome", "request_id": "r"})
    host.say({"type": "SettingsApplied"})
    assert host.conversation.phase is Phase.ACTIVE
    stats = host.conversation.stats()
    assert stats.downlink_format != stats.line_format
    said = speech(stats.downlink_format, 100, 7)
    host.conversation.binary_message(said)
    host.say({"type": "AgentAudioDone"})
    expected = whole(stats.downlink_format, said, stats.line_format)
    assert host.play()[: len(expected)] == expected
