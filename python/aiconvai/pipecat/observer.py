"""What is said in a pipeline, told to the telephone: the PBX shows it, and knows by it what was meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType

LONGEST_TEXT = 4_000
"""Characters that are gathered of a sentence which comes word by word."""
_SENTENCE_ENDS = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f")

Tell = Callable[..., Awaitable[None]]
"""`tell(type, **fields)`: a message to the telephone."""


class CallObserver(BaseObserver):
    """Of one call: give it to the pipeline's worker (`observers=[call.observer]`)."""

    def __init__(self, tell: Tell, output: FrameProcessor, utterance_ends: Callable[[], None]) -> None:
        """`output`: the transport's, which passes on what was said when it is
        heard. `utterance_ends`: is called where the agent has finished.
        """
        super().__init__()
        self._tell = tell
        self._output = output
        self._utterance_ends = utterance_ends
        self._words = ""

    async def on_push_frame(self, data: FramePushed) -> None:
        """The caller's words where they are recognised, the agent's where they leave the transport."""
        frame = data.frame
        if data.first_push and isinstance(frame, TranscriptionFrame):
            await self._tell("transcript", text=frame.text, role="user")
        elif data.first_push and isinstance(frame, InterimTranscriptionFrame):
            await self._tell("transcript", text=frame.text, role="user", final=False)
        elif data.source is self._output and data.direction is FrameDirection.DOWNSTREAM:
            await self._follow(frame)

    async def _follow(self, frame: Frame) -> None:
        if isinstance(frame, TTSTextFrame):
            blank = " " if self._words and not frame.includes_inter_frame_spaces else ""
            self._words = f"{self._words}{blank}{frame.text}"
            is_whole = frame.text_type == TextType.SENTENCE or self._words.rstrip().endswith(_SENTENCE_ENDS)
            if is_whole or len(self._words) > LONGEST_TEXT:
                await self._tell_words()
        elif isinstance(frame, BotStoppedSpeakingFrame):
            await self._tell_words()
            self._utterance_ends()
            await self._tell("response_complete")

    async def _tell_words(self) -> None:
        words, self._words = self._words.strip(), ""
        if words:
            await self._tell("transcript", text=words, role="assistant")
