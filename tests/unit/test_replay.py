"""`aiconvai replay`: a recorded call is told again as it was; a file that is no recording is refused in a sentence."""

from __future__ import annotations

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from engine_host import API_KEY, PRIVATE, PUBLIC, audio, interruption, metadata, tool_call, transcript
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_call import RecordedCall
from typer.testing import CliRunner

from aiconvai.engine.audio import AudioFormat, Encoding, level_dbfs
from aiconvai.replay.cli import app, replayed
from aiconvai.replay.player import Replay, Row, message_of, stand_in
from aiconvai.replay.recorded import DEPTH_MAX, LINE_BYTES_MAX, RecordedError

FIRST: dict[str, Any] = {
    "aiconvai_debug": 1,
    "agent": "sales",
    "line_format": "ulaw_8000",
    "options": [list(option) for option in PUBLIC.items()],
}


@cache
def recorded(private: bool = False) -> tuple[bytes, tuple[str, ...]]:
    """A call with a greeting, an interruption, a key and a tool, to its end; and the names of its events."""
    call = RecordedCall(**(PRIVATE if private else PUBLIC))
    call.give("tick")
    if private:
        call.give("http_reply", status=200, bytes=50)
    call.give("connected")
    call.say(metadata())
    call.say(audio(1, bytes(1600)))
    for _ in range(4):
        call.give("heard", bytes=160)
        call.give("caller_audio", bytes=160, dbfs=-60.0)
        call.wait(20)
    call.say(transcript("stop, please"))
    call.say(interruption(1))
    call.give("key", key="5")
    call.wait(3000)
    call.say(tool_call("call-1"))
    call.give("tool_result", id="call-1", result="done")
    call.give("closed", code=1000, reason="")
    call.wait(1000)
    return call.bytes(), tuple(line["event"] for line in call.lines if line.get("out") == "event")


def run(tmp_path: Path, data: bytes, *options: str) -> tuple[int, str, str]:
    file = tmp_path / "call.jsonl"
    file.write_bytes(data)
    done = CliRunner().invoke(app, [str(file), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout, done.stderr


def lines(*members: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in (FIRST, *members))


@pytest.mark.parametrize("private", [False, True])
def test_a_recorded_call_is_told_again(tmp_path: Path, private: bool) -> None:
    data, events = recorded(private)
    assert {"ready", "interrupted", "keys", "tool_call", "tool_done", "ended"} <= set(events)
    assert API_KEY.encode() not in data
    status, told, problems = run(tmp_path, data, "--json")
    assert (status, problems) == (0, "")
    rows = [json.loads(line) for line in told.splitlines()]
    now = [row["what"] for row in rows if row["side"] == "now" and row["what"] in events]
    assert [name for name in now if name in set(events)] == list(events)


def test_another_transcript_is_a_difference(tmp_path: Path) -> None:
    data, _ = recorded()
    changed = data.replace(b'"text": "stop, please"', b'"text": "go on, please"')
    assert changed != data
    status, told, _ = run(tmp_path, changed, "--json")
    (difference,) = [row for row in map(json.loads, told.splitlines()) if row["side"] == "differs"]
    assert status == 1
    assert difference["what"] == "transcript"
    assert difference["detail"] == {"text": {"recorded": "go on, please", "now": "stop, please"}}


def test_an_event_that_only_one_side_tells_is_a_difference(tmp_path: Path) -> None:
    data, _ = recorded()
    without = b"".join(line for line in data.splitlines(keepends=True) if b'"event": "interrupted"' not in line)
    status, told, _ = run(tmp_path, without)
    assert status == 1
    assert "interrupted was not told then" in told
    assert "1 differences" in told


def test_until_leaves_the_rest_out_and_is_no_difference(tmp_path: Path) -> None:
    data, _ = recorded()
    status, told, _ = run(tmp_path, data, "--json", "--until", "90")
    rows = [json.loads(line) for line in told.splitlines()]
    assert status == 0
    assert max(row["ms"] for row in rows) <= 90
    assert "interrupted" in {row["what"] for row in rows}
    assert "tool_call" not in {row["what"] for row in rows}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "line 1: the file is empty"),
        (b"{}\n", "line 1: it is no recording"),
        (b"[]\n", "line 1: it is []"),
        (lines()[:-1], "line 1: it is cut off"),
        (b"\xff\xfe\n", "line 1: it is not JSON"),
        (lines() + b"{\n", "line 2: it is not JSON"),
        (lines() + b"[" * 100_000 + b"\n", "line 2: it is n"),
        (lines() + b'{"ms": 0, "x": ' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}\n", "line 2: it is nested"),
        (lines() + b'{"ms": NaN}\n', "line 2: it is not JSON: NaN"),
        (lines() + b'{"ms": 0, "x": 1e999}\n', "line 2: it has a number that is too large"),
        (lines() + b" " * (LINE_BYTES_MAX + 1), "line 2: it is longer than"),
        (lines({"in": "tick"}), "line 2: 'ms' is None"),
        (lines({"ms": 5, "in": "tick"}, {"ms": 4, "in": "tick"}), "line 3: 'ms' is 4, before"),
        (lines({"ms": 0, "in": "dance"}), "line 2: 'in' is 'dance'"),
        (lines({"ms": 0, "in": "key", "key": "55"}), "line 2: 'key' is '55'"),
        (lines({"ms": 0, "in": "caller_audio", "bytes": 2**40}), "line 2: 'bytes' is"),
        (lines({"ms": 0, "in": "message", "parts": ["a", 2**40]}), "line 2: 'parts' has more than"),
        (lines({"ms": 0, "in": "context", "text": "a\0b"}), "line 2: "),
        (lines({"ms": 0, "in": "end", "status": "TIRED"}), "line 2: 'TIRED' is not a valid Status"),
        (lines(*[{"ms": 0, "out": "event", "event": "e", "x": "y" * 900_000}] * 10), "line 11: more than"),
        (lines(*[{"ms": 0, "out": "event", "event": "e"}] * 10_001), "line 10002: more than"),
        (json.dumps(FIRST | {"line_format": "mp3"}).encode() + b"\n", "line 1: 'mp3' is no audio format"),
        (json.dumps(FIRST | {"secrets": ["agent_id"]}).encode() + b"\n", "line 1: 'secrets' has 'agent_id'"),
        (json.dumps(FIRST | {"from_start": False}).encode() + b"\n", "line 1: the recording began in the middle"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path: Path, data: bytes, problem: str) -> None:
    status, _, problems = run(tmp_path, data)
    assert status == 2
    assert problem in problems
    assert len(problems.splitlines()) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [str(tmp_path / "none.jsonl")])
    assert done.exit_code == 2
    assert "No such file" in done.stderr


