"""What an agent is made of. Each part is behind an interface, and there is more than one that fits.

Parts are opened once, before the port is, and used by all conversations at once. What takes long runs on threads of
their own; everything else is called on the event loop. Audio is int16 mono (`aiconvai.audio.Samples`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiconvai.audio import Samples

LINE_RATE = 8000
"""Hz of what is heard: a telephone's."""
WINDOW = 256
"""Samples that a speech detector judges at once: 32 ms."""


class PartError(RuntimeError):
    """A part cannot do its work. One sentence, which says what is wrong and how it is mended."""


class SpeechDetector(Protocol):
    """Tells speech from anything else; one for each conversation."""

    def probability(self, window: Samples) -> float:
        """0 to 1: how likely somebody speaks in these `WINDOW` samples of `LINE_RATE`, which follow those before."""
        ...

    def close(self) -> None:
        """Gives back what it has; it is not used any more."""
        ...


class Detection(Protocol):
    """Where speech detectors come from."""

    async def open(self) -> None:
        """Loads what they need. Raises `PartError`."""
        ...

    def detector(self) -> SpeechDetector:
        """One for a conversation that begins, which knows nothing of others."""
        ...

    async def close(self) -> None: ...


class Recognizer(Protocol):
    """Turns speech into words."""

    async def open(self) -> None:
        """Loads it and warms it up. Raises `PartError`."""
        ...

    async def recognize(self, samples: Samples, language: str | None) -> str:
        """What is said in these samples of `LINE_RATE`, with its punctuation; "" where nothing is said.

        `language`: of the caller, as ISO 639-1 has it; None: the part's own. Cancelled, it does no more than is
        under way. Raises `PartError`.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Speech:
    """What a voice has said."""

    samples: Samples
    rate: int
    """In Hz."""


class Voice(Protocol):
    """Speaks."""

    async def open(self) -> None:
        """Loads it and warms it up. Raises `PartError`."""
        ...

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """One sentence, spelt for the ear already. `voice`: that the agent asks for; None, or one that is not known:
        its usual one. Raises `PartError`.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What came of a tool."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence, or less where one is long."""

    text: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """The call ends, as soon as what was said before is heard."""


Act = Say | HangUp


@dataclass(frozen=True)
class CallFacts:
    """What a mind is told of a call."""

    run_tool: Callable[[str, Mapping[str, Any]], Awaitable[ToolOutcome]]
    """Runs one of `tools`, by its name, with arguments; an outcome always comes."""
    system_prompt: str | None = None
    first_message: str | None = None
    """What the agent is to say first; None: as the mind has it."""
    language: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    """What is known of the call, such as caller_number."""
    tools: Sequence[Mapping[str, Any]] = ()
    """Each has `name`, `description` and `parameters` (JSON Schema), as session.init has them."""


class Talk(Protocol):
    """A mind's side of one conversation. One answer is made at a time."""

    def greeting(self) -> AsyncIterator[Act]:
        """What it says first, of itself; nothing where the caller is to begin."""
        ...

    def answer(self, said: str) -> AsyncIterator[Act]:
        """What it says and does when the caller has said that, act by act. Closed early (`aclose`), it stops thinking.
        Raises `PartError`.
        """
        ...

    async def prepare(self, said: str) -> str | None:
        """The caller has said that, and may go on. What can be done for its answer beforehand is done, as far as
        nobody hears of it; returns what the answer would begin with, None where that is not known. `answer` follows
        with the same words, or `discard`. Raises `PartError`.
        """
        ...

    def discard(self) -> None:
        """The caller has gone on: what was prepared, or is being prepared, is not asked for."""
        ...

    def pressed(self, keys: str) -> AsyncIterator[Act]:
        """The same as `answer` for keys, which were pressed one soon after the other: they are all there are."""
        ...

    def cut(self, heard: str) -> None:
        """The caller interrupted the last answer, and has heard that much of it."""
        ...

    def know(self, text: str) -> None:
        """Something that nobody said, and the mind is to know from now on."""
        ...


class Mind(Protocol):
    """Knows what to answer."""

    async def open(self) -> None:
        """Raises `PartError`."""
        ...

    def begin(self, call: CallFacts) -> Talk:
        """Its side of a conversation that begins."""
        ...

    def usual_sentences(self) -> Sequence[str]:
        """That it often says, just as they are: they are worth being made before a call wants them. It is open."""
        ...

    async def close(self) -> None: ...
