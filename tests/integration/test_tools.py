"""Tools that the configuration declares: subroutines of the dialplan, keys, goodbyes and transfers, and what is heard
meanwhile.
"""

from __future__ import annotations

import time

import pytest
from exchange import agent_hears, calling, hears_agent
from hearing import agent_audio, level_at, seconds_of, tone_in, wait_until_all_is_heard
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples, tone
from aiconvai.mock import PROVIDERS
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ, OTHER_HZ, CALLER_HZ = 1000.0, 2300.0, 1700.0
RIG_HZ = 440.0
"""Of the rig's own sound and music."""

FIND = """\
exten => find,1,Set(TOOL_RESULT=${TOOL_NAME}: ${TOOL_ARG_number} of ${TOOL_ARG_list} is ${CALLERID(num)})
 same => n,Return()
exten => fail,1,Set(TOOL_RESULT=The data base is down.)
 same => n,Set(TOOL_ERROR=yes)
 same => n,Return()
exten => nothing,1,Return()
exten => endless,1,Set(TOOL_RESULT=found)
exten => slow,1,Wait(0.5)
 same => n,Set(TOOL_RESULT=done)
 same => n,Return()
exten => long,1,UserEvent(Running)
 same => n,Wait(20)
 same => n,UserEvent(Ran)
 same => n,Return()
exten => slower,1,UserEvent(Running)
 same => n,Wait(1.5)
 same => n,UserEvent(Ran)
 same => n,Return()
exten => seen,1,Set(TOOL_RESULT=${TOOL_PARAMETERS} ${TOOL_ARG_number}${TOOL_ARG_bad-name})
 same => n,Return()
exten => hang,1,Hangup()
exten => 700,1,UserEvent(Desk,Status: ${AICONVAI_STATUS},Transfer: ${AICONVAI_TRANSFER})
 same => n,Answer()
 same => n,Wait(5)
"""
NEXT = (
    "UserEvent(Next,Status: ${AICONVAI_STATUS},Transfer: ${AICONVAI_TRANSFER},Left: ${TOOL_RESULT}${TOOL_ARG_number})"
)


only_on_22 = pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")


def converse(
    voice: Voice, *, application: str = "AIConvAI(agent,c)", codec: str = "ulaw", **options: object
) -> tuple[Call, ThreadedConversation]:
    """A call that the agent has answered; the dialplan tells how it went on."""
    voice.agent("agent", **{"audio_frames_buffer_ms": 20, **options})
    voice.dialplan(f"exten => 100,1,{application}\n same => n,{NEXT}\n{FIND}")
    voice.apply()
    call = voice.call("100", codec)
    return call, voice.conversation()


# Subroutines


def test_subroutine_has_the_arguments_and_gives_the_result(voice: Voice) -> None:
    call, conversation = converse(voice, tool_find="gosub:default,find")
    result = conversation.call_tool("find", {"number": "7", "list": 'a,b"c'})
    assert result.result.startswith('find: 7 of a,b"c is ')
    assert not result.is_error
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)
    conversation.close(1000)
    assert voice.event("UserEvent", UserEvent="Next")["Left"] == "", "its variables are gone"
    event = voice.event("AIConvAIToolCall")
    assert event["Run"] == "gosub"
    assert conversation.record.violations == []


@pytest.mark.parametrize(
    ("tool", "result", "is_error"),
    [
        ("fail", "The data base is down.", True),
        ("nothing", "The tool has no result to tell.", False),
        ("endless", "found", False),
        ("missing", "The tool is not there at the moment.", True),
        ("seen", '{"number":5,"bad-name":"x"} 5', False),
    ],
)
def test_subroutine_tells_how_it_went(voice: Voice, tool: str, result: str, is_error: bool) -> None:
    call, conversation = converse(voice, **{f"tool_{tool}": f"gosub:default,{tool},1"})
    answer = conversation.call_tool(tool, {"number": 5, "bad-name": "x"})
    assert (answer.result.replace(" ", ""), answer.is_error) == (result.replace(" ", ""), is_error)
    hears_agent(call, conversation, AGENT_HZ)


