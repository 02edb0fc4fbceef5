"""Everything the demo needs running at once: Asterisk with the module, the mock service, a caller."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiconvai.config.writer import format_line
from aiconvai.mock import MockAgent, MockOptions, MockThread, Scenario, mock_class
from aiconvai.mock.server import MockServer
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Caller

EXTENSION = "100"
AGENT_NAME = "demo"
_AGENT_ID = "demo-agent"
_API_KEY = "demo-key"

_DIALPLAN = f"""\
exten => {EXTENSION},1,AIConvAI({AGENT_NAME})
 same => n,Hangup()
"""


@dataclass(frozen=True)
class Stage:
    """What runs."""

    asterisk: Asterisk
    service: type[MockServer[Any, Any]]
    mock: MockThread[Any]
    caller: Caller

    def play(self, scenario: Scenario) -> None:
        """What the agent does in calls from now on."""
        self.mock.agents[_AGENT_ID] = _agent(self.service, scenario)


@contextmanager
def set_stage(
    module: Path, provider: str, scenario: Scenario, *, general: Sequence[str] = (), agent: Sequence[str] = ()
) -> Iterator[Stage]:
    """Start Asterisk 22 with `module`, a mock of that provider's service, and a caller of that Asterisk. `general` and
    `agent` are further lines of aiconvai.conf.

    Raises `NoMockError`.
    """
    service = mock_class(provider)
    options = MockOptions(agents={_AGENT_ID: _agent(service, scenario)})
    with MockThread(service(options)) as mock:
        lines = [format_line(name, value) for name, value in mock.settings(_AGENT_ID).items()]
        lines += ["audio_frames_buffer_ms=20", *agent]
        configuration = "\n".join(["[general]", *general, "", f"[{AGENT_NAME}]", *lines, ""])
        with (
            Asterisk(22, module=module, module_config=configuration, extensions=_DIALPLAN) as asterisk,
            Caller(asterisk.sip_port) as caller,
        ):
            yield Stage(asterisk, service, mock, caller)


def _agent(service: type[MockServer[Any, Any]], scenario: Scenario) -> MockAgent:
    """One that wants the account's key, where the service has agents that do not."""
    return service.AGENT(api_key=_API_KEY, scenario=scenario, **service.AGENT.with_key())
