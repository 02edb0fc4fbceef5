"""Asterisk AI Voice Agent: an engine in Python for AudioSocket and ARI, in a container or in one for each provider. Its
.env files, config/ai-agent.yaml and docker-compose files; variables go before YAML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import ClassVar

from aiconvai.config.imports.conversions import (
    ADDRESS,
    MS_TO_SECONDS,
    NUMBER,
    OPENAI_MODEL,
    WHOLE_SECONDS,
    YES_NO,
)
from aiconvai.config.imports.dotenv_file import expanded
from aiconvai.config.imports.given import Given, SourceFile, UnusableError
from aiconvai.config.imports.plan import Plan, Reach
from aiconvai.config.imports.rows import Conversion, Known, Row
from aiconvai.config.imports.system import HEAD, System, extension, finish_ari

APP = "asterisk-ai-voice-agent"
_AUDIOSOCKET_PORT, _HEALTH_PORT = 8090, 15_000
_SERVICES = {"deepgram": "deepgram", "openai": "openai", "openai_realtime": "openai", "local": "websocket"}
_DEEPGRAM, _OPENAI, _LOCAL = ("deepgram",), ("openai", "openai_realtime"), ("local",)
_LEVEL = "not needed here: speech is told from the line's own noise"
_LOCAL_MODELS = (
    "not here: the models of the local server are its own; it has to speak this protocol (docs/protocol/websocket.md)"
)
_PIPELINE = "not here: services that hear, think and speak in one; another server does it behind provider = websocket"
_CONTAINER = "not needed here: one program, without containers"


def _url(value: str, known: Known) -> str:
    port = known.get("ASTERISK_ARI_PORT") or known.get("asterisk.port") or "8088"
    return f"http://{value}:{port}"


def _company(value: str, known: Known) -> str:
    return f"company_name={value}"


def _log_level(value: str, known: Known) -> str | None:
    return "yes" if value.strip().lower() == "debug" else None


_DEBUG = Conversion("where it is debug", _log_level)
_APP = Conversion("", lambda _, __: "")
"""Who answers is known in the end."""
_INTERRUPTION = Conversion("`true` confirmed, `false` off", lambda v, k: "confirmed" if YES_NO.apply(v, k) else "off")


@dataclass(slots=True)
class _Instance:
    """A program of theirs: with one provider, and credentials of its own."""

    agent: str
    scopes: set[str] = field(default_factory=set)


class VoiceAgent(System):
    name = "voice-agent"
    title = "Asterisk AI Voice Agent"
    kinds = ("compose", "env", "yaml")
    rows: ClassVar[tuple[Row, ...]] = (
        Row("AI_PROVIDER, default_provider", "extensions provider {ari}", default="deepgram",
            note="who answers where Stasis() names nobody"),
        Row("DEEPGRAM_API_KEY, providers.deepgram.api_key", "api_key", agents=_DEEPGRAM, secret=True),
        Row("OPENAI_API_KEY, providers.openai.api_key, providers.openai_realtime.api_key, llm.api_key", "api_key",
            agents=_OPENAI, secret=True, note="Deepgram asks the language model by itself"),
        Row("GREETING", "first_message"),
        Row("providers.deepgram.greeting", "first_message", agents=_DEEPGRAM),
        Row("providers.openai.greeting, providers.openai_realtime.greeting", "first_message", agents=_OPENAI),
        Row("llm.initial_greeting", "first_message", default="Hello, how can I help you?"),
        Row("AI_ROLE", "prompt"),
        Row("providers.deepgram.instructions", "prompt", agents=_DEEPGRAM),
        Row("providers.openai.instructions, providers.openai_realtime.instructions", "prompt", agents=_OPENAI),
        Row("llm.prompt", "prompt", default="You are a helpful assistant."),
        Row("COMPANY_NAME", "dynamic_variable", Conversion("{company_name}", _company)),
        Row("llm.model", "think_model", default="gpt-4o", note="of Deepgram"),
        Row("providers.deepgram.model", "listen_model", agents=_DEEPGRAM, default="nova-2"),
        Row("providers.deepgram.tts_model", "voice_id", agents=_DEEPGRAM, default="aura-asteria-en"),
        Row("providers.openai.model, providers.openai_realtime.model", "model", OPENAI_MODEL, agents=_OPENAI,
            without="a preview, or one that does not speak: the default here"),
        Row("providers.openai.voice, providers.openai_realtime.voice", "voice_id", agents=_OPENAI, default="alloy"),
        Row("providers.openai_realtime.base_url", "conversation_endpoint", agents=_OPENAI),
        Row("providers.openai_realtime.turn_detection.threshold", "vad_threshold", NUMBER, agents=_OPENAI),
        Row("providers.openai_realtime.turn_detection.prefix_padding_ms", "vad_prefix_padding_ms", NUMBER,
            agents=_OPENAI),
        Row("providers.openai_realtime.turn_detection.silence_duration_ms", "vad_silence_duration_ms", NUMBER,
            agents=_OPENAI),
        Row("providers.openai_realtime.turn_detection.type", "turn_detection", agents=_OPENAI),
        Row("providers.openai_realtime.turn_detection.*, providers.openai_realtime.organization",
            note="not here: the service's default"),
        Row("providers.*.input_*, providers.*.output_*, providers.*.target_*, providers.*.continuous_input,"
            " providers.*.response_modalities.*",
            note="not needed here: each service gets what it and the channel have"),
        Row("providers.*.enabled", note="an agent where it is not false"),
        Row("providers.local.ws_url, LOCAL_WS_URL", "conversation_url", agents=_LOCAL, default="ws://127.0.0.1:8765",
            note="provider = websocket: the server there has to speak its protocol"),
        Row("providers.local.connect_timeout_sec", "connection_timeout_seconds", WHOLE_SECONDS, agents=_LOCAL),
        Row("providers.local.*, LOCAL_*", note=_LOCAL_MODELS),
        Row("pipelines.*, active_pipeline", note=_PIPELINE),
        Row("ASTERISK_HOST, asterisk.host", "serve.toml [gateway.ari.{ari}] url",
            Conversion("`http://HOST:8088`", _url),
            default="127.0.0.1"),
        Row("ASTERISK_ARI_PORT, asterisk.port", note="with ASTERISK_HOST"),
        Row("ASTERISK_ARI_USERNAME, asterisk.username", "serve.toml [gateway.ari.{ari}] user", default="AIAgent"),
        Row("ASTERISK_ARI_PASSWORD, asterisk.password", "serve.toml [gateway.ari.{ari}] secret", secret=True),
        Row("ASTERISK_APP_NAME, ARI_APP_NAME, asterisk.app_name", "serve.toml [gateway.ari.{ari}.apps] {value}", _APP),
        Row("CONTAINER_HOST_IP", "serve.toml [gateway.ari.{ari}] rtp_host", ADDRESS),
        Row("external_media.rtp_host", "serve.toml [gateway.ari.{ari}] rtp_host", ADDRESS,
            without="all addresses: the default here"),
        Row("external_media.*", note="not needed here: each call has a port of its own, of rtp_ports; G.711"),
        Row("AUDIOSOCKET_HOST, audiosocket.host", "extensions audiosocket_host",
            note="[gateway.audiosocket.AGENT] host; peers says who may connect"),
        Row("AUDIOSOCKET_PORT, audiosocket.port", "extensions audiosocket_port", NUMBER,
            note="[gateway.audiosocket.AGENT] port: it, and the next ones for other agents"),
        Row("AUDIOSOCKET_FORMAT, audiosocket.format", note="not needed here: Asterisk's c(slin) in the dialplan"),
        Row("AUDIO_TRANSPORT, audio_transport, DOWNSTREAM_MODE, downstream_mode",
            note="not needed here: the dialplan chooses AudioSocket or Stasis(); audio streams both ways"),
        Row("BARGE_IN_ENABLED, barge_in.enabled, streaming.barge_in.enabled", "interruption", _INTERRUPTION),
        Row("BARGE_IN_MIN_MS, barge_in.min_ms, streaming.barge_in.min_speech_ms", "interruption_min_ms", NUMBER),
        Row("BARGE_IN_INITIAL_PROTECTION_MS, barge_in.initial_protection_ms", "interruption_after_ms", NUMBER),
        Row("BARGE_IN_*, barge_in.*, streaming.barge_in.*", note=_LEVEL),
        Row("streaming.connection_timeout_ms", "connection_timeout_seconds", MS_TO_SECONDS),
        Row("streaming.timeouts.handshake_ms", "handshake_timeout_seconds", MS_TO_SECONDS),
        Row("streaming.logging_level", "[general] debug", _DEBUG),
        Row("streaming.*", note="not needed here: audio is played as it comes, and held back where a service stutters"),
        Row("vad.*", note=_LEVEL),
        Row("HEALTH_PORT, HEALTH_BIND_PORT, health.port", "serve.toml [health.{ari}] port", NUMBER),
        Row("HEALTH_HOST, HEALTH_BIND_HOST, health.host", "serve.toml [health.{ari}] host"),
        Row("LOG_LEVEL", "[general] debug", _DEBUG),
        Row("STREAMING_LOG_LEVEL, logging.level", "[general] debug", _DEBUG),
        Row("llm.*", note="not needed here: the service has its own language model"),
        Row("PYTHONPATH, PYTHONUNBUFFERED, TZ", note=_CONTAINER),
        Row("services.*.env_file, services.*.env_file.*", note="its settings: give that file as well"),
        Row("version, services.*, networks.*, volumes.*, name", note=_CONTAINER),
    )  # fmt: skip

    def __init__(self) -> None:
        self._with_provider: list[str] = []
        """Files of variables that name a provider."""
        self._env_files: dict[str, str] = {}
        """Of services of Compose: the name of the file of variables."""
        self._instances: list[_Instance] = []
        """Where there is more than one program."""

    def settings(self, file: SourceFile) -> Sequence[Given]:
        if file.kind == "compose":
            return list(self._of_compose(file))
        if file.kind == "env":
            scope = str(file.path)
            if any(one.key == "AI_PROVIDER" for one in file.settings):
                self._with_provider.append(scope)
            own = {one.key: one.value for one in file.settings}
            return [Given(one.file, one.line, one.key, expanded(one.value, own), scope) for one in file.settings]
        return file.settings

    def _of_compose(self, file: SourceFile) -> Iterator[Given]:
        """Variables, and the port that is the health's, by their own keys; `scope` is the service."""
        for one in file.settings:
            parts = one.key.split(".")
            service = parts[1] if len(parts) > 2 and parts[0] == "services" else ""
            key, value = one.key, one.value
            match parts[2:]:
                case ["environment", number] if number.isdecimal():
                    key, _, value = value.partition("=")
                case ["environment", name]:
                    key = name
                case ["env_file"] | ["env_file", "0"]:
                    self._env_files[service] = PurePath(value).name
                case ["ports", _]:
                    outside, _, inside = value.removesuffix("/tcp").rpartition(":")
                    if inside == str(_HEALTH_PORT):
                        key, value = "HEALTH_PORT", outside.rpartition(":")[2]
            yield Given(one.file, one.line, key, value, service)

    def precedence(self, file: SourceFile) -> int:
        # What is a program's own goes before what they share.
        return 1 if str(file.path) in self._with_provider else 2 * self.kinds.index(file.kind)

    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        if len(self._with_provider) > 1:
            for scope in self._with_provider:
                own = {one.key: one.value for one in given if one.scope == scope}
                self._add(plan, agent := self._unused(plan, own["AI_PROVIDER"]), own["AI_PROVIDER"])
                services = {name for name, file in self._env_files.items() if file == PurePath(scope).name}
                self._instances.append(_Instance(agent, {scope} | services))
        else:
            for name in _providers(known):
                self._add(plan, name, name)
        if not plan.agents:
            raise UnusableError(f"expected a provider of {', '.join(_SERVICES)}: AI_PROVIDER, or providers in YAML")

    def _unused(self, plan: Plan, name: str) -> str:
        taken = sum(one == name or one.startswith(f"{name}-") for one in plan.agents)
        return f"{name}-{taken + 1}" if taken else name

    def _add(self, plan: Plan, agent: str, provider: str) -> None:
        if provider not in _SERVICES:
            plan.to_do.append(f"the provider {provider} is not here: an agent of that name is missing")
            return
        service = _SERVICES[provider]
        plan.add_agent(agent, service, **({"audio_format": "ulaw_8000"} if service == "websocket" else {}))

    def reach(self, plan: Plan, given: Given) -> Reach:
        instances = [one for one in self._instances if given.scope in one.scopes] or self._instances
        if not instances:
            return Reach(tuple(plan.agents))
        agents = tuple(one.agent for one in instances)
        return Reach(agents, agents)

    def finish(self, plan: Plan, known: Known) -> None:
        first = known.get("AI_PROVIDER") or known.get("default_provider", "")
        first = first if first in plan.agents else next(iter(plan.agents))
        doors = [one.agent for one in self._instances] or ["pbx"]
        for door in doors:
            agents = [door] if self._instances else list(plan.agents)
            table = plan.table(f"gateway.ari.{door}")
            apps = plan.table(f"gateway.ari.{door}.apps")
            apps.update({app: first if "pbx" in doors else door for app in apps})
            apps.update({f"{agent}-ai": agent for agent in agents})
            if first in agents:
                apps.setdefault(APP, first)
            if "secret" not in table:
                table["secret"] = "your-password"
                plan.to_do.append(
                    f"serve.toml: [gateway.ari.{door}] secret: put the password of its user in ari.conf there"
                )
            finish_ari(plan, door)
        self._finish_health(plan, doors)
        ports = self._finish_audiosocket(plan, first)
        plan.need_keys()
        plan.extensions += [
            HEAD,
            "; ${UUID()} is there from 20.12, 21.7 and 22.2 on; before: ${SHELL(uuidgen | tr -d '\\n')}",
        ]
        plan.extensions += ["", "[ai-voice-agent]", *extension("s", _audiosocket(plan, first, ports[first], APP))]
        for agent, port in ports.items():
            priorities = _audiosocket(plan, agent, port, f"{APP},{agent}" if not self._instances else f"{agent}-ai")
            plan.extensions += ["", f"[ai-voice-agent-{agent}]", *extension("s", priorities)]
        plan.extensions += ["", "[custom-ai-agents]"]
        for number, agent in enumerate(plan.agents, 1001):
            plan.extensions += extension(str(number), ["Answer()", f"Stasis({agent}-ai)", "Hangup()"])

    def _finish_health(self, plan: Plan, doors: Sequence[str]) -> None:
        for door in doors:
            if self._instances and door not in plan.serve.get("health", {}):
                continue
            health = plan.table(f"health.{door}")
            health.setdefault("port", _HEALTH_PORT)
            if self._instances:
                health["agent"] = door

    def _finish_audiosocket(self, plan: Plan, first: str) -> dict[str, int]:
        """A port for each agent: nothing else says who is to answer."""
        base = int(plan.dialplan.get("audiosocket_port", _AUDIOSOCKET_PORT))
        agents = [first, *(one for one in plan.agents if one != first)]
        ports = {agent: base + number for number, agent in enumerate(agents)}
        for agent, port in ports.items():
            table = plan.table(f"gateway.audiosocket.{agent}")
            table.update(port=port, agent=agent)
            if host := plan.dialplan.get("audiosocket_host"):
                table["host"] = host
            doors = plan.table("gateway.ari")
            if peers := next(iter(doors.values())).get("peers"):
                table["peers"] = peers
        return ports