def test_subroutine_reads_arguments_of_any_depth_and_length(voice: Voice) -> None:
    voice.dialplan(
        "exten => deep,1,Set(TOOL_RESULT=${AICONVAI_TOOL(guests.1.name)}|${AICONVAI_TOOL(guests.0)}|"
        "${LEN(${AICONVAI_TOOL(note,4000)})}|${AICONVAI_TOOL(no.such)}${AICONVAI_TOOL(guests.7)}|${AICONVAI_TOOL(many)})\n"
        " same => n,Return()"
    )
    call, conversation = converse(voice, tool_deep="gosub:default,deep")
    guests = [{"name": "Ada"}, {"name": 'Bob,\n"x"'}]
    result = conversation.call_tool("deep", {"guests": guests, "note": "n" * 6000, "many": True})
    name, first, rest, missing, many = result.result.split("|")
    assert (name, first.replace(" ", ""), rest, missing, many) == ('Bob, "x"', '{"name":"Ada"}', "2000", "", "true")
    voice.wait_for_log("the tool deep has arguments of 6[0-9]+ bytes")
    hears_agent(call, conversation, AGENT_HZ)


def test_arguments_are_read_in_a_subroutine_only(voice: Voice) -> None:
    voice.dialplan("exten => 100,1,Answer()\n same => n,UserEvent(Read,Value: <${AICONVAI_TOOL(name)}>)")
    voice.apply()
    voice.call("100")
    assert voice.event("UserEvent", UserEvent="Read")["Value"] == "<>"
    voice.wait_for_log(r"AICONVAI_TOOL\(name\): expected to be read in a subroutine")


def test_result_that_the_dialplan_cuts_is_told(voice: Voice) -> None:
    voice.dialplan(
        "exten => double,1,Set(TOOL_RESULT=12345678)\n"
        + " same => n,Set(TOOL_RESULT=${TOOL_RESULT}${TOOL_RESULT})\n" * 10
        + " same => n,Return()"
    )
    call, conversation = converse(voice, tool_double="gosub:default,double")
    result = conversation.call_tool("double", timeout=30.0)
    assert 4000 < len(result.result) < 8192
    voice.wait_for_log("the result of the tool double has 8[0-9]+ bytes")
    hears_agent(call, conversation, AGENT_HZ)


def test_both_hear_each_other_while_a_subroutine_runs(voice: Voice) -> None:
    call, conversation = converse(voice, tool_slow="gosub:default,slow")
    with calling(conversation, "slow") as result:
        voice.event("AIConvAIToolCall")
        hears_agent(call, conversation, AGENT_HZ)
        assert result.result(10.0).result == "done"
    began = time.monotonic()
    with calling(conversation, "slow") as result:
        agent_hears(conversation, call, CALLER_HZ)
        assert result.result(10.0).result == "done"
    assert time.monotonic() - began < 5.0


def test_subroutine_that_takes_too_long_is_answered_for(voice: Voice) -> None:
    _, conversation = converse(voice, tool_slow="gosub:default,slow", tool_timeout_ms=200)
    answer = conversation.call_tool("slow")
    assert answer.is_error
    assert "did not answer within 200 ms" in answer.result
    voice.wait_for_log("what the tool slow answered came too late")


def test_subroutines_run_one_after_the_other(voice: Voice) -> None:
    _, conversation = converse(voice, tool_slow="gosub:default,slow", tool_find="gosub:default,find")
    with calling(conversation, "slow") as slow, calling(conversation, "find", {"number": "1"}) as find:
        assert slow.result(10.0).result == "done"
        assert find.result(10.0).result.startswith("find: 1")


@pytest.mark.fault("asterisk.hangup-by-subroutine")
def test_subroutine_may_hang_up(voice: Voice) -> None:
    call, conversation = converse(voice, tool_hang="gosub:default,hang")
    conversation.start_tool("hang")
    call.wait_ended()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


@pytest.mark.fault("asterisk.redirect-in-tool")
def test_call_is_sent_elsewhere_in_the_middle_of_a_subroutine(voice: Voice) -> None:
    call, conversation = converse(voice, tool_long="gosub:default,long")
    conversation.start_tool("long")
    voice.event("UserEvent", UserEvent="Running")
    redirected = time.monotonic()
    voice.asterisk.ami.action("Redirect", Channel=voice.channel(), Context="default", Exten="tone", Priority=1)
    conversation.wait_closed()
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["Reason"]) == ("COMPLETED", "the call was sent elsewhere")
    call.wait_heard(50, since=redirected + 0.1)
    assert level_at(agent_audio(call)[-4000:], RIG_HZ, 8000) == pytest.approx(-20.0, abs=1.0)
    assert call.alive
    assert conversation.record.tool_results == []
    assert [event["UserEvent"] for event in voice.events("UserEvent")] == ["Running"], "it was not run to its end"
    assert "came too late" not in voice.log()


