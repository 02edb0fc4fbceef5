"""Which call is meant: by its unique id, its channel's name, or the id that the service gave the conversation, which
may be anything.
"""

from __future__ import annotations

import json

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ConversationRecord, ElevenLabsAgent, parse_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk.ami import ManagerError
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

CONTEXT = "For the one who is meant."


def _conversing(voice: Voice) -> tuple[Call, ThreadedConversation]:
    call = voice.call("100")
    conversation = voice.conversation()
    voice.event("AIConvAIReady", ConversationID=conversation.record.id)
    return call, conversation


def _connecting(voice: Voice) -> tuple[Call, ThreadedConversation]:
    """A call whose service has not given the conversation an id yet."""
    call = voice.caller.call("200")
    conversation = voice.mock.next_conversation()
    conversation.wait_initiated()
    return call.wait_answered(), conversation


def _name(voice: Voice, conversation: ThreadedConversation, conversation_id: str) -> None:
    """The service gives it that id."""
    position = voice.asterisk.ami.position()
    formats = {"agent_output_audio_format": "ulaw_8000", "user_input_audio_format": "ulaw_8000"}
    conversation.send_raw(
        json.dumps(
            {
                "type": "conversation_initiation_metadata",
                "conversation_initiation_metadata_event": {"conversation_id": conversation_id, **formats},
            }
        )
    )
    voice.asterisk.ami.wait_for(
        "AIConvAIReady", lambda ready: ready["ConversationID"] == conversation_id, since=position
    )


def _setup(voice: Voice) -> None:
    late = parse_scenario("handshake: {metadata_delay: 30}\nsteps: []")
    voice.agent("honest")
    voice.agent("impostor", ElevenLabsAgent(scenario=late))
    voice.dialplan("exten => 100,1,AIConvAI(honest)\nexten => 200,1,AIConvAI(impostor)")
    voice.apply()


def _contexts(record: ConversationRecord) -> list[str]:
    return [message.text for message in record.received_of(ContextualUpdate)]


@pytest.mark.parametrize("header", ["Uniqueid", "Channel"])
@pytest.mark.fault("service.foreign-ids")
def test_a_conversation_id_takes_nothing_from_another_call(voice: Voice, header: str) -> None:
    """The service of one call names its conversation after another call."""
    _setup(voice)
    _, impostor = _connecting(voice)
    _, honest = _conversing(voice)
    name = voice.event("AIConvAIStart", Agent="honest")[header]
    _name(voice, impostor, name)
    voice.asterisk.ami.action("AIConvAIContext", Channel=name, Text=CONTEXT)
    honest.wait_received(lambda record: _contexts(record) == [CONTEXT])
    assert _contexts(impostor.record) == []
    assert "Agent:              honest" in voice.asterisk.cli(f"aiconvai show call {name}")
    voice.asterisk.ami.action("AIConvAIEnd", Channel=name)
    honest.wait_closed()
    assert impostor.record.close_code is None


@pytest.mark.fault("service.foreign-ids")
def test_two_conversations_of_one_id_are_told_apart_by_their_channels(voice: Voice) -> None:
    _setup(voice)
    _, first = _connecting(voice)
    _name(voice, first, "conv_same")
    mine = voice.event("AIConvAIReady")["Uniqueid"]
    _, other = _connecting(voice)
    _name(voice, other, "conv_other")
    second_call, second = _connecting(voice)
    _name(voice, second, "conv_same")
    with pytest.raises(ManagerError, match="Several calls are known by that"):
        voice.asterisk.ami.action("AIConvAIContext", Channel="conv_same", Text=CONTEXT)
    assert "Several calls are known by 'conv_same'" in voice.asterisk.cli("aiconvai show call conv_same")
    voice.asterisk.ami.action("AIConvAIContext", Channel=mine, Text=CONTEXT)
    first.wait_received(lambda record: _contexts(record) == [CONTEXT])
    assert _contexts(second.record) == []
    second_call.hangup()
    second.wait_closed()
    voice.event("Hangup")
    voice.asterisk.ami.action("AIConvAIContext", Channel="conv_same", Text=CONTEXT)
    first.wait_received(lambda record: _contexts(record) == [CONTEXT] * 2)
