"""Agents behind a dialplan shaped as FreePBX generates it, 16 with its macros on Asterisk 16, 17 on Asterisk 22: what
`aiconvai freepbx apply` has written is called.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from docs_blocks import blocks
from exchange import agent_hears, agent_says, hears, hears_agent
from freepbx_like import FreePBXLike
from gateway_program import GatewayProgram
from hearing import level_at
from host_view import let_the_host_see
from mariadb_server import MariaDBServer, mariadb_server
from typer.testing import CliRunner
from voice import Voice, mock_options

from aiconvai.audio import read_wav, rms_dbfs
from aiconvai.freepbx.cli import app
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion
from aiconvai.rig.asterisk.configuration import CONTAINER_ROOT, ari_modules
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Call, Caller

__all__ = ["mock_options"]

# Each has an Asterisk of its own.
pytestmark = pytest.mark.programs

DID = "5551000"
AGENT_HZ, CALLER_HZ, PERSON_HZ = 1000.0, 1700.0, 700.0
RINGBACK_HZ = (440.0, 480.0)
AUDIBLE_DBFS = -30.0
HOSTILE = "Smith & Co) ,v(x=1)|${SHELL(id)}"
_RELEASES: dict[AsteriskVersion, int] = {16: 16, 22: 17}
_MODULES = ("app_queue.so", "cdr_manager.so", "func_cdr.so", "func_dialplan.so", "func_shell.so")
_FILES = {
    "cdr.conf": "[general]\nenable = yes\n",
    "cdr_manager.conf": "[general]\nenabled = yes\n\n[mappings]\ndid = DID\nrecordingfile = Recording\n",
    "queues.conf": "[general]\n\n[600]\nstrategy = ringall\njoinempty = yes\n",
}


@pytest.fixture(scope="module")
def database() -> Iterator[MariaDBServer]:
    with mariadb_server() as one:
        yield one


@dataclass(frozen=True)
class PBX:
    """A FreePBX, its Asterisk, and who calls it."""

    like: FreePBXLike
    voice: Voice

    def apply(self, *arguments: str) -> None:
        """`aiconvai freepbx apply`, on this machine; then the route to the agent, and Apply Config."""
        self.freepbx("apply", "--person=ext-queues,600,1", *arguments)
        self.route("aiconvai-sales,s,1")

    def freepbx(self, command: str, *arguments: str) -> None:
        """`aiconvai freepbx`."""
        folder = self.like.folder
        paths = [f"--asterisk-conf={folder}/asterisk.conf", f"--freepbx-conf={self.like.freepbx_conf}",
                 f"--asterisk={folder}/asterisk", f"--backups={folder}/backups"]  # fmt: skip
        done = CliRunner().invoke(app, [command, *paths, *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def route(self, destination: str) -> None:
        self.like.route(DID, destination)
        self.voice.asterisk.cli("dialplan reload")

    def calls(self, name: str = "") -> Call:
        """Somebody from outside, whom somebody answers."""
        return self.voice.caller.call(DID, caller_name=name, caller_number="15550100").wait_answered()

    def loses_its_agent(self) -> None:
        """The service knows nothing of it."""
        self.voice.sections["sales"] |= {"agent_id": "nobody", "max_connection_attempts": "1"}
        self.voice.apply()


@pytest.fixture
def pbx(
    make_asterisk: Callable[..., Asterisk],
    app_module: Path,
    asterisk_version: AsteriskVersion,
    database: MariaDBServer,
    tmp_path: Path,
) -> Iterator[PBX]:
    own = ("app_macro.so", *ari_modules(16)) if asterisk_version == 16 else ("func_uuid.so",)
    ari = {
        "ari.conf": "[general]\nenabled = yes\n#include ari_additional_custom.conf\n",
        "ari_additional_custom.conf": "",
    }
    files = {
        **_FILES,
        **ari,
        "http.conf": f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {free_port()}\n",
    }
    asterisk = make_asterisk(
        module=app_module, module_config="[general]\n", modules=(*_MODULES, *own), extra_files=files
    )
    like = FreePBXLike(tmp_path, asterisk.directory / "etc", database, _RELEASES[asterisk_version])
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        like.make(spool=f"{CONTAINER_ROOT}/spool", sounds=f"{CONTAINER_ROOT}/sounds", port=caller.port)
        let_the_host_see(asterisk, tmp_path)
        with (asterisk.directory / "etc" / "manager.conf").open("a") as file:
            file.write("\n#include manager_additional.conf\n#include manager_custom.conf\n")
        voice = Voice(asterisk, caller, mock)
        voice.agent(
            "sales", ElevenLabsAgent(scenario=load_scenario("silent"), private=True), audio_frames_buffer_ms=20,
            send_variables="CALLERID(name), FROM_DID", cdr_userfield=True,
            tool_transfer_call="builtin", transfer_to_desk="from-did-direct,200,1",
        )  # fmt: skip
        voice.apply()
        yield PBX(like, voice)
        for call in caller.calls():
            call.hangup()


def cdr_of(pbx: PBX) -> dict[str, str]:
    """The caller's, once it is written."""
    event = pbx.voice.event("Cdr", Destination="s")
    return {key: event[key] for key in ("UserField", "DID", "Recording")}


