"""Each kind of media that `aiconvai gateway` has by ARI, at a real Asterisk: what is heard, and what is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from exchange import LEVEL_DBFS, agent_hears, agent_says, hears_agent
from gateway_program import GatewayProgram
from hearing import agent_audio, agent_heard, level_at, seconds_of, sounding, wait_until_agent_heard
from test_gateway_ari import AGENT_HZ, CALLER_HZ, Rest, dialplan, rest
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "rest", "voice"]

pytestmark = pytest.mark.programs

HIGH_HZ = 5200.0
"""Only wide band carries it."""
NEWER = ("res_audiosocket", "chan_audiosocket", "chan_websocket")


@dataclass(frozen=True, slots=True)
class Medium:
    """As serve.toml has it; `channel`: what Asterisk calls its channels."""

    media: str
    wide: bool
    channel: str
    first_version: int = 16

    def __str__(self) -> str:
        return f"{self.media}-{'wide' if self.wide else 'narrow'}"


MEDIA = (
    Medium("rtp", False, "UnicastRTP/"),
    Medium("rtp", True, "UnicastRTP/"),
    Medium("audiosocket", True, "AudioSocket/", 22),
    Medium("audiosocket", False, "AudioSocket/", 22),
    Medium("websocket", True, "WebSocket/", 22),
    Medium("websocket", False, "WebSocket/", 22),
)


@pytest.fixture(scope="module")
def modules(asterisk: Asterisk, rest: Rest) -> Rest:
    """All that media needs, loaded."""
    for name in ("res_ari_asterisk", *(NEWER if asterisk.version >= 22 else ())):
        load(asterisk, name)
    return rest


def load(asterisk: Asterisk, name: str) -> None:
    if "Running" not in asterisk.cli(f"module show like {name}.so"):
        loaded = asterisk.cli(f"module load {name}.so")
        assert "Loaded" in loaded, (name, loaded)


def begun(folder: Path, rest: Rest, media: str, wide: bool = True) -> GatewayProgram:
    first = free_port(and_behind_it=21) + 1 & ~1
    own = (
        f'[gateway.ari.pbx]\nurl = "{rest.url}"\nuser = "{ARI_USER}"\nsecret = "{ARI_PASSWORD}"\n'
        f'rtp_ports = [{first}, {first + 20}]\nmedia = "{media}"\nwide = {str(wide).lower()}\n'
        '[gateway.ari.pbx.apps]\ntest-app = "sales"\n'
    )
    program = GatewayProgram(folder, "[general]\n", more=own)
    program.start()
    program.until("/health", lambda health: health["status"] == "healthy")
    return program


@pytest.fixture(scope="module", params=MEDIA, ids=str)
def medium(request: pytest.FixtureRequest, asterisk: Asterisk) -> Medium:
    one: Medium = request.param
    if asterisk.version < one.first_version:
        pytest.skip(f"Asterisk {asterisk.version} has no {one.media}")
    return one


@pytest.fixture(scope="module")
def running(medium: Medium, modules: Rest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProgram]:
    program = begun(tmp_path_factory.mktemp("gateway"), modules, medium.media, medium.wide)
    yield program
    assert program.stop() == 0


@pytest.fixture
def program(running: GatewayProgram, rest: Rest) -> Iterator[GatewayProgram]:
    yield running
    nothing_is_left(rest)


def nothing_is_left(rest: Rest) -> None:
    deadline = time.monotonic() + 10
    while left := rest.left():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def answered(voice: Voice, codec: str = "g722") -> tuple[Call, ThreadedConversation]:
    voice.asterisk.set_dialplan(dialplan())
    return voice.call("100", codec), voice.conversation()


def ready(voice: Voice, program: GatewayProgram, *, wide: bool = True, **options: object) -> None:
    """An agent whose audio is of that width."""
    agent = ElevenLabsAgent(input_format="pcm_16000", output_format="pcm_16000") if wide else ElevenLabsAgent()
    voice.agent("sales", agent, audio_frames_buffer_ms=20, **options)
    program.reload(voice.configuration())


def media_channel(rest: Rest) -> str:
    (name,) = [one["name"] for one in rest.get("/channels") if one["id"].startswith("aiconvai-")]
    return str(name)


def high_levels(call: Call, conversation: ThreadedConversation) -> tuple[float, float]:
    """Of a tone of HIGH_HZ, each way: as the agent and as the caller heard it."""
    began = time.monotonic()
    # Something low beside it is heard in narrow band, too.
    low = tone(CALLER_HZ, 0.5, call.sample_rate, LEVEL_DBFS - 8)
    call.play(low + tone(HIGH_HZ, 0.5, call.sample_rate, LEVEL_DBFS)).wait()
    wait_until_agent_heard(conversation, began)
    up = level_at(sounding(agent_heard(conversation, began), 16_000), HIGH_HZ, 16_000)
    before = len(agent_audio(call))
    low = tone(AGENT_HZ, 0.5, 16_000, LEVEL_DBFS - 8)
    conversation.send_audio(low + tone(HIGH_HZ, 0.5, 16_000, LEVEL_DBFS), conversation.current_event_id + 1)
    first = call.wait_for_sound(since=time.monotonic() - 0.02)
    call.wait_for_silence(duration_ms=100, since=first)
    down = level_at(sounding(agent_audio(call)[before:], call.sample_rate), HIGH_HZ, call.sample_rate)
    return up, down


def test_a_caller_of_wide_band_and_an_agent_hear_each_other(
    voice: Voice, rest: Rest, program: GatewayProgram, medium: Medium
) -> None:
    ready(voice, program)
    call, conversation = answered(voice)
    assert media_channel(rest).startswith(medium.channel)
    up, down = high_levels(call, conversation)
    if medium.wide:
        assert (up, down) == (pytest.approx(LEVEL_DBFS, abs=2.0), pytest.approx(LEVEL_DBFS, abs=2.0))
    else:
        assert max(up, down) < LEVEL_DBFS - 25
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "COMPLETED"
    call.hangup()


def test_a_caller_of_narrow_band_hears_every_sample(
    voice: Voice, rest: Rest, program: GatewayProgram, medium: Medium
) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20)
    program.reload(voice.configuration())
    call, conversation = answered(voice, "ulaw")
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()
    conversation.wait_closed()


def test_an_interruption_silences_the_agent(voice: Voice, program: GatewayProgram, medium: Medium) -> None:
    ready(voice, program, wide=medium.wide, interruption="service")
    call, conversation = answered(voice)
    agent_says(conversation, AGENT_HZ, 5.0)
    call.wait_for_sound()
    time.sleep(0.8)
    conversation.interrupt(conversation.current_event_id)
    program.until("/api/live", lambda calls: calls[-1]["interruptions"] == 1)
    call.wait_for_silence(duration_ms=500, timeout=1.0, since=time.monotonic())
    assert 0.7 <= seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate) <= 1.5
    hears_agent(call, conversation, CALLER_HZ)
    call.hangup()


def test_keys_are_heard_once_and_a_hold_is_noticed(voice: Voice, program: GatewayProgram, medium: Medium) -> None:
    ready(voice, program, wide=medium.wide, dtmf="event")
    call, conversation = answered(voice)
    call.send_dtmf("4#")
    program.until("/api/live", lambda calls: calls[-1]["keys"])
    call.hold()
    program.until("/api/live", lambda calls: calls[-1]["phase"] == "on hold")
    call.unhold()
    program.until("/api/live", lambda calls: calls[-1]["phase"] == "talking")
    call.send_dtmf("25#")
    program.until("/api/live", lambda calls: len(calls[-1]["keys"]) > 1)
    assert program.get("/api/live")[-1]["keys"] == "425"
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()


def test_the_agent_sends_the_caller_to_another_place(voice: Voice, program: GatewayProgram, medium: Medium) -> None:
    ready(voice, program, tool_transfer_call="builtin", transfer_to_desk="default,700,1")
    call, conversation = answered(voice)
    conversation.start_tool("transfer_call", {"destination": "desk"})
    assert voice.event("UserEvent", UserEvent="Desk")["Transfer"] == "desk"
    call.hangup()


def test_media_that_ends_lets_the_dialplan_go_on(
    voice: Voice, rest: Rest, program: GatewayProgram, medium: Medium
) -> None:
    ready(voice, program, wide=medium.wide)
    call, conversation = answered(voice)
    hears_agent(call, conversation, AGENT_HZ)
    voice.asterisk.cli(f"channel request hangup {media_channel(rest)}")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "LOST"
    conversation.wait_closed()
    call.hangup()


def test_a_driver_that_is_not_there_is_done_without(
    voice: Voice, rest: Rest, modules: Rest, asterisk: Asterisk, tmp_path: Path
) -> None:
    if asterisk.version < 22:
        pytest.skip("it has none that could be missing")
    asterisk.cli("module unload chan_websocket.so")
    program = begun(tmp_path, modules, "websocket")
    try:
        ready(voice, program)
        for _ in range(2):
            call, conversation = answered(voice)
            assert media_channel(rest).startswith("UnicastRTP/")
            up, down = high_levels(call, conversation)
            assert min(up, down) > LEVEL_DBFS - 2.0
            call.hangup()
            conversation.wait_closed()
            nothing_is_left(rest)
        (said,) = [one for one in program.log.read_text().splitlines() if "no WebSocket" in one]
        assert "audio by RTP, 16 kHz" in said
    finally:
        assert program.stop() == 0
        load(asterisk, "chan_websocket")
    nothing_is_left(rest)


def test_what_will_be_used_is_said_beforehand(modules: Rest, asterisk: Asterisk, tmp_path: Path) -> None:
    program = GatewayProgram(
        tmp_path,
        "[general]\n",
        more=f'[gateway.ari.pbx]\nurl = "{modules.url}"\nuser = "{ARI_USER}"\nsecret = "{ARI_PASSWORD}"\n'
        '[gateway.ari.pbx.apps]\ntest-app = ""\n',
    )
    said = program.run("gateway", "--check").stdout
    assert f"Asterisk {asterisk.exact_version()}" in said, said
    assert "audio by RTP, 16 kHz" in said, said
