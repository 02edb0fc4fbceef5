"""How long the parts of setting up a conversation took, and what shortens them: sessions of TLS, names asked for once.

No test says how long anything may take: they hold the parts against each other and against the whole.
"""

from __future__ import annotations

import datetime
import re
import ssl
import time
from typing import Any

import pytest
from test_tls import Restricted, Service, authority, service
from voice import Voice

from aiconvai.mock import ElevenLabsAgent, parse_scenario
from aiconvai.rig.asterisk import Message
from aiconvai.rig.asterisk.ami import ManagerClient

__all__ = ["authority", "service"]

SIGNED_URL = ("SignedUrlDnsMs", "SignedUrlTcpMs", "SignedUrlTlsMs", "SignedUrlReplyMs")
WEBSOCKET = ("DnsMs", "TcpMs", "TlsMs", "UpgradeMs", "MetadataMs")
GREETING = parse_scenario("steps: [{tone: {seconds: 0.3}}]")


def _call(voice: Voice, extension: str = "100") -> tuple[dict[str, str], Message]:
    """A call that is greeted: its lines of `show call` about the set-up, and the event of its end."""
    position = voice.asterisk.ami.position()
    call = voice.call(extension)
    conversation = voice.conversation()
    call.wait_for_sound()
    shown = _shown(voice.asterisk.cli(f"aiconvai show call {conversation.record.id}"))
    call.hangup()
    conversation.wait_closed()
    return shown, voice.asterisk.ami.wait_for("AIConvAIEnd", since=position)


def _shown(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in lines if name in ("Set-up", "Signed URL", "WebSocket")}


def _ms(event: Message, *names: str) -> list[float]:
    for name in names:
        assert re.fullmatch(r"\d+\.\d{3}", event[name]), f"{name}: {event[name]}"
    return [float(event[name]) for name in names]


@pytest.mark.parametrize("private", [True, False], ids=["private", "public"])
@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
def test_parts_are_told(service: Service, authority: Any, tls: bool, private: bool) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    certificate = authority.issue_cert("127.0.0.1") if tls else None
    voice = service.start(certificate, private=private, tls_ca_file=ca_file)
    shown, event = _call(voice)
    http, websocket = _ms(event, *SIGNED_URL), _ms(event, *WEBSOCKET)

    # A number needs no name server; the rest took its time.
    assert http[0] == websocket[0] == 0
    assert [part > 0 for part in websocket[1:]] == [True, tls, True, True]
    assert [part > 0 for part in http[1:]] == [private, private and tls, private]

    # The whole is told in whole milliseconds.
    assert sum(http) + sum(websocket[:4]) < int(event["ConnectMs"]) + 1
    assert sum(http) + sum(websocket) < int(event["ReadyMs"]) + 1
    assert int(event["ReadyMs"]) <= int(event["FirstAudioMs"])

    resumed = r"( \(resumed\))?" if tls else ""
    number = r"\d+\.\d ms"
    parts = rf"DNS 0\.0 ms, TCP {number}, TLS {number}{resumed}"
    assert re.fullmatch(rf"{parts}, upgrade {number}, metadata {number}", shown["WebSocket"])
    assert ("Signed URL" in shown) == private
    if private:
        assert re.fullmatch(rf"{parts}, reply {number}", shown["Signed URL"])
    assert re.fullmatch(r"connected after \d+ ms, ready after \d+ ms, first audio after \d+ ms", shown["Set-up"])


def test_name_is_asked_for_once(service: Service, authority: Any) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(authority.issue_cert("localhost"), host="localhost", tls_ca_file=ca_file)
    _, event = _call(voice)
    assert _ms(event, "DnsMs") == [0], "the signed URL's host was looked up a moment ago"


def test_failed_attempts_are_not_in_the_parts(service: Service) -> None:
    text = "handshake: {signed_url: {status: 503, times: 1}}\nsteps: [{tone: {seconds: 0.3}}]"
    voice = service.start(None)
    agent = ElevenLabsAgent(private=True, scenario=parse_scenario(text))
    voice.agent("late", agent, retry_backoff_ms=1000)
    voice.dialplan("exten => 101,1,AIConvAI(late)")
    voice.apply()
    _, event = _call(voice, "101")
    assert event["Attempts"] == "2"
    assert 0 < sum(_ms(event, *SIGNED_URL, *WEBSOCKET)) < int(event["ReadyMs"]) + 1 - 1000


# Sessions of TLS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_session_is_resumed(service: Service, authority: Any, version: ssl.TLSVersion) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    certificate = Restricted(authority.issue_cert("127.0.0.1"), version)
    voice = service.start(certificate, private=False, tls_ca_file=ca_file)
    ends = [_call(voice) for _ in range(3)]
    assert [event["TlsResumed"] for _, event in ends] == ["no", "yes", "yes"]
    assert ["(resumed)" in shown["WebSocket"] for shown, _ in ends] == [False, True, True]


def test_session_of_the_signed_url_is_resumed_by_the_conversation(service: Service, authority: Any) -> None:
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(authority.issue_cert("127.0.0.1"), tls_ca_file=ca_file)
    shown, event = _call(voice)
    assert "(resumed)" not in shown["Signed URL"]
    assert event["TlsResumed"] == "yes"


def test_session_is_for_one_host_name(service: Service, authority: Any) -> None:
    """The server would resume it: it is the same one. But its certificate is for another name."""
    ca_file = service.trust(authority.cert_pem.bytes())
    voice = service.start(authority.issue_cert("127.0.0.1"), private=False, tls_ca_file=ca_file)
    endpoint = voice.sections["sales"]["conversation_endpoint"].replace("127.0.0.1", "localhost")
    voice.agent("other", ElevenLabsAgent(scenario=GREETING), tls_ca_file=ca_file, conversation_endpoint=endpoint)
    voice.dialplan("exten => 101,1,AIConvAI(other)")
    voice.apply()
    _call(voice)
    assert _call(voice)[1]["TlsResumed"] == "yes"
    assert "the certificate was refused" in _refused(voice.asterisk.ami, voice, "101")
    assert _call(voice)[1]["TlsResumed"] == "yes"


def test_session_ends_with_its_certificate(service: Service, authority: Any) -> None:
    """The server goes on with the certificate that is no longer valid, and would resume the session."""
    ca_file = service.trust(authority.cert_pem.bytes())
    expires = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=8)
    certificate = authority.issue_cert("127.0.0.1", not_after=expires)
    voice = service.start(certificate, private=False, tls_ca_file=ca_file)
    _call(voice)
    assert _call(voice)[1]["TlsResumed"] == "yes"
    time.sleep((expires - datetime.datetime.now(datetime.UTC)).total_seconds() + 1)
    assert "certificate has expired" in _refused(voice.asterisk.ami, voice, "100")


def _refused(ami: ManagerClient, voice: Voice, extension: str) -> str:
    """Why a call was not connected."""
    position = ami.position()
    voice.caller.call(extension).wait_ended()
    event = ami.wait_for("AIConvAIEnd", since=position)
    assert (event["Status"], event["Attempts"]) == ("UNAVAILABLE", "1")
    return event["Reason"]
