"""Calls of `aiconvai bench talk`: a real Asterisk, a mock service that listens, callers on their telephones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aiconvai.audio import Samples, decode, resample
from aiconvai.config.writer import format_line
from aiconvai.mock import ConversationRecord, ElevenLabsMockThread, MockOptions
from aiconvai.mock.errors import ConversationClosedError
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion, Message
from aiconvai.rig.caller import Call, Caller
from aiconvai.rig.caller.codecs import PACKET_MS
from aiconvai.rig.caller.rtp import NANOSECONDS
from aiconvai.rig.talk.agent import listening, utterance
from aiconvai.rig.talk.lines import Line
from aiconvai.rig.talk.sounds import Kind, Sound, sound_of
from aiconvai.rig.talk.telephone import RATE
from aiconvai.rig.talk.turn import CallerSound, Packet, Turn, heard_turn

AT_ONCE = 14
"""Calls: callers are one thread of Python. With 40 of them the packets of half the calls were 40 ms late or more."""
_BETWEEN_SECONDS = 1.4
"""Of the agent's silence, behind which a turn is over: longer than a pause that is taken back."""
_TURN_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_WITHIN_SECONDS = (1.0, 3.0)
"""Of an answer, in which the caller is heard."""
_HELLO_WITHIN_SECONDS = (0.2, 0.8)


class TalkError(RuntimeError):
    """A call broke off."""


@dataclass(frozen=True)
class Column:
    """One way to decide what is the caller."""

    name: str
    about: str
    options: tuple[tuple[str, str], ...]


NOTHING = Column("nothing", "the agent cannot be interrupted", (("echo_guard", "off"), ("interruption", "off")))
SERVICE = Column("the service", "the service's word, at once", (("echo_guard", "off"), ("interruption", "service")))
OURS = Column("ours", "the defaults", ())
COLUMNS = (NOTHING, SERVICE, OURS)


@dataclass(frozen=True)
class Case:
    """A call: so many turns of the agent's, in each of which the caller does the same kind of thing."""

    column: Column
    line: Line
    kind: Kind
    turns: int
    seed: int


@dataclass(frozen=True)
class Moment:
    """Something that happened in a call; `ms` since its recording begins."""

    ms: float
    what: str


@dataclass(frozen=True)
class Recorded:
    """A call's two sides on one time axis, at 8 kHz, and what happened in it."""

    sent: Samples
    heard: Samples
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class Played:
    """What there is of a call."""

    turns: list[Turn]
    late_ms: float
    """99 % of the caller's own packets left no later than this behind the 20 ms of the one before."""
    recorded: Callable[[], Recorded]


