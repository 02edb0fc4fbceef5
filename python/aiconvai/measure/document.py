"""The measurements as a page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aiconvai.measure.cpu import (
    CALLS,
    LEAST_PACKET_SHARE,
    MOST_OTHER_SHARE,
    MOST_SERVICE_SHARE,
    MOST_STOLEN_SHARE,
)
from aiconvai.measure.holdings import FEW, MANY
from aiconvai.measure.machine import QUIET_LOAD
from aiconvai.measure.results import Measurements, RoundTrips
from aiconvai.measure.validity import CALLER_LEAST_SHARE, CALLER_TOLERANCE_MS, CLOCK_STEP_MS


@dataclass(frozen=True)
class Row:
    """One number; `met` is None where there is no aim."""

    asterisk: int
    name: str
    value: str
    aim: str = ""
    met: bool | None = None


def rows(measurements: Measurements) -> Iterator[Row]:
    """Every number of the table, in its order."""
    for version in sorted({one.asterisk for one in measurements.round_trips}, reverse=True):
        yield from _round_trip_rows(measurements, version)
    for spacing in measurements.spacing:
        summary = spacing.summary
        length = f"{spacing.seconds:.0f} s"
        yield Row(
            spacing.asterisk,
            f"packet spacing over {length}, median",
            f"{summary.p50:.3f} ms",
            "20.0 ms",
            abs(summary.p50 - 20) < 0.05,
        )
        share = spacing.share_within_1_ms
        yield Row(spacing.asterisk, "packets within 1 ms of 20 ms", f"{share:.2%}", "99 %", share >= 0.99)
        yield Row(
            spacing.asterisk, "packet spacing, p99 and largest", f"{summary.p99:.2f} ms, {summary.maximum:.2f} ms"
        )
        drift = spacing.drift_ppm
        yield Row(spacing.asterisk, f"drift over {length}", f"{drift:+.2f} ppm", "none (below 5 ppm)", abs(drift) < 5.0)
    for interruptions in measurements.interruptions:
        summary = interruptions.summary
        share = interruptions.share_within_20_ms
        name = f"silence within 20 ms of an interruption ({summary.count} of them)"
        yield Row(interruptions.asterisk, name, f"{share:.1%}", "99 %", share >= 0.99)
        values = f"{summary.p50:.1f} ms, {summary.p99:.1f} ms, {summary.maximum:.1f} ms"
        yield Row(interruptions.asterisk, "interruption to silence, median, p99, largest", values)
    if (cpu := measurements.cpu) is not None:
        yield Row(
            22, f"processor time with {CALLS} calls, Echo()", f"{cpu.echo_percent_of_a_call:.3f} % of a core for a call"
        )
        for name, ratio, most in (("20 ms", cpu.ratio_20_ms, 2.0), ("240 ms", cpu.ratio_240_ms, 1.3)):
            yield Row(
                22, f"the same with {name} chunks", f"{ratio:.2f} times Echo()", f"below {most:g} times", ratio < most
            )
    for one in measurements.holdings:
        value = f"{one.memory_kib:.0f} KiB, {one.threads:.2f} threads, {one.file_descriptors:.2f} descriptors"
        yield Row(22, f"one more call, {one.path}", value)


def _round_trip_rows(measurements: Measurements, version: int) -> Iterator[Row]:
    echo = measurements.round_trips_of(version, "Echo()")
    if echo is None:
        return
    yield Row(version, "round trip through Echo(), the network's zero", _percentiles(echo))
    for path, most in (("20 ms chunks", 5.0), ("240 ms chunks", 245.0)):
        trips = next((one for one in measurements.round_trips if (one.asterisk, one.path) == (version, path)), None)
        if trips is not None:
            met = trips.summary.p50 < most
            yield Row(version, f"round trip, {path}", _percentiles(trips), f"median below {most:g} ms", met)
            more = trips.summary.p50 - echo.summary.p50
            yield Row(version, f"median more than Echo(), {path}", f"{more:.2f} ms")


def _percentiles(trips: RoundTrips) -> str:
    summary = trips.summary
    return f"median {summary.p50:.2f}, p95 {summary.p95:.2f}, p99 {summary.p99:.2f} ms ({summary.count})"


def render(measurements: Measurements) -> str:
    """The whole page, in Markdown. Its pictures are in images/ beside it."""
    return "\n".join(
        [
            "# Measurements",
            "",
            f"Made by `aiconvai measure{' --quick' if measurements.quick else ''}` on {measurements.made}. All numbers "
            "are of one run on one machine over the loopback: what a network and a real service add is not in them.",
            "",
            *_machine(measurements),
            "",
            *_invalid(measurements),
            "| Asterisk | what | measured | aim | met |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {row.asterisk} | {row.name} | {row.value} | {row.aim} | {_met(row.met)} |"
                for row in rows(measurements)
            ),
            "",
            "![Round trip](images/round-trip.png)",
            "![Packet spacing](images/packet-spacing.png)",
            "![Interruption](images/interruption.png)",
            "![Processor time](images/cpu.png)",
            "",
            _method(),
        ]
    )


def _met(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "**no**"


def _machine(measurements: Measurements) -> list[str]:
    machine = measurements.machine
    versions = ", ".join(machine.asterisk[major] for major in sorted(machine.asterisk, reverse=True))
    return [
        f"- machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB; {machine.system}, "
        f"Linux {machine.kernel}; load average before the run {machine.load_average:.2f}",
        f"- Asterisk {versions}, with the few modules that a call needs, in a container with the host's network",
    ]


def _invalid(measurements: Measurements) -> list[str]:
    if not measurements.invalid:
        return []
    return ["**This run is invalid.** Its numbers do not count:", "", *(f"- {one}" for one in measurements.invalid), ""]


def _method() -> str:
    return f"""\
