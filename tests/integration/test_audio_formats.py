"""Audio keeps its level, its frequency and its wholeness, whatever the service and the channel exchange it in."""

from __future__ import annotations

import time

import pytest
from hearing import (
    Tone,
    agent_audio,
    agent_heard,
    level_at,
    seconds_of,
    sounding,
    tone_in,
    wait_until_agent_heard,
    wait_until_all_is_heard,
)
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, tone
from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.elevenlabs.messages import AudioFormat
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import AsteriskVersion
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

LOUD_DBFS = -4.0
"""A sine whose peaks lie 1 dB below full scale: whatever makes it louder or overshoots clips it."""

FORMAT_PAIRS: list[tuple[AudioFormat, AudioFormat]] = [
    ("ulaw_8000", "ulaw_8000"),
    ("pcm_8000", "pcm_8000"),
    ("pcm_16000", "pcm_16000"),
    ("pcm_22050", "pcm_22050"),
    ("pcm_24000", "pcm_24000"),
    ("pcm_44100", "pcm_44100"),
    ("pcm_48000", "pcm_48000"),
    ("ulaw_8000", "pcm_16000"),
    ("pcm_44100", "ulaw_8000"),
    ("pcm_16000", "pcm_22050"),
]


def _talk(
    voice: Voice, codec: str, to_service: AudioFormat, to_caller: AudioFormat
) -> tuple[Call, ThreadedConversation]:
    voice.agent("tones", ElevenLabsAgent(input_format=to_service, output_format=to_caller), audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(tones)")
    voice.apply()
    call = voice.call("100", codec)
    conversation = voice.conversation()
    return call, conversation


def _exchange(
    call: Call, conversation: ThreadedConversation, up_hz: float, down_hz: float, level_dbfs: float, seconds: float
) -> tuple[Samples, Samples]:
    """Play a tone each way at once. What the agent got, at its rate, and what the caller heard, at the call's."""
    began = time.monotonic()
    record = conversation.record
    playback = call.play(tone(up_hz, seconds, call.sample_rate, level_dbfs))
    conversation.send_audio(tone(down_hz, seconds, record.downlink_rate, level_dbfs), event_id=1, chunk_ms=70)
    playback.wait()
    wait_until_agent_heard(conversation, began)
    wait_until_all_is_heard(call, seconds - 0.02)
    return agent_heard(conversation, began), agent_audio(call)


def _both_ways(
    call: Call, conversation: ThreadedConversation, up_hz: float, down_hz: float, level_dbfs: float
) -> tuple[Tone, Tone]:
    """A tone of 0.3 s each way at once: as the agent got the caller's, and as the caller heard the agent's."""
    got, heard = _exchange(call, conversation, up_hz, down_hz, level_dbfs, 0.3)
    tones = tone_in(got, up_hz, conversation.record.uplink_rate), tone_in(heard, down_hz, call.sample_rate)
    for one in tones:
        assert one.seconds == pytest.approx(0.3, abs=0.02)
    return tones


@pytest.mark.parametrize(("to_service", "to_caller"), FORMAT_PAIRS)
def test_a_tone_is_whole_and_keeps_its_level(voice: Voice, to_service: AudioFormat, to_caller: AudioFormat) -> None:
    call, conversation = _talk(voice, "ulaw", to_service, to_caller)
    for one in _both_ways(call, conversation, 997.0, 1403.0, LOUD_DBFS):
        assert one.level_dbfs == pytest.approx(LOUD_DBFS, abs=0.5)
        # mu-law alone leaves 37 dB.
        assert one.purity_db > 30.0
    ready = voice.event("AIConvAIReady")
    assert (ready["UplinkFormat"], ready["DownlinkFormat"]) == (to_service, to_caller)
    assert not conversation.record.violations


def test_mu_law_passes_unchanged(voice: Voice) -> None:
    """Where both sides speak mu-law every byte arrives as it was sent, all 256 of them."""
    call, conversation = _talk(voice, "ulaw", "ulaw_8000", "ulaw_8000")
    said = bytes(range(256)) * 10
    conversation.send_audio(said, event_id=1, chunk_ms=33)
    wait_until_all_is_heard(call, 0.3)
    assert b"".join(packet.payload for packet in call.heard) == said
    # In this order: the caller goes on sending, and what the agent gets meanwhile is not in what was sent before.
    got = conversation.record.uplink_bytes
    assert got in b"".join(packet.payload for packet in call.sent)
    assert len(got) > len(said)


@pytest.mark.parametrize("codec", ["slin16", "g722"])
def test_a_wideband_call_stays_wideband(voice: Voice, codec: str) -> None:
    call, conversation = _talk(voice, codec, "pcm_16000", "pcm_16000")
    # Of G.722's 64 kbit/s the upper band gets 16: the tone is there, with noise around it.
    purity = {"slin16": 50.0, "g722": 12.0}[codec]
    for one in _both_ways(call, conversation, 6000.0, 5200.0, -12.0):
        assert one.level_dbfs == pytest.approx(-12.0, abs=0.5)
        assert one.purity_db > purity


@pytest.mark.parametrize("service_format", ["pcm_24000", "pcm_48000"])
def test_a_wideband_call_stays_wideband_at_other_rates(voice: Voice, service_format: AudioFormat) -> None:
    call, conversation = _talk(voice, "slin16", service_format, service_format)
    for one in _both_ways(call, conversation, 6000.0, 5200.0, -12.0):
        assert one.level_dbfs == pytest.approx(-12.0, abs=0.5)
        assert one.purity_db > 40.0


def test_what_the_channel_cannot_carry_does_not_fold_back(voice: Voice) -> None:
    """6 kHz on an 8 kHz channel would be heard as 2 kHz if it were not filtered out."""
    call, conversation = _talk(voice, "ulaw", "pcm_16000", "pcm_16000")
    both = tone(6000.0, 0.5, 16000, -12.0) + tone(700.0, 0.5, 16000, -20.0)
    conversation.send_audio(both, event_id=1)
    wait_until_all_is_heard(call, 0.48)
    heard = agent_audio(call)
    assert tone_in(heard, 700.0, 8000).level_dbfs == pytest.approx(-20.0, abs=0.5)
    assert level_at(heard, 2000.0, 8000) < -60.0


@pytest.mark.parametrize("service_format", ["ulaw_8000", "pcm_16000"])
def test_an_a_law_call(voice: Voice, service_format: AudioFormat) -> None:
    call, conversation = _talk(voice, "alaw", service_format, service_format)
    assert voice.event("AIConvAIStart")["LineFormat"] == "alaw_8000"
    for one in _both_ways(call, conversation, 997.0, 1403.0, LOUD_DBFS):
        assert one.level_dbfs == pytest.approx(LOUD_DBFS, abs=0.5)
        assert one.purity_db > 30.0


@pytest.mark.parametrize("codec", ["gsm", "opus"])
def test_asterisk_translates_a_codec_that_the_engine_does_not_know(
    voice: Voice, asterisk_version: AsteriskVersion, codec: str
) -> None:
    """The agent is on a Local channel of that codec, whose other half is bridged with the caller."""
    if codec == "opus" and asterisk_version < 22:
        codec = "g722"  # There is no Opus to translate with; G.722 is as unknown to the engine.
    voice.agent(
        "tones", ElevenLabsAgent(input_format="pcm_16000", output_format="pcm_16000"), audio_frames_buffer_ms=20
    )
    voice.dialplan("exten => 100,1,AIConvAI(tones)")
    voice.apply()
    voice.asterisk.ami.action(
        "Originate",
        Channel="Local/100@default",
        Context="default",
        Exten=f"5{voice.caller.port}",
        Priority=1,
        Codecs=codec,
        Async="true",
    )
    call = voice.caller.wait_incoming()
    call.answer()
    conversation = voice.conversation()
    # Answered is not yet bridged, and what is said before is heard by nobody.
    voice.event("BridgeEnter", BridgeNumChannels="2")
    line_format = {"gsm": "pcm_8000", "g722": "pcm_16000", "opus": "pcm_48000"}[codec]
    assert voice.event("AIConvAIStart")["LineFormat"] == line_format
    got, heard = _exchange(call, conversation, 600.0, 900.0, -16.0, 1.0)
    for samples, hz, rate in ((got, 600.0, 16000), (heard, 900.0, call.sample_rate)):
        # A codec that models speech needs a moment to find the tone and one to forget it.
        assert seconds_of(samples, hz, rate) == pytest.approx(1.0, abs=0.1)
        whole = sounding(samples, rate)
        steady = tone_in(whole[rate // 5 : rate * 4 // 5], hz, rate)
        assert steady.level_dbfs == pytest.approx(-16.0, abs=0.5)
        assert steady.purity_db > 15.0
