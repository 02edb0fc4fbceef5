"""A conversation with an AI service, driven by whoever has the call, the socket and the clock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any

from aiconvai.engine.audio import AudioFormat
from aiconvai.engine.events import Action, Event, Status, action_from_c, event_from_c
from aiconvai.engine.library import Library, load_library
from aiconvai.engine.playout_queue import PlayoutQueue
from aiconvai.engine.settings import Settings

Clock = Callable[[], int]
"""Microseconds of any clock that only goes forward."""

NEVER = 2**64 - 1


class Phase(Enum):
    """The names are those of `enum aic_phase`."""

    WAITING = "waiting"
    FETCHING = "fetching"
    CONNECTING = "connecting"
    STARTING = "starting"
    ACTIVE = "active"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class OpenTimes:
    """How long the parts of opening a connection took, as in `struct aic_open_times`."""

    dns_us: int = 0
    tcp_us: int = 0
    tls_us: int = 0
    reply_us: int = 0
    tls_resumed: bool = False


@dataclass(frozen=True, slots=True)
class SetupTimes:
    """How long the parts of setting up a conversation took, as in `struct aic_setup_times`."""

    http: OpenTimes
    websocket: OpenTimes
    metadata_us: int


@dataclass(frozen=True, slots=True)
class EchoReport:
    """How the agent's voice comes back by the line, as in `struct aic_echo_report`; a delay of -1 is not known."""

    delay_ms: int
    return_db: float
    openings: int
    closed_ms: int


@dataclass(frozen=True, slots=True)
class ConversationStats:
    """Counters of a conversation, as in `struct aic_conversation_stats`; a format is None until announced."""

    phase: Phase
    attempts: int
    conversation_id: str
    line_format: AudioFormat
    uplink_format: AudioFormat | None
    downlink_format: AudioFormat | None
    connected_us: int
    ready_us: int
    first_audio_us: int
    setup: SetupTimes
    uplink_silence_ms: int
    uplink_bytes: int
    uplink_bytes_dropped: int
    uplink_bytes_sent: int
    uplink_chunks_sent: int
    uplink_bytes_waiting: int
    uplink_dbfs: float
    downlink_dbfs: float
    noise_dbfs: float
    downlink_chunks: int
    downlink_bytes: int
    messages_received: int
    messages_sent: int
    unknown_messages: int
    malformed_messages: int
    texts_refused: int
    last_unknown: str
    interruptions: int
    interruptions_ignored: int
    transcripts: int
    tool_calls: int
    tool_timeouts: int
    open_tool_calls: int
    vad_scores: int
    last_vad_score: float
    pings: int
    last_ping_ms: int
    dtmf_digits: int
    errors: int
    reopenings: int
    input_tokens: int
    output_tokens: int
    answers: int
    answer_ms: int
    slowest_answer_ms: int
    answers_missed: int
    pauses: int
    pauses_withdrawn: int
    echo: EchoReport
    hears_caller: bool
    holds: int
    held_ms: int
    state: str
    trouble: str
    """Why the call is silent or goes badly, as a sentence; empty: it does not."""


NOT_MEASURED = OpenTimes()


class VirtualClock:
    """A clock that stands still until it is told to go on."""

    def __init__(self, now_us: int = 0) -> None:
        self.now_us = now_us

    def __call__(self) -> int:
        return self.now_us

    def advance(self, *, ms: float = 0, seconds: float = 0) -> None:
        self.now_us += round(ms * 1000 + seconds * 1_000_000)


def monotonic_us() -> int:
    """The system's monotonic clock."""
    return time.monotonic_ns() // 1000


