#!/usr/bin/env python3
"""Changes the engine in small ways, one at a time, and looks which changes no unit test notices.

    make mutants                                 600 of them, from all files of core/ and providers/
    tools/mutate.py --limit 2000 --seed 7        others, more of them
    tools/mutate.py --file outbox --survived     once more those of a file that nobody noticed, after writing tests
    tools/mutate.py --show                       what survived, by file

A change that was tried is not tried again, unless it survived and --survived asks for it, or its file has changed:
build/mutants/results.jsonl has what came of each. An interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import random
import re
import shlex
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

from mutant_runs import DEATHS, NOT_REACHED, run_mutants
from mutant_sources import Mutant, Sources, compile_mutants
from reliability import record_run

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "app_aiconvai"
FOLDER = ROOT / "build" / "mutants"
RESULTS = FOLDER / "results.jsonl"
LIBRARY = FOLDER / "libaiconvai_engine.so"
TESTS = ("tests/unit/test_engine_*.py", "tests/unit/test_provider_*.py", "tests/unit/test_event_copy.py")
LINK = ("-lyajl", "-lspeexdsp", "-lkissfft-float", "-lm")
Z = 1.96
"""Of an interval that holds the true share in 95 of 100 runs."""


def build() -> Sources:
    """The library with all mutants, made anew where anything of the engine, or how mutants are made, has changed."""
    read = [*SOURCE.rglob("*.[ch]"), ROOT / "tests/helpers/mutant_sources.py", ROOT / "build/compile_commands.json"]
    of = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(read))).hexdigest()
    made = FOLDER / "made.json"
    if made.exists() and LIBRARY.exists():
        kept = json.loads(made.read_text())
        if kept["of"] == of:
            return Sources([Mutant(**row) for row in kept["mutants"]], Counter(kept["left_out"]))
    database = json.loads((ROOT / "build" / "compile_commands.json").read_text())
    files: list[tuple[Path, str, Sequence[str]]] = []
    for entry in database:
        path = (Path(entry["directory"]) / entry["file"]).resolve()
        if "aiconvai_engine_static" in entry["output"] and path.is_relative_to(SOURCE):
            files.append((path, str(path.relative_to(SOURCE)), _arguments(entry)))
    mutated = [file for file in files if file[1].startswith(("core/", "providers/"))]
    others = [file for file in files if file not in mutated]
    FOLDER.mkdir(parents=True, exist_ok=True)
    objects = []
    for path, name, arguments in others:
        objects.append(FOLDER / f"{name.replace('/', '__')}.o")
        subprocess.run(["gcc", *arguments, "-w", "-O1", "-fPIC", "-c", path, "-o", objects[-1]], check=True)
    (FOLDER / "engine_cdef.h").write_bytes((ROOT / "build" / "app_aiconvai" / "engine_cdef.h").read_bytes())
    sources = compile_mutants(mutated, FOLDER / "sources", LIBRARY, LINK, objects)
    rows = [asdict(one) for one in sources.mutants]
    made.write_text(json.dumps({"of": of, "left_out": sources.left_out, "mutants": rows}))
    return sources


def _arguments(entry: dict[str, str]) -> list[str]:
    """What matters of how the build compiles a file, wherever that is done from."""
    kept = []
    for argument in shlex.split(entry["command"]):
        if match := re.fullmatch(r"-(I|isystem)(.+)", argument):
            kept.append(f"-{match[1]}{(Path(entry['directory']) / match[2]).resolve()}")
        elif argument.startswith(("-D", "-std=", "-fno-strict-aliasing")) and "FORTIFY" not in argument:
            kept.append(argument)
    return kept


def sampled(mutants: Iterable[Mutant], seed: int) -> list[Mutant]:
    """In an order of which every beginning has of each file what its share of all is."""
    by_file: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_file[mutant.file].append(mutant)
    placed = []
    chance = random.Random(seed)
    for _, own in sorted(by_file.items()):
        chance.shuffle(own)
        placed += [((at + chance.random()) / len(own), mutant) for at, mutant in enumerate(own)]
    return [mutant for _, mutant in sorted(placed, key=lambda one: one[0])]


def interval(part: int, whole: int) -> tuple[float, float]:
    """Wilson's, of a share."""
    if not whole:
        return 0.0, 1.0
    share = part / whole
    middle = share + Z * Z / (2 * whole)
    width = Z * math.sqrt(share * (1 - share) / whole + Z * Z / (4 * whole * whole))
    return (middle - width) / (1 + Z * Z / whole), (middle + width) / (1 + Z * Z / whole)


def read_results() -> dict[str, dict[str, Any]]:
    """What came of each, of files that are as they were; the newest where there are several."""
    found: dict[str, dict[str, Any]] = {}
    if RESULTS.exists():
        for line in RESULTS.read_text().splitlines():
            row = json.loads(line)
            if row["of"] == _digest(row["file"]):
                found[row["key"]] = row
    return found


