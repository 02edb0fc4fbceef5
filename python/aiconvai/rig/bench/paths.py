"""What a call can go through, and the configuration of Asterisk for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

CA_FILE = "etc/bench-ca.pem"
"""Below the instance's directory: the authority that the far end's certificate is of."""

NAME = "localhost"
"""Of the far end, in a signed URL."""

_CA_FILE_INSIDE = f"/aiconvai/{CA_FILE}"
_PLAYOUT_LIMIT_SECONDS = 3600
_NOTHING_EARLY = "connect_audio_limit_ms=0\n"
# Any will do: the echo server keeps nothing by it.
_AUDIOSOCKET_UUID = "5c9f6e1c-7f5e-4d37-9d43-2f8f1f2c1c55"


@dataclass(frozen=True)
class Service:
    """An AI service that the far end stands for, and the module speaks with."""

    provider: str
    """As in the module's option."""
    url_path: str
    """At the far end."""
    carries: str
    """How audio goes to it and comes from it, in words."""
    options: str = ""
    """More lines of an agent's section, to have the line's own format where the service leaves that to the agent."""


@dataclass(frozen=True)
class CallPath:
    """A way from the caller to an echo and back, or to an agent that speaks."""

    name: str
    extension: str
    agent: str | None = None
    """The far end's agent, where the path is the module's."""
    chunk_ms: int = 0
    """How much audio the module sends at a time."""
    tls: bool = False
    signed: bool = False
    """The module asks for a signed URL first, as for an agent that is not public; by a name that is looked up."""
    keeps_early: bool = True
    """What the caller says before the conversation has begun is sent."""
    helper: bool = False
    """The far end is a process that this way needs besides Asterisk, so that its processor time is part of the cost.
    Of the module's paths it stands for the service in the cloud."""
    service: Service | None = None
    """The one at the far end, where that is not a matter of course: ElevenLabs."""
    members: tuple[CallPath, ...] = ()
    """The ways that calls take by turns, where this is several."""

    def providers(self) -> set[str]:
        """Of all services that calls are with; none where that is a matter of course."""
        return {one.service.provider for one in (self, *self.members) if one.service is not None}


ECHO = CallPath("Echo()", "echo")
AUDIOSOCKET = CallPath("AudioSocket()", "audiosocket", helper=True)
CHAN_WEBSOCKET = CallPath("chan_websocket", "websocket", helper=True)
CHUNKS_20 = CallPath("20 ms", "echo-20", "echo", 20)
CHUNKS_60 = CallPath("60 ms", "echo-60", "echo", 60)
CHUNKS_240 = CallPath("240 ms", "echo-240", "echo", 240)
TLS_20 = CallPath("20 ms TLS", "echo-20-tls", "echo", 20, tls=True)
TLS_240 = CallPath("240 ms TLS", "echo-240-tls", "echo", 240, tls=True)
RESAMPLED_20 = CallPath("20 ms, 16 kHz", "echo16-20", "echo16", 20)

PATHS = (ECHO, AUDIOSOCKET, CHAN_WEBSOCKET, CHUNKS_20, CHUNKS_60, CHUNKS_240, TLS_20, TLS_240, RESAMPLED_20)
"""All, in the order of tables and pictures."""

_SPEAKING = "stream-20-0"
"""The far end's agent that speaks without end, as it is heard, in chunks of 20 ms: unlike an echo every service has it,
those too that hear another format than they speak."""


def _talking_with(service: Service) -> CallPath:
    return CallPath(f"service {service.provider}", f"service-{service.provider}", _SPEAKING, 20, service=service)


SERVICES = tuple(
    _talking_with(one)
    for one in (
        Service("elevenlabs", "/v1/convai/conversation", "mu-law, base64 in JSON"),
        Service("openai", "/v1/realtime", "mu-law, base64 in JSON"),
        Service("openai_live", "/v1/live/sessions", "mu-law, base64 in JSON"),
        Service(
            "gemini", "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
            "16 bits at 16 kHz up and 24 kHz down, base64 in JSON",
        ),
        Service("deepgram", "/v1/agent/converse", "mu-law, binary"),
        Service("websocket", "/agent", "mu-law, base64 in JSON", "audio_format=ulaw_8000\n"),
        Service("twilio", "/twilio", "mu-law, base64 in JSON"),
    )
)  # fmt: skip
"""One for each service: an agent that speaks while the caller does, in chunks of 20 ms both ways."""

ALL_SERVICES = CallPath("service by turns", "services", _SPEAKING, 20, members=SERVICES)

WEBSOCKET_MODULES = ("res_http_websocket.so", "res_websocket_client.so", "chan_websocket.so")
AUDIOSOCKET_MODULES = ("res_audiosocket.so", "app_audiosocket.so")

