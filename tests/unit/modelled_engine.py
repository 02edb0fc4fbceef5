"""The engine in a call as the model has it: each of the model's events is brought about, and what comes of it compared.

The service is the mock of the provider, without a network: what it sends goes straight into the engine, and it judges
what the engine sends as it would judge any client. Time stands still unless it is what happens.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from call_model import Agent, Call, Options, Service, Stage, Step, Tool
from engine_host import is_caller_audio

from aiconvai.audio import encode, tone
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.conversation import Conversation, Phase, VirtualClock
from aiconvai.engine.events import (
    Abort,
    Action,
    Close,
    Ended,
    Error,
    Event,
    Hold,
    Interrupted,
    Keys,
    Open,
    Pause,
    Ping,
    Ready,
    Send,
    Status,
    ToolCall,
    ToolDone,
    ToolRun,
)
from aiconvai.engine.settings import Settings
from aiconvai.mock import MockOptions, mock_class
from aiconvai.mock.record import HttpRequest
from aiconvai.speech import speak

ULAW = AudioFormat(Encoding.ULAW, 8000)
FRAME_BYTES = 160
UTTERANCE_SECONDS = 0.4
DESK = "default,desk,1"
PHASES = {
    Stage.BETWEEN: Phase.WAITING,
    Stage.CONNECTING: Phase.CONNECTING,
    Stage.STARTING: Phase.STARTING,
    Stage.OPEN: Phase.ACTIVE,
    Stage.ENDED: Phase.ENDED,
}

SERVICES = {
    "elevenlabs": Service("elevenlabs"),
    "openai": Service("openai", speaks_while_asked=False),
    "gemini": Service("gemini", has_errors=False, hears_while_asked=False),
    "deepgram": Service("deepgram", has_errors=False),
    "websocket": Service("websocket"),
    "openai_live": Service("openai_live", has_interruptions=False, has_tools=False, has_errors=False),
    "twilio": Service("twilio", has_tools=False, has_context=False, has_errors=False, announces=False),
}
"""Those that are compared, and what each differs in. A delegation of OpenAI Live's is no tool with a name."""

LIMITS = {
    "connection_timeout_seconds": 10,
    "handshake_timeout_seconds": 10,
    "service_silence_seconds": 30,
    "retry_backoff_ms": 100,
    "tool_timeout_ms": 40_000,
    "call_duration_limit_seconds": 1800,
}
"""Far enough from each other for their order to be that of the model's TIME, whatever came before."""


def options_of(options: Options) -> dict[str, object]:
    """The same in aiconvai.conf."""
    return {
        **LIMITS,
        "max_connection_attempts": options.attempts,
        "reconnect_attempts": options.reconnects,
        "interruption": "confirmed" if options.confirmed else "service",
        "interruption_min_ms": 300,
        "dtmf_interdigit_ms": 0,
        "audio_frames_buffer_ms": 100,
        "echo_guard": "off",
        "answer_timeout_ms": 0,
    }


class Disagreement(AssertionError):
    """The engine does not do what the model says."""


class _Wire:
    """What a mock sends through, in the place of a WebSocket."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.is_open = True

    def transmit(self, message: str | bytes) -> None:
        self.sent.append(message)

    async def drain(self) -> None:
        pass

    def shape(self, _wire: object) -> None:
        pass


class _Hurried:
    """The clock of the mocks: what they have sent was heard long ago, so that it is the model who says what is."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        self._seconds += 1000.0
        return self._seconds


def hurry_mocks(set_attribute: Callable[[str, object], None]) -> None:
    """Give the mocks a clock on which nothing is still being heard."""
    for name in ("conversation", "openai", "openai_live", "twilio", "websocket"):
        hurried = {**vars(time), "monotonic": _Hurried().monotonic}
        set_attribute(f"aiconvai.mock.{name}.time", SimpleNamespace(**hurried))


