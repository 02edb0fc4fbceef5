"""The dialplan applications: what they are called, how they return, what they leave in the channel's variables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hearing import level_at, tone_in
from outcome import REPORT, outcome
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.audio import Samples
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller, tone_burst_round_trip

__all__ = ["mock_options", "voice"]

AGENT_HZ = 1000.0
PLAYBACK_HZ = 440.0
"""Of the rig's own sound and music."""

TALK_AND_END = parse_scenario("steps: [{tone: 0.4}, {close: 1000}]")
"""AGENT_HZ, then the agent's end."""

SEED_CONFIGURATION = """\
[general]
debug=false

[sales_agent]
elevenlabs_api_key=sk-your-api-key-here
elevenlabs_get_signed_url_endpoint={endpoint}
elevenlabs_agent_id=agent_0301k2f1kzshe85t9w74t66vz1km
elevenlabs_send_caller_number=true
elevenlabs_audio_frames_buffer_ms=240

[support_agent]
elevenlabs_api_key=sk-your-support-api-key-here
elevenlabs_get_signed_url_endpoint={endpoint}
elevenlabs_agent_id=agent_0302k2f1kzshe85t9w74t66vz1km
elevenlabs_send_caller_number=false
elevenlabs_audio_frames_buffer_ms=240
"""
SEED_DIALPLAN = """\
exten => 100,1,Answer()
exten => 100,2,ElevenLabsConvAI(sales_agent)

exten => 200,1,Answer()
exten => 200,2,ElevenLabsConvAI(support_agent)
exten => 200,3,Wait(3600)
exten => 200,4,Hangup()
"""


def begin_of_playback(heard: Samples) -> float:
    """Asterisk may play the file with a gap, on a machine that has much to do."""
    return stretches_of(PLAYBACK_HZ, heard)[0][0]


@pytest.mark.parametrize("name", ["AIConvAI", "ElevenLabsConvAI"])
def test_the_command_line_prints_an_applications_documentation(asterisk: Asterisk, name: str) -> None:
    text = asterisk.cli(f"core show application {name}")
    assert f"'{name}'" in text
    assert f"{name}(agent[,options])" in text
    for word in ("AICONVAI_STATUS", "CALLER_HANGUP", "Background: return at once", "early media", "tone:ring"):
        assert word in text
    assert "is not available" not in text.lower()


@pytest.mark.parametrize("name", ["AIConvAI", "ElevenLabsConvAI"])
def test_both_applications_converse(voice: Voice, name: str) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan(f"exten => 100,1,{name}(sales)")
    voice.apply()
    call = voice.call("100")
    assert call.wait_ended().by == "remote"
    assert level_at(call.heard_samples(fill_gaps=False), AGENT_HZ, 8000) == pytest.approx(-10, abs=1)


@pytest.mark.parametrize("extension", ["100", "200"])
def test_the_seed_configuration_and_dialplan_work_as_they_are(
    make_asterisk: Callable[..., Asterisk], app_module: Path, extension: str
) -> None:
    agents = {
        "agent_0301k2f1kzshe85t9w74t66vz1km": ElevenLabsAgent(
            private=True, api_key="sk-your-api-key-here", scenario=TALK_AND_END
        ),
        "agent_0302k2f1kzshe85t9w74t66vz1km": ElevenLabsAgent(
            private=True, api_key="sk-your-support-api-key-here", scenario=TALK_AND_END
        ),
    }
    with ElevenLabsMockThread(MockOptions(agents=agents)) as mock:
        asterisk = make_asterisk(
            module=app_module,
            module_config={"elevenlabs.conf": SEED_CONFIGURATION.format(endpoint=mock.signed_url_endpoint)},
            extensions=SEED_DIALPLAN,
        )
        with Caller(asterisk.sip_port) as caller:
            call = caller.call(extension, caller_number="5551234").wait_answered()
            conversation = mock.next_conversation()
            initiation = conversation.wait_initiated()
            # The end of the agent hangs up, whatever stands behind the application.
            assert call.wait_ended().by == "remote"
        assert len(stretches_of(AGENT_HZ, call.heard_samples())) == 1
        number = initiation.dynamic_variables.get("caller_number")
        assert number == {"100": "5551234", "200": None}[extension]
        assert not conversation.record.violations


# How it returns, and what with


