"""The parts of `aiconvai demo` that need no call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aiconvai.audio import tone
from aiconvai.mock.record import AudioChunk, ConversationRecord, HttpRequest
from aiconvai.rig.caller.rtp import NANOSECONDS, RtpPacket
from aiconvai.rig.demo import picture
from aiconvai.rig.demo.display import meter
from aiconvai.rig.demo.interruption import heard_interruption
from aiconvai.rig.demo.moments import Kind, Moments
from aiconvai.rig.demo.script import AGENT, CALLER, agent_scenario, read_speech, visitor_scenario, write_caller_speech
from aiconvai.rig.demo.voice_activity import VoiceActivity

PACKET = 0.02


SPEECH, SILENCE = bytes(range(160)), b"\xff" * 160


def packets(start: float, count: int, payload: bytes = SPEECH) -> list[RtpPacket]:
    return [
        RtpPacket(round((start + PACKET * number) * NANOSECONDS), number, 160 * number, False, 0, 1, payload)
        for number in range(count)
    ]


def record(*, interrupted: float | None, spoken: list[tuple[float, float]]) -> ConversationRecord:
    """`spoken` are (time, seconds) of agent audio."""
    one = ConversationRecord("conv", "agent", HttpRequest(0.0, "/", {}, {}), "ulaw_8000", "ulaw_8000")
    one.downlink += [AudioChunk(time, bytes(round(seconds * 8000)), 1) for time, seconds in spoken]
    if interrupted is not None:
        one.interruptions.append(interrupted)
    return one


def test_the_last_old_packet_is_the_one_before_the_next_speech() -> None:
    conversation = record(interrupted=12.0, spoken=[(10.0, 9.0), (13.0, 1.0)])
    heard = heard_interruption(conversation, [*packets(10.01, 101), *packets(13.01, 50)])
    assert heard is not None
    assert heard.silence_after_ms == pytest.approx(10.0)
    assert heard.unheard_seconds == pytest.approx(9.0 - 101 * PACKET)


def test_a_last_packet_before_the_interruption_is_silence_at_once() -> None:
    heard = heard_interruption(record(interrupted=12.0, spoken=[(10.0, 9.0)]), packets(10.01, 100))
    assert heard is not None
    assert heard.silence_after_ms == 0.0
    assert heard.last_old_packet == pytest.approx(11.99)


def test_silence_between_turns_is_nothing_old() -> None:
    heard = heard_interruption(
        record(interrupted=12.0, spoken=[(10.0, 9.0)]),
        [*packets(9.0, 50, SILENCE), *packets(10.01, 100), *packets(12.01, 50, SILENCE)],
    )
    assert heard is not None
    assert heard.silence_after_ms == 0.0
    assert heard.unheard_seconds == pytest.approx(9.0 - 100 * PACKET)


def test_no_interruption_is_none() -> None:
    assert heard_interruption(record(interrupted=None, spoken=[(10.0, 9.0)]), packets(10.01, 100)) is None


def test_a_short_pause_does_not_split_speech_and_a_long_one_does() -> None:
    voice = VoiceActivity()
    loud = [*(0.02 * n for n in range(50)), *(1.3 + 0.02 * n for n in range(50)), *(5.0 + 0.02 * n for n in range(10))]
    for time in loud:
        voice.feed_level(time, -20.0)
    assert len(voice.stretches) == 1
    assert voice.stretches[0].start == 0.0
    assert voice.stretches[0].end == pytest.approx(2.3)
    assert voice.speaking_since == 5.0
    voice.pass_time(7.0)
    assert voice.speaking_since is None
    assert voice.stretches[1].seconds == pytest.approx(0.2)


def test_silence_is_no_speech() -> None:
    voice = VoiceActivity()
    for number in range(100):
        voice.feed_level(0.02 * number, -70.0)
    assert voice.speaking_since is None
    assert voice.recent_levels(2.0, 1.0, 4) == [-70.0] * 4


def test_the_meter_is_empty_in_silence_and_full_at_speech() -> None:
    assert meter([float("-inf"), -50.0, -30.0, -10.0, 0.0]) == "  ▄██"


def test_moments_are_kept_in_the_order_of_time() -> None:
    moments = Moments()
    moments.add(2.0, Kind.READY, "b")
    moments.add(1.0, Kind.ANSWERED, "a")
    assert [one.text for one in moments.in_order()] == ["a", "b"]
    assert [one.text for one in moments.since(1)] == ["a"]
    first = moments.first(Kind.READY)
    assert first is not None
    assert first.text == "b"
    assert moments.first(Kind.END) is None


def test_the_scenario_says_every_line_of_the_script() -> None:
    steps = list(agent_scenario().all_steps())
    assert tuple(step.say.text for step in steps if step.say is not None) == AGENT.in_order()
    told = tuple(step.user_transcript.text for step in steps if step.user_transcript is not None)
    assert told == CALLER.in_order()
    assert steps[-1].close is not None
    assert steps[-1].close.code == 1000


def test_the_visitors_scenario_goes_on_for_ever() -> None:
    assert any(step.repeat is not None and step.repeat.times is None for step in visitor_scenario().all_steps())


def test_the_callers_speech_is_speech(tmp_path: Path) -> None:
    paths = write_caller_speech(tmp_path)
    assert len(paths) == len(CALLER.in_order())
    for path in paths:
        assert 1.0 < len(read_speech(path)) / 8000 < 8.0


def test_an_envelope_holds_every_peak() -> None:
    samples = np.concatenate((np.zeros(8000, dtype=np.int16), tone(440.0, 1.0, 8000, -10.0)))
    samples[4001] = -32768
    times, lowest, highest = picture.envelope(samples, 8000, 100)
    assert len(times) == 100
    assert lowest[25] == -1.0
    assert highest[25] == 0.0
    assert highest[75] == pytest.approx(0.447, abs=0.01)