class TalkRun:
    """Makes calls. `play` is for many threads."""

    def __init__(self, asterisk: Asterisk, caller: Caller, mock: ElevenLabsMockThread) -> None:
        self.asterisk = asterisk
        self._caller = caller
        self._mock = mock
        self._dialling = threading.Lock()
        self._names: dict[tuple[str, str | None], str] = {}

    def prepare(self, cases: Sequence[Case]) -> None:
        """An agent for each kind of service and column there is in them, and a number for each."""
        sections: list[str] = []
        lines: list[str] = []
        for case in cases:
            key = _agent_of(case, _sound(case))
            if key in self._names:
                continue
            name = f"agent{len(self._names)}"
            self._names[key] = name
            self._mock.agents[name] = self._mock.agent_class(scenario=listening(key[1]))
            # Every packet is then of what the agent says.
            options = {**self._mock.settings(name), "idle_audio": "none", **dict(case.column.options)}
            sections += [f"[{name}]", *(format_line(option, value) for option, value in options.items()), ""]
            lines.append(f"exten => {name},1,AIConvAI({name})")
        self.asterisk.write_config("aiconvai.conf", "\n".join(["[general]", "", *sections]))
        self.asterisk.cli("aiconvai reload")
        self.asterisk.set_dialplan("\n".join(lines))

    def play_all(self, cases: Sequence[Case], done: Callable[[Case, Played | TalkError], None]) -> None:
        """All of them, `AT_ONCE` at a time; `done` is called by one thread at a time."""
        lock = threading.Lock()

        def one(case: Case) -> None:
            played: Played | TalkError
            try:
                played = self.play(case)
            except TalkError as error:
                played = error
            with lock:
                done(case, played)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for future in [pool.submit(one, case) for case in cases]:
                future.result()

    def play(self, case: Case) -> Played:
        """One call. Raises `TalkError` where it breaks off."""
        sound = _sound(case)
        with self._dialling:
            # Nobody else dials, so that what begins is this call's.
            position = self.asterisk.ami.position()
            call = self._caller.call(self._names[_agent_of(case, sound)]).wait_answered()
            conversation = self._mock.next_conversation()
            conversation.wait_started()
            channel = self.asterisk.ami.wait_for("AIConvAIStart", since=position)["Channel"]
        try:
            call.stream.microphone = case.line.microphone(case.seed).sends
            call.stream.network = case.line.network(case.seed)
            talk = _Talk(call, conversation, case)
            for number in range(case.turns):
                talk.turn(number, sound)
            call.hangup()
            events = self._events(channel, position)
            late_ms = float(np.percentile(call.sent_spacing_ms(), 99)) - PACKET_MS
            return Played(talk.turns(events), late_ms, lambda: talk.recorded(events))
        except (ConversationClosedError, TimeoutError) as error:
            ends = [str(one) for one in self._events(channel, position) if one.event == "AIConvAIEnd"]
            what = f"{case.column.name}, {case.line.name}, {case.kind}, seed {case.seed}"
            raise TalkError(f"{what}: {error}; {ends}") from error
        finally:
            if call.alive:
                call.hangup()

    def _events(self, channel: str, position: int) -> list[Message]:
        """Of that call."""
        return [one for one in self.asterisk.ami.events(since=position) if one.get("Channel") == channel]


@dataclass(frozen=True)
class _Said:
    """A turn while it is one: times are CLOCK_MONOTONIC ms."""

    samples: Samples
    begun_ms: float
    caller: CallerSound | None
    interruptions: int
    """Of the service's, before it."""


