"""Feeds what a recorded call brought to an engine, and compares what that tells with what was told then."""

from __future__ import annotations

import math
import re
from array import array
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any, cast

from aiconvai.engine.audio import AudioFormat, Encoding, g711_encode
from aiconvai.engine.conversation import Conversation, VirtualClock
from aiconvai.engine.events import Event, Open, Send, Status
from aiconvai.engine.settings import Line, Settings, find_option
from aiconvai.replay.recorded import AUDIO_BYTES_MAX, Entry, RecordedError, level_of

BEGIN_US = 1_000_000_000
"""Of the engine's clock, as the recording begins."""

TONE_HZ = 400
"""What stands in for audio: a tone as loud as it was."""

OVERDUE_US = 50_000
"""A tick that the engine wants and that is not recorded is given so late."""

OVERDUE_MAX = 100_000
"""So many of those end the replay: the engine does something else than it did."""

WAITING_MAX = 10_000
"""Events that may wait for their like of the other side."""

WAITING_BYTES_MAX = 8 << 20
"""And how long all of them may be, written out."""

SECRET = "replay"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the time line."""

    ms: float
    side: str
    """in: it came; recorded: what the engine did then; now: what it does now; differs: these two differ."""
    what: str
    detail: Mapping[str, Any] = field(default_factory=dict)


def event_name(event: Event) -> str:
    """As it is in a recording: tool_call for ToolCall."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", type(event).__name__).lower()


def event_members(event: Event) -> dict[str, Any]:
    """What the event says, as JSON has it."""
    return cast(dict[str, Any], _plain(asdict(event)))


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case dict():
            return {name: _plain(member) for name, member in value.items()}
        case list() | tuple():
            return [_plain(member) for member in value]
    return value


def stand_in(audio_format: AudioFormat, size: int, dbfs: float) -> bytes:
    """Audio of so many bytes, whole samples, and that loud: a tone in the place of what was said."""
    count = size // audio_format.sample_bytes
    peak = min(32767.0, 32768 * math.sqrt(2) * 10 ** (dbfs / 20))
    step = 2 * math.pi * TONE_HZ / audio_format.rate
    samples = array("h", (round(peak * math.sin(step * at)) for at in range(count))).tobytes()
    return samples if audio_format.encoding is Encoding.PCM16 else g711_encode(audio_format.encoding, samples)


def message_of(parts: list[str | int]) -> bytes:
    """A message of the service's, with silence of the same length in the place of its audio."""
    return "".join(part if isinstance(part, str) else _silent_base64(part) for part in parts).encode()


def _silent_base64(characters: int) -> str:
    """Bytes 0xff, which are silence in every encoding; their padding is in the text that follows."""
    last = {2: "w", 3: "8"}.get(characters % 4, "/")
    return ("/" * (characters - 1) + last) if characters else ""


