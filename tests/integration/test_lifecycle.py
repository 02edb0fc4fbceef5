"""Loading, unloading and reloading the module, and what many calls leave behind: nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hearing import noise
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, LeakCheck, build_module
from aiconvai.rig.asterisk.leaks import EVENTFD, file_kinds
from aiconvai.rig.caller import Caller, similarity, tone_burst_round_trip

__all__ = ["mock_options", "voice"]

MODULE = "app_aiconvai.so"
ECHO = ElevenLabsAgent(scenario=load_scenario("echo"))
LOAD_DIALPLAN = "exten => 100,1,AIConvAI(short)\nexten => 200,1,AIConvAI(echo)"
SETTLING_SECONDS = 6.0
SIP_TIMER_K = 5.0
SHORT = ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: 0.02}, {close: 1000}]"))


def _configuration(mock: ElevenLabsMockThread, *names: str) -> str:
    return "[general]\n" + "".join(
        f"[{name}]\nagent_id=id_{name}\nconversation_endpoint={mock.conversation_endpoint}\naudio_frames_buffer_ms=20\n"
        "echo_guard=off\n"
        for name in names
    )


def test_unloading_and_loading_again_leaves_nothing_behind(asterisk_version: AsteriskVersion, app_module: Path) -> None:
    with (
        ElevenLabsMockThread(MockOptions(agents={"id_short": SHORT, "id_echo": ECHO})) as mock,
        Asterisk(
            asterisk_version,
            extensions="exten => 100,1,AIConvAI(short)\nexten => 200,1,AIConvAI(echo)",
            extra_files={"aiconvai.conf": _configuration(mock, "short", "echo")},
        ) as asterisk,
    ):
        asterisk.install_module(app_module)
        with Caller(asterisk.sip_port) as caller:
            caller.call("echo").wait_answered().hangup()
        before = LeakCheck(asterisk).before
        allowed = file_kinds(before.open_files)
        eventfds = allowed[EVENTFD]
        for _ in range(3):
            _load_converse_unload(asterisk)
            allowed[EVENTFD] = eventfds + asterisk.forgotten_eventfds
            _wait_until(
                lambda: not file_kinds(asterisk.process.open_files()) - allowed,
                lambda: file_kinds(asterisk.process.open_files()) - allowed,
            )
            _wait_until(lambda: asterisk.threads() <= before.threads, asterisk.process.thread_names)
            assert asterisk.channels() == []
        assert "not registered" in asterisk.cli("core show application AIConvAI")
        assert "No such command" in asterisk.cli("aiconvai show calls")


def _wait_until(condition: Callable[[], bool], found: Callable[[], object]) -> None:
    deadline = time.monotonic() + SETTLING_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"left behind: {found()}"
        time.sleep(0.01)


def _load_converse_unload(asterisk: Asterisk) -> None:
    assert "Loaded" in asterisk.cli(f"module load {MODULE}")
    assert asterisk.module_use_count() == 0
    with Caller(asterisk.sip_port) as caller:
        assert caller.call("100").wait_ended().by == "remote"
        call = caller.call("200").wait_answered()
        assert tone_burst_round_trip(call).similarity > 0.95
        call.hangup()
    asterisk.unload_module()


@pytest.mark.fault("asterisk.module-unload")
@pytest.mark.parametrize(
    ("application", "option"),
    [("AIConvAI(echo)", ""), ("AIConvAI(echo,b)", ""), ("AIConvAI(echo,b)", "-f ")],
)
def test_unloading_is_refused_while_a_conversation_lives(voice: Voice, application: str, option: str) -> None:
    _begin_echo(voice, application)
    call = voice.call("100")
    voice.conversation()
    assert "Unable to unload" in voice.asterisk.cli(f"module unload {option}{MODULE}")
    # It goes on, and so does all the rest of the module.
    assert tone_burst_round_trip(call).similarity > 0.95
    assert "1 call" in voice.asterisk.cli("aiconvai show calls")
    second = voice.call("100")
    voice.conversation()
    assert tone_burst_round_trip(second).similarity > 0.95


@pytest.mark.fault("asterisk.module-unload-forced")
def test_a_forced_unload_hangs_up_and_is_refused_until_the_conversation_is_gone(voice: Voice) -> None:
    """Asterisk itself hangs up every channel that is inside the application before it asks the module."""
    _begin_echo(voice, "AIConvAI(echo)")
    call = voice.call("100")
    conversation = voice.conversation()
    assert "Unable to unload" in voice.asterisk.cli(f"module unload -f {MODULE}")
    assert call.wait_ended().by == "remote"
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)
    assert tone_burst_round_trip(voice.call("100")).similarity > 0.95


def _begin_echo(voice: Voice, application: str) -> None:
    voice.agent("echo", ECHO, audio_frames_buffer_ms=20)
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()


@pytest.mark.fault("asterisk.module-reload")
@pytest.mark.parametrize("command", [f"module reload {MODULE}", "aiconvai reload", "elevenlabs reload"])
def test_a_reload_leaves_running_calls_alone_and_applies_to_new_ones(voice: Voice, command: str) -> None:
    voice.agent("echo", ECHO, audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(echo)")
    voice.apply()
    running = voice.call("100")
    first = voice.conversation()
    voice.sections["echo"]["audio_frames_buffer_ms"] = "100"
    voice.asterisk.write_config("aiconvai.conf", voice.configuration())
    voice.asterisk.cli(command)
    voice.call("100")
    second = voice.conversation()
    second.wait_received(lambda record: len(record.uplink) >= 2)
    assert {len(chunk.data) for chunk in second.record.uplink} == {800}
    assert tone_burst_round_trip(running).similarity > 0.95
    assert {len(chunk.data) for chunk in first.record.uplink} == {160}


@pytest.mark.fault("asterisk.module-reload-mistake")
def test_a_reload_with_a_mistake_changes_nothing(voice: Voice) -> None:
    voice.agent("echo", ECHO, audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(echo)")
    voice.apply()
    good = voice.configuration()
    voice.asterisk.write_config("aiconvai.conf", good + "audio_frame_buffer_ms=40\n")
    answer = voice.asterisk.cli("aiconvai reload")
    assert "did you mean audio_frames_buffer_ms?" in answer
    assert "The configuration was not changed" in answer
    voice.asterisk.cli(f"module reload {MODULE}")
    call = voice.call("100")
    voice.conversation()
    assert tone_burst_round_trip(call).similarity > 0.95


def test_a_hundred_calls_in_a_row_leave_nothing_behind(voice: Voice) -> None:
    _begin_load(voice)
    _in_a_row(voice.caller, voice.mock, 10)
    voice.asterisk.wait_unused()
    check = LeakCheck(voice.asterisk)
    _in_a_row(voice.caller, voice.mock, 100)
    check.verify()


def test_twenty_calls_at_once_leave_nothing_behind(voice: Voice) -> None:
    _begin_load(voice)
    _twenty_at_once(voice.caller, voice.mock)
    voice.asterisk.wait_unused()
    check = LeakCheck(voice.asterisk)
    _twenty_at_once(voice.caller, voice.mock)
    check.verify()


@pytest.mark.fault("asterisk.other-version")
def test_a_module_for_another_version_of_asterisk_is_not_loaded(
    asterisk_version: AsteriskVersion, tmp_path: Path
) -> None:
    """Its build options are the same as those of this one."""
    other = {16: "22.10.1", 22: "16.28.0"}[asterisk_version]
    module = build_module(asterisk_version, tmp_path / "build", options={"asterisk_version": other})
    with Asterisk(asterisk_version, module=module, module_config="[general]\n") as asterisk:
        assert "Not Running" in asterisk.cli(f"module show like {MODULE}")
        sentence = f"app_aiconvai was built for Asterisk {other} and is not loaded into Asterisk {asterisk_version}."
        asterisk.wait_for_log(re.escape(sentence))


@pytest.mark.alone
def test_many_calls_leave_no_memory_behind(make_asterisk: Callable[..., Asterisk], app_module: Path) -> None:
    with ElevenLabsMockThread(MockOptions(agents={"id_short": SHORT, "id_echo": ECHO})) as mock:
        asterisk = make_asterisk(
            module=app_module,
            module_config=_configuration(mock, "short", "echo"),
            extensions=LOAD_DIALPLAN,
            # Without it each thread has its own heap, and each heap its own holes.
            environment={"MALLOC_ARENA_MAX": "1"},
        )
        with Caller(asterisk.sip_port) as caller:
            # Until then Asterisk grows by 140 KB a call, with Echo() just so.
            _in_a_row(caller, mock, 250)
            _twenty_at_once(caller, mock)
            # SIP keeps a transaction for 5 s, and Asterisk its memory: what comes then fits in the same.
            time.sleep(SIP_TIMER_K + 0.5)
            # Asterisk itself still grows by some 2 MB in a round, in one more than in another, with Echo() just so; 120
            # calls that leave 32 KB each would be 4 MB in every one.
            grown_kb: list[int] = []
            while len(grown_kb) < 3 and min(grown_kb, default=4000) >= 4000:
                before = asterisk.rss_kb()
                _in_a_row(caller, mock, 100)
                _twenty_at_once(caller, mock)
                grown_kb.append(asterisk.rss_kb() - before)
            assert min(grown_kb) < 4000, grown_kb


def _begin_load(voice: Voice) -> None:
    voice.agent("short", SHORT)
    voice.agent("echo", ECHO, audio_frames_buffer_ms=20)
    voice.dialplan(LOAD_DIALPLAN)
    voice.apply()


def _in_a_row(caller: Caller, mock: ElevenLabsMockThread, calls: int) -> None:
    for _ in range(calls):
        assert caller.call("100", record=False).wait_ended().by == "remote"
        assert not mock.next_conversation().record.violations


def _twenty_at_once(caller: Caller, mock: ElevenLabsMockThread) -> None:
    calls = [caller.call("200") for _ in range(20)]
    for call in calls:
        call.wait_answered()
    conversations = [mock.next_conversation() for _ in calls]
    for conversation in conversations:
        conversation.wait_started()
    burst = noise(0.1, 8000, seed=7)
    for call in calls:
        call.play(burst)
    for call in calls:
        call.wait_for_silence(since=call.wait_for_sound())
        assert similarity(burst, call.heard_samples()) > 0.95
        call.hangup()
    for conversation in conversations:
        conversation.wait_closed()
        assert not conversation.record.violations
