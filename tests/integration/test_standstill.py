"""Nothing that one call does makes another wait: agents that talk with each other, channels that somebody holds, a
dialplan that takes its time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import hindering
from exchange import agent_hears, hears_agent
from hearing import check_pace, spacing_since
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller
from aiconvai.rig.caller.codecs import PACKET_MS

__all__ = ["hindering", "mock_options", "voice"]

PAIRS = 8
NETWORK_THREADS = 4
PAIRS_SECONDS = float(os.environ.get("AICONVAI_PAIRS_SECONDS", "10"))
"""How long the pairs talk; ten minutes are for a run by hand."""

TALKING = "steps: [{repeat: {steps: [{tone: {seconds: 1, pace: realtime, chunk_ms: 20}}]}}]"
TRANSFERRING = "steps: [{tool_call: {name: transfer_call, parameters: {destination: slow}, wait: false}}]"
HOLD_MS = 3000
LOOKUP_MS = 2000
LOOKUPS_AT_MOST = 15

DIALPLAN = """\
exten => 100,1,AIConvAI(agent)
exten => 200,1,AIConvAI(agent,b)
 same => n,Wait(60)
exten => 300,1,Dial(Local/100@default/n)
exten => 400,1,Answer()
 same => n,Echo()
"""


def _setup(voice: Voice, agent: ElevenLabsAgent | None = None, dialplan: str = DIALPLAN, **options: object) -> None:
    voice.agent("agent", agent, audio_frames_buffer_ms=20, **options)
    voice.dialplan(dialplan)
    voice.apply()


def _watched(call: Call) -> Call:
    """A call that gets a packet back for each it sends."""
    call.wait_heard(25)
    return call


def _check_watched(call: Call, began: float, seconds: float) -> None:
    spacing = spacing_since(call, began)
    assert len(spacing) >= seconds * 1000 / PACKET_MS - 15
    check_pace(spacing)


def _cli_seconds(asterisk: Asterisk) -> float:
    began = time.monotonic()
    asterisk.cli("core show uptime")
    return time.monotonic() - began


def _is_heard_by(conversation: ThreadedConversation, seconds: float) -> float:
    """The share of the last seconds in which caller audio came to the agent."""
    since = time.monotonic() - seconds
    record = conversation.record
    return sum(len(chunk.data) for chunk in list(record.uplink) if chunk.time >= since) / (seconds * 8000)


@pytest.mark.fault("asterisk.agents-on-both-ends")
@pytest.mark.alone
def test_agents_on_both_halves_of_a_local_channel_talk_with_each_other(
    make_asterisk: Callable[..., Asterisk], app_module: Path
) -> None:
    """Each half writes to the other, which writes back: on several threads, as a busy machine has them."""
    asterisk = make_asterisk(module=app_module, module_config=f"[general]\nnetwork_threads={NETWORK_THREADS}\n")
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        voice = Voice(asterisk, caller, mock)
        voice.general["network_threads"] = str(NETWORK_THREADS)
        # The service ends a conversation of ten minutes.
        agent = ElevenLabsAgent(scenario=parse_scenario(TALKING), max_duration_seconds=PAIRS_SECONDS + 60.0)
        _setup(voice, agent)
        watched = _watched(voice.call("400"))
        for _ in range(PAIRS):
            asterisk.ami.action(
                "Originate", Channel="Local/100@default/n", Application="AIConvAI", Data="agent", Async="true"
            )
        conversations = [voice.conversation() for _ in range(2 * PAIRS)]
        began = time.monotonic()
        slowest = 0.0
        while time.monotonic() < began + PAIRS_SECONDS:
            slowest = max(slowest, _cli_seconds(asterisk))
            time.sleep(0.5)
        assert slowest < 1.0
        assert all(conversation.record.close_code is None for conversation in conversations)
        shares = [_is_heard_by(conversation, 5.0) for conversation in conversations]
        assert min(shares) > 0.9, shares
        _check_watched(watched, began, PAIRS_SECONDS)
        for name in asterisk.channels():
            if name.startswith("Local/") and name.endswith(";1"):
                asterisk.ami.action("Hangup", Channel=name)
        for conversation in conversations:
            conversation.wait_closed()
        watched.hangup()


@pytest.mark.fault("asterisk.write-blocks")
def test_who_holds_the_other_half_of_a_local_channel_stops_nobody_else(voice: Voice, hindering: Asterisk) -> None:
    _setup(voice, ElevenLabsAgent(scenario=parse_scenario(TALKING)))
    behind_local = voice.call("300")
    voice.conversation()
    behind_local.wait_heard(10)
    other = voice.call("100")
    voice.conversation()
    other.wait_heard(25)
    # The agent is on the other one: what it says is queued on this one.
    (name,) = [name for name in hindering.channels() if name.endswith(";1")]
    began = time.monotonic()
    assert "held" in hindering.cli(f"hinder {name} {HOLD_MS}")
    time.sleep(HOLD_MS / 1000 + 0.5)
    spacing = spacing_since(other, began)
    assert len(spacing) > HOLD_MS / PACKET_MS
    check_pace(spacing)
    # And the one that was held goes on.
    heard = len(behind_local.heard)
    behind_local.wait_heard(heard + 25)


@pytest.mark.fault("asterisk.slow-switch")
def test_a_transfer_that_the_dialplan_looks_up_for_long_stops_nobody_else(voice: Voice, hindering: Asterisk) -> None:
    """Agents in the background transfer their calls into a context with a switch that takes its time."""
    tools = {"tool_transfer_call": "builtin", "transfer_to_slow": "slow,200,1"}
    scenario = parse_scenario(TRANSFERRING)
    voice.agent("talker", ElevenLabsAgent(scenario=parse_scenario(TALKING)), audio_frames_buffer_ms=20)
    _setup(
        voice,
        ElevenLabsAgent(scenario=scenario),
        DIALPLAN + f"exten => 500,1,AIConvAI(talker)\n[slow]\nswitch => Slow/{LOOKUP_MS}\n",
        **tools,
    )
    watched = _watched(voice.call("400"))
    talking = voice.call("500")
    voice.conversation()
    talking.wait_heard(25)
    began = time.monotonic()
    calls = [voice.call("200") for _ in range(3)]
    slowest = 0.0
    while time.monotonic() < began + LOOKUP_MS / 1000 * 2:
        slowest = max(slowest, _cli_seconds(voice.asterisk))
        time.sleep(0.1)
    assert slowest < 1.0
    check_pace(spacing_since(talking, began))
    _check_watched(watched, began, LOOKUP_MS / 1000 * 2)
    for _ in calls:
        assert voice.event("AIConvAIEnd", Agent="agent")["Transfer"] == "slow"
    # One thread asks the dialplan for all three, one after the other, and Asterisk asks again. None of them hangs up
    # while it is still being sent there.
    voice.wait_for_log(r"(?s)(The switch Slow has the call.*?){3}", LOOKUPS_AT_MOST * LOOKUP_MS / 1000)
    assert all(call.alive for call in calls)
    # Asterisk looks for the extension h before it lets go of them.
    for call in (*calls, talking, watched):
        call.hangup()
    until = time.monotonic() + LOOKUPS_AT_MOST * LOOKUP_MS / 1000
    while voice.asterisk.channels() and time.monotonic() < until:
        time.sleep(0.1)


@pytest.mark.fault("asterisk.write-blocks")
def test_an_agent_is_answered_while_a_local_channel_is_held(voice: Voice, hindering: Asterisk) -> None:
    """New calls begin, and old ones end, while one is held."""
    _setup(voice)
    held = voice.call("300")
    voice.conversation()
    (name,) = [name for name in hindering.channels() if name.endswith(";2")]
    assert "held" in hindering.cli(f"hinder {name} {HOLD_MS}")
    began = time.monotonic()
    call = voice.call("100")
    conversation = voice.conversation()
    agent_hears(conversation, call, 600.0)
    hears_agent(call, conversation, 900.0)
    call.hangup()
    conversation.wait_closed()
    assert time.monotonic() < began + HOLD_MS / 1000
    assert held.alive
