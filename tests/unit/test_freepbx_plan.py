"""`aiconvai freepbx plan`: what it would write, and what it says is wrong, on trees that stand for a FreePBX."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aiconvai.config.reader import read_configuration
from aiconvai.config.writer import FILE_MODE
from aiconvai.doctor.installation import Installation
from aiconvai.freepbx.dialplan import Door
from aiconvai.freepbx.pbx import FreePBX
from aiconvai.freepbx.plan import Plan, Wanted, plan, plan_removal, serve_lines

AGENTS = """\
[sales]
agent_id = a1
signed_url_endpoint = https://ai.example/signed
api_key = sk-secret
send_variables = CALLERID(name), FROM_DID
cdr_userfield = yes
transfer_to_reception = from-did-direct,200,1
"""
QUEUE = "ext-queues,600,1"


@pytest.fixture
def pbx(tmp_path: Path) -> FreePBX:
    """FreePBX 17 with Asterisk 22, as far as files go."""
    return make_pbx(tmp_path, 17, "22.10.1")


def make_pbx(folder: Path, release: int, asterisk: str) -> FreePBX:
    etc = folder / "etc"
    framework = folder / "html" / "admin" / "modules" / "framework"
    for one in (etc, framework):
        one.mkdir(parents=True)
    (framework / "module.xml").write_text(f"<module><version>{release}.0.19</version></module>")
    (folder / "amportal.conf").write_text(f"AMPDBNAME=asterisk\nAMPWEBROOT={folder}/html\n")
    (folder / "freepbx.conf").write_text("<?php\n")
    (etc / "asterisk.conf").write_text(f"[directories]\nastetcdir => {etc}\nastrundir => {folder}\n")
    (etc / "extensions_custom.conf").write_text("[from-internal-custom]\nexten => 1234,1,NoOp()\n")
    (etc / "manager_custom.conf").write_text("")
    (etc / "aiconvai.conf").write_text(AGENTS)
    (etc / "aiconvai.conf").chmod(0o640)
    program = folder / "asterisk"
    program.write_text(f'#!/bin/sh\necho "Asterisk {asterisk}"\n')
    program.chmod(0o755)
    return FreePBX(Installation.of(etc / "asterisk.conf", program), folder / "freepbx.conf")


def by_name(made: Plan) -> dict[str, str]:
    return {change.path.name: change.after for change in made.changes}


def wanted(agent: str = "sales", person: str = QUEUE, door: Door = Door.AUDIOSOCKET) -> Wanted:
    """Not by the module, of which these trees have none."""
    return Wanted({agent: person}, door)


def says(made: Plan) -> str:
    return "\n".join(f"{one.what} -> {one.mend}" for one in made.wrong)


def test_all_of_it_is_planned_and_nothing_written(pbx: FreePBX) -> None:
    before = {path.name: path.read_text() for path in pbx.asterisk.configuration.iterdir()}
    made = plan(pbx, wanted())
    assert made.findings == []
    assert {path.name: path.read_text() for path in pbx.asterisk.configuration.iterdir()} == before
    assert sorted(by_name(made)) == ["extensions_custom.conf", "freepbx_chown.conf", "manager_custom.conf"]
    assert made.destinations == {"aiconvai-sales,s,1": "AI agent sales"}
    conf = pbx.asterisk.aiconvai_conf
    assert f"[custom]\nfile = {conf},0640,asterisk,asterisk\n" in by_name(made)["freepbx_chown.conf"]
    assert f"file = {pbx.manager_custom},0640,asterisk,asterisk\n" in by_name(made)["freepbx_chown.conf"]


def test_written_it_is_what_was_planned_and_the_next_plan_is_empty(pbx: FreePBX, tmp_path: Path) -> None:
    made = plan(pbx, wanted())
    backups = [change.write(tmp_path) for change in made.changes]
    assert [backup.read_text() for backup in backups if backup] == [
        "[from-internal-custom]\nexten => 1234,1,NoOp()\n",
        "",
    ]
    assert {one.path.name: one.path.read_text() for one in made.changes} == by_name(made)
    assert stat.S_IMODE(pbx.manager_custom.stat().st_mode) == FILE_MODE
    assert plan(pbx, wanted()).changes == []


def test_taken_away_files_are_as_they_were(pbx: FreePBX, tmp_path: Path) -> None:
    before = pbx.extensions_custom.read_text()
    for change in plan(pbx, wanted()).changes:
        change.write(tmp_path)
    for change in plan_removal(pbx).changes:
        change.write(tmp_path)
    assert (pbx.extensions_custom.read_text(), pbx.manager_custom.read_text(), pbx.chown.read_text()) == (
        before,
        "",
        "",
    )
    assert plan_removal(pbx).changes == []


def test_a_password_stays_and_is_never_shown(pbx: FreePBX, tmp_path: Path) -> None:
    made = plan(pbx, wanted())
    (manager,) = (one for one in made.changes if one.path == pbx.manager_custom)
    (secret,) = re.findall(r"^secret = (\S+)$", manager.after, re.MULTILINE)
    assert len(secret) >= 32
    assert secret not in "".join(one.difference for one in made.changes)
    assert "+secret = ...\n" in manager.difference
    manager.write(tmp_path)
    again = plan(pbx, replace(wanted(), door=Door.MODULE))
    assert secret in by_name(again)["manager_custom.conf"]
    assert secret not in "".join(one.difference for one in again.changes)


@pytest.mark.parametrize(
    ("door", "file", "told"),
    [
        (Door.MODULE, "manager_custom.conf", {"read": "call", "write": "call"}),
        (Door.AUDIOSOCKET, "manager_custom.conf", {"read": "call,user", "write": "call"}),
        (Door.ARI, "ari_additional_custom.conf", {"type": "user", "read_only": "no"}),
    ],
)
def test_a_user_has_the_rights_that_its_door_takes(
    pbx: FreePBX, tmp_path: Path, door: Door, file: str, told: dict[str, str]
) -> None:
    for change in plan(pbx, wanted(door=door)).changes:
        change.write(tmp_path)
    (section,) = read_configuration(pbx.asterisk.configuration / file).sections
    entries = {one.key: one.value for one in section.entries}
    assert (section.name, entries | told) == ("aiconvai", entries)
    assert "permit" not in entries or (entries["deny"], entries["permit"]) == (
        "0.0.0.0/0.0.0.0", "127.0.0.1/255.255.255.255",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("door", "line"),
    [(Door.AUDIOSOCKET, 'aiconvai_conf = "{conf}"'), (Door.ARI, '[gateway.ari.pbx.apps]\naiconvai = "sales"')],
)
def test_what_serve_toml_wants_is_told(pbx: FreePBX, door: Door, line: str) -> None:
    assert line.format(conf=pbx.asterisk.aiconvai_conf) in serve_lines(pbx, wanted(door=door))
    assert serve_lines(pbx, wanted(door=Door.MODULE)) == ""


Change = Callable[[FreePBX], FreePBX]


def _file(name: str, text: str) -> Change:
    def change(pbx: FreePBX) -> FreePBX:
        (pbx.asterisk.configuration / name).write_text(f"{text}\n")
        return pbx

    return change


def _agent_line(line: str) -> Change:
    return _file("aiconvai.conf", f"{AGENTS}{line}")


def _remove(name: str) -> Change:
    def change(pbx: FreePBX) -> FreePBX:
        (pbx.asterisk.configuration / name).unlink()
        return pbx

    return change


def _release(number: int) -> Change:
    return lambda pbx: replace(pbx, release_given=number)


def _bare(pbx: FreePBX) -> FreePBX:
    """Where its pages should be is nothing."""
    pbx.freepbx_conf.with_name("amportal.conf").write_text("AMPWEBROOT=/nowhere\n")
    return pbx


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_remove("../freepbx.conf"), "is not there: this is no FreePBX"),
        (_bare, "it cannot be told which FreePBX this is -> --release 17"),
        (_release(16), "FreePBX 16 calls Macro(), which Asterisk 22 does not have"),
        (_remove("aiconvai.conf"), "aiconvai.conf is not there -> aiconvai config new"),
        (_agent_line("transfer_to_boss = from-internal,9,1"), "transfer_to_boss: 'from-internal,9,1' reaches outbound"),
        (_agent_line("transfer_to_boss = ext-local,201,dest"), "'ext-local,201,dest' is none of"),
        (_agent_line("echo_guard = perhaps"), "echo_guard = perhaps"),
        (_file("extensions_override_freepbx.conf", "[aiconvai-sales]"), "has a context [aiconvai-sales] already"),
        (_file("manager_additional.conf", "[aiconvai]\nsecret = x"), "has a user [aiconvai] already"),
        (_file("extensions_custom.conf", "; <<< aiconvai freepbx"), "mend that by hand"),
    ],
)
def test_what_is_wrong_is_found(pbx: FreePBX, change: Change, said: str) -> None:
    assert said in says(plan(change(pbx), wanted()))


@pytest.mark.parametrize(
    ("agent", "person", "said"),
    [
        ("support", QUEUE, "has no agent 'support' -> take one of: sales"),
        ("sales", "from-internal,200,1", "agent sales: 'from-internal,200,1' reaches outbound routes"),
        ("sales", "PJSIP/200", "agent sales: 'PJSIP/200' is none of"),
        ("a" * 38, QUEUE, "has 51 characters, and FreePBX keeps 50"),
    ],
)
def test_what_is_asked_wrongly_is_found(pbx: FreePBX, agent: str, person: str, said: str) -> None:
    assert said in says(plan(pbx, wanted(agent, person)))


def test_an_asterisk_without_audiosocket_is_sent_to_another_door(tmp_path: Path) -> None:
    pbx = make_pbx(tmp_path, 16, "16.28.0")
    assert "Asterisk 16 has no AudioSocket, which came with 18 -> --door ari" in says(plan(pbx, wanted()))
    assert plan(pbx, wanted(door=Door.ARI)).findings == []


@pytest.mark.parametrize(
    ("release", "asterisk", "uuid", "hangs_up"),
    [
        (17, "22.10.1", "${UUID()}", "Gosub(macro-hangupcall,s,1)"),
        (17, "23.0.0", "${UUID()}", "Gosub(macro-hangupcall,s,1)"),
        (17, "22.1.0", r"${SHELL(uuidgen | tr -d '\n')}", "Gosub(macro-hangupcall,s,1)"),
        (16, "18.20.0", r"${SHELL(uuidgen | tr -d '\n')}", "Macro(hangupcall)"),
    ],
)
def test_the_context_is_written_as_this_pbx_takes_it(
    tmp_path: Path, release: int, asterisk: str, uuid: str, hangs_up: str
) -> None:
    made = plan(make_pbx(tmp_path, release, asterisk), wanted())
    context = by_name(made)["extensions_custom.conf"]
    assert f"Set(AICONVAI_UUID={uuid})" in context
    assert f"exten => h,1,ExecIf($[${{DIALPLAN_EXISTS(macro-hangupcall,s,1)}}]?{hangs_up})" in context


def test_what_an_agent_of_the_module_should_be_told_is_noted(pbx: FreePBX) -> None:
    text = pbx.asterisk.aiconvai_conf.read_text()
    pbx.asterisk.aiconvai_conf.write_text("".join(
        line for line in text.splitlines(keepends=True) if not line.startswith(("send_variables", "cdr_userfield"))
    ))  # fmt: skip
    noted = [one.mend for one in plan(pbx, wanted(door=Door.MODULE)).findings if one.area == "freepbx"]
    assert noted == ["[sales] send_variables = CALLERID(name), FROM_DID", "[sales] cdr_userfield = yes"]