class Conversation:
    """One conversation of an agent.

    The host gives inputs (methods), does what actions() asks for after each, calls tick() when deadline_us
    comes, and takes the agent's audio from `playout`, one frame every 20 ms. Events go to `on_event`, in
    order and after the engine is done with the input they came from, so that a handler may call the
    conversation again; without a handler they are kept for take_events(). Not thread-safe.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        line_format: AudioFormat,
        failover: Sequence[Settings] = (),
        may_take: Callable[[int], str | None] | None = None,
        choose_agent: Callable[[str], Settings | str] | None = None,
        variables: Mapping[str, str] | None = None,
        runs_tools: bool = False,
        said: str | None = None,
        unix_seconds: int = 0,
        playout: PlayoutQueue | None = None,
        clock: Clock = monotonic_us,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        """Begin now. `settings` are an agent's, `failover` those of agents that are tried where it cannot be reached;
        `may_take` says of each of them why it may not take the call, None if it may. `choose_agent` has the settings
        of the agent of that name, to whom the conversation is to be handed over, or says why there are none.
        `variables` are told to the agent and win over configured ones. `runs_tools`: whoever has the conversation
        runs those tools that are for the host to run; otherwise the agent is told that they cannot be run.
        `said`: another one's `said()`, which goes on in this one. `unix_seconds` is the time of day, where it is known.
        """
        if problems := [problem for one in (settings, *failover) for problem in one.problems]:
            raise ValueError("; ".join(problems))
        self._library = library = load_library()
        ffi = library.ffi
        if playout is None:
            limit_ms = int(settings.c_settings.playout_limit_seconds) * 1000
            playout = PlayoutQueue(line_format, limit_ms, int(settings.c_settings.playout_max_delay_ms))
        elif playout.format != line_format:
            raise ValueError(f"a playout queue of {playout.format}: expected the line's {line_format}")
        self.settings = settings
        self.failover = tuple(failover)
        self.line_format = line_format
        self.playout = playout
        self._clock = clock
        self._on_event = on_event
        self._events: deque[Event] = deque()
        self._action = ffi.new("struct aic_action *")

        c_variables, texts = library.variables(variables or {})

        # The callback holds the deque, not the conversation: a cycle through C could never be collected.
        self._callback = ffi.callback("void(void *, const struct aic_event *)", _collector(self._events))
        setup = ffi.new("struct aic_conversation_setup *")
        setup.agent = settings.c_choice
        others = ffi.new("struct aic_agent_choice[]", [other.c_choice for other in failover])
        setup.others, setup.other_count = others, len(failover)
        setup.line_format = line_format.to_c()
        setup.variables, setup.variable_count = c_variables, len(texts)
        setup.runs_tools = runs_tools
        c_said = library.c_text(said or "")
        setup.said = c_said
        setup.unix_us = unix_seconds * 1_000_000
        setup.playout = playout.c_queue
        self._fft = library.owned(library.lib.aic_fft_new(), library.lib.aic_fft_free)
        setup.fft = self._fft
        setup.on_event = self._callback
        if may_take is not None:
            self._may_take = ffi.callback("bool(void *, size_t, char *)", _asker(may_take))
            setup.may_take = self._may_take
        self._chosen: list[Settings] = []
        if choose_agent is not None:
            self._choose_agent = ffi.callback(
                "bool(void *, const char *, struct aic_agent_choice *, char *)",
                _chooser(choose_agent, self._chosen),
            )
            setup.choose_agent = self._choose_agent
        self._conversation = library.owned(
            library.lib.aic_conversation_new(setup, clock()), library.lib.aic_conversation_free
        )

    # The call

    def caller_audio(self, audio: bytes) -> None:
        """Caller audio in the line format, whole samples."""
        self._library.lib.aic_conversation_caller_audio(self._conversation, audio, len(audio), self._clock())
        self._deliver()

    def agent_heard(self, audio: bytes) -> None:
        """Audio of the agent's that the caller is given to hear from now on, in the line format."""
        self._library.lib.aic_conversation_agent_heard(self._conversation, audio, len(audio), self._clock())

    def dtmf(self, digit: str) -> None:
        """The caller pressed 0-9, *, # or A-D."""
        self._library.lib.aic_conversation_dtmf(self._conversation, digit.encode("ascii"), self._clock())
        self._deliver()

    def hold(self, is_on: bool) -> None:
        """The caller can neither hear nor be heard, or can again."""
        self._library.lib.aic_conversation_hold(self._conversation, is_on, self._clock())
        self._deliver()

    def found(self, variables: Mapping[str, str]) -> bool:
        """What the lookup has found. False: nobody waits for it."""
        given, texts = self._library.variables(variables)
        return self._succeeded(
            self._library.lib.aic_conversation_found(self._conversation, given, len(texts), self._clock())
        )

    def context(self, text: str) -> bool:
        """Tell the agent something it should know. False: the conversation is not active."""
        return self._succeeded(
            self._library.lib.aic_conversation_context(self._conversation, self._library.c_text(text))
        )

    def user_message(self, text: str) -> bool:
        """Say something for the caller, in text. False: the conversation is not active."""
        return self._succeeded(
            self._library.lib.aic_conversation_user_message(self._conversation, self._library.c_text(text))
        )

    def tool_result(self, call_id: str, result: str, *, is_error: bool = False, silent: bool = False) -> bool:
        """Answer an open tool call; silent: the agent need not say anything about it. False: no call of that id is
        open.
        """
        c_id, c_result = self._library.c_text(call_id), self._library.c_text(result)
        return self._succeeded(
            self._library.lib.aic_conversation_tool_result(self._conversation, c_id, c_result, is_error, silent)
        )

    def allow_interruptions(self, allowed: bool) -> None:
        """Whether the caller may interrupt the agent from now on, as far as its options do not say no."""
        self._library.lib.aic_conversation_allow_interruptions(self._conversation, allowed)
        self._deliver()

    def enter_state(self, name: str, values: Mapping[str, str] | None = None) -> str | None:
        """Enter a state of the agent's prompts, with the values of placeholders. None, or why not, in a sentence."""
        c_values, texts = self._library.variables(values or {})
        c_name = self._library.c_text(name)
        problem = self._library.lib.aic_conversation_enter_state(self._conversation, c_name, c_values, len(texts))
        self._deliver()
        return self._library.text(problem) or None

    def said(self) -> str:
        """What was said, as far as the service told; the latest part of it."""
        text = self._library.lib.aic_conversation_said(self._conversation)
        try:
            return self._library.text(text) if text else ""
        finally:
            self._library.lib.free(text)

    def transfer(self, call_id: str, *, at_once: bool = False) -> bool:
        """Send the call where that open call of transfer_call asks for. Returns whether there is one."""
        c_id = self._library.c_text(call_id)
        return self._succeeded(self._library.lib.aic_conversation_transfer(self._conversation, c_id, at_once))

    def listen(self, call_id: str) -> bool:
        """Who was rung for that open call of transfer_call speaks with the caller, and the agent listens. Returns
        whether there is one.
        """
        c_id = self._library.c_text(call_id)
        return self._succeeded(self._library.lib.aic_conversation_listen(self._conversation, c_id, self._clock()))

    def stop_listening(self) -> None:
        """They have spoken."""
        self._library.lib.aic_conversation_stop_listening(self._conversation, self._clock())
        self._deliver()

    def waits_for_tool(self, call_id: str) -> bool:
        """Whether the agent still waits for that tool call."""
        c_id = self._library.c_text(call_id)
        return bool(self._library.lib.aic_conversation_waits_for_tool(self._conversation, c_id))

    def end(self, status: Status, reason: str) -> None:
        """End it from this side. Nothing happens when it ended before."""
        c_status = self._library.constant("AIC_STATUS", status)
        c_reason = self._library.c_text(reason)
        self._library.lib.aic_conversation_end(self._conversation, c_status, c_reason, self._clock())
        self._deliver()

    # The network

    def http_reply(self, status: int, body: bytes, times: OpenTimes = NOT_MEASURED) -> None:
        """The HTTP request got an answer."""
        c_times = self._open_times(times)
        lib = self._library.lib
        lib.aic_conversation_http_reply(self._conversation, status, body, len(body), c_times, self._clock())
        self._deliver()

    def connected(self, times: OpenTimes = NOT_MEASURED) -> None:
        """The WebSocket is open."""
        self._library.lib.aic_conversation_connected(self._conversation, self._open_times(times), self._clock())
        self._deliver()

    def request_failed(self, text: str, *, retry: bool, http_status: int = 0) -> None:
        """The request failed: why, in a sentence without secrets, and whether another attempt may succeed."""
        failure = self._library.ffi.new("struct aic_request_failure *")
        c_text = self._library.c_text(text)
        failure.retry, failure.http_status, failure.text = retry, http_status, c_text
        self._library.lib.aic_conversation_request_failed(self._conversation, failure, self._clock())
        self._deliver()

    def message(self, piece: bytes | str, *, complete: bool = True) -> None:
        """A text message came, or a piece of one."""
        encoded = piece.encode("utf-8") if isinstance(piece, str) else piece
        self._library.lib.aic_conversation_message(self._conversation, encoded, len(encoded), complete, self._clock())
        self._deliver()

    def binary_message(self, piece: bytes, *, complete: bool = True) -> None:
        """A binary message came, or a piece of one."""
        self._library.lib.aic_conversation_binary_message(
            self._conversation, piece, len(piece), complete, self._clock()
        )
        self._deliver()

    def service_heard(self, when_us: int | None = None) -> None:
        """Bytes that need not be a message, such as a pong, came from the service: now, or at that time."""
        heard_us = self._clock() if when_us is None else when_us
        self._library.lib.aic_conversation_service_heard(self._conversation, heard_us)

    def closed(self, code: int | None, reason: str = "") -> None:
        """The WebSocket was closed by the service, or, with None, broke."""
        self._library.lib.aic_conversation_closed(
            self._conversation, code or 0, self._library.c_text(reason), self._clock()
        )
        self._deliver()

    # Time

    @property
    def deadline_us(self) -> int | None:
        """When tick() wants to be called; None: not at all."""
        deadline: int = self._library.lib.aic_conversation_deadline(self._conversation)
        return None if deadline == NEVER else deadline

    def tick(self) -> None:
        """Do what is due by now."""
        self._library.lib.aic_conversation_tick(self._conversation, self._clock())
        self._deliver()

    # Outputs

    def next_action(self, *, writable: bool = True) -> Action | None:
        """The next thing to do, None when there is nothing. Messages come only where the socket takes one."""
        self._library.lib.aic_conversation_next_action(self._conversation, writable, self._action)
        self._deliver()
        return action_from_c(self._library, self._action)

    def actions(self, *, writable: bool = True) -> Iterator[Action]:
        """Everything there is to do now."""
        while (action := self.next_action(writable=writable)) is not None:
            yield action

    def take_events(self) -> list[Event]:
        """The events since the last call, where there is no handler."""
        events = list(self._events)
        self._events.clear()
        return events

    @property
    def wants_to_send(self) -> bool:
        """Whether a message waits for the socket."""
        wants: bool = self._library.lib.aic_conversation_wants_to_send(self._conversation)
        return wants

    @property
    def doubts_service(self) -> bool:
        """Whether it is about to ask the service for a sign of life, or to give it up."""
        doubts: bool = self._library.lib.aic_conversation_doubts_service(self._conversation, self._clock())
        return doubts

    @property
    def phase(self) -> Phase:
        value = self._library.lib.aic_conversation_phase(self._conversation)
        return self._library.member(Phase, "aic_phase", "AIC_PHASE", value)

    def stats(self) -> ConversationStats:
        stats = self._library.ffi.new("struct aic_conversation_stats *")
        self._library.lib.aic_conversation_stats(self._conversation, stats)
        return stats_from_c(self._library, stats)

    def _open_times(self, times: OpenTimes) -> Any:
        return self._library.ffi.new("struct aic_open_times *", asdict(times))

    def _succeeded(self, result: int) -> bool:
        self._deliver()
        return result == 0

    def _deliver(self) -> None:
        while self._on_event is not None and self._events:
            self._on_event(self._events.popleft())


