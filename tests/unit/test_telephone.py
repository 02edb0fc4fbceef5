"""The telephones that callers of tests have."""

from __future__ import annotations

import numpy as np
import pytest

from aiconvai.audio import rms_dbfs, tone
from aiconvai.rig.caller.correlation import find
from aiconvai.rig.talk.telephone import Speakerphone, Telephone, at_level
from aiconvai.speech import speak

SILENCE = np.zeros(0, np.int16)
SPEECH = at_level(speak("The first has a balcony and looks over the garden.", 8000), -20.0)


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
    silence = np.zeros(160, np.int16)
    sent = np.concatenate([speakerphone.sends(silence, SPEECH[at : at + 160]) for at in range(0, 16000, 160)])
    whole = telephone.sends(SPEECH[:16000], SILENCE)
    found = find(whole[2000:12000], sent)
    assert found.position == pytest.approx(2000, abs=2)
    assert found.similarity > 0.9


def test_from_a_headset_nothing_comes_back() -> None:
    with pytest.raises(ValueError, match="no speakerphone"):
        Speakerphone(Telephone(return_loss_db=None))
