"""The callers of measurements: the program of tests/callers, and the Python that runs it."""

from __future__ import annotations

import itertools
import subprocess
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sip_peer import HOST, Message, SipPeer

from aiconvai.rig.bench.callers import Callers, Churn
from aiconvai.rig.bench.errors import CallsFailedError

pytestmark = pytest.mark.quiet

PROGRAM = Path(__file__).parents[2] / "build" / "tests" / "callers" / "callers"
PACKET_SECONDS = 0.02


@pytest.fixture(scope="module", autouse=True)
def program() -> Path:
    if not PROGRAM.is_file():
        pytest.fail(f"{PROGRAM} is missing: build it with `make test-programs`")
    return PROGRAM


def calling(peer: SipPeer, extension: str = "echo", calls: int = 1, **more: Any) -> Callers:
    return Callers(HOST, peer.port, extension, calls, **more)


def until(condition: Any, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_call_from_its_invite_to_its_bye() -> None:
    with SipPeer() as peer:
        with calling(peer, rate=200) as callers:
            callers.wait_up()
            callers.mark()
            time.sleep(0.5)
            mark = callers.mark()
        invite, ack, bye = peer.messages
    assert [one.method for one in (invite, ack, bye)] == ["INVITE", "ACK", "BYE"]
    assert invite.first_line == f"INVITE sip:echo@{HOST}:{peer.port} SIP/2.0"
    # What follows an answer goes to whom the answer named, and has a transaction of its own.
    assert ack.first_line == f"ACK sip:peer@{HOST}:{peer.port} SIP/2.0"
    assert ack.headers["via"] != invite.headers["via"]
    assert ack.headers["to"] == bye.headers["to"] == f"<sip:echo@{HOST}:{peer.port}>;tag=peer"
    assert (invite.headers["cseq"], ack.headers["cseq"], bye.headers["cseq"]) == ("1 INVITE", "1 ACK", "2 BYE")
    assert "m=audio " in invite.body
    assert len(invite.body) == int(invite.headers["content-length"])
    assert mark.calls == 1
    assert mark.seconds >= 0.5
    assert mark.heard == mark.least_heard == pytest.approx(mark.seconds / PACKET_SECONDS, abs=2)
    assert mark.missing == mark.late == mark.refused == 0
    assert mark.bytes == 160 * mark.heard
    (ended,) = callers.ended
    (echo,) = peer.echoes.values()
    assert ended.sent == len(echo.packets)
    assert ended.heard == pytest.approx(ended.sent, abs=1)
    assert callers.totals is not None
    assert (callers.totals.begun, callers.totals.answered, callers.totals.failed) == (1, 1, 0)


def test_a_call_that_is_held() -> None:
    with SipPeer() as peer:
        with calling(peer, rate=200, held=True) as callers:
            callers.wait_up()
        _, _, hold, ack, bye = peer.messages
    assert [one.headers["cseq"] for one in (hold, ack, bye)] == ["2 INVITE", "2 ACK", "3 BYE"]
    assert hold.first_line == f"INVITE sip:peer@{HOST}:{peer.port} SIP/2.0"
    assert hold.headers["to"] == bye.headers["to"] == f"<sip:echo@{HOST}:{peer.port}>;tag=peer"
    assert len({one.headers["via"] for one in (hold, ack, bye)}) == 3
    assert "a=sendonly" in hold.body
    assert callers.failed == []


def test_its_audio_is_rtp() -> None:
    with SipPeer() as peer, calling(peer) as callers:
        callers.wait_up()
        time.sleep(0.3)
        (echo,) = peer.echoes.values()
        packets = [data for _, data in echo.packets]
    assert all(len(one) == 12 + 160 for one in packets)
    assert [one[:2] for one in packets] == [b"\x80\x80", *[b"\x80\x00"] * (len(packets) - 1)]
    numbers = [int.from_bytes(one[2:4]) for one in packets]
    stamps = [int.from_bytes(one[4:8]) for one in packets]
    assert {(after - before) % 2**16 for before, after in itertools.pairwise(numbers)} == {1}
    assert {(after - before) % 2**32 for before, after in itertools.pairwise(stamps)} == {160}
    assert len({one[8:12] for one in packets}) == 1
    assert len({one[12:] for one in packets}) > 5


def test_places_in_the_20_ms_are_independent_and_the_same_in_every_run() -> None:
    """Told from the times of the packets, not from what the program says of itself."""
    places: list[list[int]] = []
    for _ in range(2):
        with SipPeer() as peer:
            with calling(peer, calls=50, seed=11) as callers:
                callers.wait_up()
                time.sleep(1.0)
            echoes = list(peer.echoes.values())
        # What the machine does to one packet it does not do to the earliest of fifty.
        earliest = [
            min(moment - number * PACKET_SECONDS for number, (moment, _) in enumerate(one.packets)) for one in echoes
        ]
        first = earliest[0]
        places.append([round((one - first) % PACKET_SECONDS * 1000) % 20 for one in earliest])
        told = [one.phase_us for one in sorted(callers.ended, key=lambda one: one.call)]
        assert len(told) == 50
        for place, phase in zip(places[-1], told, strict=True):
            apart = (place - (phase - told[0]) / 1000) % 20
            assert min(apart, 20 - apart) < 1.5
    bins = Counter(places[0])
    assert max(bins.values()) <= 8
    assert len(bins) >= 14
    apart = [(one - other) % 20 for one, other in zip(*places, strict=True)]
    assert all(min(one, 20 - one) <= 1 for one in apart)


def test_another_seed_gives_other_places() -> None:
    told = []
    for seed in (1, 2):
        with SipPeer() as peer, calling(peer, calls=5, seed=seed) as callers:
            callers.wait_up()
        told.append([one.phase_us for one in sorted(callers.ended, key=lambda one: one.call)])
    assert len(set(told[0]) | set(told[1])) == 10


def test_what_is_missing_is_counted() -> None:
    with SipPeer(drops=lambda number: number in (10, 11, 20)) as peer:
        with calling(peer) as callers:
            callers.wait_up()
            until(lambda: len(next(iter(peer.echoes.values())).packets) > 40)
        (ended,) = callers.ended
    assert ended.missing == 3
    assert ended.late == 0
    # Two in a row: three times 20 ms, and what the machine adds.
    assert 55 <= ended.longest_gap_ms < 120
    assert callers.totals is not None
    assert callers.totals.missing == 3


def test_an_invite_that_is_lost_is_sent_again() -> None:
    def second_time(peer: SipPeer, request: Message, before: int) -> None:
        if before:
            peer.accept(request)

    with SipPeer({"echo": second_time}) as peer, calling(peer) as callers:
        callers.wait_up()
        first, second = peer.of("INVITE")
        assert second.time - first.time == pytest.approx(0.5, abs=0.1)
        assert first.headers == second.headers


def test_an_invite_that_is_being_worked_on_is_not_sent_again() -> None:
    def later(peer: SipPeer, request: Message, before: int) -> None:
        peer.respond(request, "100 Trying")
        peer.respond(request, "183 Session Progress")

    with SipPeer({"echo": later}) as peer, calling(peer) as callers:
        until(lambda: peer.of("INVITE"))
        time.sleep(1.2)
        (invite,) = peer.of("INVITE")
        peer.accept(invite)
        callers.wait_up()


def test_an_answer_that_comes_again_is_acknowledged_again() -> None:
    with SipPeer() as peer, calling(peer) as callers:
        callers.wait_up()
        until(lambda: peer.of("ACK"))
        peer.accept(peer.of("INVITE")[0])
        until(lambda: len(peer.of("ACK")) == 2)
        assert callers.mark().calls == 1


def test_a_bye_that_is_lost_is_sent_again() -> None:
    def second_time(peer: SipPeer, request: Message, before: int) -> None:
        if before:
            peer.respond(request, "200 OK")

    with SipPeer({"BYE": second_time}) as peer:
        with calling(peer) as callers:
            callers.wait_up()
        first, second = peer.of("BYE")
    assert second.time - first.time == pytest.approx(0.5, abs=0.1)


def test_calls_that_fail_are_told_with_their_status() -> None:
    def busy(peer: SipPeer, request: Message, before: int) -> None:
        peer.respond(request, "100 Trying")
        peer.respond(request, "486 Busy Here")

    with SipPeer({"busy": busy}) as peer:
        with (
            pytest.raises(CallsFailedError, match="1 failed: busy: 486 Busy Here"),
            calling(peer, "echo,busy,echo", 3) as callers,
        ):
            callers.wait_up()
        until(lambda: len(peer.of("BYE")) == 2)
        (invite,) = [one for one in peer.of("INVITE") if one.extension == "busy"]
        (ack,) = [one for one in peer.of("ACK") if one.call_id == invite.call_id]
    # An answer that is none of success is acknowledged within the INVITE's own transaction.
    assert ack.headers["via"] == invite.headers["via"]
    assert ack.headers["to"].endswith(";tag=peer")
    (failed,) = callers.failed
    assert (failed.call, failed.extension, failed.status, failed.reason) == (1, "busy", 486, "Busy Here")
    assert callers.totals is not None
    assert (callers.totals.begun, callers.totals.answered, callers.totals.failed) == (3, 2, 1)


@pytest.mark.parametrize(
    ("payloads", "complaint"), [("8 101", "it takes no PCMU"), ("0", "")], ids=["another codec", "PCMU alone"]
)
def test_audio_that_is_not_wanted(payloads: str, complaint: str) -> None:
    def accept(peer: SipPeer, request: Message, before: int) -> None:
        peer.accept(request, payloads)

    with SipPeer({"echo": accept}) as peer:
        callers = calling(peer)
        if not complaint:
            with callers:
                callers.wait_up()
            return
        with pytest.raises(CallsFailedError, match=complaint), callers:
            until(lambda: peer.of("BYE"))
        assert [one.method for one in peer.messages] == ["INVITE", "ACK", "BYE"]


def test_who_is_hung_up_on_says_so() -> None:
    with SipPeer() as peer:
        callers = calling(peer)

        def answers() -> list[Message]:
            return [one for one in peer.messages if one.first_line.startswith("SIP/2.0 ")]

        def be_hung_up_on() -> None:
            with callers:
                callers.wait_up()
                peer.request(peer.of("INVITE")[0], "BYE")
                until(lambda: callers.failed)
                until(answers)

        with pytest.raises(CallsFailedError, match="the other side hung up"):
            be_hung_up_on()
        (answer,) = answers()
    assert answer.first_line == "SIP/2.0 200 OK"
    assert answer.headers["cseq"] == "7 BYE"
    assert answer.headers["via"] == f"SIP/2.0/UDP {HOST}:{peer.port};branch=z9hG4bKpeer"


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", "200 OK"), ("UPDATE", "501 Not Implemented")])
def test_requests_of_the_other_side_are_answered(method: str, status: str) -> None:
    with SipPeer() as peer, calling(peer) as callers:
        callers.wait_up()
        peer.request(peer.of("INVITE")[0], method)
        until(lambda: any(one.first_line == f"SIP/2.0 {status}" for one in peer.messages))
        assert callers.mark().calls == 1


def test_a_request_of_no_call_is_refused() -> None:
    with SipPeer() as peer, calling(peer) as callers:
        callers.wait_up()
        invite = peer.of("INVITE")[0]
        stray = Message(0.0, "", {**invite.headers, "call-id": "0-somebody-else"}, "", invite.sender)
        peer.request(stray, "BYE")
        until(lambda: any(one.first_line.startswith("SIP/2.0 481 ") for one in peer.messages))


def test_what_is_no_sip_does_no_harm() -> None:
    with SipPeer() as peer, calling(peer) as callers:
        callers.wait_up()
        (invite,) = peer.of("INVITE")
        for text in ("", "\r\n\r\n", "SIP/2.0", "SIP/2.0 999999 x\r\nCSeq: 1 INVITE\r\n\r\n", "CSeq:", "x" * 5000):
            peer._sip.sendto(text.encode(), invite.sender)
        peer.respond(invite, "200")  # no reason, no description; it is the one that came before once more
        assert callers.mark().calls == 1


def test_a_call_that_nobody_answers_is_cancelled() -> None:
    def ringing(peer: SipPeer, request: Message, before: int) -> None:
        peer.respond(request, "180 Ringing")
        peer.request(request, "OPTIONS")

    def cancelled(peer: SipPeer, request: Message, before: int) -> None:
        peer.respond(request, "200 OK")
        peer.respond(peer.of("INVITE")[0], "487 Request Terminated")

    with SipPeer({"echo": ringing, "CANCEL": cancelled}) as peer:
        with calling(peer) as callers:
            # What answers that has heard the ringing: before, there would be nothing to cancel.
            until(lambda: peer.of("SIP/2.0"))
        until(lambda: peer.of("ACK"))
        methods = [one.method for one in peer.messages if one.method != "SIP/2.0"]
    assert methods == ["INVITE", "CANCEL", "ACK"]
    assert callers.totals is not None
    assert (callers.totals.answered, callers.totals.failed) == (0, 0)


def test_calls_come_and_go_while_others_stay() -> None:
    churn = Churn("short", rate=10.0, seconds=0.3)
    with SipPeer() as peer:
        with calling(peer, calls=2, churn=churn) as callers:
            callers.wait_up()
            time.sleep(2.0)
            mark = callers.mark()
        begun = [one.time for one in peer.of("INVITE") if one.extension == "short"]
    assert mark.calls == 2
    gone = [one for one in callers.ended if one.churn]
    assert len(gone) == len(begun) == pytest.approx(20, abs=2)
    assert {one.extension for one in gone} == {"short"}
    lasted = sorted(one.seconds for one in gone)
    # The last ones are hung up with the others.
    assert lasted[len(lasted) // 2] == pytest.approx(0.3, abs=0.05)
    assert lasted[-1] < 0.5
    # At no even pace.
    spacing = [after - before for before, after in itertools.pairwise(begun)]
    assert max(spacing) > min(spacing) + 0.03
    assert callers.totals is not None
    assert (callers.totals.begun, callers.totals.churned) == (2 + len(gone), len(gone))


def test_so_many_seconds_from_the_last_answer_on(program: Path, tmp_path: Path) -> None:
    spoken = tmp_path / "speech.ulaw"
    spoken.write_bytes(bytes(800))
    with SipPeer() as peer:
        command = [str(program), "--target", f"{HOST}:{peer.port}", "--extension", "echo", "--speech", str(spoken)]
        begun = time.monotonic()
        with subprocess.Popen([*command, "--seconds", "0.5"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.wait(10) == 0
        assert time.monotonic() - begun == pytest.approx(0.5, abs=0.3)
    assert [one.method for one in peer.messages] == ["INVITE", "ACK", "BYE"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "--target: is missing"),
        (["--target", "somewhere"], "--target: expected HOST:PORT"),
        (["--target", "somewhere:5060"], "--target: expected an IPv4 address"),
        (["--target", "127.0.0.1:x"], "--target: expected a number from 1 to 65535"),
        (["--calls", "-1"], "--calls: expected a number from 0 to 20000"),
        (["--rate", "nan"], "--rate: expected a number"),
        (["--target", "127.0.0.1:1"], "--speech: is missing"),
        (["--target", "127.0.0.1:1", "--speech", "x"], "--extension: is missing"),
        (["--target", "127.0.0.1:1", "--speech", "x", "--extension", "e", "--churn-rate", "1"], "go together"),
        (["--target", "127.0.0.1:1", "--speech", "/nowhere", "--extension", "e"], "/nowhere: No such file"),
        (["more"], "too many arguments"),
    ],
)
def test_arguments_that_are_refused(program: Path, arguments: list[str], complaint: str) -> None:
    done = subprocess.run(
        [str(program), *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
    )
    assert done.returncode != 0
    assert complaint in done.stderr
    assert done.stdout == ""


def test_nothing_is_left_open_by_calls_that_came_and_went() -> None:
    with SipPeer() as peer, calling(peer, calls=1, churn=Churn("short", rate=50.0, seconds=0.05)) as callers:
        callers.wait_up()
        time.sleep(1.0)
        # The one that stays has two ports; of the others a few are there at a time.
        assert callers.reader.fds() < 20
        assert callers.reader.threads() == 1
        assert len([one for one in callers.ended if one.churn]) > 30
