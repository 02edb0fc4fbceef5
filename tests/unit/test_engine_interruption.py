"""When a caller may interrupt the agent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from engine_host import API_KEY, PUBLIC, ULAW, Host, audio, interruption, tool_call

from aiconvai.engine.events import Interrupted
from aiconvai.engine.settings import PromptSettings, ToolSettings


def host_of(**options: Any) -> Host:
    host = Host(PUBLIC, line_format=ULAW, **options)
    host.start()
    return host


def heard(host: Host, *, after_ms: int) -> list[int]:
    """The agent speaks for 2 s and is interrupted then: so much had been heard each time something was cut off."""
    for event_id in (1, 2):
        host.say(audio(event_id, bytes(16000)))
        host.hear(after_ms // 20)
        host.wait(ms=after_ms)
        host.say(interruption(event_id))
        host.play()
        host.wait(seconds=5)
    return [event.heard_ms for event in host.told(Interrupted)]


def test_service_decides() -> None:
    host = host_of()
    assert heard(host, after_ms=400) == [400, 400]
    assert host.conversation.stats().interruptions_ignored == 0


def test_nobody_does() -> None:
    host = host_of(interruption="off")
    assert heard(host, after_ms=400) == []
    stats = host.conversation.stats()
    assert (stats.interruptions, stats.interruptions_ignored) == (0, 2)


def test_what_is_not_cut_off_is_heard_to_its_end_and_what_follows_as_well() -> None:
    host = host_of(interruption="off")
    host.say(audio(1, bytes(8000)))
    host.wait(ms=100)
    host.say(interruption(1))
    host.say(audio(1, bytes(800)))
    host.say(audio(2, bytes(8000)))
    assert len(host.play()) == 16800


def test_first_message_is_heard_to_its_end() -> None:
    assert heard(host_of(first_message_interruptible="no"), after_ms=400) == [400]


@pytest.mark.parametrize(("after_ms", "times"), [(400, 0), (480, 0), (500, 2), (1000, 2)])
def test_beginning_of_each_turn_is_heard(after_ms: int, times: int) -> None:
    assert len(heard(host_of(interruption_after_ms=500), after_ms=after_ms)) == times


def test_silence_may_always_be_interrupted() -> None:
    host = host_of(interruption="off")
    host.say(interruption(3))
    assert len(host.told(Interrupted)) == 1


def deepgram(host: Host, **message: Any) -> None:
    host.conversation.message(json.dumps(message).encode())
    host.pump()


def test_services_that_say_only_that_somebody_speaks() -> None:
    """The rest of the answer is heard, which the service goes on sending."""
    host = Host({"provider": "deepgram", "api_key": API_KEY, "think_model": "m"}, line_format=ULAW, interruption="off")
    host.open()
    deepgram(host, type="Welcome", request_id="r")
    deepgram(host, type="SettingsApplied")
    for _ in range(2):
        host.conversation.binary_message(bytes(8000))
        host.pump()
        deepgram(host, type="UserStartedSpeaking")
    assert host.told(Interrupted) == []
    assert len(host.play()) == 16000


def test_openai_is_told_and_nothing_is_cancelled() -> None:
    host = Host({"provider": "openai", "api_key": API_KEY}, line_format=ULAW, interruption="off")
    host.open()
    host.say({"type": "session.created", "event_id": "e", "session": {"id": "s"}})
    host.say({"type": "session.updated", "event_id": "e", "session": {"id": "s"}})
    assert '"interrupt_response":false' in json.dumps(host.sent, separators=(",", ":"))
    host.say({"type": "response.created", "event_id": "e", "response": {"id": "r1", "status": "in_progress"}})
    delta = {"item_id": "i1", "output_index": 0, "content_index": 0, "delta": base64.b64encode(bytes(8000)).decode()}
    for _ in range(2):
        host.say({"type": "response.output_audio.delta", "event_id": "e", "response_id": "r1", **delta})
        host.say({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 0, "item_id": "i2"})
    assert host.told(Interrupted) == []
    assert host.messages("response.cancel") + host.messages("conversation.item.truncate") == []
    assert len(host.play()) == 16000


# What has to be heard -------------------------------------------------------------------------------


def barges_in(host: Host, event_id: int) -> bool:
    """Whether who interrupts 200 ms into 2 s is let to; the rest is heard."""
    before = len(host.told(Interrupted))
    host.say(audio(event_id, bytes(16000)))
    host.hear(10)
    host.wait(ms=200)
    host.say(interruption(event_id))
    host.play()
    host.wait(seconds=3)
    return len(host.told(Interrupted)) > before


def test_who_steers_the_call_says_what_may_be_interrupted() -> None:
    host = host_of()
    host.conversation.allow_interruptions(False)
    assert not barges_in(host, 1)
    assert not barges_in(host, 2)
    host.conversation.allow_interruptions(True)
    assert barges_in(host, 3)
    host = host_of(interruption="off")
    host.conversation.allow_interruptions(True)
    assert not barges_in(host, 1), "what is configured holds"


def test_states_in_which_everything_has_to_be_heard() -> None:
    prompts = PromptSettings("prompt-desk", {"state_greeting": "Greet.", "state_terms": "Read the terms out."})
    host = Host(PUBLIC, prompts=prompts, uninterruptible_states="Terms, legal")
    host.start()
    assert barges_in(host, 1)
    host.conversation.enter_state("terms")
    assert not barges_in(host, 2)
    host.conversation.enter_state("greeting")
    assert barges_in(host, 3)


def noticing_host() -> Host:
    section = {"description": "Says what has to be read out.", "interruptible": "no"}
    host = Host(PUBLIC, tools={"notice": ToolSettings("tool-notice", section)}, tool_notice="ami", runs_tools=True)
    host.start()
    return host


def test_what_a_tool_gives_to_read_out_is_heard_to_its_end() -> None:
    host = noticing_host()
    host.say(tool_call("t1", "notice"))
    # Meanwhile as well, and if the agent goes on from there.
    assert not barges_in(host, 1)
    host.conversation.tool_result("t1", "This call is recorded.")
    host.pump()
    assert not barges_in(host, 2)
    assert barges_in(host, 3)


def test_a_notice_in_several_pieces_is_one() -> None:
    host = noticing_host()
    host.say(tool_call("t1", "notice"))
    host.conversation.tool_result("t1", "This call is recorded.")
    host.pump()
    for event_id in (1, 2, 3):
        host.say(audio(event_id, bytes(8000)))
    host.hear(100)
    host.wait(seconds=2)
    host.say(interruption(3))
    assert host.told(Interrupted) == []
    host.play()
    host.wait(seconds=2)
    assert barges_in(host, 4)


def test_other_tools_change_nothing() -> None:
    host = noticing_host()
    host.say(tool_call("t1", "other"))
    assert barges_in(host, 1)
