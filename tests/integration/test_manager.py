"""The manager interface: events for each thing worth acting on, and actions to act."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor

import pytest
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, load_scenario, parse_scenario
from aiconvai.mock.elevenlabs.messages import ContextualUpdate, UserMessage
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, Message
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

DOCUMENTATION = repository_root() / "app_aiconvai" / "asterisk" / "documentation" / "app_aiconvai-en_US.xml"
EVENTS = (
    "AIConvAIStart",
    "AIConvAIReady",
    "AIConvAITranscript",
    "AIConvAIInterruption",
    "AIConvAIToolCall",
    "AIConvAIError",
    "AIConvAIToolDone",
    "AIConvAIEnd",
)
ACTIONS = ("AIConvAIList", "AIConvAIToolResult", "AIConvAIContext", "AIConvAIMessage", "AIConvAIEnd")
INJECTION = "one\r\nEvent: Fake\r\n\r\nEvent: Fake\nActionID: x\rtwo"
TOO_LATE = "No such tool call is open: it may have timed out"
HARMLESS = "one  Event: Fake    Event: Fake ActionID: x two"


def _conversing(voice: Voice, scenario: str = "silent", **options: object) -> tuple[Call, ThreadedConversation]:
    voice.agent("sales", ElevenLabsAgent(scenario=load_scenario(scenario)), **options)
    voice.dialplan(
        "exten => 100,1,AIConvAI(sales,c)\n"
        " same => n,Verbose(1,ended ${AICONVAI_STATUS}: ${AICONVAI_REASON})\n same => n,Hangup()"
    )
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    voice.event("AIConvAIReady", ConversationID=conversation.record.id)
    return call, conversation


def _user_transcript(text: str) -> dict[str, object]:
    event = {"user_transcript": text, "event_id": 3}
    return {"type": "user_transcript", "user_transcription_event": event}


def _refused(voice: Voice, action: str, **fields: str) -> str:
    """The message with which an action was refused."""
    response = voice.asterisk.ami.action(action, check=False, **fields)
    assert response["Response"] == "Error", str(response)
    return response["Message"]


# Events ---------------------------------------------------------------------------------------------------


def _everything_happens(voice: Voice) -> list[Message]:
    """One event of each kind, in the order in which they were caused, and those of Asterisk around them."""
    position = voice.asterisk.ami.position()
    call, conversation = _conversing(voice, interruption="service")
    conversation.send(_user_transcript("I would like"))
    conversation.play(tone(500, 2.0, 8000), 7)
    call.wait_for_sound()
    conversation.interrupt(7)
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "look", {"a": 1})
        tool_call_id = voice.event("AIConvAIToolCall")["ToolCallID"]
        conversation.send_raw("no JSON")
        voice.event("AIConvAIError")
        voice.asterisk.ami.action("AIConvAIToolResult", Channel=voice.channel(), ToolCallID=tool_call_id, Result="done")
        assert result.result().result == "done"
    conversation.close(1000)
    call.wait_ended()
    voice.event("AIConvAIEnd")
    voice.event("Hangup")
    return voice.asterisk.ami.events(since=position)


def _documented(name: str) -> set[str]:
    """The headers that the documentation gives an event."""
    (event,) = (one for one in ElementTree.parse(DOCUMENTATION).iter("managerEvent") if one.get("name") == name)
    return {str(parameter.get("name")) for parameter in event.iter("parameter")}


def test_events_come_in_order_with_the_documented_headers(voice: Voice) -> None:
    events = _everything_happens(voice)
    assert tuple(one.event for one in events if str(one.event).startswith("AIConvAI")) == EVENTS
    for event in events:
        if event.event in EVENTS:
            own = set(event.as_dict()) - {"Event", "Privilege", "Timestamp"}
            assert own == _documented(event.event), event.event
            assert event["Privilege"] == "call,all"
    names = [one.event for one in events]
    assert names.index("Newchannel") < names.index("AIConvAIStart")
    assert names.index("AIConvAIEnd") < names.index("Hangup")


def test_events_begin_with_the_headers_of_asterisks_own(voice: Voice) -> None:
    events = _everything_happens(voice)
    (new,) = (one for one in events if one.event == "Newchannel")
    (hangup,) = (one for one in events if one.event == "Hangup")
    snapshot = set(new.as_dict()) & set(hangup.as_dict()) - {"Event"}
    assert len(snapshot) > 10
    for event in events:
        if event.event in EVENTS:
            assert set(event.as_dict()) >= snapshot, event.event
            for header in ("Channel", "Uniqueid", "Linkedid", "CallerIDNum", "Exten", "Context"):
                assert event[header] == new[header], event.event
            assert event["Agent"] == "sales"


def test_start_and_ready_tell_the_formats(voice: Voice) -> None:
    agent = ElevenLabsAgent(input_format="pcm_16000", output_format="pcm_24000")
    voice.agent("sales", agent)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    voice.call("100", "alaw")
    conversation = voice.conversation()
    assert voice.event("AIConvAIStart")["LineFormat"] == "alaw_8000"
    assert voice.event("AIConvAIStart")["ConversationID"] == ""
    ready = voice.event("AIConvAIReady")
    assert (ready["UplinkFormat"], ready["DownlinkFormat"]) == ("pcm_16000", "pcm_24000")
    assert ready["ConversationID"] == conversation.record.id
    assert 0 < int(ready["ReadyMs"]) < 5000


def test_transcripts_tell_who_and_what_for(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    tentative = {"user_transcript": "I woul", "event_id": 3}
    corrected = {"original_agent_response": "Good morning", "corrected_agent_response": "Good", "event_id": 4}
    for message in (
        {"type": "tentative_user_transcript", "tentative_user_transcription_event": tentative},
        _user_transcript("I would"),
        {"type": "agent_response", "agent_response_event": {"agent_response": "Good morning", "event_id": 4}},
        {"type": "agent_response_correction", "agent_response_correction_event": corrected},
    ):
        conversation.send(message)
    voice.event("AIConvAITranscript", Correction="yes")
    keys = ("Role", "Final", "Correction", "EventID", "Turn", "Text")
    events = voice.events("AIConvAITranscript")
    assert [tuple(one[key] for key in keys) for one in events] == [
        ("caller", "no", "no", "3", "1", "I woul"),
        ("caller", "yes", "no", "3", "1", "I would"),
        ("agent", "yes", "no", "4", "2", "Good morning"),
        ("agent", "yes", "yes", "4", "2", "Good"),
    ]
    spoken_ms = [int(one["SpokenMs"]) for one in events[1:]]
    assert spoken_ms == sorted(spoken_ms)
    assert 0 < spoken_ms[-1] < 10_000


def test_interruption_tells_what_was_heard(voice: Voice) -> None:
    call, conversation = _conversing(voice)
    conversation.play(tone(500, 1.0, 8000), 5)
    conversation.play(tone(500, 3.0, 8000), 6)
    conversation.play(tone(700, 1.0, 8000), 9)
    call.wait_heard(20, since=call.wait_for_sound())
    conversation.interrupt(6)
    event = voice.event("AIConvAIInterruption")
    assert (event["EventID"], event["HeardEventID"], event["ChunksRemaining"]) == ("6", "5", "4")
    assert int(event["ChunksRemoved"]) >= 12
    assert 300 <= int(event["HeardMs"]) <= 1000
    # Newer audio is heard all the same.
    since = time.monotonic()
    call.wait_for_silence(since=call.wait_for_sound(since=since), timeout=5)


def test_error_of_the_service_is_told(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    error = {"code": 1011, "error_type": "llm_timeout", "message": "The LLM timed out"}
    conversation.send({"type": "error", "error_event": error})
    assert voice.event("AIConvAIError")["Message"] == "error 1011 llm_timeout: The LLM timed out"


def test_failed_attempts_are_told(voice: Voice) -> None:
    scenario = parse_scenario("handshake: {upgrade: {status: 503, times: 1}}\nsteps: []")
    voice.agent("sales", ElevenLabsAgent(scenario=scenario), retry_backoff_ms=10)
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    call = voice.call("100")
    voice.conversation()
    message = voice.event("AIConvAIError")["Message"]
    assert message.startswith("attempt 1 of 3 failed: ")
    assert "HTTP 503" in message
    call.hangup()
    assert voice.event("AIConvAIEnd")["Attempts"] == "2"


def test_end_tells_how_and_how_much(voice: Voice) -> None:
    call, conversation = _conversing(voice, "echo", audio_frames_buffer_ms=20)
    call.play(tone(500, 0.5, 8000)).wait()
    call.wait_for_silence(since=call.wait_for_sound())
    call.hangup()
    conversation.wait_closed()
    event = voice.event("AIConvAIEnd")
    assert (event["Status"], event["Reason"], event["CloseCode"]) == ("CALLER_HANGUP", "the caller hung up", "0")
    assert int(event["ChunksSent"]) == len(conversation.record.uplink)
    assert int(event["ChunksReceived"]) <= len(conversation.record.downlink)
    assert 20 < int(event["FramesPlayed"]) <= int(event["ChunksReceived"])
    assert int(event["FramesReceived"]) >= int(event["ChunksSent"])
    assert float(event["UplinkLevel"]) > -40
    assert float(event["DownlinkLevel"]) > -40
    assert 0 <= int(event["ConnectMs"]) <= int(event["ReadyMs"]) <= int(event["FirstAudioMs"])
    assert int(event["FirstAudioMs"]) <= int(event["DurationMs"])
    assert event["Attempts"] == "1"


# Texts that would break a protocol of lines ---------------------------------------------------------------


def _not_injected(voice: Voice) -> None:
    """Asserts that no line of a text became one of the protocol."""
    voice.asterisk.ami.action("Ping")
    assert not voice.events("Fake")
    for name in EVENTS:
        for event in voice.events(name):
            assert "ActionID" not in event
            assert len(event.all("Event")) == 1


def test_transcript_cannot_break_the_protocol(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    conversation.send(_user_transcript(INJECTION))
    assert voice.event("AIConvAITranscript")["Text"] == HARMLESS
    _not_injected(voice)


def test_tool_call_cannot_break_the_protocol(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    call = {"tool_name": INJECTION, "tool_call_id": "id" + INJECTION, "parameters": {"a": INJECTION}, "event_id": 1}
    conversation.send({"type": "client_tool_call", "client_tool_call": call})
    event = voice.event("AIConvAIToolCall")
    assert event["ToolName"] == HARMLESS
    assert "\\r\\nEvent: Fake" in event["Parameters"]
    _not_injected(voice)


def test_error_cannot_break_the_protocol(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    error = {"code": 1011, "error_type": "llm_timeout", "message": INJECTION}
    conversation.send({"type": "error", "error_event": error})
    assert voice.event("AIConvAIError")["Message"] == f"error 1011 llm_timeout: {HARMLESS}"
    _not_injected(voice)
    assert "\nEvent: Fake" not in voice.log()


def test_close_reason_cannot_break_the_protocol(voice: Voice) -> None:
    call, conversation = _conversing(voice)
    conversation.close(1008, "a\r\nEvent: Fake\r\n\r\nb")
    call.wait_ended()
    assert "a  Event: Fake    b" in voice.event("AIConvAIEnd")["Reason"]
    _not_injected(voice)
    voice.wait_for_log(r"ended LOST: .*a  Event: Fake    b")
    assert "\nEvent: Fake" not in voice.log()


def test_conversation_id_cannot_break_the_protocol(voice: Voice) -> None:
    scenario = parse_scenario("handshake: {metadata_delay: 3}\nsteps: []")
    voice.agent("sales", ElevenLabsAgent(scenario=scenario))
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    voice.call("100")
    conversation = voice.mock.next_conversation()
    conversation.wait_initiated()
    conversation.send_raw(
        '{"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event":'
        ' {"conversation_id": "a\\r\\nEvent: Fake\\r\\n\\r\\nb", "agent_output_audio_format": "ulaw_8000",'
        ' "user_input_audio_format": "ulaw_8000"}}'
    )
    assert voice.event("AIConvAIReady")["ConversationID"] == "a  Event: Fake    b"
    voice.asterisk.ami.action("AIConvAIList")
    assert voice.event("AIConvAICall")["ConversationID"] == "a  Event: Fake    b"
    assert not voice.events("Fake")
    conversation.wait_started()


@pytest.mark.parametrize("text", ["a\\ud800b", "\\u0000cut", "J\\u0159\\u00ed \\ud83d\\ude00", "\\u001b[2J"])
def test_odd_characters_of_a_transcript_arrive_as_one_line(voice: Voice, text: str) -> None:
    _, conversation = _conversing(voice)
    conversation.send_raw(
        f'{{"type": "user_transcript", "user_transcription_event": {{"user_transcript": "{text}", "event_id": 1}}}}'
    )
    event = voice.event("AIConvAITranscript")
    assert event["Role"] == "caller"
    assert "\N{REPLACEMENT CHARACTER}" not in event["Text"], "the line was no UTF-8"
    if "0159" in text:
        assert event["Text"] == "Jří \U0001f600"
    _not_injected(voice)


# Actions --------------------------------------------------------------------------------------------------


def test_list_of_no_calls(voice: Voice) -> None:
    response = voice.asterisk.ami.action("AIConvAIList")
    assert response["EventList"] == "start"
    complete = voice.event("AIConvAIListComplete", ActionID=response["ActionID"])
    assert (complete["EventList"], complete["ListItems"]) == ("Complete", "0")


@pytest.mark.alone
def test_list_of_calls(voice: Voice) -> None:
    call, first = _conversing(voice, audio_frames_buffer_ms=20)
    call.play(tone(500, 0.3, 8000)).wait()
    # All at once: nothing of it can be late.
    first.send_audio(tone(500, 0.3, 8000), event_id=1)
    call.wait_for_sound()
    voice.call("100")
    second = voice.conversation()
    voice.event("AIConvAIReady", ConversationID=second.record.id)
    response = voice.asterisk.ami.action("AIConvAIList")
    complete = voice.event("AIConvAIListComplete", ActionID=response["ActionID"])
    assert complete["ListItems"] == "2"
    listed = {one["ConversationID"]: one for one in voice.events("AIConvAICall")}
    assert set(listed) == {first.record.id, second.record.id}
    mine = listed[first.record.id]
    assert mine["ActionID"] == response["ActionID"]
    assert mine["Channel"] in voice.asterisk.channels()
    assert (mine["Agent"], mine["State"], mine["LineFormat"]) == ("sales", "active", "ulaw_8000")
    assert int(mine["FramesReceived"]) > 0
    assert float(mine["UplinkLevel"]) > -40
    assert mine["OpenToolCalls"] == "0"
    assert (mine["Underruns"], mine["GapMs"], mine["PlayoutDelayMs"]) == ("0", "0", "0")


@pytest.mark.parametrize("by", ["channel", "unique id", "conversation id"])
def test_context_reaches_the_agent(voice: Voice, by: str) -> None:
    _, conversation = _conversing(voice)
    unique_id = voice.event("AIConvAIReady")["Uniqueid"]
    names = {"channel": voice.channel(), "unique id": unique_id, "conversation id": conversation.record.id}
    text = 'The caller is "VIP" \\ číslo 7'
    voice.asterisk.ami.action("AIConvAIContext", Channel=names[by], Text=text)
    conversation.wait_received(lambda record: bool(record.received_of(ContextualUpdate)))
    assert [one.text for one in conversation.record.received_of(ContextualUpdate)] == [text]


def test_message_reaches_the_agent(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    voice.asterisk.ami.action("AIConvAIMessage", Channel=voice.channel(), Text="I want sales")
    conversation.wait_received(lambda record: bool(record.received_of(UserMessage)))
    assert [one.text for one in conversation.record.received_of(UserMessage)] == ["I want sales"]


def test_end_ends_the_conversation(voice: Voice) -> None:
    call, conversation = _conversing(voice)
    voice.asterisk.ami.action("AIConvAIEnd", Channel=voice.channel(), Reason="a person takes over")
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)
    event = voice.event("AIConvAIEnd")
    assert (event["Status"], event["Reason"]) == ("COMPLETED", "a person takes over")
    voice.wait_for_log("ended COMPLETED: a person takes over")
    assert call.wait_ended().by == "remote"


def test_end_has_a_reason_of_its_own(voice: Voice) -> None:
    _conversing(voice)
    voice.asterisk.ami.action("AIConvAIEnd", Channel=voice.channel())
    assert voice.event("AIConvAIEnd")["Reason"] == "ended over AMI"


@pytest.mark.parametrize("action", ["AIConvAIToolResult", "AIConvAIContext", "AIConvAIMessage", "AIConvAIEnd"])
def test_action_without_its_fields_is_refused(voice: Voice, action: str) -> None:
    others = {"ToolCallID": "t", "Text": "x"}
    assert _refused(voice, action, **others).startswith("Channel is missing")
    assert _refused(voice, action, Channel="PJSIP/none", **others) == "No such call is with an agent"
    if action == "AIConvAIToolResult":
        assert _refused(voice, action, Channel="x").startswith("ToolCallID is missing")
    elif action != "AIConvAIEnd":
        assert _refused(voice, action, Channel="x") == "Text is missing"


@pytest.mark.parametrize("action", ["AIConvAIContext", "AIConvAIMessage"])
def test_text_before_the_conversation_is_active_is_refused(voice: Voice, action: str) -> None:
    scenario = parse_scenario("handshake: {metadata_delay: 20}\nsteps: []")
    voice.agent("sales", ElevenLabsAgent(scenario=scenario))
    voice.dialplan("exten => 100,1,AIConvAI(sales)")
    voice.apply()
    voice.call("100")
    voice.mock.next_conversation().wait_initiated()
    assert _refused(voice, action, Channel=voice.channel(), Text="x") == "The conversation is not active"


# Tool calls -----------------------------------------------------------------------------------------------


def _asked(conversation: ThreadedConversation) -> int:
    """For how many answers OpenAI was asked."""
    return sum('"response.create"' in message.text for message in conversation.record.received)


def test_a_result_may_ask_for_no_words(voice: Voice) -> None:
    voice.use("openai")
    voice.agent("agent")
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    voice.apply()
    voice.call("100")
    conversation = voice.conversation()
    before = _asked(conversation)
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "note")
        event = voice.event("AIConvAIToolCall")
        fields = {"Channel": event["Channel"], "ToolCallID": event["ToolCallID"]}
        voice.asterisk.ami.action("AIConvAIToolResult", **fields, Result="Noted.", Answer="no")
        assert result.result().result == "Noted."
    voice.asterisk.ami.action("AIConvAIContext", Channel=voice.channel(), Text="That is all.")
    conversation.wait_received(lambda record: "That is all." in record.received[-1].text)
    assert _asked(conversation) == before


def test_a_call_that_is_withdrawn_is_told(voice: Voice) -> None:
    call, conversation = _conversing(voice)
    conversation.start_tool("look", {"a": 1})
    called = voice.event("AIConvAIToolCall")
    assert voice.events("AIConvAIToolCancelled") == []
    call.hangup()
    event = voice.event("AIConvAIToolCancelled")
    assert (event["ToolCallID"], event["ToolName"]) == (called["ToolCallID"], "look")
    assert set(event.as_dict()) - {"Event", "Privilege", "Timestamp"} == _documented("AIConvAIToolCancelled")
    voice.event("AIConvAIEnd")


@pytest.mark.parametrize("failed", [False, True])
def test_tool_call_is_answered(voice: Voice, failed: bool) -> None:
    _, conversation = _conversing(voice)

    def answer() -> None:
        event = voice.event("AIConvAIToolCall")
        assert (event["ToolName"], event["Parameters"]) == ("find", '{"customer":{"id":7,"name":"Ada"}}')
        assert event["TimeoutMs"] == "10000"
        voice.asterisk.ami.action(
            "AIConvAIToolResult",
            Channel=event["Channel"],
            ToolCallID=event["ToolCallID"],
            Result='{"city": "Žilina"}',
            IsError="yes" if failed else "no",
        )

    with ThreadPoolExecutor(1) as other:
        done = other.submit(answer)
        result = conversation.call_tool("find", {"customer": {"id": 7, "name": "Ada"}})
        done.result()
    assert result.result == '{"city": "Žilina"}'
    assert result.is_error is failed
    assert not conversation.record.violations


def test_a_long_result_comes_in_several_headers(voice: Voice) -> None:
    """Asterisk refuses a line of more than 1024 bytes."""
    _, conversation = _conversing(voice)
    lines = [f"{number}: " + "x" * 900 for number in range(20)]
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "look", {})
        fields = {"Channel": voice.channel(), "ToolCallID": voice.event("AIConvAIToolCall")["ToolCallID"]}
        assert "line too long" in _refused(voice, "AIConvAIToolResult", **fields, Result="x" * 1100)
        voice.asterisk.ami.action("AIConvAIToolResult", **fields, Result=lines)
        assert result.result().result == "\n".join(lines)


def test_a_line_goes_on_in_another_header(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    with ThreadPoolExecutor(1) as other:
        result = other.submit(conversation.call_tool, "look", {})
        fields = {"Channel": voice.channel(), "ToolCallID": voice.event("AIConvAIToolCall")["ToolCallID"]}
        more = {"Result+": ["x" * 900, " and  a: line "]}
        voice.asterisk.ami.action("AIConvAIToolResult", **fields, Result=["one", "two"], **more)
        assert result.result().result == "one\ntwo" + "x" * 900 + " and  a: line "


@pytest.mark.parametrize("action", ["AIConvAIContext", "AIConvAIMessage"])
def test_a_long_text_comes_in_several_headers(voice: Voice, action: str) -> None:
    _, conversation = _conversing(voice)
    voice.asterisk.ami.action(action, Channel=voice.channel(), Text=["one", "two: 2", "", "four"])
    conversation.wait_received(
        lambda record: any(getattr(one.message, "text", "") == "one\ntwo: 2\n\nfour" for one in record.received)
    )


def test_result_of_an_unknown_tool_call_is_refused(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    problem = _refused(voice, "AIConvAIToolResult", Channel=voice.channel(), ToolCallID="none", Result="x")
    assert problem == TOO_LATE
    assert not conversation.record.violations


def test_unanswered_tool_call_is_told_to_the_agent(voice: Voice) -> None:
    _, conversation = _conversing(voice, tool_timeout_ms=300)
    begun = time.monotonic()
    result = conversation.call_tool("slow_tool")
    assert result.is_error
    assert result.result == "The tool slow_tool did not answer within 300 ms."
    assert 0.3 <= time.monotonic() - begun < 3.0
    event = voice.event("AIConvAIToolCall")
    assert event["TimeoutMs"] == "300"
    problem = _refused(
        voice, "AIConvAIToolResult", Channel=voice.channel(), ToolCallID=event["ToolCallID"], Result="late"
    )
    assert problem == TOO_LATE
    conversation.ping()
    assert not conversation.record.violations


@pytest.mark.fault("service.two-answers")
def test_tool_call_is_answered_once(voice: Voice) -> None:
    _, conversation = _conversing(voice)

    def answer() -> str:
        channel, identity = voice.channel(), voice.event("AIConvAIToolCall")["ToolCallID"]
        voice.asterisk.ami.action("AIConvAIToolResult", Channel=channel, ToolCallID=identity, Result="first")
        return _refused(voice, "AIConvAIToolResult", Channel=channel, ToolCallID=identity, Result="second")

    with ThreadPoolExecutor(1) as other:
        refused = other.submit(answer)
        assert conversation.call_tool("find").result == "first"
        assert refused.result() == TOO_LATE


@pytest.mark.fault("service.two-answers")
def test_two_tool_calls_at_once_are_answered_each(voice: Voice) -> None:
    _, conversation = _conversing(voice)

    def answer() -> None:
        calls = [voice.event("AIConvAIToolCall", ToolName=name) for name in ("second", "first")]
        for event in calls:
            voice.asterisk.ami.action(
                "AIConvAIToolResult",
                Channel=event["Channel"],
                ToolCallID=event["ToolCallID"],
                Result=f"of {event['ToolName']}",
            )

    with ThreadPoolExecutor(3) as others:
        answered = others.submit(answer)
        results = list(others.map(conversation.call_tool, ("first", "second")))
        answered.result()
    assert [one.result for one in results] == ["of first", "of second"]
    assert not conversation.record.violations


def test_tool_call_that_is_open_at_the_end_is_dropped(voice: Voice) -> None:
    call, conversation = _conversing(voice, tool_timeout_ms=300)
    tool = {"tool_name": "slow", "tool_call_id": "t1", "parameters": {}, "event_id": 1}
    conversation.send({"type": "client_tool_call", "client_tool_call": tool})
    voice.event("AIConvAIToolCall")
    call.hangup()
    conversation.wait_closed()
    voice.event("AIConvAIEnd", Status="CALLER_HANGUP")
    assert not voice.events("AIConvAIError")


# Documentation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTIONS)
def test_action_is_documented(asterisk: Asterisk, action: str) -> None:
    shown = asterisk.cli(f"manager show command {action}")
    for part in ("[Synopsis]", "[Syntax]", f"Action: {action}", "[Arguments]", "ActionID"):
        assert part in shown
    synopsis = shown.split("[Synopsis]\n")[1].split("\n")[0]
    assert synopsis.endswith(".")
    assert "Not available" not in synopsis


@pytest.mark.parametrize("event", EVENTS)
def test_event_is_documented(asterisk: Asterisk, event: str) -> None:
    shown = asterisk.cli(f"manager show event {event}")
    assert f"Event: {event}" in shown
    assert "Raised when" in shown
    for header in _documented(event):
        assert f"\n{header}: <value>" in shown or f"\n[{header}:] <value>" in shown


def test_actions_need_the_privilege_for_calls(asterisk: Asterisk) -> None:
    for action in ACTIONS:
        assert "call" in asterisk.cli(f"manager show command {action}").split("[Privilege]\n")[1].split("\n")[0]
