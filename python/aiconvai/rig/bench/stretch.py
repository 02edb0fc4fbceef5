"""One stretch of steady calls: what they cost, and whether every packet of theirs arrived."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace

from aiconvai.rig.asterisk import Asterisk, ManagerClient
from aiconvai.rig.bench.callers import ManyCalls, Mark
from aiconvai.rig.bench.channel_statistics import ChannelPackets, channel_packets
from aiconvai.rig.bench.errors import BenchError, CallsFailedError
from aiconvai.rig.bench.machine import ProcessTimes, busiest, process_times, stolen_seconds, used_by_others
from aiconvai.rig.bench.module_counters import ModuleCalls, ended_conversations, module_calls
from aiconvai.rig.bench.paths import ECHO, CallPath
from aiconvai.rig.bench.process_usage import ProcessUsage, context_switches, read_usage, used
from aiconvai.rig.bench.results import CallersOwn, Problem, Stretch
from aiconvai.rig.bench.socket_drops import socket_drops
from aiconvai.rig.bench.stage import USUAL, Setting, Stage
from aiconvai.rig.bench.system_calls import CannotCountError, system_calls_per_second
from aiconvai.rig.bench.uplink_balance import lost_frames
from aiconvai.rig.bench.validity import MOST_OTHER_SHARE, stretch_problems

_SETTLING_SECONDS = 2.0
_QUIET_SECONDS = 0.5
_MARGIN_SECONDS = 1.5
_COUNTING_SECONDS = 1.0
_PERF_START_SECONDS = 1.0
_CLOSED_SECONDS = 10.0
_POLL_SECONDS = 0.05
PACKET_SECONDS = 0.02
ECHO_SEED = 2
"""So that calls to Echo() have other places in the 20 ms than those beside them."""
_TAKEN_A_SECOND = 20
"""Calls that the gateway has with their agents in a second, at least."""
_ASKED_A_SECOND = 200
"""Of how many calls the module can tell in a second, for the time that takes."""


@dataclass(frozen=True)
class _Reading:
    """Everything that is counted, at one moment."""

    time: float
    asterisk: ProcessUsage
    floor: ProcessUsage | None
    far_end: ProcessUsage
    callers: ProcessUsage
    gateway: ProcessUsage | None
    wire: ProcessUsage | None
    context_switches: int
    stolen: float
    processes: ProcessTimes


@dataclass(frozen=True)
class _Packets:
    """What Asterisk counted, channel by channel, around the measured time."""

    before: dict[str, ChannelPackets]
    after: dict[str, ChannelPackets]
    seconds: float


def measure(
    stage: Stage,
    path: CallPath,
    calls: int,
    seconds: float,
    *,
    beside_echo: bool = False,
    count_system_calls: bool = False,
    setting: Setting = USUAL,
) -> Stretch:
    """So many calls through a path, measured over so many seconds once they are all up and have settled.

    beside_echo: as many calls go to Echo() on the stage's other Asterisk meanwhile.
    """
    asterisk = stage.asterisk
    floor = stage.floor if beside_echo else None
    counting = _COUNTING_SECONDS + _PERF_START_SECONDS if count_system_calls else 0.0
    lasting = _SETTLING_SECONDS + _QUIET_SECONDS + seconds + counting + _MARGIN_SECONDS
    lasting += calls / _ASKED_A_SECOND
    if path.door:
        lasting += calls / _TAKEN_A_SECOND
    module, system_calls, failure, manager, own, echo_own = None, None, None, None, None, None
    with ExitStack() as stack:
        # Callers who broke down have left their calls behind; the next ones need the room.
        stack.callback(asterisk.hang_up_all)
        if floor is not None:
            stack.callback(floor.hang_up_all)
        try:
            with ExitStack() as running:
                ours = {os.getpid(), asterisk.pid, stage.far_end.reader.pid}
                if stage.gateway is not None:
                    ours.add(stage.gateway.pid)
                if stage.wire is not None:
                    ours |= {stage.wire.near_thread, stage.wire.far_thread}
                callers = running.enter_context(stage.calls(asterisk, path.extension, calls, lasting, held=path.held))
                ours.add(callers.reader.pid)
                # Those to Echo() are hung up first, so that nothing of the others is kept waiting at its end.
                echoed = None
                if floor is not None:
                    echoed = running.enter_context(stage.calls(floor, ECHO.extension, calls, lasting, seed=ECHO_SEED))
                    ours |= {floor.pid, echoed.reader.pid}
                if echoed is not None:
                    echoed.wait_up()
                callers.wait_up()
                if path.door:
                    assert stage.gateway is not None
                    stage.gateway.wait_calls(calls)
                time.sleep(_SETTLING_SECONDS)
                closed_before = len(stage.far_end.closed)
                packets_before, began = channel_packets(asterisk), time.monotonic()
                time.sleep(_QUIET_SECONDS)  # what was asked just now must not be counted
                mark_both(callers, echoed)
                before = _read(stage, callers, floor)
                time.sleep(seconds)
                after = _read(stage, callers, floor)
                own, echo_own = mark_both(callers, echoed)
                packets_after, ended = channel_packets(asterisk), time.monotonic()
                drops = socket_drops(asterisk.process)
                if path.agent is not None and not path.door:
                    manager = stack.enter_context(stage.manager())
                    module = module_calls(asterisk, manager)
                if count_system_calls:
                    with suppress(CannotCountError):  # the run has said so already
                        system_calls = system_calls_per_second(asterisk.pid, _COUNTING_SECONDS) / calls
        except CallsFailedError as error:
            failure = Problem(kind="calls", text=str(error))
        stretch = _stretch(stage, named(path, setting), calls, before, after, ours)
        stretch.callers, stretch.echo_callers = own, echo_own
        stretch.system_calls = system_calls
        stretch.problems += [failure] if failure is not None else []
        _add_packets(stretch, _Packets(packets_before, packets_after, ended - began))
        if module is not None and manager is not None:
            _add_module(stretch, module, path)
            _add_uplink_balance(stretch, stage, manager, path, closed_before)
        stretch.losses.full_sockets = drops
        stretch.losses.heard_packets = own.missing if own is not None else 0
    stretch.problems += stretch_problems(stretch)
    return stretch


def mark_both(callers: ManyCalls, echoed: ManyCalls | None) -> tuple[CallersOwn | None, CallersOwn | None]:
    """What the callers, and those to Echo(), did and heard since the last mark."""
    return _own(callers.mark()), _own(echoed.mark()) if echoed is not None else None


def _own(mark: Mark | None) -> CallersOwn | None:
    if mark is None:
        return None
    return CallersOwn(
        lateness_p50_ms=mark.lateness_ms.p50,
        lateness_p99_ms=mark.lateness_ms.p99,
        lateness_max_ms=mark.lateness_ms.max,
        least_heard=mark.least_heard,
        expected=round(mark.seconds / PACKET_SECONDS),
        missing=mark.missing,
        longest_gap_ms=mark.longest_gap_ms,
        spacing_p99_ms=mark.spacing_ms.p99,
    )


def named(path: CallPath, setting: Setting) -> CallPath:
    """The path, with what is special about it in its name."""
    return replace(path, name=f"{path.name}, {setting.name}") if setting.name else path


def _read(stage: Stage, callers: ManyCalls, floor: Asterisk | None) -> _Reading:
    pid = stage.asterisk.pid
    # Asterisk's own account first and last would be longer than the time it belongs to: time and account together.
    return _Reading(
        context_switches=context_switches(pid),
        processes=process_times(),
        stolen=stolen_seconds(),
        far_end=read_usage(stage.far_end.reader.pid),
        callers=read_usage(callers.reader.pid),
        gateway=read_usage(stage.gateway.pid) if stage.gateway is not None else None,
        wire=read_usage(stage.wire.near_thread) if stage.wire is not None else None,
        floor=read_usage(floor.pid) if floor is not None else None,
        time=time.monotonic(),
        asterisk=read_usage(pid),
    )


def _stretch(stage: Stage, path: CallPath, calls: int, before: _Reading, after: _Reading, ours: set[int]) -> Stretch:
    length = after.time - before.time
    asterisk = used(before.asterisk, after.asterisk)
    far_end = used(before.far_end, after.far_end).ran
    callers = used(before.callers, after.callers).ran
    call_seconds = length * calls
    floor = used(before.floor, after.floor).ran if before.floor is not None and after.floor is not None else None
    wire = used(before.wire, after.wire).ran if before.wire is not None and after.wire is not None else None
    stretch = Stretch(
        asterisk=stage.asterisk.version,
        path=path.name,
        calls=calls,
        seconds=round(length, 3),
        asterisk_cpu=asterisk.ran / call_seconds,
        helper_cpu=_helper(path, before, after) / call_seconds,
        wire_cpu=wire / call_seconds if wire is not None else None,
        echo_cpu=floor / call_seconds if floor is not None else None,
        asterisk_share=asterisk.ran / length,
        busiest_thread_share=asterisk.busiest_thread / length,
        run_queue=asterisk.waited / length,
        held=path.held,
        callers_share=callers / length,
        far_end_share=far_end / length,
        other_share=used_by_others(before.processes, after.processes, ours) / length,
        stolen_share=max(0.0, after.stolen - before.stolen) / length,
        context_switches=(after.context_switches - before.context_switches) / call_seconds,
        least_packets_in=0,
        least_packets_out=0,
        expected_packets=0,
    )
    if stretch.other_share > MOST_OTHER_SHARE:
        who = busiest(before.processes, after.processes, ours)
        text = f"{calls} calls, {path.name}: busiest of the others: {who}"
        stretch.problems.append(Problem(kind="machine", text=text))
    return stretch


def _helper(path: CallPath, before: _Reading, after: _Reading) -> float:
    """Seconds of the process that the path needs besides Asterisk."""
    if path.door:
        assert before.gateway is not None
        assert after.gateway is not None
        return used(before.gateway, after.gateway).ran
    return used(before.far_end, after.far_end).ran if path.helper else 0.0


def _add_packets(stretch: Stretch, packets: _Packets) -> None:
    """What Asterisk counted of each call's packets."""
    before, after = packets.before, packets.after
    stretch.expected_packets = round(packets.seconds / PACKET_SECONDS)
    # A call of chan_websocket has a second channel, which has no RTP.
    if len(before) != stretch.calls or before.keys() != after.keys():
        text = f"{stretch.path}: {len(before)} and then {len(after)} calls instead of {stretch.calls}"
        stretch.problems.append(Problem(kind="calls", text=text))
    both = [(before[name], after[name]) for name in before if name in after]
    stretch.least_packets_in = min((late.received - early.received for early, late in both), default=0)
    stretch.least_packets_out = min((late.sent - early.sent for early, late in both), default=0)
    stretch.losses.rtp_packets = sum(late.receive_lost for _, late in both)