## What makes a run invalid

A run that is invalid says so, says why, ends with status 1 and does not replace this page.

- The machine was busy before: a load average above {QUIET_LOAD:g}.
- The caller did not keep its own time: fewer than {CALLER_LEAST_SHARE:.0%} of its packets within
  {CALLER_TOLERANCE_MS:g} ms of their deadline. Then the numbers are the machine's and not the module's.
- A packet was lost, or the wall clock, in which the kernel stamps packets, moved by more than
  {CLOCK_STEP_MS:g} ms.
- At an interruption nothing was being played.
- Of the {CALLS} calls one was missing, was silent in a direction, or got less than
  {LEAST_PACKET_SHARE:.0%} of its packets.
- The mock service used more than {MOST_SERVICE_SHARE:g} of a core, other processes more than
  {MOST_OTHER_SHARE:g}, or the hypervisor took more than {MOST_STOLEN_SHARE:g} away.
- The module broke a rule of the strict mock service.

## How each number is taken

The mock service is a process of its own; nothing else runs. Times of packets are those at which the kernel took
them in.

**Round trip.** The caller sends a sweep of 80 ms and looks for it, by correlation, in what it hears. From the moment
the packet with the first sample leaves to the arrival of the packet that brings this sample back, each plus the
sample's place in its packet. Several calls, because each has its own place between two ticks of the module's clock;
calls through `Echo()`, 20 ms and 240 ms chunks take turns. A chunk of 240 ms is complete, and is sent, 220 ms after
its first packet has come: that part is a choice of configuration, what is above it is ours.

**Packet spacing.** The service sends the whole speech at once; the caller notes the arrival of every packet from the
third second on. The drift is the slope of a straight line through all arrivals against one packet each 20 ms.

**Interruption.** From the moment the service has given the last byte of the message to the kernel to the last packet
of old audio that arrives up to 250 ms later. Interruptions come at random places between two packets, which are 20 ms
apart: the last packet usually came before the message, and then silence counts as 0 ms. A phone plays the last packet
for 20 ms more, and what its jitter buffer holds.

**Processor time.** SIPp makes {CALLS} calls that speak for as long as they last. User and system time of the asterisk
process from `/proc/PID/stat` over the steady part. Rounds alternate, Echo(), 20 ms, Echo(), 240 ms; the ratios are
those of the medians. `pjsip show channelstats` and the module's own list say whether every call carried audio both
ways.

**Memory, threads, descriptors.** The growth of the asterisk process from {FEW} to {MANY} calls, divided by
{MANY - FEW}; a fresh Asterisk for each path. The row of `Echo()` is what a call takes without the module.
"""
