"""serve.toml: what `aiconvai serve` is told. Without it there is this machine's Asterisk, SQLite and the loopback."""

from __future__ import annotations

import base64
import os
import socket
import ssl
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    Field,
    IPvAnyAddress,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from aiconvai.serve.manager import ManagerSettings
from aiconvai.serve.outbound.hours import Hours, HoursError, read_span
from aiconvai.serve.outbound.outcome import State
from aiconvai.serve.outgoing import THIS_MACHINE, Reach, literal
from aiconvai.serve.redaction import RedactionKind
from aiconvai.toml_settings import Port, SettingsError, TomlSettings, WithSecret, read_toml, secret_of

SERVE_TOML = Path("/etc/aiconvai/serve.toml")
OF_SYSTEM = Path("/var/lib/aiconvai")
_MOST_DAYS = 36_500
_MOST_LOOPS = 4
_SUMMARY_PROMPT = (
    "You are given the transcript of a telephone call with an automatic agent. Say in two or three sentences, in the"
    " caller's language, what the caller wanted, what came of it and what is left to be done. Nothing else."
)


class OutgoingSettings(TomlSettings):
    """`[outgoing]`: where requests to webhooks, tools, MCP servers and the summaries' model may go."""

    private: tuple[IPvAnyNetwork, ...] = THIS_MACHINE
    """Networks of private addresses that names may be of, and URLs of aiconvai.conf; what a URL of serve.toml has as an
    address is allowed by that.
    """


Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
"""Files are named after it."""


class AsteriskSettings(WithSecret):
    """`[asterisk.NAME]`: one that is followed."""

    host: str = "127.0.0.1"
    port: Port = 5038
    user: str
    """In its manager.conf, with read = call."""
    tls: bool = False
    tls_ca: Path | None = None
    """Who has signed its certificate; not set: whom the system trusts."""
    journal: Path | None = None
    """As its aiconvai.conf has it, where this program can read it."""
    recordings: Path | None = None
    """The folder of its aiconvai.conf's, where this program can read it, and write to it to forget them."""
    aiconvai_conf: Path | None = None
    """Where this program can read it, and write it if agents are to be changed on the page."""

    @model_validator(mode="after")
    def _has_a_secret(self) -> AsteriskSettings:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("expected one of secret and secret_file")
        return self

    def manager(self) -> ManagerSettings:
        """Raises `SettingsError` where a file cannot be read."""
        try:
            secret = self.secret_text() or ""
            tls = ssl.create_default_context(cafile=self.tls_ca) if self.tls else None
        except (OSError, ValueError) as error:
            raise SettingsError(f"the manager at {self.host}:{self.port}: {error}") from error
        return ManagerSettings(self.host, self.port, self.user, secret, tls)


WebhookKind = Literal["start", "end", "transcript", "tool"]
_SECRET_PREFIX = "whsec_"


class WebhookSettings(WithSecret):
    """`[webhook.NAME]`: a system that is told of calls.

    Its secret is `whsec_` and base64, of 24 to 64 bytes (Standard Webhooks). Without one nothing is signed.
    """

    url: str
    events: tuple[WebhookKind, ...] = ("start", "end")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            raise ValueError("expected http:// or https://")
        return url

    @model_validator(mode="after")
    def _has_one_secret(self) -> WebhookSettings:
        if self.secret is not None and self.secret_file is not None:
            raise ValueError("expected one of secret and secret_file")
        if self.secret is not None:
            self.read_secret()
        return self

    def read_secret(self) -> bytes | None:
        """The key; None: nothing is signed. Raises `SettingsError` where a file cannot be read, or it is no key."""
        text = self.secret_text()
        if text is None:
            return None
        try:
            key = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
        except ValueError:
            key = b""
        if not text.startswith(_SECRET_PREFIX) or not 24 <= len(key) <= 64:
            raise SettingsError(f"the secret of {self.url}: expected {_SECRET_PREFIX} and base64 of 24 to 64 bytes")
        return key