def _providers(known: Known) -> list[str]:
    """Those that are set up, the one that answers first in front."""
    in_yaml = dict.fromkeys(key.split(".")[1] for key in known if key.startswith("providers."))
    found = [one for one in in_yaml if known.get(f"providers.{one}.enabled", "true").lower() != "false"]
    if known.get("DEEPGRAM_API_KEY"):
        found.append("deepgram")
    if known.get("OPENAI_API_KEY") and not any(one.startswith("openai") for one in found):
        found.append("openai")
    first = known.get("AI_PROVIDER") or known.get("default_provider") or (found[0] if found else "deepgram")
    return list(dict.fromkeys([first, *found]))


def _audiosocket(plan: Plan, agent: str, port: int, stasis: str) -> list[str]:
    """By AudioSocket; where Asterisk has none, or nobody listens, by ARI."""
    host = str(plan.dialplan.get("audiosocket_host", "127.0.0.1"))
    host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
    return [
        "Answer()",
        "Set(UUID=${UUID()})",
        f"Dial(AudioSocket/{host}:{port}/${{UUID}}/c(slin),,g)",
        f'ExecIf($["${{DIALSTATUS}}" != "ANSWER"]?Stasis({stasis}))',
        "NoOp(${AICONVAI_STATUS}: ${AICONVAI_REASON})",
        "Hangup()",
    ]
