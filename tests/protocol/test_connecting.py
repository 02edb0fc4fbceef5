"""Signed URLs, public and private agents, TLS, and what can go wrong before a conversation begins."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import trustme
from service_client import ServiceClient
from start_mock import StartMock
from websockets.exceptions import InvalidMessage, InvalidStatus

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMock, Handshake, Scenario, load_scenario

KEY = {"xi-api-key": "test-api-key"}


async def _get(url: str, **query: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, params=query, headers=KEY)


def _handshake(**handshake: object) -> Scenario:
    return Scenario(handshake=Handshake.model_validate(handshake))


async def _signed_url(mock: ElevenLabsMock, **query: str) -> str:
    reply = await _get(mock.signed_url_endpoint, agent_id="agent", **query)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    return str(reply.json()["signed_url"])


async def test_private_agent_needs_a_signed_url(start_mock: StartMock) -> None:
    mock = await start_mock(private=True)
    async with ServiceClient(mock.conversation_url("agent")) as client:
        assert await client.closed() == (3000, "The agent is private: a signed URL is needed.")
    url = await _signed_url(mock)
    assert parse_qs(urlsplit(url).query)["agent_id"] == ["agent"]
    for _ in range(2):
        async with ServiceClient(url) as client:
            await client.initiate()
    assert len(mock.conversations) == 2
    assert [request.status for request in mock.requests] == [101, 200, 101, 101]
    assert mock.requests[0].refused
    assert mock.requests[1].headers["xi-api-key"] == "test-api-key"
    assert "xi-api-key" not in mock.conversations[0].headers


async def test_signed_url_with_conversation_id_works_once(start_mock: StartMock) -> None:
    mock = await start_mock(private=True)
    url = await _signed_url(mock, include_conversation_id="true")
    conversation_id = parse_qs(urlsplit(url).query)["conversation_id"][0]
    async with ServiceClient(url) as client:
        await client.initiate()
        event = client.messages[0]["conversation_initiation_metadata_event"]
        assert event["conversation_id"] == conversation_id
    async with ServiceClient(url) as client:
        assert (await client.closed())[1] == "The conversation signature has already been used."


async def test_signed_url_expires_for_starting_only(start_mock: StartMock) -> None:
    mock = await start_mock(private=True, options={"signature_lifetime": 2.0})
    url = await _signed_url(mock)
    deadline = time.monotonic() + 2.0
    async with ServiceClient(url) as running:
        await running.initiate()
        conversation = await mock.next_conversation()
        while time.monotonic() <= deadline:
            await conversation.ping()
            await asyncio.sleep(0.05)
        async with ServiceClient(url) as late:
            assert (await late.closed())[1] == "The conversation signature has expired."
        await conversation.ping()


async def test_signature_of_another_agent_is_refused(start_mock: StartMock) -> None:
    mock = await start_mock(private=True)
    mock.agents["other"] = ElevenLabsAgent(private=True)
    url = (await _signed_url(mock)).replace("agent_id=agent", "agent_id=other")
    async with ServiceClient(url) as client:
        assert await client.closed() == (3000, "The conversation signature is invalid.")


async def test_unknown_agent_is_refused(start_mock: StartMock) -> None:
    mock = await start_mock()
    async with ServiceClient(mock.conversation_url("nobody")) as client:
        assert await client.closed() == (3000, "The AI agent you are trying to reach does not exist.")
    assert mock.conversations == []


async def test_signed_url_request_is_judged(start_mock: StartMock) -> None:
    mock = await start_mock()
    endpoint = mock.signed_url_endpoint
    without_agent = await _get(endpoint)
    assert without_agent.status_code == 422
    assert without_agent.json()["detail"][0]["loc"] == ["query", "agent_id"]
    async with httpx.AsyncClient(trust_env=False) as client:
        without_key = await client.get(endpoint, params={"agent_id": "agent"})
    assert without_key.status_code == 401
    assert without_key.json()["detail"]["status"] == "needs_authorization"
    assert (await _get(endpoint, agent_id="nobody")).status_code == 404
    assert (await _get(mock.base_url + "/v1/else", agent_id="agent")).status_code == 404
    mock.agents["agent"] = ElevenLabsAgent(api_key="another")
    wrong_key = await _get(endpoint, agent_id="agent")
    assert wrong_key.status_code == 401
    assert wrong_key.json()["detail"]["status"] == "invalid_api_key"


@pytest.mark.parametrize("status", [302, 401, 403, 404, 422, 429, 500])
async def test_http_failures(start_mock: StartMock, status: int) -> None:
    reply = {"status": status, "location": "/elsewhere" if status == 302 else None}
    mock = await start_mock(_handshake(signed_url=reply, upgrade=reply))
    answer = await _get(mock.signed_url_endpoint, agent_id="agent")
    assert answer.status_code == status
    assert answer.headers.get("location") == reply["location"]
    with pytest.raises(InvalidStatus):
        async with ServiceClient(mock.conversation_url("agent")):
            pass
    assert [request.status for request in mock.requests[:2]] == [status, status]


async def test_fault_that_passes(start_mock: StartMock) -> None:
    mock = await start_mock(_handshake(signed_url={"status": 500, "times": 2}))
    answers = [(await _get(mock.signed_url_endpoint, agent_id="agent")).status_code for _ in range(3)]
    assert answers == [500, 500, 200]


async def test_garbage_instead_of_json(start_mock: StartMock) -> None:
    mock = await start_mock(_handshake(signed_url={"body": '{"signed_url": '}))
    answer = await _get(mock.signed_url_endpoint, agent_id="agent")
    assert (answer.status_code, answer.text) == (200, '{"signed_url": ')


async def test_connection_dropped_instead_of_an_answer(start_mock: StartMock) -> None:
    mock = await start_mock(_handshake(signed_url={"drop": True}, upgrade={"drop": True}))
    with pytest.raises(httpx.TransportError):
        await _get(mock.signed_url_endpoint, agent_id="agent")
    with pytest.raises((InvalidMessage, OSError)):
        async with ServiceClient(mock.conversation_url("agent")):
            pass
    assert [request.status for request in mock.requests] == [None, None]
    assert mock.conversations == []


async def test_close_and_drop_before_the_metadata(start_mock: StartMock) -> None:
    mock = await start_mock(_handshake(close_before_metadata={"code": 1011, "reason": "starting failed"}))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.send({"type": "conversation_initiation_client_data"})
        assert await client.closed() == (1011, "starting failed")
        assert client.messages == []
    mock.agents["agent"] = ElevenLabsAgent(scenario=_handshake(drop_before_metadata=True))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.send({"type": "conversation_initiation_client_data"})
        assert (await client.closed())[0] == 1006
        assert client.messages == []


async def test_slow_handshake(start_mock: StartMock) -> None:
    delays = {"signed_url_delay": 0.15, "upgrade_delay": 0.2, "metadata_delay": 0.25}
    mock = await start_mock(load_scenario("slow_handshake", **delays), private=True)
    begun = time.monotonic()
    url = await _signed_url(mock)
    answered = time.monotonic()
    assert answered - begun >= 0.15
    async with ServiceClient(url) as client:
        upgraded = time.monotonic()
        assert upgraded - answered >= 0.2
        await client.initiate()
        assert time.monotonic() - upgraded >= 0.25


async def test_subprotocol_is_optional(start_mock: StartMock) -> None:
    mock = await start_mock()
    url = mock.conversation_url("agent")
    for offered, chosen in [(None, None), (["convai"], "convai"), (["other"], None)]:
        async with ServiceClient(url, subprotocols=offered) as client:
            assert client.socket.subprotocol == chosen


class TestTls:
    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA()

    @staticmethod
    def _trusting(authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    async def test_conversation_over_tls(self, start_mock: StartMock, authority: trustme.CA) -> None:
        mock = await start_mock(
            load_scenario("echo"),
            options={"tls": authority.issue_cert("localhost"), "public_host": "localhost"},
        )
        context = self._trusting(authority)
        async with httpx.AsyncClient(verify=context, trust_env=False) as http:
            reply = await http.get(mock.signed_url_endpoint, params={"agent_id": "agent"}, headers=KEY)
        url = reply.json()["signed_url"]
        assert url.startswith(f"wss://localhost:{mock.port}/")
        async with ServiceClient(url, ssl=context) as client:
            await client.initiate()
            await client.send_audio(b"\x01" * 160)
            await client.until(lambda: client.audio() == b"\x01" * 160)

    @pytest.mark.parametrize(
        ("problem", "complaint"),
        [("untrusted", "self-signed|unable to get"), ("wrong_host", "mismatch"), ("expired", "expired")],
    )
    async def test_bad_certificate(
        self, start_mock: StartMock, authority: trustme.CA, problem: str, complaint: str
    ) -> None:
        now = datetime.datetime.now(datetime.UTC)
        certificate = {
            "untrusted": lambda: trustme.CA().issue_cert("localhost"),
            "wrong_host": lambda: authority.issue_cert("api.example.org"),
            "expired": lambda: authority.issue_cert(
                "localhost",
                not_before=now - datetime.timedelta(days=2),
                not_after=now - datetime.timedelta(days=1),
            ),
        }[problem]()
        mock = await start_mock(options={"tls": certificate, "public_host": "localhost"})
        with pytest.raises(ssl.SSLCertVerificationError, match=complaint):
            async with ServiceClient(mock.conversation_url("agent"), ssl=self._trusting(authority)):
                pass

    async def test_plain_port_where_tls_is_promised(self, start_mock: StartMock, authority: trustme.CA) -> None:
        mock = await start_mock(options={"advertise_tls": True})
        assert mock.conversation_endpoint.startswith("wss://")
        assert mock.signed_url_endpoint.startswith("https://")
        with pytest.raises(OSError):  # noqa: PT011 - the wording is OpenSSL's
            async with ServiceClient(mock.conversation_url("agent"), ssl=self._trusting(authority)):
                pass
