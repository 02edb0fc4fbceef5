"""The rig itself: what it measures and reports must be true before it is used to judge the module."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from compiled import compile_module
from hearing import check_pace

from aiconvai.audio import Samples, read_wav, resample, rms_dbfs, tone
from aiconvai.rig.asterisk import Asterisk, AsteriskCrashed, AsteriskError, AsteriskVersion, LeakCheck, LeakError
from aiconvai.rig.caller import Call, Caller, CallFailed, State, find, similarity, tone_burst_round_trip

CODECS = ("ulaw", "alaw", "g722", "slin16")
LEAKS = 5


@pytest.fixture(scope="session")
def speech(tmp_path_factory: pytest.TempPathFactory) -> tuple[Samples, int]:
    """A spoken sentence and its sample rate."""
    path = tmp_path_factory.mktemp("speech") / "sentence.wav"
    subprocess.run(
        ["espeak-ng", "-w", str(path), "Good morning, I would like to change my appointment."],
        check=True,
        capture_output=True,
    )
    return read_wav(path)


@pytest.mark.parametrize("codec", CODECS)
def test_speech_comes_back_from_echo(plain_caller: Caller, speech: tuple[Samples, int], codec: str) -> None:
    call = plain_caller.call("echo", codec).wait_answered()
    samples, rate = speech
    call.play(samples, rate).wait()
    _hear_the_rest(call)
    heard = call.heard_samples()
    said = resample(samples, rate, call.sample_rate)
    assert similarity(said, heard) > 0.98
    assert rms_dbfs(heard) > -40
    assert call.lost() == 0
    assert call.hangup().by == "local"


def test_packets_keep_their_spacing(plain_caller: Caller) -> None:
    call = plain_caller.call("echo").wait_answered()
    call.wait_heard(150)
    check_pace(call.sent_spacing_ms())
    check_pace(call.heard_spacing_ms())


@pytest.mark.parametrize("codec", CODECS)
def test_round_trip_through_echo_is_short(plain_caller: Caller, codec: str) -> None:
    call = plain_caller.call("echo", codec).wait_answered()
    trips = [tone_burst_round_trip(call) for _ in range(5)]
    # Echo() returns a packet at once; G.722's filters delay by 22 samples at 16 kHz.
    floor = 1.2 if codec == "g722" else 0.0
    assert floor <= min(trip.delay_ms for trip in trips) < floor + 5.0
    assert all(trip.similarity > 0.95 for trip in trips)


@pytest.mark.alone
def test_a_known_delay_is_measured(plain_caller: Caller) -> None:
    """The same sentence twice, 1,234 samples apart, is found where it lies."""
    burst = tone(700, 0.1, 8000)
    call = plain_caller.call("echo").wait_answered()
    gap = np.zeros(1234, dtype=np.int16)
    first = call.play(burst)
    call.play(gap)
    chirp = np.concatenate([tone(hz, 0.03, 8000) for hz in (500, 900, 1700)])
    second = call.play(chirp)
    second.wait()
    _hear_the_rest(call)
    assert first.started_ns is not None
    assert second.started_ns is not None
    heard = call.heard_samples()
    assert find(chirp, heard).position - find(burst, heard).position == pytest.approx(len(burst) + len(gap), abs=1.0)
    assert (second.started_ns - first.started_ns) / 1e6 == pytest.approx((len(burst) + 1234) / 8, abs=10.0)


def test_silence_is_withheld_on_request(plain_caller: Caller) -> None:
    call = plain_caller.call("echo", send_silence=False).wait_answered()
    call.play(tone(440, 0.2, 8000)).wait()
    call.wait_heard(10)
    call.wait_for_silence(duration_ms=100, since=time.monotonic())
    assert len(call.sent) == 10
    call.play(tone(440, 0.2, 8000)).wait()
    call.wait_heard(20)
    assert len(call.sent) == 20
    assert [packet.marker for packet in call.sent].count(True) == 2


def test_keys_arrive_and_come_back(plain_asterisk: Asterisk, plain_caller: Caller) -> None:
    mark = plain_asterisk.log_position()
    call = plain_caller.call("dtmf").wait_answered()
    call.send_dtmf("12#")
    # '#' ends Read(), so the two digits before it are what it read and what is sent back.
    plain_asterisk.wait_for_log(r"rig read digits '12'", since=mark)
    call.wait_dtmf("12")
    assert call.wait_ended().by == "remote"


def test_early_media_is_heard_before_the_answer(plain_caller: Caller) -> None:
    call = plain_caller.call("early-echo").wait_early_media()
    assert call.state is State.EARLY
    heard_at = call.wait_for_sound()
    assert call.state is State.EARLY
    call.wait_answered()
    assert call.answered is not None
    assert heard_at < call.answered
    tone_burst_round_trip(call)


def test_headers_and_number_reach_the_dialplan(make_asterisk: Callable[..., Asterisk]) -> None:
    asterisk = make_asterisk(
        extensions="""
