"""The agent does not hear itself: its own voice that comes back is told from the caller."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine_host import PUBLIC, ULAW, Host, audio, metadata

from aiconvai.audio import Samples, decode, encode, resample
from aiconvai.engine.audio import AudioFormat, Encoding
from aiconvai.engine.events import Echo, Pause, Trouble, TroubleKind
from aiconvai.rig.talk.telephone import Telephone, at_level
from aiconvai.speech import speak

AGENT = (
    "Thank you for calling. I have looked up your booking, and there are three rooms that would suit you on that day; "
    "the first has a balcony and looks over the garden."
)
CALLER = "Excuse me, can I ask you something about the second one?"
FRAME = 160
TELEPHONES = {
    "usual": Telephone(),
    "near": Telephone(delay_ms=60),
    "far": Telephone(delay_ms=400),
    "loud": Telephone(return_loss_db=6),
    "quiet": Telephone(return_loss_db=25),
    "large room": Telephone(reverberation_seconds=0.6),
    "bad loudspeaker": Telephone(drive=0.4),
    "headset": Telephone(return_loss_db=None),
}


def agent_says(seconds: float, voice: str = "en+f3") -> Samples:
    return np.resize(at_level(speak(AGENT, 8000, voice), -20.0), round(seconds * 8000))


def caller_says(level_dbfs: float = -24.0) -> Samples:
    """From its first sound on."""
    said = at_level(speak(CALLER, 8000, "en-us+m4"), level_dbfs)
    return said[int(np.flatnonzero(np.abs(said) > 500)[0]) :]


def host_of(line_format: AudioFormat = ULAW, **options: Any) -> Host:
    host = Host(PUBLIC, line_format=line_format, **{"audio_frames_buffer_ms": 20, "interruption": "service", **options})
    host.start()
    return host


def converse(host: Host, agent: Samples, line: Samples, name: str = "ulaw_8000") -> Samples:
    """The caller hears the one while the other comes from the line; returns what the service hears, at 8 kHz."""
    before = len(host.uplink())
    line_format = host.conversation.line_format
    for at in range(0, len(line) - FRAME + 1, FRAME):
        piece = agent[at : at + FRAME]
        if len(piece) and np.abs(piece.astype(int)).max() > 0:
            rate = line_format.rate
            host.conversation.agent_heard(encode(resample(piece, 8000, rate) if rate != 8000 else piece, name))
        host.wait(ms=20)
        came = line[at : at + FRAME]
        rate = line_format.rate
        host.conversation.caller_audio(encode(resample(came, 8000, rate) if rate != 8000 else came, name))
        host.pump()
    return decode(b"".join(host.uplink()[before:]), "ulaw_8000")


def is_audible(samples: Samples) -> bool:
    return bool(np.abs(samples.astype(int)).max() > 100)


@pytest.mark.parametrize("telephone", TELEPHONES.values(), ids=TELEPHONES)
def test_the_service_does_not_hear_the_agent(telephone: Telephone) -> None:
    """Not from the first word of the first turn on."""
    host = host_of()
    agent = agent_says(10.0)
    heard = converse(host, agent, telephone.sends(agent, np.zeros(0, np.int16)))
    assert not is_audible(heard)
    report = host.conversation.stats().echo
    assert report.openings == 0
    if telephone.return_loss_db is not None:
        assert report.delay_ms == pytest.approx(telephone.delay_ms, abs=4)
        (told,) = host.told(Echo)
        assert told.delay_ms == report.delay_ms
        assert -35 <= told.return_db < 0
    else:
        assert host.told(Echo) == []
    assert report.closed_ms >= 9000


@pytest.mark.parametrize("telephone", TELEPHONES.values(), ids=TELEPHONES)
def test_an_agent_that_was_interrupted_does_not_hear_itself_when_it_answers(telephone: Telephone) -> None:
    """It falls silent while the caller goes on speaking, and speaks again a second after that."""
    host = host_of()
    begins, ends = 5 * 8000, 9 * 8000
    words = caller_says()[: ends - begins - 8000]
    agent = np.concatenate([agent_says(5.3), np.zeros(ends - round(5.3 * 8000), np.int16), agent_says(3.0)])
    caller = np.zeros(len(agent), np.int16)
    caller[begins : begins + len(words)] = words
    line = telephone.sends(agent, caller)
    converse(host, agent[:ends], line[:ends])
    before = host.conversation.stats().echo.openings
    assert before == 1
    heard = converse(host, agent[ends:], line[ends:])
    assert host.conversation.stats().echo.openings == before
    assert not is_audible(heard)


@pytest.mark.parametrize("telephone", TELEPHONES.values(), ids=TELEPHONES)
def test_the_service_hears_a_caller_who_speaks_over_the_agent(telephone: Telephone) -> None:
    """From the first sound on, and soon."""
    host = host_of()
    agent = agent_says(9.0)
    said = np.zeros(len(agent), np.int16)
    words = caller_says()
    begins = 6 * 8000
    said[begins : begins + len(words)] = words[: len(said) - begins]
    line = telephone.sends(agent, said)
    before = converse(host, agent[:begins], line[:begins])
    assert not is_audible(before)
    converse(host, agent[begins : begins + 1600], line[begins : begins + 1600])
    assert host.conversation.stats().echo.openings == 1, "within 200 ms"
    heard = converse(host, agent[begins + 1600 :], line[begins + 1600 :])
    assert is_audible(heard)
    # What was kept went before it.
    everything = decode(b"".join(host.uplink()), "ulaw_8000")
    spoken = line[begins + 400 : begins + 6400].astype(float)
    spoken -= spoken.mean()
    near = everything[begins - 400 : begins + 8000].astype(float)
    found = np.correlate(near, spoken, "valid")
    energies = np.sqrt(np.convolve(np.square(near), np.ones(len(spoken)), "valid")) * np.linalg.norm(spoken)
    assert (found / np.maximum(energies, 1)).max() > 0.95


def test_nothing_changes_while_the_agent_is_silent() -> None:
    host = host_of()
    line = Telephone().sends(np.zeros(24000, np.int16), caller_says())
    heard = converse(host, np.zeros(0, np.int16), line)
    assert np.array_equal(heard, decode(encode(line[: len(heard)], "ulaw_8000"), "ulaw_8000"))


def test_all_is_heard_again_after_the_agent_s_last_sound() -> None:
    """0.6 s later, with what came last."""
    host = host_of()
    agent = agent_says(4.0)
    heard = np.concatenate([agent, np.zeros(16000, np.int16)])
    said = np.zeros(len(heard), np.int16)
    words = caller_says()
    said[len(agent) + 8000 :][: len(words)] = words[:8000]
    line = Telephone().sends(heard, said)
    got = converse(host, heard, line)
    assert not is_audible(got[:32000])
    assert is_audible(got[-7000:])
    # As long as what came.
    assert len(line) - len(got) <= 2 * FRAME


def test_as_much_is_sent_as_came() -> None:
    host = host_of()
    agent = agent_says(6.0)
    got = converse(host, agent, Telephone().sends(agent, np.zeros(0, np.int16)))
    # 120 ms are kept.
    assert len(agent) - len(got) == pytest.approx(960, abs=2 * FRAME)


def test_a_line_of_another_rate() -> None:
    host = Host(PUBLIC, line_format=AudioFormat(Encoding.PCM16, 16000), audio_frames_buffer_ms=20,
        interruption="service")  # fmt: skip
    host.open()
    host.say(metadata("ulaw_8000", "ulaw_8000"))
    agent = agent_says(8.0)
    heard = converse(host, agent, Telephone().sends(agent, np.zeros(0, np.int16)), "pcm_16000")
    assert not is_audible(heard)
    assert host.conversation.stats().echo.delay_ms == pytest.approx(180, abs=4)


HEARS_ITSELF = "the agent hears itself: its voice comes back at "


@pytest.mark.parametrize("name", ["usual", "loud", "headset"])
def test_off_is_off_and_what_comes_of_it_is_said_once(name: str) -> None:
    """The service gets all that comes; that the agent hears itself is a trouble of the call."""
    host = host_of(echo_guard="off")
    agent = agent_says(8.0)
    line = TELEPHONES[name].sends(agent, np.zeros(0, np.int16))
    heard = converse(host, agent, line)
    assert np.array_equal(heard, decode(encode(line[: len(heard)], "ulaw_8000"), "ulaw_8000"))
    if name == "headset":
        assert (host.told(Echo), host.told(Trouble)) == ([], [])
        return
    (echo,), (trouble,) = host.told(Echo), host.told(Trouble)
    assert host.conversation.stats().echo.delay_ms == echo.delay_ms
    assert trouble.kind is TroubleKind.AGENT_HEARS_ITSELF
    assert trouble.text == f"{HEARS_ITSELF}{echo.return_db:.0f} dB, {echo.delay_ms} ms late, and echo_guard is off"


def test_an_agent_that_hears_all_is_looked_at_for_half_a_minute() -> None:
    host = host_of(echo_guard="off")
    agent, nothing = agent_says(31.0), np.zeros(31 * 8000, np.int16)
    converse(host, agent, nothing)
    converse(host, agent_says(8.0), Telephone().sends(agent_says(8.0), np.zeros(0, np.int16)))
    assert host.told(Echo) == []


def test_a_silent_caller_is_silent_though_the_agent_comes_back() -> None:
    host = host_of(no_input_seconds=10, no_input_message="Hello?")
    agent = agent_says(8.0)
    host.say(audio(1, bytes(64000)))
    converse(host, agent, Telephone(return_loss_db=6).sends(agent, np.zeros(0, np.int16)))
    host.wait(seconds=9.5)
    assert host.messages("user_message") == []
    host.wait(seconds=1)
    assert [message["text"] for message in host.messages("user_message")] == ["Hello?"]
    assert host.told(Pause) == []


def test_a_delay_that_jumps_is_found_again() -> None:
    host = host_of()
    agent = agent_says(12.0)
    line = Telephone(delay_ms=180).sends(agent, np.zeros(0, np.int16))
    later = Telephone(delay_ms=240).sends(agent, np.zeros(0, np.int16))
    line[48000:] = later[48000:]
    converse(host, agent, line)
    report = host.conversation.stats().echo
    assert report.delay_ms == pytest.approx(240, abs=4)
    assert report.openings == 0


@pytest.mark.parametrize("by_ms", [-120, -60, 60, 120])
def test_a_delay_that_jumps_is_not_taken_for_the_caller(by_ms: int) -> None:
    """As of a jitter buffer that grows or shrinks."""
    host = host_of()
    agent = agent_says(10.0)
    line = Telephone(return_loss_db=20).sends(agent, np.zeros(0, np.int16))
    later = Telephone(return_loss_db=20, delay_ms=180 + by_ms).sends(agent, np.zeros(0, np.int16))
    line[40000:] = later[40000:]
    converse(host, agent, line)
    report = host.conversation.stats().echo
    assert report.delay_ms == pytest.approx(180 + by_ms, abs=4)
    assert report.openings == 0


@pytest.mark.parametrize("begins_ms", [1000, 1500, 2500])
@pytest.mark.parametrize("voice", ["en-us+f4", "en-gb+m3", "en-us+m7", "en-gb+f5"])
def test_a_caller_with_a_headset_is_heard_from_the_first_second_on(voice: str, begins_ms: int) -> None:
    host = host_of()
    agent = agent_says(8.0)
    begins = begins_ms * 8
    words = at_level(speak("Sorry, can I stop you there? I only want the first one.", 8000, voice), -22.0)
    words = words[int(np.flatnonzero(np.abs(words) > 250)[0]) :]
    said = np.zeros(len(agent), np.int16)
    said[begins : begins + len(words)] = words
    line = Telephone(return_loss_db=None).sends(agent, said)
    converse(host, agent[: begins + 1600], line[: begins + 1600])
    assert host.conversation.stats().echo.openings == 1


@pytest.mark.parametrize("loss_db", [12, 18, 22, 25, 28, 32])
@pytest.mark.parametrize("begins_ms", [1500, 3000])
def test_who_interrupts_does_not_move_the_delay(begins_ms: int, loss_db: float) -> None:
    """What the agent says next would be taken for the caller."""
    host = host_of()
    begins = begins_ms * 8
    ends = begins + 4 * 8000
    spoken = agent_says((begins_ms + 300) / 1000, "en-us+m2")
    agent = np.concatenate([spoken, np.zeros(ends - len(spoken), np.int16), agent_says(3.0, "en-us+m2")])
    caller = np.zeros(len(agent), np.int16)
    words = caller_says()[: 3 * 8000]
    caller[begins : begins + len(words)] = words
    converse(host, agent, Telephone(return_loss_db=loss_db).sends(agent, caller))
    report = host.conversation.stats().echo
    assert report.delay_ms == pytest.approx(180, abs=4)
    assert report.openings == 1


def test_packets_that_were_lost_do_not_move_the_time_line() -> None:
    """A host that fills nothing in: what comes later comes at its time."""
    host = host_of()
    agent = agent_says(12.0)
    line = Telephone().sends(agent, np.zeros(0, np.int16))
    for at in range(0, len(line) - FRAME + 1, FRAME):
        host.conversation.agent_heard(encode(agent[at : at + FRAME], "ulaw_8000"))
        host.wait(ms=20)
        if not 30000 <= at < 31600:
            host.conversation.caller_audio(encode(line[at : at + FRAME], "ulaw_8000"))
        host.pump()
    assert host.conversation.stats().echo.delay_ms == pytest.approx(180, abs=4)


@pytest.mark.parametrize("late_packets", [2, 4, 8])
def test_packets_that_come_late_and_together(late_packets: int) -> None:
    """As a network has them, twice a second: nothing is missing, and the time line stays."""
    host = host_of()
    agent = agent_says(12.0)
    line = Telephone().sends(agent, np.zeros(0, np.int16))
    waiting: list[bytes] = []
    for number, at in enumerate(range(0, len(line) - FRAME + 1, FRAME)):
        host.conversation.agent_heard(encode(agent[at : at + FRAME], "ulaw_8000"))
        host.wait(ms=20)
        waiting.append(encode(line[at : at + FRAME], "ulaw_8000"))
        if number < 25 or number % 25 >= late_packets:
            for packet in waiting:
                host.conversation.caller_audio(packet)
            waiting.clear()
        host.pump()
    report = host.conversation.stats().echo
    assert report.delay_ms == pytest.approx(180, abs=10)
    assert report.openings == 0


def test_a_loop_that_stood_still_gives_its_frames_at_once() -> None:
    host = host_of()
    agent = agent_says(12.0)
    line = Telephone().sends(agent, np.zeros(0, np.int16))
    waiting: list[bytes] = []
    for number, at in enumerate(range(0, len(line) - FRAME + 1, FRAME)):
        waiting.append(encode(agent[at : at + FRAME], "ulaw_8000"))
        if number % 100 < 94:
            for frame in waiting:
                host.conversation.agent_heard(frame)
            waiting.clear()
        host.wait(ms=20)
        host.conversation.caller_audio(encode(line[at : at + FRAME], "ulaw_8000"))
        host.pump()
    assert host.conversation.stats().echo.delay_ms == pytest.approx(180, abs=70)


def test_an_agent_that_answers_at_once_does_not_hear_its_first_word() -> None:
    """Sooner than a pause within what the caller says would be over."""
    host = host_of()
    first, second = agent_says(5.0), agent_says(3.0, "en+f3")
    words = caller_says()[:8000]
    heard = np.concatenate([first, np.zeros(len(words) + 12000, np.int16), second])
    said = np.zeros(len(heard), np.int16)
    said[len(first) + 8000 : len(first) + 8000 + len(words)] = words
    line = Telephone().sends(heard, said)
    converse(host, heard, line)
    got = decode(b"".join(host.uplink()), "ulaw_8000")
    answer = len(first) + len(words) + 12000
    assert is_audible(got[len(first) + 8000 : answer])
    assert not is_audible(got[answer + 1440 + 160 :])