class Subject:
    """What all calls with one service have in common: made once."""

    def __init__(self, provider: str, options: Options) -> None:
        self.service = SERVICES[provider]
        self.options = options
        self.mock = mock_class(provider)(MockOptions())
        self.mock.agents["agent"] = self.mock.AGENT()
        self.loop = asyncio.new_event_loop()
        given = {key: value.replace(":0/", ":1/") for key, value in self.mock.settings("agent").items()}
        given |= {name: str(value) for name, value in options_of(options).items()}
        if self.service.has_tools:
            given |= {
                "tool_end_call": "builtin",
                "tool_transfer_call": "builtin",
                "transfer_to_desk": DESK,
                "tool_look": "gosub:default,look",
                "tool_ask": "ami",
            }
        if provider == "deepgram":
            # What we say for the caller comes back as his words, which interrupt the agent or not by when they came.
            given |= {"think_model": "m", "dtmf": "context"}
        self.settings = Settings.read_agent("agent", given)
        said = encode(speak("Wait, please stop talking now, I want to ask you something.", 8000), "ulaw_8000")
        self.speech = [said[at : at + FRAME_BYTES] for at in range(0, len(said) - FRAME_BYTES, FRAME_BYTES)][:50]

    def close(self) -> None:
        self.loop.close()


