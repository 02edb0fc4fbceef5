"""Starting a conversation: what is tried again, what is not, how long it may take and what the dialplan is told."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from outcome import REPORT, Outcome, outcome
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions
from aiconvai.mock.elevenlabs import CONVERSATION_PATH, SIGNED_URL_PATH
from aiconvai.mock.record import HttpRequest
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk import Asterisk, AsteriskVersion
from aiconvai.rig.caller import Caller

__all__ = ["mock_options", "voice"]


def _agent(handshake: str, *, private: bool = True) -> ElevenLabsAgent:
    return ElevenLabsAgent(private=private, scenario=parse_scenario(f"handshake: {handshake}"))


def _apply(voice: Voice) -> None:
    """Every agent can be called by its name."""
    voice.dialplan(
        "\n".join(
            f"exten => {name},1,Answer()\n same => n,AIConvAI({name})\n same => n,{REPORT}" for name in voice.sections
        )
    )
    voice.apply()


def _call(voice: Voice, name: str = "sales") -> Outcome:
    """Call an agent that cannot be had."""
    voice.call(name).wait_ended()
    return outcome(voice, Exten=name)


def _requests(voice: Voice, path: str, name: str = "sales") -> list[HttpRequest]:
    return [one for one in voice.mock.requests if one.path == path and one.query["agent_id"] == f"id_{name}"]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A TCP port that nobody listens on, and nobody else gets."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


# Tried again


@pytest.mark.parametrize(
    "handshake",
    [
        "{signed_url: {status: 408, times: 1}}",
        "{signed_url: {status: 429, times: 1}}",
        "{signed_url: {status: 500, times: 1}}",
        "{signed_url: {status: 503, times: 1}}",
        "{signed_url: {drop: true, times: 1}}",
        "{signed_url: {body: 'no JSON', times: 1}}",
        "{upgrade: {status: 429, times: 1}}",
        "{upgrade: {status: 500, times: 1}}",
        "{upgrade: {drop: true, times: 1}}",
    ],
)
@pytest.mark.fault("service.http-overloaded")
def test_a_failure_that_may_pass_is_tried_again(voice: Voice, handshake: str) -> None:
    voice.agent("sales", _agent(handshake), retry_backoff_ms=10)
    _apply(voice)
    call = voice.call("sales")
    conversation = voice.conversation()
    # Each attempt begins anew: a signed URL may be good for one conversation only.
    assert len(_requests(voice, SIGNED_URL_PATH)) == 2
    assert "attempt 1 of 3 failed" in voice.event("AIConvAIError")["Message"]
    call.hangup()
    conversation.wait_closed()
    assert voice.event("AIConvAIEnd")["Attempts"] == "2"
    assert not conversation.record.violations


def test_attempts_are_counted_and_the_pause_between_them_doubles(voice: Voice) -> None:
    voice.agent("sales", _agent("{signed_url: {status: 500}}"), max_connection_attempts=4, retry_backoff_ms=100)
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert "HTTP 500" in found.reason
    times = [request.time for request in _requests(voice, SIGNED_URL_PATH)]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert len(pauses) == 3
    for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True):
        assert least <= pause < least + 0.3
    assert voice.event("AIConvAIEnd")["Attempts"] == "4"


def test_one_attempt_is_one_attempt(voice: Voice) -> None:
    voice.agent("sales", _agent("{signed_url: {status: 500, times: 1}}"), max_connection_attempts=1)
    _apply(voice)
    assert _call(voice).status == "UNAVAILABLE"
    assert len(_requests(voice, SIGNED_URL_PATH)) == 1


# Not tried again


@pytest.mark.parametrize(
    ("status", "check"),
    [
        (400, ""),
        (401, "check api_key"),
        (403, "check api_key"),
        (404, "check agent_id and signed_url_endpoint"),
        (422, "check agent_id and signed_url_endpoint"),
    ],
)
@pytest.mark.fault("service.http-refused")
def test_a_refused_request_for_a_signed_url_is_final_and_names_what_to_check(
    voice: Voice, status: int, check: str
) -> None:
    voice.agent("sales", _agent(f"{{signed_url: {{status: {status}}}}}"), retry_backoff_ms=10)
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert found.reason.startswith(f"http://127.0.0.1:{voice.mock.port} answered HTTP {status} ")
    assert found.reason.endswith(check)
    assert len(voice.mock.requests) == 1


@pytest.mark.fault("service.http-refused")
def test_a_wrong_api_key_is_named_and_not_shown(voice: Voice) -> None:
    voice.agent("sales", _agent("{}"), api_key="sk-a-wrong-secret-key")
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert "HTTP 401" in found.reason
    assert "check api_key" in found.reason
    assert "wrong-secret" not in voice.log()


@pytest.mark.fault("service.upgrade-refused")
def test_a_refused_upgrade_is_final(voice: Voice) -> None:
    voice.agent("sales", _agent("{upgrade: {status: 403}}"), retry_backoff_ms=10)
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert found.reason == f"127.0.0.1:{voice.mock.port}: it answered HTTP 403 to the WebSocket upgrade"
    assert len(_requests(voice, CONVERSATION_PATH)) == 1


@pytest.mark.fault("service.http-statuses")
@pytest.mark.parametrize("step", ["signed_url", "upgrade"])
def test_every_refusal_by_http_has_a_status_and_a_sentence(voice: Voice, step: str) -> None:
    statuses = (301, 302, 401, 403, 404, 429, 500, 503)
    for status in statuses:
        voice.agent(
            str(status), _agent(f"{{{step}: {{status: {status}}}}}"), retry_backoff_ms=10, max_connection_attempts=2
        )
    _apply(voice)
    calls = [voice.call(str(status)) for status in statuses]
    for call in calls:
        call.wait_ended()
    for status in statuses:
        found = outcome(voice, Exten=str(status))
        assert found.status == "UNAVAILABLE"
        assert f"answered HTTP {status}" in found.reason
        may_pass = status in (429, 500, 503)
        assert voice.event("AIConvAIEnd", Agent=str(status))["Attempts"] == ("2" if may_pass else "1")


@pytest.mark.fault("service.signed-url-elsewhere")
def test_a_signed_url_of_an_address_inside_is_not_followed(voice: Voice) -> None:
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.setblocking(False)
        url = f"ws://127.0.0.2:{elsewhere.getsockname()[1]}/talk?token=1"
        voice.agent("sales", _agent(f"{{signed_url: {{body: '{{\"signed_url\": \"{url}\"}}'}}}}"))
        _apply(voice)
        found = _call(voice)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert found.status == "UNAVAILABLE"
    assert found.reason == "the signed URL in the reply leads to an address that is not signed_url_endpoint's own"


def test_an_agent_the_service_does_not_know_is_final_and_names_what_to_check(voice: Voice) -> None:
    voice.agent("sales", agent_id="id_nobody")
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert "check agent_id" in found.reason
    assert "does not exist" in found.reason
    assert len(voice.mock.requests) == 1


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("<html>", "holds no signed_url: check signed_url_endpoint"),
        ('{"detail": "ok"}', "holds no signed_url: check signed_url_endpoint"),
        ('{"signed_url": "https://127.0.0.1/"}', "is no ws:// or wss:// URL: check signed_url_endpoint"),
    ],
)
@pytest.mark.fault("service.signed-url-none")
def test_a_reply_without_a_usable_signed_url_is_explained(voice: Voice, body: str, sentence: str) -> None:
    voice.agent("sales", _agent(f"{{signed_url: {{body: '{body}'}}}}"), max_connection_attempts=1)
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert found.reason.endswith(sentence)


# Out of reach


@pytest.mark.fault("service.refuses-tcp")
def test_a_refused_connection_is_explained(voice: Voice, closed_port: int, asterisk_version: AsteriskVersion) -> None:
    # Debian 11's libwebsockets, beside Asterisk 16, does not tell why.
    cause = "Unable to connect" if asterisk_version == 16 else "Connection refused"
    voice.agent("private", _agent("{}"), signed_url_endpoint=f"http://127.0.0.1:{closed_port}/url", retry_backoff_ms=10)
    voice.agent("public", conversation_endpoint=f"ws://127.0.0.1:{closed_port}/talk", retry_backoff_ms=10)
    _apply(voice)
    for name in ("private", "public"):
        found = _call(voice, name)
        assert found.status == "UNAVAILABLE"
        assert found.reason == f"127.0.0.1:{closed_port}: the connection could not be made: {cause}"
        assert voice.event("AIConvAIEnd", Agent=name)["Attempts"] == "3"


@pytest.mark.fault("machine.dns-wrong")
def test_an_unknown_host_name_is_explained(voice: Voice) -> None:
    voice.agent("sales", conversation_endpoint="ws://agents.invalid/talk", retry_backoff_ms=10)
    _apply(voice)
    found = _call(voice)
    assert found.status == "UNAVAILABLE"
    assert found.reason.startswith("agents.invalid: DNS: the name was not found: ")


@pytest.mark.parametrize(
    ("handshake", "sentence"),
    [
        ("{signed_url: {delay: 1.6}}", "http://127.0.0.1:{port} did not give a signed URL within 1 s"),
        ("{upgrade: {delay: 1.6}}", "ws://127.0.0.1:{port} did not accept the connection within 1 s"),
        ("{metadata_delay: 1.6}", "ws://127.0.0.1:{port} did not announce the conversation within 1 s"),
    ],
)
@pytest.mark.fault("service.silent-metadata")
def test_every_step_of_an_attempt_has_its_time_limit(voice: Voice, handshake: str, sentence: str) -> None:
    voice.agent(
        "sales",
        _agent(handshake),
        connection_timeout_seconds=1,
        handshake_timeout_seconds=1,
        max_connection_attempts=1,
    )
    _apply(voice)
    call = voice.call("sales")
    assert call.answered is not None
    call.wait_ended()
    found = outcome(voice)
    assert (found.status, found.reason) == ("UNAVAILABLE", sentence.format(port=voice.mock.port))
    took = voice.event("UserEvent").received - call.answered
    assert 0.9 < took < 2.0


@pytest.mark.fault("service.silent-metadata")
def test_a_step_that_took_too_long_is_tried_again(voice: Voice) -> None:
    voice.agent(
        "sales",
        _agent("{signed_url: {delay: 1.6, times: 1}}"),
        connection_timeout_seconds=1,
        retry_backoff_ms=10,
    )
    _apply(voice)
    call = voice.call("sales")
    conversation = voice.conversation()
    assert len(_requests(voice, SIGNED_URL_PATH)) == 2
    call.hangup()
    conversation.wait_closed()
    # The first attempt's connection was not left to come back later.
    assert len(voice.mock.conversations) == 1


@pytest.mark.fault("machine.dns-dead")
def test_a_name_server_that_does_not_answer_holds_up_nobody_else(
    make_asterisk: Callable[..., Asterisk], app_module: Path
) -> None:
    """A name whose server is silent is waited for by its own call alone, and not beyond that call's end."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as name_server,
        ElevenLabsMockThread(MockOptions(agents={"id": ElevenLabsAgent()})) as mock,
    ):
        # The same test with the other Asterisk may run at the same time.
        address = f"127.53.{os.getpid() % 250}.{os.getpid() // 250 % 250 + 1}"
        name_server.bind((address, 53))
        asterisk = make_asterisk(
            module=app_module,
            module_config="[lost]\nagent_id = id\nconversation_endpoint = ws://agents.example/talk\n"
            f"[here]\nagent_id = id\nconversation_endpoint = {mock.conversation_endpoint}\n",
            extensions="exten => 100,1,AIConvAI(lost)\nexten => 200,1,AIConvAI(here)\n",
        )
        asterisk.execute("sh", "-c", f"echo nameserver {address} > /etc/resolv.conf")
        with Caller(asterisk.sip_port) as caller:
            lost = [caller.call("100").wait_answered() for _ in range(6)]
            assert b"agents\x07example" in name_server.recv(512), "the name is being looked up"
            began = time.monotonic()
            here = caller.call("200").wait_answered()
            mock.next_conversation().wait_started()
            assert time.monotonic() - began < 2, "the resolver itself gives up after 10 s"
            for call in (*lost, here):
                call.hangup()
