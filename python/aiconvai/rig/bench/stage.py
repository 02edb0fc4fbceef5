"""An Asterisk set up for measuring: every path to an echo, agents that speak by themselves, and the far end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import trustme
from rich.console import Console

from aiconvai.audio import ulaw_encode
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, ManagerClient, build_module
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench import paths
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.far_end import FarEnd
from aiconvai.rig.bench.paths import FarEndPorts
from aiconvai.rig.bench.speech_sample import speech

_SPEECH_SECONDS = 20.0


@dataclass(frozen=True)
class Agents:
    """What the agents that speak by themselves do."""

    talk_seconds: int = 30
    interruptions: int = 10

    def ids(self) -> dict[str, str]:
        """What the far end calls them."""
        return {"talk": f"talk-{self.talk_seconds}", "interrupt": f"interrupt-{self.interruptions}"}


@dataclass(frozen=True)
class Stage:
    """What runs."""

    asterisk: Asterisk
    far_end: FarEnd
    floor: Asterisk | None = None
    """Another one just like it, for calls to Echo() at the same time: what the machine does to one it does to both."""

    def exact_version(self) -> str:
        """As Asterisk says it, such as 22.10.1."""
        return self.asterisk.cli("core show version").split()[1].partition("~")[0].partition("+")[0]

    def manager(self) -> ManagerClient:
        """A connection to the manager, to be closed: while there is one, Asterisk makes events of every call, which
        would be measured as well.
        """
        return ManagerClient(self.asterisk.host, self.asterisk.ami_port, AMI_USER, AMI_SECRET)


def far_end_program() -> Path:
    """Where the build puts it; raises `BenchError` when it is not there."""
    program = repository_root() / "build" / "tests" / "far_end" / "far_end"
    if not program.exists():
        raise BenchError(f"{program} is not there: build it with `make test-programs`")
    return program


@contextmanager
def set_up(version: AsteriskVersion, agents: Agents, console: Console, *, floor: bool = False) -> Iterator[Stage]:
    """Build the module, start the far end and Asterisk, and another Asterisk for the floor where that is asked for.

    Nothing is logged that a quiet system would not log.
    """
    module = build_module(version, console=console)
    authority = trustme.CA(organization_name="aiconvai bench")
    samples = ulaw_encode(speech(_SPEECH_SECONDS, 8000))
    with FarEnd(
        far_end_program(), certificate=authority.issue_cert("127.0.0.1", paths.NAME), speech=samples
    ) as far_end:
        assert far_end.wss_port is not None
        ports = FarEndPorts(far_end.ws_port, far_end.wss_port, far_end.audiosocket_port)

        def asterisk() -> Asterisk:
            return Asterisk(
                version,
                module=module,
                module_config=paths.module_configuration(ports, agents.ids()),
                modules=(*paths.WEBSOCKET_MODULES, *paths.AUDIOSOCKET_MODULES) if version >= 22 else (),
                extensions=paths.dialplan(ports, paths.ALL),
                extra_files={"websocket_client.conf": paths.websocket_client_configuration(ports)},
                files={paths.CA_FILE: authority.cert_pem.bytes()},
                verbose=0,
            )

        with asterisk() as main, asterisk() if floor else nullcontext() as other:
            yield Stage(main, far_end, other)