exten => who,1,Answer()
 same => n,Verbose(1,who ${CALLERID(num)}/${CALLERID(name)}/${PJSIP_HEADER(read,X-Customer-ID)})
 same => n,Hangup()
"""
    )
    with Caller(asterisk.sip_port) as caller:
        call = caller.call("who", headers={"X-Customer-ID": "C-77"}, caller_number="+4930123", caller_name="Ada")
        reason = call.wait_ended()
    assert reason.by == "remote"
    asterisk.wait_for_log(r"who \+4930123/Ada/C-77")


def test_refusals_are_told(plain_caller: Caller) -> None:
    with pytest.raises(CallFailed) as refused:
        plain_caller.call("no-such-extension").wait_answered()
    assert refused.value.reason.by == "rejected"
    assert refused.value.code == 404
    assert plain_caller.call("reject").wait_ended().code == 403


def test_cancel(plain_caller: Caller) -> None:
    call = plain_caller.call("early-echo").wait_early_media()
    reason = call.hangup()
    assert (reason.by, reason.code) == ("local", 487)
    at_once = plain_caller.call("early-echo")
    assert at_once.hangup().by == "local"


def _hear_the_rest(call: Call) -> None:
    """What was sent until now is certain to be back when so many later packets are."""
    call.wait_heard(10, since=time.monotonic())


def _bridged(caller: Caller) -> tuple[Call, Call]:
    outgoing = caller.call(f"5{caller.port}")
    incoming = caller.wait_incoming()
    incoming.ring()
    outgoing.wait_ringing()
    incoming.answer()
    outgoing.wait_answered()
    # Answered is not yet bridged, and Asterisk refuses to transfer who is in no bridge.
    outgoing.wait_heard(1)
    incoming.wait_heard(1)
    return outgoing, incoming


def _hears_echo(call: Call) -> None:
    """A transfer is reported before it is made: Echo() is there once something comes back, and nobody else sends."""
    call.wait_heard(1, since=time.monotonic())


def _hears(listener: Call, talker: Call, hz: float) -> None:
    sound = tone(hz, 0.4, talker.sample_rate)
    before = time.monotonic()
    talker.play(sound).wait()
    listener.wait_for_silence(since=listener.wait_for_sound(since=before), duration_ms=100)
    assert similarity(resample(sound, talker.sample_rate, listener.sample_rate), listener.heard_samples()) > 0.9


def test_two_parties_hear_each_other(plain_caller: Caller) -> None:
    outgoing, incoming = _bridged(plain_caller)
    _hears(incoming, outgoing, 500)
    _hears(outgoing, incoming, 900)
    outgoing.hangup()
    assert incoming.wait_ended().by == "remote"


def test_attended_transfer(plain_caller: Caller) -> None:
    """The transferrer talks to a customer, calls Echo(), and connects the two."""
    transferrer, customer = _bridged(plain_caller)
    consultation = plain_caller.call("echo").wait_answered()
    transferrer.transfer_attended(consultation)
    assert not transferrer.alive
    assert not consultation.alive
    _hears_echo(customer)
    assert tone_burst_round_trip(customer).delay_ms < 50
    customer.hangup()


def test_blind_transfer(plain_caller: Caller) -> None:
    transferrer, customer = _bridged(plain_caller)
    transferrer.transfer_blind("echo")
    assert not transferrer.alive
    _hears_echo(customer)
    tone_burst_round_trip(customer)
    customer.hangup()


def test_hold_and_resume(plain_caller: Caller) -> None:
    outgoing, incoming = _bridged(plain_caller)
    _hears(incoming, outgoing, 500)
    outgoing.hold()
    # The other party gets music on hold: the rig's 440 Hz.
    held = time.monotonic()
    incoming.wait_for_sound(since=held)
    outgoing.unhold()
    incoming.wait_for_silence(since=time.monotonic())
    _hears(incoming, outgoing, 900)
    outgoing.hangup()


def _change_codec(call: Call, codec_name: str) -> None:
    """Asterisk's Echo() ends the call where it has a frame in its hands while the codecs change: it cannot write it any
    more. So nothing is under way then.
    """
    call.stream.paused = True
    call.wait_for_silence(since=time.monotonic())
    call.reinvite(codec_name)
    call.stream.paused = False


def test_codec_changes_in_the_middle_of_a_call(plain_caller: Caller) -> None:
    call = plain_caller.call("echo", "ulaw").wait_answered()
    tone_burst_round_trip(call)
    _change_codec(call, "slin16")
    assert call.sample_rate == 16000
    assert tone_burst_round_trip(call).similarity > 0.95
    _change_codec(call, "alaw")
    assert tone_burst_round_trip(call).similarity > 0.95
    assert {packet.payload_type for packet in call.heard} == {0, 118, 8}


def test_recording_has_both_sides_on_one_axis(plain_caller: Caller, tmp_path: Path) -> None:
    call = plain_caller.call("echo").wait_answered()
    tone_burst_round_trip(call)
    call.hangup()
    call.recording(tmp_path / "call.wav")
    stereo, rate = read_wav(tmp_path / "call.wav")
    assert rate == 8000
    left, right = stereo[:, 0], stereo[:, 1]
    assert find(left, np.concatenate([right, np.zeros(800, dtype=np.int16)])).position == pytest.approx(0, abs=80)


@pytest.mark.alone
def test_twenty_calls_at_once(plain_caller: Caller) -> None:
    calls = [plain_caller.call("echo") for _ in range(20)]
    for call in calls:
        call.wait_answered()
    burst = tone(600, 0.5, 8000)
    for call in calls:
        call.play(burst)
    for call in calls:
        call.wait_heard(100)
    for call in calls:
        assert call.lost() == 0
        check_pace(call.sent_spacing_ms())
        assert similarity(burst, call.heard_samples()) > 0.9
        call.hangup()


def test_numbers_of_the_process_are_real(plain_asterisk: Asterisk, plain_caller: Caller) -> None:
    assert Path(f"/proc/{plain_asterisk.pid}/comm").read_text().strip() == "asterisk"
    # Not counted anew: something of the command line's last connection may still be there.
    before = LeakCheck(plain_asterisk).before
    threads, fds, cpu = before.threads, len(before.open_files), plain_asterisk.cpu_seconds()
    calls = [plain_caller.call("echo").wait_answered() for _ in range(5)]
    for call in calls:
        call.wait_heard()
    assert len(plain_asterisk.channels()) == 5
    assert plain_asterisk.threads() >= threads + 5
    assert plain_asterisk.fds() >= fds + 10
    assert plain_asterisk.module_use_count("app_echo.so") == 5
    for call in calls:
        call.wait_heard(50)
        call.hangup()
    assert plain_asterisk.cpu_seconds() > cpu
    assert plain_asterisk.rss_kb() > 20_000


def test_command_line_and_manager_agree(plain_asterisk: Asterisk, plain_caller: Caller) -> None:
    assert "aiconvai-rig" in plain_asterisk.cli("pjsip show settings")
    mark = plain_asterisk.ami.position()
    call = plain_caller.call("echo").wait_answered()
    event = plain_asterisk.ami.wait_for("Newexten", lambda one: one.get("Application") == "Echo", since=mark)
    assert event["Channel"] in plain_asterisk.channels()
    call.hangup()
    plain_asterisk.ami.wait_for("Hangup", lambda one: one["Channel"] == event["Channel"], since=mark)


def test_a_leak_is_detected(plain_asterisk: Asterisk, plain_caller: Caller) -> None:
    check = LeakCheck(plain_asterisk, ["app_echo.so"])
    call = plain_caller.call("echo").wait_answered()
    with pytest.raises(LeakError) as leak:
        check.verify(deadline=0.3)
    text = str(leak.value)
    assert "threads: " in text
    assert "file descriptors: " in text
    assert "socket +2" in text
    assert "channels: PJSIP/" in text
    assert "use count of app_echo.so: 0 before, 1 now" in text
    call.hangup()
    check.verify()


def test_a_crash_is_reported(asterisk_version: AsteriskVersion) -> None:
    """Whatever a test does next with an Asterisk that has died tells of the death."""
    asterisk = Asterisk(asterisk_version).start()
    try:
        os.kill(asterisk.pid, signal.SIGSEGV)
        with pytest.raises(AsteriskCrashed, match="signal 11"):
            asterisk.wait_for_log("a line that never comes", timeout=20)
    finally:
        asterisk.kill()


def test_a_module_that_does_not_load_is_told(asterisk_version: AsteriskVersion, tmp_path: Path) -> None:
    module = tmp_path / "app_aiconvai.so"
    module.write_bytes(b"not an ELF file")
    with pytest.raises(AsteriskError, match="was not loaded"):
        Asterisk(asterisk_version, module=module).start()


def test_configuration_is_replaced_and_reloaded(make_asterisk: Callable[..., Asterisk]) -> None:
    asterisk = make_asterisk(extensions="exten => one,1,Answer()\n same => n,Hangup()\n")
    text = (asterisk.directory / "etc" / "extensions.conf").read_text()
    asterisk.write_config("extensions.conf", text + "exten => two,1,Answer()\n same => n,Hangup()\n")
    asterisk.reload("pbx_config.so")
    with Caller(asterisk.sip_port) as caller:
        for extension in ("one", "two"):
            assert caller.call(extension).wait_ended().by == "remote"


def _faulty_module(asterisk: Asterisk, *flags: str) -> Path:
    """The module with faults on demand, compiled in the container of a running Asterisk."""
    return compile_module(asterisk, "faulty_module.c", f"faulty{len(flags)}.so", *flags)


def test_references_and_descriptors_left_behind_are_named(
    plain_asterisk: Asterisk, asterisk_version: AsteriskVersion
) -> None:
    with Asterisk(asterisk_version, module=_faulty_module(plain_asterisk)) as asterisk:
        _commit_and_name_faults(asterisk)


def _commit_and_name_faults(asterisk: Asterisk) -> None:
    check = LeakCheck(asterisk)
    assert asterisk.module_use_count() == 0
    # More than one that has just started may be about to close.
    for _ in range(LEAKS):
        asterisk.cli("faulty leak")
    asterisk.cli("faulty hold")
    with pytest.raises(LeakError) as leak:
        check.verify(deadline=0.3)
    assert "file descriptors" in str(leak.value)
    assert f"/dev/null +{LEAKS}" in str(leak.value)
    assert "use count of app_aiconvai.so: 0 before, 1 now" in str(leak.value)


def test_a_sanitizer_report_is_raised(plain_asterisk: Asterisk, asterisk_version: AsteriskVersion) -> None:
    module = _faulty_module(plain_asterisk, "-fsanitize=address")
    asterisk = Asterisk(asterisk_version, module=module, sanitizer="address").start()
    try:
        asterisk.check_alive()
        with pytest.raises(AsteriskCrashed, match=r"(?s)heap-buffer-overflow.*faulty"):
            asterisk.cli("faulty overrun")
    finally:
        asterisk.kill()
