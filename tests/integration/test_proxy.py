"""A service that is reached through an HTTP proxy."""

from __future__ import annotations

from typing import Any

import pytest
import trustme
from connect_proxy import connect_proxy
from exchange import agent_hears, hears_agent
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Caller

__all__ = ["mock_options", "voice"]

PASSWORD = "wo-ho@hidden"


def converse(voice: Voice, proxy: str, agent: ElevenLabsAgent | None = None, **options: Any) -> None:
    voice.agent("agent", agent, audio_frames_buffer_ms=20, proxy=proxy, max_connection_attempts=1, **options)
    voice.dialplan("exten => 100,1,AIConvAI(agent)\n same => n,Wait(5)")
    voice.apply()


def talk(voice: Voice) -> None:
    call = voice.call("100")
    conversation = voice.conversation()
    hears_agent(call, conversation, 900.0)
    agent_hears(conversation, call, 700.0)
    assert conversation.record.violations == []
    call.hangup()
    conversation.wait_closed()


def fails(voice: Voice) -> str:
    """Why the conversation cannot be started."""
    voice.call("100")
    return voice.event("AIConvAIEnd", Status="UNAVAILABLE")["Reason"]


@pytest.mark.parametrize("credentials", [None, f"me:{PASSWORD}"], ids=["open", "password"])
@pytest.mark.parametrize("private", [False, True], ids=["public", "signed"])
def test_a_service_is_reached_through_a_proxy(voice: Voice, credentials: str | None, private: bool) -> None:
    with connect_proxy(credentials) as proxy:
        who = f"{credentials}@" if credentials else ""
        converse(voice, f"http://{who}127.0.0.1:{proxy.port}", ElevenLabsAgent(private=private))
        talk(voice)
        assert proxy.asked == [f"127.0.0.1:{voice.mock.port}"] * (2 if private else 1)
    assert PASSWORD not in voice.log()
    assert PASSWORD not in voice.asterisk.cli("aiconvai show agent agent")


def test_a_name_is_left_to_the_proxy(voice: Voice) -> None:
    with connect_proxy(names={"service.invalid": "127.0.0.1"}) as proxy:
        endpoint = voice.mock.conversation_endpoint.replace("127.0.0.1", "service.invalid")
        converse(voice, f"http://127.0.0.1:{proxy.port}", conversation_endpoint=endpoint)
        talk(voice)
        assert proxy.asked == [f"service.invalid:{voice.mock.port}"]


@pytest.mark.parametrize("status", [403, 502])
@pytest.mark.fault("service.proxy")
def test_a_proxy_that_refuses_is_named(voice: Voice, status: int) -> None:
    with connect_proxy() as proxy:
        proxy.status = status
        converse(voice, f"http://127.0.0.1:{proxy.port}")
        assert f"through the proxy 127.0.0.1:{proxy.port}: " in fails(voice)


def test_a_password_that_is_wrong_is_an_error_and_not_told(voice: Voice) -> None:
    with connect_proxy("me:other") as proxy:
        converse(voice, f"http://me:{PASSWORD}@127.0.0.1:{proxy.port}")
        reason = fails(voice)
    assert f"through the proxy 127.0.0.1:{proxy.port}: " in reason
    assert PASSWORD not in reason + voice.log()


@pytest.mark.fault("service.proxy")
def test_a_proxy_that_is_not_there_is_named(voice: Voice) -> None:
    converse(voice, "http://127.0.0.1:1")
    assert "through the proxy 127.0.0.1:1: " in fails(voice)


@pytest.mark.fault("service.proxy")
def test_a_proxy_that_does_not_answer_is_not_waited_for_for_ever(voice: Voice) -> None:
    with connect_proxy() as proxy:
        proxy.status = 0
        converse(voice, f"http://127.0.0.1:{proxy.port}", connection_timeout_seconds=1)
        assert "did not accept the connection within 1 s" in fails(voice)


@pytest.mark.parametrize("proxy", ["127.0.0.1:3128", "https://127.0.0.1:3128", "http://me@127.0.0.1:3128"])
def test_what_is_no_proxy_is_told(voice: Voice, proxy: str) -> None:
    converse(voice, proxy)
    assert "the option proxy is no http://[user:password@]host[:port]: correct it" in fails(voice)


def test_tls_is_passed_through(asterisk: Asterisk, caller: Caller) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(asterisk.directory / "proxy-ca.pem"))
    options = MockOptions(tls=authority.issue_cert("127.0.0.1"))
    with ElevenLabsMockThread(options) as mock, connect_proxy() as proxy:
        voice = Voice(asterisk, caller, mock)
        agent = ElevenLabsAgent(private=True)
        converse(voice, f"http://127.0.0.1:{proxy.port}", agent, tls_ca_file="/aiconvai/proxy-ca.pem")
        talk(voice)
        assert proxy.asked == [f"127.0.0.1:{voice.mock.port}"] * 2
        # Another one's certificate is no better because a proxy hands it on.
        other = trustme.CA()
        other.cert_pem.write_to_path(str(asterisk.directory / "proxy-ca.pem"))
        assert f"through the proxy 127.0.0.1:{proxy.port}: " in fails(voice)