def test_the_agents_end_hangs_up(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\n same => n,UserEvent(Further)\nexten => h,1,{REPORT}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    assert call.wait_ended().by == "remote"
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("COMPLETED", conversation.record.id)
    assert "the agent ended the conversation" in found.reason
    assert not [event for event in voice.events("UserEvent") if event["UserEvent"] == "Further"]


def test_option_c_continues_after_the_agents_end(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,{REPORT}\n same => n,Playback(${{SOUNDS}}/tone)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("COMPLETED", conversation.record.id)
    call.wait_heard(30, since=voice.event("UserEvent").received)
    call.hangup()
    heard = call.heard_samples()
    ((_, agent_end),) = stretches_of(AGENT_HZ, heard)
    assert agent_end <= begin_of_playback(heard)


def test_the_callers_hangup_is_a_status_of_its_own(voice: Voice) -> None:
    voice.agent("sales")
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\nexten => h,1,{REPORT}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    voice.event("AIConvAIReady")
    call.hangup()
    found = outcome(voice)
    assert (found.status, found.reason) == ("CALLER_HANGUP", "the caller hung up")
    assert found.conversation_id == conversation.record.id
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)


def test_a_lost_conversation_continues_in_the_dialplan(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("drop", seconds=0.4)), reconnect_attempts=0)
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\n same => n,{REPORT}\n same => n,Playback(${{SOUNDS}}/tone)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("LOST", conversation.record.id)
    assert found.reason == "the connection to the service broke"
    call.wait_heard(30, since=voice.event("UserEvent").received)
    call.hangup()
    heard = call.heard_samples()
    ((_, agent_end),) = stretches_of(AGENT_HZ, heard)
    # Ten seconds of the agent's sentence had come; a person who takes over must not hear them.
    assert agent_end <= begin_of_playback(heard) < 3.0


def test_an_agent_that_cannot_be_had_continues_in_the_dialplan(voice: Voice) -> None:
    scenario = parse_scenario("handshake: {signed_url: {status: 401}}")
    voice.agent("sales", ElevenLabsAgent(private=True, scenario=scenario))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales)\n same => n,{REPORT}\n same => n,Playback(${{SOUNDS}}/tone)")
    voice.apply()
    call = voice.call("100")
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("UNAVAILABLE", "")
    call.wait_for_sound()
    call.wait_heard(10, since=voice.event("UserEvent").received)
    call.hangup()
    assert stretches_of(PLAYBACK_HZ, call.heard_samples())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "expected the name of an agent as the first argument"),
        (",c", "expected the name of an agent as the first argument"),
        ("nobody", "no agent 'nobody' is configured: see 'aiconvai show agents'"),
        ("general", "no agent 'general' is configured: see 'aiconvai show agents'"),
        ("sales,z", "'z' is no option; known are b, c, n, r, v(), m()"),
        ("sales, c bq", "'q' is no option; known are b, c, n, r, v(), m()"),
        ("sales,v(a=1", "the options could not be understood; known are b, c, n, r, v(), m()"),
        ("sales,v(a)", "option v: expected name=value, got 'a'"),
        ("sales,v(=2)", "option v: expected name=value, got '=2'"),
    ],
)
def test_wrong_arguments_continue_in_the_dialplan(voice: Voice, arguments: str, reason: str) -> None:
    voice.agent("sales")
    voice.dialplan(f"exten => 100,1,Answer()\n same => n,AIConvAI({arguments})\n same => n,{REPORT}")
    voice.apply()
    voice.call("100").wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason, found.conversation_id) == ("INVALID", reason, "")
    assert not voice.mock.requests


def test_the_variables_of_an_earlier_conversation_do_not_stay(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,c)\n same => n,AIConvAI(nobody)\n same => n,{REPORT}")
    voice.apply()
    voice.call("100").wait_ended()
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("INVALID", "")


# Options


def test_option_v_tells_the_agent_dynamic_variables(voice: Voice) -> None:
    voice.agent("sales", dynamic_variable="a=configured")
    voice.dialplan("exten => 100,1,AIConvAI(sales,v(a=1&b=x=y, z&c=))")
    voice.apply()
    voice.call("100")
    variables = dict(voice.conversation().wait_initiated().dynamic_variables)
    assert variables.pop("unique_id")
    numbers = {"called_number": "100", "dialed_number": "100"}
    assert variables == {"a": "1", "b": "x=y, z", "c": "", **numbers}


