"""docs/audio.md, row by row: in what a channel and a service exchange audio, and what of it is left in the end."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
from hearing import agent_audio, agent_heard, wait_until_agent_heard, wait_until_all_is_heard
from voice import Voice, mock_options, voice

from aiconvai.audio import FULL_SCALE, Samples, resample, rms_dbfs
from aiconvai.mock import PROVIDERS
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.caller import Call, find
from aiconvai.speech import speak

__all__ = ["mock_options", "voice"]

PAGE = repository_root() / "docs" / "audio.md"
TEXT = "The quick brown fox jumps over the lazy dog."
LEAST_SIMILARITY = {"ulaw": 0.99, "alaw": 0.99, "slin16": 0.99, "g722": 0.97}
"""Of what both ends can carry, by the channel's codec; G.711 at the service leaves 0.998 of it."""
SWEEP_HZ = (250.0, 3200.0)
SWEEP_SECONDS = 1.2


class Row(NamedTuple):
    """Of the table."""

    channel: str
    service: str
    to_service: str
    to_caller: str
    options: str


def _rows() -> list[Row]:
    cells = [
        re.split(r" *\| *", line.strip("| ")) for line in PAGE.read_text("utf-8").splitlines() if line[:3] == "| `"
    ]
    return [Row(*(cell.strip("`") for cell in row[:5])) for row in cells]


def _sweep(rate: int) -> Samples:
    """A tone that rises from one frequency to the other, at -12 dBFS, with soft ends."""
    low, high = SWEEP_HZ
    moment = np.arange(round(SWEEP_SECONDS * rate)) / rate
    growth = np.log(high / low) / SWEEP_SECONDS
    wave = np.sin(2 * np.pi * low * (np.exp(growth * moment) - 1) / growth)
    ends = np.minimum(1.0, np.minimum(moment, SWEEP_SECONDS - moment) / 0.01)
    return (wave * ends * FULL_SCALE * 10 ** (-12 / 20) * np.sqrt(2)).astype(np.int16)


def _exchange(call: Call, conversation: ThreadedConversation, up: Samples, down: Samples) -> tuple[Samples, Samples]:
    """One sound each way at once; what the agent got and what the caller heard."""
    began = time.monotonic()
    before = len(agent_audio(call))
    playback = call.play(up)
    conversation.play(down, chunk_ms=70)
    playback.wait()
    wait_until_agent_heard(conversation, began)
    wait_until_all_is_heard(call, (before + len(up)) / call.sample_rate - 0.02)
    return agent_heard(conversation, began), agent_audio(call)[before:]


def _check(said: Samples, said_rate: int, heard: Samples, heard_rate: int, least: float) -> None:
    """It is there as a whole, as loud as it was, and like it was: a gap or a clipped peak would show."""
    expected = resample(said, said_rate, heard_rate)
    # A codec delays by some samples: there must be room to find it later.
    heard = np.pad(heard, heard_rate // 20)
    place = find(expected, heard)
    part = heard[round(place.position) : round(place.position) + len(expected)]
    assert (place.similarity, rms_dbfs(part)) == (
        pytest.approx(1.0, abs=1.0 - least),
        pytest.approx(rms_dbfs(expected), abs=0.5),
    )


def _begin(voice: Voice, rows: Sequence[Row]) -> list[tuple[Row, Call, ThreadedConversation]]:
    """A call with the agent of every row, all of them at once."""
    mocks = []
    for number, row in enumerate(rows):
        voice.use(row.service)
        mocks.append(voice.mock)
        options = dict(option.split("=") for option in row.options.split() if "=" in option)
        voice.agent(f"agent{number}", voice.mock.agent_class(), audio_frames_buffer_ms=20, **options)
        voice.dialplan(f"exten => 10{number},1,AIConvAI(agent{number})")
    voice.apply()
    calls = [voice.caller.call(f"10{number}", row.channel) for number, row in enumerate(rows)]
    conversations = [mock.next_conversation() for mock in mocks]
    for call, conversation in zip(calls, conversations, strict=True):
        call.wait_answered()
        conversation.wait_started()
    return list(zip(rows, calls, conversations, strict=True))


def _check_row(row: Row, call: Call, conversation: ThreadedConversation) -> None:
    record, least = conversation.record, LEAST_SIMILARITY[row.channel]
    up, down = _sweep(call.sample_rate), _sweep(record.downlink_rate)
    got, heard = _exchange(call, conversation, up, down)
    _check(up, call.sample_rate, got, record.uplink_rate, least)
    _check(down, record.downlink_rate, heard, call.sample_rate, least)
    # What the narrower end cannot carry is not asked of the other.
    narrow = min(call.sample_rate, record.uplink_rate, record.downlink_rate)
    up = resample(speak(TEXT, narrow), narrow, call.sample_rate)
    down = resample(speak(TEXT, narrow), narrow, record.downlink_rate)
    got, heard = _exchange(call, conversation, up, down)
    _check(up, call.sample_rate, got, record.uplink_rate, least)
    _check(down, record.downlink_rate, heard, call.sample_rate, least)
    assert record.violations == []


@pytest.mark.quiet
@pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
@pytest.mark.parametrize("channel", LEAST_SIMILARITY)
def test_audio_is_whole_both_ways(voice: Voice, channel: str) -> None:
    rows = [row for row in _rows() if row.channel == channel]
    assert {row.service for row in rows} == set(PROVIDERS)
    calls = _begin(voice, rows)
    for number, row in enumerate(rows):
        ready = voice.event("AIConvAIReady", Agent=f"agent{number}")
        assert (ready["UplinkFormat"], ready["DownlinkFormat"]) == (row.to_service, row.to_caller), row
    with ThreadPoolExecutor(len(calls)) as pool:
        checks = [(row, pool.submit(_check_row, row, call, conversation)) for row, call, conversation in calls]
    problems = {f"{row.service} {row.to_service}": check.exception() for row, check in checks if check.exception()}
    assert not problems
