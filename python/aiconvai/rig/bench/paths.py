"""What a call can go through, and the configuration of Asterisk for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from aiconvai.options import options

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
    door: Literal["", "AudioSocket", "ARI"] = ""
    """Not the module has the agent, but `aiconvai gateway`, by that: a process that this way needs besides Asterisk, so
    that its processor time is part of the cost. ARI: with audio by RTP."""
    at_once: bool = False
    """Its far end echoes at once, and not each conversation in its own time."""
    defaults: bool = False
    """`chunk_ms` is what the service's agents have by default, and the configuration does not say it."""
    silent: bool = False
    """The service accepts connections, and never answers."""
    held: bool = False
    """The callers hold their calls from the answer on."""
    behind_frames: int = 0
    """Of the last that came from a caller, so many may not have been sent."""
    echo_guard: str = "off"
    """As in the module's option. Else what a caller says while the far end sends is heard whatever it is."""
    idle_audio: str = "none"
    """As in the module's option. Else the agents alone are heard, so that each packet is one that the far end sent."""
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
GATEWAY = CallPath("gateway by AudioSocket, 20 ms", "gateway-20", "echo", 20, door="AudioSocket")
GATEWAY_RTP = CallPath("gateway by ARI and RTP, 20 ms", "gateway-rtp-20", "echo", 20, door="ARI")
CHUNKS_20 = CallPath("20 ms", "echo-20", "echo", 20)
CHUNKS_60 = CallPath("60 ms", "echo-60", "echo", 60)
CHUNKS_240 = CallPath("240 ms", "echo-240", "echo", 240)
TLS_20 = CallPath("20 ms TLS", "echo-20-tls", "echo", 20, tls=True)
TLS_240 = CallPath("240 ms TLS", "echo-240-tls", "echo", 240, tls=True)
RESAMPLED_20 = CallPath("20 ms, 16 kHz", "echo16-20", "echo16", 20)
RESAMPLED_20_TLS = CallPath("20 ms, 16 kHz TLS", "echo16-20-tls", "echo16", 20, tls=True)
RESAMPLED24_20 = CallPath("20 ms, 24 kHz", "echo24-20", "echo24", 20)
RESAMPLED24_20_TLS = CallPath("20 ms, 24 kHz TLS", "echo24-20-tls", "echo24", 20, tls=True)

COMPARED = (
    ECHO, AUDIOSOCKET, CHAN_WEBSOCKET, GATEWAY, GATEWAY_RTP, CHUNKS_20, CHUNKS_60, CHUNKS_240, TLS_20, TLS_240,
    RESAMPLED_20,
)  # fmt: skip
"""Those whose processor time is compared."""

IDLE = CallPath("20 ms, a silent agent", "idle-20", "greet", 20, idle_audio="silence")
"""It greets, and then nothing but the silence is heard that the module sends in its place."""

HELD = CallPath("20 ms, on hold", "held-20", "echo", 20, held=True, behind_frames=5)
"""Callers send their music, of which nothing goes to the service but silence, made up once in 100 ms, and nothing
comes back.
"""

_SPEAKING = "stream-20-0"
"""The far end's agent that speaks without end, as it is heard, in chunks of 20 ms: unlike an echo every service has it,
those too that hear another format than they speak."""

GUARDED = CallPath("20 ms, echo guard", "guarded-20", _SPEAKING, 20, echo_guard="gate", behind_frames=6)
"""Both speak all the time, which is when the guard works: twice what it costs a call in which they take turns. It keeps
120 ms.
"""

PATHS = (*COMPARED, RESAMPLED_20_TLS, RESAMPLED24_20, RESAMPLED24_20_TLS, IDLE, HELD, GUARDED)
"""All, in the order of tables and pictures."""


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


def _as_people_live_with_it(service: Service, chunk_ms: int) -> CallPath:
    return CallPath(
        f"service {service.provider}, defaults", f"service-{service.provider}-defaults", f"stream-{chunk_ms}-0",
        chunk_ms, tls=True, defaults=True, service=service,
    )  # fmt: skip


def _default_chunk_ms(provider: str) -> int:
    (option,) = (one for one in options() if one.name == "audio_frames_buffer_ms")
    chunk_ms = option.defaults.get(provider, option.default)
    assert isinstance(chunk_ms, int)
    return chunk_ms


_DEFAULT_WEBSOCKET = Service("websocket", "/agent16", "16 bits at 16 kHz, base64 in JSON")

DEFAULTS = tuple(
    _as_people_live_with_it(
        _DEFAULT_WEBSOCKET if path.service.provider == "websocket" else path.service,
        _default_chunk_ms(path.service.provider),
    )
    for path in SERVICES
    if path.service is not None
)
"""The services over TLS, with no option set that need not be: chunks, both ways, and formats are the defaults."""

ALL_SERVICES = CallPath("service by turns", "services", _SPEAKING, 20, members=SERVICES)

WEBSOCKET_MODULES = ("res_http_websocket.so", "res_websocket_client.so", "chan_websocket.so")
STASIS = "bench"
"""The application that the gateway answers."""
AUDIOSOCKET_MODULES = ("res_audiosocket.so", "app_audiosocket.so")

TALK = CallPath("an agent that talks", "talk", "talk", 240)
SILENT = CallPath("a service that does not answer", "silent", "silent", 20, silent=True)
INTERRUPT = CallPath("an agent that is interrupted", "interrupt", "interrupt", 240)
GREETINGS = (
    CallPath("plain", "greet", "greet", 240),
    CallPath("TLS", "greet-tls", "greet", 240, tls=True),
    CallPath("TLS, signed URL", "greet-signed", "greet", 240, tls=True, signed=True),
)
"""Agents that greet, by the way in which they are reached."""


