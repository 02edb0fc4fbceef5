"""Messages of the WebSocket protocol (docs/protocol/websocket.md) as pipecat's frames, and the other way round."""

from __future__ import annotations

import base64
import binascii
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer
from pydantic import ValidationError

from aiconvai.audio import decode, encode, format_rate
from aiconvai.websocket_protocol import AudioInput, Dtmf, TextInput, ToolResult, read_client_message

REST_SECONDS = 0.06
"""After an interruption, in which pipecat may still write what it had taken from its queue: a chunk of 40 ms."""
_KEYS = frozenset(one.value for one in KeypadEntry)

_log = logging.getLogger(__name__)


class CallSerializer(FrameSerializer):
    """Of one call."""

    def __init__(
        self, audio_format: str, extensions: frozenset[str], take_result: Callable[[ToolResult], None]
    ) -> None:
        """`audio_format`: of both ways, a name of `WIRE_FORMATS`; frames have its rate. `take_result`: is given what
        came of a tool.
        """
        super().__init__()
        self._format = audio_format
        self._extensions = extensions
        self._take_result = take_result
        self._event_id = 1
        """Of what the agent says now, or next."""
        self._has_spoken = False
        """With that event id."""
        self._deaf_until = 0.0
        """When the rest of what was interrupted has come (time.monotonic())."""

    def end_utterance(self) -> None:
        """What the agent says next is something else."""
        if self._has_spoken:
            self._has_spoken = False
            self._event_id += 1

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """The message of a frame; None: there is none."""
        if isinstance(frame, OutputAudioRawFrame):
            if time.monotonic() < self._deaf_until:
                return None
            self._has_spoken = True
            audio = encode(np.frombuffer(frame.audio, "<i2").astype(np.int16), self._format)
            return self._message("audio_delta", audio=base64.b64encode(audio).decode(), event_id=self._event_id)
        if isinstance(frame, InterruptionFrame):
            # One comes with each turn of the caller's: the telephone knows whether anything is heard.
            self.end_utterance()
            self._deaf_until = time.monotonic() + REST_SECONDS
            return self._message("user_speech_started")
        if isinstance(frame, EndFrame) and "hangup" in self._extensions:
            # What was said before is still heard.
            return self._message("hangup")
        if isinstance(frame, OutputTransportMessageFrame | OutputTransportMessageUrgentFrame):
            return None if self.should_ignore_frame(frame) else json.dumps(frame.message)
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """The frame of a message; None: there is none, or the message makes no sense, which is logged."""
        try:
            message = read_client_message(data)
        except (ValidationError, ValueError) as error:
            _log.warning("a message of the telephone is left out: %s", " ".join(str(error).split()))
            return None
        match message:
            case AudioInput():
                return self._audio(message)
            case Dtmf() if message.digit in _KEYS:
                return InputDTMFFrame(KeypadEntry(message.digit))
            case TextInput():
                said: Any = {"role": message.role, "content": message.text}
                return LLMMessagesAppendFrame([said], run_llm=message.role == "user")
            case ToolResult():
                self._take_result(message)
        return None

    def _audio(self, message: AudioInput) -> Frame | None:
        try:
            samples = decode(base64.b64decode(message.audio, validate=True), self._format)
        except (binascii.Error, ValueError) as error:
            _log.warning("audio of the telephone is left out: %s", error)
            return None
        return InputAudioRawFrame(samples.astype("<i2").tobytes(), format_rate(self._format), 1)

    def _message(self, kind: str, **fields: Any) -> str:
        if "event_ids" not in self._extensions:
            fields.pop("event_id", None)
        return json.dumps({"type": kind, **fields}, separators=(",", ":"))
