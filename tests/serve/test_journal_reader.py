"""What is read of a journal: every call once, whichever file it is in, and never half of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aiconvai.serve.events import Ended, Started, ToolDone, Transcript, Unknown, UnreadableEventError, read_event
from aiconvai.serve.journal import Position, Read, read_journal

OWN = {"Agent": "sales", "ConversationID": "conv_1", "Record": "1764434123.17", "Time": "1764434126.020145"}
SAID = {"Event": "AIConvAITranscript", **OWN, "Role": "caller", "Final": "yes", "Correction": "no", "Turn": "1",
        "SpokenMs": "2110", "Text": "Where is my parcel?"}  # fmt: skip


def line(number: int, *events: dict[str, str]) -> str:
    whole = {"Version": 1, "LeftOut": 0, "Events": [{**SAID, "Text": str(number)}, *events]}
    return json.dumps(whole, separators=(",", ":")) + "\n"


def texts(reads: list[Read]) -> list[str]:
    assert all(read.problems == () for read in reads)
    return [read.call.events[0].text for read in reads if read.call and isinstance(read.call.events[0], Transcript)]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "calls.jsonl"
    path.write_text(line(1) + line(2))
    return path


# Events ---------------------------------------------------------------------------------------------------


def test_headers_are_fields() -> None:
    event = read_event(SAID)
    assert isinstance(event, Transcript)
    assert (event.record, event.agent, event.role, event.final) == ("1764434123.17", "sales", "caller", True)
    assert (event.turn, event.spoken_ms, event.text) == (1, 2110, "Where is my parcel?")
    assert event.time == 1764434126.020145
    assert event.when.isoformat() == "2025-11-29T16:35:26.020145+00:00"


def test_what_a_newer_module_says_is_kept() -> None:
    event = read_event({**SAID, "Confidence": "0.97"})
    assert event is not None
    assert event.model_extra == {"Confidence": "0.97"}
    unknown = read_event({"Event": "AIConvAISurprise", **OWN, "What": "this"})
    assert isinstance(unknown, Unknown)
    assert (unknown.event, unknown.record, unknown.model_extra) == ("AIConvAISurprise", OWN["Record"], {"What": "this"})


def test_events_of_asterisk_are_none() -> None:
    assert read_event({"Event": "Newchannel", "Uniqueid": "1.1"}) is None
    assert read_event({}) is None


@pytest.mark.parametrize(("header", "value"), [("Role", "nobody"), ("Turn", "-1"), ("Time", "now"), ("Record", "")])
def test_nonsense_is_refused_with_its_place(header: str, value: str) -> None:
    with pytest.raises(UnreadableEventError, match=f"AIConvAITranscript: {header}: .*, got '{value}'"):
        read_event({**SAID, header: value})


def test_the_first_and_the_last_event_tell_the_channel() -> None:
    channel = {"Channel": "PJSIP/trunk-1", "Uniqueid": "1.1", "Linkedid": "1.0", "CallerIDNum": "+42", "Exten": "100"}
    begun = read_event({"Event": "AIConvAIStart", **channel, **OWN, "LineFormat": "ulaw_8000"})
    assert isinstance(begun, Started)
    assert (begun.caller_number, begun.linked_id, begun.extension) == ("+42", "1.0", "100")
    over = read_event({"Event": "AIConvAIEnd", **channel, **OWN, "Status": "COMPLETED", "DurationMs": "41873"})
    assert isinstance(over, Ended)
    assert (over.status, over.duration_ms) == ("COMPLETED", 41873)


# The file -------------------------------------------------------------------------------------------------


def test_all_of_it_and_then_what_is_new(journal: Path) -> None:
    reads = list(read_journal(journal))
    assert texts(reads) == ["1", "2"]
    assert list(read_journal(journal, reads[-1].position)) == []
    assert texts(list(read_journal(journal, reads[0].position))) == ["2"]
    with journal.open("a") as more:
        more.write(line(3))
    assert texts(list(read_journal(journal, reads[-1].position))) == ["3"]


def test_half_a_line_is_for_the_next_time(journal: Path) -> None:
    whole = line(3)
    with journal.open("a") as more:
        more.write(whole[:40])
    reads = list(read_journal(journal))
    assert texts(reads) == ["1", "2"]
    with journal.open("a") as more:
        more.write(whole[40:])
    assert texts(list(read_journal(journal, reads[-1].position))) == ["3"]


def test_a_journal_that_was_renamed_is_read_to_its_end_first(journal: Path) -> None:
    position = next(iter(read_journal(journal))).position
    journal.rename(journal.with_name("calls.jsonl.1"))
    journal.write_text(line(3))
    assert texts(list(read_journal(journal, position))) == ["2", "3"]
    journal.with_name("calls.jsonl.1").rename(journal.with_name("calls.jsonl.2"))
    journal.rename(journal.with_name("calls.jsonl.1"))
    journal.write_text(line(4))
    assert texts(list(read_journal(journal, position))) == ["2", "3", "4"]
    assert texts(list(read_journal(journal))) == ["1", "2", "3", "4"]


def test_where_the_file_is_gone_all_is_read_again(journal: Path) -> None:
    assert texts(list(read_journal(journal, Position(inode=1, offset=10)))) == ["1", "2"]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert list(read_journal(tmp_path / "calls.jsonl")) == []


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ("nonsense", "no line of a journal: Invalid JSON"),
        ("[]", "no line of a journal"),
        (json.dumps({"Version": 2, "LeftOut": 0, "Events": []}), "version 2 of a journal; expected 1"),
        (json.dumps({"Version": 1, "LeftOut": 0}), "no line of a journal: Field required"),
    ],
)
def test_a_wrong_line_is_told_and_passed_over(journal: Path, wrong: str, problem: str) -> None:
    with journal.open("a") as more:
        more.write(wrong + "\n" + line(3))
    first, second, bad, last = read_journal(journal)
    assert texts([first, second, last]) == ["1", "2", "3"]
    assert bad.call is None
    assert f"calls.jsonl, byte {second.position.offset}: " in bad.problems[0]
    assert problem in bad.problems[0]


def test_an_event_that_makes_no_sense_costs_not_the_call(journal: Path) -> None:
    done: dict[str, Any] = {"Event": "AIConvAIToolDone", **OWN, "ToolCallID": "c1", "ToolName": "look", "Error": "no"}
    journal.write_text(line(1, {**SAID, "Turn": "x"}, {**done, "Result": "found"}))
    (read,) = read_journal(journal)
    assert len(read.problems) == 1
    assert read.call is not None
    assert isinstance(read.call.events[1], ToolDone)
