"""The results as a page of the documentation; how they are taken is told in `method`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten

from aiconvai.rig.bench.headlines import headline
from aiconvai.rig.bench.method import method
from aiconvai.rig.bench.paths import ALL_SERVICES, DEFAULTS, PATHS, SERVICES, CallPath
from aiconvai.rig.bench.plan import OVER_WIRE, REFERENCE_CALLS, TWO_THREADS
from aiconvai.rig.bench.results import Cost, Results
from aiconvai.rig.bench.statistics import Distribution, median

_LONGEST_REASON = 400


def render(results: Results, pictures: Sequence[str]) -> str:
    """The whole page, in Markdown. pictures: names of files that are in images/ beside it."""

    def picture(name: str, about: str) -> list[str]:
        return [f"![{about}](images/{name}.png)", ""] if f"{name}.png" in pictures else []

    lines = [
        "# Performance",
        "",
        f"Made by `{_command(results)}` (`make bench`) on {results.made}, in "
        f"{results.took_seconds / 60:.0f} minutes. All numbers are of one run on one machine over the loopback: what a "
        "network and a real service add is not in them. Ratios are what carries over to other machines.",
        "",
        *_machine(results),
        "",
        *_invalid(results),
        "## Goals",
        "",
        *_table(("figure", "measured", "goal", "met"), _goals(results)),
        "## Processor time",
        "",
        *picture("cpu", "Processor time of all paths"),
        *_costs(results),
        *picture("cpu-by-calls", "Processor time by number of calls"),
        *_elsewhere(results),
        *_capacity(results),
        "## While calls come and go",
        "",
        *_churn(results),
        "## Services",
        "",
        *_services(results),
        "## Round trip",
        "",
        *picture("round-trip", "Round trip"),
        *_round_trips(results),
        "## Packets heard",
        "",
        *picture("packet-spacing", "Packet spacing"),
        *_spacing(results),
        "## Interruption and first audio",
        "",
        *picture("interruption", "Interruption"),
        *_speaking(results),
        "## Memory, threads, descriptors",
        "",
        *picture("memory", "Memory"),
        *_holdings(results),
        *_losses(results),
        method(),
    ]
    return "\n".join(lines)


def _command(results: Results) -> str:
    return f"aiconvai bench{' --quick' if results.quick else ''}{' --bursts' if results.bursts else ''}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """With an empty line behind it; nothing where there are no rows."""
    cells = [" | ".join(row) for row in rows]
    if not cells:
        return ["Not measured in this run.", ""]
    return [f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles), *(f"| {row} |" for row in cells), ""]


def _machine(results: Results) -> list[str]:
    machine = results.machine
    versions = ", ".join(machine.asterisk[major] for major in sorted(machine.asterisk, reverse=True))
    return [
        f"- machine: {machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB; {machine.system}, "
        f"Linux {machine.kernel}; load average before the run {machine.load_average:.2f}. Callers and far end run on "
        "it too",
        f"- Asterisk {versions}, with the few modules that a call needs, in a container with the host's network",
        f"- many calls: {results.many_calls}",
        *([_repeated(results)] if results.repeated else []),
        *(f"- {note}" for note in results.notes),
    ]


def _repeated(results: Results) -> str:
    measured = len({one.name for one in results.repeated})
    return (
        f"- the hypervisor, or others on the machine, took it away {len(results.repeated)} times while something was "
        f"measured: {measured} measurements were taken again"
    )


def _invalid(results: Results) -> list[str]:
    if not results.problems:
        return []
    reasons = (f"- {one.kind}: {_one_line(one.text)}" for one in results.problems)
    return ["**This run is invalid.** Its numbers do not count:", "", *reasons, ""]


def _goals(results: Results) -> Iterable[Sequence[str]]:
    goals = {goal.key: goal for goal in results.goals}
    for key, value in results.headlines.items():
        one, goal = headline(key), goals.get(key)
        met = "" if goal is None else "yes" if goal.met else "**no**"
        yield one.name, f"{value:.2f} {one.unit}".strip(), goal.aim if goal else "", met


def _costs(results: Results) -> list[str]:
    titles = (
        "path", "calls", "CPU of asterisk", "of its helper", "times Echo()", "context switches", "system calls",
    )  # fmt: skip
    order = {path.name: number for number, path in enumerate(PATHS)}
    costs = (one for one in results.costs if one.path in order)
    ranked = sorted(costs, key=lambda one: (-one.asterisk, one.calls, order[one.path]))
    return _table(titles, (_cost(one) for one in ranked))


def _cost(one: Cost) -> Sequence[str]:
    ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
    if one.helper_cpu and one.asterisk_ratio is not None:
        ratio += f" (asterisk alone {one.asterisk_ratio:.2f})"
    return (
        one.path + (f", Asterisk {one.asterisk}" if one.asterisk != 22 else ""),
        str(one.calls),
        f"{one.asterisk_cpu * 1000:.2f} ms",
        f"{one.helper_cpu * 1000:.2f} ms" if one.helper_cpu else "",
        ratio,
        f"{one.context_switches:.0f}",
        "" if one.system_calls is None else f"{one.system_calls:.0f}",
    )


def _services(results: Results) -> list[str]:
    """What each service costs a call, beside ElevenLabs, which is the first of them."""
    first = results.cost(SERVICES[0].name, REFERENCE_CALLS)
    measured = ((path, results.cost(path.name, REFERENCE_CALLS)) for path in (*SERVICES, ALL_SERVICES, *DEFAULTS))
    rows = (
        (
            _service_name(path),
            path.service.carries if path.service is not None else "",
            f"{cost.asterisk_cpu * 1000:.2f} ms",
            "" if cost.ratio is None else f"{cost.ratio:.2f}",
            "" if cost.ratio is None or first is None or not first.ratio else f"{cost.ratio / first.ratio:.2f}",
            f"{cost.context_switches:.0f}",
        )
        for path, cost in measured
        if cost is not None
    )  # fmt: skip
    titles = ("service", "audio", "CPU of asterisk", "times Echo()", "times ElevenLabs", "context switches")
    return _table(titles, rows)


def _service_name(path: CallPath) -> str:
    if path.service is None:
        return "all of them by turns"
    return f"{path.service.provider}, as people live with it" if path.defaults else path.service.provider


def _elsewhere(results: Results) -> list[str]:
    """Paths whose setting is not the usual one, beside themselves as usual."""
    rows = []
    for one in results.costs:
        usual, _, setting = one.path.rpartition(", ")
        if setting not in (OVER_WIRE.name, TWO_THREADS.name):
            continue
        beside = results.cost(usual, one.calls)
        wire = [each.wire_cpu for each in results.stretches if each.path == one.path and each.wire_cpu is not None]
        rows.append(
            (
                usual, setting, str(one.calls), f"{one.asterisk_cpu * 1000:.2f} ms",
                f"{wire[0] * 1000:.2f} ms" if wire else "",
                "" if one.asterisk_ratio is None else f"{one.asterisk_ratio:.2f}",
                "" if beside is None or beside.asterisk_ratio is None else f"{beside.asterisk_ratio:.2f}",
                f"{one.context_switches:.0f}",
            )
        )  # fmt: skip
    titles = (
        "path", "what is special", "calls", "CPU of asterisk", "of the kernel's thread", "times Echo()", "as usual",
        "context switches",
    )  # fmt: skip
    return ["With another setting, asterisk alone:", "", *_table(titles, rows)]


def _churn(results: Results) -> list[str]:
    rows = (
        (
            f"{one.calls} of {one.path}", f"{one.rate:g} a second of {one.churn_path}, {one.lasting:g} s each",
            f"{one.steady_cpu * 1000:.2f} ms", f"{one.churn_cpu * 1000:.2f} ms", f"{one.ratio:.2f}",
            f"{one.steady_gap_ms:.1f} ms", f"{one.churn_gap_ms:.1f} ms",
        )
        for one in results.churn
    )  # fmt: skip
    titles = (
        "calls that stay", "calls that come and go", "CPU of one that stays, alone", "with them", "ratio",
        "longest gap heard, alone", "with them",
    )  # fmt: skip
    return _table(titles, rows)


def _one_line(text: str) -> str:
    """For a list or a table: what programs complain of may be pages."""
    return shorten(text.replace("|", "/"), _LONGEST_REASON, placeholder=" ...")


def _capacity(results: Results) -> list[str]:
    rows = [
        (one.path, str(one.held), str(one.tried[-1]) if one.tried[-1:] != [one.held] else "", _one_line(one.limit))
        for one in results.capacity
    ]
    return ["Calls held, with callers and far end on the same machine:", "", *_table(
        ("path", "calls held", "first not held", "what there was not enough of"), rows
    )]  # fmt: skip


def _spread(summary: Distribution) -> Sequence[str]:
    return tuple(f"{one:.2f}" for one in (summary.p50, summary.p95, summary.p99, summary.maximum))


def _round_trips(results: Results) -> list[str]:
    rows = (
        (
            one.path + (f", Asterisk {one.asterisk}" if one.asterisk != 22 else ""), str(one.others),
            str(one.summary.count), *_spread(one.summary),
        )
        for one in results.round_trips
    )  # fmt: skip
    return _table(("path", "other calls", "bursts", "p50 ms", "p95 ms", "p99 ms", "max ms"), rows)


def _spacing(results: Results) -> list[str]:
    rows = (
        (
            str(one.others), f"{one.seconds:.0f} s", f"{one.summary.p50:.3f}", f"{one.summary.p99:.2f}",
            f"{one.summary.maximum:.2f}", f"{one.share_within_1_ms:.2%}", f"{one.drift_ppm:+.2f} ppm",
        )
        for one in results.spacing
    )  # fmt: skip
    return _table(("other calls", "over", "p50 ms", "p99 ms", "max ms", "within 1 ms of 20", "drift"), rows)


def _speaking(results: Results) -> list[str]:
    rows = [("interruption to silence", str(one.summary.count), *_spread(one.summary)) for one in results.interruptions]
    rows += [
        (f"answer to first audio, {one.connection}", str(one.summary.count), *_spread(one.summary))
        for one in results.first_audio
    ]
    rows += [
        (f"set-up, {one.connection}: {name}", str(part.count), *_spread(part))
        for one in results.set_up
        for name, part in one.parts.items()
    ]
    return _table(("time", "times", "p50 ms", "p95 ms", "p99 ms", "max ms"), rows)


def _holdings(results: Results) -> list[str]:
    rows = (
        (
            one.path, f"{one.few} to {one.many}", f"{one.memory_kib:.0f} KiB",
            f"{one.helper_memory_kib:.0f} KiB" if one.helper_memory_kib else "", f"{one.threads:.2f}",
            f"{one.file_descriptors:.2f}",
        )
        for one in results.holdings
    )  # fmt: skip
    return _table(("path", "calls", "memory of one more", "of its helper", "threads", "descriptors"), rows)


def _losses(results: Results) -> list[str]:
    packets = sum(one.expected_packets * one.calls for one in results.stretches)
    lost = sum(one.losses.total() for one in results.stretches)
    late = [one.underruns for one in results.stretches if one.underruns is not None and one.calls == REFERENCE_CALLS]
    own = [one.callers for one in results.stretches if one.callers is not None]
    lines = ["## Audio lost", "", f"{lost} of about {packets} packets each way in {len(results.stretches)} stretches."]
    if late:
        lines[-1] += (
            f" With {REFERENCE_CALLS} calls an agent's audio ran out between {min(late)} and {max(late)} times a "
            "stretch, summed over its calls: an echo comes back with the jitter of its way."
        )
    if own:
        lines[-1] += (
            f" 99 % of the callers' own packets left at most {max(one.lateness_p99_ms for one in own):.2f} ms late in "
            f"the worst stretch; the median of all is {median([one.lateness_p50_ms for one in own]):.2f} ms."
        )
    return [*lines, ""]