def prompt(path: CallPath) -> CallPath:
    """The same for a call whose round trip is measured: its echoes come at once, and what the caller says before the
    conversation has begun is dropped.

    Sent first, as it is else, it would be echoed first too and hold up every later echo by as long as the set-up took.
    An agent that answers instead of echoing holds nothing up.
    """
    if path == ECHO:
        return path
    return replace(path, extension=f"{path.extension}-prompt", keeps_early=False, at_once=True)


ALL = (
    *PATHS, *(prompt(path) for path in PATHS if path not in (ECHO, IDLE, HELD, GUARDED)),
    *SERVICES, ALL_SERVICES, *DEFAULTS, TALK, SILENT, INTERRUPT, *GREETINGS,
)  # fmt: skip
"""Every extension there is."""


@dataclass(frozen=True)
class FarEndPorts:
    """Where a far end listens."""

    ws: int
    wss: int
    audiosocket: int
    host: str = "127.0.0.1"


@dataclass(frozen=True)
class Where:
    """Where everything is that calls are connected to."""

    usual: FarEndPorts
    """The far end that answers each conversation in its own time."""
    at_once: FarEndPorts
    """Another one, whose echoes come at once."""
    silent_port: int
    """The service that never answers, on the loopback."""
    gateway_ports: Mapping[str, int] = field(default_factory=dict)
    """Where `aiconvai gateway` takes the calls of an extension, on the loopback."""

    def of(self, path: CallPath) -> FarEndPorts:
        """The far end of a path."""
        return self.at_once if path.at_once else self.usual


def module_configuration(where: Where, agent_ids: dict[str, str], network_threads: int = 1) -> str:
    """The text of aiconvai.conf. agent_ids: what the far end calls an agent, where that is not its name here."""
    own = ((path, path.agent) for path in ALL if path.agent is not None and not path.members and not path.door)
    return f"[general]\nnetwork_threads={network_threads}\n" + "".join(
        _agent(path, where, agent_ids.get(agent, agent)) for path, agent in own
    )


def gateway_paths() -> list[CallPath]:
    """Those that need the gateway."""
    return [path for path in ALL if path.door]


def gateway_agents(where: Where) -> str:
    """The same for the gateway."""
    return "".join(_agent(path, where, path.agent) for path in gateway_paths() if path.agent is not None)


def _agent(path: CallPath, everything: Where, agent_id: str) -> str:
    ports = everything.of(path)
    host = ports.host
    scheme, port = ("wss", ports.wss) if path.tls else ("ws", ports.ws)
    trust = f"tls_ca_file={_CA_FILE_INSIDE}\n" if path.tls else ""
    where = f"agent_id={agent_id}\nconversation_endpoint={scheme}://{host}:{port}/v1/convai/conversation\n"
    if path.service is not None:
        url = f"{scheme}://{host}:{port}{path.service.url_path}?agent_id={agent_id}"
        where = f"provider={path.service.provider}\nconversation_url={url}\n{path.service.options}"
    elif path.silent:
        where = f"agent_id={agent_id}\nconversation_endpoint=ws://127.0.0.1:{everything.silent_port}/\n"
    elif path.signed:
        endpoint = f"https://{NAME}:{port}/v1/convai/conversation/get-signed-url"
        where = f"agent_id={agent_id}\nsigned_url_endpoint={endpoint}\napi_key=bench\n"
    chunks = "" if path.defaults else f"audio_frames_buffer_ms={path.chunk_ms}\n"
    # Callers who never fall silent would keep an agent paused that waits for them to.
    return (
        f"\n[{path.extension}]\n{where}{trust}{'' if path.keeps_early else _NOTHING_EARLY}"
        f"{chunks}playout_limit_seconds={_PLAYOUT_LIMIT_SECONDS}\nidle_audio={path.idle_audio}\n"
        f"echo_guard={path.echo_guard}\ninterruption=service\n"
    )


def dialplan(where: Where, paths: Iterable[CallPath]) -> str:
    """The extensions of these paths; that of Echo() is the rig's own."""
    return "".join(_extension(path, where) for path in paths)


def _extension(path: CallPath, where: Where) -> str:
    ports = where.of(path)
    answers = path.name == AUDIOSOCKET.name or path.door == "AudioSocket"
    if path.members:
        return _by_turns(path)
    if path.door == "ARI":
        application = f"Stasis({STASIS},{path.extension})"
    elif path.door:
        application = f"AudioSocket({_AUDIOSOCKET_UUID},127.0.0.1:{where.gateway_ports[path.extension]})"
    elif path.agent is not None:
        application = f"AIConvAI({path.extension})"
    elif path.name == AUDIOSOCKET.name:
        application = f"AudioSocket({_AUDIOSOCKET_UUID},{ports.host}:{ports.audiosocket})"
    elif path.name == CHAN_WEBSOCKET.name:
        application = f"Dial(WebSocket/{_client(path.at_once)}/c(ulaw),10)"
    else:
        return ""
    # AudioSocket() does not answer; the module does, and who is asked by ARI, and Dial() when the other side has.
    answer = "Answer()\n same => n," if answers else ""
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


def _client(at_once: bool) -> str:
    return "far_end_at_once" if at_once else "far_end"


def websocket_client_configuration(where: Where) -> str:
    """The text of websocket_client.conf, of which chan_websocket takes the connection that Dial() names."""
    return "".join(
        f"[{_client(at_once)}]\ntype = websocket_client\nconnection_type = per_call_config\n"
        f"uri = ws://{ports.host}:{ports.ws}/media\nprotocols = media\n"
        for at_once, ports in ((False, where.usual), (True, where.at_once))
    )
