"""An earlier system: its files, its table, and what is written for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

from aiconvai.config.imports.given import Given, SourceFile
from aiconvai.config.imports.plan import Plan, Reach
from aiconvai.config.imports.rows import Known, Row

HEAD = """\
; Written by aiconvai config import. In extensions.conf: #include "extensions_aiconvai.conf", and dialplan reload.
; Behind the conversation AICONVAI_STATUS and AICONVAI_REASON say how it was."""


class System(ABC):
    """One of them. Its import calls the methods in this order."""

    name: ClassVar[str]
    """As --from has it, and the page."""
    title: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    """Of its files; what is of an earlier kind goes before a later one."""
    rows: ClassVar[tuple[Row, ...]]

    def settings(self, file: SourceFile) -> Sequence[Given]:
        """Those of a file, with the keys that the table has."""
        return file.settings

    @abstractmethod
    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        """Adds the agents. Raises `UnusableError` where there would be none."""

    def is_option(self, given: Given) -> str:
        """What became of a setting that is an option here, and is set already; empty: the table says."""
        return ""

    def precedence(self, file: SourceFile) -> int:
        """The smaller one goes before others."""
        return self.kinds.index(file.kind)

    def reach(self, plan: Plan, given: Given) -> Reach:
        """Whom a setting is for."""
        return Reach(tuple(plan.agents))

    @abstractmethod
    def finish(self, plan: Plan, known: Known) -> None:
        """Adds what needs all settings: doors, the dialplan, what is left to do."""


def finish_ari(plan: Plan, ari: str = "pbx") -> None:
    """What a door of ARI needs of where its Asterisk is."""
    door = plan.table(f"gateway.ari.{ari}")
    host = urlsplit(str(door.get("url", ""))).hostname or "127.0.0.1"
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if is_here:
        return
    if "rtp_host" not in door:
        plan.to_do.append(
            f"serve.toml: [gateway.ari.{ari}] rtp_host: this machine's address, as {host} reaches it (127.0.0.1)"
        )
    try:
        door["peers"] = ["127.0.0.0/8", "::1/128", str(ip_address(host))]
    except ValueError:
        plan.to_do.append(f"serve.toml: [gateway.ari.{ari}] peers: the address of {host}, whose audio is to be taken")


def only_ari(plan: Plan) -> None:
    """No port of AudioSocket."""
    plan.table("gateway.audiosocket")


def stasis(application: str, *, recording: str = "", before: Sequence[str] = ()) -> list[str]:
    """Priorities of an extension behind its first: the call is answered by the application's agent."""
    lines = ["Answer()"]
    if recording:
        lines.append(f"MixMonitor({recording}/${{UNIQUEID}}.wav)")
    return [*lines, *before, f"Stasis({application})", "NoOp(${AICONVAI_STATUS}: ${AICONVAI_REASON})", "Hangup()"]


def extension(number: str, priorities: Sequence[str]) -> list[str]:
    return [f"exten => {number},1,{priorities[0]}", *(f" same => n,{one}" for one in priorities[1:])]
