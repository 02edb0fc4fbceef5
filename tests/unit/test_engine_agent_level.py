"""How loud the agent is made: whatever its service and voice, as the line has it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_host import PUBLIC, ULAW, Host, audio
from test_engine_echo_guard import agent_says

from aiconvai.audio import FULL_SCALE, Samples, decode, encode
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.rig.talk.telephone import at_level

FORMATS = {"ulaw_8000": ULAW, "pcm_16000": AudioFormat(Encoding.PCM16, 16000)}
SPOKEN = 10 ** (-50 / 20) * FULL_SCALE


def host_of(form: str = "ulaw_8000", **options: Any) -> Host:
    host = Host(PUBLIC, line_format=FORMATS[form], **options)
    host.start("ulaw_8000")
    return host


def heard(host: Host, said: Samples, chunk: int = 2000, form: str = "ulaw_8000") -> Samples:
    """What the caller hears of what the service sends in such chunks, at 8 kHz."""
    for number, at in enumerate(range(0, said.size, chunk)):
        host.say(audio(number + 1, encode(said[at : at + chunk], "ulaw_8000")))
    return decode(host.play(), form)[:: 2 if form == "pcm_16000" else 1]


def level_dbfs(samples: Samples) -> float:
    """Of what is spoken of it, block by block."""
    blocks = samples[: samples.size // 40 * 40].astype(float).reshape(-1, 40)
    squares = np.mean(np.square(blocks), axis=1)
    return float(10 * np.log10(np.mean(squares[squares > SPOKEN**2]) / FULL_SCALE**2))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("came_dbfs", [-34.0, -26.0, -12.0])
def test_soft_and_loud_agents_are_one_level(came_dbfs: float, form: str) -> None:
    said = at_level(agent_says(4.0), came_dbfs)
    came = heard(host_of(form, agent_level_dbfs=-20), said, form=form)
    assert level_dbfs(came) == pytest.approx(-20.0, abs=2.0)
    assert level_dbfs(came[:4000]) == pytest.approx(level_dbfs(came), abs=5.0), "from the first word on"


def test_nothing_is_done_by_itself() -> None:
    said = at_level(agent_says(1.0), -34.0)
    assert np.array_equal(heard(host_of(), said), decode(encode(said, "ulaw_8000"), "ulaw_8000"))


def test_nothing_is_clipped() -> None:
    """Speech has peaks 15 dB above its level."""
    came = heard(host_of("pcm_16000", agent_level_dbfs=-6), at_level(agent_says(3.0), -20.0), form="pcm_16000")
    assert np.abs(came.astype(int)).max() <= 0.9 * FULL_SCALE
    peaks = np.abs(came.astype(int)) >= 0.885 * FULL_SCALE
    assert np.count_nonzero(peaks[1:] & peaks[:-1]) < came.size / 500, "a peak is a sample, not a plateau"


def test_silence_stays_silent() -> None:
    came = heard(host_of(agent_level_dbfs=-20), np.zeros(8000, np.int16))
    assert np.abs(came.astype(int)).max() == 0


def test_a_whisper_is_not_made_all_that_loud() -> None:
    came = heard(host_of(agent_level_dbfs=-10), at_level(agent_says(2.0), -42.0))
    assert level_dbfs(came) == pytest.approx(-22.0, abs=2.0)


@pytest.mark.parametrize("chunk", [20, 37, 160, 16000])
def test_pieces_join_without_a_jump(chunk: int) -> None:
    """A steady sound stays one: what is louder or softer from one sample to the next is heard as a click."""
    steady = np.full(16000, 1000, np.int16)
    steady[::2] = -1000
    came = np.abs(heard(host_of("pcm_16000", agent_level_dbfs=-20), steady, chunk, "pcm_16000").astype(float))
    inner = came[400:-400]
    assert np.max(np.abs(np.diff(inner))) < 0.05 * np.max(inner)


def test_the_next_turn_begins_as_the_last_one_ended() -> None:
    host = host_of(agent_level_dbfs=-20)
    heard(host, at_level(agent_says(3.0), -34.0))
    host.wait(seconds=5)
    again = heard(host, at_level(agent_says(3.0), -34.0)[12000:14000])
    assert level_dbfs(again) == pytest.approx(-20.0, abs=5.0)
