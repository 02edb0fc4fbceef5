"""While the conversation is being set up the call goes on: nothing the caller says or presses is lost."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from exchange import agent_hears
from hearing import noise
from voice import Voice, mock_options, voice

from aiconvai.audio import ulaw_encode
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller

__all__ = ["mock_options", "voice"]

CHUNK_MS = 20


def _slow(**delays: float) -> ElevenLabsAgent:
    """An agent that takes so many seconds for each step of the handshake."""
    default = {"signed_url_delay": 0.0, "upgrade_delay": 0.0, "metadata_delay": 0.0}
    return ElevenLabsAgent(private=True, scenario=load_scenario("slow_handshake", **{**default, **delays}))


def _sent(call: Call) -> bytes:
    """What the caller sent, packet after packet."""
    return b"".join(packet.payload for packet in call.sent)


def _wait_for_uplink(conversation: ThreadedConversation, samples: int) -> bytes:
    """The first so many samples the service got."""
    conversation.wait_received(lambda record: len(record.uplink_bytes) >= samples)
    return conversation.record.uplink_bytes[:samples]


@pytest.mark.parametrize("step", ["signed_url_delay", "upgrade_delay", "metadata_delay"])
def test_audio_spoken_while_connecting_reaches_the_service_first_and_whole(voice: Voice, step: str) -> None:
    voice.agent("sales", _slow(**{step: 1.0}), audio_frames_buffer_ms=CHUNK_MS)
    voice.dialplan("exten => 100,1,Answer()\n same => n,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    said = noise(0.5, 8000, seed=3)
    call.play(said).wait()
    assert not voice.events("AIConvAIReady")
    voice.event("AIConvAIReady")
    conversation = voice.conversation()
    uplink = _wait_for_uplink(conversation, 3 * 8000 // 2)
    # To the bit, from one of the first packets on, with nothing missing in it.
    begin = _sent(call).find(uplink)
    assert 0 <= begin <= 5 * 160
    assert ulaw_encode(said)[160:] in uplink
    assert not conversation.record.violations


def test_only_the_newest_audio_is_kept_up_to_the_limit(voice: Voice) -> None:
    voice.agent("sales", _slow(metadata_delay=1.2), audio_frames_buffer_ms=CHUNK_MS, connect_audio_limit_ms=400)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    playback = call.play(noise(2.5, 8000, seed=4))
    conversation = voice.conversation()
    uplink = _wait_for_uplink(conversation, 8000)
    begin = _sent(call).find(uplink)
    assert begin >= 0, "a piece is missing, or a piece came twice"
    started = conversation.record.started
    assert started is not None
    first_sent = call.sent[begin // 160].time_ns / 1e9
    assert started - first_sent == pytest.approx(0.4, abs=0.15)
    assert playback.started_ns is not None
    assert not conversation.record.violations


def test_no_audio_is_kept_where_none_is_to_be(voice: Voice) -> None:
    voice.agent("sales", _slow(metadata_delay=0.6), audio_frames_buffer_ms=CHUNK_MS, connect_audio_limit_ms=0)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    call.play(noise(2.0, 8000, seed=5))
    conversation = voice.conversation()
    uplink = _wait_for_uplink(conversation, 4000)
    begin = _sent(call).find(uplink)
    assert begin >= 0
    started = conversation.record.started
    assert started is not None
    assert call.sent[begin // 160].time_ns / 1e9 > started - 0.15


def test_keys_pressed_while_connecting_are_seen_and_told_to_the_agent(voice: Voice) -> None:
    agent = _slow(signed_url_delay=0.4, metadata_delay=0.6)
    voice.agent("sales", agent, audio_frames_buffer_ms=CHUNK_MS, dtmf_interdigit_ms=0)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    call.send_dtmf("4#", duration_ms=80, pause_ms=60)
    # Asterisk has seen them, though the agent is not there yet.
    assert [voice.event("DTMFEnd", Digit=key)["Digit"] for key in "4#"] == ["4", "#"]
    assert not voice.events("AIConvAIReady")
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.received_of(ContextualUpdate)) == 2)
    texts = [message.text for message in conversation.record.received_of(ContextualUpdate)]
    assert ["key 4 " in texts[0], "key # " in texts[1]] == [True, True]


def test_the_channel_is_read_while_connecting(voice: Voice) -> None:
    voice.agent("sales", _slow(upgrade_delay=1.0))
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    call.play(noise(0.4, 8000, seed=6)).wait()
    report = voice.asterisk.cli(f"aiconvai show call {voice.channel()}")
    assert "connecting" in report
    frames = re.search(r"From the caller: +(\d+) frames", report)
    assert frames
    assert int(frames.group(1)) >= 15
    assert len(call.sent) - int(frames.group(1)) <= 10


def test_the_environment_names_no_proxy(make_asterisk: Callable[..., Asterisk], app_module: Path) -> None:
    """Nobody listens there: libwebsockets would go to it by itself."""
    proxies = {"http_proxy": "http://127.0.0.1:1", "https_proxy": "http://127.0.0.1:1"}
    asterisk = make_asterisk(module=app_module, module_config="[general]\n", environment=proxies)
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        voice = Voice(asterisk, caller, mock)
        voice.agent("agent", audio_frames_buffer_ms=20)
        voice.dialplan("exten => 100,1,AIConvAI(agent)")
        voice.apply()
        call = voice.call("100")
        agent_hears(voice.conversation(), call, 700.0)
        assert "proxy" not in voice.log()
        call.hangup()
