"""The numbers of `aiconvai show call` and of the event AIConvAIEnd are what was really sent and heard."""

from __future__ import annotations

import re

import pytest
from hearing import agent_audio, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]


def _talk(voice: Voice) -> tuple[Call, ThreadedConversation]:
    """A second of both talking, the agent in four chunks of pcm_16000."""
    voice.agent("agent", ElevenLabsAgent(output_format="pcm_16000"), audio_frames_buffer_ms=40)
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.send_audio(tone(900.0, 1.0, 16000, -14.0), event_id=7, chunk_ms=250)
    call.play(tone(600.0, 1.0, 8000, -11.0)).wait()
    wait_until_all_is_heard(call, 0.98)
    return call, conversation


def _numbers(report: str, line: str) -> list[float]:
    found = re.search(rf"^{line}: +(.*)$", report, re.MULTILINE)
    assert found, report
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", found[1])]


def test_the_report_of_a_call_agrees_with_what_was_sent_and_heard(voice: Voice) -> None:
    call, conversation = _talk(voice)
    record = conversation.record
    sent_before, chunks_before = len(call.sent), len(record.uplink)
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    conversation.ping()  # Whose answer comes behind what was sent before it.
    sent_after, chunks_after = len(call.sent), len(record.uplink)

    frames, received_bytes, level, _noise, refused = _numbers(report, "From the caller")
    assert sent_before - 5 <= frames <= sent_after
    assert (received_bytes, refused) == (frames * 160, 0)
    assert level == pytest.approx(rms_dbfs(record.uplink_samples()), abs=0.5)

    chunks, sent_bytes, waiting, dropped = _numbers(report, "To the service")
    assert chunks_before <= chunks <= chunks_after
    assert sent_bytes == chunks * 320
    assert (sent_bytes + waiting, dropped) == (received_bytes, 0)

    chunks, received_bytes, level = _numbers(report, "From the service")
    assert (chunks, received_bytes) == (4, 32000)
    assert level == pytest.approx(rms_dbfs(agent_audio(call)), abs=0.2)

    played, late, lost = _numbers(report, "To the caller")
    # The last 4 ms of what is resampled come with a packet of their own.
    assert played == len(call.heard) == 51
    assert late <= played
    assert lost == 0
    queued_chunks, queued_ms, underruns, over = _numbers(report, "Queue")
    assert (queued_chunks, queued_ms, underruns, over) == (0, 0, 0, 0)
    assert _numbers(report, "Playout delay") == [0, 0]
    assert _numbers(report, "Heard position") == [7, pytest.approx(1000, abs=10)]
    assert "channel ulaw_8000, to the service ulaw_8000, from the service pcm_16000" in report
    assert record.id in report


def test_no_frame_comes_between_two_numbers_of_a_report(voice: Voice) -> None:
    voice.agent("agent", ElevenLabsAgent())
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.uplink) > 2)
    frames_seen = set()
    while len(frames_seen) < 100:
        report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
        frames, received_bytes, _level, _noise, _refused = _numbers(report, "From the caller")
        assert received_bytes == frames * 160
        frames_seen.add(frames)
    assert call.alive


def test_the_event_at_the_end_agrees_with_what_was_sent_and_heard(voice: Voice) -> None:
    call, conversation = _talk(voice)
    call.hangup()
    conversation.wait_closed()
    record = conversation.record
    event = voice.event("AIConvAIEnd")
    assert int(event["FramesPlayed"]) == len(call.heard)
    assert len(call.sent) - 5 <= int(event["FramesReceived"]) <= len(call.sent)
    assert int(event["ChunksSent"]) == len(record.uplink)
    assert int(event["ChunksReceived"]) == len(record.downlink)
    assert float(event["UplinkLevel"]) == pytest.approx(rms_dbfs(record.uplink_samples()), abs=0.3)
    assert float(event["DownlinkLevel"]) == pytest.approx(rms_dbfs(agent_audio(call)), abs=0.2)
    assert (event["Interruptions"], event["Underruns"]) == ("0", "0")
    assert (event["GapMs"], event["PlayoutDelayMs"]) == ("0", "0")
