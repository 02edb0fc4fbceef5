"""app_elevenlabs_convai: a module of Asterisk for agents of ElevenLabs. Its elevenlabs.conf, whose keys are names of
options here as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aiconvai.config.conversion import canonical_values
from aiconvai.config.imports.conversions import choice, redis_url
from aiconvai.config.imports.given import Given, SourceFile, UnusableError
from aiconvai.config.imports.plan import HIDDEN, Plan
from aiconvai.config.imports.rows import Known, Row
from aiconvai.config.imports.system import HEAD, System, extension
from aiconvai.config.sections import Entry, Section
from aiconvai.config.verdict import validate
from aiconvai.options import find_option, fold_case, kind_of

_STT = "not here: what the caller says is written down by the agent's service alone"
_AUDIO = "not here: audio is not put into Redis; `record` keeps it in files"
_REDIS = redis_url("redis_host", "redis_port", "redis_password", "redis_db")


class ElevenLabsModule(System):
    name = "elevenlabs-module"
    title = "app_elevenlabs_convai"
    kinds = ("conf",)
    rows: ClassVar[tuple[Row, ...]] = (
        Row("debug", "[general] debug"),
        Row("loglevel", "[general] debug",
            choice({"debug": "yes", "off": None, "error": None, "warning": None, "notice": None})),
        Row("elevenlabs_api_key", "api_key", secret=True),
        Row("elevenlabs_get_signed_url_endpoint", "signed_url_endpoint"),
        Row("elevenlabs_agent_id", "agent_id"),
        Row("elevenlabs_send_caller_number", "send_caller_number"),
        Row("elevenlabs_audio_frames_buffer_ms", "audio_frames_buffer_ms"),
        Row("max_connection_attempts", "max_connection_attempts"),
        Row("connection_timeout_seconds", "connection_timeout_seconds"),
        Row("redis_enabled", note="redis_host and the others are [memory] of serve.toml; without them there is none"),
        Row("redis_host, redis_port, redis_db", "serve.toml [memory] url", _REDIS,
            note="by aiconvai serve: lists conv:UNIQUEID; ast:calls, ast:call:ID:events and ast:events are not here"),
        Row("redis_password", "serve.toml [memory] url", _REDIS, secret=True),
        Row("redis_audio_streaming", note=_AUDIO),
        Row("enable_stt, stt_*", note=_STT),
    )  # fmt: skip

    def settings(self, file: SourceFile) -> Sequence[Given]:
        """Their case does not matter."""
        return [Given(one.file, one.line, fold_case(one.key), one.value, one.scope) for one in file.settings]

    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        sections = _sections(given)
        problems = validate(sections).problems
        if problems:
            raise UnusableError("\n".join(str(one) for one in problems))
        general, agents = canonical_values(sections)
        plan.general.update({name: list(values) for name, values in general.items()})
        plan.agents.update(
            {name: {one: list(texts) for one, texts in values.items()} for name, values in agents.items()}
        )

    def is_option(self, given: Given) -> str:
        option = find_option(given.key)
        if option is None:
            return ""
        text = HIDDEN if option.secret else option.entry_text(given.key, given.value)
        return f"{option.name} = {text}"

    def finish(self, plan: Plan, known: Known) -> None:
        enabled = known.get("redis_enabled", "true").lower() in ("true", "yes", "1", "on")
        if not enabled:
            plan.serve.pop("memory", None)
        plan.extensions += [HEAD, "", "[elevenlabs]"]
        agents = [name for name in plan.agents if kind_of(name)[0] == "agent"]
        for number, agent in enumerate(agents, 1):
            plan.extensions += extension(f"{number}00", ["Answer()", f"ElevenLabsConvAI({agent})"])


def _sections(given: Sequence[Given]) -> list[Section]:
    """With the lines that are options here too."""
    lines: dict[str, list[Given]] = {}
    for one in given:
        lines.setdefault(one.scope, []).append(one)
    return [
        Section(
            name, entries[0].file, entries[0].line,
            tuple(Entry(one.key, one.value, one.file, one.line) for one in entries if find_option(one.key)),
        )
        for name, entries in lines.items()
    ]  # fmt: skip
