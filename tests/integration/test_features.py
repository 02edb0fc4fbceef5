"""Park, pick-up, bridges made and unmade by managers while an agent is on the call; and
operators at work, and no descriptors left, meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from exchange import agent_hears, hears, hears_agent
from hearing import check_pace, spacing_since
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.bench.callers import Callers, Churn
from aiconvai.rig.caller import Call, Caller

AGENT_HZ = 900.0
CALLER_HZ = 600.0
OTHER_HZ = 700.0
MODULES = ("res_parking.so", "app_directed_pickup.so")
PARKING = "[general]\n[default]\nparkext = 700\nparkpos = 701-710\ncontext = parked\nparkingtime = 60\n"
CALLS = 20
OPERATORS_SECONDS = 4.0
MANY_CALLS, MANY_A_SECOND = 1000, 50.0


@pytest.fixture
def voice(make_asterisk: Callable[..., Asterisk], app_module: object) -> Iterator[Voice]:
    asterisk = make_asterisk(
        module=app_module,
        module_config="[general]\n",
        modules=MODULES,
        extra_files={"res_parking.conf": PARKING},
    )
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        yield Voice(asterisk, caller, mock)
        for call in caller.calls():
            if call.alive:
                call.hangup()


def _setup(voice: Voice, dialplan: str, agent: ElevenLabsAgent | None = None, **options: object) -> None:
    voice.agent("agent", agent, audio_frames_buffer_ms=20, **options)
    voice.dialplan(dialplan)
    voice.apply()


def _hangs_up(voice: Voice, call: Call, conversation: ThreadedConversation) -> None:
    """The caller, whom the agent had to the last."""
    call.hangup()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.park")
def test_a_parked_call_keeps_its_agent_in_the_background(voice: Voice) -> None:
    _setup(
        voice,
        "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Park(default,s)\n"
        "exten => 300,1,ParkedCall(default,701)",
    )
    call = voice.call("100")
    conversation = voice.conversation()
    assert voice.event("ParkedCall")["ParkingSpace"] == "701"
    agent_hears(conversation, call, CALLER_HZ)
    colleague = voice.call("300")
    voice.event("BridgeEnter", BridgeNumChannels="2")
    hears(colleague, call, OTHER_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    hears_agent(call, conversation, AGENT_HZ)
    _hangs_up(voice, call, conversation)


@pytest.mark.fault("asterisk.pickup")
def test_who_picks_a_call_up_has_the_caller_and_the_agent_stays(voice: Voice) -> None:
    _setup(
        voice,
        "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Set(__PICKUPMARK=desk)\n"
        f" same => n,Dial(PJSIP/anonymous/sip:party@127.0.0.1:{voice.caller.port},30)\n"
        "exten => 300,1,Pickup(desk@PICKUPMARK)",
    )
    call = voice.call("100")
    conversation = voice.conversation()
    rung = voice.caller.wait_incoming()
    rung.ring()
    voice.event("DialState", DialStatus="RINGING")
    colleague = voice.call("300")
    rung.wait_ended()
    voice.event("BridgeEnter", BridgeNumChannels="2")
    hears(colleague, call, OTHER_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    hears_agent(call, conversation, AGENT_HZ)
    _hangs_up(voice, call, conversation)


@pytest.mark.fault("asterisk.unbridge")
def test_an_agent_in_the_background_stays_when_the_bridge_is_destroyed(voice: Voice) -> None:
    _setup(
        voice,
        "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n"
        f" same => n,Dial(PJSIP/anonymous/sip:party@127.0.0.1:{voice.caller.port},30,g)\n"
        " same => n,UserEvent(Alone)\n same => n,Wait(60)",
    )
    call = voice.call("100")
    conversation = voice.conversation()
    voice.caller.wait_incoming().answer()
    bridge = voice.event("BridgeEnter", BridgeNumChannels="2")["BridgeUniqueid"]
    agent_hears(conversation, call, CALLER_HZ)
    voice.asterisk.ami.action("BridgeDestroy", BridgeUniqueid=bridge)
    voice.event("UserEvent", UserEvent="Alone")
    agent_hears(conversation, call, CALLER_HZ)
    hears_agent(call, conversation, AGENT_HZ)
    _hangs_up(voice, call, conversation)


@pytest.mark.fault("asterisk.bridge-foreground")
def test_a_manager_bridges_a_call_away_from_its_agent(voice: Voice) -> None:
    _setup(voice, "exten => 100,1,AIConvAI(agent)")
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, CALLER_HZ)
    channel = voice.channel()
    other = voice.call("wait")
    (name,) = [one for one in voice.asterisk.channels() if one != channel]
    voice.asterisk.ami.action("Bridge", Channel1=channel, Channel2=name)
    conversation.wait_closed()
    # Asterisk takes the caller out of the application's channel and hangs that up: a hang-up is all that it tells.
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    voice.event("BridgeEnter", BridgeNumChannels="2")
    hears(other, call, CALLER_HZ)
    hears(call, other, OTHER_HZ)
    assert call.alive
    assert "0 calls" in voice.asterisk.cli("aiconvai show calls")


@pytest.mark.quiet
@pytest.mark.fault("asterisk.operators")
def test_operators_at_work_are_noticed_by_none_of_twenty_calls(voice: Voice) -> None:
    echo = ElevenLabsAgent(scenario=load_scenario("echo"))
    _setup(voice, "exten => 100,1,AIConvAI(agent)", echo)
    watched = voice.call("echo")
    calls = [voice.call("100") for _ in range(CALLS)]
    conversations = [voice.conversation() for _ in calls]
    watched.wait_heard(25)
    began = time.monotonic()
    slowest = 0.0
    commands = {
        "module reload app_aiconvai.so": "",
        "module unload app_aiconvai.so": "Unable to unload",
        "logger rotate": "",
        "aiconvai reload": "Loaded",
        "core show channels": f"{CALLS + 1} active channels",
        "aiconvai show calls": f"{CALLS} calls",
    }
    rounds = 0
    while time.monotonic() < began + OPERATORS_SECONDS:
        for command, expected in commands.items():
            asked = time.monotonic()
            assert expected in voice.asterisk.cli(command), command
            slowest = max(slowest, time.monotonic() - asked)
        rounds += 1
    assert rounds >= 3
    assert slowest < 1.0
    check_pace(spacing_since(watched, began))
    assert all(call.alive for call in calls)
    assert all(conversation.record.close_code is None for conversation in conversations)
    for call in (*calls, watched):
        call.hangup()
    for conversation in conversations:
        conversation.wait_closed()
        assert not conversation.record.violations


@pytest.mark.endurance
@pytest.mark.alone
@pytest.mark.timeout(300)
@pytest.mark.fault("asterisk.thousand-calls")
def test_a_thousand_calls_at_fifty_a_second(voice: Voice) -> None:
    """Each of half a second; every one has its end, and Echo() beside them loses nothing."""
    _setup(voice, "exten => 100,1,AIConvAI(agent)")
    churn = Churn("100", rate=MANY_A_SECOND, seconds=0.5)
    asterisk = voice.asterisk
    with Callers(asterisk.host, asterisk.sip_port, "echo", 1, churn=churn) as callers:
        callers.wait_up()
        callers.mark()
        time.sleep(MANY_CALLS / MANY_A_SECOND)
        mark = callers.mark()
    gone = [one for one in callers.ended if one.churn]
    assert len(gone) >= 0.95 * MANY_CALLS
    assert mark is not None
    assert mark.missing == 0
    asterisk.wait_unused(10.0)
    begun = len(voice.events("AIConvAIStart"))
    ends = [event["Status"] for event in voice.events("AIConvAIEnd")]
    assert begun >= 0.95 * MANY_CALLS
    assert len(ends) == begun
    assert set(ends) == {"CALLER_HANGUP"}
    assert "0 calls" in asterisk.cli("aiconvai show calls")
