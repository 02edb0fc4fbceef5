"""Recordings: both sides of the call, each in its file, as long as the call was; and nothing that is not to be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from exchange import agent_hears, agent_says, calling, hears_agent
from hearing import level_at, tone_in
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, read_wav, tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.ami import ManagerError
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

INSIDE = "/aiconvai/spool/recordings"
NOTICE = "/aiconvai/sounds/tone"
AGENT_HZ, CALLER_HZ = 900.0, 700.0
FOREGROUND = "exten => 100,1,AIConvAI(agent,c)\n same => n,Wait(60)"
BACKGROUND = "exten => 100,1,Answer()\n same => n,AIConvAI(agent,bc)\n same => n,Wait(60)"
QUIET_DBFS = -55.0


@pytest.fixture
def folder(asterisk: Asterisk) -> Iterator[Path]:
    """Where they are on this side."""
    path = asterisk.directory / "spool" / "recordings"
    _clear(path)
    yield path
    _clear(path)


def _clear(path: Path) -> None:
    for one in path.glob("*"):
        one.unlink()


def _converse(
    voice: Voice, dialplan: str = FOREGROUND, codec: str = "ulaw", **options: object
) -> tuple[Call, ThreadedConversation]:
    voice.general["recordings"] = INSIDE
    tools = {f"tool_{name}": "builtin" for name in ("collect_digits", "pause_recording", "resume_recording")}
    # As calls are: something goes out all the time.
    voice.agent("agent", **{"record": "stereo", "idle_audio": None, **tools, **options})
    voice.dialplan(dialplan)
    voice.apply()
    call = voice.call("100", codec)
    conversation = voice.conversation()
    conversation.wait_started()
    return call, conversation


def _recording(voice: Voice, folder: Path) -> tuple[Samples, Samples, int]:
    """The caller's and the agent's side, once they are whole."""
    base = folder / Path(voice.event("AIConvAIStart")["Recording"]).name
    kind = "wav16" if list(folder.glob(f"{base.name}-caller.wav16")) else "wav"
    # MixMonitor says when it has closed its files.
    voice.event("MixMonitorStop")
    (caller, rate), (agent, agent_rate) = (read_wav(f"{base}-{side}.{kind}") for side in ("caller", "agent"))
    assert rate == agent_rate
    return caller, agent, rate


def _onset(samples: Samples, hz: float, rate: int) -> float:
    """In which second a tone begins."""
    step = rate // 100
    loud = [at for at in range(0, len(samples) - step, step) if level_at(samples[at : at + 2 * step], hz, rate) > -30.0]
    assert loud, f"no tone of {hz:g} Hz in {len(samples) / rate:.2f} s"
    return loud[0] / rate


@pytest.mark.parametrize("dialplan", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("codec", ["ulaw", "g722"])
def test_each_side_has_a_file_as_long_as_the_call(voice: Voice, folder: Path, dialplan: str, codec: str) -> None:
    call, conversation = _converse(voice, dialplan, codec)
    began = time.monotonic()
    agent_says(conversation, AGENT_HZ, 0.6)
    call.wait_for_silence(duration_ms=200, since=call.wait_for_sound(since=began))
    call.play(tone(CALLER_HZ, 0.3, call.sample_rate, -12.0)).wait()
    time.sleep(0.5)
    conversation.close(1000)
    voice.event("AIConvAIEnd")
    lasted = time.monotonic() - began
    caller, agent, rate = _recording(voice, folder)
    assert rate == (16_000 if codec == "g722" else 8_000)
    assert tone_in(caller, CALLER_HZ, rate).seconds == pytest.approx(0.3, abs=0.03)
    assert tone_in(agent, AGENT_HZ, rate).seconds == pytest.approx(0.6, abs=0.03)
    # Short tones have more than their own frequency.
    assert level_at(caller, AGENT_HZ, rate) < level_at(caller, CALLER_HZ, rate) - 20
    assert level_at(agent, CALLER_HZ, rate) < level_at(agent, AGENT_HZ, rate) - 20
    for side in (caller, agent):
        assert lasted - 0.3 < len(side) / rate < lasted + 2.0
    assert _onset(agent, AGENT_HZ, rate) < _onset(caller, CALLER_HZ, rate)
    assert call.alive, "it ends with the conversation, not with the call"


def test_both_sides_are_of_the_same_moment(voice: Voice, folder: Path) -> None:
    """A caller who echoes is heard as late in the recording as on the line."""
    call, conversation = _converse(voice)
    began = time.monotonic()
    agent_says(conversation, AGENT_HZ, 0.3)
    call.wait_for_sound(since=began)
    call.play(tone(CALLER_HZ, 0.3, call.sample_rate, -12.0)).wait()
    time.sleep(0.5)
    heard_at = call.wait_for_sound(since=began)
    sent_at = next(packet.time_ns / 1e9 for packet in call.sent if packet.time_ns / 1e9 > heard_at)
    conversation.close(1000)
    caller, agent, rate = _recording(voice, folder)
    assert len(caller) == pytest.approx(len(agent), abs=0.1 * rate)
    apart = _onset(caller, CALLER_HZ, rate) - _onset(agent, AGENT_HZ, rate)
    assert apart == pytest.approx(sent_at - heard_at, abs=0.08)


def test_secret_digits_are_silence(voice: Voice, folder: Path) -> None:
    call, conversation = _converse(voice, collect_digits_secret=True)
    with calling(conversation, "collect_digits", {"count": 4}) as result:
        voice.event("AIConvAIToolCall")
        time.sleep(0.2)
        call.play(tone(1200.0, 0.5, 8000, -10.0)).wait()
        call.send_dtmf("1234")
        result.result(10.0)
    voice.event("AIConvAIToolDone")
    time.sleep(0.2)
    agent_hears(conversation, call, CALLER_HZ)
    conversation.close(1000)
    caller, agent, rate = _recording(voice, folder)
    assert level_at(caller, 1200.0, rate) < QUIET_DBFS
    for hz in (697.0, 1209.0):
        assert level_at(agent, hz, rate) < QUIET_DBFS
    assert _onset(caller, CALLER_HZ, rate) > 0.9, "as long as it took"


@pytest.mark.parametrize("who", ["the agent", "a manager"])
def test_it_is_paused_for_who_asks(voice: Voice, folder: Path, who: str) -> None:
    call, conversation = _converse(voice)
    ami, channel = voice.asterisk.ami, voice.channel()

    def pause(is_on: bool) -> None:
        if who == "a manager":
            ami.action("AIConvAIRecording", Channel=channel, Paused="yes" if is_on else "no")
        else:
            told = conversation.call_tool("pause_recording" if is_on else "resume_recording")
            assert told.result == ("The recording is paused." if is_on else "The recording goes on.")
        time.sleep(0.2)

    pause(True)
    agent_hears(conversation, call, 1200.0)
    hears_agent(call, conversation, 1500.0)
    pause(False)
    agent_hears(conversation, call, CALLER_HZ)
    conversation.close(1000)
    caller, agent, rate = _recording(voice, folder)
    assert level_at(caller, 1200.0, rate) < QUIET_DBFS
    assert level_at(agent, 1500.0, rate) < QUIET_DBFS
    assert tone_in(caller, CALLER_HZ, rate).seconds == pytest.approx(0.3, abs=0.03)


def test_the_caller_is_told_first(voice: Voice, folder: Path) -> None:
    """Before anything else begins, and not in the recording: the call's own clocks begin behind it."""
    voice.general["recordings"] = INSIDE
    voice.agent("agent", record="stereo", record_notice=NOTICE, idle_audio=None)
    voice.dialplan(FOREGROUND)
    voice.apply()
    call = voice.call("100")
    notice, rate = read_wav(voice.asterisk.directory / "sounds" / "tone.wav")
    heard_at = call.wait_for_sound()
    started = voice.event("AIConvAIStart")
    assert started.received - heard_at > len(notice) / rate - 0.3
    conversation = voice.conversation()
    conversation.wait_started()
    hears_agent(call, conversation, AGENT_HZ)
    conversation.close(1000)
    assert int(voice.event("AIConvAIEnd")["DurationMs"]) < (time.monotonic() - started.received) * 1000 + 500
    _, agent, agent_rate = _recording(voice, folder)
    assert tone_in(agent, AGENT_HZ, agent_rate).seconds == pytest.approx(0.3, abs=0.03)


