"""An agent's options are changed in its file: what was asked for is different, and nothing else."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiconvai.config import edit
from aiconvai.config.edit import EditError, apply, fingerprint, own_texts, try_edit
from aiconvai.config.verdict import judge_file

FILE = """\
; Our agents
[general]
debug = no

[base](!)
provider = openai
api_key = sk-aaaaaaaaaaaaaaaa
voice = marin

[sales](base) ; the first one
; What it says.
prompt = Be kind\\; be brief.   ; a remark
transfer_to_desk = internal,100,1
transfer_to_boss = internal,101,1

; The second.
[support]
provider = elevenlabs
agent_id = agent_1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    one = tmp_path / "aiconvai.conf"
    one.write_text(FILE)
    one.chmod(0o640)
    return one


def changed(path: Path, name: str = "sales", **changes: list[str]) -> list[str]:
    """Lines that went, with a minus, and that came, with a plus."""
    lines = try_edit(path, name, changes).difference.splitlines()[2:]
    return [line for line in lines if line[0] in "+-"]


def test_an_option_that_is_there_is_changed_in_its_place(path: Path) -> None:
    assert changed(path, prompt=["Be brief; be kind."]) == [
        "-prompt = Be kind\\; be brief.   ; a remark", "+prompt = Be brief\\; be kind.",
    ]  # fmt: skip
    assert changed(path, "support", agent_id=["agent_2"]) == ["-agent_id = agent_1", "+agent_id = agent_2"]


def test_what_is_as_it_was_stays_as_it_is_written(path: Path) -> None:
    assert changed(path, prompt=["Be kind; be brief."]) == []


def test_an_option_that_is_not_there_comes_behind_the_last(path: Path) -> None:
    edited = try_edit(path, "sales", {"first_message": ["Hello"]})
    assert "transfer_to_boss = internal,101,1\nfirst_message = Hello\n\n; The second." in edited.after
    assert changed(path, voice_id=["cedar"]) == ["+voice_id = cedar"], "one that was inherited is its own now"


def test_an_option_is_not_set_any_more(path: Path) -> None:
    assert changed(path, prompt=[]) == ["-prompt = Be kind\\; be brief.   ; a remark"]


def test_all_of_those_that_may_be_repeated(path: Path) -> None:
    assert changed(path, transfer_to=["desk=internal,100,1", "nurse=internal,7,1"]) == [
        "-transfer_to_boss = internal,101,1", "+transfer_to_nurse = internal,7,1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("sales", {"no_input_seconds": ["-1"]}, r"aiconvai.conf:15: \[sales\] no_input_seconds = -1: expected"),
        ("sales", {"prompt": ["two\nlines"]}, "expected a value of one line"),
        ("support", {"agent_id": []}, "agent_id"),
        ("nobody", {"prompt": ["x"]}, "no such section"),
        ("base", {"voice": ["x"]}, "no such section"),
        ("sales", {"api_key": []}, None),
        ("sales", {"voice_id": []}, None),
    ],
)
def test_what_would_be_wrong_is_said_and_not_done(
    path: Path, name: str, changes: dict[str, list[str]], expected: str | None
) -> None:
    if expected is None:
        expected = "this cannot be changed here"
    with pytest.raises(EditError, match=expected):
        try_edit(path, name, changes)
    assert path.read_text() == FILE
    assert [one.name for one in path.parent.iterdir()] == ["aiconvai.conf"]


def test_a_line_that_is_lengthened_is_changed_by_hand(path: Path) -> None:
    path.write_text(FILE + "prompt = a\nprompt += b\n")
    with pytest.raises(EditError, match=r"\+="):
        try_edit(path, "support", {"prompt": ["c"]})


def test_what_is_included_is_changed_there(path: Path) -> None:
    (path.parent / "more.conf").write_text("[extra]\nprovider = elevenlabs\nagent_id = x\n")
    path.write_text(FILE + "#include more.conf\n")
    with pytest.raises(EditError, match="no such section in this file"):
        try_edit(path, "extra", {"agent_id": ["y"]})
    assert changed(path, "support", agent_id=["agent_2"]) != []


def test_the_file_is_replaced_and_the_one_before_is_kept(path: Path) -> None:
    edited = try_edit(path, "support", {"agent_id": ["agent_2"]})
    backup = apply(edited, fingerprint(path), datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC))
    assert backup.name == "aiconvai.conf.20260501-120000.bak"
    assert (backup.read_text(), path.read_text()) == (FILE, edited.after)
    for one in (backup, path):
        assert stat.S_IMODE(one.stat().st_mode) == 0o640
        assert (one.stat().st_uid, one.stat().st_gid) == (os.getuid(), os.getgid())
    assert judge_file(path)[1].valid


def test_who_was_too_late_changes_nothing(path: Path) -> None:
    seen = fingerprint(path)
    edited = try_edit(path, "support", {"agent_id": ["agent_2"]})
    path.write_text(FILE + "; somebody else\n")
    with pytest.raises(EditError, match="somebody else has changed it"):
        apply(edited, seen)
    assert path.read_text().endswith("; somebody else\n")
    assert len(list(path.parent.iterdir())) == 1


def test_a_file_of_another_system_keeps_its_line_ends(path: Path) -> None:
    path.write_bytes(FILE.replace("\n", "\r\n").encode())
    edited = try_edit(path, "support", {"agent_id": ["agent_2"]})
    assert edited.after.count("\r\n") == edited.after.count("\n")


def test_what_a_section_says_itself(path: Path) -> None:
    sections, _ = judge_file(path)
    sales = next(one for one in sections if one.name == "sales")
    assert own_texts(path, sales) == {
        "prompt": ["Be kind; be brief."], "transfer_to": ["desk=internal,100,1", "boss=internal,101,1"],
    }  # fmt: skip
    assert edit.own_texts(path.with_name("other"), sales) == {}


def test_what_a_link_leads_to_is_changed(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.conf"
    link.symlink_to(path)
    edited = try_edit(link, "support", {"agent_id": ["agent_2"]})
    apply(edited, fingerprint(link))
    assert link.is_symlink()
    assert "agent_2" in path.read_text()


def test_each_copy_is_kept(path: Path) -> None:
    now = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)
    names = [apply(try_edit(path, "support", {"agent_id": [f"agent_{n}"]}), fingerprint(path), now).name for n in "234"]
    assert names == [f"aiconvai.conf.20260501-120000{more}.bak" for more in ("", "-1", "-2")]
    assert "agent_3" in (path.parent / names[2]).read_text()
