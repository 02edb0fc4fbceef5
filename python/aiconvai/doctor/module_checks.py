"""Whether the module is there, fits the Asterisk, and is the one that runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from aiconvai.config.settings import TRUE_WORDS
from aiconvai.doctor.finding import Finding, bad, good, weak
from aiconvai.doctor.installation import MODULE, Installation, entries_of
from aiconvai.elf import NoElfFile
from aiconvai.inspect_module import Verdict, inspect_module
from aiconvai.options import fold_case

AREA = "module"
_BUILT_FOR = re.compile(rb"aiconvai-built-for-asterisk=(\d[\d.]*)\0")
_REBUILD = "make clean && make && sudo make install    # with the headers of the Asterisk that runs here"
_RESTART = "asterisk -rx 'core restart when convenient'"


def module_checks(installation: Installation) -> Iterator[Finding]:
    """Files first: what is wrong with them explains the rest."""
    if installation.program is None:
        yield bad(AREA, "there is no program `asterisk` here", "install Asterisk, or run this where it is")
        return
    version = installation.version or "of an unknown version"
    yield good(AREA, f"{installation.program}: Asterisk {version}")
    module = installation.module
    if not module.is_file():
        yield bad(AREA, f"{module} is not there", "sudo make install, or install the package asterisk-aiconvai")
        return
    yield from _fits(installation)
    yield from _may_be_loaded(installation.configuration / "modules.conf")
    yield from _is_loaded(installation)


def _fits(installation: Installation) -> Iterator[Finding]:
    built_for = built_for_version(installation.module)
    if built_for and installation.version and built_for.split(".")[0] != installation.version.split(".")[0]:
        yield bad(AREA, f"{installation.module} was built for Asterisk {built_for}, and this is {installation.version}",
                  _REBUILD)  # fmt: skip
        return
    assert installation.program is not None
    try:
        report = inspect_module(installation.module, installation.program, modules=installation.modules)
    except NoElfFile as error:
        yield weak(AREA, f"it cannot be told whether the module fits: {error}", f"aiconvai inspect-module {MODULE}")
        return
    wrong = [one for one in report.checks if one.verdict is Verdict.BAD]
    for one in wrong:
        yield bad(AREA, f"{installation.module}: {one.name}: {one.detail}", _REBUILD)
    if not wrong:
        yield good(AREA, f"{installation.module} fits it{f', built for {built_for}' if built_for else ''}")


def built_for_version(module: Path) -> str:
    """The Asterisk whose headers it was built with, as it says; empty: it does not."""
    match = _BUILT_FOR.search(module.read_bytes())
    return match[1].decode() if match else ""


def _may_be_loaded(modules_conf: Path) -> Iterator[Finding]:
    if not modules_conf.exists():
        return
    lines = [(fold_case(one.key), one.value, f"{one.file}:{one.line}") for one in entries_of(modules_conf)]
    names = (MODULE, MODULE.removesuffix(".so"))
    for key, value, place in lines:
        if key == "noload" and value in names:
            yield bad(AREA, f"{place}: noload = {value}", f"take that line out, then {_RESTART}")
            return
    loads_all = next((value for key, value, _ in lines if key == "autoload"), "no")
    if fold_case(loads_all) not in TRUE_WORDS and not any(
        key in ("load", "preload", "require") and value in names for key, value, _ in lines
    ):
        yield bad(AREA, f"{modules_conf} loads only what it names, and not {MODULE}", f"add there: load = {MODULE}")


def _is_loaded(installation: Installation) -> Iterator[Finding]:
    if installation.process is None:
        yield bad(AREA, "Asterisk does not run", "systemctl start asterisk    # FreePBX: fwconsole start")
        return
    try:
        maps = Path(f"/proc/{installation.process}/maps").read_text()
    except OSError as error:
        yield weak(AREA, f"it cannot be seen what Asterisk has loaded: {error.strerror}", "run this as root")
        return
    mapped = next((line for line in maps.splitlines() if f"/{MODULE}" in line), "")
    if not mapped:
        yield bad(AREA, f"Asterisk runs, and has not loaded {MODULE}", f"asterisk -rx 'module load {MODULE}'")
    elif mapped.endswith(" (deleted)"):
        yield weak(AREA, f"Asterisk still runs the {MODULE} that was there before", _RESTART)
    else:
        yield good(AREA, f"Asterisk runs it (process {installation.process})")