class Replay:
    """One recorded call on an engine of its own; `differences` counts those that rows() has told."""

    def __init__(self, first: Entry) -> None:
        if not first.boolean("from_start", True):
            raise first.fail("the recording began in the middle of a call: what was before is needed to replay it")
        self.clock = VirtualClock(BEGIN_US)
        self.differences = 0
        self._overdue = 0
        self._waiting_bytes = 0
        self._recorded: dict[str, deque[tuple[float, dict[str, Any]]]] = {}
        self._now: dict[str, deque[tuple[float, dict[str, Any]]]] = {}
        try:
            self.line_format = AudioFormat.parse(first.text("line_format"))
            self.conversation = Conversation(
                _settings(first),
                line_format=self.line_format,
                variables=dict(first.pairs("variables")),
                runs_tools=first.boolean("runs_tools", False),
                unix_seconds=first.integer("unix_seconds", 2**40, 0),
                choose_agent=lambda name: f"the agent {name} is not in the recording",
                clock=self.clock,
            )
        except ValueError as error:
            raise first.fail(str(error)) from error

    def rows(self, entry: Entry) -> Iterator[Row]:
        """What one line of the file brings."""
        yield from self._let_pass(entry)
        try:
            if "in" in entry.members:
                yield Row(entry.ms, "in", entry.text("in"), _details(entry, "in"))
                self._feed(entry)
                yield from self._pump(entry)
            else:
                yield from self._note_output(entry)
        except ValueError as error:
            raise entry.fail(str(error)) from error

    def finish(self) -> Iterator[Row]:
        """What only one of both has told."""
        for side, waiting, what in (
            ("differs", self._recorded, "is not told now"),
            ("differs", self._now, "was not told then"),
        ):
            for name, events in waiting.items():
                for ms, members in events:
                    self.differences += 1
                    yield Row(ms, side, f"{name} {what}", members)
                events.clear()

    @property
    def _now_ms(self) -> float:
        return (self.clock.now_us - BEGIN_US) / 1000

    def _let_pass(self, entry: Entry) -> Iterator[Row]:
        until = BEGIN_US + round(entry.ms * 1000)
        while (deadline := self.conversation.deadline_us) is not None and deadline + OVERDUE_US < until:
            self._overdue += 1
            if self._overdue > OVERDUE_MAX:
                raise entry.fail(f"the engine wanted to be called {OVERDUE_MAX} times where the recording has no tick")
            self.clock.now_us = max(self.clock.now_us, deadline)
            self.conversation.tick()
            yield from self._pump(entry)
        self.clock.now_us = max(self.clock.now_us, until)

    def _pump(self, entry: Entry) -> Iterator[Row]:
        for action in self.conversation.actions():
            detail: dict[str, Any] = {}
            match action:
                case Open(request):
                    detail = {"kind": request.kind.value, "origin": request.origin}
                case Send(message):
                    detail = {"bytes": len(message)}
            yield Row(self._now_ms, "now", type(action).__name__.lower(), detail)
        for event in self.conversation.take_events():
            name, members = event_name(event), event_members(event)
            yield Row(self._now_ms, "now", name, members)
            yield from self._compare(entry, name, self._now, (self._now_ms, members))

    def _note_output(self, entry: Entry) -> Iterator[Row]:
        what = entry.text("out")
        if what != "event":
            yield Row(entry.ms, "recorded", what, _details(entry, "out"))
            return
        name = entry.text("event")
        members = _details(entry, "out", "event")
        yield Row(entry.ms, "recorded", name, members)
        yield from self._compare(entry, name, self._recorded, (entry.ms, members))

    def _compare(
        self,
        entry: Entry,
        name: str,
        side: dict[str, deque[tuple[float, dict[str, Any]]]],
        event: tuple[float, dict[str, Any]],
    ) -> Iterator[Row]:
        """Events of a kind are compared in their order; members that a recording does not have are not."""
        side.setdefault(name, deque()).append(event)
        self._waiting_bytes += len(repr(event[1]))
        if max(len(side), len(side[name])) > WAITING_MAX or self._waiting_bytes > WAITING_BYTES_MAX:
            raise entry.fail(
                f"more than {WAITING_MAX} events, or {WAITING_BYTES_MAX} bytes of them, have no like on the other side"
            )
        recorded, now = self._recorded.get(name), self._now.get(name)
        while recorded and now:
            (ms, then), (_, today) = recorded.popleft(), now.popleft()
            self._waiting_bytes -= len(repr(then)) + len(repr(today))
            wrong = {key: {"recorded": value, "now": today.get(key)} for key, value in then.items()
                     if today.get(key) != value}  # fmt: skip
            if wrong:
                self.differences += 1
                yield Row(ms, "differs", name, wrong)

    def _feed(self, entry: Entry) -> None:
        talk = self.conversation
        match entry.text("in"):
            case "caller_audio":
                talk.caller_audio(self._audio(entry))
            case "heard":
                talk.agent_heard(talk.playout.take().audio or self._audio(entry))
            case "key":
                key = entry.text("key")
                if len(key) != 1 or key not in "0123456789*#ABCD":
                    raise entry.fail(f"'key' is {key[:20]!r}: expected one of 0-9, *, #, A-D")
                talk.dtmf(key)
            case "hold":
                talk.hold(entry.boolean("on"))
            case "message":
                talk.message(message_of(entry.parts("parts")), complete=entry.boolean("complete", True))
            case "binary_message":
                size = entry.integer("bytes", AUDIO_BYTES_MAX)
                talk.binary_message(b"\xff" * size, complete=entry.boolean("complete", True))
            case "http_reply":
                body = b'{"signed_url": "wss://replay.invalid/"}' if entry.integer("bytes", 1 << 20) else b""
                talk.http_reply(entry.integer("status", 999), body)
            case "connected":
                talk.connected()
            case "request_failed":
                talk.request_failed(
                    entry.text("text"), retry=entry.boolean("retry"), http_status=entry.integer("http_status", 999, 0)
                )
            case "closed":
                talk.closed(entry.integer("code", 65535) or None, entry.text("reason", ""))
            case "service_heard":
                talk.service_heard()
            case "tick":
                talk.tick()
            case "end":
                talk.end(Status(entry.text("status")), entry.text("reason", ""))
            case "context":
                talk.context(entry.text("text"))
            case "user_message":
                talk.user_message(entry.text("text"))
            case "tool_result":
                talk.tool_result(
                    entry.text("id"),
                    entry.text("result"),
                    is_error=entry.boolean("is_error", False),
                    silent=entry.boolean("silent", False),
                )
            case "transfer":
                talk.transfer(entry.text("id"), at_once=entry.boolean("at_once", False))
            case "listen":
                talk.listen(entry.text("id"))
            case "stop_listening":
                talk.stop_listening()
            case "found":
                talk.found(dict(entry.pairs("variables")))
            case "enter_state":
                talk.enter_state(entry.text("name"), dict(entry.pairs("values")))
            case "allow_interruptions":
                talk.allow_interruptions(entry.boolean("allowed"))
            case other:
                raise entry.fail(f"'in' is {other[:40]!r}, which is no input that is known")

    def _audio(self, entry: Entry) -> bytes:
        return stand_in(self.line_format, entry.integer("bytes", AUDIO_BYTES_MAX), level_of(entry))


def _details(entry: Entry, *without: str) -> dict[str, Any]:
    return {name: value for name, value in entry.members.items() if name not in ("ms", *without)}


def _settings(first: Entry) -> Settings:
    lines = [Line(name, value) for name, value in first.pairs("options")]
    for name in first.texts("secrets"):
        option = find_option(name)
        if option is None or not option.secret:
            raise first.fail(f"'secrets' has {name[:40]!r}, which is no option with a secret")
        lines.append(Line(option.name, SECRET))
    return Settings.read_agent(first.text("agent"), lines)


__all__ = ["RecordedError", "Replay", "Row", "event_members", "event_name", "message_of", "stand_in"]
