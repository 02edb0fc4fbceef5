"""A caller who hangs up at any moment: the service is told, and nothing is left behind (see no_leaks)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from outcome import REPORT, outcome
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock import ElevenLabsAgent, load_scenario
from aiconvai.mock.scenario import parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import LeakCheck

__all__ = ["mock_options", "voice"]

PROMPT_SECONDS = 0.7
"""Time to let go of a call; the delays of the service are longer."""

DELAY = 1.0


def _wait_until(condition: Callable[[], bool], problem: str, seconds: float = PROMPT_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{problem} after {seconds:g} s"
        time.sleep(0.01)


def _expect_nothing_left(voice: Voice) -> None:
    """At once, and not when the service has answered at last."""
    _wait_until(lambda: voice.asterisk.channels() == [], "a channel is left")
    _wait_until(lambda: voice.asterisk.module_use_count() == 0, "the module is still used")
    assert "0 calls" in voice.asterisk.cli("aiconvai show calls")


def _expect_client_close(conversation: ThreadedConversation) -> None:
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)
    assert conversation.record.close_acknowledged
    assert not conversation.record.violations


def _begin(voice: Voice, handshake: str = "{}", application: str = "AIConvAI(sales)") -> None:
    scenario = parse_scenario(f"handshake: {handshake}")
    voice.agent("sales", ElevenLabsAgent(private=True, scenario=scenario))
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)\nexten => h,1,{REPORT}")
    voice.apply()


@pytest.mark.fault("asterisk.hangup-connecting")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
@pytest.mark.parametrize(
    ("handshake", "path"),
    [
        (f"{{signed_url: {{delay: {DELAY}}}}}", "/v1/convai/conversation/get-signed-url"),
        (f"{{upgrade: {{delay: {DELAY}}}}}", "/v1/convai/conversation"),
    ],
)
def test_hangup_while_the_service_lets_us_wait_for_its_reply(
    voice: Voice, handshake: str, path: str, application: str
) -> None:
    _begin(voice, handshake, application)
    call = voice.call("100")
    _wait_until(lambda: any(one.path == path for one in voice.mock.requests), "no request")
    call.hangup()
    _expect_nothing_left(voice)
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["ConversationID"]) == ("CALLER_HANGUP", "")
    assert all(one.status in (None, 200) for one in voice.mock.requests)


@pytest.mark.fault("asterisk.hangup-at-metadata")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
def test_hangup_before_the_conversation_is_announced(voice: Voice, application: str) -> None:
    _begin(voice, f"{{metadata_delay: {DELAY}}}", application)
    call = voice.call("100")
    conversation = voice.mock.next_conversation()
    conversation.wait_initiated()
    call.hangup()
    _expect_client_close(conversation)
    _expect_nothing_left(voice)
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.hangup-connecting")
def test_hangup_during_the_pause_between_attempts(voice: Voice) -> None:
    _begin(voice, "{signed_url: {status: 500}}")
    voice.sections["sales"]["retry_backoff_ms"] = "5000"
    voice.apply()
    call = voice.call("100")
    voice.event("AIConvAIError")
    call.hangup()
    _expect_nothing_left(voice)
    assert outcome(voice).status == "CALLER_HANGUP"
    assert len(voice.mock.requests) == 1


@pytest.mark.fault("asterisk.hangup-before-answer")
def test_hangup_before_the_answer(voice: Voice) -> None:
    _begin(voice, f"{{upgrade: {{delay: {DELAY}}}}}", "AIConvAI(sales,n)")
    call = voice.caller.call("100").wait_early_media()
    _wait_until(lambda: len(voice.mock.requests) == 2, "no request")
    call.hangup()
    assert call.answered is None
    _expect_nothing_left(voice)
    assert outcome(voice).status == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.hangup-connecting")
@pytest.mark.parametrize("private", [True, False])
def test_hangup_at_any_moment_of_the_set_up(voice: Voice, private: bool) -> None:
    voice.agent("sales", ElevenLabsAgent(private=private))
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    voice.call("100").hangup()
    _expect_nothing_left(voice)
    check = LeakCheck(voice.asterisk)
    for number in range(60):
        call = voice.call("100")
        # The set-up takes some 5 ms; this goes through it.
        time.sleep(number % 20 * 0.0003)
        call.hangup()
    # At once: a connection that was given up does not wait for the service to close it.
    check.verify(PROMPT_SECONDS)
    _wait_until(lambda: len(voice.events("AIConvAIEnd")) == 61, "not all conversations have ended")
    assert {event["Status"] for event in voice.events("AIConvAIEnd")} == {"CALLER_HANGUP"}


@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
def test_hangup_right_after_the_start(voice: Voice, application: str) -> None:
    _begin(voice, application=application)
    call = voice.call("100")
    conversation = voice.conversation()
    call.hangup()
    _expect_client_close(conversation)
    _expect_nothing_left(voice)


@pytest.mark.fault("asterisk.hangup-agent-speaks")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)", "AIConvAI(sales,m(default))"])
def test_hangup_while_audio_is_queued(voice: Voice, application: str) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: 20}]")))
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    call.wait_for_sound()
    call.hangup()
    _expect_client_close(conversation)
    _expect_nothing_left(voice)


@pytest.mark.fault("asterisk.hangup-music")
def test_hangup_while_music_is_played(voice: Voice) -> None:
    _begin(voice, f"{{metadata_delay: {DELAY}}}", "AIConvAI(sales,m(default))")
    call = voice.call("100")
    call.wait_for_sound()
    call.hangup()
    _expect_nothing_left(voice)


@pytest.mark.fault("asterisk.hangup-at-end")
def test_hangup_while_the_end_is_played_out(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{tone: 10}, {close: 1000}]")))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\nexten => h,1,{REPORT}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.wait_closed()
    call.wait_for_sound()
    call.hangup()
    _expect_nothing_left(voice)
    # The agent had ended it before.
    assert outcome(voice).status == "COMPLETED"


@pytest.mark.fault("asterisk.hangup-as-service-ends")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
@pytest.mark.parametrize("how", ["close", "drop"])
def test_hangup_at_the_same_time_as_the_service_ends(voice: Voice, application: str, how: str) -> None:
    agent = ElevenLabsAgent(scenario=load_scenario("echo"))
    voice.agent("sales", agent, audio_frames_buffer_ms=20, reconnect_attempts=0)
    voice.dialplan(f"exten => 100,1,{application}\n same => n,Wait(30)")
    voice.apply()
    for number in range(8):
        call = voice.call("100")
        conversation = voice.conversation()
        both = threading.Barrier(2)

        def end(conversation: ThreadedConversation = conversation, both: threading.Barrier = both) -> None:
            both.wait()
            conversation.close(1000) if how == "close" else conversation.drop()

        service = threading.Thread(target=end)
        service.start()
        both.wait()
        # Sometimes one is a little earlier, sometimes the other.
        time.sleep(number * 0.0005)
        call.hangup()
        service.join()
        conversation.wait_closed()
    _expect_nothing_left(voice)
    _wait_until(lambda: len(voice.events("AIConvAIEnd")) == 8, "not all conversations have ended")
    statuses = {event["Status"] for event in voice.events("AIConvAIEnd")}
    assert statuses <= {"CALLER_HANGUP", "COMPLETED" if how == "close" else "LOST"}


@pytest.mark.fault("asterisk.hangup-twenty")
def test_twenty_callers_who_give_up_at_once(voice: Voice) -> None:
    """Each at another moment of the set-up."""
    _begin(voice)
    calls = [voice.caller.call("100") for _ in range(20)]
    for call in calls:
        call.hangup()
    _expect_nothing_left(voice)


@pytest.mark.fault("asterisk.hangup-caller-speaks")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
def test_hangup_in_the_middle_of_a_word(voice: Voice, application: str) -> None:
    _begin(voice, application=application)
    call = voice.call("100")
    conversation = voice.conversation()
    call.play(tone(600.0, 20.0, 8000))
    conversation.wait_received(lambda record: rms_dbfs(record.uplink_samples()[-800:]) > -30.0)
    call.hangup()
    _expect_client_close(conversation)
    _expect_nothing_left(voice)
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.hangup-reopening")
@pytest.mark.parametrize("application", ["AIConvAI(sales)", "AIConvAI(sales,b)"])
def test_hangup_while_a_lost_connection_is_opened_again(voice: Voice, application: str) -> None:
    _begin(voice, f"{{upgrade: {{delay: {DELAY}}}}}", application)
    call = voice.call("100")
    conversation = voice.conversation()
    asked = len(voice.mock.requests)
    conversation.drop()
    _wait_until(lambda: len(voice.mock.requests) > asked, "it is not opened again", 3.0)
    call.hangup()
    _expect_nothing_left(voice)
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
