"""What is to be written for FreePBX, and what keeps it from working: made first, shown, and only then written."""

from __future__ import annotations

import difflib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiconvai.asterisk_release import is_from
from aiconvai.config.edit import texts_of
from aiconvai.config.replacing import replace_file
from aiconvai.config.sections import Section
from aiconvai.config.settings import TRUE_WORDS
from aiconvai.config.writer import FILE_MODE
from aiconvai.doctor.file_checks import files_with_keys
from aiconvai.doctor.finding import Finding, bad, weak
from aiconvai.doctor.module_checks import module_checks
from aiconvai.freepbx.block import BrokenBlock, block_of, with_block, with_block_in_section, without_block
from aiconvai.freepbx.destination import CONTEXT_PREFIX, destination_of, why_no_name, why_not
from aiconvai.freepbx.dialplan import GATEWAY, AgentContext, Door
from aiconvai.freepbx.pbx import NEWEST, OLDEST, FreePBX, chown_line
from aiconvai.inspect_module import Verdict
from aiconvai.options import fold_case, kind_of

AREA = "freepbx"
USER = "aiconvai"
"""Of AMI and ARI."""
_RIGHTS = {Door.MODULE: ("call", "call"), Door.AUDIOSOCKET: ("call,user", "call"), Door.ARI: ("call", "call")}
"""Which events `aiconvai serve` or `aiconvai gateway` reads, and what it does."""
_LOOPBACK = "127.0.0.1/255.255.255.255"
_UUID_SINCE = {20: 12, 21: 7, 22: 2}
"""The first release of each branch that has the function UUID()."""
_AUDIOSOCKET_SINCE = 18
_MACROS_UNTIL = 20
_TOLD = ("CALLERID(name)", "FROM_DID")
"""What an agent of FreePBX's wants to be told. By name: a caller's name is never put into a line of the dialplan."""
_PASSWORD = re.compile(r"^([+-]?\s*(?:secret|password)\s*=\s*).+$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the administrator asks for. `agents`: each with where its callers go when it cannot be reached."""

    agents: dict[str, str]
    door: Door = Door.MODULE
    manager: bool = True
    records: bool = False
    gateway: str = GATEWAY
    """Where it takes AudioSocket."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file as it is and as it will be."""

    path: Path
    before: str
    after: str
    mode: int | None = None
    """It is given that; None: it keeps its own."""

    @property
    def difference(self) -> str:
        """As a unified diff, without passwords."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), str(self.path), str(self.path), n=1, lineterm=""
        )
        return _PASSWORD.sub(r"\1...", "\n".join(lines))

    def write(self, backups: Path) -> Path | None:
        """Returns the copy of the file before. Raises `OSError`."""
        return replace_file(self.path, self.after, mode=self.mode, backups=backups)


@dataclass(slots=True)
class Plan:
    """What will be written, and what was found. With a bad finding nothing is to be written."""

    changes: list[FileChange] = field(default_factory=list)
    destinations: dict[str, str] = field(default_factory=dict)
    """Custom destinations: target -> description."""
    findings: list[Finding] = field(default_factory=list)

    @property
    def wrong(self) -> list[Finding]:
        return [one for one in self.findings if one.grade is Verdict.BAD]


def plan(pbx: FreePBX, wanted: Wanted) -> Plan:
    """What `wanted` takes. Nothing is written; a file that cannot be read is a finding."""
    made = Plan()
    made.findings += _judged(pbx, wanted)
    for agent in wanted.agents:
        made.destinations[destination_of(agent)] = f"AI agent {agent}"
    has_uuid = _has_uuid(pbx)
    contexts = "\n".join(
        AgentContext(agent, person, wanted.door, wanted.records, pbx.calls_by_gosub, has_uuid, wanted.gateway).text()
        for agent, person in wanted.agents.items()
    )
    _change(made, pbx.extensions_custom, lambda text: with_block(text, contexts))
    kept = files_with_keys(pbx.asterisk)
    if wanted.manager and wanted.door is not Door.ARI:
        reads, writes = _RIGHTS[wanted.door]
        kept.append(pbx.manager_custom)
        _change(made, pbx.manager_custom, lambda text: with_block(text, _manager_user(text, reads, writes)), FILE_MODE)
    else:
        _change(made, pbx.manager_custom, without_block)
    if wanted.door is Door.ARI:
        kept.append(pbx.ari_custom)
        _change(made, pbx.ari_custom, lambda text: with_block(text, _ari_user(text)), FILE_MODE)
    else:
        _change(made, pbx.ari_custom, without_block)
    lines = "\n".join(map(chown_line, kept))
    _change(made, pbx.chown, lambda text: with_block_in_section(text, "custom", lines))
    return made


def plan_removal(pbx: FreePBX) -> Plan:
    """What takes all of it away."""
    made = Plan()
    for path in (pbx.extensions_custom, pbx.manager_custom, pbx.ari_custom, pbx.chown):
        _change(made, path, without_block)
    return made


def serve_lines(pbx: FreePBX, wanted: Wanted) -> str:
    """What serve.toml wants for this door, for the one who writes it; empty: nothing."""
    conf = pbx.asterisk.aiconvai_conf
    secret = f"the secret of [{USER}] in {pbx.manager_custom}"
    manager = f'[asterisk.pbx]\nuser = "{USER}"\nsecret = "..."    # {secret}\n'
    if wanted.door is Door.AUDIOSOCKET:
        return f'{manager}\n[gateway]\naiconvai_conf = "{conf}"\n'
    if wanted.door is Door.ARI:
        return (
            f'[gateway]\naiconvai_conf = "{conf}"\n\n[gateway.ari.pbx]\nuser = "{USER}"\n'
            f'secret = "..."    # the password of [{USER}] in {pbx.ari_custom}\n\n'
            f'[gateway.ari.pbx.apps]\naiconvai = "{next(iter(wanted.agents), "")}"\n'
        )
    return ""


def _change(made: Plan, path: Path, changed: Callable[[str], str], mode: int | None = None) -> None:
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        after = changed(before)
    except (OSError, UnicodeDecodeError, BrokenBlock) as error:
        made.findings.append(bad(AREA, f"{path}: {error}", "mend the file, and run this again"))
        return
    if before != after:
        made.changes.append(FileChange(path, before, after, mode))


def _password(text: str, key: str) -> str:
    """The one that stands there already: who uses it goes on."""
    try:
        known = re.search(rf"^{key} = (\S+)$", block_of(text), re.MULTILINE)
    except BrokenBlock:
        known = None
    return known[1] if known else secrets.token_urlsafe(24)


def _manager_user(text: str, reads: str, writes: str) -> str:
    return (
        f"[{USER}]\nsecret = {_password(text, 'secret')}\ndeny = 0.0.0.0/0.0.0.0\npermit = {_LOOPBACK}\n"
        f"read = {reads}\nwrite = {writes}"
    )


def _ari_user(text: str) -> str:
    return f"[{USER}]\ntype = user\nread_only = no\npassword = {_password(text, 'password')}"


def _has_uuid(pbx: FreePBX) -> bool:
    return is_from(_version(pbx), _UUID_SINCE)


def _version(pbx: FreePBX) -> tuple[int, int]:
    """Major and minor; zeros: it does not say."""
    major, minor, *_ = [*(int(one) for one in pbx.asterisk.version.split(".") if one), 0, 0]
    return major, minor


def _judged(pbx: FreePBX, wanted: Wanted) -> Iterator[Finding]:
    yield from _judged_release(pbx, wanted)
    if wanted.door is Door.MODULE:
        yield from (one for one in module_checks(pbx.asterisk) if one.grade is not Verdict.GOOD)
    conf = pbx.asterisk.aiconvai_conf
    if not conf.exists():
        yield bad(AREA, f"{conf} is not there", f"aiconvai config new > {conf}")
        return
    sections, report = pbx.asterisk.judged
    for problem in report.problems:
        yield bad("configuration", str(problem), f"then: aiconvai config check {conf}")
    agents = {fold_case(one.name): one for one in sections if kind_of(one.name)[0] == "agent"}
    for agent, person in wanted.agents.items():
        if why := why_no_name(agent):
            yield bad(AREA, why, f"rename [{agent}] in {conf}")
        if why := why_not(person):
            yield bad(AREA, f"agent {agent}: {why}", f"--agent {agent}=ext-queues,600,1")
        section = agents.get(fold_case(agent))
        if section is None:
            known = ", ".join(one.name for one in agents.values()) or "there is none"
            yield bad(AREA, f"{conf} has no agent {agent!r}", f"take one of: {known}")
        else:
            yield from _judged_agent(section, wanted.door)
    yield from _clashes(pbx, wanted)


def _judged_release(pbx: FreePBX, wanted: Wanted) -> Iterator[Finding]:
    if not pbx.is_there:
        yield bad(AREA, f"{pbx.freepbx_conf} is not there: this is no FreePBX", "run this on the PBX itself, as root")
        return
    release, (major, _) = pbx.release, _version(pbx)
    if release is None:
        yield bad(AREA, "it cannot be told which FreePBX this is", "--release 17, or 16")
    elif not OLDEST <= release <= NEWEST:
        yield weak(AREA, f"this is FreePBX {release}: tried are {OLDEST} and {NEWEST}",
                   "look at what is written, and make a call before others do")  # fmt: skip
    if not pbx.calls_by_gosub and major > _MACROS_UNTIL:
        yield bad(AREA, f"FreePBX {release} calls Macro(), which Asterisk {major} does not have",
                  f"asterisk-version-switch, to {_MACROS_UNTIL} or before")  # fmt: skip
    if wanted.door is Door.AUDIOSOCKET and 0 < major < _AUDIOSOCKET_SINCE:
        yield bad(AREA, f"Asterisk {major} has no AudioSocket, which came with {_AUDIOSOCKET_SINCE}", "--door ari")


def _judged_agent(section: Section, door: Door) -> Iterator[Finding]:
    """Where it sends callers, and what it is told of them."""
    texts = texts_of(section.effective_entries())
    for one in texts.get("transfer_to", []):
        name, _, place = (part.strip() for part in one.partition("="))
        is_place = ":" not in place.partition(",")[0]
        if is_place and (why := why_not(place.replace(" ", ""))):
            key = f"transfer_to_{name}"
            yield bad(AREA, f"{section.file}: [{section.name}] {key}: {why}", f"{key} = from-did-direct,200,1")
    told = ",".join(texts.get("send_variables", []))
    missing = [one for one in _TOLD if one not in told]
    if missing and door is Door.MODULE:
        yield weak(AREA, f"the agent {section.name} is not told {' and '.join(missing)} of its callers",
                   f"[{section.name}] send_variables = {', '.join(filter(None, (told, *missing)))}")  # fmt: skip
    if texts.get("cdr_userfield", ["no"])[-1] not in TRUE_WORDS:
        yield weak(AREA, f"CDRs do not say which conversation a call was for the agent {section.name}",
                   f"[{section.name}] cdr_userfield = yes")  # fmt: skip


def _clashes(pbx: FreePBX, wanted: Wanted) -> Iterator[Finding]:
    """Names that somebody else has given already, outside our blocks."""
    contexts = {f"{CONTEXT_PREFIX}{agent}" for agent in wanted.agents}
    for path in sorted(pbx.asterisk.configuration.glob("extensions*.conf")):
        for name in _sections_of_others(path) & contexts:
            yield bad(AREA, f"{path} has a context [{name}] already", "rename it there, or the agent here")
    for main in ("manager.conf", "ari.conf"):
        stem = main.removesuffix(".conf")
        for path in sorted(pbx.asterisk.configuration.glob(f"{stem}*.conf")):
            if USER in _sections_of_others(path):
                yield bad(AREA, f"{path} has a user [{USER}] already", "rename it there: it is the name of this one")


def _sections_of_others(path: Path) -> set[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        block = block_of(text)
    except (OSError, BrokenBlock):
        return set()
    own = set(re.findall(r"^\[([^]]+)\]", block, re.MULTILINE))
    names = re.findall(r"^\[([^]]+)\]", text, re.MULTILINE)
    return {name for name in names if names.count(name) > (name in own)}
