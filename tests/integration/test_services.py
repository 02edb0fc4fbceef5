"""Every service there is a provider for: the same calls, with what the caller hears and what the agent is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from exchange import agent_hears, hears_agent
from hearing import agent_audio, seconds_of, wait_until_all_is_heard
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ELSEWHERE, PROVIDERS, parse_scenario
from aiconvai.mock.record import ConversationRecord
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call
from aiconvai.rig.talk.telephone import Speakerphone, Telephone, at_level
from aiconvai.speech import speak

__all__ = ["mock_options", "voice"]

OLD_HZ, CALLER_HZ, NEXT_HZ = 1000.0, 1700.0, 2300.0

SERVICES = (*PROVIDERS, *ELSEWHERE)

every_service = pytest.mark.parametrize("provider", PROVIDERS)
everywhere = pytest.mark.parametrize("provider", SERVICES)
with_interruptions = pytest.mark.parametrize("provider", [each for each in SERVICES if each != "openai_live"])
"""That one is full duplex: its agent falls silent by itself, and never says so."""
with_tools = pytest.mark.parametrize("provider", [each for each in SERVICES if each != "twilio"])
only_on_22 = pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")

SAID = "Thank you for calling. There are three rooms that would suit you on that day; the first has a balcony."
LISTENS = "steps: [{barge_in: {min_ms: 60}}]"
ANSWERS = """\
steps:
  - barge_in: {min_ms: 60}
  - wait_for_speech: {min_ms: 60}
  - wait_for_silence: {ms: 400}
  - barge_in: {enabled: false}
  - tone: {hz: 2300, seconds: 0.5}
"""


def _converse(
    voice: Voice, provider: str, scenario: str = "{}", **options: object
) -> tuple[Call, ThreadedConversation]:
    """A call that the service's agent has answered; the dialplan tells how it ended."""
    voice.use(provider)
    agent = voice.mock.agent_class(scenario=parse_scenario(scenario))
    voice.agent("agent", agent, **{"audio_frames_buffer_ms": 20, **options})
    voice.dialplan("exten => 100,1,AIConvAI(agent,c)\n same => n,UserEvent(Next,Status: ${AICONVAI_STATUS})")
    voice.apply()
    call = voice.call("100")
    return call, voice.conversation()


def _speak_over_the_agent(
    voice: Voice, provider: str, scenario: str, *, agent_seconds: float, caller_seconds: float
) -> tuple[Call, ThreadedConversation]:
    """The agent has so much to say, and half a second of it is heard when the caller makes a sound."""
    call, conversation = _converse(voice, provider, scenario)
    conversation.play(tone(OLD_HZ, agent_seconds, conversation.record.downlink_rate))
    call.wait_heard(25)
    call.play(tone(CALLER_HZ, caller_seconds, 8000)).wait()
    return call, conversation


def _status(voice: Voice) -> str:
    """With which the dialplan went on."""
    return voice.event("UserEvent", UserEvent="Next")["Status"]