Price = Annotated[float, Field(ge=0)]


class CostsSettings(TomlSettings):
    """`[costs]`."""

    currency: Annotated[str, StringConstraints(min_length=1, max_length=10)] = "USD"
    """Of all prices; it is shown."""


class AgentSettings(TomlSettings):
    """`[agent.NAME]`: what is done for that agent of aiconvai.conf."""

    remember: Literal["nothing", "caller"] = "nothing"
    """caller: what was said in earlier calls of the caller's number is told to the agent as a call begins."""
    remember_turns: Annotated[int, Field(ge=1, le=200)] = 20
    remember_summaries: bool = False
    """Of calls that have a summary that is told, and not what was said."""
    price_call: Price = 0.0
    price_minute: Price = 0.0
    price_million_input_tokens: Price = 0.0
    price_million_output_tokens: Price = 0.0
    daily_limit: Annotated[float, Field(gt=0)] | None = None
    """What the agent may cost in a day; with more it takes no new calls."""

    @property
    def has_price(self) -> bool:
        """Whether anything of it costs something."""
        prices = self.price_call, self.price_minute, self.price_million_input_tokens, self.price_million_output_tokens
        return any(prices)

    @model_validator(mode="after")
    def _has_what_a_limit_needs(self) -> AgentSettings:
        if self.daily_limit is not None and not self.has_price:
            raise ValueError("daily_limit: expected a price beside it (price_minute, ...)")
        return self


class _WithHeaders(TomlSettings):
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    header_files: dict[str, Path] = Field(default_factory=dict)
    """Files whose first line is the header's value."""

    def read_headers(self) -> dict[str, str]:
        """All of them. Raises `SettingsError` where a file cannot be read."""
        given = {name: value.get_secret_value() for name, value in self.headers.items()}
        return given | {name: secret_of(path) for name, path in self.header_files.items()}


class ToolSettings(_WithHeaders):
    """`[tool.NAME]`: what the requests of that tool of aiconvai.conf bring along."""


class McpSettings(_WithHeaders):
    """`[mcp.NAME]`: a server of the Model Context Protocol, one that is there or one that is started."""

    url: Annotated[str, Field(pattern=r"^https?://")] = ""
    command: tuple[str, ...] = ()
    """A program and its arguments; it is talked to by its standard input and output."""
    environment: dict[str, SecretStr] = Field(default_factory=dict)
    """Of the program, besides PATH, HOME and the like."""

    @model_validator(mode="after")
    def _is_one(self) -> McpSettings:
        if bool(self.url) == bool(self.command):
            raise ValueError("expected one of url and command")
        return self


class ToolsSettings(TomlSettings):
    """`[tools]`."""

    python: tuple[str, ...] = ()
    """Modules whose functions agents may call."""
    python_path: Path | None = None
    """A folder in which they are looked for first."""


class SummarySettings(WithSecret):
    """`[summary]`: a language model that says what a call was about; its key is `secret` or in `secret_file`."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    """Of an API like OpenAI's, up to /v1."""
    model: str
    prompt: str = _SUMMARY_PROMPT
    seconds: Annotated[float, Field(ge=1, le=600)] = 60.0
    """In which it answers."""


class TelemetrySettings(_WithHeaders):
    """`[telemetry]`: where traces of OpenTelemetry go."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    """Of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318."""
    service_name: str = "aiconvai"


class MemorySettings(TomlSettings):
    """`[memory]`: Redis or Valkey, besides the database."""

    url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://")]
    """redis://:PASSWORD@HOST:PORT/DATABASE; rediss: with TLS."""
    seconds: Annotated[int, Field(ge=60)] = 86_400
    """That what was said in a call is kept after its last turn."""


