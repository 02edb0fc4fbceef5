"""An Asterisk set up for measuring: the module, its agents at the mock service, and an extension for each path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console

from aiconvai.asterisk import Asterisk, AsteriskVersion, build_module
from aiconvai.measure.results import Path
from aiconvai.measure.service import ServiceSettings
from aiconvai.measure.service_process import ServiceProcess

EXTENSIONS: dict[Path, str] = {"Echo()": "echo", "20 ms chunks": "201", "240 ms chunks": "202"}
TALK_EXTENSION = "203"
INTERRUPT_EXTENSION = "204"

_DIALPLAN = """\
exten => 201,1,AIConvAI(echo_20)
 same => n,Hangup()
exten => 202,1,AIConvAI(echo_240)
 same => n,Hangup()
exten => 203,1,AIConvAI(talk)
 same => n,Hangup()
exten => 204,1,AIConvAI(interrupt)
 same => n,Hangup()
"""
_PLAYOUT_LIMIT_SECONDS = 3600


@dataclass(frozen=True)
class Bench:
    """What runs."""

    asterisk: Asterisk
    service: ServiceProcess

    def exact_version(self) -> str:
        """As Asterisk says it, such as 22.10.1."""
        return self.asterisk.cli("core show version").split()[1].partition("~")[0].partition("+")[0]


@contextmanager
def set_up(version: AsteriskVersion, settings: ServiceSettings, console: Console) -> Iterator[Bench]:
    """Build the module, start the mock service and Asterisk. Nothing is logged that a quiet system would not log."""
    module = build_module(version, console=console)
    with (
        ServiceProcess(settings) as service,
        Asterisk(
            version,
            module=module,
            module_config=configuration(service.endpoint),
            extensions=_DIALPLAN,
            verbose=0,
        ) as asterisk,
    ):
        yield Bench(asterisk, service)


def configuration(endpoint: str) -> str:
    """The text of aiconvai.conf."""
    chunks = {"echo_20": 20, "echo_240": 240, "talk": 240, "interrupt": 240}
    return "[general]\n" + "".join(
        f"\n[{name}]\nagent_id={name.partition('_')[0]}\nconversation_endpoint={endpoint}\n"
        f"audio_frames_buffer_ms={chunk_ms}\nplayout_limit_seconds={_PLAYOUT_LIMIT_SECONDS}\n"
        for name, chunk_ms in chunks.items()
    )
