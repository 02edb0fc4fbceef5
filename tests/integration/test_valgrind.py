"""Ten calls under valgrind: memory that was never written is not read, none is used after its end, none is lost.

The sanitizers (test_sanitizers.py) do not see memory that nobody has written. Calls are some twenty times slower here,
so nothing is said of their sound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from compiled import compile_module
from outcome import REPORT
from test_sanitizers import short_directory
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion
from aiconvai.rig.caller import Caller

__all__ = ["short_directory"]

VALGRIND = (
    "valgrind",
    "--leak-check=full",
    "--show-leak-kinds=definite,indirect",
    "--num-callers=40",
    "--error-limit=no",
    # The module has been unloaded when Asterisk ends.
    "--keep-debuginfo=yes",
    # Names of files with their folders: what is the module's is known by them.
    "--fullpath-after=",
    "--log-file=/aiconvai/log/valgrind.%p",
)
CALLS = 10
SLOW = 120.0
_FRAME = re.compile(r"(?:at|by) 0x[0-9A-F]+: (.+)")


pytestmark = [pytest.mark.endurance, pytest.mark.alone, pytest.mark.timeout(1200)]


def test_ten_calls(asterisk_version: AsteriskVersion, app_module: Path, short_directory: Path) -> None:
    assert _reports_of("/app_aiconvai/", asterisk_version, app_module, short_directory, _converse) == []


def test_what_a_module_forgets_is_reported(
    asterisk: Asterisk, asterisk_version: AsteriskVersion, short_directory: Path
) -> None:
    """The test before this one can fail."""
    module = compile_module(asterisk, "faulty_module.c", "faulty.so")

    def forget(instance: Asterisk) -> None:
        instance.cli("faulty forget", timeout=SLOW)

    (report,) = _reports_of("faulty", asterisk_version, module, short_directory, forget)
    assert "16 bytes in 1 blocks are definitely lost" in report


def _reports_of(
    name: str, version: AsteriskVersion, module: Path, directory: Path, use: Callable[[Asterisk], None]
) -> list[str]:
    """Valgrind's reports in which the name occurs, of an Asterisk that was used so and has ended."""
    instance = Asterisk(version, module=module, module_config="[general]\n", under=VALGRIND, directory=directory)
    instance.start(timeout=SLOW * 2)
    try:
        use(instance)
    finally:
        instance.stop(timeout=SLOW)
    text = "\n".join(path.read_text(errors="replace") for path in (directory / "log").glob("valgrind.*"))
    assert "ERROR SUMMARY" in text
    blocks = re.split(r"^==\d+== $", text, flags=re.MULTILINE)
    return [block for block in blocks if any(name in frame for frame in _FRAME.findall(block))]


def _converse(instance: Asterisk) -> None:
    """Calls one after the other, of agents that echo, call tools and break off; the caller hangs up first or last."""
    with ElevenLabsMockThread(MockOptions()) as mock, Caller(instance.sip_port) as caller:
        voice = Voice(instance, caller, mock)
        for number, name in enumerate(("echo", "tool_call", "drop")):
            agent = ElevenLabsAgent(private=True, scenario=load_scenario(name), output_format="pcm_16000")
            voice.agent(name, agent, tool_timeout_ms=1000, echo_guard="gate")
            voice.dialplan(f"exten => {100 + number},1,AIConvAI({name},c)\n same => n,{REPORT}")
        voice.apply()
        for number in range(CALLS):
            mark = instance.ami.position()
            call = caller.call(str(100 + number % 3)).wait_answered(SLOW)
            if number % 3 < 2:
                call.wait_heard(100, timeout=SLOW)
                call.hangup()
            instance.ami.wait_for("AIConvAIEnd", since=mark, timeout=SLOW)
            call.wait_ended(SLOW)
    instance.unload_module(timeout=SLOW)
