"""Calls by the gateway's doors that end in every way: nothing is left of them, neither here nor in Asterisk.

As many as AICONVAI_ENDINGS says (48): docs/gateway.md tells of 1,000.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_gateway_ari
from gateway_program import GatewayProgram
from test_gateway import by_audiosocket
from test_gateway_ari import Rest, cable, rest
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, load_scenario, parse_scenario
from aiconvai.rig.asterisk import Asterisk

__all__ = ["by_audiosocket", "cable", "mock_options", "rest", "voice"]

pytestmark = [pytest.mark.programs, pytest.mark.timeout(900)]

CALLS = int(os.environ.get("AICONVAI_ENDINGS", "48"))
AT_ONCE = 8
SCENARIOS = {
    "echo": load_scenario("echo"),
    "closes": parse_scenario("steps: [{tone: {seconds: 0.1}}, {wait: 0.1}, {close: 1000}]"),
    "drops": load_scenario("drop", seconds=0.2),
    "ends": parse_scenario("steps: [{tool_call: {name: end_call, parameters: {}, wait: false}}, {wait: 5}]"),
    "sends": parse_scenario(
        "steps: [{tool_call: {name: transfer_call, parameters: {destination: desk}, wait: false}}, {wait: 5}]"
    ),
    "rings": parse_scenario(
        "steps: [{tool_call: {name: transfer_call, parameters: {destination: person}}}, {close: 1000}]"
    ),
}
WAYS = ("hangs up", "hangs up at once", "is hung up", *(one for one in SCENARIOS if one != "echo"), "nobody", "refused")
"""By which calls end; those of the agents by their names."""
OPTIONS = {
    "tool_end_call": "builtin", "tool_transfer_call": "builtin", "transfer_to_desk": "default,700,1",
    "transfer_to_person": "dial:NoSuch/200", "max_connection_attempts": 1,
}  # fmt: skip


def agent_of(way: str) -> str:
    return way if way in ("nobody", "refused") or way in SCENARIOS else "echo"


def configure(voice: Voice, program: GatewayProgram) -> None:
    for name, scenario in SCENARIOS.items():
        voice.agent(name, ElevenLabsAgent(scenario=scenario), audio_frames_buffer_ms=20, **OPTIONS)
    voice.agent("refused", agent_id="nobody", max_connection_attempts=1)
    program.reload(voice.configuration())


class Left:
    """What there is now, apart from calls."""

    def __init__(self, program: GatewayProgram, asterisk: Asterisk) -> None:
        assert program.process is not None
        process = Path(f"/proc/{program.process.pid}")
        self.descriptors = len(list((process / "fd").iterdir()))
        self.threads = len(list((process / "task").iterdir()))
        self.channels = asterisk.cli("core show channels count").split(" active channel")[0].split()[-1]
        self.bridges = len(asterisk.cli("bridge show all").strip().splitlines()) - 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Left) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        return str(vars(self))


def come_and_go(voice: Voice, program: GatewayProgram, count: int) -> None:
    """So many, some at once; each is over when this returns."""
    for first in range(0, count, AT_ONCE):
        ways = [WAYS[number % len(WAYS)] for number in range(first, min(first + AT_ONCE, count))]
        calls = [voice.caller.call(f"1{WAYS.index(way)}") for way in ways]
        for way, call in zip(ways, calls, strict=True):
            if way.startswith("hangs up"):
                call.wait_answered()
                call.wait_heard(1 if way.endswith("at once") else 15)
                call.hangup()
        for call in calls:
            if call.alive:
                call.wait_ended(20)
    program.until("/api/live", lambda calls: all(one["ended"] for one in calls))


def check(voice: Voice, program: GatewayProgram) -> None:
    configure(voice, program)
    come_and_go(voice, program, 2 * AT_ONCE)
    before = settled(voice, program, None)
    come_and_go(voice, program, CALLS)
    after = settled(voice, program, before)
    if after != before:
        # Pools of threads and of connections to the database grow once; what is left behind is left every time.
        before = after
        come_and_go(voice, program, CALLS)
        after = settled(voice, program, before)
    assert after == before
    statuses = {one["status"] for one in program.get("/api/calls", limit=50)}
    assert {"COMPLETED", "CALLER_HANGUP", "LOST", "UNAVAILABLE"} <= statuses


def settled(voice: Voice, program: GatewayProgram, wanted: Left | None) -> Left:
    """Once nothing changes any more, or it is as it was."""
    deadline, last = time.monotonic() + 20.0, Left(program, voice.asterisk)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        now = Left(program, voice.asterisk)
        if now == wanted or (wanted is None and now == last and now.channels == "0"):
            return now
        last = now
    return last


def dialplan(application: str) -> str:
    """`{agent}` answers extension 10 and so on, one for each way."""
    text = "exten => 700,1,Hangup()\n"
    for number, way in enumerate(WAYS):
        hang_up = "Set(TIMEOUT(absolute)=1)\n same => n," if way == "is hung up" else ""
        text += f"exten => 1{number},1,Answer()\n same => n,{hang_up}{application.format(agent=agent_of(way))}\n"
        text += " same => n,Hangup()\n"
    return text


@pytest.fixture(scope="module")
def by_ari(cable: test_gateway_ari.Cable, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    program = test_gateway_ari.begun(tmp_path_factory.mktemp("ari"), cable)
    yield program
    assert program.stop() == 0


def test_by_ari(voice: Voice, rest: Rest, by_ari: GatewayProgram) -> None:
    voice.asterisk.set_dialplan(dialplan("Stasis(other-app,{agent})"))
    check(voice, by_ari)
    assert rest.left() == []


@pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
def test_by_audiosocket(voice: Voice, by_audiosocket: GatewayProgram) -> None:
    tell = "Set(UUID=${{UUID()}})\n same => n,UserEvent(AIConvAICall,UUID: ${{UUID}},Agent: {agent})\n same => n,"
    voice.asterisk.set_dialplan(
        dialplan(tell + f"Dial(AudioSocket/127.0.0.1:{by_audiosocket.port}/${{{{UUID}}}}/c(slin),,g)")
    )
    check(voice, by_audiosocket)
