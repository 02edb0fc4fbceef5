"""local.toml: what `aiconvai local` is told. Without it there are the packaged models, the receptionist and the
loopback.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from aiconvai.local.caller_turns import TurnSettings
from aiconvai.toml_settings import TomlSettings, WithSecret, read_toml

LOCAL_TOML = Path("/etc/aiconvai/local.toml")
PORT = 8400

Milliseconds = Annotated[int, Field(ge=32, le=10_000)]


class ListenSettings(WithSecret):
    """`[listen]`; its secret is the bearer token of clients (`api_key` of the agent in aiconvai.conf)."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = PORT
    """0: any free one."""
    calls: Annotated[int, Field(ge=1, le=10_000)] | Literal["auto"] = "auto"
    """At the same time; auto: as many as this machine was measured to take, when it started."""

    @model_validator(mode="after")
    def _is_safe(self) -> ListenSettings:
        if self.host not in ("127.0.0.1", "::1", "localhost") and self.secret is None and self.secret_file is None:
            raise ValueError(f"host = {self.host}: expected secret or secret_file beside it: others can reach it")
        return self


_USUAL_TURNS = TurnSettings()


class TurnTable(TomlSettings):
    """`[turns]`: when a caller has finished."""

    detection: Literal["silero", "energy"] = "silero"
    """What tells speech from anything else: a model, or loudness."""
    threshold: Annotated[float, Field(gt=0.2, lt=1.0)] = _USUAL_TURNS.threshold
    end_ms: Milliseconds = _USUAL_TURNS.end_ms
    """Of silence."""
    unfinished_ms: Milliseconds = _USUAL_TURNS.unfinished_ms
    """The same after what sounds unfinished."""

    def turns(self) -> TurnSettings:
        return TurnSettings(threshold=self.threshold, end_ms=self.end_ms, unfinished_ms=self.unfinished_ms)


class _Served(WithSecret):
    """What another server may do; its secret is the key for that."""

    url: str = ""
    model: str = ""

    def _needs_url(self, engine: str, begins: str) -> None:
        if not self.url.startswith(begins):
            raise ValueError(f"engine = {engine}: expected url = {begins}..., got {self.url!r}")


class RecognitionSettings(_Served):
    """`[recognition]`: speech becomes words."""

    engine: Literal["whisper", "openai", "wyoming"] = "whisper"
    """whisper: on this machine; openai: an API like theirs; wyoming: a server of that protocol."""
    model: str = ""
    """whisper: tiny.en (where none is named), base, or the path of a folder with a model of faster-whisper's; else as
    the server calls it.
    """
    language: str | None = None
    """Of callers, such as en; not set: as the agent says."""
    workers: Annotated[int, Field(ge=1, le=64)] = Field(default_factory=lambda: os.cpu_count() or 1)
    """Of whisper: so many turns are recognised at the same time, each on one core."""

    @model_validator(mode="after")
    def _is_complete(self) -> RecognitionSettings:
        if self.engine != "whisper":
            self._needs_url(self.engine, "http" if self.engine == "openai" else "tcp://")
        if self.engine == "openai" and not self.model:
            raise ValueError("engine = openai: expected model, such as whisper-1")
        return self


class MindSettings(_Served):
    """`[mind]`: who knows the answers."""

    engine: Literal["receptionist", "model"] = "receptionist"
    """receptionist: questions and answers of a file; model: a language model behind an API like OpenAI's."""
    file: Path | None = None
    """Of the receptionist's; not set: that of a small business which nobody has."""
    prompt: str = ""
    """What a model is told besides what the agent's own prompt says."""
    early: bool = True
    """A model writes at each pause of the caller's, and not only when he has finished: it answers sooner, and some of
    what it writes is thrown away.
    """

    @model_validator(mode="after")
    def _is_complete(self) -> MindSettings:
        if self.engine == "model":
            self._needs_url(self.engine, "http")
            if not self.model:
                raise ValueError("engine = model: expected model = its name there, such as llama3.2")
        return self


class VoiceSettings(_Served):
    """`[voice]`: words become speech."""

    engine: Literal["hibari", "flite", "espeak-ng", "piper", "openai", "wyoming"] = "hibari"
    voice: str = ""
    """Which, where the agent's voice_id names none; empty: the engine's usual one. piper: the file of a voice."""

    @model_validator(mode="after")
    def _is_complete(self) -> VoiceSettings:
        if self.engine in ("openai", "wyoming"):
            self._needs_url(self.engine, "http" if self.engine == "openai" else "tcp://")
        if self.engine == "openai" and not (self.model and self.voice):
            raise ValueError("engine = openai: expected model and voice, such as tts-1 and alloy")
        if self.engine == "piper" and not self.voice:
            raise ValueError("engine = piper: expected voice = the file of a voice, such as en_US-joe-medium.onnx")
        return self


class LocalSettings(TomlSettings):
    """All of it."""

    listen: ListenSettings = ListenSettings()
    turns: TurnTable = TurnTable()
    recognition: RecognitionSettings = RecognitionSettings()
    mind: MindSettings = MindSettings()
    voice: VoiceSettings = VoiceSettings()


def usual_settings(config: Path | None) -> LocalSettings:
    """Of that file; None: of the usual one, and without it what holds then. Raises `SettingsError`."""
    path = config or (LOCAL_TOML if LOCAL_TOML.exists() else None)
    return read_toml(path, LocalSettings) if path is not None else LocalSettings()
