"""The gateway is killed and begun anew under many calls: those of the module do not notice, its own go on in the
dialplan with a status, and the next ones are answered.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import test_gateway
import test_gateway_ari
from exchange import agent_hears, hears_agent
from gateway_program import GatewayProgram
from test_gateway import by_audiosocket
from test_gateway_ari import Cable, Rest, cable, rest
from voice import Voice, mock_options, voice

__all__ = ["by_audiosocket", "cable", "mock_options", "rest", "voice"]

pytestmark = [pytest.mark.alone, pytest.mark.timeout(300)]

CALLS = 50
AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
LOST = ("LOST", "the gateway is gone")


def check(voice: Voice, program: GatewayProgram, way: Callable[[], str]) -> None:
    """`way`: what the dialplan says to reach the gateway's agent, as it listens now."""
    for name in ("sales", "own"):
        voice.agent(name, audio_frames_buffer_ms=20)
    program.reload(voice.configuration())

    def dialplan() -> str:
        call = f"exten => 100,1,Answer()\n same => n,{way()}\n same => n,{test_gateway.NEXT}\n same => n,Wait(60)\n"
        return f"{call}exten => 200,1,AIConvAI(own)"

    voice.dialplan(dialplan())
    voice.apply()
    own, conversation = voice.call("200"), voice.conversation()
    calls = [voice.caller.call("100", send_silence=False, record=False) for _ in range(CALLS)]
    for call in calls:
        call.wait_answered(30)
    for _ in calls:
        voice.conversation(30)
    program.until("/api/live", lambda live: sum(_is_here(one) for one in live) == CALLS)
    program.stop(signal.SIGKILL)
    # What is another's is not disturbed.
    hears_agent(own, conversation, AGENT_HZ)
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    agent_hears(conversation, own, CALLER_HZ)
    deadline = time.monotonic() + 30
    while len(went_on := _went_on(voice)) < CALLS:
        assert time.monotonic() < deadline, len(went_on)
        time.sleep(0.1)
    assert [(one["Status"], one["Why"]) for one in went_on] == [LOST] * CALLS
    assert all(call.alive for call in (own, *calls))
    for call in calls:
        call.hangup()
    voice.asterisk.set_dialplan(dialplan())
    another, answered = voice.call("100"), voice.conversation()
    hears_agent(another, answered, AGENT_HZ)
    for call in (another, own):
        call.hangup()


def _went_on(voice: Voice) -> list[Mapping[str, str]]:
    return [one for one in voice.events("UserEvent") if one["UserEvent"] == "Next"]


def _is_here(live: Mapping[str, Any]) -> bool:
    """Whether a call is the gateway's, and goes on."""
    return (live["asterisk"], live["phase"]) == ("gateway", "talking")


@pytest.fixture
def by_ari(cable: Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    program = test_gateway_ari.begun(tmp_path_factory.mktemp("ari"), cable, rtp_ports=4 * CALLS)
    yield program
    assert program.stop() == 0


@pytest.mark.fault("beside.gateway-killed")
def test_by_ari(voice: Voice, rest: Rest, by_ari: GatewayProgram) -> None:
    check(voice, by_ari, lambda: "Stasis(test-app)")
    deadline = time.monotonic() + 10
    while left := rest.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
@pytest.mark.fault("beside.gateway-killed")
def test_by_audiosocket(voice: Voice, by_audiosocket: GatewayProgram) -> None:
    tell = "Set(UUID=${UUID()})\n same => n,UserEvent(AIConvAICall,UUID: ${UUID},Agent: sales)\n same => n,"
    dial = "Dial(AudioSocket/127.0.0.1:{}/${{UUID}}/c(slin),,g)"
    check(voice, by_audiosocket, lambda: tell + dial.format(by_audiosocket.port))
