"""`aiconvai inspect-module`: would this module load in that Asterisk, and how hardened is it?

Every check follows what Asterisk's loader (main/loader.c) and the dynamic linker do, read from the files
alone: nothing is run, so a module for another machine or in another root file system can be judged as well.
"""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiconvai.elf import Binary, LibrarySearch, NoElfFile

LICENSE_KEY_MD5 = bytes.fromhex("87767935 23ea3ad3 252abb35 87e42224")
"""MD5 of the licence key a module must carry; Asterisk's loader compares this digest too."""

BUILD_OPTION_SUM_SIZE = 33

FLAG_BIND_NOW = 0x8
FLAG_TEXTREL = 0x4
FLAG_1_NOW = 0x1
SEGMENT_EXECUTABLE = 0x1


class Verdict(Enum):
    """What one check found."""

    GOOD = "good"
    WEAK = "weak"
    """The module loads all the same, but is less protected than it could be."""
    BAD = "bad"
    """The module does not load because of this."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, the verdict, and the facts in words."""

    name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class ModuleReport:
    """All that was found about a module."""

    checks: tuple[Check, ...]

    @property
    def loads(self) -> bool:
        return not any(check.verdict is Verdict.BAD for check in self.checks)

    @property
    def hardened(self) -> bool:
        return not any(check.verdict is Verdict.WEAK for check in self.checks)


@dataclass(frozen=True, slots=True)
class ModuleInformation:
    """What a module says of itself in its struct ast_module_info."""

    name: str
    description: str
    build_option_sum: str
    requires: tuple[str, ...]
    optional_modules: tuple[str, ...]


def find_module_information(binary: Binary) -> list[ModuleInformation]:
    """Every struct ast_module_info with the right licence key: one in a module, many in Asterisk's program.

    The struct has no symbol in a stripped file, but its members are known: four functions' addresses, then
    pointers to the name, the description and the licence key, 32 bits of flags, the sum as 33 characters, a
    byte, and pointers to lists of module names.
    """
    size = binary.pointer_size
    found = []
    for address, target in binary.writable_pointers():
        key = binary.text(target)
        if key is None or len(key) < 64 or hashlib.md5(key, usedforsecurity=False).digest() != LICENSE_KEY_MD5:
            continue
        sum_address = address + size + 4
        sum_bytes = binary.read(sum_address, BUILD_OPTION_SUM_SIZE)
        name, description = (binary.text(binary.pointer(address - back * size)) for back in (2, 1))
        if sum_bytes is None or name is None or description is None:
            continue
        lists = (sum_address + BUILD_OPTION_SUM_SIZE + 1 + size - 1) // size * size
        requires, optional = (
            tuple(part.strip() for part in (text or b"").decode(errors="replace").split(",") if part.strip())
            for text in (binary.text(binary.pointer(lists + index * size) or None) for index in (0, 1))
        )
        found.append(
            ModuleInformation(
                name.decode(errors="replace"),
                description.decode(errors="replace"),
                sum_bytes.split(b"\0", 1)[0].decode(errors="replace"),
                requires,
                optional,
            )
        )
    return found


def inspect_module(
    module_path: Path, asterisk_path: Path, root: Path = Path("/"), modules: Path | None = None
) -> ModuleReport:
    """Judge whether the module would load in the Asterisk whose program is given.

    `root` is where the libraries are looked up, `modules` the directory of the other modules (found below
    `root` when not given). Raises NoElfFile when the module or the program cannot be read.
    """
    module = Binary(module_path)
    try:
        asterisk = Binary(asterisk_path)
    except NoElfFile:
        module.close()
        raise
    search = LibrarySearch(root, asterisk.machine)
    try:
        checks = [_check_machine(module, asterisk)]
        if checks[0].verdict is Verdict.GOOD:
            information, builtin = find_module_information(module), find_module_information(asterisk)
            checks += _check_information(module, information, builtin)
            directories = [modules] if modules else _module_directories(root)
            others, missing_modules = _other_modules(information, builtin, search, directories)
            checks += missing_modules
            checks += _check_linking(module, asterisk, others, search)
        checks += _check_hardening(module)
        return ModuleReport(tuple(checks))
    finally:
        module.close()
        asterisk.close()
        search.close()


def _check(name: str, good: bool, detail: str, otherwise: Verdict = Verdict.BAD) -> Check:
    return Check(name, Verdict.GOOD if good else otherwise, detail)


def _check_machine(module: Binary, asterisk: Binary) -> Check:
    if module.machine != asterisk.machine:
        return Check("machine", Verdict.BAD, f"the module is for {module.machine}, Asterisk for {asterisk.machine}")
    return _check(
        "machine",
        module.is_shared_object,
        module.machine if module.is_shared_object else "the module is no shared object; link it with -shared",
    )


