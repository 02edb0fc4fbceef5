"""When the caller speaks and has finished, where it is decided here: what the service is told and sent."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import test_provider_gemini as gemini
import test_provider_openai as openai
import test_provider_websocket as websocket
from engine_host import Host
from test_engine_echo_guard import caller_says

from aiconvai.audio import Samples, decode, encode, tone
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.events import Interrupted, Pause
from aiconvai.engine.settings import Settings
from aiconvai.mock.strict_json import read_message
from aiconvai.rig.talk.sounds import Kind, sound_of
from aiconvai.rig.talk.telephone import at_level
from aiconvai.speech import speak
from aiconvai.websocket_protocol import CLIENT_MESSAGES, TurnEnded, TurnStarted

LINE = AudioFormat(Encoding.PCM16, 8000)
FRAME = 160
OPTIONS = {"turns": "local", "audio_frames_buffer_ms": 40, "vad_silence_duration_ms": 500}


def openai_host(**options: Any) -> Host:
    host = Host(openai.AGENT, line_format=LINE, **{**OPTIONS, **options})
    openai.start(host)
    return host


def gemini_host(**options: Any) -> Host:
    host = Host(gemini.AGENT, line_format=LINE, **{**OPTIONS, **options})
    gemini.start(host)
    return host


def websocket_host(**options: Any) -> Host:
    host = Host(websocket.AGENT, line_format=LINE, **{**OPTIONS, **options})
    websocket.start(host)
    return host


def line_gives(host: Host, samples: Samples) -> None:
    """Packet after packet, on the clock."""
    whole = samples[: samples.size // FRAME * FRAME]
    for frame in whole.reshape(-1, FRAME):
        host.conversation.caller_audio(frame.astype("<i2").tobytes())
        host.wait(ms=20)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 8000), dtype=np.int16)


def word(text: str = "Stop!") -> Samples:
    """From its first to its last sound."""
    said = at_level(speak(text, 8000, "en-us+m4"), -20.0)
    loud = np.flatnonzero(np.abs(said) > 500)
    return said[loud[0] : loud[-1] + 1]


Said = tuple[str, Samples]


def told(host: Host) -> list[Said]:
    """What the service was told of turns, each with the audio that was sent since the one before, at 8 kHz."""
    seen: list[Said] = []
    audio = silence(0)
    for message in host.sent:
        kind, piece = openai_message(message) or gemini_message(message) or websocket_message(message) or ("", None)
        if piece is not None:
            audio = np.concatenate((audio, piece))
        elif kind:
            seen.append((kind, audio))
            audio = silence(0)
    return [*seen, ("", audio)]


def openai_message(message: dict[str, Any]) -> tuple[str, Samples | None] | None:
    kind = str(message.get("type"))
    if kind == "input_audio_buffer.append":
        return "audio", decode(base64.b64decode(message["audio"]), "ulaw_8000")
    return ("over", None) if kind == "input_audio_buffer.commit" else None


def gemini_message(message: dict[str, Any]) -> tuple[str, Samples | None] | None:
    given = message.get("realtimeInput", {})
    if "audio" in given:
        return "audio", decode(base64.b64decode(given["audio"]["data"]), "pcm_16000")[::2]
    return ("begun", None) if "activityStart" in given else ("over", None) if "activityEnd" in given else None


def websocket_message(message: dict[str, Any]) -> tuple[str, Samples | None] | None:
    kind = str(message.get("type"))
    if kind == "audio.input":
        return "audio", decode(base64.b64decode(message["audio"]), "ulaw_8000")
    return {"turn.started": ("begun", None), "turn.ended": ("over", None)}.get(kind)


HOSTS = pytest.mark.parametrize(
    ("host_of", "tells_beginnings"),
    [(openai_host, False), (gemini_host, True), (websocket_host, True)],
    ids=["openai", "gemini", "websocket"],
)


@HOSTS
def test_a_turn_is_all_that_the_service_is_sent(host_of: Callable[..., Host], tells_beginnings: bool) -> None:
    host = host_of()
    line_gives(host, np.concatenate((silence(2.0), caller_says(), silence(2.0))))
    before, *parts = told(host) if tells_beginnings else [("begun", silence(0)), *told(host)]
    assert before[0] == "begun"
    assert before[1].size == 0, "nothing is sent before"
    (over, turn), (rest, after) = parts
    assert (over, rest) == ("over", "")
    assert after.size == 0, "nor after"
    said = caller_says()
    loud = np.flatnonzero(np.abs(turn.astype(int)) > 500)
    assert 8000 * 0.3 < loud[0] < 8000, "a moment before the first sound is there"
    assert loud[-1] - loud[0] == pytest.approx(np.flatnonzero(np.abs(said.astype(int)) > 500)[-1], abs=400)
    assert turn.size - loud[-1] == pytest.approx(8000 * 0.5, abs=8000 * 0.12)


@HOSTS
def test_one_turn_after_the_other(host_of: Callable[..., Host], tells_beginnings: bool) -> None:
    host = host_of()
    line_gives(host, np.concatenate([*[np.concatenate((word(), silence(1.5))) for _ in range(3)]]))
    kinds = [kind for kind, _ in told(host)]
    assert kinds == [*(["begun", "over"] if tells_beginnings else ["over"]) * 3, ""]
    for kind, audio in told(host):
        assert (np.count_nonzero(np.abs(audio.astype(int)) > 500) > 0) == (kind == "over")


@pytest.mark.parametrize("kind", [Kind.COUGH, Kind.DOOR])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_no_voice_begins_no_turn(kind: Kind, seed: int) -> None:
    host = openai_host()
    sounds = np.concatenate((silence(2.0), sound_of(kind, seed).samples, silence(1.5)))
    line_gives(host, (sounds + np.random.default_rng(seed).normal(0, 60, sounds.size)).astype(np.int16))
    assert told(host) == [("", pytest.approx(silence(0)))]


def test_noise_begins_no_turn() -> None:
    host = openai_host()
    line_gives(host, (np.random.default_rng(1).normal(0, 300, 8000 * 5)).astype(np.int16))
    assert [kind for kind, _ in told(host)] == [""]


def test_a_pause_within_a_turn_is_part_of_it() -> None:
    host = openai_host(vad_silence_duration_ms=800)
    line_gives(host, np.concatenate((word("Well"), silence(0.6), word("not today"), silence(2.0))))
    assert [kind for kind, _ in told(host)] == ["over", ""]


def test_the_answer_is_asked_for_when_the_turn_is_over() -> None:
    host = openai_host(interruption="confirmed")
    line_gives(host, np.concatenate((word(), silence(1.0))))
    assert openai.asked(host) == []
    host.say({"type": "input_audio_buffer.committed", "item_id": "item_u", "previous_item_id": None})
    assert len(openai.asked(host)) == 1


def test_the_service_is_told_not_to_look_for_turns() -> None:
    host = Host(openai.AGENT, **OPTIONS)
    assert openai.start(host)["audio"]["input"]["turn_detection"] is None
    host = Host(openai.AGENT, dialect="xai", **OPTIONS)
    assert openai.start(host)["turn_detection"] is None
    host = Host(gemini.AGENT, **OPTIONS)
    assert gemini.start(host)["realtimeInputConfig"]["automaticActivityDetection"] == {"disabled": True}
    init = websocket.start(Host(websocket.AGENT, **OPTIONS))
    assert init["config"]["vad_enabled"] is False
    assert "turns" in init["extensions"]
    assert "turns" not in websocket.start(Host(websocket.AGENT))["extensions"]


def test_the_protocol_of_servers_of_ones_own_has_it() -> None:
    host = websocket_host()
    line_gives(host, np.concatenate((word(), silence(1.0))))
    kinds = {type(read_message(message, "type", CLIENT_MESSAGES)) for message in host.sent}
    assert {TurnStarted, TurnEnded} < kinds


def test_services_that_cannot_be_told_do_not_have_the_option() -> None:
    (problem,) = Settings.read_agent("sales", {"agent_id": "a", "turns": "local"}).problems
    assert "turns" in problem


# Beside an agent who speaks ---------------------------------------------------------------------------


def speaking(**options: Any) -> Host:
    """The agent has 8 s to say, of which 1 s was heard."""
    host = openai_host(interruption="confirmed", echo_guard="off", **options)
    openai.respond(host, "resp_1")
    openai.audio(host, "resp_1", "item_1", bytes(8000 * 8))
    host.hear(50)
    line_gives(host, silence(1.0))
    return host


def test_who_goes_on_speaking_interrupts_the_agent() -> None:
    host = speaking()
    line_gives(host, caller_says()[: 8000 * 2])
    assert len(host.told(Interrupted)) == 1
    assert len(host.messages("response.cancel")) == 1


def test_a_cough_does_not_even_pause_it() -> None:
    host = speaking()
    line_gives(host, np.concatenate((at_level(sound_of(Kind.COUGH, 1).samples, -16.0), silence(1.0))))
    assert host.told(Pause) == []


def test_a_word_interrupts_it_once_the_service_has_understood() -> None:
    host = speaking()
    line_gives(host, np.concatenate((word(), silence(0.7))))
    assert [event.is_on for event in host.told(Pause)][:1] == [True]
    host.say({"type": "input_audio_buffer.committed", "item_id": "item_u", "previous_item_id": None})
    assert openai.asked(host) == [], "it may have been nothing"
    transcription = "conversation.item.input_audio_transcription.completed"
    host.say({"type": transcription, "item_id": "item_u", "content_index": 0, "transcript": "Stop!"})
    assert len(host.told(Interrupted)) == 1
    openai.done(host, "resp_1", "cancelled")
    assert len(openai.asked(host)) == 1


# What happens on the way ------------------------------------------------------------------------------


def test_what_was_said_before_the_service_is_there_is_a_turn() -> None:
    host = Host(gemini.AGENT, line_format=LINE, **OPTIONS)
    host.open()
    line_gives(host, np.concatenate((silence(0.5), word("Hello"), silence(1.0))))
    host.say({"setupComplete": {"sessionId": "s1"}})
    assert [kind for kind, _ in told(host)] == ["begun", "over", ""]
    assert np.count_nonzero(np.abs(told(host)[1][1].astype(int)) > 500) > 0


def test_a_turn_lasts_for_a_minute_at_the_most() -> None:
    """A television."""
    host = openai_host()
    line_gives(host, np.resize(caller_says(), 8000 * 70))
    turns = [audio for kind, audio in told(host) if kind == "over"]
    assert len(turns) == 1
    assert turns[0].size / 8000 == pytest.approx(60, abs=1.5)


def test_a_caller_who_is_put_on_hold_has_finished() -> None:
    host = openai_host()
    line_gives(host, caller_says()[:8000])
    host.conversation.hold(True)
    host.wait(seconds=2)
    assert [kind for kind, _ in told(host)] == ["over", ""]
    assert told(host)[-1][1].size == 0


def test_a_session_that_takes_over_is_told_that_the_caller_speaks() -> None:
    host = gemini_host()
    line_gives(host, caller_says()[:8000])
    host.conversation.closed(1011, "")
    host.pump()
    host.wait(seconds=0.1)
    host.sent.clear()
    host.conversation.connected()
    host.pump()
    host.say({"setupComplete": {"sessionId": "s2"}})
    line_gives(host, np.concatenate((caller_says()[8000:12000], silence(1.0))))
    assert [kind for kind, _ in told(host)] == ["begun", "over", ""]


def test_audio_that_waits_is_sent_before_the_end_of_its_turn() -> None:
    host = openai_host()
    line_gives(host, np.concatenate((word(), silence(0.2))))
    host.writable = False
    line_gives(host, silence(1.0))
    assert [kind for kind, _ in told(host)] == [""]
    host.writable = True
    host.pump()
    assert [kind for kind, _ in told(host)] == ["over", ""]
    assert told(host)[1][1].size == 0


@pytest.mark.parametrize("form", ["ulaw_8000", "slin16"])
def test_other_lines(form: str) -> None:
    line = AudioFormat(Encoding.ULAW, 8000) if form == "ulaw_8000" else AudioFormat(Encoding.PCM16, 16000)
    host = Host(websocket.AGENT, line_format=line, **OPTIONS)
    websocket.start(host)
    rate = line.rate
    sounds = np.concatenate((np.zeros(rate, np.int16), tone(180.0, 0.6, rate, -20.0), np.zeros(rate, np.int16)))
    data = encode(sounds, "ulaw_8000" if form == "ulaw_8000" else "pcm_16000")
    frame = rate // 50 * (1 if form == "ulaw_8000" else 2)
    for at in range(0, len(data), frame):
        host.conversation.caller_audio(data[at : at + frame])
        host.wait(ms=20)
    assert [kind for kind, _ in told(host)] == ["begun", "over", ""]


def test_words_of_ours_are_a_turn_of_their_own() -> None:
    host = gemini_host()
    host.conversation.user_message("What is it?")
    host.pump()
    inputs = [next(iter(message["realtimeInput"])) for message in host.sent if "realtimeInput" in message]
    assert inputs == ["activityStart", "text", "activityEnd"]


def test_a_turn_that_the_service_does_not_take_keeps_no_answer_waiting() -> None:
    host = openai_host()
    line_gives(host, np.concatenate((word(), silence(1.0))))
    (commit,) = host.messages("input_audio_buffer.commit")
    openai.refuse(host, commit["event_id"], "input_audio_buffer_commit_empty", "less than 100 ms")
    host.conversation.user_message("Are you there?")
    host.pump()
    assert len(openai.asked(host)) == 1
