"""One thing that the agent says: acts of its mind become speech, sent a little ahead of what is heard."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aiconvai.audio import encode, format_rate, resample, sample_bytes
from aiconvai.local.parts import Act, HangUp, Say, Voice
from aiconvai.local.voices.spelling import spell

AHEAD_SECONDS = 10.0
"""That may be sent and not heard yet: who interrupts has not had all of a long answer made for nothing."""
_MESSAGE_SECONDS = 0.2
"""Of audio in one message."""

Send = Callable[..., Awaitable[None]]
"""`send(type, **fields)`: a message to the client, fields without a value left out."""


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A sentence, and when it is heard if the client plays all in order and at once (time.monotonic())."""

    text: str
    begins: float
    ends: float


class Answer:
    """Its audio has one event id."""

    def __init__(
        self,
        new_event_id: Callable[[], int],
        voice: Voice,
        voice_name: str | None,
        audio_format: str,
        language: str | None,
        send: Send,
    ) -> None:
        """`new_event_id`: that of an answer which says something. `audio_format`: of what is sent, a name of
        `WIRE_FORMATS`.
        """
        self.event_id = 0
        self._new_event_id = new_event_id
        self.first_audio: float | None = None
        """When it was sent (time.monotonic())."""
        self._voice, self._voice_name = voice, voice_name
        self._format, self._language = audio_format, language
        self._send = send
        self._spoken: list[_Spoken] = []
        self._heard_until = 0.0

    def left(self, now: float) -> float:
        """Seconds of it that are sent and not heard yet."""
        return max(0.0, self._heard_until - now)

    async def give(self, acts: AsyncIterator[Act]) -> None:
        """All of them. Cancelled, it sends nothing more. Raises `PartError`."""
        async with aclosing(acts) as given:  # type: ignore[type-var]
            async for act in given:
                if isinstance(act, HangUp):
                    await self._send("hangup")
                elif isinstance(act, Say):
                    await self._say(act.text)
        if self._spoken:
            await self._send("response_complete")

    async def _say(self, text: str) -> None:
        speech = await self._voice.speak(spell(text, self._language), self._voice_name)
        audio = encode(resample(speech.samples, speech.rate, format_rate(self._format)), self._format)
        if not audio:
            return
        bytes_per_second = format_rate(self._format) * sample_bytes(self._format)
        self.event_id = self.event_id or self._new_event_id()
        begins = max(time.monotonic(), self._heard_until)
        self._spoken.append(_Spoken(text, begins, begins + len(audio) / bytes_per_second))
        # Words before their audio: who interrupts is then known to have had them.
        await self._send("transcript", text=text, role="assistant", event_id=self.event_id)
        size = round(_MESSAGE_SECONDS * bytes_per_second)
        for start in range(0, len(audio), size):
            await asyncio.sleep(max(0.0, self._heard_until - time.monotonic() - AHEAD_SECONDS))
            piece = audio[start : start + size]
            await self._send("audio_delta", audio=base64.b64encode(piece).decode(), event_id=self.event_id)
            now = time.monotonic()
            self.first_audio = self.first_audio or now
            self._heard_until = max(now, self._heard_until) + len(piece) / bytes_per_second

    def heard(self, until: float) -> str:
        """What the caller has heard by then (time.monotonic()), to the word that was being said."""
        return " ".join(filter(None, (_heard_of(one, until) for one in self._spoken)))


def _heard_of(spoken: _Spoken, until: float) -> str:
    if until >= spoken.ends:
        return spoken.text
    words = spoken.text.split()
    share = max(0.0, (until - spoken.begins) / (spoken.ends - spoken.begins))
    return " ".join(words[: round(share * len(words))])
