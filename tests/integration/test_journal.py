"""The journal: a line for each call that is over, whatever happens to the disk meanwhile."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent
from aiconvai.rig.asterisk import Asterisk

__all__ = ["mock_options", "voice"]

INSIDE = "/aiconvai/spool/journal/calls.jsonl"
PARTS, PART_BYTES = 20, 15_000
DIALPLAN = "exten => 100,1,AIConvAI(agent,c)\n same => n,Hangup()"


@pytest.fixture
def journal(asterisk: Asterisk) -> Iterator[Path]:
    """Where it is on this side; there is none at first."""
    path = asterisk.directory / "spool" / "journal" / "calls.jsonl"
    _remove(path)
    yield path
    _remove(path)


def _remove(path: Path) -> None:
    for one in path.parent.glob(f"{path.name}*"):
        one.unlink()


def _begin(voice: Voice, agent: ElevenLabsAgent | None = None, **general: object) -> None:
    voice.general |= {"journal": INSIDE, **{name: str(value) for name, value in general.items()}}
    voice.agent("agent", agent, tool_look="ami", interruption="service")
    voice.dialplan(DIALPLAN)
    voice.apply()


def _call_and_hang_up(voice: Voice) -> None:
    """A call that is over."""
    call = voice.call()
    conversation_id = voice.conversation().record.id
    voice.event("AIConvAIReady", ConversationID=conversation_id)
    call.hangup()
    voice.event("AIConvAIEnd", ConversationID=conversation_id)


def _lines(path: Path) -> list[dict[str, Any]]:
    """Those that are whole: a long one is there bit by bit, and is one with its end of line."""
    whole, _, _ = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
    return [json.loads(line) for line in whole.split(b"\n") if line]


def _first_words(path: Path) -> list[str]:
    """With which each call's first words begin."""
    said = [[one["Text"] for one in line["Events"] if one["Event"] == "AIConvAITranscript"] for line in _lines(path)]
    return [texts[0].split()[0] for texts in said]


def _wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    assert condition()


def _wait_for_lines(path: Path, count: int) -> list[dict[str, Any]]:
    _wait_until(lambda: len(_lines(path)) >= count)
    lines = _lines(path)
    assert len(lines) == count
    return lines


def _says(text: str, event_id: int = 1) -> dict[str, Any]:
    told = {"user_transcript": text, "event_id": event_id}
    return {"type": "user_transcript", "user_transcription_event": told}


def test_a_call_is_a_line_with_all_that_was_told_of_it(voice: Voice, journal: Path) -> None:
    _begin(voice)
    before = time.time()
    call = voice.call()
    conversation = voice.conversation()
    conversation.send(_says("Where is my “parcel”?\nIt is late."))
    conversation.start_tool("look", {"number": 7})
    asked = voice.event("AIConvAIToolCall")
    voice.asterisk.ami.action(
        "AIConvAIToolResult", Channel=voice.channel(), ToolCallID=asked["ToolCallID"], Result="on its way"
    )
    done = voice.event("AIConvAIToolDone")
    assert (done["ToolName"], done["Result"], done["Error"]) == ("look", "on its way", "no")
    assert _lines(journal) == [], "a call that is not over is not in it"
    conversation.close(1000)
    call.wait_ended()
    # It is in the journal before it is told.
    voice.event("AIConvAIEnd")
    (line,) = _wait_for_lines(journal, 1)
    assert (line["Version"], line["LeftOut"]) == (1, 0)
    events = line["Events"]
    names = [event["Event"] for event in events]
    told = [event for event in voice.asterisk.ami.events(since=voice._ami_position) if event.get("Agent") == "agent"]
    assert names == [event.event for event in told]
    assert names[0] == "AIConvAIStart"
    assert names[-1] == "AIConvAIEnd"
    times = [float(event["Time"]) for event in events]
    assert times == sorted(times)
    assert before <= times[0] <= times[-1] <= time.time()
    for written, event in zip(events, told, strict=True):
        own = {key: value for key, value in written.items() if key != "Event"}
        assert own == {key: event[key] for key in own}, written["Event"]
    assert events[0]["Uniqueid"] == events[-1]["Uniqueid"] == told[0]["Uniqueid"]
    assert "Uniqueid" not in events[1]
    (text,) = [event["Text"] for event in events if event["Event"] == "AIConvAITranscript"]
    assert text == "Where is my “parcel”? It is late."


def test_there_is_none_by_itself(voice: Voice, journal: Path) -> None:
    voice.agent("agent")
    voice.dialplan(DIALPLAN)
    voice.apply()
    voice.call().hangup()
    voice.event("AIConvAIEnd")
    assert not journal.exists()


def test_twenty_calls_at_once_are_there_once_each(voice: Voice, journal: Path) -> None:
    _begin(voice)
    calls = [voice.call() for _ in range(20)]
    for call in calls:
        call.hangup()
    lines = _wait_for_lines(journal, 20)
    assert len({line["Events"][0]["Uniqueid"] for line in lines}) == 20


def test_it_is_rotated(voice: Voice, journal: Path) -> None:
    _begin(voice, journal_megabytes=1, journal_files=3)
    for number in range(9):
        call = voice.call()
        conversation = voice.conversation()
        for part in range(PARTS):
            conversation.send(_says(f"{number} " + "x" * PART_BYTES, part + 1))
        voice.event("AIConvAITranscript", EventID=str(PARTS), ConversationID=conversation.record.id)
        call.hangup()
        voice.event("AIConvAIEnd", ConversationID=conversation.record.id)
    files = [journal, journal.with_name(journal.name + ".1"), journal.with_name(journal.name + ".2")]
    _wait_until(lambda: _first_words(journal)[-1:] == ["8"])
    assert all(path.stat().st_size <= 1 << 20 for path in files)
    kept = [word for path in reversed(files) for word in _first_words(path)]
    assert kept == [str(number) for number in range(9)][-len(kept) :]
    assert len(kept) >= 4
    assert not journal.with_name(journal.name + ".3").exists()


def test_who_moves_it_away_gets_another(voice: Voice, journal: Path) -> None:
    _begin(voice)
    voice.call().hangup()
    _wait_for_lines(journal, 1)
    moved = journal.rename(journal.with_name(journal.name + ".moved"))
    voice.call().hangup()
    _wait_for_lines(journal, 1)
    assert len(_lines(moved)) == 1


@pytest.mark.fault("machine.journal-disk-full")
def test_what_cannot_be_written_waits(voice: Voice, journal: Path) -> None:
    _begin(voice, journal="/dev/null/calls.jsonl")
    for _ in range(3):
        _call_and_hang_up(voice)
    voice.wait_for_log(re.escape("journal: '/dev/null/calls.jsonl' cannot be written: "))
    shown = voice.asterisk.cli("aiconvai show stats")
    assert re.search(r"Journal: .* 3 waiting, 0 dropped; it cannot be written", shown)
    voice.general["journal"] = INSIDE
    voice.apply()
    _wait_for_lines(journal, 3)
    voice.wait_for_log(re.escape(f"journal: '{INSIDE}' is written again"))
    assert len(re.findall("cannot be written", voice.log())) == 1


def test_what_waits_is_written_before_the_module_is_gone(voice: Voice, journal: Path) -> None:
    _begin(voice)
    for _ in range(5):
        _call_and_hang_up(voice)
    voice.asterisk.cli("module unload app_aiconvai.so")
    voice.asterisk.cli("module load app_aiconvai.so")
    _wait_for_lines(journal, 5)