def _check_information(
    module: Binary, own: Sequence[ModuleInformation], asterisk: Sequence[ModuleInformation]
) -> list[Check]:
    registers = "ast_module_register" in module.undefined_symbols and bool(module.dynamic_entries("DT_INIT_ARRAY"))
    checks = [
        _check(
            "registration",
            registers,
            "a constructor calls ast_module_register"
            if registers
            else "no constructor calls ast_module_register; use AST_MODULE_INFO",
        )
    ]
    if len(own) != 1:
        detail = "no struct ast_module_info" if not own else f"{len(own)} of struct ast_module_info"
        checks.append(Check("module information", Verdict.BAD, f"{detail} with name, description and licence key"))
        return checks
    information = own[0]
    named = f"{information.name}: {information.description}"
    checks.append(
        _check(
            "module information",
            information.name == module.path.stem,
            named
            if information.name == module.path.stem
            else f"AST_MODULE is {information.name}, but the file is {module.path.name}",
            Verdict.WEAK,
        )
    )
    sums = {one.build_option_sum for one in asterisk}
    given = information.build_option_sum
    if not given:
        checks.append(Check("build options", Verdict.GOOD, "the module names none, so Asterisk does not compare"))
    elif len(sums) != 1:
        checks.append(Check("build options", Verdict.BAD, "the program holds no sum of its own; is it Asterisk's?"))
    elif given in sums:
        checks.append(Check("build options", Verdict.GOOD, f"the same sum, {given}"))
    else:
        checks.append(
            Check(
                "build options",
                Verdict.BAD,
                f"the module was built for sum {given}, Asterisk has {sums.pop()}; "
                "build it with the headers of that very Asterisk",
            )
        )
    return checks


def _other_modules(
    information: Sequence[ModuleInformation],
    builtin: Sequence[ModuleInformation],
    search: LibrarySearch,
    directories: Sequence[Path],
) -> tuple[list[Binary], list[Check]]:
    """The modules loaded before this one, whose symbols it may use, and a check for each that is missing."""
    known = {one.name for one in builtin}
    found: list[Binary] = []
    checks = []
    queue = deque((one, name) for one in information for name in (*one.requires, *one.optional_modules))
    while queue:
        wanted_by, name = queue.popleft()
        if name in known:
            continue
        known.add(name)
        file = next((one / f"{name}.so" for one in directories if (one / f"{name}.so").is_file()), None)
        other = search.open_real(file) if file else None
        if other is not None:
            found.append(other)
            queue.extend((one, further) for one in find_module_information(other) for further in one.requires)
        elif name in wanted_by.requires:
            detail = f"{name}.so is missing, required by {wanted_by.name}"
            checks.append(Check("required modules", Verdict.BAD, detail))
    return found, checks


def _module_directories(root: Path) -> list[Path]:
    patterns = ("usr/lib/asterisk/modules", "usr/lib/*/asterisk/modules", "usr/lib64/asterisk/modules")
    return [directory for pattern in patterns for directory in sorted(root.glob(pattern))]


def _check_linking(module: Binary, asterisk: Binary, others: Iterable[Binary], search: LibrarySearch) -> list[Check]:
    providers, missing = _load_libraries([asterisk, *others, module], search)
    checks = [
        Check("libraries", Verdict.BAD, f"{name} is missing, wanted by {wanted_by}") for name, wanted_by in missing
    ]
    if not missing:
        checks.append(Check("libraries", Verdict.GOOD, ", ".join(module.needed) or "none needed"))
    by_name = {name: library for name, library in providers}
    old = [
        f"{version} of {library}"
        for library, version in module.versions_needed
        if library in by_name and version not in by_name[library].versions_defined
    ]
    checks.append(
        _check(
            "library versions",
            not old,
            "every symbol version is there"
            if not old
            else f"missing: {', '.join(old)}; build on the system where it will run",
        )
    )
    sources = [asterisk, *others, *(library for _, library in providers)]
    unresolved = [
        name
        for name, weak in module.undefined_symbols.items()
        if not weak and not any(source.defines(name) for source in sources)
    ]
    checks.append(
        _check(
            "symbols",
            not unresolved,
            f"all {len(module.undefined_symbols)} are found"
            if not unresolved
            else f"nothing defines {', '.join(sorted(unresolved))}",
        )
    )
    return checks