class ModelledEngine:
    """One call."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.clock = VirtualClock(1_000_000_000)
        self.conversation = Conversation(
            subject.settings, line_format=ULAW, runs_tools=True, clock=self.clock, variables={"unique_id": "1.1"}
        )
        self.service: Any = None
        """The mock's conversation; None: there is none."""
        self.wire = _Wire()
        self.pieces = 0
        self.answers_pings = True
        self.holds = self.pauses = self.interrupted = self.is_doubted = False
        self.open_call = ""
        self.has_opened = False
        self.actions: list[Action] = []
        self.events: list[Event] = []
        self.conversation.tick()
        self._pump()
        self._expect(any(isinstance(action, Open) for action in self.actions), "the first attempt has not begun")

    # What happens -------------------------------------------------------------------------------------

    def take(self, event: str, before: Call, step: Step) -> None:
        """Bring it about and compare what comes of it. Raises `Disagreement`."""
        self.actions.clear()
        self.events.clear()
        self.has_opened = False
        # No two things happen at the same moment.
        self.clock.advance(ms=0.5)
        who, _, what = event.partition(".")
        if who == "time":
            self._wait(what, before)
        else:
            self.is_doubted = before.agent is Agent.PAUSED
            getattr(self, f"_{event.replace('.', '_')}")()
        self._deliver()
        self._compare(step)

    def _caller_speaks(self) -> None:
        # Where nobody waits for it a moment is as good as a sentence.
        for frame in self.subject.speech[: None if self.is_doubted else 6]:
            self.conversation.caller_audio(frame)
            self._pump()

    def _caller_presses(self) -> None:
        self.conversation.dtmf("5")

    def _caller_holds(self) -> None:
        self.holds = True
        self.conversation.hold(True)

    def _caller_resumes(self) -> None:
        self.holds = False
        self.conversation.hold(False)

    def _caller_hangs_up(self) -> None:
        self.conversation.end(Status.CALLER_HANGUP, "the caller hung up")

    def _service_accepts(self) -> None:
        record = HttpRequest(0.0, "/", {"model": "agent"}, {"x-goog-api-key": "test-api-key"})
        self.wire = _Wire()
        mock = self.subject.mock
        self.service = mock._new_conversation(self.wire, record, "agent", mock.agents["agent"])
        self.conversation.connected()
        self._mocks(self.service.greet)
        if not self.subject.service.announces:
            self._pump()
            self._mocks(self.service.start)

    def _service_refuses(self) -> None:
        self.conversation.request_failed("HTTP 503", retry=True, http_status=503)

    def _service_refuses_for_good(self) -> None:
        self.conversation.request_failed("HTTP 403", retry=False, http_status=403)

    def _service_announces(self) -> None:
        self._mocks(self.service.start)

    def _service_speaks(self) -> None:
        self._finish_utterance()
        event_id = self.service.next_event_id()
        if self.interrupted and self.subject.service.name == "deepgram":
            # That it answers is told by the words of both alone.
            self._mocks(lambda: self.service.caller_said("What about Monday?"))
            self._mocks(lambda: self.service._begin_utterance(event_id, "Monday is fine."))
        self.interrupted = False
        self._say(event_id, UTTERANCE_SECONDS)

    def _finish_utterance(self) -> None:
        """So that what the client had to wait with comes before what the service does next."""
        if event_id := self.service.current_event_id:
            self._mocks(lambda: self.service._end_utterance(event_id, None, interrupted=False))

    def _service_goes_on(self) -> None:
        if self.interrupted and self.subject.service.name == "gemini":
            # That the turn was interrupted has ended it: there is no more of it.
            return
        self._say(self.service.current_event_id, 0.02)

    def _say(self, event_id: int, seconds: float) -> None:
        # No piece is like another: only what is queued twice would be.
        self.pieces += 1
        audio = tone(300.0 + self.pieces % 50 * 20, seconds, self.service.downlink_rate)
        self._mocks_async(self.service.send_audio(audio, event_id))

    def _service_interrupts(self) -> None:
        self.interrupted = True
        self._mocks(self.service.interrupt_now)
        self._mocks(self.service.caller_stopped_speaking)

    def _service_calls_tool(self) -> None:
        self._call_tool("ask", {"what": "it"})

    def _service_calls_subroutine(self) -> None:
        self._call_tool("look", {"what": "it"})

    def _service_hangs_up(self) -> None:
        self._call_tool("end_call", {})

    def _service_transfers(self) -> None:
        self._call_tool("transfer_call", {"destination": "desk"})

    def _call_tool(self, name: str, parameters: Mapping[str, Any]) -> None:
        if not self.subject.service.speaks_while_asked:
            self._finish_utterance()

        async def call() -> None:
            self.service.start_tool(name, dict(parameters))

        self._mocks_async(call())
        (told,) = [event for event in self.events if isinstance(event, ToolCall)]
        self.open_call = told.id
        if told.run is ToolRun.TRANSFER_CALL:
            self._expect(self.conversation.transfer(told.id), "the transfer is refused")

    def _service_errs(self) -> None:
        self._mocks_async(self.service.fail("llm_timeout", "no answer", code=1011, close=False))

    def _service_closes(self) -> None:
        self._gone(1000)

    def _service_fails(self) -> None:
        self._gone(1011)

    def _service_breaks(self) -> None:
        self._gone(None)

    def _gone(self, code: int | None) -> None:
        if code == 1000 and self.subject.service.name == "openai_live":
            self._mocks(lambda: self.service._tell_end("remote_hangup"))
        self.service = None
        self.conversation.closed(code)

    def _service_vanishes(self) -> None:
        self.answers_pings = False

    def _operator_says(self) -> None:
        self.conversation.context("It rains.")

    def _operator_answers(self) -> None:
        self._expect(self.conversation.tool_result(self.open_call, "yes"), "nobody waits for the result")

    def _operator_forbids(self) -> None:
        self.conversation.allow_interruptions(False)

    def _operator_allows(self) -> None:
        self.conversation.allow_interruptions(True)

    def _operator_ends(self) -> None:
        self.conversation.end(Status.COMPLETED, "by the manager")

    def _dialplan_returns(self) -> None:
        self._operator_answers()

    def _wait(self, what: str, before: Call) -> None:
        """Until something is told or to be done, or all of the agent is heard; at the most for as long as it takes."""
        if what in ("tool_over", "limit"):
            # Nothing else is due before, and a host may be late.
            self.clock.advance(seconds=41 if what == "tool_over" else 1801)
            self.conversation.tick()
            self._pump()
            return
        until = self.clock.now_us + 32_000_000
        while self.clock.now_us < until and not self._has_come(what):
            plays = not (self.holds or self.pauses or self.conversation.playout.is_empty())
            soon = self.clock.now_us + 20_000 if plays else until
            deadline = self.conversation.deadline_us
            self.clock.now_us = max(self.clock.now_us, min(soon, until, until if deadline is None else deadline))
            if plays:
                self.conversation.playout.take()
            self.conversation.tick()
            self._pump()
        if what == "heard":
            # What a resampler holds follows a moment later.
            for _ in range(6):
                self.clock.advance(ms=20)
                self.conversation.tick()
                self._pump()
                self.conversation.playout.take()

    def _has_come(self, what: str) -> bool:
        if what == "heard":
            return self.conversation.playout.is_empty()
        return self.has_opened or any(_word(event) is not None for event in self.events)

    # Both sides of the wire ---------------------------------------------------------------------------

    def _mocks(self, act: Callable[[], object]) -> None:
        act()
        self._deliver()

    def _mocks_async(self, coroutine: Any) -> None:
        self.subject.loop.run_until_complete(coroutine)
        self._deliver()

    def _deliver(self) -> None:
        """What the mock has sent arrives, and the engine's answers arrive there, until nobody says anything more."""
        self._pump()
        while self.wire.sent:
            message = self.wire.sent.pop(0)
            if isinstance(message, bytes):
                self.conversation.binary_message(message)
            else:
                self.conversation.message(message)
            self._pump()

    def _pump(self) -> None:
        """Do what the engine asks for."""
        while True:
            taken = list(self.conversation.actions())
            told = self.conversation.take_events()
            self.actions += taken
            self.events += told
            for event in told:
                if isinstance(event, Pause):
                    self.pauses = event.is_on
            for action in taken:
                self._do(action)
            if not taken and not told:
                return

    def _do(self, action: Action) -> None:
        self.has_opened = self.has_opened or isinstance(action, Open)
        if isinstance(action, Send) and self.service is not None:
            message = action.message if action.binary else action.message.decode()
            # What it finds wrong with the client it raises.
            self.service._accept(message, 0.0)
        elif isinstance(action, Ping) and self.answers_pings:
            self.conversation.service_heard()
        elif isinstance(action, Close | Abort):
            self.service = None
            self.answers_pings = True

    # What came of it ----------------------------------------------------------------------------------

    def _told(self) -> tuple[str, ...]:
        return tuple(word for event in self.events if (word := _word(event)) is not None)

    def _compare(self, step: Step) -> None:
        after, conversation = step.after, self.conversation
        told = self._told()
        self._expect(told == step.told, f"told {told}")
        self._expect(conversation.phase is PHASES[after.stage], f"in the phase {conversation.phase.value}")
        self._compare_service(step)
        if after.stage is Stage.ENDED:
            self._compare_end(step)
            return
        self._expect(conversation.stats().open_tool_calls == (after.tool is not Tool.NONE), "open tools are others")
        has_audio = not conversation.playout.is_empty()
        self._expect(has_audio == (after.agent in (Agent.SPEAKING, Agent.PAUSED)), f"agent audio is there: {has_audio}")

    def _compare_service(self, step: Step) -> None:
        sent = [action for action in self.actions if isinstance(action, Send)]
        audio = [action for action in sent if is_caller_audio(action)]
        closes = any(isinstance(action, Close | Abort) for action in self.actions)
        met = {
            "": True,
            "audio": bool(audio),
            "message": len(sent) > len(audio),
            "nothing": not sent,
            "close": closes,
        }[step.gets]
        self._expect(met, f"the service got {[action.message[:200] for action in sent]}, a close: {closes}")

    def _compare_end(self, step: Step) -> None:
        (ended,) = [event for event in self.events if isinstance(event, Ended)]
        before = _amount(self.conversation)
        self.conversation.caller_audio(bytes(FRAME_BYTES))
        self.conversation.message(json.dumps({"type": "interruption"}))
        self.conversation.tick()
        self._expect(list(self.conversation.actions()) == [], "it is not over")
        self._expect(self.conversation.take_events() == [], "something is told after the end")
        self._expect(_amount(self.conversation) == before, "audio comes after the end")
        self._expect(self.conversation.deadline_us is None, "it waits for something after the end")
        self._expect(step.after.status == ended.status.value, f"ended {ended}")

    def _expect(self, condition: bool, problem: str) -> None:
        if not condition:
            raise Disagreement(problem)


def _word(event: Event) -> str | None:
    """As the model calls it; None: the model does not have it."""
    match event:
        case Ready():
            return "ready"
        case Interrupted():
            return "interrupted"
        case Pause():
            return "pause begun" if event.is_on else "pause over"
        case ToolCall():
            return "tool call"
        case ToolDone():
            return "tool done"
        case Keys():
            return "keys"
        case Hold():
            return "hold begun" if event.is_on else "hold over"
        case Error():
            return "error"
        case Ended():
            return f"ended {event.status.value}"
    return None


def _amount(conversation: Conversation) -> int:
    return conversation.playout.stats().queued_bytes
