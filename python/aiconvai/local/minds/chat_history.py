"""What was said and done in a call, as a language model is told it: bounded, and in the order that its templates take.

Templates of many models want one system message, before all else, and after it the caller and the assistant in turns,
the caller first. So what becomes known during a call goes into the system message, and the call's beginning is told as
if the caller had said it.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiconvai.local.minds.chat_reply import ToolCall

MOST_TURNS = 40
MOST_CHARACTERS = 12_000
"""Of all turns, some 3,000 tokens: Ollama reads 4,096 where it is not told otherwise. The oldest are left out."""
MOST_NOTES = 20
LONGEST_NOTE = 8_000
"""Characters, of all notes; the oldest are left out."""
LONGEST_TEXT = 4_000
"""Characters of what is said at once, or of a tool's outcome; the rest is left out."""
CALL_BEGINS = "(The caller is on the line.)"
WAS_INTERRUPTED = "[interrupted by the caller]"


@dataclass(slots=True)
class Reply:
    """Of the model's: what was said, then which tools it called and what came of them."""

    text: str = ""
    calls: list[tuple[ToolCall, str]] = field(default_factory=list)

    def say(self, sentence: str) -> None:
        self.text = f"{self.text} {sentence}" if self.text else sentence

    def size(self) -> int:
        """In characters, about."""
        return len(self.text) + sum(len(call.arguments) + len(outcome) for call, outcome in self.calls)


@dataclass(slots=True)
class _Turn:
    heard: str
    replies: list[Reply] = field(default_factory=list)

    def size(self) -> int:
        return len(self.heard) + sum(reply.size() for reply in self.replies)


class ChatHistory:
    """Of one call."""

    def __init__(self, system: str) -> None:
        """`system`: stays, however long the call is."""
        self._system = system
        self._notes: deque[str] = deque(maxlen=MOST_NOTES)
        self._turns: deque[_Turn] = deque()

    def know(self, text: str) -> None:
        self._notes.append(text[:LONGEST_NOTE])
        while sum(map(len, self._notes)) > LONGEST_NOTE:
            self._notes.popleft()

    def hear(self, text: str) -> None:
        """A turn begins with what the caller has said."""
        self._turns.append(_Turn(text[:LONGEST_TEXT]))
        while len(self._turns) > 1 and (
            len(self._turns) > MOST_TURNS or sum(turn.size() for turn in self._turns) > MOST_CHARACTERS
        ):
            self._turns.popleft()

    def begin_reply(self) -> Reply:
        """To be filled; of the turn that there is, or of the call's beginning."""
        if not self._turns:
            self._turns.append(_Turn(CALL_BEGINS))
        reply = Reply()
        self._turns[-1].replies.append(reply)
        return reply

    def cut(self, heard: str) -> None:
        """Of what was said last that much was heard."""
        said = [reply for reply in self._turns[-1].replies if reply.text] if self._turns else []
        for reply in said[:-1]:
            reply.text = ""
        if said:
            said[-1].text = f"{heard.strip()} {WAS_INTERRUPTED}".strip()

    def messages_after(self, text: str) -> list[dict[str, Any]]:
        """For a request, if the caller said that; all stays as it is."""
        trial = copy.copy(self)
        trial._turns = deque(self._turns)
        trial.hear(text)
        return trial.messages()

    def messages(self) -> list[dict[str, Any]]:
        """For a request."""
        notes = ["What has become known during this call:", *self._notes] if self._notes else []
        messages: list[dict[str, Any]] = [{"role": "system", "content": "\n\n".join([self._system, *notes])}]
        for turn in self._turns:
            if messages[-1]["role"] == "user":
                # Nothing was answered to what was said before.
                messages[-1]["content"] += f"\n{turn.heard}"
            else:
                messages.append({"role": "user", "content": turn.heard})
            for reply in turn.replies:
                messages.extend(_messages_of(reply))
        return messages


def _messages_of(reply: Reply) -> Iterator[dict[str, Any]]:
    if not reply.calls:
        if reply.text:
            yield {"role": "assistant", "content": reply.text}
        return
    calls = [
        {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
        for call, _ in reply.calls
    ]
    yield {"role": "assistant", "content": reply.text or None, "tool_calls": calls}
    for call, outcome in reply.calls:
        yield {"role": "tool", "tool_call_id": call.call_id, "content": outcome[:LONGEST_TEXT]}