@everywhere
def test_caller_and_agent_hear_each_other(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    hears_agent(call, conversation, NEXT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    hears_agent(call, conversation, OLD_HZ)
    assert conversation.record.violations == []


@with_interruptions
def test_caller_who_speaks_over_the_agent_silences_it(voice: Voice, provider: str) -> None:
    call, conversation = _speak_over_the_agent(voice, provider, ANSWERS, agent_seconds=5.0, caller_seconds=1.6)
    voice.event("AIConvAIInterruption")
    wait_until_all_is_heard(call, 1.0)
    heard = agent_audio(call)
    old, following = seconds_of(heard, OLD_HZ, 8000), heard[-round(0.49 * 8000) :]
    assert 0.4 < old < 1.0
    assert seconds_of(heard, NEXT_HZ, 8000) == pytest.approx(0.5, abs=0.03)
    assert seconds_of(following, NEXT_HZ, 8000) == pytest.approx(0.49, abs=0.03), "nothing old comes after it"
    assert conversation.record.violations == []


@with_interruptions
def test_agent_goes_on_after_a_cough(voice: Voice, provider: str) -> None:
    """All that it has to say is heard, and a little of it twice."""
    call, conversation = _speak_over_the_agent(voice, provider, LISTENS, agent_seconds=3.0, caller_seconds=0.2)
    event = voice.event("AIConvAIPause", Pause="ended")
    assert event["Interrupted"] == "no"
    assert 780 <= int(event["LastedMs"]) <= 1000
    wait_until_all_is_heard(call, 3.0)
    assert 3.0 <= seconds_of(agent_audio(call), OLD_HZ, 8000) <= 3.34
    (first, second) = stretches_of(OLD_HZ, call.heard_samples())
    assert 0.7 <= second[0] - first[1] <= 1.0
    assert voice.events("AIConvAIInterruption") == []
    assert conversation.record.violations == []


@only_on_22
@with_interruptions
def test_agent_goes_on_after_a_hello(voice: Voice, provider: str) -> None:
    """As people say it who pick up a telephone: sooner than after a cough, where the service says what it was."""
    call, conversation = _speak_over_the_agent(voice, provider, LISTENS, agent_seconds=3.0, caller_seconds=0.3)
    tells_words = provider not in ("twilio", "gemini", "vertex", "xai")
    if provider != "twilio":
        conversation.caller_said("Hello?")
    event = voice.event("AIConvAIPause", Pause="ended")
    assert event["Interrupted"] == "no"
    assert int(event["LastedMs"]) < (700 if tells_words else 1000)
    wait_until_all_is_heard(call, 3.0)
    assert 3.0 <= seconds_of(agent_audio(call), OLD_HZ, 8000) <= 3.34
    assert voice.events("AIConvAIInterruption") == []
    assert conversation.record.violations == []


@only_on_22
@every_service
def test_agent_does_not_hear_itself(voice: Voice, provider: str) -> None:
    """The caller has a speakerphone: the service hears nothing of it, and nothing is interrupted."""
    call, conversation = _converse(voice, provider, LISTENS, echo_guard="gate")
    call.stream.microphone = Speakerphone(Telephone(delay_ms=100)).sends
    record = conversation.record
    said = at_level(speak(SAID, record.downlink_rate, "en+f3"), -20.0)
    conversation.play(said)
    wait_until_all_is_heard(call, len(said) / record.downlink_rate)
    assert voice.events("AIConvAIInterruption") + voice.events("AIConvAIPause") == []
    assert np.abs(record.uplink_samples().astype(int)).max() < 100
    assert record.violations == []


@with_tools
def test_agent_gets_the_result_of_a_tool(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "find", {"customer": 7})
        event = voice.event("AIConvAIToolCall")
        voice.asterisk.ami.action(
            "AIConvAIToolResult", Channel=voice.channel(), ToolCallID=event["ToolCallID"], Result="Ada Lovelace"
        )
        assert result.result(10.0).result == "Ada Lovelace"
    hears_agent(call, conversation, NEXT_HZ)
    assert conversation.record.violations == []


@only_on_22
@every_service
def test_agent_is_told_which_key_was_pressed(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    call.send_dtmf("5")

    def told(record: ConversationRecord) -> bool:
        return any("the key 5" in one.text or '"digit":"5"' in one.text for one in record.received)

    conversation.wait_received(told)
    assert conversation.record.violations == []


@only_on_22
@every_service
def test_call_goes_on_in_the_dialplan_when_the_agent_has_hung_up_and_was_heard(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    conversation.play(tone(NEXT_HZ, 0.5, conversation.record.downlink_rate))
    conversation.close(1000)
    assert _status(voice) == "COMPLETED"
    # Its last packet is on its way when the dialplan goes on.
    call.wait_ended()
    assert seconds_of(agent_audio(call), NEXT_HZ, 8000) == pytest.approx(0.5, abs=0.03)
    assert conversation.record.violations == []


@only_on_22
@every_service
def test_service_is_left_properly_when_the_caller_hangs_up(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    call.hangup()
    conversation.wait_closed()
    record = conversation.record
    # OpenAI Live is told in a message, and may close before our close has come.
    assert record.closed_by in (("client", "service") if provider == "openai_live" else ("client",))
    assert record.close_code == 1000
    assert record.violations == []


@only_on_22
@every_service
def test_lost_connection_is_replaced(voice: Voice, provider: str) -> None:
    call, conversation = _converse(voice, provider)
    hears_agent(call, conversation, NEXT_HZ)
    conversation.drop()
    restored = voice.conversation()
    hears_agent(call, restored, OLD_HZ)
    agent_hears(restored, call, CALLER_HZ)
    assert restored.record.violations == []
    call.hangup()
    assert voice.event("AIConvAIEnd")["Reconnects"] == "1"


@only_on_22
@every_service
def test_lost_connection_that_is_not_replaced_is_told_to_the_dialplan(voice: Voice, provider: str) -> None:
    _, conversation = _converse(voice, provider, reconnect_attempts=0)
    conversation.drop()
    assert _status(voice) == "LOST"


@only_on_22
@every_service
def test_session_is_changed_where_nobody_speaks(voice: Voice, provider: str) -> None:
    """The agent is heard to its end, and the caller, who speaks right after, is heard by the new session whole."""
    call, conversation = _converse(voice, provider, session_max_seconds=1)
    conversation.play(tone(NEXT_HZ, 2.0, conversation.record.downlink_rate))
    wait_until_all_is_heard(call, 1.98)
    assert seconds_of(agent_audio(call), NEXT_HZ, 8000) == pytest.approx(2.0, abs=0.03)
    renewed = voice.conversation()
    conversation.wait_closed()
    first, second = conversation.record, renewed.record
    assert first.close_code == 1000
    assert second.started is not None
    assert first.closed is not None
    assert second.started - first.closed < 0.3
    assert first.violations == second.violations == []
    assert call.alive


@only_on_22
def test_openai_is_told_how_much_of_an_item_the_caller_heard(voice: Voice) -> None:
    """Its agent must know where it was interrupted: within 20 ms of what the recording of the call has."""
    call, conversation = _speak_over_the_agent(voice, "openai", LISTENS, agent_seconds=5.0, caller_seconds=1.6)
    conversation.wait_received(lambda record: "conversation.item.truncate" in record.received_types())
    wait_until_all_is_heard(call, 0.2)
    (truncated,) = (one for one in conversation.record.received if one.type == "conversation.item.truncate")
    heard_ms = seconds_of(agent_audio(call), OLD_HZ, 8000) * 1000
    assert truncated.message.audio_end_ms == pytest.approx(heard_ms, abs=20)
    assert conversation.record.violations == []


def _answer_all(voice: Voice, count: int) -> None:
    """Whoever listens over AMI answers so many calls of tools, in their order."""
    for number in range(1, count + 1):
        event = voice.event("AIConvAIToolCall", ToolCallID=f"tool_call_{number}")
        answer = {"ToolCallID": event["ToolCallID"], "Result": f"result {number}"}
        voice.asterisk.ami.action("AIConvAIToolResult", Channel=voice.channel(), **answer)


@only_on_22
@with_tools
def test_agent_speaks_once_it_has_the_results_of_all_its_tools(voice: Voice, provider: str) -> None:
    """OpenAI's asks to be asked, and refuses to be while a tool is open."""
    call, conversation = _converse(voice, provider)
    names = ("delegation", "delegation") if provider == "openai_live" else ("find", "book")
    with ThreadPoolExecutor(1) as other:
        results = other.submit(conversation.call_tools, (names[0], {}), (names[1], {}))
        voice.event("AIConvAIToolCall")
        _answer_all(voice, 2)
        assert [each.result for each in results.result(10.0)] == ["result 1", "result 2"]
    hears_agent(call, conversation, NEXT_HZ)
    assert conversation.record.violations == []
    assert voice.events("AIConvAIError") == []


@only_on_22
@pytest.mark.parametrize("key", ["", "5"], ids=["", "and a key is pressed"])
def test_result_that_meets_an_answer_of_the_services_own_is_spoken_about_after_it(voice: Voice, key: str) -> None:
    call, conversation = _converse(voice, "openai", dtmf_interdigit_ms=0)
    conversation.overtake(tone(OLD_HZ, 0.5, 8000))
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "find", {"customer": 7})
        voice.event("AIConvAIToolCall")
        if key:
            call.send_dtmf(key)
            conversation.wait_received(lambda record: any("the key 5" in one.text for one in record.received))
        _answer_all(voice, 1)
        assert result.result(10.0).result == "result 1"
    # The mock speaks again only when it is asked to.
    conversation.play(tone(NEXT_HZ, 0.5, 8000))
    wait_until_all_is_heard(call, 0.98)
    heard = agent_audio(call)
    assert seconds_of(heard, OLD_HZ, 8000) == pytest.approx(0.5, abs=0.05)
    assert seconds_of(heard, NEXT_HZ, 8000) == pytest.approx(0.5, abs=0.05)
    assert conversation.record.received_types().count("response.create") == 2
    assert conversation.record.violations == []
    assert voice.events("AIConvAIError") == []


@only_on_22
def test_keys_in_a_row_are_answered_one_answer_at_a_time(voice: Voice) -> None:
    call, conversation = _converse(voice, "openai", dtmf_interdigit_ms=0)
    call.send_dtmf("123")
    conversation.wait_received(lambda record: any("the key 3" in one.text for one in record.received))
    assert conversation.record.received_types().count("response.create") == 1
    conversation.play(tone(NEXT_HZ, 0.5, 8000))
    conversation.wait_received(lambda record: record.received_types().count("response.create") == 2)
    conversation.play(tone(NEXT_HZ, 0.5, 8000))
    wait_until_all_is_heard(call, 0.98)
    assert conversation.record.received_types().count("response.create") == 2
    assert conversation.record.violations == []
    assert voice.events("AIConvAIError") == []


@only_on_22
def test_gemini_that_does_not_take_its_session_up_again_is_told_what_was_said(voice: Voice) -> None:
    call, conversation = _converse(voice, "gemini", max_connection_attempts=1)
    conversation.play(tone(OLD_HZ, 0.3, conversation.record.downlink_rate), text="Which room?")
    voice.event("AIConvAITranscript")
    wait_until_all_is_heard(call, 0.28)
    # None that the service knows.
    conversation.send({"sessionResumptionUpdate": {"newHandle": "forgotten", "resumable": True}})
    conversation.drop()
    refused = voice.mock.next_conversation()
    refused.wait_closed()
    assert refused.record.close_code == 1007
    restored = voice.conversation()
    restored.wait_received(lambda record: any("Agent: Which room?" in one.text for one in record.received))
    hears_agent(call, restored, NEXT_HZ)
    agent_hears(restored, call, CALLER_HZ)
    assert restored.record.violations == []
    call.hangup()
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["Reconnects"], end["Attempts"]) == ("CALLER_HANGUP", "1", "1")
    assert any(
        "was not taken up again, a new one is begun" in event["Message"] for event in voice.events("AIConvAIError")
    )
