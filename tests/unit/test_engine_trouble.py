"""Why a call is silent or goes badly is told once, and stands in the reason of its end."""

from __future__ import annotations

import pytest
from engine_host import PUBLIC, Host, audio, metadata, tool_call, transcript

from aiconvai.audio import encode
from aiconvai.engine.conversation import Phase
from aiconvai.engine.events import Status, Trouble, TroubleKind
from aiconvai.rig.talk.telephone import at_level
from aiconvai.speech import speak

SILENCE = b"\xff" * 160
LOUD = encode(at_level(speak("Good day, I would like to know when you are open tomorrow.", 8000), -20.0), "ulaw_8000")


def call(host: Host, seconds: float, sound: bytes = SILENCE) -> None:
    """The line carries so much of that, over and over."""
    for at in range(round(seconds * 50)):
        host.wait(ms=20)
        begin = at * 160 % (len(sound) - 159)
        host.conversation.caller_audio(sound[begin : begin + 160])
    host.pump()


def told(host: Host) -> list[TroubleKind]:
    return [trouble.kind for trouble in host.told(Trouble)]


@pytest.fixture
def host() -> Host:
    started = Host(PUBLIC, echo_guard="off", answer_timeout_ms=0, service_silence_seconds=0)
    started.start()
    return started


def test_a_call_without_trouble(host: Host) -> None:
    for turn in range(1, 5):
        call(host, 5, LOUD)
        host.say(transcript("When are you open?"))
        host.say(audio(turn, LOUD))
        call(host, 8)
    assert told(host) == []
    assert host.conversation.stats().trouble == ""
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.ended.reason == "the caller hung up"


def test_no_packet_has_ever_come(host: Host) -> None:
    host.wait(seconds=2.9)
    assert told(host) == []
    host.wait(seconds=10)
    (trouble,) = host.told(Trouble)
    assert trouble == Trouble(TroubleKind.NO_CALLER_AUDIO, "no audio has come from the caller at all, for 3 s")
    assert host.conversation.stats().trouble == "no audio has come from the caller at all, for 12 s"
    host.conversation.end(Status.CALLER_HANGUP, "the caller hung up")
    host.pump()
    assert host.ended.reason == "the caller hung up; no audio has come from the caller at all, for 12 s"
    assert host.ended.status is Status.CALLER_HANGUP


def test_packets_that_stop_and_come_again(host: Host) -> None:
    call(host, 5, LOUD)
    host.say(transcript("When are you open?"))
    host.wait(seconds=14)
    assert told(host) == []
    host.wait(seconds=2)
    assert told(host) == [TroubleKind.NO_CALLER_AUDIO]
    call(host, 2)
    host.wait(seconds=1)
    assert host.conversation.stats().trouble == ""
    host.wait(seconds=20)
    # It stands again, and is not told again.
    assert len(told(host)) == 1
    assert "from the caller for 2" in host.conversation.stats().trouble


def test_on_hold_nothing_is_missing(host: Host) -> None:
    call(host, 1, LOUD)
    host.conversation.hold(is_on=True)
    host.wait(seconds=60)
    assert told(host) == []
    assert host.conversation.stats().trouble == "the caller's side is on hold"
    host.conversation.hold(is_on=False)
    host.wait(seconds=2)
    assert host.conversation.stats().trouble == ""


def test_a_muted_microphone(host: Host) -> None:
    call(host, 19)
    assert told(host) == []
    call(host, 3)
    (trouble,) = host.told(Trouble)
    assert trouble.kind is TroubleKind.SILENT_CALLER
    assert trouble.text.startswith("the audio that comes from the caller is silent: -9")
    call(host, 2, LOUD)
    assert host.conversation.stats().trouble == ""


def test_how_long_a_side_is_silent_is_told_in_whole_seconds(host: Host) -> None:
    call(host, 30)
    (trouble,) = host.told(Trouble)
    assert trouble.text == "the audio that comes from the caller is silent: -99 dBFS in 20 s"


def test_a_service_that_shows_no_sign_of_what_was_said(host: Host) -> None:
    call(host, 6, LOUD)
    call(host, 4)
    assert told(host) == []
    call(host, 3)
    (trouble,) = host.told(Trouble)
    assert trouble.kind is TroubleKind.UNHEARD_CALLER
    assert trouble.text.startswith("the caller has spoken for ")
    assert trouble.text.endswith(" chunks, shows no sign of it")
    host.say(transcript("When are you open?"))
    host.wait(seconds=1.1)
    assert host.conversation.stats().trouble == ""


def test_a_tool_is_a_sign_of_it(host: Host) -> None:
    call(host, 6, LOUD)
    host.say(tool_call("t1", "find", {}))
    call(host, 9)
    assert told(host) == []


def test_audio_of_the_agent_with_nothing_in_it(host: Host) -> None:
    for _ in range(4):
        host.say(audio(1, SILENCE * 50))
        call(host, 1, LOUD)
    assert told(host) == []
    host.say(audio(1, SILENCE * 100))
    call(host, 1.1, LOUD)
    (trouble,) = host.told(Trouble)
    assert trouble.kind is TroubleKind.SILENT_AGENT
    assert "-99 dBFS in 6 s" in trouble.text
    host.say(audio(2, LOUD))
    call(host, 1.1, LOUD)
    assert host.conversation.stats().trouble == ""


def test_a_reason_that_is_long_stays_whole(host: Host) -> None:
    host.wait(seconds=5)
    reason = "r" * 300
    host.conversation.end(Status.COMPLETED, reason)
    host.pump()
    assert host.ended.reason == reason


def test_before_the_agent_is_there_nothing_is_amiss() -> None:
    host = Host(PUBLIC, handshake_timeout_seconds=30)
    host.open()
    host.wait(seconds=20)
    assert told(host) == []
    host.say(metadata())
    assert host.conversation.phase is Phase.ACTIVE
    host.wait(seconds=2.5)
    assert told(host) == []
