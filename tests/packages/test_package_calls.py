"""A call through what was installed: a system with packages alone, and outside of it who calls and who answers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from exchange import agent_hears, hears_agent
from machine import Machine, Unit, health_of
from targets import DEBIAN22, SOURCE22, TARGETS, Archive, Deb, Target

from aiconvai.mock import ElevenLabsMockThread, MockOptions
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.ports import PortLease, free_port
from aiconvai.rig.awake import processors_awake
from aiconvai.rig.caller import Caller

AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
SUITES = {DEBIAN22: "application-forky", SOURCE22: "application-bookworm"}


@pytest.fixture(autouse=True)
def awake() -> Iterator[None]:
    with processors_awake():
        yield


@pytest.fixture
def mock() -> Iterator[ElevenLabsMockThread]:
    with ElevenLabsMockThread(MockOptions()) as service:
        service.agents["agent_1"] = service.agent_class()
        yield service


def configuration(mock: ElevenLabsMockThread) -> str:
    """aiconvai.conf: as the rig has its agents, so that tones are heard as they are."""
    options = {**mock.settings("agent_1"), "idle_audio": "none", "echo_guard": "off", "audio_frames_buffer_ms": "20"}
    return "[sales]\n" + "".join(f"{name} = {value}\n" for name, value in options.items())


def converse(mock: ElevenLabsMockThread, ports: PortLease) -> None:
    with Caller(ports.sip) as caller:
        call = caller.call("100").wait_answered()
        conversation = mock.next_conversation(timeout=20.0)
        conversation.wait_started(20.0)
        hears_agent(call, conversation, AGENT_HZ)
        agent_hears(conversation, call, CALLER_HZ)
        call.hangup()
        conversation.wait_closed()


@pytest.mark.parametrize("target", TARGETS, ids=[one.name for one in TARGETS])
def test_a_caller_and_an_agent_hear_each_other(
    machine: Machine, package: Path, target: Target, archive: Archive, ports: PortLease, mock: ElevenLabsMockThread
) -> None:
    target.install(machine, archive)
    machine.install(f"/packages/{package.name}")
    machine.put({"/etc/asterisk/aiconvai.conf": configuration(mock)})
    machine.start_asterisk(ports, target.version, "exten => 100,1,AIConvAI(sales)")
    converse(mock, ports)


@pytest.mark.parametrize("target", SUITES, ids=[one.name for one in SUITES])
def test_they_do_by_the_gateway_of_the_application(
    machine: Machine, target: Target, archive: Archive, ports: PortLease, mock: ElevenLabsMockThread, deb: Deb,
    tmp_path: Path,
) -> None:  # fmt: skip
    target.install(machine, archive)
    application = Path(shutil.copy(deb(SUITES[target], "--twice"), tmp_path))
    machine.install(f"/packages/{application.name}")
    door, page = free_port(), free_port()
    machine.put(
        {
            "/etc/aiconvai/secrets/pbx": f"{AMI_SECRET}\n",
            "/etc/aiconvai/aiconvai.conf": configuration(mock),
            "/etc/aiconvai/serve.toml": f"""
[page]
port = {page}
[asterisk.pbx]
port = {ports.ami}
user = "{AMI_USER}"
secret_file = "pbx"
[gateway]
aiconvai_conf = "/etc/aiconvai/aiconvai.conf"
[gateway.audiosocket.usual]
port = {door}
""",
        }
    )
    machine.run("cd /etc/aiconvai; chmod 600 secrets/pbx; chown :aiconvai *.conf *.toml; chmod 640 *.conf *.toml")
    extensions = f"""\
exten => 100,1,Answer()
 same => n,Set(UUID=${{UUID()}})
 same => n,UserEvent(AIConvAICall,UUID: ${{UUID}},Agent: sales)
 same => n,AudioSocket(${{UUID}},127.0.0.1:{door})
"""
    machine.start_asterisk(ports, target.version, extensions)
    service = Unit.of(machine, "aiconvai-gateway").start(machine)
    service.wait_for("http://")
    health_of(page, wanted=["healthy"])
    converse(mock, ports)
    said = service.stop()
    assert "\x1b" not in said
    assert "Traceback" not in said
