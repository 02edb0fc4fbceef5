"""A call that is silent says why: in the log, to managers, in `show call`, and in AICONVAI_REASON."""

from __future__ import annotations

import numpy as np
import pytest
from outcome import REPORT, outcome
from voice import Voice, mock_options, voice

__all__ = ["mock_options", "voice"]

DIALPLAN = f"exten => 100,1,AIConvAI(agent,c)\n same => n,{REPORT}"


def begin(voice: Voice, **options: object) -> None:
    voice.agent("agent", **options)
    voice.dialplan(DIALPLAN)
    voice.apply()


@pytest.mark.fault("asterisk.no-rtp")
def test_no_packet_comes_from_the_caller(voice: Voice) -> None:
    begin(voice)
    call = voice.call(send_silence=False)
    conversation = voice.conversation()
    told = voice.event("AIConvAITrouble", Trouble="no_caller_audio")
    assert told["Message"] == "no audio has come from the caller at all, for 3 s"
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert "Trouble:            no audio has come from the caller at all, for " in report
    conversation.close()
    ended = outcome(voice)
    assert "; no audio has come from the caller at all, for " in ended.reason
    assert voice.event("AIConvAIEnd")["Reason"] == ended.reason
    call.wait_ended()
    assert len(voice.events("AIConvAITrouble")) == 1
    assert voice.log().count(": agent agent: no audio has come from the caller at all, for 3 s") == 1


def test_the_agents_audio_is_silent(voice: Voice) -> None:
    begin(voice)
    call = voice.call()
    conversation = voice.conversation()
    conversation.send_audio(np.zeros(6 * 8000, np.int16), event_id=1, chunk_ms=500)
    told = voice.event("AIConvAITrouble", Trouble="silent_agent")
    assert told["Message"] == "the agent sends audio that is silent: -99 dBFS in 6 s"
    conversation.close()
    assert outcome(voice).reason.endswith(told["Message"])
    call.wait_ended()


def test_a_call_in_which_nothing_is_amiss_says_nothing(voice: Voice) -> None:
    begin(voice, idle_audio="silence")
    call = voice.call()
    conversation = voice.conversation()
    voice.event("AIConvAIReady")
    call.wait_heard(300, timeout=12.0)
    assert "Trouble:" not in voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    conversation.close()
    assert "; " not in outcome(voice).reason
    call.wait_ended()
    assert voice.events("AIConvAITrouble") == []
