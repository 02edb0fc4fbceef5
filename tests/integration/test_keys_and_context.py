"""The keys a caller presses (RFC 4733) reach the agent as contextual updates, in order and once each."""

from __future__ import annotations

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ConversationRecord, ElevenLabsAgent, load_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

END = "End of the test."


def _setup(voice: Voice, agent: ElevenLabsAgent | None = None, **options: object) -> Call:
    """A call whose keys are told each by itself, unless the options say otherwise."""
    voice.agent("listener", agent, audio_frames_buffer_ms=20, **{"dtmf_interdigit_ms": 0, **options})
    voice.dialplan("exten => 100,1,AIConvAI(listener)")
    voice.apply()
    return voice.call("100")


def _texts(record: ConversationRecord) -> list[str]:
    return [message.text for message in record.received_of(ContextualUpdate)]


def _all_texts(voice: Voice, conversation: ThreadedConversation) -> list[str]:
    """Every contextual update up to one that is sent now, and comes last."""
    voice.asterisk.ami.action("AIConvAIContext", Channel=voice.channel(), Text=END)
    conversation.wait_received(lambda record: END in _texts(record))
    *texts, last = _texts(conversation.record)
    assert last == END
    return texts


def _pressed(keys: str) -> list[str]:
    return [f"The caller pressed the key {key} on the telephone keypad." for key in keys]


def test_keys_reach_the_agent(voice: Voice) -> None:
    call = _setup(voice)
    conversation = voice.conversation()
    call.send_dtmf("15#*0D")
    conversation.wait_received(lambda record: len(_texts(record)) >= 6)
    assert _all_texts(voice, conversation) == _pressed("15#*0D")
    assert not conversation.record.violations


@pytest.mark.parametrize("codec", ["alaw", "g722"])
def test_keys_reach_the_agent_whatever_the_codec(voice: Voice, codec: str) -> None:
    voice.agent("listener", audio_frames_buffer_ms=20, dtmf_interdigit_ms=0)
    voice.dialplan("exten => 100,1,AIConvAI(listener)")
    voice.apply()
    call = voice.call("100", codec)
    conversation = voice.conversation()
    call.send_dtmf("7")
    conversation.wait_received(lambda record: len(_texts(record)) >= 1)
    assert _all_texts(voice, conversation) == _pressed("7")


@pytest.mark.fault("asterisk.keys-40-ms")
def test_fast_keys_are_told_once_each(voice: Voice) -> None:
    """Asterisk puts a key back that comes too soon after the one before, and reads it again."""
    call = _setup(voice)
    conversation = voice.conversation()
    call.send_dtmf("123456789", duration_ms=40, pause_ms=40)
    conversation.wait_received(lambda record: len(_texts(record)) >= 9)
    assert _all_texts(voice, conversation) == _pressed("123456789")


def test_a_number_is_told_at_once_and_whole(voice: Voice) -> None:
    call = _setup(voice, dtmf_interdigit_ms=1000)
    conversation = voice.conversation()
    call.send_dtmf("12345678#", duration_ms=80, pause_ms=170)
    conversation.wait_received(lambda record: len(_texts(record)) >= 1)
    call.send_dtmf("90")
    conversation.wait_received(lambda record: len(_texts(record)) >= 2)
    entered = [f"The caller entered {number} on the telephone keypad." for number in ("12345678", "90")]
    assert _all_texts(voice, conversation) == entered
    voice.event("AIConvAIKeys", Keys="90")
    assert [event["Keys"] for event in voice.events("AIConvAIKeys")] == ["12345678", "90"]


def test_numbers_may_be_for_managers_alone(voice: Voice) -> None:
    call = _setup(voice, dtmf="event", dtmf_interdigit_ms=1000)
    conversation = voice.conversation()
    call.send_dtmf("12#")
    assert voice.event("AIConvAIKeys")["Keys"] == "12"
    assert _all_texts(voice, conversation) == []


def test_keys_pressed_before_the_conversation_are_kept(voice: Voice) -> None:
    scenario = load_scenario("slow_handshake", upgrade_delay=0.3, metadata_delay=0.6)
    call = _setup(voice, ElevenLabsAgent(scenario=scenario))
    call.send_dtmf("42", duration_ms=80, pause_ms=60)
    assert not voice.events("AIConvAIReady")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(_texts(record)) >= 2)
    call.send_dtmf("3")
    conversation.wait_received(lambda record: len(_texts(record)) >= 3)
    assert _all_texts(voice, conversation) == _pressed("423")


def test_keys_are_not_told_where_they_are_not_to_be(voice: Voice) -> None:
    call = _setup(voice, send_dtmf=False)
    conversation = voice.conversation()
    call.send_dtmf("12")
    assert _all_texts(voice, conversation) == []


def test_keys_of_a_bridged_caller_reach_the_agent_and_the_other_party(voice: Voice) -> None:
    voice.agent("listener", audio_frames_buffer_ms=20, dtmf_interdigit_ms=0)
    voice.dialplan(f"exten => 200,1,AIConvAI(listener,b)\n same => n,Goto(5{voice.caller.port},1)")
    voice.apply()
    call = voice.caller.call("200")
    party = voice.caller.wait_incoming()
    party.answer()
    call.wait_answered()
    # Answered is not yet bridged: only a bridge lets the one hear the other.
    party.wait_heard(1)
    conversation = voice.conversation()
    call.send_dtmf("58")
    conversation.wait_received(lambda record: len(_texts(record)) >= 2)
    assert _texts(conversation.record) == _pressed("58")
    party.wait_dtmf("58")
