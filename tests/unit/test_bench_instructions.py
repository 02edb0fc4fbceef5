"""Counting instructions: the profile's format, and what is said of a row that became dearer."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from aiconvai.rig.bench.callgrind import CallgrindError, read_profile
from aiconvai.rig.bench.instructions import (
    BASELINE,
    CHUNKS_MS,
    Cost,
    Counts,
    ReplayResult,
    Row,
    Toolchain,
    allocation_problems,
    compare,
    row_of,
)

ROOT = Path(__file__).parents[2]

PROFILE = """\
# callgrind format
version: 1
creator: callgrind-3.19.0
pid: 12
cmd:  replay
part: 1

desc: I1 cache:
positions: line
events: Ir
summary: 600

ob=(2) /tmp/replay
fl=(3) replay.c
fn=(14) steady_state
20 100
+2 20
cfi=(4) base64.c
cfn=(16) aic_base64_encode
calls=50 30
+1 430
* 30

fn=(16)
30 200
-5 150
cob=(5) /usr/lib/libyajl.so.2
cfi=(6) ???
cfn=(18) yajl_parse.part.0
calls=3 0
+4 80

ob=(5)
fl=(6)
fn=(18)
0 40
fe=(7) lex.c
fn=(20) yajl_parse
9 10
fn=(24) 0x0000000000002650
0 20
fn=(26) 0x0000000000004d80
0 10
fn=(22) memcpy@@GLIBC_2.14
0 20

totals: 600
"""

TOOLCHAIN = Toolchain(machine="x86_64", compiler="gcc 12.2.0", libc="glibc 2.36", valgrind="valgrind-3.19.0")


def row(instructions: float, *, chunk_ms: int = 20, allocations: float = 0) -> Row:
    return Row(
        provider="elevenlabs",
        chunk_ms=chunk_ms,
        format="ulaw_8000",
        instructions=instructions,
        allocations=allocations,
        top=(),
    )


def counts(*rows: Row, toolchain: Toolchain = TOOLCHAIN) -> Counts:
    return Counts(toolchain=toolchain, rows=rows)


def test_a_profile_is_read() -> None:
    profile = read_profile(PROFILE.splitlines(keepends=True))
    assert profile.total == 600
    assert dict(profile.functions) == {
        "steady_state": 150,
        "aic_base64_encode": 350,
        "yajl_parse": 50,
        "libyajl.so.2": 30,
        "memcpy@@GLIBC_2.14": 20,
    }


def test_a_profile_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(CallgrindError, match="601 instructions, its functions have 600"):
        read_profile(PROFILE.replace("totals: 600", "totals: 601").splitlines())


def test_an_unfinished_profile_is_refused() -> None:
    with pytest.raises(CallgrindError):
        read_profile(PROFILE.replace("totals: 600", "").splitlines())


def test_other_events_are_refused() -> None:
    with pytest.raises(CallgrindError, match="instructions only"):
        read_profile(PROFILE.replace("events: Ir", "events: Ir Dr Dw").splitlines())


def test_counts_are_told_per_20_ms() -> None:
    result = ReplayResult(provider="elevenlabs", chunk_ms=240, format="pcm_16000", frames=50, allocations=5)
    made = row_of(result, read_profile(PROFILE.splitlines()))
    assert (made.instructions, made.allocations) == (12.0, 0.1)
    assert made.top[0] == Cost(function="aic_base64_encode", instructions=7.0)
    assert [cost.instructions for cost in made.top] == [7.0, 3.0, 1.0, 0.6, 0.4]


@pytest.mark.parametrize("now", [1, 999, 1000, 1100])
def test_what_is_cheaper_or_little_dearer_passes(now: float) -> None:
    assert compare(counts(row(1000)), counts(row(now))) == []


def test_what_is_much_dearer_does_not_pass() -> None:
    (problem,) = compare(counts(row(1000), row(500, chunk_ms=240)), counts(row(1101), row(500, chunk_ms=240)))
    for part in ("elevenlabs 20 ms ulaw_8000", "1101", "1000", "+10.1%", "aiconvai instructions --renew REASON"):
        assert part in problem


def test_rows_that_only_one_side_has_do_not_pass() -> None:
    new, old = compare(counts(row(1000)), counts(row(1000, chunk_ms=240)))
    assert new.startswith("elevenlabs 240 ms ulaw_8000: the baseline has no such row")
    assert old.startswith("elevenlabs 20 ms ulaw_8000: in the baseline, but not replayed")


def test_another_toolchain_is_named_where_something_does_not_pass() -> None:
    other = TOOLCHAIN.model_copy(update={"compiler": "gcc 14.2.0"})
    assert compare(counts(row(1000)), counts(row(1000), toolchain=other)) == []
    _, hint = compare(counts(row(1000)), counts(row(2000), toolchain=other))
    assert "gcc 12.2.0" in hint
    assert "gcc 14.2.0" in hint


def test_any_allocation_in_the_steady_state_is_a_problem() -> None:
    assert allocation_problems([row(1000)]) == []
    (problem,) = allocation_problems([row(1000), row(1000, chunk_ms=240, allocations=1 / 2500)])
    assert problem.startswith("elevenlabs 240 ms ulaw_8000: 0.0004 calls of malloc()")


def test_the_committed_baseline_is_one() -> None:
    baseline = Counts.model_validate_json((ROOT / BASELINE).read_text(encoding="utf-8"))
    assert baseline.reason
    assert allocation_problems(baseline.rows) == []
    options = json.loads((ROOT / "configs" / "options.json").read_text(encoding="utf-8"))["options"]
    (providers,) = (option["values"] for option in options if option["name"] == "provider")
    # local is websocket by another name.
    counted = set(providers) - {"local"}
    assert {(row.provider, row.chunk_ms) for row in baseline.rows} == set(product(counted, CHUNKS_MS))
