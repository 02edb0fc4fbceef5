"""libwebsockets fails: nobody waits for ever, and the module can be loaded anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from outcome import REPORT
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Caller

REASON = "libwebsockets cannot go on: unload and load the module"


def _fail_once(asterisk: Asterisk) -> None:
    """The next call of lws_service() returns -1."""
    commands = ("set pagination off", "handle all nostop noprint pass", "break lws_service", "continue")
    script = " ".join(f"-ex '{command}'" for command in (*commands, "return (int) -1", "detach"))
    said = asterisk.execute("sh", "-c", f"gdb -p $(pidof asterisk) -batch {script} 2>&1")
    assert "Breakpoint 1, " in said, said


@pytest.mark.fault("service.network-thread")
def test_calls_end_others_are_refused_and_the_module_can_be_loaded_anew(
    make_asterisk: Callable[..., Asterisk], app_module: Path
) -> None:
    # One loop, that all of them live on.
    asterisk = make_asterisk(module=app_module, module_config="[general]\nnetwork_threads=1\n")
    with ElevenLabsMockThread(MockOptions()) as mock, Caller(asterisk.sip_port) as caller:
        voice = Voice(asterisk, caller, mock)
        voice.general["network_threads"] = "1"
        voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("echo")), audio_frames_buffer_ms=20)
        voice.dialplan(f"exten => 100,1,AIConvAI(sales)\n same => n,{REPORT}\n same => n,Wait(30)")
        voice.dialplan("exten => 200,1,AIConvAI(sales,b)\n same => n,Wait(30)")
        voice.apply()
        calls = [voice.call("100"), voice.call("100"), voice.call("200")]
        conversations = [voice.conversation() for _ in calls]
        _fail_once(asterisk)
        voice.wait_for_log("libwebsockets cannot go on: the conversations it served have ended")
        ends = [voice.event("AIConvAIEnd", Channel=channel) for channel in asterisk.channels()]
        assert [(end["Status"], end["Reason"]) for end in ends] == [("LOST", REASON)] * 3
        for conversation in conversations:
            conversation.wait_closed()
        refused = voice.call("100")
        end = voice.event("AIConvAIEnd", Status="UNAVAILABLE")
        assert (end["Reason"], end["Attempts"]) == (REASON, "0")
        # Their dialplan goes on, and whoever hangs up has hung up.
        assert len(asterisk.channels()) == 4
        for call in (*calls, refused):
            call.hangup()
        asterisk.unload_module()
        assert "Loaded app_aiconvai.so" in asterisk.cli("module load app_aiconvai.so")
        voice.call("100").wait_answered()
        voice.conversation()
