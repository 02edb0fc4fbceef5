"""The caller of the demo: listens, answers, and interrupts once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from aiconvai.audio import Samples
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.rtp import NANOSECONDS
from aiconvai.rig.demo.script import RATE, read_speech

TURN_PAUSE_MS = 700
"""Quiet of the agent after which it is the caller's turn; longer than the pauses between sentences."""
EXPLANATION_HEARD_PACKETS = 170
"""20 ms each: how much of the explanation the caller listens to before he interrupts."""
LONGEST_TURN_SECONDS = 25.0
LEVEL_DBFS = -42.0


def converse(call: Call, speech: Sequence[Path]) -> None:
    """The caller's side of the scripted call, until the agent has hung up.

    `speech` holds the files of `write_caller_speech`. Raises `TimeoutError` when the agent does not speak, or does
    not hang up, when it should.
    """
    question, request, barge_in, thanks = (read_speech(path) for path in speech)
    said = listen_then_say(call, question, since=0.0)
    said = listen_then_say(call, request, since=said)
    explained = call.wait_for_sound(LEVEL_DBFS, LONGEST_TURN_SECONDS, since=said)
    call.wait_heard(EXPLANATION_HEARD_PACKETS, LONGEST_TURN_SECONDS, since=explained)
    playback = call.play(barge_in, RATE)
    playback.wait()
    said = listen_then_say(call, thanks, since=time.monotonic())
    call.wait_for_sound(LEVEL_DBFS, LONGEST_TURN_SECONDS, since=said)
    call.wait_ended(LONGEST_TURN_SECONDS)


def listen_then_say(call: Call, line: Samples, since: float) -> float:
    """Says the line when the agent has spoken after `since` and fallen silent; returns when it was said."""
    begun = call.wait_for_sound(LEVEL_DBFS, LONGEST_TURN_SECONDS, since=since)
    call.wait_for_silence(LEVEL_DBFS, TURN_PAUSE_MS, LONGEST_TURN_SECONDS, since=begun)
    call.play(line, RATE).wait()
    return call.sent[-1].time_ns / NANOSECONDS
