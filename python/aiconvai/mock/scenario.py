"""What a mock agent does in a conversation: a YAML file of steps, validated before anything runs.

    name: greeting
    description: Says hello, waits for an answer, hangs up.
    parameters: {text: "Hello!"}
    steps:
      - say: $text
      - wait_for_speech: {min_ms: 200}
      - close: 1000

A value that is exactly `$name` is replaced by the parameter of that name. Every step is a mapping with one
key, the action; most actions have a short form. docs/mock.md describes them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aiconvai.mock.errors import ErrorType
from aiconvai.mock.jitter import NO_JITTER, Jitter

SPEECH_LEVEL_DBFS = -40.0
"""Caller audio louder than this counts as speech."""


class ScenarioError(ValueError):
    """A scenario that cannot be used; the message names the file, the place and what was expected."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ShortForm(_Model):
    """An action that may be written as its one most important value, `short`."""

    @classmethod
    def _short(cls) -> str:
        raise NotImplementedError

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return value
        return {} if value is True else {cls._short(): value}


Pace = Literal["burst", "realtime"]


class _Playback(_ShortForm):
    event_id: int | None = None
    """The id of the audio's event; by default the next one."""
    pace: Pace = "burst"
    """`burst` sends everything at once, as the service does when it synthesises faster than real time."""
    chunk_ms: int = Field(default=250, ge=1, le=10_000)
    jitter: Jitter = NO_JITTER
    """Of the sending, at the pace of real time."""

    @model_validator(mode="after")
    def _paced(self) -> Self:
        if self.jitter.ms and self.pace != "realtime":
            raise ValueError("jitter needs pace: realtime; with burst everything is sent at once")
        return self


class Say(_Playback):
    """Speech, and the `agent_response` that goes with it unless `response` is false."""

    text: str
    voice: str = "en"
    words_per_minute: int = Field(default=175, ge=80, le=450)
    response: bool = True

    @classmethod
    def _short(cls) -> str:
        return "text"


class Tone(_Playback):
    """A sine, which survives a codec well enough to be measured."""

    seconds: float = Field(default=1.0, gt=0.0)
    hz: float = Field(default=1000.0, gt=0.0)
    level_dbfs: float = Field(default=-10.0, le=-3.01)

    @classmethod
    def _short(cls) -> str:
        return "seconds"


class Overtake(_ShortForm):
    """The client's next request for an answer meets one of the service's own, a sine, which began in that very moment;
    the request is refused. For services whose clients ask for answers.
    """

    seconds: float = Field(default=1.0, gt=0.0)
    hz: float = Field(default=1000.0, gt=0.0)
    level_dbfs: float = Field(default=-10.0, le=-3.01)

    @classmethod
    def _short(cls) -> str:
        return "seconds"


class WaitForSpeech(_ShortForm):
    """Until the caller has spoken for `min_ms`; pauses of up to 300 ms do not count as an end."""

    min_ms: int = Field(default=200, ge=10)
    level_dbfs: float = SPEECH_LEVEL_DBFS
    timeout: float = Field(default=30.0, gt=0.0)

    @classmethod
    def _short(cls) -> str:
        return "min_ms"


class WaitForSilence(_ShortForm):
    """Until the caller's last `ms` of audio are quieter than `level_dbfs`."""

    ms: int = Field(default=600, ge=10)
    level_dbfs: float = SPEECH_LEVEL_DBFS
    timeout: float = Field(default=30.0, gt=0.0)

    @classmethod
    def _short(cls) -> str:
        return "ms"


class WaitForMessage(_ShortForm):
    """Until the client sends a message of this type, counted from the message the last such step saw."""

    type: str
    timeout: float = Field(default=30.0, gt=0.0)

    @classmethod
    def _short(cls) -> str:
        return "type"


class Echo(_ShortForm):
    """Every chunk of caller audio goes straight back, for `seconds` or until the conversation ends."""

    event_id: int | None = None
    """One id for all of it; by default every chunk has its own."""
    seconds: float | None = Field(default=None, gt=0.0)

    @classmethod
    def _short(cls) -> str:
        return "seconds"


class BargeIn(_ShortForm):
    """From here on caller speech over agent audio interrupts the agent; no longer if `enabled` is false."""

    enabled: bool = True
    min_ms: int = Field(default=150, ge=10)
    level_dbfs: float = SPEECH_LEVEL_DBFS

    @classmethod
    def _short(cls) -> str:
        return "enabled"


