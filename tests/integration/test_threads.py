"""The module's threads in Asterisk, under ThreadSanitizer: what is reported of the module's own code fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from voice import Voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario, parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, ManagerError, build_module
from aiconvai.rig.caller import Call, Caller

ROUNDS = 3
PATIENT_SECONDS = 30.0
"""Everything is some five times slower."""

DIALPLAN = """\
exten => foreground,1,AIConvAI(echo)
exten => background,1,Answer()
 same => n,AIConvAI(talk,b)
 same => n,Set(JITTERBUFFER(fixed)=default)
 same => n,Wait(60)
exten => music,1,AIConvAI(talk,m(default))
exten => local,1,Dial(Local/foreground@default/n)
exten => elsewhere,1,Wait(60)
exten => pause,1,Wait(0.5)
 same => n,Return()
"""
KINDS = ("foreground", "background", "music", "local")
TALKING = "steps: [{repeat: {steps: [{tone: {seconds: 1, pace: realtime, chunk_ms: 20}}, {wait: 0.3}]}}]"


@pytest.fixture(scope="session")
def asterisk_version() -> AsteriskVersion:
    """The version with the newer compiler."""
    return 22


@pytest.fixture
def voice(make_asterisk: Callable[..., Asterisk]) -> Iterator[Voice]:
    asterisk = make_asterisk(
        module=build_module(22, sanitizer="thread"),
        sanitizer="thread",
        module_config="[general]\nnetwork_threads=2\n",
        modules=("func_jitterbuffer.so",),
    )
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        yield Voice(asterisk, caller, mock)


@pytest.mark.timeout(240)
def test_calls_of_every_kind_end_in_every_way(voice: Voice) -> None:
    voice.general["network_threads"] = "2"
    voice.agent(
        "echo", ElevenLabsAgent(scenario=load_scenario("echo")), audio_frames_buffer_ms=20,
        tool_pause="gosub:default,pause", tool_wait_sound="default",
    )  # fmt: skip
    voice.agent("talk", ElevenLabsAgent(scenario=parse_scenario(TALKING)))
    voice.dialplan(DIALPLAN)
    voice.apply()
    for _ in range(ROUNDS):
        calls = [voice.caller.call(kind).wait_answered(PATIENT_SECONDS) for kind in KINDS * 2]
        conversations = [voice.conversation() for _ in calls]
        _converse(voice, calls, conversations)
        _end(voice, calls)
        for conversation in conversations:
            conversation.wait_closed(PATIENT_SECONDS)


def _converse(voice: Voice, calls: list[Call], conversations: list[ThreadedConversation]) -> None:
    """All speak and hear, agents are interrupted and call tools, and operators look on."""
    for call in calls:
        call.wait_heard(5, PATIENT_SECONDS)
        call.play(tone(600.0, 0.3, 8000))
        call.send_dtmf("1")
    for conversation in conversations:
        conversation.start_tool("pause")
        conversation.interrupt()
    for channel in voice.asterisk.channels():
        voice.asterisk.cli(f"aiconvai show call {channel}")
    voice.asterisk.cli("aiconvai show calls")
    voice.asterisk.cli("aiconvai show stats")
    for call in calls:
        call.wait_heard(50, PATIENT_SECONDS)


def _end(voice: Voice, calls: list[Call]) -> None:
    """By the manager, by a redirect, and by the callers."""
    hung_up, redirected, *_ = [name for name in voice.asterisk.channels() if name.startswith("PJSIP")]
    voice.asterisk.ami.action("Hangup", Channel=hung_up)
    with suppress(ManagerError):  # it may be over, with that one
        voice.asterisk.ami.action("Redirect", Channel=redirected, Context="default", Exten="elsewhere", Priority=1)
    for call in calls:
        if call.alive:
            call.hangup()