def test_option_n_lets_the_agent_be_heard_without_an_answer(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,n)\nexten => h,1,{REPORT}")
    voice.apply()
    call = voice.caller.call("100").wait_early_media()
    reason = call.wait_ended()
    assert call.answered is None
    assert reason.by == "rejected"
    assert outcome(voice).status == "COMPLETED"
    ((begin, end),) = stretches_of(AGENT_HZ, call.heard_samples())
    assert end - begin == pytest.approx(0.4, abs=0.04)


def test_option_n_lets_the_agent_hear_the_caller_without_an_answer(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("echo")), audio_frames_buffer_ms=20)
    voice.dialplan("exten => 100,1,AIConvAI(sales,n)")
    voice.apply()
    call = voice.caller.call("100").wait_early_media()
    conversation = voice.conversation()
    conversation.wait_received(lambda record: len(record.uplink) > 5)
    call.wait_heard(5)
    assert call.answered is None


WAIT_THEN_TALK = parse_scenario("steps: [{wait: 0.6}, {tone: 0.5}, {wait: 0.8}, {close: 1000}]")


@pytest.mark.parametrize("option", ["m(default)", "m", "m(tone:ring)", "m(sound:/aiconvai/sounds/tone)"])
def test_option_m_is_heard_until_the_agent_is(voice: Voice, option: str) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=WAIT_THEN_TALK))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,{option})")
    voice.apply()
    call = voice.call("100")
    assert call.wait_ended().by == "remote"
    heard = call.heard_samples()
    ((agent_begin, agent_end),) = stretches_of(AGENT_HZ, heard)
    assert agent_end - agent_begin == pytest.approx(0.5, abs=0.04)
    before = heard[: round(agent_begin * 8000) - 160]
    after = heard[round(agent_begin * 8000) + 160 :]
    waiting = tone_in(before, PLAYBACK_HZ, 8000)
    assert waiting.seconds > 0.4
    assert waiting.level_dbfs > -30
    # The music is one pure tone, the ring is two.
    assert (waiting.purity_db < 5) == (option == "m(tone:ring)")
    assert level_at(after, PLAYBACK_HZ, 8000) < -60


def test_option_m_ends_with_a_conversation_in_which_nothing_was_said(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{wait: 0.4}, {close: 1000}]")))
    voice.dialplan(f"exten => 100,1,AIConvAI(sales,cm(default))\n same => n,{REPORT}\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    assert outcome(voice).status == "COMPLETED"
    ended = voice.event("UserEvent").received
    call.wait_for_silence(duration_ms=500)
    call.hangup()
    heard = call.heard_samples()
    music = stretches_of(PLAYBACK_HZ, heard)
    assert music[-1][1] - music[0][0] > 0.2
    assert call.heard[-1].time_ns / 1e9 < ended + 0.1 or level_at(heard[-1600:], PLAYBACK_HZ, 8000) < -60


@pytest.mark.parametrize("options", ["c", "cm(default)", "cm(sound:/aiconvai/sounds/tone)"])
def test_the_channel_has_its_formats_again(voice: Voice, options: str) -> None:
    formats = "${CHANNEL(audioreadformat)} ${CHANNEL(audiowriteformat)}"
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{wait: 0.3}, {close: 1000}]")))
    voice.dialplan(
        f"exten => 100,1,Answer()\n same => n,Playback(/aiconvai/sounds/tone)\n same => n,Set(BEFORE={formats})\n"
        f" same => n,AIConvAI(sales,{options})\n same => n,UserEvent(Formats,Before: ${{BEFORE}},After: {formats})"
    )
    voice.apply()
    voice.call("100")
    event = voice.event("UserEvent", UserEvent="Formats")
    assert event["After"] == event["Before"]


def test_option_m_of_an_unknown_tone_says_so_and_converses(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=TALK_AND_END))
    voice.dialplan("exten => 100,1,AIConvAI(sales,m(tone:nonsense))")
    voice.apply()
    call = voice.call("100")
    assert call.wait_ended().by == "remote"
    voice.wait_for_log("'tone:nonsense' cannot be played")
    assert len(stretches_of(AGENT_HZ, call.heard_samples())) == 1