def test_a_terminal_is_not_driven_by_a_recording(tmp_path: Path) -> None:
    _, told, _ = run(tmp_path, lines({"ms": 0, "out": "\x1b[2J", "text": "\x9b2J [bold]"}))
    assert "\x1b[2J" not in told
    assert "\x9b" not in told
    assert "[bold]" in told


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_replayed_or_refused(data: st.DataObject) -> None:
    whole = bytearray(recorded()[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        damage = data.draw(st.binary(max_size=4))
        whole[at : at + data.draw(st.integers(0, 40))] = damage
        if not whole:
            break
    cut = data.draw(st.integers(0, len(whole)))
    try:
        rows = list(replayed(io.BytesIO(whole[: cut or len(whole)]), None))
    except RecordedError as error:
        refused = error
    else:
        assert isinstance(rows[-1], Replay)
        differing = sum(isinstance(row, Row) and row.side == "differs" for row in rows)
        assert rows[-1].differences == differing
        return
    assert str(refused).startswith(f"line {refused.number}: ")


@pytest.mark.parametrize("dbfs", [-50.0, -20.0, -6.0])
@pytest.mark.parametrize("audio_format", [AudioFormat(Encoding.ULAW, 8000), AudioFormat(Encoding.PCM16, 16000)])
def test_what_stands_in_is_as_long_and_as_loud(audio_format: AudioFormat, dbfs: float) -> None:
    size = audio_format.bytes_of(20)
    made = stand_in(audio_format, size, dbfs)
    assert len(made) == size
    assert level_dbfs(audio_format.encoding, made) == pytest.approx(dbfs, abs=0.7)


@pytest.mark.parametrize("characters", [0, 1, 3, 4, 6, 4000])
def test_audio_in_a_message_is_as_long_as_it_was(characters: int) -> None:
    assert len(message_of(['{"a": "', characters, '"}'])) == len('{"a": ""}') + characters
