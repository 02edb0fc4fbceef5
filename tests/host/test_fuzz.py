"""Programs of libFuzzer (tests/fuzz/), for as long as a test may take: from what usually comes. Longer: make fuzz."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_seeds import SEEDS, short_of_memory, write_seeds
from fuzzing import fuzzer, run_fuzzer

# Each waits for the builds of the others in the same folder.
pytestmark = pytest.mark.timeout(600)

_RUNS = {
    "audiosocket_fuzz": 200_000,
    "rtp_fuzz": 200_000,
    "websocket_frame_fuzz": 50_000,
    "json_fuzz": 50_000,
    "text_fuzz": 50_000,
    "options_fuzz": 5_000,
    "conversation_fuzz": 2_500,
}
_SEED = 20_261_130
_EVERY = 23
"""Of the allocations of a conversation, one in so many fails: all of them take a minute."""


def test_each_program_is_run() -> None:
    root = Path(__file__).parents[1] / "fuzz"
    assert _RUNS.keys() == SEEDS.keys() == {path.stem for path in root.glob("*_fuzz.c")}


@pytest.mark.parametrize("name", _RUNS)
def test_nothing_that_comes_is_read_wrong(tmp_path: Path, name: str) -> None:
    corpus = tmp_path / "corpus"
    seeds = write_seeds(name, corpus)
    program = fuzzer(name, tmp_path)
    run = run_fuzzer(program, corpus, tmp_path / "findings", f"-runs={_RUNS[name]}", seed=_SEED, timeout=300)
    assert run.finding is None, run.finding
    assert run.inputs >= _RUNS[name]
    assert run.kept > min(seeds, 10) // 2


@pytest.mark.fault("asterisk.engine-allocation-fails")
def test_memory_may_be_short_at_any_moment(tmp_path: Path) -> None:
    """At one allocation, and at all from there on."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    count = 0
    for name, seed in short_of_memory(range(1, 800, _EVERY)):
        (corpus / name).write_bytes(seed)
        count += 1
    program = fuzzer("conversation_fuzz", tmp_path)
    run = run_fuzzer(program, corpus, tmp_path / "findings", "-runs=0", seed=_SEED, timeout=300)
    assert run.finding is None, run.finding
    assert run.inputs >= count > 1000
