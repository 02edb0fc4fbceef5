#!/usr/bin/env python3
"""Walks of the model of a call on a real Asterisk: many calls at once, each going its own way by a seed.

walks.py --minutes 60 --seed 7              on Asterisk 16 and 22; a failure says how to repeat it
walks.py --seed 7 --walk 12 --asterisk 16   that one walk alone
walks.py --record                           notes what came of it in docs/reliability.json
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / folder) for folder in ("helpers", "model", "integration")]

from call_model.plan import described  # noqa: E402
from reliability import record_run  # noqa: E402

from aiconvai.rig.asterisk import VERSIONS, Asterisk, AsteriskVersion, build_module  # noqa: E402
from aiconvai.rig.awake import processors_awake  # noqa: E402
from walks import Counts, Walks, keep, walks_of  # noqa: E402


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", default=str(int(time.time())))
    parser.add_argument("--walk", type=int, help="only that one of the run")
    parser.add_argument("--calls", type=int, default=10, help="at once")
    parser.add_argument("--asterisk", type=int, choices=VERSIONS, action="append")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args(arguments)
    versions = tuple(given.asterisk or VERSIONS)
    print(f"seed {given.seed}", flush=True)
    rows: list[dict[str, object]] = []
    failed = False
    with processors_awake():
        for version in versions:
            counts = run(version, given.seed, given.walk, given.calls, given.minutes * 60 / len(versions))
            failed |= bool(counts.problems)
            rows.append(row(version, counts))
            print(rows[-1], flush=True)
    if given.record and given.walk is None:
        record_run("walks", rows)
    return int(failed)


def run(version: AsteriskVersion, seed: str, only: int | None, calls: int, seconds: float) -> Counts:
    """Round after round until the time is over."""
    until = time.monotonic() + seconds
    all_walks = walks_of(seed, only or 0)
    module = build_module(version)
    with Asterisk(version, module=module, module_config="[general]\n") as asterisk:
        _warm_up(asterisk)
        with Walks(asterisk, 1 if only is not None else calls) as walks:
            first = only or 0
            while True:
                shown = len(walks.counts.verdicts)
                results = walks.take(list(islice(all_walks, walks.at_once)))
                for number, result in enumerate(results, first):
                    if result.problem:
                        keep(result.walk, result.problem)
                        print(f"\nAsterisk {version}, --seed {seed} --walk {number}: {result.walk.kind}")
                        print(f"{described(result.walk.steps)}\n{result.problem}")
                        print(f"told: {result.told}\nerrors: {result.errors}", flush=True)
                    elif only is not None:
                        print(f"{described(result.walk.steps)}\ntold: {result.told}, late: {result.late}")
                for verdict in walks.counts.verdicts[shown:]:
                    print(f"\nAsterisk {version}: {verdict}", flush=True)
                first += walks.at_once
                if only is not None or time.monotonic() > until:
                    return walks.counts


def _warm_up(asterisk: Asterisk) -> None:
    """What Asterisk makes at its first call and keeps is not counted as left behind."""
    mark = asterisk.ami.position()
    asterisk.ami.action("Originate", Channel="Local/wait@default", Application="System", Data="true", Async="true")
    asterisk.ami.wait_for("Hangup", since=mark)


def row(version: AsteriskVersion, counts: Counts) -> dict[str, object]:
    """Of the table in docs/reliability.md."""
    return {
        "Asterisk": version,
        "walks": counts.walks,
        "events": counts.steps,
        "state and event": len(counts.transitions),
        "ended": ", ".join(f"{count} {status}" for status, count in sorted(counts.statuses.items())),
        "machine too late": counts.late,
        "`Echo()`, packets (lost)": f"{counts.echo_packets} ({counts.echo_lost})",
        "`Echo()`, most off its time": f"{counts.echo_off_ms:.0f} ms",
        "slowest CLI": f"{counts.slowest_answer:.2f} s",
        "disagreements": len(counts.problems),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