def test_a_caller_from_outside_talks_to_the_agent_whatever_his_name_is(pbx: PBX) -> None:
    pbx.apply()
    call = pbx.calls(HOSTILE)
    conversation = pbx.voice.conversation()
    told = conversation.record.initiation.dynamic_variables
    assert (told["CALLERID_name"], told["FROM_DID"]) == (HOSTILE, DID)
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()
    assert cdr_of(pbx) == {"UserField": conversation.record.id, "DID": DID, "Recording": ""}
    pbx.voice.event("UserEvent", UserEvent="HungUp")


def test_an_agent_that_hangs_up_ends_the_call_as_freepbx_does(pbx: PBX) -> None:
    pbx.apply()
    call = pbx.calls()
    conversation = pbx.voice.conversation()
    conversation.close(1000)
    call.wait_ended()
    pbx.voice.event("UserEvent", UserEvent="HungUp")
    assert cdr_of(pbx)["UserField"] == conversation.record.id
    assert pbx.voice.events("QueueCallerJoin") == []


def test_a_caller_whom_the_agent_cannot_serve_comes_to_the_queue_and_behind_it_to_voicemail(pbx: PBX) -> None:
    pbx.apply()
    pbx.loses_its_agent()
    call = pbx.calls()
    assert pbx.voice.event("QueueCallerJoin")["Queue"] == "600"
    assert pbx.voice.event("UserEvent", UserEvent="Voicemail")["Mailbox"] == "200"
    assert pbx.voice.events("VoicemailBlocked") == []
    pbx.voice.wait_for_log("the agent sales gave up: UNAVAILABLE")
    call.wait_ended()


def test_an_agent_behind_a_queue_does_not_keep_its_callers_from_voicemail(pbx: PBX) -> None:
    pbx.apply("--agent=sales=ext-local,vmu200,1")
    pbx.route("ext-queues,601,1")
    pbx.loses_its_agent()
    pbx.calls()
    assert pbx.voice.event("UserEvent", UserEvent="Voicemail")["Mailbox"] == "200"


def test_a_caller_who_is_transferred_hears_it_ring_and_then_a_person(pbx: PBX) -> None:
    pbx.apply()
    call = pbx.calls()
    conversation = pbx.voice.conversation()
    conversation.start_tool("transfer_call", {"destination": "desk"})
    person = pbx.voice.caller.wait_incoming()
    person.ring()
    began = call.wait_for_sound(AUDIBLE_DBFS)
    call.wait_heard(75, since=began)
    heard = call.heard_samples()[-call.sample_rate :]
    for hz in RINGBACK_HZ:
        assert level_at(heard, hz, call.sample_rate) > AUDIBLE_DBFS
    person.answer()
    person.wait_heard(1)
    hears(call, person, PERSON_HZ)
    hears(person, call, CALLER_HZ)
    assert pbx.voice.events("OutboundRoute") == []