class AudioSocketSettings(TomlSettings):
    """`[gateway.audiosocket.NAME]`: a port that Asterisk's AudioSocket connects to."""

    host: IPvAnyAddress = IPv4Address("127.0.0.1")
    """An address of this machine's."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8090
    """0: any free one."""
    agent: str = ""
    """Who answers calls of which nobody told anything; empty: those are refused."""
    peers: tuple[IPvAnyNetwork, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    """Who may connect."""


class AriSettings(WithSecret):
    """`[gateway.ari.NAME]`: an Asterisk whose Stasis applications are answered."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+")] = "http://127.0.0.1:8088"
    """As its http.conf has it, with its prefix."""
    user: str
    """In its ari.conf; the password is `secret` or in `secret_file`."""
    apps: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^[^,\s]{1,80}$")], str], Field(min_length=1)]
    """Stasis applications, and the agent that answers each where Stasis() names none of aiconvai.conf."""
    rtp_host: IPvAnyAddress = IPv4Address("127.0.0.1")
    """This machine's address, where Asterisk sends audio to."""
    rtp_ports: tuple[Port, Port] = (18_000, 18_999)
    """Of which the even ones are used; rtp.conf must have others."""
    rtp_symmetric: bool = False
    """Audio goes to where Asterisk's first packet comes from, and not to where it says that it listens."""
    media: Literal["auto", "websocket", "audiosocket", "rtp"] = "auto"
    """How audio comes from Asterisk and goes there; auto: as that Asterisk can do best."""
    wide: bool = True
    """16 kHz for callers who have wide band, where that can be had."""
    audiosocket_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """At `rtp_host`, which Asterisk connects to where it brings audio by AudioSocket; 0: any free one."""
    peers: tuple[IPvAnyNetwork, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
    """Who may send audio."""

    @model_validator(mode="after")
    def _has_a_secret(self) -> AriSettings:
        if (self.secret is None) == (self.secret_file is None):
            raise ValueError("expected one of secret and secret_file")
        if self.rtp_ports[1] <= self.rtp_ports[0]:
            raise ValueError("rtp_ports: expected two ports, the lower one first")
        return self


def _usual_loops() -> int:
    return min(_MOST_LOOPS, os.cpu_count() or 1)


class GatewaySettings(TomlSettings):
    """`[gateway]`: what `aiconvai gateway` does besides. Without it: AudioSocket on 127.0.0.1:8090."""

    aiconvai_conf: Path = Path("/etc/asterisk/aiconvai.conf")
    """The agents."""
    loops: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=_usual_loops)
    """Threads on which calls live."""
    max_calls: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Connections at the same time; [general] of aiconvai.conf may allow fewer calls."""
    registration_ms: Annotated[int, Field(ge=0, le=8_000)] = 1_000
    """That a connection waits for who it is to be told."""
    browser_calls: Annotated[int, Field(ge=0, le=100)] = 4
    """That are made on the page at the same time; 0: none can be."""
    ari: dict[Name, AriSettings] = Field(default_factory=dict)
    audiosocket: dict[Name, AudioSocketSettings] = Field(default_factory=lambda: {"usual": AudioSocketSettings()})


Seconds = Annotated[float, Field(ge=10, le=30 * 86_400)]
AGAIN: dict[State, float] = {State.BUSY: 300.0, State.NO_ANSWER: 3600.0, State.CONGESTION: 300.0}
OUTBOUND_CONTEXT = "aiconvai-outbound"
CALLER_ID_PATTERN = r"^(\+?[0-9*#]{1,32})?$"
CALLER_NAME_PATTERN = r"^[\w .'&+-]{0,60}$"


class OutboundSettings(TomlSettings):
    """`[outbound]`: calls that go out."""

    dial: Annotated[str, StringConstraints(max_length=200, pattern=r"^\w+/[^{}\s&,]*\{number\}[^{}\s&,]*$")]
    """What Asterisk calls for a number, such as PJSIP/{number}@trunk."""
    through: str = ""
    """By which: NAME of [asterisk.NAME], or ari.NAME of [gateway.ari.NAME]; empty: the only one."""
    caller_id: Annotated[str, StringConstraints(pattern=CALLER_ID_PATTERN)] = ""
    caller_name: Annotated[str, StringConstraints(pattern=CALLER_NAME_PATTERN)] = ""
    """What people see of who calls them; empty: as the trunk has it."""
    ring_seconds: Annotated[int, Field(ge=5, le=300)] = 30
    at_once: Annotated[int, Field(ge=1, le=1000)] = 2
    per_second: Annotated[float, Field(gt=0, le=50)] = 1.0
    begins: tuple[Annotated[str, StringConstraints(pattern=r"^\+?[0-9]{1,15}$")], ...] = ()
    """With what numbers that may be called begin; empty: with anything."""
    do_not_call: Path | None = None
    """A file of numbers that are never called, besides those that the API is told."""
    hours: tuple[str, ...] = ()
    """mon-fri 09:00-17:30; empty: people are called at any time."""
    time_zone: str = ""
    """Of `hours`, such as Europe/Prague."""
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    """For somebody of a list; one who is called singly is called once, if nothing else is asked for."""
    again: dict[State, Seconds] = Field(default_factory=AGAIN.copy)
    """After how many seconds somebody is called again, for results after which that is done."""
    machine: Literal["off", "asterisk", "agent"] = "off"
    """Who finds out that a machine has answered: nobody, Asterisk's AMD() in `context`, or the agent, by a tool."""
    message: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{0,200}$")] = ""
    """With machine = "asterisk": a sound file that a machine is left."""
    context: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,79}$")] = ""
    """Where answered calls go in the dialplan, to extension s; empty: to the agent at once."""
    most_waiting: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Of those who are to be called singly."""

    @field_validator("again")
    @classmethod
    def _are_results(cls, again: dict[State, float]) -> dict[State, float]:
        known = (State.BUSY, State.NO_ANSWER, State.CONGESTION, State.FAILED, State.MACHINE, State.UNKNOWN)
        if wrong := [one for one in again if one not in known]:
            raise ValueError(f"expected {', '.join(known)}, got {wrong[0]}")
        return again

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> OutboundSettings:
        if self.hours and not self.time_zone:
            raise ValueError("hours: expected time_zone beside it, such as Europe/Prague")
        if self.message and self.machine != "asterisk":
            raise ValueError('message: expected machine = "asterisk" beside it')
        self.read_hours()
        return self

    @property
    def to_context(self) -> str:
        """Where answered calls go; empty: to the agent at once."""
        return self.context or (OUTBOUND_CONTEXT if self.machine == "asterisk" else "")

    def read_hours(self) -> Hours:
        """Raises `ValueError`, though not of settings that there are."""
        try:
            zone = ZoneInfo(self.time_zone or "UTC")
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError(f"time_zone: expected one such as Europe/Prague, got {self.time_zone!r:.60}") from error
        try:
            return Hours([read_span(one) for one in self.hours], zone)
        except HoursError as error:
            raise ValueError(f"hours: {error}") from error


class PageSettings(TomlSettings):
    """`[page]`: where the page, the API and the metrics are."""

    host: str = "127.0.0.1"
    port: Port = 8070

    @property
    def family(self) -> socket.AddressFamily:
        """Of `host`."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET


