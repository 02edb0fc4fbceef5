"""Who hears whom: a tone goes from one party of a call to another, and must arrive whole and as loud as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hearing import Tone, agent_heard, tone_in, wait_until_agent_heard

from aiconvai.audio import tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.caller.codecs import PACKET_MS

LEVEL_DBFS = -12.0

_SECONDS = 0.3


def agent_hears(conversation: ThreadedConversation, call: Call, hz: float) -> None:
    """The caller plays a tone and the agent gets it."""
    began = time.monotonic()
    call.play(tone(hz, _SECONDS, call.sample_rate, LEVEL_DBFS)).wait()
    wait_until_agent_heard(conversation, began)
    _check(tone_in(agent_heard(conversation, began), hz, conversation.record.uplink_rate))


@contextmanager
def calling(
    conversation: ThreadedConversation, name: str, parameters: dict[str, Any] | None = None
) -> Iterator[Future[Any]]:
    """The agent calls the tool while the test goes on."""
    with ThreadPoolExecutor(1) as other:
        yield other.submit(conversation.call_tool, name, parameters)


def agent_says(conversation: ThreadedConversation, hz: float, seconds: float) -> None:
    """The agent says a tone, as fast as it can."""
    audio = tone(hz, seconds, conversation.record.downlink_rate, LEVEL_DBFS)
    conversation.send_audio(audio, conversation.current_event_id + 1)


def hears_agent(call: Call, conversation: ThreadedConversation, hz: float) -> None:
    """The agent says a tone and the caller hears it."""
    began = time.monotonic()
    agent_says(conversation, hz, _SECONDS)
    _check(_next_tone(call, hz, began))


def hears(listener: Call, talker: Call, hz: float) -> None:
    """One party of a bridge plays a tone and the other one hears it."""
    began = time.monotonic()
    talker.play(tone(hz, _SECONDS, talker.sample_rate, LEVEL_DBFS)).wait()
    _check(_next_tone(listener, hz, began))


def _next_tone(call: Call, hz: float, began: float) -> Tone:
    """The tone that begins after `began`, packet after packet."""
    first = call.wait_for_sound(since=began)
    # As many packets as it has: a pause between two of them may be a machine that stood still, not the tone's end.
    call.wait_heard(round(_SECONDS * 1000 / PACKET_MS), since=first)
    call.wait_for_silence(duration_ms=100, since=first)
    codec = call.codec
    samples = [
        samples
        for packet, its_codec, samples in call.stream.decoded_heard()
        if packet.time_ns > began * 1e9 and its_codec is codec
    ]
    return tone_in(np.concatenate(samples), hz, codec.rate)


def _check(one: Tone) -> None:
    assert one.seconds == pytest.approx(_SECONDS, abs=0.03)
    assert one.level_dbfs == pytest.approx(LEVEL_DBFS, abs=0.5)
    assert one.purity_db > 25.0