class _Talk:
    """One call's two parties, taking turns."""

    def __init__(self, call: Call, conversation: ThreadedConversation, case: Case) -> None:
        self._call = call
        self._conversation = conversation
        self._rng = np.random.default_rng(case.seed)
        self._case = case
        self._said: list[_Said] = []
        self._sounded = 0.0
        """When the caller's last sound was over, by CLOCK_MONOTONIC."""

    def turn(self, number: int, sound: Sound | None) -> None:
        """The agent speaks; the caller does what there is to do; until the agent has been silent for a while."""
        samples = utterance(self._case.seed * 100 + number)
        begun = time.monotonic()
        heard_before = len(self._call.stream.heard)
        interruptions = len(self._conversation.record.interruptions)
        caller: CallerSound | None = None
        if sound is not None and self._case.kind is Kind.QUESTION:
            caller = self._ask(sound)
        self._conversation.play(samples, number + 1)
        self._call.wait_heard(1, since=begun)
        if sound is not None and caller is None:
            wait = self._rng.uniform(*(_HELLO_WITHIN_SECONDS if self._case.kind is Kind.HELLO else _WITHIN_SECONDS))
            # Who has been silenced before is not interrupted.
            if self._wait_until_silent(heard_before + round(wait * 1000 / PACKET_MS)):
                caller = self._make(sound)
        self._wait_until_silent()
        self._said.append(_Said(samples, begun * 1000, caller, interruptions))

    def _ask(self, sound: Sound) -> CallerSound:
        """Until the service has told what it understood."""

        def told(record: ConversationRecord) -> int:
            return sum(message.type == "user_transcript" for message in record.sent)

        before = told(self._conversation.record)
        caller = self._make(sound)
        self._conversation.wait_received(lambda record: told(record) > before)
        return caller

    def _make(self, sound: Sound) -> CallerSound:
        playback = self._call.play(sound.samples, RATE)
        playback.wait()
        self._sounded = time.monotonic()
        assert playback.started_ns is not None
        # What a telephone sends was heard by its microphone in the 20 ms before.
        return CallerSound(playback.started_ns / 1e6 - PACKET_MS, sound.samples)

    def _wait_until_silent(self, packets: float = float("inf")) -> bool:
        """True as soon as so many have been heard in the call; False where both have been silent for a while before."""
        deadline = time.monotonic() + _TURN_SECONDS
        while time.monotonic() < deadline:
            heard = self._call.stream.heard
            if len(heard) >= packets:
                return True
            if time.monotonic() - max(heard[-1][0].time_ns / NANOSECONDS, self._sounded) >= _BETWEEN_SECONDS:
                return False
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"{self._call}: the agent spoke for more than {_TURN_SECONDS:g} s")

    def turns(self, events: Sequence[Message]) -> list[Turn]:
        packets = self._packets()
        decisions = [event.received * 1000 for event in events if _is_decision(event)]
        ends = [*(one.begun_ms for one in self._said[1:]), float("inf")]
        interruptions = [*(one.interruptions for one in self._said[1:]), len(self._conversation.record.interruptions)]
        return [
            heard_turn(
                one.samples,
                [packet for packet in packets if one.begun_ms <= packet[0] < end],
                first=number == 0,
                caller=one.caller,
                service_got=self._got(one.begun_ms, end),
                decisions_ms=[moment for moment in decisions if one.begun_ms <= moment < end],
                service_heard=after - one.interruptions,
            )
            for number, (one, end, after) in enumerate(zip(self._said, ends, interruptions, strict=True))
        ]

    def recorded(self, events: Sequence[Message]) -> Recorded:
        """Both sides, and what the module decided."""
        origin = self._said[0].begun_ms / 1000
        moments = [Moment(one.caller.begun - origin * 1000, "caller") for one in self._said if one.caller is not None]
        moments += [
            Moment((event.received - origin) * 1000, _name(event))
            for event in events
            if _is_decision(event) or (event.event == "AIConvAIPause" and event["Interrupted"] == "no")
        ]
        return Recorded(
            self._call.sent_timeline(rate=RATE, origin=origin),
            self._call.heard_samples(rate=RATE, origin=origin, by="arrival"),
            tuple(sorted(moments, key=lambda moment: moment.ms)),
        )

    def _got(self, begun_ms: float, ended_ms: float) -> Samples:
        """What the service got of the caller meanwhile."""
        record = self._conversation.record
        data = b"".join(chunk.data for chunk in record.uplink if begun_ms <= chunk.time * 1000 < ended_ms)
        return resample(decode(data, record.input_format), record.uplink_rate, RATE)

    def _packets(self) -> list[Packet]:
        return [(packet.time_ns / 1e6, samples) for packet, _, samples in self._call.stream.decoded_heard()]


def _is_decision(event: Message) -> bool:
    return event.event == "AIConvAIInterruption" or (event.event == "AIConvAIPause" and event["Pause"] == "begun")


def _name(event: Message) -> str:
    if event.event == "AIConvAIInterruption":
        return "interruption"
    return "pause" if event["Pause"] == "begun" else "goes on"


def _sound(case: Case) -> Sound | None:
    """What is understood is part of the agent, so that a call has one."""
    return None if case.kind is Kind.NOTHING else sound_of(case.kind, case.seed)


def _agent_of(case: Case, sound: Sound | None) -> tuple[str, str | None]:
    return case.column.name, sound.text if sound else None


@contextmanager
def talk_run(version: AsteriskVersion, module: Path) -> Iterator[TalkRun]:
    """Start Asterisk with the module, the mock and the callers."""
    with (
        ElevenLabsMockThread(MockOptions()) as mock,
        Asterisk(version, module=module, module_config="[general]\n") as asterisk,
        Caller(asterisk.sip_port) as caller,
    ):
        yield TalkRun(asterisk, caller, mock)
