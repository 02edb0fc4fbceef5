"""Processor time of the asterisk process with many calls, against the same calls through Echo() in the same run."""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

from aiconvai.measure.bench import EXTENSIONS, Bench
from aiconvai.measure.channel_statistics import channel_packets
from aiconvai.measure.machine import ProcessTimes, busiest, process_times, stolen_seconds, used_by_others
from aiconvai.measure.results import Cpu, CpuRound, Path
from aiconvai.measure.sipp import SippCalls
from aiconvai.measure.statistics import ratio_of_medians

CALLS = 50
ORDER: tuple[Path, ...] = ("Echo()", "20 ms chunks", "Echo()", "240 ms chunks")
"""Of the rounds; Echo() between the others, so that what changes in the machine meanwhile changes the floor too."""

MOST_OTHER_SHARE = 0.10
MOST_SERVICE_SHARE = 0.90
MOST_STOLEN_SHARE = 0.02
LEAST_PACKET_SHARE = 0.98
LEAST_LEVEL_DBFS = -40.0
_SETTLING_SECONDS = 3.0
_MARGIN_SECONDS = 3.0
_QUIET_SECONDS = 0.5


def measure(bench: Bench, rounds: int, seconds: float) -> tuple[Cpu, list[str]]:
    """So many times the rounds of `ORDER`, each over so many seconds; also what makes the result invalid."""
    done: list[CpuRound] = []
    problems: list[str] = []
    for _ in range(rounds):
        for path in ORDER:
            result, wrong = measure_round(bench, path, seconds)
            done.append(result)
            problems += wrong
    of_path = {path: [one.cpu_percent_of_a_call for one in done if one.path == path] for path in ORDER}
    floor = of_path["Echo()"]
    return Cpu(
        rounds=done,
        echo_percent_of_a_call=statistics.median(floor),
        ratio_20_ms=ratio_of_medians(of_path["20 ms chunks"], floor),
        ratio_240_ms=ratio_of_medians(of_path["240 ms chunks"], floor),
    ), problems


@dataclass(frozen=True)
class _Reading:
    """Processor seconds at one moment."""

    time: float
    asterisk: float
    service: float
    stolen: float
    processes: ProcessTimes


def measure_round(bench: Bench, path: Path, seconds: float) -> tuple[CpuRound, list[str]]:
    """One stretch of steady calls."""
    lasting = CALLS / 20 + 2 * _SETTLING_SECONDS + seconds + _MARGIN_SECONDS
    asterisk = bench.asterisk
    with SippCalls(asterisk.host, asterisk.sip_port, EXTENSIONS[path], CALLS, lasting) as callers:
        time.sleep(callers.ramp_seconds + _SETTLING_SECONDS)
        packets_before, began = channel_packets(asterisk), time.monotonic()
        time.sleep(_QUIET_SECONDS)  # what was asked just now must not be counted
        ours = {os.getpid(), asterisk.pid, bench.service.reader.pid, callers.reader.pid}
        before = _read(bench)
        time.sleep(seconds)
        after = _read(bench)
        packets_after, ended = channel_packets(asterisk), time.monotonic()
        problems, underruns = _module_problems(bench, path) if path != "Echo()" else ([], 0)
    length = after.time - before.time
    expected = (ended - began) / 0.02
    least = {"in": 0, "out": 0}
    if len(packets_before) != CALLS or set(packets_before) != set(packets_after):
        problems.append(f"{len(packets_before)} and then {len(packets_after)} calls instead of {CALLS}")
    else:
        counted = [(packets_before[name], packets_after[name]) for name in packets_before]
        least["in"] = min(later.received - earlier.received for earlier, later in counted)
        least["out"] = min(later.sent - earlier.sent for earlier, later in counted)
        lost = sum(later.receive_lost - earlier.receive_lost for earlier, later in counted)
        if lost:
            problems.append(f"{lost} packets of the callers were lost")
        for direction, count in least.items():
            if count < LEAST_PACKET_SHARE * expected:
                problems.append(f"a call had {count} packets {direction}; expected about {expected:.0f}")
    used = after.asterisk - before.asterisk
    service = (after.service - before.service) / length
    other = used_by_others(before.processes, after.processes, ours) / length
    stolen = (after.stolen - before.stolen) / length
    if service > MOST_SERVICE_SHARE:
        problems.append(f"the mock service used {service:.2f} of a core and may have been the limit")
    if other > MOST_OTHER_SHARE:
        who = busiest(before.processes, after.processes, ours)
        problems.append(f"other processes used {other:.2f} of a core, most of it {who}")
    if stolen > MOST_STOLEN_SHARE:
        problems.append(f"the hypervisor took {stolen:.2f} of a core away")
    return CpuRound(
        path=path,
        calls=CALLS,
        seconds=round(length, 3),
        cpu_seconds=round(used, 3),
        cpu_percent_of_a_call=used / length / CALLS * 100,
        service_share_of_a_core=round(service, 3),
        other_share_of_a_core=round(other, 3),
        least_packets_in=least["in"],
        least_packets_out=least["out"],
        underruns=underruns,
    ), [f"processor time, {path}: {problem}" for problem in problems]


def _read(bench: Bench) -> _Reading:
    return _Reading(
        time.monotonic(),
        bench.asterisk.cpu_seconds(),
        bench.service.reader.cpu_seconds(),
        stolen_seconds(),
        process_times(),
    )


def _module_problems(bench: Bench, path: Path) -> tuple[list[str], int]:
    """Whether each call was with its agent and speech went both ways; and how often audio ran out."""
    ami = bench.asterisk.ami
    since = ami.position()
    ami.action("AIConvAIList")
    ami.wait_for("AIConvAIListComplete", since=since)
    calls = ami.events("AIConvAICall", since=since)
    problems = []
    if len(calls) != CALLS:
        problems.append(f"{len(calls)} calls were with an agent instead of {CALLS}")
    quiet = [
        call["Channel"]
        for call in calls
        if min(float(call["UplinkLevel"]), float(call["DownlinkLevel"])) < LEAST_LEVEL_DBFS
    ]
    if quiet:
        problems.append(f"{len(quiet)} calls were quiet in a direction, such as {quiet[0]}")
    return problems, sum(int(call["Underruns"]) for call in calls)