class Interrupt(_ShortForm):
    """An `interruption` of `event_id`, by default the newest audio's."""

    event_id: int | None = None

    @classmethod
    def _short(cls) -> str:
        return "event_id"


class Vad(_ShortForm):
    """One `vad_score` after another, `interval` seconds apart."""

    scores: tuple[float, ...] = Field(min_length=1)
    interval: float = Field(default=0.1, ge=0.0)

    @classmethod
    def _short(cls) -> str:
        return "scores"


class UserTranscript(_ShortForm):
    text: str
    tentative: bool = False
    event_id: int | None = None

    @classmethod
    def _short(cls) -> str:
        return "text"


class AgentResponse(_ShortForm):
    text: str
    event_id: int | None = None

    @classmethod
    def _short(cls) -> str:
        return "text"


class ToolCall(_ShortForm):
    """A `client_tool_call`; the scenario goes on when the client has answered."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    timeout: float = Field(default=20.0, gt=0.0)
    wait: bool = True
    """False: the agent does not wait for the result, which is still checked when it comes."""

    @classmethod
    def _short(cls) -> str:
        return "name"


class EndCall(_ShortForm):
    """The messages of the agent's `end_call` tool; the service closes the connection after them (`close`)."""

    tool_call_id: str = "end_call_1"

    @classmethod
    def _short(cls) -> str:
        return "tool_call_id"


class Error(_ShortForm):
    """An error message of this type, followed by the close code that belongs to it unless `close` is false."""

    error_type: ErrorType
    message: str | None = None
    code: int | None = Field(default=None, ge=1000, le=4999)
    close: bool = True
    announce: bool = True
    """False: only the close, as for agents that hide errors from their clients."""

    @classmethod
    def _short(cls) -> str:
        return "error_type"

    @property
    def text(self) -> str:
        return self.message if self.message is not None else self.error_type.replace("_", " ")


class Close(_ShortForm):
    code: int = Field(default=1000, ge=1000, le=4999)
    reason: str = ""

    @classmethod
    def _short(cls) -> str:
        return "code"


class Ping(_ShortForm):
    """From here on a `ping` every so many seconds; `ping: true` sends a single one and waits for its pong."""

    every: float | None = Field(default=None, gt=0.0)
    timeout: float = Field(default=5.0, gt=0.0)

    @classmethod
    def _short(cls) -> str:
        return "every"


class Repeat(_Model):
    """The steps so many times; without `times` until the conversation ends."""

    times: int | None = Field(default=None, ge=1)
    steps: tuple[Step, ...] = Field(min_length=1)


class Wire(_Model):
    """How the bytes to the client are cut, from here on; the client must not care.

    `frame_sizes`: bytes of each WebSocket frame of a message (continuation frames).
    `segment_sizes`: bytes of each TCP write, `segment_gap` seconds apart.
    Both lists start again when they are used up.
    `coalesce`: messages held back until so many can go out in one TCP write, at most `hold` seconds.
    """

    frame_sizes: tuple[int, ...] = ()
    segment_sizes: tuple[int, ...] = ()
    segment_gap: float = Field(default=0.001, ge=0.0)
    coalesce: int = Field(default=1, ge=1)
    hold: float = Field(default=0.05, gt=0.0)
    ping_between_frames: bool = False
    """A WebSocket ping between the frames of a message, as the WebSocket protocol allows."""
    answers_pings: bool = True
    """Whether a WebSocket ping of the client is answered."""
    pong_delay: float = Field(default=0.0, ge=0.0)
    """Seconds until it is."""

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if any(size < 1 for size in (*self.frame_sizes, *self.segment_sizes)):
            raise ValueError("frame_sizes and segment_sizes are numbers of bytes, 1 or more")
        return self


class HttpReply(_Model):
    """A reply that differs from the normal one; `None` leaves that part as it is."""

    delay: float = Field(default=0.0, ge=0.0)
    """Seconds before anything is answered."""
    drop: bool = False
    """The connection is reset instead of an answer."""
    status: int | None = Field(default=None, ge=200, le=599)
    location: str | None = None
    """The Location header of a redirect."""
    body: str | None = None
    times: int | None = Field(default=None, ge=1)
    """Only the first so many requests; those after them are answered normally."""


