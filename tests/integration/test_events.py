"""Managers are told by a thread of their own: whatever holds it up holds up nobody's audio and no call, and what waits
for it has a bound.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from compiled import hindering
from hearing import check_pace, spacing_since
from held_thread import held_thread
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion
from aiconvai.rig.caller import Call, Caller

__all__ = ["hindering", "mock_options", "voice"]

PUBLISHER = "aiconvai-events"
MODULE = "app_aiconvai.so"
TALKING = "steps: [{repeat: {steps: [{tone: {seconds: 1, pace: realtime, chunk_ms: 20}}]}}]"
DIALPLAN = "exten => 100,1,AIConvAI(silent)\nexten => 200,1,AIConvAI(talking)"
SILENT = ElevenLabsAgent(scenario=parse_scenario("steps: []"))

HELD_MS = 2000
TOLD_WAIT_SECONDS = 0.5
"""For so long a call waits at its end for what it tells."""

ROOM = 512
"""Events of one call that wait at once. Half of that is there for what comes in passing, three quarters for the rest
of what comes to pass."""

ROOM_BYTES = 4 << 20

WINDOW = 1000
"""Events of one call in ten seconds, parted in the same way."""


def _setup(voice: Voice) -> None:
    voice.agent("silent", SILENT)
    voice.agent("talking", ElevenLabsAgent(scenario=parse_scenario(TALKING)), audio_frames_buffer_ms=20)
    voice.dialplan(DIALPLAN)
    voice.apply()


def _begin(voice: Voice, extension: str = "100") -> tuple[Call, ThreadedConversation]:
    call = voice.call(extension)
    conversation = voice.conversation()
    voice.event("AIConvAIReady", ConversationID=conversation.record.id)
    return call, conversation


def _say(conversation: ThreadedConversation, text: str, *, final: bool = True) -> None:
    kind, event = (
        ("user_transcript", "user_transcription_event")
        if final
        else ("tentative_user_transcript", "tentative_user_transcription_event")
    )
    conversation.send({"type": kind, event: {"user_transcript": text, "event_id": 1}})


def _shown(text: str, name: str) -> list[int]:
    """The numbers of a line of the CLI."""
    (line,) = [line for line in text.splitlines() if line.startswith(f"{name}:")]
    return [int(number) for number in re.findall(r"\d+", line)]


@pytest.mark.quiet
def test_audio_does_not_wait_for_what_managers_are_told(voice: Voice, hindering: Asterisk) -> None:
    """All that goes to managers is held up: a conversation that tells something keeps nobody's audio waiting."""
    _setup(voice)
    _, silent = _begin(voice)
    beside, _ = _begin(voice, "200")
    beside.wait_heard(50)
    first, began = len(beside.heard), time.monotonic()
    assert "held" in hindering.cli(f"hindermanagers {HELD_MS}")
    for number in range(20):
        _say(silent, f"number {number}")
        time.sleep(0.05)
    beside.wait_heard(first + HELD_MS // 20 + 25)
    check_pace(spacing_since(beside, began))
    voice.event("AIConvAITranscript", Text="number 19")
    assert [one["Text"] for one in voice.events("AIConvAITranscript")] == [f"number {number}" for number in range(20)]


def test_events_beyond_the_bound_are_dropped_and_counted_the_least_important_first(voice: Voice) -> None:
    _setup(voice)
    call, conversation = _begin(voice)
    before = voice.asterisk.cli("aiconvai show stats")
    half, most = ROOM // 2, ROOM // 4 * 3
    with held_thread(voice.asterisk, PUBLISHER):
        for number in range(half + 50):
            _say(conversation, str(number), final=False)
        for number in range(most - half + 70):
            _say(conversation, str(number))
        tool = {"tool_name": "look", "tool_call_id": "t1", "parameters": {}, "event_id": 1}
        conversation.send({"type": "client_tool_call", "client_tool_call": tool})
        conversation.ping()
        assert _shown(voice.asterisk.cli(f"aiconvai show call {voice.channel()}"), "Events dropped") == [120]
        assert _shown(voice.asterisk.cli("aiconvai show stats"), "Events told")[1] == most + 1
    voice.event("AIConvAIToolCall", ToolCallID="t1")
    transcripts = [(one["Final"], int(one["Text"])) for one in voice.events("AIConvAITranscript")]
    tentative, final = [("no", number) for number in range(half)], [("yes", number) for number in range(most - half)]
    assert transcripts == tentative + final
    # There is room again.
    _say(conversation, "more")
    voice.event("AIConvAITranscript", Text="more")
    call.hangup()
    assert voice.event("AIConvAIEnd")["EventsDropped"] == "120"
    after = voice.asterisk.cli("aiconvai show stats")
    assert _shown(after, "Events dropped")[0] - _shown(before, "Events dropped")[0] == 120
    assert _shown(after, "Events dropped")[1] == _shown(before, "Events dropped")[1]
    voice.wait_for_log("more events come than are told")
    assert voice.log().count("more events come than are told") == 1


def test_large_events_are_bounded_by_their_bytes(voice: Voice) -> None:
    _setup(voice)
    call, conversation = _begin(voice)
    text = "x" * 16_000
    with held_thread(voice.asterisk, PUBLISHER):
        for _ in range(300):
            _say(conversation, text)
        conversation.ping()
        (dropped,) = _shown(voice.asterisk.cli(f"aiconvai show call {voice.channel()}"), "Events dropped")
    call.hangup()
    assert voice.event("AIConvAIEnd")["EventsDropped"] == str(dropped)
    told = len(voice.events("AIConvAITranscript"))
    assert told + dropped == 300
    assert 0.9 < told * len(text) / (ROOM_BYTES / 4 * 3) <= 1


def test_a_call_tells_so_much_in_so_long_a_time(voice: Voice) -> None:
    """The way from us to managers is Asterisk's, and has no bound."""
    _setup(voice)
    call, conversation = _begin(voice)
    most = WINDOW // 4 * 3
    for number in range(most + 100):
        _say(conversation, str(number))
        if not number % 100 and number < most - 2:
            voice.event("AIConvAITranscript", Text=str(number))
    conversation.start_tool("look")
    call_of_tool = voice.event("AIConvAIToolCall")
    call.hangup()
    end = voice.event("AIConvAIEnd")
    told = [int(one["Text"]) for one in voice.events("AIConvAITranscript")]
    # AIConvAIStart and AIConvAIReady were told as well.
    assert told == list(range(most - 2))
    # Those that were said too much, and AIConvAIToolCancelled.
    assert end["EventsDropped"] == "103"
    assert call_of_tool["ToolName"] == "look"


def test_a_call_ends_in_its_time_while_nothing_is_told(voice: Voice) -> None:
    _setup(voice)
    call, _ = _begin(voice)
    late = _shown(voice.asterisk.cli("aiconvai show stats"), "Late events")[0]
    with held_thread(voice.asterisk, PUBLISHER):
        began = time.monotonic()
        call.hangup()
        voice.event("Hangup")
        assert TOLD_WAIT_SECONDS * 0.9 < time.monotonic() - began < TOLD_WAIT_SECONDS + 2.0
        assert not voice.events("AIConvAIEnd")
        # Others begin, and are with their agents.
        other = voice.call("200")
        other.wait_for_sound()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    assert _shown(voice.asterisk.cli("aiconvai show stats"), "Late events")[0] == late + 1
    position = voice.asterisk.ami.position()
    other.hangup()
    voice.asterisk.ami.wait_for("Hangup", since=position)
    names = [one.event for one in voice.asterisk.ami.events(since=position)]
    assert names.index("AIConvAIEnd") < names.index("Hangup"), "in order again"


@pytest.mark.parametrize("option", ["", ",b"], ids=["foreground", "background"])
def test_the_end_is_told_before_the_hangup_it_brings_about(voice: Voice, option: str) -> None:
    """And all that the agent said last before it."""
    voice.agent("silent", SILENT)
    voice.dialplan(f"exten => 100,1,AIConvAI(silent{option})\n same => n,Wait(30)")
    voice.apply()
    for _ in range(5):
        call, conversation = _begin(voice)
        position = voice.asterisk.ami.position()
        for number in range(100):
            _say(conversation, f"{number} " + "x" * 10_000)
        conversation.close(1000)
        call.wait_ended()
        voice.asterisk.ami.wait_for("Hangup", since=position)
        names = [one.event for one in voice.asterisk.ami.events(since=position)]
        assert [one for one in names if str(one).startswith("AIConvAI")] == ["AIConvAITranscript"] * 100 + [
            "AIConvAIEnd"
        ]
        assert names.index("AIConvAIEnd") < names.index("Hangup")


def test_what_waits_is_told_before_the_module_is_gone(asterisk_version: AsteriskVersion, app_module: Path) -> None:
    with (
        Asterisk(asterisk_version, module=app_module, module_config="[general]\n") as asterisk,
        Caller(asterisk.sip_port) as caller,
        ElevenLabsMockThread(MockOptions()) as mock,
        ThreadPoolExecutor(1) as pool,
    ):
        voice = Voice(asterisk, caller, mock)
        _setup(voice)
        call, conversation = _begin(voice)
        with held_thread(asterisk, PUBLISHER):
            for number in range(100):
                _say(conversation, str(number))
            conversation.ping()
            call.hangup()
            voice.event("Hangup")
            deadline = time.monotonic() + 5.0
            while asterisk.module_use_count():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            unloading = pool.submit(asterisk.cli, f"module unload {MODULE}")
            time.sleep(0.5)
            assert not unloading.done(), "it waits until all is told"
            assert not voice.events("AIConvAITranscript")
        assert "Unloaded" in unloading.result()
        voice.event("AIConvAIEnd")
        told = [one.event for one in asterisk.ami.events() if str(one.event).startswith("AIConvAI")]
        assert told == ["AIConvAIStart", "AIConvAIReady", *["AIConvAITranscript"] * 100, "AIConvAIEnd"]
        assert [one["Text"] for one in voice.events("AIConvAITranscript")] == [str(number) for number in range(100)]
