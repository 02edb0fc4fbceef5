"""A caller who says nothing: the agent checks in, says goodbye, and the call ends."""

from __future__ import annotations

import pytest
from engine_host import PUBLIC, ULAW, Host, audio, interruption, transcript

from aiconvai.audio import tone, ulaw_encode
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Close, Status
from aiconvai.engine.settings import Settings

CHECK_IN, GOODBYE = "Anybody there?", "Bye."


def idle_host(**options: object) -> Host:
    """In a conversation whose caller may be silent for 10 s."""
    usual = {"no_input_seconds": 10, "no_input_message": CHECK_IN, "no_input_farewell": GOODBYE, "answer_timeout_ms": 0}
    host = Host(PUBLIC, line_format=ULAW, **{**usual, **options})
    host.start()
    return host


def asked(host: Host) -> list[str]:
    """What the agent was told to do about it."""
    return [message["text"] for message in host.messages("user_message")]


def caller_speaks(host: Host, level_dbfs: float = -20.0, seconds: float = 0.2) -> None:
    """Packet after packet, on the clock."""
    data = ulaw_encode(tone(700.0, seconds, 8000, level_dbfs))
    for at in range(0, len(data), 160):
        host.conversation.caller_audio(data[at : at + 160])
        host.wait(ms=20)


def test_agent_checks_in_says_goodbye_and_the_call_ends() -> None:
    host = idle_host(no_input_warnings=2)
    host.wait(seconds=9.9)
    assert asked(host) == []
    host.wait(seconds=0.2)
    assert asked(host) == [CHECK_IN]
    host.wait(seconds=20)
    assert asked(host) == [CHECK_IN, CHECK_IN, GOODBYE]
    host.say(audio(1, bytes(8000)))
    host.wait(seconds=1.9)
    assert host.conversation.phase is Phase.ACTIVE
    actions = host.wait(seconds=0.2)
    assert [action.code for action in actions if isinstance(action, Close)] == [1000]
    assert host.ended.status is Status.TIMEOUT
    assert "no_input_seconds" in host.ended.reason


def test_agent_that_says_no_goodbye_is_not_waited_for_without_end() -> None:
    host = idle_host(no_input_warnings=0)
    host.wait(seconds=10.1)
    assert asked(host) == [GOODBYE]
    host.wait(seconds=14.8)
    assert host.conversation.phase is Phase.ACTIVE
    host.wait(seconds=0.2)
    assert host.ended.status is Status.TIMEOUT


def test_time_counts_from_the_agents_last_word() -> None:
    host = idle_host()
    host.wait(seconds=5)
    host.say(audio(1, bytes(8000 * 6)))
    host.wait(seconds=15.9)
    assert asked(host) == []
    host.wait(seconds=0.2)
    assert asked(host) == [CHECK_IN]


def test_audio_that_an_interruption_removed_does_not_count() -> None:
    host = idle_host()
    host.say(audio(1, bytes(8000 * 60)))
    host.wait(seconds=1)
    host.say(interruption(1))
    host.wait(seconds=10.1)
    assert asked(host) == [CHECK_IN]


@pytest.mark.parametrize("level_dbfs", [-20.0, -35.0])
def test_caller_who_speaks_is_not_idle(level_dbfs: float) -> None:
    host = idle_host()
    for _ in range(5):
        host.wait(seconds=8)
        caller_speaks(host, level_dbfs)
    assert asked(host) == []
    host.wait(seconds=10.1)
    assert asked(host) == [CHECK_IN]


def test_noise_and_clicks_are_no_speech() -> None:
    host = idle_host()
    host.wait(seconds=9)
    caller_speaks(host, -20.0, 0.06)
    caller_speaks(host, -50.0, 1.0)
    assert asked(host) == [CHECK_IN]


def test_key_is_a_sign_of_life() -> None:
    host = idle_host()
    host.wait(seconds=9)
    host.conversation.dtmf("5")
    host.wait(seconds=9.8)
    assert asked(host) == []


def test_caller_who_comes_back_during_the_goodbye_stays() -> None:
    host = idle_host(no_input_warnings=0)
    host.wait(seconds=10.1)
    host.say(audio(1, bytes(8000)))
    caller_speaks(host)
    host.wait(seconds=9)
    assert host.conversation.phase is Phase.ACTIVE
    host.wait(seconds=2)
    assert asked(host) == [GOODBYE, GOODBYE]


def test_silence_is_allowed_without_the_option() -> None:
    host = idle_host(no_input_seconds=0)
    host.wait(seconds=600)
    assert asked(host) == []
    assert host.conversation.phase is Phase.ACTIVE


def voice_is_heard(host: Host, seconds: float) -> None:
    """With its pauses, unlike a hum."""
    for _ in range(round(seconds)):
        caller_speaks(host, seconds=0.8)
        caller_speaks(host, level_dbfs=-80.0, seconds=0.2)


def test_a_television_is_not_the_caller() -> None:
    host = idle_host(no_input_hard_seconds=60, no_input_warnings=0)
    voice_is_heard(host, 68)
    assert asked(host) == []
    voice_is_heard(host, 3)
    assert asked(host) == [GOODBYE]


def test_who_is_understood_is_there_for_as_long_as_that_is_so() -> None:
    host = idle_host(no_input_hard_seconds=60)
    for _ in range(4):
        voice_is_heard(host, 50)
        host.say(transcript("I have been waiting"))
    assert asked(host) == []


def test_words_count_whatever_their_loudness() -> None:
    host = idle_host()
    host.wait(seconds=9)
    host.say(transcript("Hello?"))
    host.wait(seconds=9.9)
    assert asked(host) == []
    host.say(transcript("  "))
    host.wait(seconds=0.2)
    assert asked(host) == [CHECK_IN]


def test_what_the_agent_was_told_in_the_caller_s_place_is_no_sign_of_the_caller() -> None:
    """Deepgram tells it back."""
    host = idle_host(no_input_warnings=1)
    host.wait(seconds=10.1)
    assert asked(host) == [CHECK_IN]
    host.say(transcript(CHECK_IN))
    host.wait(seconds=10.1)
    assert asked(host) == [CHECK_IN, GOODBYE]


def test_loudness_counts_for_ever_where_nobody_tells_words() -> None:
    host = idle_host(no_input_hard_seconds=0)
    voice_is_heard(host, 400)
    assert asked(host) == []
    assert Settings.read_agent("x", {"provider": "twilio", "conversation_url": "wss://h/"}).values()[
        "no_input_hard_seconds"
    ] == 0  # fmt: skip
