"""What is said in a pipeline, told to the telephone: the PBX shows it, and knows by it what was meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pipecat.frames.frames import (
    BotStoppedSpeakingFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed

Tell = Callable[[Mapping[str, Any]], Awaitable[None]]


class CallObserver(BaseObserver):
    """Of one call: give it to the pipeline's worker (`observers=[call.observer]`)."""

    def __init__(self, tell: Tell) -> None:
        """`tell`: sends the telephone a message."""
        super().__init__(observe_every_push=False)
        self._tell = tell

    async def on_push_frame(self, data: FramePushed) -> None:
        """Each frame once, where it is made."""
        frame = data.frame
        match frame:
            case TranscriptionFrame():
                await self._tell({"type": "transcript", "text": frame.text, "role": "user"})
            case InterimTranscriptionFrame():
                await self._tell({"type": "transcript", "text": frame.text, "role": "user", "final": False})
            case TTSTextFrame():
                await self._tell({"type": "transcript", "text": frame.text, "role": "assistant"})
            case BotStoppedSpeakingFrame():
                await self._tell({"type": "response_complete"})