def test_option_m_in_the_background_ends_for_good(voice: Voice) -> None:
    """Music is stopped while it may be at work: again and again, as that is a matter of microseconds."""
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("steps: [{wait: 0.3}, {tone: 0.3}, {wait: 60}]")))
    voice.dialplan("exten => 100,1,Answer()\n same => n,AIConvAI(sales,bm(default))\n same => n,Wait(60)")
    voice.apply()
    calls = [voice.call("100") for _ in range(12)]
    for call in calls:
        call.wait_heard(25)
        call.wait_for_silence(since=call.heard[24].time_ns / 1e9, duration_ms=400)
        heard = call.heard_samples(fill_gaps=False)
        ((begin, end),) = stretches_of(AGENT_HZ, heard)
        assert level_at(heard[: round(begin * 8000) - 160], PLAYBACK_HZ, 8000) > -30
        assert not stretches_of(PLAYBACK_HZ, heard[round(end * 8000) + 160 :])
        call.hangup()


# In the background

LATER_END = parse_scenario("steps: [{tone: 0.4}, {wait: 0.6}, {close: 1000}]")


def test_option_b_returns_at_once_and_hangs_up_at_the_agents_end(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=LATER_END))
    voice.dialplan(
        f"exten => 100,1,AIConvAI(sales,b)\n same => n,UserEvent(Next)\n same => n,Wait(30)\n"
        f" same => n,UserEvent(Further)\nexten => h,1,{REPORT}"
    )
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    passed = voice.event("UserEvent", UserEvent="Next").received
    assert call.wait_ended().by == "remote"
    conversation.wait_closed()
    assert conversation.record.closed is not None
    assert passed < conversation.record.closed
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("COMPLETED", conversation.record.id)
    assert len(stretches_of(AGENT_HZ, call.heard_samples())) == 1
    assert not [event for event in voice.events("UserEvent") if event["UserEvent"] == "Further"]


def _wait_for_outcome(application: str) -> str:
    """A dialplan that goes on once a conversation in the background is over."""
    return (
        f"exten => 100,1,{application}\n"
        ' same => n,While($["${AICONVAI_STATUS}" = ""])\n'
        " same => n,Wait(0.05)\n"
        " same => n,EndWhile()\n"
        f" same => n,{REPORT}\n"
        " same => n,Echo()"
    )


def test_options_b_and_c_continue_after_the_agents_end(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=LATER_END))
    voice.dialplan(_wait_for_outcome("AIConvAI(sales,bc)"))
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    found = outcome(voice)
    assert (found.status, found.conversation_id) == ("COMPLETED", conversation.record.id)
    # What was sent before its end has come by then.
    conversation.wait_closed()
    count = len(conversation.record.uplink)
    _expect_echo(voice, call)
    assert len(conversation.record.uplink) == count


def test_option_b_continues_when_the_conversation_is_lost(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=load_scenario("drop", seconds=0.2)), reconnect_attempts=0)
    voice.dialplan(_wait_for_outcome("AIConvAI(sales,b)"))
    voice.apply()
    call = voice.call("100")
    assert outcome(voice).status == "LOST"
    _expect_echo(voice, call)


def test_option_b_continues_when_the_agent_cannot_be_had(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(scenario=parse_scenario("handshake: {upgrade: {status: 403}}")))
    voice.dialplan(_wait_for_outcome("AIConvAI(sales,b)"))
    voice.apply()
    call = voice.call("100")
    assert outcome(voice).status == "UNAVAILABLE"
    _expect_echo(voice, call)


def test_the_callers_hangup_ends_a_conversation_in_the_background(voice: Voice) -> None:
    voice.agent("sales")
    voice.dialplan("exten => 100,1,AIConvAI(sales,b)\n same => n,Wait(30)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    call.hangup()
    conversation.wait_closed()
    assert (conversation.record.closed_by, conversation.record.close_code) == ("client", 1000)
    assert voice.event("AIConvAIEnd")["Status"] == "CALLER_HANGUP"


def _expect_echo(voice: Voice, call: Call) -> None:
    """The channel is the dialplan's own again: Echo() sends back what is said."""
    trip = tone_burst_round_trip(call)
    assert trip.similarity > 0.95
    assert voice.channel()
    call.hangup()