def test_who_is_refused_hears_no_notice(voice: Voice, folder: Path) -> None:
    voice.agent("agent", record="stereo", record_notice=NOTICE)
    voice.dialplan("exten => 100,1,AIConvAI(agent)\n same => n,UserEvent(Refused,Status:${AICONVAI_STATUS})")
    voice.apply()
    voice.asterisk.ami.action("AIConvAICloseAgent", Agent="agent", Seconds="30")
    try:
        voice.caller.call("100")
        assert voice.event("UserEvent")["Status"] == "BUSY"
    finally:
        voice.asterisk.ami.action("AIConvAIOpenAgent", Agent="agent")


def test_what_the_dialplan_records_is_its_own(voice: Voice, folder: Path) -> None:
    """It goes on behind the agent, is silent no longer than the agent's is, and keeps its name."""
    other = f"{INSIDE}/other.wav"
    dialplan = f"exten => 100,1,Answer()\n same => n,MixMonitor({other})\n same => n,AIConvAI(agent,c)\n"
    dialplan += " same => n,UserEvent(After,File:${MIXMONITOR_FILENAME})\n same => n,Wait(1.5)\n"
    dialplan += " same => n,StopMixMonitor()\n same => n,Wait(60)"
    call, conversation = _converse(voice, dialplan, record="off")
    assert conversation.call_tool("pause_recording").result == "The recording is paused."
    agent_hears(conversation, call, 1200.0)
    conversation.close(1000)
    assert voice.event("UserEvent")["File"] == other
    call.play(tone(CALLER_HZ, 0.5, call.sample_rate, -12.0)).wait()
    voice.event("MixMonitorStop")
    samples, rate = read_wav(folder / "other.wav")
    assert level_at(samples, CALLER_HZ, rate) > -30.0
    assert level_at(samples, 1200.0, rate) < level_at(samples, CALLER_HZ, rate) - 20


