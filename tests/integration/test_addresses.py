"""A name with two addresses, one of which leads nowhere: that costs the first call a moment, the next ones nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trustme
from addresses import FIRST, NAME, SECOND, mute, port_of_both, swallowing
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Caller

GREETING = parse_scenario("steps: [{tone: 0.2}]")

NEXT_ADDRESS_MS = 250
LOST_AT_MOST_MS = 300
USUAL_MS = 150
"""A set-up takes some 5 ms; the machine may be busy."""


class Twofold:
    """An Asterisk that knows the name, and the call of an agent there."""

    def __init__(self, asterisk: Asterisk, caller: Caller) -> None:
        self._asterisk = asterisk
        self._caller = caller
        asterisk.execute("sh", "-c", f"printf '%s\\n' '{FIRST} {NAME}' '{SECOND} {NAME}' >> /etc/hosts")
        self._ca_file: str | None = None

    def trust(self, authority: trustme.CA) -> None:
        authority.cert_pem.write_to_path(str(self._asterisk.directory / "ca.pem"))
        self._ca_file = "/aiconvai/ca.pem"

    def ready_ms(self, mock: ElevenLabsMockThread) -> int:
        """How long a call took to be with its agent."""
        voice = Voice(self._asterisk, self._caller, mock)
        voice.agent("sales", ElevenLabsAgent(scenario=GREETING), tls_ca_file=self._ca_file)
        voice.dialplan("exten => 100,1,AIConvAI(sales)")
        voice.apply()
        call = voice.call()
        call.wait_for_sound()
        call.hangup()
        event = voice.event("AIConvAIEnd")
        assert (event["Status"], event["Attempts"]) == ("CALLER_HANGUP", "1")
        return int(event["ReadyMs"])


@pytest.fixture
def twofold(make_asterisk: Callable[..., Asterisk], app_module: Path) -> Iterator[Twofold]:
    asterisk = make_asterisk(module=app_module, module_config="[general]\n")
    with Caller(asterisk.sip_port) as caller:
        yield Twofold(asterisk, caller)


def _options(address: str, port: int | None = None, **more: Any) -> MockOptions:
    return MockOptions(host=address, port=port or port_of_both(), public_host=NAME, **more)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.fault("service.swallows-packets")
def test_address_that_swallows_packets_costs_the_first_call_a_moment(twofold: Twofold) -> None:
    with ElevenLabsMockThread(_options(SECOND)) as mock, swallowing(FIRST, mock.port):
        first, *next_ones = [twofold.ready_ms(mock) for _ in range(3)]
        assert len(mock.requests) == 3
    assert NEXT_ADDRESS_MS <= first < LOST_AT_MOST_MS + USUAL_MS
    assert max(next_ones) < USUAL_MS


@pytest.mark.fault("service.swallows-packets")
def test_address_that_was_good_and_is_not_any_more_costs_one_call_a_moment(twofold: Twofold) -> None:
    with ElevenLabsMockThread(_options(SECOND)) as mock, swallowing(FIRST, mock.port):
        port = mock.port
        twofold.ready_ms(mock)
        assert twofold.ready_ms(mock) < USUAL_MS
    with ElevenLabsMockThread(_options(FIRST, port)) as mock, swallowing(SECOND, port):
        first, second = [twofold.ready_ms(mock) for _ in range(2)]
    assert NEXT_ADDRESS_MS <= first < LOST_AT_MOST_MS + USUAL_MS
    assert second < USUAL_MS


def test_address_that_refuses_costs_nothing(twofold: Twofold) -> None:
    with ElevenLabsMockThread(_options(SECOND)) as mock:
        assert twofold.ready_ms(mock) < USUAL_MS


def test_address_that_answers_is_not_raced_against(twofold: Twofold) -> None:
    with (
        ElevenLabsMockThread(_options(FIRST)) as mock,
        ElevenLabsMockThread(_options(SECOND, mock.port)) as other,
    ):
        assert twofold.ready_ms(mock) < USUAL_MS
        assert other.requests == []


@pytest.mark.parametrize("first", [swallowing, mute])
def test_race_goes_on_until_tls_is_up(twofold: Twofold, authority: trustme.CA, first: Callable[..., Any]) -> None:
    twofold.trust(authority)
    with ExitStack() as stack:
        mock = stack.enter_context(ElevenLabsMockThread(_options(SECOND, tls=authority.issue_cert(NAME))))
        stack.enter_context(first(FIRST, mock.port))
        slow, *next_ones = [twofold.ready_ms(mock) for _ in range(3)]
    assert NEXT_ADDRESS_MS <= slow < LOST_AT_MOST_MS + USUAL_MS
    assert max(next_ones) < USUAL_MS