def _add_module(stretch: Stretch, module: ModuleCalls, path: CallPath) -> None:
    """What the module counted of each call."""
    stretch.underruns = module.underruns
    stretch.losses.refused_frames = module.refused_frames
    stretch.losses.dropped_bytes = module.dropped_bytes
    stretch.losses.overflow_bytes = module.overflow_bytes
    if module.calls != stretch.calls:
        text = f"{stretch.path}: {module.calls} calls were with an agent instead of {stretch.calls}"
        stretch.problems.append(Problem(kind="calls", text=text))
    # Who holds is not heard, nor need be who speaks while the agent does.
    if module.quiet and not stretch.held and path.echo_guard == "off":
        text = f"{stretch.path}: {len(module.quiet)} calls were quiet in a direction, such as {module.quiet[0]}"
        stretch.problems.append(Problem(kind="calls", text=text))


def _add_uplink_balance(
    stretch: Stretch, stage: Stage, manager: ManagerClient, path: CallPath, closed_before: int
) -> None:
    """Whether the far end got, in each conversation, what the module took from its caller."""
    try:
        conversations = ended_conversations(manager, stretch.calls, _CLOSED_SECONDS)
    except BenchError as error:
        stretch.problems.append(Problem(kind="calls", text=f"{stretch.path}: {error}"))
        return
    deadline = time.monotonic() + _CLOSED_SECONDS
    while len(closed := stage.far_end.closed[closed_before:]) < stretch.calls:
        if time.monotonic() > deadline:
            text = f"{stretch.path}: {len(closed)} conversations have ended at the far end, not {stretch.calls}"
            stretch.problems.append(Problem(kind="calls", text=text))
            return
        time.sleep(_POLL_SECONDS)
    if missed := path.providers() - {one.service for one in closed}:
        text = f"{stretch.path}: no call was with {', '.join(sorted(missed))}"
        stretch.problems.append(Problem(kind="calls", text=text))
    chunks_got = [one.chunks_in for one in closed]
    stretch.losses.far_end_frames = lost_frames(
        conversations, chunks_got, path.chunk_ms, behind_frames=path.behind_frames
    )