def _load_libraries(
    start: Iterable[Binary], search: LibrarySearch
) -> tuple[list[tuple[str, Binary]], list[tuple[str, str]]]:
    """The libraries the files need, directly or not, and pairs of a missing one and who wants it."""
    queue = deque((name, binary) for binary in start for name in binary.needed)
    found: dict[str, Binary] = {}
    missing: dict[str, str] = {}
    while queue:
        name, wanted_by = queue.popleft()
        if name in found or name in missing:
            continue
        library = search.find(name, wanted_by)
        if library is None:
            missing[name] = wanted_by.path.name
            continue
        found[name] = library
        queue.extend((further, library) for further in library.needed)
    return list(found.items()), list(missing.items())


def _check_hardening(module: Binary) -> list[Check]:
    bind_now = (
        bool(module.dynamic_entries("DT_BIND_NOW"))
        or bool(module.dynamic_flags("DT_FLAGS") & FLAG_BIND_NOW)
        or bool(module.dynamic_flags("DT_FLAGS_1") & FLAG_1_NOW)
    )
    text_relocations = bool(module.dynamic_entries("DT_TEXTREL")) or bool(
        module.dynamic_flags("DT_FLAGS") & FLAG_TEXTREL
    )
    stack = module.segments("PT_GNU_STACK")
    executable_stack = not stack or bool(stack[0]["p_flags"] & SEGMENT_EXECUTABLE)
    writable_code = [one for one in module.segments("PT_LOAD") if one["p_flags"] & 3 == 3]
    exported = module.exported_symbols
    undefined = module.undefined_symbols
    fortified = sorted(name for name in undefined if name.startswith("__") and name.endswith("_chk"))
    findings = (
        (
            "RELRO",
            bool(module.segments("PT_GNU_RELRO")),
            "read-only after relocation",
            "link with -Wl,-z,relro",
        ),
        ("BIND_NOW", bind_now, "symbols are bound at load", "link with -Wl,-z,now"),
        ("stack", not executable_stack, "not executable", "executable: link with -Wl,-z,noexecstack"),
        ("writable code", not writable_code, "none", "there is some: link with -Wl,-z,separate-code"),
        (
            "exported names",
            not exported,
            "none",
            f"{', '.join(exported[:3])}{', ...' if len(exported) > 3 else ''}: compile with -fvisibility=hidden",
        ),
        ("text relocations", not text_relocations, "none", "present: compile with -fPIC"),
        (
            "stack protector",
            "__stack_chk_fail" in undefined,
            "in use",
            "not seen: compile with -fstack-protector-strong",
        ),
        ("FORTIFY", bool(fortified), ", ".join(fortified), "not seen: compile with -O2 -D_FORTIFY_SOURCE=2"),
        (
            "run path",
            not module.run_path,
            "none",
            f"{':'.join(module.run_path)}: link without -rpath, libraries belong where the system looks",
        ),
    )
    return [_check(name, good, yes if good else no, Verdict.WEAK) for name, good, yes, no in findings]


app = typer.Typer(add_completion=False)

_STYLES = {Verdict.GOOD: "green", Verdict.WEAK: "yellow", Verdict.BAD: "bold red"}


@app.command()
def main(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The module, such as app_aiconvai.so.")],
    asterisk: Annotated[Path, typer.Option(metavar="BINARY", help="Asterisk's program.")] = Path("/usr/sbin/asterisk"),
    root: Annotated[Path, typer.Option(metavar="DIR", help="Root file system to find libraries in.")] = Path("/"),
    modules: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Asterisk's module directory, if not a usual one.")
    ] = None,
    require_hardening: Annotated[
        bool, typer.Option("--require-hardening", help="Exit status 1 also when a protection is missing.")
    ] = False,
) -> None:
    """Would the module FILE load in that Asterisk? Exit status 0 for yes, 1 for no, with the reasons."""
    try:
        report = inspect_module(file, asterisk, root, modules)
    except NoElfFile as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    table = Table(title=escape(f"{file} in {asterisk}"), title_justify="left")
    for heading in ("check", "verdict", "found"):
        table.add_column(heading, overflow="fold")
    for check in report.checks:
        style = _STYLES[check.verdict]
        table.add_row(check.name, f"[{style}]{check.verdict.value}[/{style}]", escape(check.detail))
    console = Console()
    console.print(table)
    if report.loads:
        console.print("[green]yes[/green]: it would load")
    else:
        bad = [check for check in report.checks if check.verdict is Verdict.BAD]
        console.print(f"[bold red]no[/bold red]: {len(bad)} reason{'' if len(bad) == 1 else 's'} against it")
    if not report.loads or (require_hardening and not report.hardened):
        raise typer.Exit(1)
