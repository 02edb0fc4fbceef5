"""One conversation: the caller's turns are recognised, the mind answers them, the voice says it.

The client may take an interruption back: it pauses the agent when the caller is heard, and lets it go on where nothing
was said. So an answer is given up only once there are words, or the client says that a turn is over.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiconvai.audio import Samples
from aiconvai.client_tools import ClientTools
from aiconvai.local.answer import Answer, Send
from aiconvai.local.back_channels import is_back_channel
from aiconvai.local.caller_turns import Began, CallerTurns, Ended, Paused, Resumed, TurnEvent, TurnSettings
from aiconvai.local.ear import Ear
from aiconvai.local.figures import Figures
from aiconvai.local.parts import Act, CallFacts, Detection, Mind, PartError, Recognizer, ToolOutcome, Voice
from aiconvai.local.voices.spelling import spell
from aiconvai.websocket_protocol import (
    FORMAT_NAMES,
    AudioInput,
    Dtmf,
    Message,
    SessionInit,
    TextInput,
    ToolResult,
    TurnEnded,
    TurnStarted,
)

KEYS_SECONDS = 1.5
"""Without another key, after which those that were pressed are all."""
_MOST_KEYS = 32
_FINAL_MARKS = (".", "!", "?", "…", '"')

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Agent:
    """All parts, and what holds for each conversation."""

    detection: Detection
    recognizer: Recognizer
    mind: Mind
    voice: Voice
    turns: TurnSettings
    figures: Figures


@dataclass(frozen=True, slots=True)
class Heard:
    """What a caller has said."""

    text: str
    last_word: float
    """When it was over (time.monotonic())."""


class Conversation:
    """On the event loop alone. `begin`, `take` for each message in its order, `close`."""

    def __init__(
        self, session_id: str, init: SessionInit, agent: Agent, send: Send, hang_up: Callable[[], Awaitable[None]]
    ) -> None:
        """`hang_up`: closes the connection, for clients that cannot be asked to."""
        config = init.config
        self.id = session_id
        self._agent, self._send_message, self._hang_up = agent, send, hang_up
        self._format = FORMAT_NAMES[config.audio_format, config.sample_rate]
        self._language, self._voice_name = _iso_639_1(config.language), config.voice
        self._extensions = frozenset(init.extensions)
        self._client_has_turns = "turns" in self._extensions and not config.vad_enabled
        self._ear = Ear(self._format, agent.detection.detector(), CallerTurns(agent.turns))
        self._tools = ClientTools(self._send)
        facts = CallFacts(
            self._run_tool, config.system_prompt, config.first_message, self._language, dict(init.variables),
            [one.model_dump() for one in init.tools],
        )  # fmt: skip
        self._talk = agent.mind.begin(facts)
        self._event_id = 0
        self._answer: Answer | None = None
        self._answering: asyncio.Task[None] | None = None
        self._barged_in: float | None = None
        """When the caller began to speak over the agent (time.monotonic())."""
        self._recognizing: asyncio.Task[Heard] | None = None
        """Of the turn that goes on."""
        self._recognitions: set[asyncio.Task[Heard]] = set()
        """That are under way: of this turn, and of those before whose answer is still to come."""
        self._preparing: asyncio.Task[None] | None = None
        self._turns_over: set[asyncio.Task[None]] = set()
        """Turns that end, one behind the other."""
        self._last_turn_over: asyncio.Task[None] | None = None
        self._keys = ""
        self._keys_over: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """The client hears that it may begin, and then the greeting."""
        await self._send("session_started", session_id=self.id)
        self._give(self._talk.greeting())

    async def take(self, message: Message) -> None:
        """A message of the client. Raises `ValueError` where it is none that may come now."""
        if isinstance(message, AudioInput):
            for event in self._ear.hear(_bytes_of(message.audio)):
                await self._obey(event)
        elif isinstance(message, TextInput):
            if message.role == "system":
                self._talk.know(message.text)
            else:
                await self._answer_to(message.text)
        elif isinstance(message, Dtmf):
            self._take_key(message.digit)
        elif isinstance(message, ToolResult):
            self._tools.take(message)
        elif isinstance(message, TurnStarted):
            await self._caller_begins()
        elif isinstance(message, TurnEnded):
            for event in self._ear.turns.finish():
                await self._obey(event)
        elif isinstance(message, SessionInit):
            raise ValueError("session.init for the second time")

    async def close(self) -> None:
        """The client has gone."""
        if self._keys_over is not None:
            self._keys_over.cancel()
        # Those first that begin others.
        pending = (*self._recognitions, *self._turns_over, self._preparing, self._answering)
        tasks = [one for one in pending if one is not None]
        for one in tasks:
            one.cancel()
        try:
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._talk.discard()
            self._ear.close()

    # The caller speaks ---------------------------------------------------------------------------------

    async def _obey(self, event: TurnEvent) -> None:
        if isinstance(event, Began):
            await self._caller_begins()
        elif isinstance(event, Paused):
            last_word = time.monotonic() - event.silence_ms / 1000
            self._recognizing = asyncio.create_task(self._recognize(event.samples, last_word))
            self._recognitions.add(self._recognizing)
            self._recognizing.add_done_callback(self._recognitions.discard)
        elif isinstance(event, Resumed):
            if self._recognizing is not None:
                self._recognizing.cancel()
            self._discard_prepared()
        elif isinstance(event, Ended) and self._recognizing is not None:
            self._in_order(partial(self._end_turn, self._recognizing))
            self._recognizing = None

    def _in_order(self, end: Callable[[], Awaitable[None]]) -> None:
        """Ends a turn, behind the one before, which may not be answered yet."""
        before = self._last_turn_over

        async def run() -> None:
            if before is not None:
                await asyncio.wait([before])
            await end()

        self._last_turn_over = asyncio.create_task(run())
        self._turns_over.add(self._last_turn_over)
        self._last_turn_over.add_done_callback(self._turns_over.discard)

    async def _caller_begins(self) -> None:
        if not self._is_answering():
            return
        self._barged_in = time.monotonic()
        if not self._client_has_turns:
            await self._send("user_speech_started")

    async def _recognize(self, samples: Samples, last_word: float) -> Heard:
        began = time.monotonic()
        text = await self._agent.recognizer.recognize(samples, self._language)
        self._agent.figures.recognition.observe(time.monotonic() - began)
        if text:
            if not text.endswith(_FINAL_MARKS):
                self._ear.turns.wait_longer()
            if not self._is_answering():
                self._discard_prepared()
                self._preparing = asyncio.create_task(self._prepare(text))
            # Words confirm an interruption, long before the turn is over.
            await self._send("transcript", text=text, role="user", final=False)
        return Heard(text, last_word)

    async def _prepare(self, said: str) -> None:
        """For the answer, while the caller may have finished: so it is there when that is known."""
        # What fails here fails again where it matters, and is said there.
        with suppress(PartError):
            first = await self._talk.prepare(said)
            if first is not None:
                await self._agent.voice.speak(spell(first, self._language), self._voice_name)

    def _discard_prepared(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
            self._talk.discard()

    async def _end_turn(self, recognizing: asyncio.Task[Heard]) -> None:
        async with self._failing("recognition"):
            heard = await recognizing
            if not heard.text:
                # A cough: the client lets the agent go on.
                self._agent.figures.void.inc()
                self._barged_in = None
                return
            self._agent.figures.turns.inc()
            await self._send("transcript", text=heard.text, role="user")
            if self._is_answering() and is_back_channel(heard.text):
                self._barged_in = None
                return
            await self._answer_to(heard.text, heard.last_word)

    def _take_key(self, digit: str) -> None:
        self._keys = (self._keys + digit)[:_MOST_KEYS]
        if self._keys_over is not None:
            self._keys_over.cancel()
        loop = asyncio.get_running_loop()
        self._keys_over = loop.call_later(0.0 if digit == "#" else KEYS_SECONDS, self._end_keys)

    def _end_keys(self) -> None:
        keys, self._keys, self._keys_over = self._keys, "", None
        self._in_order(partial(self._answer_keys, keys))

    async def _answer_keys(self, keys: str) -> None:
        await self._stop_answering()
        self._give(self._talk.pressed(keys))

    # The agent answers ---------------------------------------------------------------------------------

    def _is_answering(self) -> bool:
        """It is thinking, or still heard."""
        if self._answering is not None and not self._answering.done():
            return True
        return self._answer is not None and self._answer.left(time.monotonic()) > 0.0

    async def _answer_to(self, said: str, last_word: float | None = None) -> None:
        await self._stop_answering()
        self._give(self._talk.answer(said), last_word)

    async def _stop_answering(self) -> None:
        """The mind is told what was heard of the last answer, where that is not all."""
        answer, answering, self._answering = self._answer, self._answering, None
        was_answering = answer is not None and (
            (answering is not None and not answering.done()) or answer.left(self._barged_in or time.monotonic()) > 0.0
        )
        if answering is not None:
            answering.cancel()
            await asyncio.wait([answering])
        if answer is not None and was_answering:
            self._talk.cut(answer.heard(self._barged_in or time.monotonic()))
        self._answer = self._barged_in = None

    def _give(self, acts: AsyncIterator[Act], last_word: float | None = None) -> None:
        answer = Answer(
            self._next_event_id, self._agent.voice, self._voice_name, self._format, self._language, self._send
        )
        self._answer = answer
        self._answering = asyncio.create_task(self._give_all(answer, acts, last_word))

    def _next_event_id(self) -> int:
        self._event_id += 1
        return self._event_id

    async def _give_all(self, answer: Answer, acts: AsyncIterator[Act], last_word: float | None) -> None:
        async with self._failing("answer"):
            await answer.give(acts)
        if last_word is not None and answer.first_audio is not None:
            self._agent.figures.answer.observe(answer.first_audio - last_word)

    async def _run_tool(self, name: str, arguments: Mapping[str, Any]) -> ToolOutcome:
        if "tools" not in self._extensions:
            return ToolOutcome("This telephone runs no tools.", is_error=True)
        result = await self._tools.run(name, arguments)
        if result is None:
            return ToolOutcome("Nobody answered in time.", is_error=True)
        return ToolOutcome(result.result, result.is_error)

    # What the client is told ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _failing(self, part: str) -> AsyncIterator[None]:
        """A part that cannot do its work ends the conversation: the caller goes on in the dialplan."""
        try:
            yield
        except PartError as error:
            _log.error("%s: %s", self.id, error)
            self._agent.figures.failures.labels(part).inc()
            await self._send("error", message=str(error), fatal=True)

    async def _send(self, kind: str, **fields: Any) -> None:
        if kind == "hangup" and "hangup" not in self._extensions:
            await asyncio.sleep(max(0.0, self._answer.left(time.monotonic()) if self._answer is not None else 0.0))
            await self._hang_up()
            return
        if "event_ids" not in self._extensions:
            fields.pop("event_id", None)
        await self._send_message(kind, **fields)


def _iso_639_1(language: str | None) -> str | None:
    """Of en, en-US or en_US: en."""
    return re.split("[-_]", language.strip().lower())[0] or None if language else None


def _bytes_of(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError(f"audio: {error}: expected base64") from None
