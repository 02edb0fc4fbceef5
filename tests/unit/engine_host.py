"""A host for one conversation: it does what the engine asks for, notes it, and speaks for the service."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Conversation, Phase, VirtualClock
from aiconvai.engine.events import Action, Ended, Error, Event, Open, Ping, Send
from aiconvai.engine.playout_queue import PlayoutResult
from aiconvai.engine.settings import Line, PromptSettings, Settings, ToolSettings

ULAW = AudioFormat(Encoding.ULAW, 8000)
API_KEY = "sk-0123456789abcdef-the-key"
SIGNATURE = "signature-9876543210-of-the-url"
SIGNED_URL = f"wss://api.example.com/v1/convai/conversation?agent_id=agent_1&conversation_signature={SIGNATURE}"
SECRETS = (API_KEY, SIGNATURE)

PUBLIC = {"agent_id": "agent_1", "conversation_endpoint": "wss://api.example.com/v1/convai/conversation"}
PRIVATE = {
    "agent_id": "agent 1/ž",
    "api_key": API_KEY,
    "signed_url_endpoint": "https://api.example.com/get-signed-url",
}
FIXED = {"conversation_url": SIGNED_URL}

EventType = TypeVar("EventType", bound=Event)


class Host:
    """Runs one conversation on a clock of its own. What the service says about interruptions holds at once, but where
    an option says something else.
    """

    def __init__(
        self,
        agent: Mapping[str, str] = PUBLIC,
        *,
        line_format: AudioFormat = ULAW,
        variables: Mapping[str, str] | None = None,
        lines: tuple[Line, ...] = (),
        failover: Sequence[Settings] = (),
        may_take: Callable[[int], str | None] | None = None,
        choose_agent: Callable[[str], Settings | str] | None = None,
        tools: Mapping[str, ToolSettings] | None = None,
        prompts: PromptSettings | None = None,
        runs_tools: bool = False,
        said: str | None = None,
        unix_seconds: int = 0,
        **options: object,
    ) -> None:
        given = [Line(name, value) for name, value in agent.items()]
        usual = {} if any(line.name == "interruption" for line in lines) else {"interruption": "service"}
        given += [Line(name, str(value)) for name, value in (usual | options).items()] + list(lines)
        self.settings = Settings.read_agent("sales", given, tools=tools, prompts=prompts)
        self.clock = VirtualClock(1_000_000_000)
        self.conversation = Conversation(
            self.settings,
            line_format=line_format,
            failover=failover,
            may_take=may_take,
            choose_agent=choose_agent,
            variables=variables,
            runs_tools=runs_tools,
            said=said,
            unix_seconds=unix_seconds,
            clock=self.clock,
        )
        self.actions: list[Action] = []
        self.sent: list[dict[str, Any]] = []
        self.events: list[Event] = []
        self.writable = True
        self.answers_pings = True
        """The service does, at once; the answers are not among the actions that wait() returns, nor are the pings."""

    # What the engine wants

    def pump(self) -> list[Action]:
        """Take all that the conversation wants done now; returns it."""
        taken = list(self.conversation.actions(writable=self.writable))
        self.actions += taken
        self.sent += [json.loads(action.message) for action in taken if isinstance(action, Send) and not action.binary]
        if self.answers_pings and Ping() in taken:
            self.conversation.service_heard()
        self.events += self.conversation.take_events()
        self.check()
        return taken

    def check(self) -> None:
        """What holds at all times: no secret is told, and the end is told once and last."""
        shown = [action for action in self.actions if not isinstance(action, Send)]
        told = repr(self.events) + repr(shown)
        assert not any(secret in told for secret in SECRETS)
        ends = [at for at, event in enumerate(self.events) if isinstance(event, Ended)]
        assert ends in ([], [len(self.events) - 1])
        assert (self.conversation.phase is Phase.ENDED) == bool(ends)

    def tick(self) -> list[Action]:
        self.conversation.tick()
        return self.pump()

    def wait(self, *, seconds: float = 0, ms: float = 0) -> list[Action]:
        """Let time pass, ticking at every deadline on the way as a host does. Returns what is to be done, but for
        the silence that is sent where no audio comes, and pings that are answered.
        """
        until = self.clock.now_us + round(seconds * 1_000_000 + ms * 1000)
        taken: list[Action] = []
        while (deadline := self.conversation.deadline_us) is not None and deadline <= until:
            self.clock.now_us = max(self.clock.now_us, deadline)
            taken += self.tick()
        self.clock.now_us = until
        answered = (Ping,) if self.answers_pings else ()
        told = [action for action in taken + self.pump() if not isinstance(action, answered)]
        return [action for action in told if not is_caller_audio(action)]

    # What the service does

    def say(self, message: object, *, pump: bool = True) -> list[Action]:
        """The service sends a message (as JSON)."""
        self.conversation.message(json.dumps(message).encode())
        return self.pump() if pump else []

    def begin(self) -> Open:
        """The attempt that is due begins; returns what is to be opened."""
        (action,) = self.tick()
        assert isinstance(action, Open)
        return action

    def reach(self, phase: Phase) -> None:
        """Bring a conversation whose attempt is due there."""
        if phase is Phase.WAITING:
            return
        self.begin()
        if phase is Phase.FETCHING:
            return
        if self.conversation.phase is Phase.FETCHING:
            self.conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode())
            self.pump()
        if phase is Phase.CONNECTING:
            return
        self.conversation.connected()
        self.pump()
        if phase is Phase.STARTING:
            return
        self.say(metadata())
        assert self.conversation.phase is phase

    def open(self) -> None:
        """From the beginning to the open WebSocket."""
        self.begin()
        if self.conversation.phase is Phase.FETCHING:
            self.conversation.http_reply(200, json.dumps({"signed_url": SIGNED_URL}).encode())
            self.pump()
        self.conversation.connected()
        self.pump()
        assert self.conversation.phase is Phase.STARTING

    def start(self, output: str = "ulaw_8000", input_: str | None = None) -> None:
        """From the beginning to the announced conversation."""
        self.open()
        self.say(metadata(output, input_ or output))
        assert self.conversation.phase is Phase.ACTIVE

    # What came of it

    def told(self, kind: type[EventType]) -> list[EventType]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ended(self) -> Ended:
        (event,) = self.told(Ended)
        return event

    @property
    def errors(self) -> list[str]:
        return [event.message for event in self.told(Error)]

    def messages(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message.get("type") == kind]

    def uplink(self) -> list[bytes]:
        """The audio of each chunk sent so far."""
        return [base64.b64decode(m["user_audio_chunk"], validate=True) for m in self.sent if "user_audio_chunk" in m]

    def hear(self, frames: int) -> None:
        """The caller hears so much of the agent."""
        for _ in range(frames):
            self.conversation.playout.take()

    def play(self) -> bytes:
        """All the agent's audio that can be had, frame by frame."""
        played = b""
        while (frame := self.conversation.playout.take()).result is not PlayoutResult.EMPTY:
            played += frame.audio
        return played


