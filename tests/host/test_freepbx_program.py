"""`aiconvai freepbx` on a folder that stands for a FreePBX, with a real PHP and a real MariaDB."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from freepbx_like import OWNERS_DIALPLAN, FreePBXLike
from mariadb_server import MariaDBServer, mariadb_server
from typer.testing import CliRunner

from aiconvai.freepbx.cli import app

CONF = """\
[sales]
agent_id = a1
signed_url_endpoint = https://ai.example/signed
api_key = sk-secret

[support](sales)
"""


@pytest.fixture(scope="module")
def database() -> Iterator[MariaDBServer]:
    with mariadb_server() as one:
        yield one


@pytest.fixture
def pbx(database: MariaDBServer, tmp_path: Path) -> FreePBXLike:
    made = FreePBXLike(tmp_path, tmp_path / "etc", database, 17)
    made.make()
    (made.etc / "asterisk.conf").write_text(f"[directories]\nastetcdir => {made.etc}\nastrundir => {tmp_path}\n")
    (made.etc / "aiconvai.conf").write_text(CONF)
    program = tmp_path / "asterisk"
    program.write_text("#!/bin/sh\necho Asterisk 22.10.1\n")
    program.chmod(0o755)
    return made


def run(pbx: FreePBXLike, command: str, *arguments: str) -> tuple[int, str]:
    """Exit status, and what both outputs say."""
    paths = [
        f"--asterisk-conf={pbx.etc}/asterisk.conf",
        f"--freepbx-conf={pbx.freepbx_conf}",
        f"--asterisk={pbx.folder}/asterisk",
    ]
    backups = [] if command == "plan" else [f"--backups={pbx.folder}/backups"]
    done = CliRunner().invoke(app, [command, *paths, *backups, *arguments], catch_exceptions=False)
    return done.exit_code, done.output


ASKED = ("--door=audiosocket", "--person=ext-queues,600,1")


def test_plan_shows_it_and_writes_nothing(pbx: FreePBXLike) -> None:
    status, said = run(pbx, "plan", *ASKED)
    assert status == 0
    assert "+[aiconvai-sales]" in said
    assert "+[aiconvai-support]" in said
    assert "custom destination aiconvai-sales,s,1: will be made" in said
    assert 'aiconvai_conf = "' in said
    assert (pbx.etc / "extensions_custom.conf").read_text() == OWNERS_DIALPLAN
    assert set(pbx.destinations()) == {"night,s,1"}
    assert not pbx.needs_reload()


def test_applied_it_survives_apply_config_and_nobody_reads_the_keys(pbx: FreePBXLike) -> None:
    pbx.fwconsole("chown")
    assert stat.S_IMODE((pbx.etc / "aiconvai.conf").stat().st_mode) == 0o664, "as FreePBX does by itself"
    status, said = run(pbx, "apply", *ASKED)
    assert (status, "custom destination aiconvai-support,s,1: made" in said) == (0, True), said
    pbx.fwconsole("reload")
    assert OWNERS_DIALPLAN in (pbx.etc / "extensions_custom.conf").read_text()
    assert "[aiconvai-support]" in (pbx.etc / "extensions_custom.conf").read_text()
    for name in ("aiconvai.conf", "manager_custom.conf"):
        assert stat.S_IMODE((pbx.etc / name).stat().st_mode) == 0o640, name
    made = pbx.destinations()["aiconvai-sales,s,1"]
    assert (made["description"], made["notes"], made["destret"]) == ("AI agent sales", "made by aiconvai freepbx", "0")
    assert {one["destid"] for one in pbx.destinations().values()} == {"1", 2, 3}
    assert pbx.needs_reload()
    assert [path.name[: path.name.index(".conf")] for path in sorted((pbx.folder / "backups").iterdir())] == [
        "extensions_custom", "manager_custom",
    ]  # fmt: skip


def test_applied_again_nothing_is_there_twice(pbx: FreePBXLike) -> None:
    run(pbx, "apply", *ASKED)
    before = {path: path.read_text() for path in pbx.etc.iterdir()}
    status, said = run(pbx, "apply", *ASKED)
    assert (status, "all files are as they should be" in said) == (0, True), said
    assert {path: path.read_text() for path in pbx.etc.iterdir()} == before
    assert "custom destination aiconvai-sales,s,1: there" in said
    assert len(pbx.destinations()) == 3


def test_an_agent_fewer_takes_its_destination_away_unless_a_route_leads_there(pbx: FreePBXLike) -> None:
    run(pbx, "apply", *ASKED)
    pbx.route("5551000", "aiconvai-support,s,1")
    status, said = run(pbx, "apply", *ASKED, "--agent=sales")
    assert status == 1
    assert "aiconvai-support,s,1: leading there: Inbound Route: Route 5551000 (5551000)" in said
    assert "[aiconvai-support]" in (pbx.etc / "extensions_custom.conf").read_text()
    pbx.route("5551000", "ext-queues,600,1")
    status, said = run(pbx, "apply", *ASKED, "--agent=sales")
    assert (status, set(pbx.destinations())) == (0, {"night,s,1", "aiconvai-sales,s,1"}), said
    assert "[aiconvai-support]" not in (pbx.etc / "extensions_custom.conf").read_text()


def test_removed_nothing_is_left(pbx: FreePBXLike) -> None:
    run(pbx, "apply", *ASKED)
    status, said = run(pbx, "remove")
    assert (status, "aiconvai-sales,s,1: removed" in said) == (0, True), said
    assert (pbx.etc / "extensions_custom.conf").read_text() == OWNERS_DIALPLAN
    assert (pbx.etc / "manager_custom.conf").read_text() == (pbx.etc / "freepbx_chown.conf").read_text() == ""
    assert set(pbx.destinations()) == {"night,s,1"}


def test_it_is_not_removed_while_a_route_leads_there(pbx: FreePBXLike) -> None:
    run(pbx, "apply", *ASKED)
    pbx.route("5551000", "aiconvai-sales,s,1")
    status, said = run(pbx, "remove")
    assert (status, "give these another destination first" in said) == (1, True), said
    assert "[aiconvai-sales]" in (pbx.etc / "extensions_custom.conf").read_text()


def test_with_something_to_mend_nothing_is_written(pbx: FreePBXLike) -> None:
    status, said = run(pbx, "apply", "--door=audiosocket", "--person=from-internal,200,1")
    assert status == 1
    assert "calls anybody on your account" in said
    assert "nothing is written: 2 to mend first" in said
    assert (pbx.etc / "extensions_custom.conf").read_text() == OWNERS_DIALPLAN


def test_whom_callers_are_given_to_is_asked(pbx: FreePBXLike) -> None:
    status, said = run(pbx, "plan", "--door=audiosocket", "--agent=sales=ext-queues,600,1", "--agent=support")
    assert (status, "who takes the callers of support whom it cannot serve?" in said) == (1, True), said


def test_classes_that_do_not_answer_are_said_and_nothing_is_written(pbx: FreePBXLike) -> None:
    pbx.freepbx_conf.write_text("<?php\nthrow new Exception('Unable to connect to the database');\n")
    status, said = run(pbx, "apply", *ASKED)
    assert status == 1
    assert "Unable to connect to the database" in said
    assert (pbx.etc / "extensions_custom.conf").read_text() == OWNERS_DIALPLAN


def test_without_php_the_clicks_are_told(pbx: FreePBXLike, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(pbx.folder / "nothing"))
    status, said = run(pbx, "apply", *ASKED)
    assert status == 0
    assert (
        "Admin > Custom Destinations > Add Destination: Target aiconvai-sales,s,1, Description AI agent sales, "
        "Notes made by aiconvai freepbx, Return No, Submit"
    ) in said
    assert "[aiconvai-sales]" in (pbx.etc / "extensions_custom.conf").read_text()