class Handshake(_Model):
    """What happens before the conversation begins."""

    signed_url: HttpReply = HttpReply()
    upgrade: HttpReply = HttpReply()
    metadata_delay: float = Field(default=0.0, ge=0.0)
    """Seconds between the client's initiation and the metadata."""
    close_before_metadata: Close | None = None
    drop_before_metadata: bool = False


class Step(_Model):
    """Exactly one of these."""

    say: Say | None = None
    tone: Tone | None = None
    overtake: Overtake | None = None
    wait: float | None = Field(default=None, ge=0.0)
    wait_for_speech: WaitForSpeech | None = None
    wait_for_silence: WaitForSilence | None = None
    wait_for_playout: Literal[True] | None = None
    wait_for_message: WaitForMessage | None = None
    echo: Echo | None = None
    barge_in: BargeIn | None = None
    interrupt: Interrupt | None = None
    vad: Vad | None = None
    user_transcript: UserTranscript | None = None
    agent_response: AgentResponse | None = None
    tool_call: ToolCall | None = None
    end_call: EndCall | None = None
    error: Error | None = None
    close: Close | None = None
    drop: Literal[True] | None = None
    fall_silent: Literal[True] | None = None
    ping: Ping | None = None
    send: dict[str, Any] | None = None
    send_raw: str | None = None
    wire: Wire | None = None
    repeat: Repeat | None = None

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        given = [name for name in self.model_fields_set if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a step has exactly one action, got {', '.join(sorted(given)) or 'none'}")
        return self

    @property
    def action(self) -> str:
        """The name of the one action."""
        return next(name for name in self.model_fields_set if getattr(self, name) is not None)


Repeat.model_rebuild()


class Scenario(_Model):
    """See the module."""

    name: str = "unnamed"
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    handshake: Handshake = Handshake()
    wire: Wire | None = None
    steps: tuple[Step, ...] = ()

    def all_steps(self) -> Iterator[Step]:
        """Every step, those that are repeated among them."""
        return _all_steps(self.steps)


def _all_steps(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.repeat is not None:
            yield from _all_steps(step.repeat.steps)


def builtin_scenarios() -> list[str]:
    """Names of the scenarios that come with the package."""
    folder = resources.files("aiconvai.mock") / "scenarios"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_scenario(source: str | Path, **parameters: Any) -> Scenario:
    """A built-in scenario by its name, or one in a file, with `parameters` instead of the file's own values.

    Raises `ScenarioError`.
    """
    path = Path(source)
    if isinstance(source, str) and source in builtin_scenarios():
        text = (resources.files("aiconvai.mock") / "scenarios" / f"{source}.yaml").read_text()
    elif path.is_file():
        text = path.read_text()
    else:
        raise ScenarioError(f"{source}: no such scenario; give a file or one of {', '.join(builtin_scenarios())}")
    return parse_scenario(text, str(source), **parameters)


def parse_scenario(text: str, name: str = "scenario", **parameters: Any) -> Scenario:
    """The scenario in YAML `text`; `name` is for error messages. Raises `ScenarioError`."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{name}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ScenarioError(f"{name}: expected a mapping with the key `steps`")
    values = content.get("parameters") or {}
    unknown = sorted(set(parameters) - set(values))
    if unknown:
        known = ", ".join(sorted(values)) or "none"
        raise ScenarioError(f"{name}: no parameter {', '.join(unknown)}; this scenario has {known}")
    values = {**values, **parameters}
    substituted = {key: _substitute(part, values, name) for key, part in content.items() if key != "parameters"}
    try:
        return Scenario.model_validate({"name": name, **substituted, "parameters": values})
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise ScenarioError(f"{name}: {problems}") from None


def _substitute(value: Any, parameters: Mapping[str, Any], name: str) -> Any:
    if isinstance(value, dict):
        return {key: _substitute(part, parameters, name) for key, part in value.items()}
    if isinstance(value, list):
        return [_substitute(part, parameters, name) for part in value]
    if isinstance(value, str) and value.startswith("$") and value[1:].isidentifier():
        if value[1:] not in parameters:
            raise ScenarioError(f"{name}: {value} is used but not among the parameters")
        return parameters[value[1:]]
    return value