def stats_from_c(library: Library, stats: Any) -> ConversationStats:
    """A copy of the counters that `stats` points to."""
    values = {field.name: _stat(library, getattr(stats, field.name)) for field in fields(ConversationStats)}
    return ConversationStats(**values | {"phase": library.member(Phase, "aic_phase", "AIC_PHASE", stats.phase)})


def _stat(library: Library, value: Any) -> Any:
    if not isinstance(value, library.ffi.CData):
        return value
    c_type = library.ffi.typeof(value)
    if c_type.kind == "array":
        return library.text(value)
    if c_type.cname == "struct aic_setup_times":
        return SetupTimes(_times_from_c(value.http), _times_from_c(value.websocket), value.metadata_us)
    if c_type.cname == "struct aic_echo_report":
        return EchoReport(value.delay_ms, value.return_db, value.openings, value.closed_ms)
    return AudioFormat.from_c(value) if value.rate else None


def _times_from_c(times: Any) -> OpenTimes:
    return OpenTimes(**{field.name: getattr(times, field.name) for field in fields(OpenTimes)})


def _write_reason(reason: Any, text: str) -> None:
    load_library().ffi.memmove(reason, text.encode() + b"\0", len(text.encode()) + 1)


def _asker(may_take: Callable[[int], str | None]) -> Callable[[Any, int, Any], bool]:
    def ask(_user: Any, other: int, reason: Any) -> bool:
        refusal = may_take(other)
        if refusal is not None:
            _write_reason(reason, refusal)
        return refusal is None

    return ask


def _chooser(
    choose_agent: Callable[[str], Settings | str], kept: list[Settings]
) -> Callable[[Any, Any, Any, Any], bool]:
    library = load_library()

    def choose(_user: Any, name: Any, choice: Any, reason: Any) -> bool:
        found = choose_agent(library.text(name))
        if isinstance(found, str):
            _write_reason(reason, found)
            return False
        kept.append(found)
        for member, value in found.c_choice.items():
            setattr(choice, member, value)
        return True

    return choose


def _collector(events: deque[Event]) -> Callable[[Any, Any], None]:
    library = load_library()

    def collect(_user: Any, event: Any) -> None:
        events.append(event_from_c(library, event))

    return collect
