#!/usr/bin/env python3
"""Looks for inputs with which the engine, or what reads the gateway's sockets, does what it must not.

    make fuzz SECONDS=600               each program of tests/fuzz/ for ten minutes, as many at once as there are cores
    tools/fuzz.py --seconds 60 json_fuzz

What is found stays in build/fuzz-runs/findings/, to be given to the program once more and to become a test; inputs that
take new ways through the code stay in build/fuzz-runs/corpus/, and the next run begins with them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from fuzz_seeds import SEEDS, write_seeds
from fuzzing import FuzzRun, fuzzer, run_fuzzer
from reliability import record_run

from aiconvai.rig.asterisk.images import repository_root

_PATIENCE_SECONDS = 120
"""In which a run reads what it begins with, besides the time that it was given."""


def run(name: str, seconds: int, seed: int) -> FuzzRun:
    """One program, beside others."""
    folder = repository_root() / "build" / "fuzz-runs"
    corpus = folder / "corpus" / name
    write_seeds(name, corpus)
    with tempfile.TemporaryDirectory() as programs:
        program = fuzzer(name, Path(programs))
        limit = f"-max_total_time={seconds}"
        return run_fuzzer(
            program, corpus, folder / "findings" / name, limit, seed=seed, timeout=seconds + _PATIENCE_SECONDS
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", help="of tests/fuzz/; all")
    parser.add_argument("--seconds", type=int, default=120, help="each; 120")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of what is made up; the time")
    parser.add_argument("--record", action="store_true", help="note it in docs/reliability.json")
    given = parser.parse_args()
    if unknown := set(given.programs) - SEEDS.keys():
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(SEEDS)}")
    names = given.programs or list(SEEDS)
    print(f"seed {given.seed}", flush=True)
    print("| program | inputs | branches | kept | |\n| --- | --- | --- | --- | --- |", flush=True)
    failed = False
    rows = []
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        runs = [(name, threads.submit(run, name, given.seconds, given.seed)) for name in names]
        for name, future in runs:
            one = future.result()
            failed |= one.finding is not None
            verdict = "nothing found" if one.finding is None else "FOUND"
            rows.append([f"`{name}`", f"{one.inputs:,}", str(one.branches), str(one.kept), verdict])
            print(f"| {' | '.join(rows[-1])} |", flush=True)
            if one.finding:
                print(one.finding, file=sys.stderr, flush=True)
    if given.record:
        columns = ("program", "inputs", "branches", "kept", "found")
        record_run("fuzz", [dict(zip(columns, row, strict=True)) | {"seconds": given.seconds} for row in rows])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