TALK = CallPath("an agent that talks", "talk", "talk", 240)
INTERRUPT = CallPath("an agent that is interrupted", "interrupt", "interrupt", 240)
GREETINGS = (
    CallPath("plain", "greet", "greet", 240),
    CallPath("TLS", "greet-tls", "greet", 240, tls=True),
    CallPath("TLS, signed URL", "greet-signed", "greet", 240, tls=True, signed=True),
)
"""Agents that greet, by the way in which they are reached."""


def prompt(path: CallPath) -> CallPath:
    """The same for a call whose round trip is measured: what the caller says before the conversation has begun is
    dropped.

    Sent first, as it is else, it would be echoed first too and hold up every later echo by as long as the set-up took.
    An agent that answers instead of echoing holds nothing up.
    """
    return path if path.agent is None else replace(path, extension=f"{path.extension}-prompt", keeps_early=False)


ALL = (
    *PATHS, *(prompt(path) for path in PATHS if path.agent is not None), *SERVICES, ALL_SERVICES, TALK, INTERRUPT,
    *GREETINGS,
)  # fmt: skip
"""Every extension there is."""


@dataclass(frozen=True)
class FarEndPorts:
    """Where the far end listens, on the loopback."""

    ws: int
    wss: int
    audiosocket: int


def module_configuration(ports: FarEndPorts, agent_ids: dict[str, str]) -> str:
    """The text of aiconvai.conf. agent_ids: what the far end calls an agent, where that is not its name here."""
    own = ((path, path.agent) for path in ALL if path.agent is not None and not path.members)
    return "[general]\n" + "".join(_agent(path, ports, agent_ids.get(agent, agent)) for path, agent in own)


def _agent(path: CallPath, ports: FarEndPorts, agent_id: str) -> str:
    scheme, port = ("wss", ports.wss) if path.tls else ("ws", ports.ws)
    trust = f"tls_ca_file={_CA_FILE_INSIDE}\n" if path.tls else ""
    where = f"agent_id={agent_id}\nconversation_endpoint={scheme}://127.0.0.1:{port}/v1/convai/conversation\n"
    if path.service is not None:
        url = f"{scheme}://127.0.0.1:{port}{path.service.url_path}?agent_id={agent_id}"
        where = f"provider={path.service.provider}\nconversation_url={url}\n{path.service.options}"
    elif path.signed:
        endpoint = f"https://{NAME}:{port}/v1/convai/conversation/get-signed-url"
        where = f"agent_id={agent_id}\nsigned_url_endpoint={endpoint}\napi_key=bench\n"
    return (
        f"\n[{path.extension}]\n{where}{trust}{'' if path.keeps_early else _NOTHING_EARLY}"
        f"audio_frames_buffer_ms={path.chunk_ms}\nplayout_limit_seconds={_PLAYOUT_LIMIT_SECONDS}\n"
    )


def dialplan(ports: FarEndPorts, paths: Iterable[CallPath]) -> str:
    """The extensions of these paths; that of Echo() is the rig's own."""
    return "".join(_extension(path, ports) for path in paths)


def _extension(path: CallPath, ports: FarEndPorts) -> str:
    if path.members:
        return _by_turns(path)
    if path.agent is not None:
        application = f"AIConvAI({path.extension})"
    elif path is AUDIOSOCKET:
        application = f"AudioSocket({_AUDIOSOCKET_UUID},127.0.0.1:{ports.audiosocket})"
    elif path is CHAN_WEBSOCKET:
        application = "Dial(WebSocket/far_end/c(ulaw),10)"
    else:
        return ""
    # AudioSocket() does not answer; the module does, and Dial() when the other side has.
    answer = "Answer()\n same => n," if path is AUDIOSOCKET else ""
    return f"exten => {path.extension},1,{answer}{application}\n same => n,Hangup()\n"


def _by_turns(path: CallPath) -> str:
    """Two calls that come in the same moment may take the same turn."""
    first = (
        f"exten => {path.extension},1,Set(GLOBAL(TURN)=$[(0${{TURN}} + 1) % {len(path.members)}])\n"
        f" same => n,Goto({path.extension}-${{TURN}},1)\n"
    )
    turns = (
        f"exten => {path.extension}-{turn},1,Goto({member.extension},1)\n" for turn, member in enumerate(path.members)
    )
    return first + "".join(turns)


def websocket_client_configuration(ports: FarEndPorts) -> str:
    """The text of websocket_client.conf, of which chan_websocket takes the connection that Dial() names."""
    return (
        "[far_end]\ntype = websocket_client\nconnection_type = per_call_config\n"
        f"uri = ws://127.0.0.1:{ports.ws}/media\nprotocols = media\n"
    )