_digests: dict[str, str] = {}


def _digest(file: str) -> str:
    if file not in _digests:
        path = SOURCE / file
        _digests[file] = hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""
    return _digests[file]


def table(rows: Iterable[dict[str, Any]], by_file: bool) -> list[dict[str, object]]:
    """By room, or by file."""
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for place in (row["file"] if by_file else str(Path(row["file"]).parent), "all"):
            places[place][row["came"]] += 1
    last = places.pop("all", Counter())
    told: list[dict[str, object]] = []
    for place, came in [*sorted(places.items()), ("all", last)]:
        whole, dead = came.total(), sum(came[death] for death in DEATHS)
        low, high = interval(dead, whole)
        share = f"{100 * dead / max(whole, 1):.1f} %"
        told.append(
            {
                "where": place,
                "mutants": whole,
                "killed": dead,
                "survived": whole - dead,
                "of these not reached": came[NOT_REACHED],
                "share": share,
                "95 %": f"{100 * low:.0f}-{100 * high:.0f}",
            }
        )
    return told


def print_table(rows: list[dict[str, object]]) -> None:
    print(f"| {' | '.join(rows[0])} |\n|{' --- |' * len(rows[0])}")
    for row in rows:
        print(f"| {' | '.join(map(str, row.values()))} |")


def show(rows: Iterable[dict[str, Any]]) -> None:
    for row in sorted(rows, key=lambda row: (row["file"], row["line"])):
        if row["came"] not in DEATHS:
            print(f"{row['file']}:{row['line']}: {row['change']}: {row['was']} -> {row['becomes']} ({row['came']})")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=600, help="so many in all, those tried before included; 600")
    parser.add_argument("--share", type=float, help="this share of all instead, 0 to 1")
    parser.add_argument("--minutes", type=float, default=math.inf, help="and no longer than that")
    parser.add_argument(
        "--seconds-each",
        type=float,
        default=2.0,
        help="of tests for each; 2: some that survive would not survive all tests; inf: all of them",
    )
    parser.add_argument("--seed", type=int, default=1, help="of which are tried; 1")
    parser.add_argument("--file", action="append", help="only of files with this in their name")
    parser.add_argument("--survived", action="store_true", help="only those that survived before, once more")
    parser.add_argument("--show", action="store_true", help="only show what survived")
    parser.add_argument("--record", action="store_true", help="note it in docs/reliability.json")
    given = parser.parse_args()
    known = read_results()
    chosen = [row for row in known.values() if not given.file or any(part in row["file"] for part in given.file)]
    if not given.show:
        os.environ["AICONVAI_ENGINE"] = str(LIBRARY)
        sources = build()
        left_out = ", ".join(f"{rule}: {places}" for rule, places in sorted(sources.left_out.items()))
        print(f"{len(sources.mutants)} mutants; left out: {left_out}", flush=True)
        of = [one for one in sources.mutants if not given.file or any(part in one.file for part in given.file)]
        limit = round(given.share * len(of)) if given.share is not None else given.limit
        order = sampled(of, given.seed)[:limit]
        if given.survived:
            wanted = [one for one in of if one.key in known and known[one.key]["came"] not in DEATHS]
        else:
            wanted = [one for one in order if one.key not in known]
        _run(wanted, len(sources.mutants), given.minutes, given.seconds_each)
        known = read_results()
        keys = {one.key for one in of}
        chosen = [row for key, row in known.items() if key in keys]
    if not chosen:
        print("nothing was tried yet")
        return 1
    show(chosen)
    print_table(table(chosen, by_file=True))
    rooms = table(chosen, by_file=False)
    print_table(rooms)
    if given.record:
        record_run("mutants", list(rooms))
    return 0


class _Enough(Exception):
    """Of time."""


def _run(mutants: Sequence[Mutant], count: int, minutes: float, seconds_each: float) -> None:
    end = time.monotonic() + 60 * minutes
    tests = sorted(str(path) for pattern in TESTS for path in ROOT.glob(pattern))
    os.chdir(ROOT)
    print(f"{len(mutants)} to be tried", flush=True)
    with RESULTS.open("a") as results:

        def note(mutant: Mutant, came: str, test: str, seconds: float) -> None:
            row = {
                "key": mutant.key,
                "of": _digest(mutant.file),
                "file": mutant.file,
                "line": mutant.line,
                "change": mutant.change,
                "was": mutant.was,
                "becomes": mutant.becomes,
                "came": came,
                "test": test,
                "seconds": round(seconds, 2),
            }
            results.write(json.dumps(row) + "\n")
            results.flush()
            if time.monotonic() > end:
                raise _Enough

        try:
            broken = run_mutants(
                tests, LIBRARY, mutants, count, FOLDER / "reached.json", note, seconds_each=seconds_each
            )
        except _Enough:
            return
    if broken:
        print(f"left out, for they fail even of the unchanged source: {', '.join(broken)}")


if __name__ == "__main__":
    sys.exit(main())