@pytest.mark.fault("asterisk.hangup-in-subroutine")
def test_caller_hangs_up_in_the_middle_of_a_subroutine(voice: Voice) -> None:
    call, conversation = converse(voice, tool_long="gosub:default,long")
    conversation.start_tool("long")
    voice.event("UserEvent", UserEvent="Running")
    hung_up = time.monotonic()
    call.hangup()
    conversation.wait_closed()
    assert conversation.record.closed is not None
    assert conversation.record.closed - hung_up < 0.5
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"
    assert [event["UserEvent"] for event in voice.events("UserEvent")] == ["Running"]
    assert conversation.record.close_code == 1000


@pytest.mark.parametrize("how", ["manager", "limit"])
def test_subroutine_is_let_run_where_the_conversation_ends(voice: Voice, how: str) -> None:
    """It is the dialplan's; nobody hears of its result."""
    options = {"call_duration_limit_seconds": 1} if how == "limit" else {}
    _, conversation = converse(voice, tool_slow="gosub:default,slower", **options)
    conversation.start_tool("slow")
    voice.event("UserEvent", UserEvent="Running")
    if how == "manager":
        voice.asterisk.ami.action("AIConvAIEnd", Channel=voice.channel())
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Status"] == ("TIMEOUT" if how == "limit" else "COMPLETED")
    voice.event("UserEvent", UserEvent="Next")
    told = [event["UserEvent"] for event in voice.events("UserEvent")]
    assert told == ["Running", "Ran", "Next"]


def test_no_subroutine_runs_in_the_background(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20, tool_find="gosub:default,find")
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,Wait(30)\n{FIND}")
    voice.apply()
    voice.call("100")
    answer = voice.conversation().call_tool("find", {"number": "7"})
    assert (answer.result, answer.is_error) == ("This tool cannot be run in this call.", True)


# Keys


def test_agent_presses_keys(voice: Voice) -> None:
    call, conversation = converse(voice, tool_send_dtmf="builtin")
    assert conversation.call_tool("send_dtmf", {"digits": "4w2#"}).result == "The keys were pressed."
    call.wait_dtmf("42#")
    wrong = conversation.call_tool("send_dtmf", {"digits": "call me"})
    assert wrong.is_error
    assert "must be keys" in wrong.result
    hears_agent(call, conversation, AGENT_HZ)


@pytest.mark.parametrize("digits", ["1" * 65, "w" * 60 + "12345"])
def test_agent_presses_no_more_keys_than_it_may(voice: Voice, digits: str) -> None:
    call, conversation = converse(voice, tool_send_dtmf="builtin")
    answer = conversation.call_tool("send_dtmf", {"digits": digits})
    assert answer.is_error
    assert answer.result == "No more than 64 keys and pauses can be pressed at once; none was."
    assert call.dtmf_heard == ""
    hears_agent(call, conversation, AGENT_HZ)


@pytest.mark.parametrize("keys", ["5" + "w" * 63, "5" * 64], ids=["pauses", "keys"])
@pytest.mark.parametrize("how", ["end_call", "transfer_call", "limit", "manager", "hangup", "redirect"])
def test_an_end_waits_for_no_keys(voice: Voice, how: str, keys: str) -> None:
    call, conversation = converse(
        voice,
        application="AIConvAI(agent)",
        tool_send_dtmf="builtin",
        tool_end_call="builtin",
        tool_transfer_call="builtin",
        transfer_to_desk="default,700,1",
        call_duration_limit_seconds=2 if how == "limit" else 60,
    )
    conversation.start_tool("send_dtmf", {"digits": keys})
    call.wait_dtmf("5")
    began = time.monotonic()
    statuses = {"limit": "TIMEOUT", "hangup": "CALLER_HANGUP"}
    if how in ("end_call", "transfer_call"):
        conversation.start_tool(how, {"destination": "desk"})
    elif how == "manager":
        voice.asterisk.ami.action("AIConvAIEnd", Channel=voice.channel())
    elif how == "redirect":
        voice.asterisk.ami.action("Redirect", Channel=voice.channel(), Context="default", Exten="wait", Priority=1)
    elif how == "hangup":
        call.hangup()
    event = voice.event("AIConvAIEnd")
    if how == "transfer_call":
        voice.event("UserEvent", UserEvent="Desk")
    elif how != "redirect":
        call.wait_ended()
    conversation.wait_closed()
    assert event["Status"] == statuses.get(how, "COMPLETED")
    # The limit strikes by itself, and the end that the agent makes comes after a pause.
    assert time.monotonic() - began < {"limit": 2.5, "end_call": 1.5, "transfer_call": 1.5}.get(how, 0.6)
    assert "came too late" not in voice.log()


