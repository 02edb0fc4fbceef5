"""The import: whose files these are, what became of each setting, and what is to be written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiconvai.config.imports.elevenlabs_module import ElevenLabsModule
from aiconvai.config.imports.external_ai import ExternalAi
from aiconvai.config.imports.given import Given, SourceFile, UnusableError
from aiconvai.config.imports.node_bridge import NodeBridge
from aiconvai.config.imports.plan import HIDDEN, Plan, looks_secret, sources
from aiconvai.config.imports.quickstart import Quickstart
from aiconvai.config.imports.reading import read_files
from aiconvai.config.imports.rows import Known, rows_of
from aiconvai.config.imports.system import System
from aiconvai.config.imports.voice_agent import VoiceAgent

SYSTEMS: dict[str, type[System]] = {
    one.name: one for one in (ExternalAi, NodeBridge, Quickstart, ElevenLabsModule, VoiceAgent)
}
LONGEST_SHOWN = 60
"""Characters of a value."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What has come of files."""

    system: System
    lines: tuple[str, ...]
    """What became of each setting, in the order of the files."""
    defaults: tuple[str, ...]
    """What is set because it is the default there, and another one here."""
    plan: Plan


def import_files(paths: Sequence[Path], system: str = "") -> Imported:
    """Of one system; `system`: its name, where its files do not say it. Raises `UnusableError`."""
    paths = list(dict.fromkeys(paths))
    files = read_files(paths)
    chosen = SYSTEMS[system]() if system else SYSTEMS[recognised(files)]()
    for file in files:
        if file.kind not in chosen.kinds:
            raise UnusableError(f"{file.path}: {chosen.title} has no such file: give its own, or say --from")
    given = {file.path: chosen.settings(file) for file in files}
    files.sort(key=chosen.precedence)
    counting = [one for file in files for one in _in_turn(chosen, _last_of_each(given[file.path]))]
    known = sources(counting)
    plan = Plan()
    chosen.begin(plan, counting, known)
    said = {one: _become(chosen, plan, one, known) for one in counting}
    defaults = _defaults(chosen, plan, counting, known)
    chosen.finish(plan, known)
    lines: list[tuple[int, str]] = []
    for file in sorted(files, key=lambda one: paths.index(one.path)):
        # What stands there more than once counts as it stands there last.
        lasts = {(one.key, one.scope): one for one in _last_of_each(given[file.path])}
        found = [(one.line, _line(chosen, one, said.get(one) or _again(lasts, one))) for one in given[file.path]]
        found += [(one.line, f"{one.file}:{one.line}: {one.why}") for one in file.unread]
        lines += sorted(found, key=lambda one: one[0])
    return Imported(chosen, tuple(text for _, text in lines), defaults, plan)


def recognised(files: Sequence[SourceFile]) -> str:
    """The system whose keys these are, as far as they are nobody else's. Raises `UnusableError`."""
    found: dict[str, Given] = {}
    for file in files:
        fitting = {name: made for name, one in SYSTEMS.items() if file.kind in (made := one()).kinds}
        for given in file.settings:
            whose = [name for name, one in fitting.items() if _knows(one, file, given)]
            if len(whose) == 1:
                found.setdefault(whose[0], given)
    if len(found) == 1:
        return next(iter(found))
    names = ", ".join(SYSTEMS)
    if not found:
        raise UnusableError(f"nothing in these files says whose they are: say --from, one of {names}")
    whose_said = "; ".join(f"{name} by {one.place} {one.key}" for name, one in found.items())
    raise UnusableError(
        f"these files are of more than one system: {whose_said}: import one after the other, or say --from"
    )


def _knows(system: System, file: SourceFile, given: Given) -> bool:
    if file.kind in ("conf", "compose"):
        return True
    return any(given.key in row.keys for row in system.rows) or (
        "." in given.key and bool(rows_of(system.rows, given.key))
    )


def _last_of_each(given: Sequence[Given]) -> list[Given]:
    return list({(one.key, one.scope): one for one in given}.values())


def _in_turn(system: System, given: Sequence[Given]) -> list[Given]:
    """Of a file: where a table has several names for one thing, an earlier one goes before a later one."""

    def place(one: Given) -> int:
        return min((row.keys.index(one.key) for row in system.rows if one.key in row.keys), default=0)

    return sorted(given, key=place)


def _become(system: System, plan: Plan, given: Given, known: Known) -> str:
    if said := system.is_option(given):
        return said
    rows = rows_of(system.rows, given.key)
    if not rows:
        return f"unknown: ignored, for {system.title} is not known to read it"
    reach = system.reach(plan, given)
    return "; ".join(dict.fromkeys(plan.apply(row, given, known, reach) for row in rows))


def _again(lasts: dict[tuple[str, str], Given], given: Given) -> str:
    return f"not counted: line {lasts[given.key, given.scope].line} says it again"


def _defaults(system: System, plan: Plan, given: Sequence[Given], known: Known) -> tuple[str, ...]:
    """Sets what counts there where it is not given, and is not the same here."""
    keys = {one.key for one in given if one.value}
    lines: list[str] = []
    for row in system.rows:
        if row.default is None or keys.intersection(row.keys):
            continue
        one = Given("", 0, row.keys[0], row.default)
        said = plan.apply(row, one, known, system.reach(plan, one))
        if not said.startswith(("not ", "ignored")) and not said.endswith(("the default here", "as above")):
            lines.append(f"{one.key} = {_shown(system, one)} -> {said}")
    return tuple(lines)


def _line(system: System, given: Given, said: str) -> str:
    section = f"[{given.scope}] " if given.scope and given.scope != given.file else ""
    return f"{given.place}: {section}{given.key} = {_shown(system, given)} -> {said}"


def _shown(system: System, given: Given) -> str:
    rows = rows_of(system.rows, given.key)
    if given.value and (any(row.secret for row in rows) or looks_secret(given.key)):
        return HIDDEN
    text = " ".join(given.value.split())
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
