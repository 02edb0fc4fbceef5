"""One turn of the agent as the caller heard it, from the packets of a call. No input or output here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aiconvai.audio import Samples
from aiconvai.rig.bench.model import Result
from aiconvai.rig.caller.codecs import PACKET_MS
from aiconvai.rig.caller.correlation import find
from aiconvai.rig.talk.telephone import RATE

PAUSE_MS = 100
"""A longer time without a packet is a pause of the agent's: while it speaks one comes every 20 ms."""
CUT_MS = 300
"""An answer that ends earlier than this before its end was broken off (tau-voice)."""
YIELD_MS = 2000
"""Within this time of its beginning an interruption has to have silenced the agent (tau-voice)."""
_PIECE = 1600
"""200 ms by which it is found where the agent went on."""
_AROUND = 4000
"""Within 500 ms of where it would be."""
_ALIKE = 0.8
_LOST_PIECE_MS = 100
_GOT = 0.6
"""Half of its power, or more, is the caller's: the agent's voice may be in it as well."""
_SOUNDS = 500

Packet = tuple[float, Samples]
"""When it came, in ms, and what is in it: 20 ms at 8 kHz."""


class Turn(Result):
    """What became of something that the agent said."""

    first: bool
    """Whether it is the first of its call."""
    said_ms: int
    """How long it is."""
    heard_ms: int
    """So much of the agent was heard, twice what was heard twice."""
    cut: bool
    """Whether its last 300 ms were not heard."""
    lost_ms: int
    """What was skipped at pauses, though the agent went on."""
    repeated_ms: int
    """What was heard again after pauses."""
    pauses_ms: list[int]
    """How long each of them was."""
    silent_ms: float | None
    """From the first sound of the caller's until the agent was silent at the caller's ear, if it was within two
    seconds. None also where the caller made no sound."""
    decided_ms: float | None
    """From the first sound of the caller's until the module paused or interrupted the agent, if it did."""
    silent_after_decision_ms: float | None
    """From there until the last of the agent's voice, or 0 where it was silent already."""
    service_heard: int
    """How often the service took something for the caller while the agent was heard."""
    answered_ms: float | None
    """From the last of the caller's sound until the agent was heard, where the caller spoke first."""
    caller_lost_ms: int | None
    """How much of the beginning of the caller's sound the service never got, to 100 ms; None where it got nothing of
    its first second, or the caller made no sound."""
    spoken_to: bool
    """Whether the caller made a sound: not where there was none to make, or the agent had been silenced before."""


@dataclass(frozen=True)
class CallerSound:
    """What the caller made; times are in ms."""

    begun: float
    samples: Samples

    @property
    def ended(self) -> float:
        """When the last of it left."""
        return self.begun + len(self.samples) * 1000 / RATE


@dataclass(frozen=True)
class Stretch:
    """Packets of the agent's without a pause between them; times are in ms."""

    begun: float
    ended: float
    samples: Samples


def stretches(packets: Sequence[Packet]) -> list[Stretch]:
    """The agent's voice, cut at its pauses."""
    found: list[Stretch] = []
    first = 0
    for index in range(1, len(packets) + 1):
        if index == len(packets) or packets[index][0] - packets[index - 1][0] > PAUSE_MS + PACKET_MS:
            part = packets[first:index]
            if part:
                samples = np.concatenate([samples for _, samples in part])
                found.append(Stretch(part[0][0], part[-1][0] + PACKET_MS, samples))
            first = index
    return found


def heard_turn(
    said: Samples,
    packets: Sequence[Packet],
    *,
    first: bool,
    caller: CallerSound | None,
    service_got: Samples,
    decisions_ms: Sequence[float],
    service_heard: int,
) -> Turn:
    """Of what came from the moment the turn began until the next one. `service_got`: what the service got of the
    caller meanwhile, at 8 kHz; `decisions_ms`: when the module paused or interrupted the agent.
    """
    parts = stretches(packets)
    position = skipped = repeated = 0
    for number, part in enumerate(parts):
        if number:
            begins = _position(said, part.samples, position)
            skipped += max(0, begins - position)
            repeated += max(0, position - begins)
            position = begins
        position += len(part.samples)
    over = caller if caller is not None and packets and packets[0][0] < caller.begun else None
    silent = _silent_after(parts, over.begun) if over is not None else None
    decided = next((moment for moment in decisions_ms if over is not None and moment >= over.begun), None)
    answers = caller is not None and over is None and bool(packets)
    return Turn(
        first=first,
        said_ms=_ms(len(said)),
        heard_ms=_ms(sum(len(part.samples) for part in parts)),
        cut=_ms(len(said) - position) > CUT_MS,
        lost_ms=_ms(skipped),
        repeated_ms=_ms(repeated),
        pauses_ms=[round(after.begun - before.ended) for before, after in pairwise(parts)],
        silent_ms=silent - over.begun if silent is not None and over is not None else None,
        decided_ms=decided - over.begun if decided is not None and over is not None else None,
        silent_after_decision_ms=max(0.0, silent - decided) if silent is not None and decided is not None else None,
        service_heard=service_heard,
        answered_ms=packets[0][0] - caller.ended if answers and caller is not None else None,
        caller_lost_ms=_lost(caller.samples, service_got) if caller is not None else None,
        spoken_to=caller is not None,
    )


def _lost(sound: Samples, got: Samples) -> int | None:
    """In pieces: of those that sound at all, the first one that is found."""
    piece = RATE * _LOST_PIECE_MS // 1000
    for start in range(0, min(len(sound), RATE) - piece + 1, piece):
        part = sound[start : start + piece]
        if np.abs(part.astype(np.int32)).max() < _SOUNDS or len(got) < piece:
            continue
        if find(part, got).similarity >= _GOT:
            return _ms(start)
    return None


def _position(said: Samples, heard: Samples, expected: int) -> int:
    """Where in what was said it goes on, in samples; as expected where it cannot be told."""
    # Behind the fade with which it begins.
    edge = 160
    piece = heard[edge : edge + _PIECE]
    start = max(0, expected - _AROUND)
    if len(piece) < _PIECE // 2 or not piece.any():
        return expected
    match = find(piece, said[start : expected + _AROUND + len(piece)])
    return start + round(match.position) - edge if match.similarity >= _ALIKE else expected


def _silent_after(parts: Sequence[Stretch], onset: float) -> float | None:
    """When the agent's voice ended that was heard at `onset`, or the first one after it."""
    ends = [part.ended for part in parts if part.ended >= onset]
    return ends[0] if ends and ends[0] - onset <= YIELD_MS else None


def _ms(samples: int) -> int:
    return round(samples * 1000 / RATE)
