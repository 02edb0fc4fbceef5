"""A caller converses with an agent through a real Asterisk."""

from __future__ import annotations

import pytest
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock import ElevenLabsAgent, load_scenario
from aiconvai.rig.caller import find, similarity

__all__ = ["mock_options", "voice"]


@pytest.mark.parametrize("chunk_ms", [20, 240])
def test_speech_goes_both_ways(voice: Voice, chunk_ms: int) -> None:
    voice.agent("echo", ElevenLabsAgent(private=True, scenario=load_scenario("echo")), audio_frames_buffer_ms=chunk_ms)
    voice.dialplan("exten => 100,1,Answer()\n same => n,ElevenLabsConvAI(echo)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    call.wait_heard(5)
    said = tone(700.0, 0.7, 8000)
    call.play(said).wait()
    call.wait_for_silence(since=call.wait_for_sound(), duration_ms=300)

    heard = call.heard_samples()
    place = find(said, heard)
    assert place.similarity > 0.98
    assert rms_dbfs(heard[int(place.position) : int(place.position) + len(said)]) == pytest.approx(
        rms_dbfs(said), abs=0.5
    )
    assert similarity(said, conversation.record.uplink_samples()) > 0.98
    call.hangup()
    conversation.wait_closed()
    assert conversation.record.closed_by == "client"
    assert conversation.record.close_code == 1000
    assert not conversation.record.violations
