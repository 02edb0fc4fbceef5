"""Callers of measurements against Asterisk's own Echo(): that they hear themselves, whole and at their own times."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.callers import Callers, Churn
from aiconvai.rig.bench.errors import CallsFailedError

CALLS = 50
PACKET_SECONDS = 0.02


@pytest.fixture(autouse=True)
def program() -> Path:
    program = repository_root() / "build" / "tests" / "callers" / "callers"
    if not program.is_file():
        pytest.fail(f"{program} is missing: build it with `make test-programs`")
    return program


def test_each_call_hears_its_own_echo(plain_asterisk: Asterisk) -> None:
    with Callers(plain_asterisk.host, plain_asterisk.sip_port, "echo", CALLS) as callers:
        callers.wait_up()
        time.sleep(0.5)
        callers.mark()
        time.sleep(3.0)
        mark = callers.mark()
    assert mark.calls == CALLS
    expected = mark.seconds / PACKET_SECONDS
    assert mark.least_sent == pytest.approx(expected, abs=2)
    # What was sent last may be under way, or still have been when the time began.
    assert mark.least_heard == pytest.approx(expected, abs=3)
    assert mark.missing == mark.refused == mark.late == 0
    assert mark.bytes == 160 * mark.heard
    assert mark.spacing_ms.p50 == pytest.approx(20, abs=0.5)
    assert len(callers.ended) == CALLS
    assert all(one.answer_ms > 0 for one in callers.ended)


def test_calls_that_come_and_go_leave_the_others_alone(plain_asterisk: Asterisk) -> None:
    churn = Churn("echo", rate=10.0, seconds=0.5)
    with Callers(plain_asterisk.host, plain_asterisk.sip_port, "echo", 5, churn=churn) as callers:
        callers.wait_up()
        time.sleep(2.0)
        mark = callers.mark()
    gone = [one for one in callers.ended if one.churn]
    assert len(gone) == pytest.approx(20, abs=3)
    assert all(one.heard > 0 for one in gone if one.seconds > 0.4)
    assert (mark.calls, mark.missing) == (5, 0)


def test_calls_that_are_held(plain_asterisk: Asterisk) -> None:
    since = plain_asterisk.ami.position()
    with Callers(plain_asterisk.host, plain_asterisk.sip_port, "echo", 2, held=True) as callers:
        callers.wait_up()
        held = {plain_asterisk.ami.wait_for("Hold", since=since)["Channel"]}
        plain_asterisk.ami.wait_for("Hold", lambda event: event["Channel"] not in held, since=since)
    assert callers.failed == []


def test_refused_calls_are_told(plain_asterisk: Asterisk) -> None:
    with pytest.raises(CallsFailedError, match="reject"):  # noqa: SIM117 - what is left on the way out is what raises
        with Callers(plain_asterisk.host, plain_asterisk.sip_port, "echo,reject", 4) as callers:
            callers.wait_up()
    assert [(one.extension, one.status) for one in callers.failed] == [("reject", 403)] * 2
    assert callers.totals is not None
    assert (callers.totals.answered, callers.totals.failed) == (2, 2)


def test_who_is_hung_up_on_by_asterisk(plain_asterisk: Asterisk) -> None:
    callers = Callers(plain_asterisk.host, plain_asterisk.sip_port, "tone", 1)

    def listen_to_the_end() -> None:
        with callers:
            deadline = time.monotonic() + 20
            while not callers.failed and time.monotonic() < deadline:
                time.sleep(0.05)

    with pytest.raises(CallsFailedError, match="the other side hung up"):
        listen_to_the_end()
    (ended,) = callers.ended
    assert ended.heard > 10