def test_caller_is_heard_while_keys_are_pressed(voice: Voice) -> None:
    call, conversation = converse(voice, tool_send_dtmf="builtin")
    with calling(conversation, "send_dtmf", {"digits": "wwww1"}) as result:
        agent_hears(conversation, call, CALLER_HZ)
        hears_agent(call, conversation, AGENT_HZ)
        assert result.result(10.0).result == "The keys were pressed."
    call.wait_dtmf("1")


# The end


def test_agent_ends_the_call_and_its_goodbye_is_heard_to_its_end(voice: Voice) -> None:
    call, conversation = converse(voice, application="AIConvAI(agent)", tool_end_call="builtin")
    conversation.play(tone(AGENT_HZ, 1.0, conversation.record.downlink_rate))
    conversation.start_tool("end_call")
    call.wait_ended()
    conversation.wait_closed()
    assert seconds_of(agent_audio(call), AGENT_HZ, 8000) == pytest.approx(1.0, abs=0.03)
    end = voice.event("AIConvAIEnd")
    assert (end["Status"], end["Reason"]) == ("COMPLETED", "the agent ended the conversation")
    assert conversation.record.closed_by == "client"


@pytest.mark.parametrize("application", ["AIConvAI(agent)", "AIConvAI(agent,c)"])
def test_agent_transfers_the_call(voice: Voice, application: str) -> None:
    call, conversation = converse(
        voice, application=application, tool_transfer_call="builtin", transfer_to_desk="default,700,1"
    )
    conversation.play(tone(AGENT_HZ, 0.5, conversation.record.downlink_rate))
    conversation.start_tool("transfer_call", {"destination": "desk"})
    desk = voice.event("UserEvent", UserEvent="Desk")
    conversation.wait_closed()
    assert (desk["Status"], desk["Transfer"]) == ("COMPLETED", "desk")
    # Its last packet is on its way when the call is elsewhere.
    wait_until_all_is_heard(call, 0.48)
    assert seconds_of(agent_audio(call), AGENT_HZ, 8000) == pytest.approx(0.5, abs=0.03)
    assert voice.event("AIConvAIEnd")["Transfer"] == "desk"
    assert call.alive
    assert voice.events("UserEvent")[0]["UserEvent"] == "Desk", "and not what follows the application"