def test_what_follows_the_agent_is_not_recorded(voice: Voice, folder: Path) -> None:
    dialplan = "exten => 100,1,AIConvAI(agent,c)\n same => n,Echo()"
    call, conversation = _converse(voice, dialplan)
    agent_hears(conversation, call, CALLER_HZ)
    conversation.close(1000)
    voice.event("Newexten", Application="Echo")
    call.play(tone(1200.0, 0.5, call.sample_rate, -12.0)).wait()
    caller, _, rate = _recording(voice, folder)
    assert level_at(caller, 1200.0, rate) < level_at(caller, CALLER_HZ, rate) - 20


def test_who_is_not_to_be_recorded_is_not(voice: Voice, folder: Path) -> None:
    call, conversation = _converse(voice, record="off", record_notice=NOTICE)
    hears_agent(call, conversation, AGENT_HZ)
    assert voice.event("AIConvAIStart")["Recording"] == ""
    conversation.close(1000)
    voice.event("AIConvAIEnd")
    assert not list(folder.glob("*"))
    assert call.alive


def test_a_folder_that_cannot_be_is_said_and_the_call_goes_on(voice: Voice, folder: Path) -> None:
    voice.general["recordings"] = "/tmp/a,b"
    voice.agent("agent", record="stereo")
    voice.dialplan(FOREGROUND)
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_started()
    hears_agent(call, conversation, AGENT_HZ)
    voice.wait_for_log("recordings = /tmp/a,b: the call is not recorded: expected a folder's name without")


def test_who_asks_wrongly_is_told_how(voice: Voice, folder: Path) -> None:
    _converse(voice)
    with pytest.raises(ManagerError, match="Paused is missing"):
        voice.asterisk.ami.action("AIConvAIRecording", Channel=voice.channel())
