"""The tool collect_digits: a number that the caller presses, which may be for nobody's eyes."""

from __future__ import annotations

import time

import pytest
from exchange import agent_hears, calling, hears_agent
from hearing import agent_heard, level_at
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

CARD = "4929123456781234"
FOREGROUND = "exten => 100,1,AIConvAI(agent)"
BACKGROUND = "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Wait(60)"


def converse(voice: Voice, dialplan: str, **options: object) -> tuple[Call, ThreadedConversation]:
    voice.agent(
        "agent", audio_frames_buffer_ms=20, tool_collect_digits="builtin", tool_pay="gosub:default,pay,1", **options
    )
    voice.dialplan(f"{dialplan}\nexten => pay,1,Set(TOOL_RESULT=${{LEN(${{AICONVAI_DIGITS}})}})\n same => n,Return()")
    voice.apply()
    return voice.call("100"), voice.conversation()


@pytest.mark.parametrize("dialplan", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
def test_the_agent_is_told_the_number(voice: Voice, dialplan: str) -> None:
    call, conversation = converse(voice, dialplan)
    with calling(conversation, "collect_digits", {"count": 10}) as result:
        voice.event("AIConvAIToolCall")
        call.send_dtmf("1234#")
        assert result.result(10.0).result == "The caller pressed 1234."
    keys = voice.event("AIConvAIKeys")
    assert (keys["Keys"], keys["Secret"]) == ("1234", "no")
    assert voice.event("VarSet", Variable="AICONVAI_DIGITS")["Value"] == "1234"
    hears_agent(call, conversation, 900.0)
    agent_hears(conversation, call, 700.0)


def test_a_secret_number_stays_in_the_telephone_system(voice: Voice) -> None:
    call, conversation = converse(voice, FOREGROUND, collect_digits_secret=True, debug=True)
    with calling(conversation, "collect_digits", {"count": 16}) as result:
        voice.event("AIConvAIToolCall")
        began = time.monotonic()
        # As a telephone does that sends its keys as tones, too.
        call.play(tone(697.0, 1.0, 8000, -10.0)).wait()
        call.send_dtmf(CARD, duration_ms=60, pause_ms=60)
        assert result.result(10.0).result == "The caller pressed 16 keys. They are secret: you are not told which."
    assert level_at(agent_heard(conversation, began), 697.0, 8000) < -60.0
    keys = voice.event("AIConvAIKeys")
    assert (keys["Keys"], keys["Secret"], keys["Privilege"]) == (CARD, "yes", "dtmf,all")
    voice.event("VarSet", Variable="AICONVAI_DIGITS", Value=CARD)
    assert conversation.call_tool("pay").result == "16"
    assert all(CARD not in message.text for message in conversation.record.received)
    ours = [line for line in voice.log().splitlines() if "aiconvai" in line.lower() or "collect" in line]
    assert all(CARD not in line for line in ours)
    agent_hears(conversation, call, 700.0)