def metadata(output: str = "ulaw_8000", input_: str = "ulaw_8000") -> dict[str, Any]:
    return {
        "type": "conversation_initiation_metadata",
        "conversation_initiation_metadata_event": {
            "conversation_id": "conv_42",
            "agent_output_audio_format": output,
            "user_input_audio_format": input_,
        },
    }


def audio(event_id: int, data: bytes) -> dict[str, Any]:
    return {
        "type": "audio",
        "audio_event": {"audio_base_64": base64.b64encode(data).decode(), "event_id": event_id},
    }


def transcript(text: str) -> dict[str, Any]:
    """What the caller said."""
    return {"type": "user_transcript", "user_transcription_event": {"user_transcript": text, "event_id": 1}}


def interruption(event_id: int) -> dict[str, Any]:
    return {"type": "interruption", "interruption_event": {"event_id": event_id}}


def ping(event_id: int, ping_ms: int | None = None) -> dict[str, Any]:
    return {"type": "ping", "ping_event": {"event_id": event_id, "ping_ms": ping_ms}}


def tool_call(call_id: str, name: str = "transfer", parameters: object = None) -> dict[str, Any]:
    return {
        "type": "client_tool_call",
        "client_tool_call": {
            "tool_name": name,
            "tool_call_id": call_id,
            "parameters": parameters,
            "event_id": 5,
        },
    }


def end_call(**extra: object) -> dict[str, Any]:
    return {
        "type": "agent_tool_response",
        "agent_tool_response": {
            "tool_name": "end_call",
            "tool_call_id": "x",
            "tool_type": "system",
            "is_error": False,
            "event_id": 6,
            **extra,
        },
    }


def service_error(message: str, code: int = 1008) -> dict[str, Any]:
    return {
        "type": "error",
        "error_event": {"code": code, "error_type": "override_error", "message": message},
    }


def is_caller_audio(action: Action) -> bool:
    """Whether an action sends a chunk of caller audio."""
    texts = (
        b"user_audio_chunk",
        b"input_audio_buffer.append",
        b"session.input_audio.append",
        b'"realtimeInput":{"audio"',
        b"audio.input",
        b'"event":"media"',
    )
    return isinstance(action, Send) and (action.binary or any(text in action.message for text in texts))
