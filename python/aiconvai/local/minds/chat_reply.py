"""What a language model writes, as it comes out of a stream of chat completions: text, and calls of tools. No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aiconvai.local.parts import PartError

MOST_TOOL_CALLS = 8
"""In one reply."""
LONGEST_ARGUMENTS = 65_536
"""Characters, of one call; as the module has it."""
_THINKS = "<think>"
_HAS_THOUGHT = "</think>"


@dataclass(slots=True)
class ToolCall:
    """That the model wants."""

    call_id: str
    name: str = ""
    arguments: str = ""
    """JSON, if the model has written any."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a chunk has brought."""

    text: str
    """To be said."""
    is_token: bool
    """The model writes: text, thoughts or a call. A chunk with a role alone comes before it has begun."""


class ReplyReader:
    """Of one stream. Chunks of any endpoint are read: they are not what the SDK's types say they are."""

    def __init__(self) -> None:
        self.calls: list[ToolCall] = []
        """Complete when the stream is."""
        self._indexes: list[int | None] = []
        """That the endpoint gave them: one for each of `calls`."""
        self._thoughts = _Thoughts()

    def read(self, chunk: object) -> Progress:
        """Raises `PartError` where it is no chunk of a chat completion."""
        choices = getattr(chunk, "choices", None)
        if isinstance(choices, list) and not choices:
            # The last one, with how many tokens it was.
            return Progress("", is_token=False)
        delta = getattr(choices[0], "delta", None) if isinstance(choices, list) else None
        content = getattr(delta, "content", None)
        calls = getattr(delta, "tool_calls", None)
        is_readable = isinstance(content, str | None) and isinstance(calls, list | None)
        if delta is None or not is_readable:
            raise PartError("the language model's endpoint sent something that is no chunk of a chat completion")
        for call in calls or ():
            self._collect(call)
        thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
        return Progress(self._thoughts.left_out_of(content or ""), is_token=bool(content or calls or thought))

    def end(self) -> str:
        """What was held back of the text, once the stream is over."""
        return self._thoughts.end()

    def _collect(self, piece: object) -> None:
        function = getattr(piece, "function", None)
        name = getattr(function, "name", None)
        arguments = getattr(function, "arguments", None)
        given_id = getattr(piece, "id", None)
        index = getattr(piece, "index", None)
        call = self._call_of(index if isinstance(index, int) else None, given_id if isinstance(given_id, str) else "")
        if isinstance(name, str) and not call.name:
            call.name = name
        if isinstance(arguments, str):
            call.arguments += arguments
        if len(call.arguments) > LONGEST_ARGUMENTS:
            raise PartError(
                f"the language model called {call.name or 'a tool'} with more than {LONGEST_ARGUMENTS} characters of"
                " arguments"
            )

    def _call_of(self, index: int | None, call_id: str) -> ToolCall:
        """Ollama has numbered all calls 0, and others number none: an id that is new begins one."""
        for known, call in zip(reversed(self._indexes), reversed(self.calls), strict=True):
            if call.call_id == call_id or (not call_id and (index is None or known == index)):
                return call
        if len(self.calls) == MOST_TOOL_CALLS:
            raise PartError(f"the language model called more than {MOST_TOOL_CALLS} tools at once")
        self.calls.append(ToolCall(call_id or f"call_{len(self.calls)}"))
        self._indexes.append(index)
        return self.calls[-1]


class _Thoughts:
    """Some endpoints leave what a model thinks in its text, between two signs before all else."""

    def __init__(self) -> None:
        self._held = ""
        self._state = "before"

    def left_out_of(self, piece: str) -> str:
        if self._state == "after":
            return piece
        self._held += piece
        if self._state == "before":
            begun = self._held.lstrip()
            if not begun or (len(begun) < len(_THINKS) and _THINKS.startswith(begun)):
                self._held = begun
                return ""
            if not begun.startswith(_THINKS):
                return self.end()
            self._state = "thinks"
        _, sign, text = self._held.partition(_HAS_THOUGHT)
        if sign:
            self._state, self._held = "after", ""
            return text.lstrip()
        self._held = self._held[-len(_HAS_THOUGHT) :]
        return ""

    def end(self) -> str:
        text = self._held if self._state == "before" else ""
        self._state, self._held = "after", ""
        return text


def as_sentence(names: Sequence[str], most: int) -> str:
    """Names for an error: so many of them."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "") if names else "none"
