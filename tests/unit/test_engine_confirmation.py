"""Whether the caller means to interrupt the agent: it is paused until that is known."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from engine_host import API_KEY, PUBLIC, ULAW, Host, audio, interruption, tool_call
from test_engine_caller_idle import caller_speaks
from test_engine_echo_guard import agent_says, caller_says

from aiconvai.audio import Samples, decode, encode, resample, ulaw_encode
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.events import Ended, Interrupted, Pause, Status, Transcript, TranscriptKind
from aiconvai.engine.settings import PromptSettings
from aiconvai.rig.talk.sounds import Kind, sound_of
from aiconvai.rig.talk.telephone import Telephone, at_level
from aiconvai.speech import speak

FRAME = 160
SECOND = bytes(range(250)) * 32


def host_of(**options: Any) -> Host:
    usual = {"line_format": ULAW, "audio_frames_buffer_ms": 20, "interruption": "confirmed"}
    host = Host(PUBLIC, **{**usual, **options})
    host.start()
    return host


def said(text: str, event_id: int = 9) -> dict[str, Any]:
    return {"type": "user_transcript", "user_transcription_event": {"user_transcript": text, "event_id": event_id}}


def corrected(text: str) -> dict[str, Any]:
    return {"type": "agent_response_correction", "agent_response_correction_event": {
        "original_agent_response": "All of it.", "corrected_agent_response": text}}  # fmt: skip


def speaking(**options: Any) -> Host:
    """The agent has 4 s to say, of which 1 s was heard when the caller makes a sound."""
    host = host_of(**options)
    host.say(audio(1, SECOND * 4))
    host.hear(50)
    host.wait(seconds=1)
    host.say(interruption(1))
    assert host.told(Pause) == [Pause(True)]
    assert host.told(Interrupted) == []
    return host


def queued_ms(host: Host) -> int:
    return host.conversation.playout.stats().queued_bytes // 8


def decided(host: Host) -> Pause:
    """How it was."""
    begun, ended = host.told(Pause)
    assert begun.is_on
    assert not ended.is_on
    return ended


# What decides it ------------------------------------------------------------------------------------


def test_a_cough_is_no_interruption_and_nothing_is_lost() -> None:
    host = speaking()
    caller_speaks(host, seconds=0.3)
    host.wait(ms=499)
    assert len(host.told(Pause)) == 1
    host.wait(ms=2)
    assert decided(host) == Pause(False, False, 800)
    assert host.told(Interrupted) == []
    assert 3020 <= queued_ms(host) <= 3300
    stats = host.conversation.stats()
    assert (stats.pauses, stats.pauses_withdrawn, stats.interruptions) == (1, 1, 0)


def test_speech_that_lasts_is_one() -> None:
    host = speaking()
    caller_speaks(host, seconds=0.8)
    assert decided(host).interrupted
    assert decided(host).lasted_ms == 680
    assert [event.heard_ms for event in host.told(Interrupted)] == [1000]
    assert queued_ms(host) == 0


@pytest.mark.parametrize(("into_ms", "turn"), [(400, 1), (1200, 1), (400, 2)])
def test_hello_hello_is_said_into_a_greeting(into_ms: int, turn: int) -> None:
    """It takes a second, and words tell what it was."""
    host = host_of()
    for number in range(1, turn + 1):
        host.play()
        host.wait(seconds=5)
        host.say(audio(number, SECOND * 4))
    host.hear(into_ms // 20)
    host.wait(ms=into_ms)
    host.say(interruption(turn))
    caller_speaks(host, seconds=1.0)
    if (into_ms, turn) == (400, 1):
        assert len(host.told(Pause)) == 1
        host.say(said("Hello, hello?"))
        assert not decided(host).interrupted
    else:
        assert decided(host).interrupted


def test_more_than_that_is_an_interruption_of_a_greeting_too() -> None:
    host = host_of()
    host.say(audio(1, SECOND * 4))
    host.hear(20)
    host.wait(ms=400)
    host.say(interruption(1))
    caller_speaks(host, seconds=1.5)
    assert decided(host).interrupted


@pytest.mark.parametrize(("least_ms", "is_one"), [(200, True), (400, False)])
def test_how_long_it_has_to_last_is_an_option(least_ms: int, is_one: bool) -> None:
    host = speaking(interruption_min_ms=least_ms)
    caller_speaks(host, seconds=0.3)
    host.wait(seconds=2)
    assert decided(host).interrupted is is_one


def test_what_is_quiet_does_not_last() -> None:
    """A line that hums."""
    host = host_of()
    hum = ulaw_encode(np.random.default_rng(1).normal(0, 130, 48_000).astype(np.int16))
    for at in range(0, len(hum) // 2, FRAME):
        host.conversation.caller_audio(hum[at : at + FRAME])
        host.wait(ms=20)
    host.say(audio(1, SECOND * 4))
    host.say(interruption(1))
    for at in range(len(hum) // 2, len(hum), FRAME):
        host.conversation.caller_audio(hum[at : at + FRAME])
        host.wait(ms=20)
    assert not decided(host).interrupted


def makes(host: Host, sound: Samples) -> None:
    """At 8 kHz, packet after packet, on the clock, with the noise of a line."""
    noise = np.random.default_rng(len(sound)).normal(0, 18, len(sound))
    line_format = host.conversation.line_format
    data = encode(resample((sound + noise).astype(np.int16), 8000, line_format.rate), line_format.name)
    size = len(data) * FRAME // len(sound)
    for at in range(0, len(data) - size + 1, size):
        host.conversation.caller_audio(data[at : at + size])
        host.wait(ms=20)


@pytest.mark.parametrize("kind", [Kind.COUGH, Kind.DOOR, Kind.ASIDE])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_no_voice_of_the_callers_does_not_last(kind: Kind, seed: int) -> None:
    """However often somebody coughs, and whatever is said at the other side of the room."""
    host = speaking()
    makes(host, np.tile(sound_of(kind, seed).samples, 2))
    host.wait(seconds=1)
    assert not decided(host).interrupted


@pytest.mark.parametrize(
    "line_format", [ULAW, AudioFormat(Encoding.PCM16, 16000), AudioFormat(Encoding.PCM16, 48000)], ids=str
)
@pytest.mark.parametrize("voice", ["en-us+m4", "en-gb+f2", "en+f5", "en-us+m7"])
def test_a_voice_does(voice: str, line_format: AudioFormat) -> None:
    host = speaking(line_format=line_format)
    words = at_level(speak("Sorry, can I stop you there? I only want the first one.", 8000, voice), -24.0)
    makes(host, words[int(np.flatnonzero(np.abs(words) > 500)[0]) :])
    assert decided(host).interrupted
    assert 680 <= decided(host).lasted_ms < 1300


def test_who_speaks_softly_is_known_once_he_was_understood() -> None:
    softly = at_level(speak("Could I have the one with the balcony, please?", 8000, "en-us+m4"), -40.0)
    host = host_of()
    for understood in (False, True):
        host.say(audio(1 + understood, SECOND * 4))
        host.hear(20)
        host.wait(seconds=1)
        host.say(interruption(1 + understood))
        makes(host, softly)
        host.wait(seconds=1)
        assert host.told(Pause)[-1].interrupted is understood
        host.play()
        host.wait(seconds=5)
        makes(host, softly)
        host.say(said("Could I have the one with the balcony, please?"))


def test_who_goes_on_speaking_at_the_end_is_listened_to() -> None:
    host = speaking(interruption_min_ms=1500)
    caller_speaks(host, seconds=1.3)
    assert len(host.told(Pause)) == 1
    host.say(said("Mm-hmm."))
    assert decided(host) == Pause(False, False, 1300)


def test_when_it_is_decided_is_an_option() -> None:
    host = speaking(interruption_decision_ms=300)
    host.wait(ms=301)
    assert decided(host) == Pause(False, False, 300)


def test_words_are_one_at_once() -> None:
    host = speaking()
    host.wait(ms=250)
    host.say(said("Stop!"))
    assert decided(host) == Pause(False, True, 250)


@pytest.mark.parametrize("words", ["Mm-hmm.", "Yeah, okay", "I see.", "Hello, hello?"])
def test_a_back_channel_is_none_and_that_is_known_at_once(words: str) -> None:
    host = speaking()
    host.wait(ms=250)
    host.say(said(words))
    assert decided(host) == Pause(False, False, 250)


def test_back_channels_are_an_option() -> None:
    host = speaking(back_channels="genau, stimmt")
    host.say(said("Genau, stimmt."))
    assert not decided(host).interrupted
    host = speaking(back_channels="genau")
    host.say(said("Mm-hmm."))
    assert decided(host).interrupted


def test_a_part_of_what_is_said_may_become_more() -> None:
    host = speaking()
    tentative = {"type": "tentative_user_transcript", "tentative_user_transcription_event": {"event_id": 9}}
    tentative["tentative_user_transcription_event"]["user_transcript"] = "Yes"  # type: ignore[index]
    host.say(tentative)
    assert len(host.told(Pause)) == 1
    tentative["tentative_user_transcription_event"]["user_transcript"] = "Yes, but"  # type: ignore[index]
    host.say(tentative)
    assert decided(host).interrupted


def test_a_new_answer_is_one_and_is_heard() -> None:
    host = speaking()
    host.wait(ms=400)
    host.say(audio(2, b"\x11" * 1600))
    assert decided(host) == Pause(False, True, 400)
    assert host.play() == b"\x11" * 1600


def test_more_of_the_same_answer_is_none() -> None:
    host = speaking()
    host.say(audio(1, SECOND))
    host.wait(seconds=1)
    assert not decided(host).interrupted
    assert queued_ms(host) >= 4020


def test_an_answer_that_came_before_is_one() -> None:
    host = host_of()
    host.say(audio(1, SECOND * 4))
    host.say(audio(2, b"\x11" * 1600))
    host.say(interruption(1))
    assert host.told(Pause) == []
    assert host.play() == b"\x11" * 1600


def test_a_tool_call_is_one() -> None:
    host = speaking()
    host.say(tool_call("c1"))
    assert decided(host).interrupted


def test_nothing_is_decided_where_the_agent_is_silent() -> None:
    host = host_of()
    host.say(interruption(3))
    assert host.told(Pause) == []
    assert len(host.told(Interrupted)) == 1
    host.say(audio(3, SECOND))
    assert queued_ms(host) == 0


# What comes too late --------------------------------------------------------------------------------


def test_words_that_come_late_end_what_the_agent_went_on_with() -> None:
    host = speaking()
    host.wait(seconds=1)
    assert not decided(host).interrupted
    host.say(said("Stop!"))
    assert len(host.told(Interrupted)) == 1
    assert len(host.told(Pause)) == 2
    assert queued_ms(host) == 0


def test_back_channels_that_come_late_change_nothing() -> None:
    host = speaking()
    host.wait(seconds=1)
    host.say(said("Mm-hmm."))
    assert host.told(Interrupted) == []


def test_a_new_answer_that_comes_late_takes_the_place_of_the_old_one() -> None:
    host = speaking()
    host.wait(seconds=1)
    host.say(audio(2, b"\x11" * 1600))
    assert len(host.told(Interrupted)) == 1
    assert host.play() == b"\x11" * 1600


def test_a_next_turn_is_a_turn_like_any_other() -> None:
    host = speaking()
    host.wait(seconds=1)
    host.play()
    host.wait(seconds=5)
    host.say(audio(2, SECOND))
    assert host.told(Interrupted) == []
    host.say(said("And then?"))
    assert host.told(Interrupted) == []
    assert queued_ms(host) == 1000


def test_the_caller_may_cough_again() -> None:
    host = speaking()
    host.wait(seconds=1)
    host.say(interruption(1))
    host.wait(ms=300)
    host.say(interruption(1))
    host.wait(seconds=1)
    assert [event.is_on for event in host.told(Pause)] == [True, False, True, False]
    assert host.told(Pause)[-1].lasted_ms == 800
    assert host.told(Interrupted) == []


# What it is held against ------------------------------------------------------------------------------


def test_what_the_agent_got_to_say_is_told_only_if_it_was_interrupted() -> None:
    def corrections(host: Host) -> list[str]:
        return [event.text for event in host.told(Transcript) if event.kind is TranscriptKind.CORRECTED]

    host = speaking()
    host.say(corrected("A part"))
    assert corrections(host) == []
    host.wait(seconds=1)
    assert corrections(host) == []
    host = speaking()
    host.say(corrected("A"))
    host.say(corrected("A part"))
    host.say(said("Stop!"))
    assert corrections(host) == ["A part"]


def test_the_time_of_a_silent_caller_stands_still() -> None:
    host = speaking(no_input_seconds=5, no_input_message="Hello?")
    host.wait(seconds=7.5)
    # 3 s were left, 0.8 s of pause, and what is heard again.
    assert host.messages("user_message") == []
    host.wait(seconds=1.8)
    assert [message["text"] for message in host.messages("user_message")] == ["Hello?"]


def test_a_caller_who_coughed_waits_for_no_answer() -> None:
    host = speaking(answer_timeout_ms=2000, answer_nudge="Answer!")
    host.wait(seconds=60)
    assert host.messages("user_message") == []
    host = speaking(answer_timeout_ms=2000, answer_nudge="Answer!")
    host.say(said("Stop!"))
    host.wait(ms=2001)
    assert [message["text"] for message in host.messages("user_message")] == ["Answer!"]


def test_an_end_during_a_pause() -> None:
    host = speaking()
    host.conversation.end(Status.COMPLETED, "over")
    host.pump()
    assert isinstance(host.events[-1], Ended)
    assert decided(host) == Pause(False, False, 0)


def test_a_connection_that_breaks_during_a_pause() -> None:
    host = speaking()
    host.wait(ms=100)
    host.conversation.closed(1006, "")
    host.pump()
    assert decided(host) == Pause(False, False, 100)
    assert queued_ms(host) >= 3000


def test_a_hold_during_a_pause() -> None:
    host = speaking()
    host.conversation.hold(True)
    host.wait(seconds=2)
    assert not decided(host).interrupted
    host.conversation.hold(False)
    host.wait(seconds=1)
    assert host.told(Interrupted) == []


@pytest.mark.parametrize("options", [{"interruption": "off"}, {"first_message_interruptible": "no"},
    {"interruption_after_ms": 5000}])  # fmt: skip
def test_who_may_not_interrupt_does_not_pause_either(options: dict[str, object]) -> None:
    host = host_of(**options)
    host.say(audio(1, SECOND))
    host.say(interruption(1))
    assert host.told(Pause) == []
    assert host.conversation.stats().interruptions_ignored == 1


# Services -------------------------------------------------------------------------------------------


def deepgram() -> tuple[Host, Callable[..., None]]:
    host = Host({"provider": "deepgram", "api_key": API_KEY, "think_model": "m"}, interruption="confirmed")
    host.open()

    def tell(**message: Any) -> None:
        host.conversation.message(json.dumps(message).encode())
        host.pump()

    tell(type="Welcome", request_id="r")
    tell(type="SettingsApplied")
    return host, tell


def sends(host: Host, data: bytes) -> None:
    host.conversation.binary_message(data)
    host.pump()


def test_deepgram_that_is_silent_after_a_cough() -> None:
    host, tell = deepgram()
    sends(host, SECOND * 4)
    tell(type="UserStartedSpeaking")
    # What was under way belongs to the same answer.
    sends(host, SECOND)
    host.wait(seconds=1)
    assert not decided(host).interrupted
    assert len(host.play()) >= 5 * 8000


def test_deepgram_that_answers_something_new() -> None:
    host, tell = deepgram()
    sends(host, SECOND * 4)
    tell(type="UserStartedSpeaking")
    host.wait(ms=300)
    tell(type="ConversationText", role="user", content="Stop!")
    assert decided(host) == Pause(False, True, 300)
    # Still of the one before.
    sends(host, SECOND)
    tell(type="ConversationText", role="assistant", content="Fine.")
    sends(host, b"\x11" * 1600)
    assert host.play() == b"\x11" * 1600


def test_deepgram_that_answers_something_new_after_the_agent_went_on() -> None:
    host, tell = deepgram()
    sends(host, SECOND * 4)
    tell(type="UserStartedSpeaking")
    host.wait(seconds=1)
    assert not decided(host).interrupted
    tell(type="ConversationText", role="user", content="Mm-hmm.")
    tell(type="ConversationText", role="assistant", content="As I said:")
    sends(host, b"\x11" * 1600)
    assert host.play() == b"\x11" * 1600


def openai(**options: Any) -> Host:
    host = Host({"provider": "openai", "api_key": API_KEY}, **{"interruption": "confirmed", **options})
    host.open()
    host.say({"type": "session.created", "event_id": "e", "session": {"id": "s"}})
    host.say({"type": "session.updated", "event_id": "e", "session": {"id": "s"}})
    return host


def answers(host: Host, response: str, item: str, data: bytes) -> None:
    host.say({"type": "response.created", "event_id": "e", "response": {"id": response, "status": "in_progress"}})
    delta = {"item_id": item, "output_index": 0, "content_index": 0, "delta": base64.b64encode(data).decode()}
    host.say({"type": "response.output_audio.delta", "event_id": "e", "response_id": response, **delta})


def hears(host: Host) -> None:
    host.say({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 0, "item_id": "u"})


def test_openai_is_told_what_was_heard_once_it_is_known() -> None:
    host = openai()
    answers(host, "r1", "i1", SECOND * 4)
    host.hear(50)
    hears(host)
    assert host.messages("response.cancel") + host.messages("conversation.item.truncate") == []
    host.say({"type": "conversation.item.input_audio_transcription.delta", "event_id": "e", "item_id": "u",
        "content_index": 0, "delta": "Stop"})  # fmt: skip
    assert decided(host).interrupted
    assert [message["response_id"] for message in host.messages("response.cancel")] == ["r1"]
    (cut,) = host.messages("conversation.item.truncate")
    assert (cut["item_id"], cut["audio_end_ms"]) == ("i1", 1000)
    # What was under way is late.
    answers(host, "r1", "i1", SECOND)
    assert queued_ms(host) == 0


def test_openai_goes_on_with_what_it_sends_after_a_cough() -> None:
    host = openai()
    answers(host, "r1", "i1", SECOND)
    hears(host)
    host.wait(seconds=1)
    assert not decided(host).interrupted
    answers(host, "r1", "i1", SECOND)
    assert len(host.play()) == 16000
    assert host.messages("response.cancel") + host.messages("conversation.item.truncate") == []


def commits(host: Host) -> None:
    """The caller has finished, as the service heard."""
    host.say({"type": "input_audio_buffer.committed", "event_id": "e", "item_id": "u", "previous_item_id": None})


def writes(host: Host, words: str) -> None:
    host.say({"type": "conversation.item.input_audio_transcription.completed", "event_id": "e", "item_id": "u",
        "content_index": 0, "transcript": words})  # fmt: skip


def done(host: Host, response: str, status: str = "completed") -> None:
    host.say({"type": "response.done", "event_id": "e", "response": {"id": response, "status": status}})


def asked(host: Host) -> int:
    return len(host.messages("response.create"))


def test_openai_is_asked_for_answers_as_soon_as_the_caller_has_finished() -> None:
    host = openai()
    (update,) = host.messages("session.update")
    detection = update["session"]["audio"]["input"]["turn_detection"]
    assert (detection["create_response"], detection["interrupt_response"]) == (False, False)
    hears(host)
    assert asked(host) == 0
    commits(host)
    assert asked(host) == 1


def test_openai_is_not_asked_to_answer_a_cough() -> None:
    host = openai()
    answers(host, "r1", "i1", SECOND * 4)
    done(host, "r1")
    hears(host)
    host.wait(ms=400)
    commits(host)
    host.wait(seconds=1)
    assert not decided(host).interrupted
    writes(host, "Mm-hmm.")
    host.wait(seconds=10)
    assert asked(host) == 0


@pytest.mark.parametrize("after_ms", [400, 1500])
def test_openai_is_asked_once_it_is_known_that_something_was_said(after_ms: int) -> None:
    """Words may come after the agent went on."""
    host = openai()
    answers(host, "r1", "i1", SECOND * 4)
    hears(host)
    commits(host)
    host.wait(ms=after_ms)
    assert asked(host) == 0
    writes(host, "Stop!")
    assert [message["response_id"] for message in host.messages("response.cancel")] == ["r1"]
    assert asked(host) == 0
    done(host, "r1", "cancelled")
    assert asked(host) == 1


def test_openai_is_asked_after_speech_that_lasted() -> None:
    host = openai()
    answers(host, "r1", "i1", SECOND * 4)
    done(host, "r1")
    hears(host)
    caller_speaks(host, seconds=1.5)
    assert decided(host).interrupted
    assert asked(host) == 0
    commits(host)
    assert asked(host) == 1


def test_openai_answers_afterwards_who_may_not_interrupt() -> None:
    host = openai(first_message_interruptible="no")
    answers(host, "r1", "i1", SECOND * 4)
    hears(host)
    commits(host)
    assert asked(host) == 0
    done(host, "r1")
    assert asked(host) == 1
    assert queued_ms(host) == 4000


# A caller who is told from the agent's own voice ------------------------------------------------------


def overheard(**options: Any) -> Host:
    """The agent speaks, its voice is watched for, and the caller begins to speak: the service does not know yet."""
    host = host_of(**options)
    host.say(audio(1, ulaw_encode(agent_says(6.0))))
    for _ in range(100):
        host.conversation.agent_heard(host.conversation.playout.take().audio)
        host.wait(ms=20)
        host.conversation.caller_audio(b"\xff" * FRAME)
    assert host.told(Pause) == []
    speaks(host, 0.2)
    assert host.told(Pause) == [Pause(True)]
    return host


def speaks(host: Host, seconds: float) -> None:
    said = ulaw_encode(caller_says())
    for at in range(0, round(seconds * 8000), FRAME):
        host.conversation.caller_audio(said[at : at + FRAME])
        host.wait(ms=20)


def test_the_agent_falls_silent_before_the_service_says_so() -> None:
    host = overheard()
    speaks(host, 0.3)
    assert len(host.told(Pause)) == 1
    host.say(interruption(1))
    speaks(host, 0.8)
    assert decided(host).interrupted
    assert queued_ms(host) == 0


def test_it_goes_on_where_the_service_hears_nothing_in_it() -> None:
    host = overheard()
    host.wait(seconds=1)
    assert not decided(host).interrupted
    assert queued_ms(host) >= 4000


def test_who_goes_on_speaking_is_not_spoken_over_by_a_slow_service() -> None:
    host = overheard()
    speaks(host, 1.5)
    assert len(host.told(Pause)) == 1
    host.say(interruption(1))
    assert decided(host).interrupted


def goes_on(host: Host, seconds: float, line: bytes = b"\xff" * FRAME) -> None:
    """The agent speaks, while it has leave to, and `line` is what comes from the caller, again and again."""
    for number in range(round(seconds * 50)):
        host.conversation.agent_heard(host.conversation.playout.take().audio)
        at = number * FRAME % len(line)
        host.conversation.caller_audio(line[at : at + FRAME])
        host.wait(ms=20)


def after_half_a_second() -> Host:
    """The caller spoke for that long, the service said so, and the agent has gone on."""
    host = overheard()
    host.say(interruption(1))
    speaks(host, 0.3)
    goes_on(host, 0.7)
    assert not decided(host).interrupted
    return host


def test_who_pauses_between_sentences_has_not_finished() -> None:
    host = overheard()
    host.say(interruption(1))
    speaks(host, 0.4)
    goes_on(host, 0.4)
    speaks(host, 0.3)
    assert decided(host).interrupted


def test_who_speaks_again_when_the_agent_has_gone_on_interrupts_it() -> None:
    host = after_half_a_second()
    goes_on(host, 0.5, ulaw_encode(caller_says()))
    assert len(host.told(Interrupted)) == 1
    assert queued_ms(host) == 0


def test_who_goes_on_after_a_back_channel_interrupts_in_packets_of_10_ms_too() -> None:
    """Half of what is looked at is in each of them."""
    host = overheard()
    host.say(interruption(1))
    host.say(said("Mm-hmm."))
    assert not decided(host).interrupted
    line = ulaw_encode(caller_says())
    for at in range(0, 8000, FRAME // 2):
        if not at % FRAME:
            host.conversation.agent_heard(host.conversation.playout.take().audio)
        host.conversation.caller_audio(line[at : at + FRAME // 2])
        host.wait(ms=10)
    assert len(host.told(Interrupted)) == 1


def test_who_speaks_again_much_later_does_not() -> None:
    host = after_half_a_second()
    goes_on(host, 1.2)
    goes_on(host, 0.5, ulaw_encode(caller_says()))
    assert host.told(Interrupted) == []
    goes_on(host, 0.5, ulaw_encode(caller_says()))
    assert len(host.told(Interrupted)) == 1


def test_two_back_channels_are_no_speech_that_lasts() -> None:
    host = after_half_a_second()
    host.say(said("Mm-hmm."))
    goes_on(host, 0.5, ulaw_encode(caller_says()))
    assert host.told(Interrupted) == []


def test_what_was_decided_says_nothing_about_what_comes_next() -> None:
    host = after_half_a_second()
    goes_on(host, 0.5, ulaw_encode(caller_says()))
    assert len(host.told(Interrupted)) == 1
    host.say(audio(2, ulaw_encode(agent_says(4.0))))
    goes_on(host, 0.2)
    host.say(interruption(2))
    speaks(host, 0.3)
    host.wait(seconds=1)
    assert len(host.told(Interrupted)) == 1


def test_the_agents_own_voice_does_not_end_what_it_went_on_with() -> None:
    host = host_of()
    telephone, heard = Telephone(return_loss_db=6), [np.zeros(0, np.int16)]
    host.say(audio(1, ulaw_encode(agent_says(8.0))))
    for number in range(350):
        if number in (150, 250):
            host.say(interruption(1))
        data = host.conversation.playout.take().audio
        host.conversation.agent_heard(data)
        heard.append(decode(data, "ulaw_8000"))
        comes = telephone.sends(np.concatenate(heard), np.zeros(0, np.int16))
        host.conversation.caller_audio(ulaw_encode(comes[number * FRAME : (number + 1) * FRAME]))
        host.wait(ms=20)
    assert len(host.told(Pause)) == 4
    assert host.told(Interrupted) == []


def test_a_service_that_never_hears_the_caller() -> None:
    host = overheard()
    for _ in range(3):
        speaks(host, 1.5)
    assert not decided(host).interrupted
    assert 2900 <= decided(host).lasted_ms <= 3300


def test_words_come_before_the_service_says_that_it_is_one() -> None:
    host = overheard()
    host.say(said("Stop!"))
    assert decided(host).interrupted
    assert queued_ms(host) == 0


@pytest.mark.parametrize(
    "options", [{"interruption": "service"}, {"interruption": "off"}, {"interruption_after_ms": 9000}]
)
def test_nobody_pauses_an_agent_that_is_not_to_be_paused(options: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        overheard(**options)


def test_an_agent_that_decides_by_itself_when_to_be_silent_is_not_paused() -> None:
    agent = {"provider": "openai_live", "api_key": API_KEY}
    host = Host(agent, line_format=ULAW, interruption="confirmed", audio_frames_buffer_ms=20)
    host.open()
    host.say({"type": "session.started", "event_id": "e1", "session": {"id": "s"}})
    said = base64.b64encode(ulaw_encode(agent_says(6.0))).decode()
    host.say({"type": "session.output_audio.delta", "delta": said})
    for _ in range(100):
        host.conversation.agent_heard(host.conversation.playout.take().audio)
        host.wait(ms=20)
        host.conversation.caller_audio(b"\xff" * FRAME)
    speaks(host, 1.0)
    assert host.conversation.stats().echo.openings == 1
    assert host.told(Pause) == []


# Who may not interrupt it any more -----------------------------------------------------------------


@pytest.mark.parametrize("how", ["operator", "state"])
def test_an_agent_that_may_not_be_interrupted_any_more_goes_on_at_once(how: str) -> None:
    prompts = PromptSettings("prompt-desk", {"state_terms": "Read the terms out."})
    host = speaking(prompts=prompts, uninterruptible_states="terms")
    caller_speaks(host, seconds=0.3)
    if how == "operator":
        host.conversation.allow_interruptions(False)
    else:
        assert host.conversation.enter_state("terms") is None
    host.pump()
    assert not decided(host).interrupted
    caller_speaks(host, seconds=2.0)
    host.say(said("What about Monday?"))
    host.say(audio(2, SECOND))
    assert host.told(Interrupted) == []
    assert queued_ms(host) > 3900


def test_words_that_come_late_interrupt_nobody_who_may_not_be_interrupted() -> None:
    host = speaking()
    host.wait(seconds=0.9)
    assert not decided(host).interrupted
    host.conversation.allow_interruptions(False)
    host.say(said("What about Monday?"))
    assert host.told(Interrupted) == []
