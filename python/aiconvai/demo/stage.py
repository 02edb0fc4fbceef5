"""Everything the demo needs running at once: Asterisk with the module, the mock service, a caller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiconvai.asterisk import Asterisk
from aiconvai.caller import Caller
from aiconvai.mock import ElevenLabsMockThread, MockAgent, MockOptions

EXTENSION = "100"
AGENT_NAME = "demo"
AGENT_ID = "demo-agent"
API_KEY = "demo-key"

_DIALPLAN = f"""\
exten => {EXTENSION},1,AIConvAI({AGENT_NAME})
 same => n,Hangup()
"""


@dataclass(frozen=True)
class Stage:
    """What runs."""

    asterisk: Asterisk
    mock: ElevenLabsMockThread
    caller: Caller

    def asterisk_version(self) -> str:
        """As Asterisk itself says it, such as 22.10.1."""
        words = self.asterisk.cli("core show version").split()
        return words[1].partition("~")[0].partition("+")[0] if len(words) > 1 else str(self.asterisk.version)


@contextmanager
def set_stage(module: Path, agent: MockAgent) -> Iterator[Stage]:
    """Start Asterisk 22 with `module`, a mock service whose one agent is `agent`, and a caller of that Asterisk."""
    with ElevenLabsMockThread(MockOptions(agents={AGENT_ID: agent})) as mock:
        configuration = (
            f"[general]\n\n[{AGENT_NAME}]\nagent_id={AGENT_ID}\napi_key={API_KEY}\n"
            f"signed_url_endpoint={mock.signed_url_endpoint}\naudio_frames_buffer_ms=20\n"
        )
        with (
            Asterisk(22, module=module, module_config=configuration, extensions=_DIALPLAN) as asterisk,
            Caller(asterisk.sip_port) as caller,
        ):
            yield Stage(asterisk, mock, caller)