def test_freepbx_records_both_where_it_looks_for_recordings(pbx: PBX) -> None:
    pbx.apply("--record")
    call = pbx.calls()
    conversation = pbx.voice.conversation()
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    call.hangup()
    name = cdr_of(pbx)["Recording"]
    assert name.startswith("generic-sales-")
    # The call is accounted for before its file is closed.
    pbx.voice.wait_for_log("End MixMonitor Recording")
    monitor = pbx.voice.asterisk.directory / "spool" / "monitor"
    (file,) = monitor.glob(f"[0-9]*/[0-9]*/[0-9]*/{name}")
    samples, rate = read_wav(file)
    for hz in (AGENT_HZ, CALLER_HZ):
        assert level_at(samples, hz, rate) > AUDIBLE_DBFS
    assert rms_dbfs(samples) > AUDIBLE_DBFS


def test_taken_away_the_pbx_is_as_it_was(pbx: PBX) -> None:
    pbx.apply()
    pbx.route("ext-queues,600,1")
    pbx.freepbx("remove")
    assert "There is no existence of 'aiconvai-sales'" in pbx.voice.asterisk.cli("dialplan show aiconvai-sales")
    assert "aiconvai" not in pbx.voice.asterisk.cli("manager show users")


class Machine:
    """Where the guide is followed: this machine, with the files of the PBX in their usual places for whatever `run`
    starts, and for nobody else.
    """

    _SETUP = """\
mount -t overlay overlay -o lowerdir=/etc,upperdir={upper},workdir={work} /etc
mkdir -p /etc/asterisk
cp {folder}/freepbx.conf {folder}/amportal.conf /etc/
mount --bind {etc} /etc/asterisk
mount --bind {folder}/asterisk.conf /etc/asterisk/asterisk.conf
mount --bind {backups} /var/backups
mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir={sbin_upper},workdir={sbin_work} /usr/sbin
install {folder}/asterisk /usr/sbin/
export PATH={programs}:$PATH
{command}
"""

    _FOLDERS = ("upper", "work", "sbin_upper", "sbin_work", "backups", "programs")

    def __init__(self, pbx: PBX, folder: Path) -> None:
        self.words = {name: folder / name for name in self._FOLDERS}
        for one in self.words.values():
            one.mkdir(parents=True)
        self.words |= {"folder": pbx.like.folder, "etc": pbx.like.etc}
        paths = pbx.like.folder / "asterisk.conf"
        paths.write_text(paths.read_text().replace(f"{pbx.like.etc}\n", "/etc/asterisk\n"))
        program = self.words["programs"] / "aiconvai"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m aiconvai "$@"\n')
        program.chmod(0o755)

    def run(self, command: str) -> tuple[int, str]:
        script = self._SETUP.format(command=command, **self.words)
        done = subprocess.run(
            ["unshare", "--mount", "bash", "-ec", script], capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="puts files into their usual places, in a namespace of its own: root")
@pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
def test_the_guide_leads_to_a_call(pbx: PBX, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each command of its ten minutes, as it stands there, and what is done in the browser between them."""
    agent = next(one.text for one in blocks("ini") if one.path.name == "freepbx.md")
    steps = [line for one in blocks("sh") if one.path.name == "freepbx.md" for line in one.text.splitlines()]
    plans, applies, reloads, doctors, shows, removes = steps[:6]
    machine = Machine(pbx, tmp_path_factory.mktemp("machine"))
    _write_agent(pbx, agent)
    for command, said in (
        (plans, "custom destination aiconvai-sales,s,1: will be made"),
        (applies, "custom destination aiconvai-sales,s,1: made"),
        (reloads, "Loaded"),
    ):
        status, printed = machine.run(command)
        assert (status, said in printed) == (0, True), (command, printed)
    pbx.route("aiconvai-sales,s,1")
    status, printed = machine.run(doctors)
    assert "[sales] is ready to talk after" in printed
    assert "/etc/asterisk/freepbx_chown.conf keeps the mode of aiconvai.conf" in printed
    assert (status, "BAD" in printed) == (0, False), printed
    pbx.voice.mock.next_conversation().wait_closed()
    call = pbx.calls()
    conversation = pbx.voice.conversation()
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    status, printed = machine.run(shows)
    assert (status, "sales" in printed) == (0, True), printed
    call.hangup()
    status, printed = machine.run(removes)
    assert (status, "give these another destination first" in printed) == (1, True), printed
    pbx.route("ext-queues,600,1")
    assert machine.run(removes)[0] == 0


def _write_agent(pbx: PBX, text: str) -> None:
    """The guide's agent, at the service that stands for the real one."""
    here = pbx.voice.mock.settings(pbx.voice.sections["sales"]["agent_id"])
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line.partition("=")[0].strip() not in here]
    own = [f"{name} = {value}" for name, value in here.items()]
    conf = pbx.like.etc / "aiconvai.conf"
    # Tones are no voice.
    conf.write_text("\n".join((*kept, *own, "audio_frames_buffer_ms = 20", "echo_guard = off")) + "\n")
    conf.chmod(0o640)


# Without the module: what is written for the gateway's doors.


@pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
def test_a_caller_talks_by_audiosocket(pbx: PBX, tmp_path_factory: pytest.TempPathFactory) -> None:
    port = free_port()
    pbx.apply("--door=audiosocket", f"--gateway=127.0.0.1:{port}")
    for name in ("res_audiosocket", "chan_audiosocket"):
        pbx.voice.asterisk.cli(f"module load {name}.so")
    secret = _password(pbx.like.etc / "manager_custom.conf", "secret")
    source = f'[asterisk.pbx]\nport = {pbx.voice.asterisk.ami_port}\nuser = "aiconvai"\nsecret = "{secret}"\n'
    door = f"[gateway.audiosocket.usual]\nport = {port}\n"
    program = GatewayProgram(tmp_path_factory.mktemp("gateway"), "[general]\n", door, source)
    _talks_without_the_module(pbx, program)


@pytest.mark.parametrize("asterisk_version", [16], ids=["asterisk16"], indirect=True, scope="session")
def test_a_caller_talks_by_ari(pbx: PBX, tmp_path_factory: pytest.TempPathFactory) -> None:
    pbx.apply("--door=ari")
    (port,) = re.findall(r"^bindport = (\d+)$", (pbx.like.etc / "http.conf").read_text(), re.MULTILINE)
    secret = _password(pbx.like.etc / "ari_additional_custom.conf", "password")
    first = free_port(and_behind_it=22) + 1 & ~1
    source = (
        f'[gateway.ari.pbx]\nurl = "http://127.0.0.1:{port}"\nuser = "aiconvai"\nsecret = "{secret}"\n'
        f'rtp_ports = [{first}, {first + 20}]\n[gateway.ari.pbx.apps]\naiconvai = "sales"\n'
    )
    program = GatewayProgram(tmp_path_factory.mktemp("gateway"), "[general]\n", more=source)
    _talks_without_the_module(pbx, program)


def _password(path: Path, key: str) -> str:
    (line,) = (one for one in path.read_text().splitlines() if one.startswith(f"{key} = "))
    return line.removeprefix(f"{key} = ")


def _talks_without_the_module(pbx: PBX, program: GatewayProgram) -> None:
    program.start()
    try:
        program.until("/health", lambda health: health["status"] == "healthy")
        program.reload(pbx.voice.configuration())
        call = pbx.calls(HOSTILE)
        conversation = pbx.voice.conversation()
        assert conversation.record.initiation.dynamic_variables["FROM_DID"] == DID
        hears_agent(call, conversation, AGENT_HZ)
        agent_hears(conversation, call, CALLER_HZ)
        agent_says(conversation, AGENT_HZ, 0.1)
        conversation.close(1000)
        call.wait_ended()
        assert cdr_of(pbx)["UserField"] == conversation.record.id
        pbx.voice.event("UserEvent", UserEvent="HungUp")
    finally:
        assert program.stop() == 0
