"""The telephones that callers of tests have."""

from __future__ import annotations

import numpy as np
import pytest

from aiconvai.audio import Samples, rms_dbfs, tone
from aiconvai.rig.caller.correlation import find
from aiconvai.rig.talk.telephone import Speakerphone, Telephone, at_level
from aiconvai.speech import speak

SILENCE = np.zeros(0, np.int16)
SPEECH = at_level(speak("The first has a balcony and looks over the garden.", 8000), -20.0)


def _sent(speakerphone: Speakerphone, heard: Samples) -> Samples:
    silence = np.zeros(160, np.int16)
    return np.concatenate([speakerphone.sends(silence, heard[at : at + 160]) for at in range(0, len(heard), 160)])


def test_what_is_heard_comes_back_later_and_weaker() -> None:
    telephone = Telephone(delay_ms=200, return_loss_db=12, reverberation_seconds=0.001, drive=0, noise_dbfs=-90)
    sent = telephone.sends(SPEECH, SILENCE)
    found = find(SPEECH[:8000], sent)
    assert found.position == pytest.approx(1600, abs=2)
    assert found.similarity > 0.9, "but for what a line does not carry"
    assert rms_dbfs(SPEECH[:-1600]) - rms_dbfs(sent) == pytest.approx(12, abs=2.5)
    assert rms_dbfs(sent[:1500]) < -80


def test_what_is_said_goes_out_beside_it() -> None:
    said = tone(1000.0, 1.0, 8000, -20.0)
    sent = Telephone(return_loss_db=None, noise_dbfs=-90).sends(np.zeros(16000, np.int16), said)
    assert rms_dbfs(sent[200:7800]) == pytest.approx(-20.0, abs=1.0)
    assert rms_dbfs(sent[9000:]) < -80


def test_a_speakerphone_does_the_same_as_time_passes() -> None:
    telephone = Telephone(delay_ms=200, drive=0, noise_dbfs=-90)
    speakerphone = Speakerphone(telephone)
    sent = _sent(speakerphone, SPEECH[:16000])
    whole = telephone.sends(SPEECH[:16000], SILENCE)
    found = find(whole[2000:12000], sent)
    assert found.position == pytest.approx(2000, abs=2)
    assert found.similarity > 0.9


def test_from_a_headset_nothing_comes_back() -> None:
    assert rms_dbfs(_sent(Speakerphone(Telephone(return_loss_db=None, noise_dbfs=-90)), SPEECH[:16000])) < -80


def test_what_comes_back_may_come_later_from_some_moment_on() -> None:
    telephone = Telephone(delay_ms=100, reverberation_seconds=0.001, drive=0, noise_dbfs=-90)
    sent = _sent(Speakerphone(telephone, jump_ms=60, jump_after_seconds=1.0), SPEECH[:16000])
    assert find(SPEECH[:4000], sent[:6400]).position == pytest.approx(800, abs=2)
    assert find(SPEECH[9600:12000], sent).position == pytest.approx(9600 + 800 + 480, abs=2)
