"""What a connection to a real manager tells of a call, as events with types."""

from __future__ import annotations

import asyncio

import pytest
from voice import Voice, mock_options, voice

from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.serve.events import CallEvent, Ended, Started, ToolDone, Transcript, read_event
from aiconvai.serve.manager import Manager, ManagerError, ManagerSettings

__all__ = ["mock_options", "voice"]


async def _until_the_end(manager: Manager) -> list[CallEvent]:
    seen: list[CallEvent] = []
    async for headers in manager.events():
        event = read_event(headers)
        seen += [event] if event is not None else []
        if isinstance(event, Ended):
            break
    return seen


def _talk(voice: Voice) -> None:
    call = voice.call()
    conversation = voice.conversation()
    conversation.caller_said("Où est “mon” colis?")
    conversation.start_tool("look", {"number": 7})
    asked = voice.event("AIConvAIToolCall")
    result = {"Channel": voice.channel(), "ToolCallID": asked["ToolCallID"], "Result": "on its way"}
    voice.asterisk.ami.action("AIConvAIToolResult", **result)
    voice.event("AIConvAIToolDone")
    call.hangup()


def test_a_call_is_followed(voice: Voice, asterisk: Asterisk) -> None:
    voice.agent("agent", tool_look="ami")
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()

    async def follow() -> list[CallEvent]:
        settings = ManagerSettings(port=asterisk.ami_port, user=AMI_USER, secret=AMI_SECRET)
        async with await Manager.connect(settings) as manager:
            listening = asyncio.create_task(_until_the_end(manager))
            await asyncio.to_thread(_talk, voice)
            return await asyncio.wait_for(listening, 10.0)

    events = asyncio.run(follow())
    assert isinstance(events[0], Started)
    assert len({event.record for event in events}) == 1
    (said,) = [event for event in events if isinstance(event, Transcript)]
    assert (said.role, said.text) == ("caller", "Où est “mon” colis?")
    (done,) = [event for event in events if isinstance(event, ToolDone)]
    assert (done.name, done.result, done.error) == ("look", "on its way", False)
    end = events[-1]
    assert isinstance(end, Ended)
    assert end.status == "CALLER_HANGUP"
    assert end.duration_ms > 0


def test_who_has_the_wrong_secret_is_told_so(asterisk: Asterisk) -> None:
    settings = ManagerSettings(port=asterisk.ami_port, user=AMI_USER, secret="wrong")
    with pytest.raises(ManagerError, match="Login: Authentication failed"):
        asyncio.run(Manager.connect(settings))
