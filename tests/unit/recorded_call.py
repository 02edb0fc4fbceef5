"""Records what goes into and comes out of a conversation of engine_host, as `aiconvai replay` reads it."""

from __future__ import annotations

import json
from typing import Any

from engine_host import API_KEY, Host

from aiconvai.replay.player import event_members, event_name

AUDIO_MARK = '"audio_base_64": "'


def parts_of(text: str) -> list[str | int]:
    """A message with its audio as the number of its characters."""
    before, mark, rest = text.partition(AUDIO_MARK)
    if not mark:
        return [text]
    audio, quote, after = rest.partition('"')
    bare = audio.rstrip("=")
    return [before + mark, len(bare), audio[len(bare) :] + quote + after]


class RecordedCall:
    """A call with an agent whose options are `options`, from its beginning."""

    def __init__(self, **options: str) -> None:
        self.host = Host(options, runs_tools=True)
        self.begun_us = self.host.clock.now_us
        shown = {name: value for name, value in options.items() if value != API_KEY}
        self.lines: list[dict[str, Any]] = [
            {
                "aiconvai_debug": 1,
                "agent": "sales",
                "line_format": "ulaw_8000",
                "options": [*map(list, shown.items()), ["interruption", "service"]],
                "secrets": [name for name in options if name not in shown],
                "runs_tools": True,
            }
        ]

    def give(self, what: str, **members: Any) -> None:
        """Note an input, give it to the engine, note what comes of it."""
        talk = self.host.conversation
        self._note(**{"in": what}, **members)
        match what:
            case "tick":
                talk.tick()
            case "connected":
                talk.connected()
            case "http_reply":
                talk.http_reply(members["status"], b'{"signed_url": "wss://api.example.com/x"}')
            case "key":
                talk.dtmf(members["key"])
            case "caller_audio":
                talk.caller_audio(b"\xff" * members["bytes"])
            case "heard":
                talk.agent_heard(talk.playout.take().audio)
            case "tool_result":
                talk.tool_result(members["id"], members["result"])
            case "closed":
                talk.closed(members["code"], members["reason"])
        self._outputs()

    def say(self, message: object) -> None:
        text = json.dumps(message)
        self._note(**{"in": "message", "parts": parts_of(text), "complete": True})
        self.host.conversation.message(text.encode())
        self._outputs()

    def wait(self, ms: int) -> None:
        """Tick at every deadline on the way."""
        until = self.host.clock.now_us + ms * 1000
        while (deadline := self.host.conversation.deadline_us) is not None and deadline <= until:
            self.host.clock.now_us = max(self.host.clock.now_us, deadline)
            self.give("tick")
        self.host.clock.now_us = until

    def bytes(self) -> bytes:
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)

    def _note(self, **members: Any) -> None:
        self.lines.append({"ms": (self.host.clock.now_us - self.begun_us) / 1000, **members})

    def _outputs(self) -> None:
        before = len(self.host.events)
        for action in self.host.pump():
            self._note(out=type(action).__name__.lower())
        for event in self.host.events[before:]:
            self._note(out="event", event=event_name(event), **event_members(event))
