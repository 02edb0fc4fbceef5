"""An Asterisk set up for measuring: every path to an echo, agents that speak by themselves, and the far end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace

import trustme
from rich.console import Console

from aiconvai.audio import ulaw_encode
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, ManagerClient, build_module
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER, ari_files, ari_modules
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.bench import paths
from aiconvai.rig.bench.callers import Callers, ManyCalls
from aiconvai.rig.bench.far_end import FarEnd
from aiconvai.rig.bench.gateway_process import GatewayProcess
from aiconvai.rig.bench.paths import FarEndPorts, Where
from aiconvai.rig.bench.programs import built_program
from aiconvai.rig.bench.silent_service import SilentService
from aiconvai.rig.bench.sipp import SippCalls, ramp_seconds
from aiconvai.rig.bench.speech_sample import speech
from aiconvai.rig.bench.wire import Wire, wire

ANSWER_SPREAD_MS = 20
"""The far end's echoes of a conversation come up to so much later than their questions, by a time of its own."""
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
class Setting:
    """What is not as it usually is."""

    name: str
    """Behind that of a path; empty where nothing is special."""
    network_threads: int = 1
    over_wire: bool = False
    """The far end is in a network namespace of its own: see `wire`."""


USUAL = Setting("")


@dataclass(frozen=True)
class Stage:
    """What runs."""

    asterisk: Asterisk
    far_end: FarEnd
    floor: Asterisk | None = None
    """Another one just like it, for calls to Echo() at the same time: what the machine does to one it does to both."""
    gateway: GatewayProcess | None = None
    """For calls that reach their agents without the module."""
    wire: Wire | None = None
    """Between Asterisk and the far end; else they talk over the loopback."""
    bursts: bool = False
    """Calls are made by SIPp, and the far end echoes at once: as it was before there were callers of our own."""

    def manager(self) -> ManagerClient:
        """A connection to the manager, to be closed: while there is one, Asterisk makes events of every call, which
        would be measured as well.
        """
        return ManagerClient(self.asterisk.host, self.asterisk.ami_port, AMI_USER, AMI_SECRET)

    def calls(
        self, asterisk: Asterisk, extension: str, calls: int, longest: float, *, seed: int = 1, held: bool = False
    ) -> ManyCalls:
        """So many to an extension. longest: seconds for which they may be wanted once they are up; SIPp's last so long,
        and are never held.
        """
        if self.bursts:
            return SippCalls(asterisk.host, asterisk.sip_port, extension, calls, ramp_seconds(calls) + longest)
        return Callers(asterisk.host, asterisk.sip_port, extension, calls, seed=seed, held=held)


@contextmanager
def set_up(
    version: AsteriskVersion,
    agents: Agents,
    console: Console,
    *,
    floor: bool = False,
    setting: Setting = USUAL,
    bursts: bool = False,
) -> Iterator[Stage]:
    """Build the module, start the far ends and Asterisk, and another Asterisk for the floor where that is asked for.

    Nothing is logged that a quiet system would not log. Raises `NoWireError` where there can be none.
    """
    module = build_module(version, console=console)
    authority = trustme.CA(organization_name="aiconvai bench")
    samples = ulaw_encode(speech(_SPEECH_SECONDS, 8000))
    with ExitStack() as stack:
        cable = stack.enter_context(wire()) if setting.over_wire else None
        address, prefix = (cable.address, cable.prefix) if cable is not None else ("127.0.0.1", ())

        def far_end(answer_spread_ms: int) -> FarEnd:
            return stack.enter_context(
                FarEnd(
                    built_program("far_end"),
                    certificate=authority.issue_cert(address, paths.NAME),
                    speech=samples,
                    answer_spread_ms=answer_spread_ms,
                    address=address,
                    prefix=prefix,
                )
            )

        usual, at_once = far_end(0 if bursts else ANSWER_SPREAD_MS), far_end(0)
        silent = stack.enter_context(SilentService())
        where = Where(_ports(usual), _ports(at_once), silent.port)
        ari_port = free_port()
        gateway = stack.enter_context(GatewayProcess(paths.gateway_agents(where), paths.gateway_paths(), ari_port))
        where = replace(where, gateway_ports=gateway.ports)

        def asterisk(*, ari: bool) -> Asterisk:
            audiosocket = (*paths.WEBSOCKET_MODULES, *paths.AUDIOSOCKET_MODULES) if version >= 22 else ()
            return Asterisk(
                version,
                module=module,
                module_config=paths.module_configuration(where, agents.ids(), setting.network_threads),
                modules=(*audiosocket, *(ari_modules(version) if ari else ())),
                extensions=paths.dialplan(where, paths.ALL),
                extra_files={
                    "websocket_client.conf": paths.websocket_client_configuration(where),
                    **(ari_files(ari_port) if ari else {}),
                },
                files={paths.CA_FILE: authority.cert_pem.bytes()},
                verbose=0,
            )

        with asterisk(ari=True) as main, asterisk(ari=False) if floor else nullcontext() as other:
            gateway.wait_connected()
            yield Stage(main, usual, other, gateway, cable, bursts)


def _ports(far_end: FarEnd) -> FarEndPorts:
    assert far_end.wss_port is not None
    return FarEndPorts(far_end.ws_port, far_end.wss_port, far_end.audiosocket_port, far_end.address)