class HealthSettings(PageSettings):
    """`[health.NAME]`: another port, which says how it goes and nothing else."""

    port: Port
    agent: str = ""
    """Whose calls it counts, and whether that one takes any; empty: those of all."""


def default_data() -> Path:
    """Where calls are kept: the system's place for root and for who owns it, else the user's (XDG Base Directory
    Specification).
    """
    # Of a unit of systemd's. Several are separated by colons.
    if (given := os.environ.get("STATE_DIRECTORY", "").partition(":")[0]).startswith("/"):
        return Path(given)
    if os.geteuid() == 0 or (OF_SYSTEM.is_dir() and OF_SYSTEM.stat().st_uid == os.geteuid()):
        return OF_SYSTEM
    home = os.environ.get("XDG_DATA_HOME", "")
    # "All paths set in these environment variables must be absolute."
    return (Path(home) if home.startswith("/") else Path.home() / ".local/share") / "aiconvai"


class ServeSettings(TomlSettings):
    """All of the file."""

    data: Path = Field(default_factory=default_data)
    """A folder that is this program's own."""
    database: str = ""
    """sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; empty: calls.db in `data`."""
    retention_days: Annotated[int, Field(ge=0, le=_MOST_DAYS)] = 0
    """Calls that began longer ago are forgotten; 0: none are."""
    redact: tuple[RedactionKind, ...] = ()
    """What is taken out of what was said, and of tools, before anything has it."""
    page: PageSettings = PageSettings()
    health: dict[Name, HealthSettings] = Field(default_factory=dict)
    gateway: GatewaySettings = GatewaySettings()
    asterisk: dict[Name, AsteriskSettings] = Field(default_factory=dict)
    agent: dict[str, AgentSettings] = Field(default_factory=dict)
    costs: CostsSettings = CostsSettings()
    tools: ToolsSettings = ToolsSettings()
    tool: dict[str, ToolSettings] = Field(default_factory=dict)
    mcp: dict[Name, McpSettings] = Field(default_factory=dict)
    outgoing: OutgoingSettings = OutgoingSettings()
    outbound: OutboundSettings | None = None
    summary: SummarySettings | None = None
    telemetry: TelemetrySettings | None = None
    phones: dict[Name, Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+/[\w.@+-]+$")]] = Field(
        default_factory=dict
    )
    """On which calls may be listened to: a name, and a channel such as PJSIP/200."""
    memory: MemorySettings | None = None
    webhook: dict[Name, WebhookSettings] = Field(default_factory=dict)

    @field_validator("asterisk")
    @classmethod
    def _has_names_of_its_own(cls, given: dict[str, AsteriskSettings]) -> dict[str, AsteriskSettings]:
        if taken := set(given) & {"gateway", "demo"}:
            raise ValueError(f"{taken.pop()}: expected another name: calls that come otherwise have this one")
        return given

    def outbound_through(self) -> tuple[Literal["asterisk", "ari"], str]:
        """By which calls go out: [asterisk.NAME], or [gateway.ari.NAME]. Raises `SettingsError`."""
        given = self.outbound.through if self.outbound is not None else ""
        if given:
            kind, name = ("ari", given.removeprefix("ari.")) if given.startswith("ari.") else ("asterisk", given)
            if name not in (self.gateway.ari if kind == "ari" else self.asterisk):
                table = "gateway.ari" if kind == "ari" else "asterisk"
                raise SettingsError(f"outbound.through = {given}: there is no [{table}.{name}]")
            return "ari" if kind == "ari" else "asterisk", name
        if len(self.asterisk) == 1:
            return "asterisk", next(iter(self.asterisk))
        if not self.asterisk and len(self.gateway.ari) == 1:
            return "ari", next(iter(self.gateway.ari))
        raise SettingsError("outbound.through: expected NAME of [asterisk.NAME], or ari.NAME of [gateway.ari.NAME]")

    @property
    def reach(self) -> Reach:
        """Where requests may go."""
        urls = [*(one.url for one in self.webhook.values()), *(one.url for one in self.mcp.values())]
        urls += [self.summary.url] if self.summary is not None else []
        meant = [one for one in map(literal, urls) if one is not None]
        return Reach((*self.outgoing.private, *meant))

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data / 'calls.db'}"


def read_settings(path: Path) -> ServeSettings:
    """Raises `SettingsError`."""
    return read_toml(path, ServeSettings)


def usual_settings(config: Path | None) -> ServeSettings:
    """Of that file; None: of the usual one, and without it what holds then. Raises `SettingsError`."""
    path = config or (SERVE_TOML if SERVE_TOML.exists() else None)
    return read_settings(path) if path is not None else ServeSettings()