def test_agent_in_the_background_transfers_the_call(voice: Voice) -> None:
    voice.agent("agent", audio_frames_buffer_ms=20, tool_transfer_call="builtin", transfer_to_desk="default,700")
    voice.dialplan(f"exten => 100,1,AIConvAI(agent,b)\n same => n,Wait(30)\n same => n,{NEXT}\n{FIND}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    conversation.start_tool("transfer_call", {"destination": "desk"})
    assert voice.event("UserEvent", UserEvent="Desk")["Transfer"] == "desk"
    conversation.wait_closed()
    assert call.alive


def test_agent_transfers_the_call_to_nobody_else(voice: Voice) -> None:
    call, conversation = converse(voice, tool_transfer_call="builtin", transfer_to_desk="default,700,1")
    answer = conversation.call_tool("transfer_call", {"destination": "default,100,1"})
    assert answer.is_error
    assert "no such destination" in answer.result
    hears_agent(call, conversation, AGENT_HZ)


# What is heard meanwhile


def waiting_heard(voice: Voice, sound: str | None, codec: str = "ulaw") -> Samples:
    """What the caller hears where the agent speaks, waits for a tool, and speaks again."""
    call, conversation = converse(voice, tool_wait_sound=sound, codec=codec)
    rate = conversation.record.downlink_rate
    conversation.play(tone(AGENT_HZ, 0.5, rate))
    with calling(conversation, "look_up") as result:
        event = voice.event("AIConvAIToolCall")
        if sound is None:
            wait_until_all_is_heard(call, 0.48)
        else:
            call.wait_heard(65)
        answer = {"Channel": voice.channel(), "ToolCallID": event["ToolCallID"], "Result": "x"}
        voice.asterisk.ami.action("AIConvAIToolResult", **answer)
        result.result(10.0)
    conversation.play(tone(OTHER_HZ, 0.5, rate))
    call.wait_for_silence(duration_ms=200, since=call.wait_for_sound(since=time.monotonic()))
    return agent_audio(call)


@pytest.mark.parametrize(
    ("sound", "codec"),
    [
        ("default", "ulaw"),
        ("tone:ring", "ulaw"),
        ("sound:/aiconvai/sounds/tone", "ulaw"),
        ("sound:/aiconvai/sounds/tone", "g722"),
    ],
    ids=["music", "tone", "phrase", "phrase on a wideband line"],
)
def test_caller_hears_something_while_a_tool_runs(voice: Voice, sound: str, codec: str) -> None:
    rate = 16000 if codec == "g722" else 8000
    heard = waiting_heard(voice, sound, codec)
    # Where one sound gives way to another there is a bit of every frequency.
    (_, falls_silent), (speaks_again, end) = (
        max(stretches_of(hz, heard, rate), key=lambda one: one[1] - one[0]) for hz in (AGENT_HZ, OTHER_HZ)
    )
    assert seconds_of(heard, AGENT_HZ, rate) == pytest.approx(0.5, abs=0.05)
    assert end - speaks_again == pytest.approx(0.5, abs=0.05)
    waiting = heard[round((falls_silent + 0.02) * rate) : round(speaks_again * rate)]
    assert level_at(waiting, RIG_HZ, rate) > -40
    assert stretches_of(RIG_HZ, heard[: round(falls_silent * rate)], rate) == [], "not while the agent speaks"
    # With another source Asterisk begins another G.722 encoder; the caller's decoder needs 0.1 s to follow.
    agent_alone = heard[round((speaks_again + 0.1) * rate) :]
    assert tone_in(agent_alone, OTHER_HZ, rate).purity_db > 20, "nor once it has begun again"


def test_caller_hears_nothing_while_a_tool_runs_where_that_is_not_wanted(voice: Voice) -> None:
    heard = waiting_heard(voice, None)
    assert seconds_of(heard, AGENT_HZ, 8000) + seconds_of(heard, OTHER_HZ, 8000) == pytest.approx(1.0, abs=0.05)
    assert len(heard) / 8000 == pytest.approx(1.0, abs=0.1)


def test_sound_that_cannot_be_played_is_told(voice: Voice) -> None:
    call, conversation = converse(voice, tool_wait_sound="sound:there/is/none")
    conversation.start_tool("look_up")
    voice.wait_for_log("agent agent: 'sound:there/is/none' cannot be played")
    hears_agent(call, conversation, AGENT_HZ)


def test_music_stops_where_the_agent_has_nothing_to_say_about_the_answer(voice: Voice) -> None:
    call, conversation = converse(voice, tool_wait_sound="default")
    with calling(conversation, "look_up") as result:
        event = voice.event("AIConvAIToolCall")
        call.wait_for_sound()
        answer = {"Channel": voice.channel(), "ToolCallID": event["ToolCallID"], "Result": "x"}
        voice.asterisk.ami.action("AIConvAIToolResult", **answer)
        result.result(10.0)
    call.wait_for_silence(duration_ms=200, since=time.monotonic())
    hears_agent(call, conversation, AGENT_HZ)


# Every service


@only_on_22
@pytest.mark.parametrize("provider", [each for each in PROVIDERS if each not in ("twilio", "openai_live")])
def test_every_service_is_told_what_a_tool_is_for(voice: Voice, provider: str) -> None:
    """openai_live has no names for tools; ElevenLabs' are declared at the agent."""
    voice.use(provider)
    schema = '{"type":"object","properties":{"number":{"type":"string"}},"required":["number"]}'
    voice.sections["tool-find"] = {"description": "Finds a customer.", "parameters": schema}
    call, conversation = converse(voice, tool_find="gosub:default,find", tool_end_call="builtin")
    said = [one.text for one in conversation.record.received if "Finds a customer." in one.text]
    assert len(said) == (provider != "elevenlabs")
    assert all("Say goodbye before" in text for text in said)
    answer = conversation.call_tool("find", {"number": "7"})
    assert "find: 7 of" in str(answer)
    hears_agent(call, conversation, AGENT_HZ)
    assert conversation.record.violations == []
