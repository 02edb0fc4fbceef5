"""Other systems are told of calls, at least once, and know by whom."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from serve_events import a_start, again, an_end, said, told

from aiconvai.serve.settings import WebhookSettings
from aiconvai.serve.webhooks import DELIVERIES_KNOWN, DeliveryError, Webhook, sign
from aiconvai.toml_settings import SettingsError

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Answers with these statuses, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses or (200,))
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise httpx.ConnectError("nobody is there")
        return httpx.Response(status)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def client(receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as one:
        yield one


def webhook(client: httpx.AsyncClient, **given: Any) -> Webhook:
    usual = {"url": "https://crm.example/calls", "secret": SECRET, "events": ("start", "end", "transcript", "tool")}
    return Webhook("crm", WebhookSettings.model_validate({**usual, **given}), client)


async def test_what_is_told_is_signed(client: httpx.AsyncClient, receiver: Receiver) -> None:
    await webhook(client).take([a_start("1.1")])
    (request,) = receiver.requests
    headers = request.headers
    expected = sign(KEY, headers["webhook-id"], headers["webhook-timestamp"], request.content.decode())
    assert headers["webhook-signature"] == expected
    body = receiver.bodies[0]
    assert (body["type"], body["asterisk"], body["data"]["caller_number"]) == ("call.start", "pbx", "+420123")


def test_the_signature_is_that_of_the_specification() -> None:
    """Its example (Standard Webhooks, "Verifying signatures")."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = '{"test": 2432232314}'
    signed = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_only_what_is_asked_for_is_told(client: httpx.AsyncClient, receiver: Receiver) -> None:
    events = [a_start(), said("Hel", final=False), said("Hello"), told("Answer", LatencyMs="5"), an_end()]
    await webhook(client, events=("transcript", "end")).take(events)
    assert [body["type"] for body in receiver.bodies] == ["call.transcript", "call.end"]


@pytest.mark.parametrize("status", [0, 301, 401, 404, 410, 429, 500, 503])
@pytest.mark.fault("beside.webhook-dead")
async def test_what_was_not_taken_is_told_again_and_what_was_is_not(
    client: httpx.AsyncClient, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [200, status, 200]
    one = webhook(client)
    batch = [a_start("1.1"), a_start("1.2"), a_start("1.3")]
    with pytest.raises(DeliveryError, match=r"https://crm\.example/calls: "):
        await one.take(batch)
    await one.take(batch)
    told_of = [body["data"]["record"] for body in receiver.bodies]
    assert told_of == ["1.1", "1.2", "1.2", "1.3"]
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert ids[1] == ids[2]
    assert (one.delivered, one.refused) == (3, 0)


@pytest.mark.fault("beside.webhook-dead")
async def test_what_a_receiver_will_never_take_holds_up_nothing(client: httpx.AsyncClient, receiver: Receiver) -> None:
    receiver.statuses = [422, 200]
    one = webhook(client)
    await one.take([a_start("1.1"), a_start("1.2")])
    assert (one.delivered, one.refused) == (1, 1)


async def test_what_is_told_again_by_asterisk_is_known(client: httpx.AsyncClient, receiver: Receiver) -> None:
    one, start = webhook(client), a_start()
    await one.take([start])
    await one.take([again(start), again(said("Hello"))])
    assert [body["type"] for body in receiver.bodies] == ["call.start", "call.transcript"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"url": "ftp://x"}, "expected http:// or https://"),
        ({"events": ["start", "nap"]}, "events"),
        ({"secret_file": "/x"}, "expected one of secret and secret_file"),
        ({"secret": "whsec_AAAA"}, "expected whsec_ and base64 of 24 to 64 bytes"),
        ({"secret": "secret"}, "expected whsec_"),
    ],
)
def test_what_is_wrong_is_said_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises((ValidationError, SettingsError), match=said):
        WebhookSettings.model_validate({"url": "https://x", "secret": SECRET, **given})


async def test_the_last_tries_are_known(client: httpx.AsyncClient, receiver: Receiver) -> None:
    receiver.statuses = [0, 500, 200]
    one = webhook(client)
    start = a_start("1.7")
    for _ in range(2):
        with pytest.raises(DeliveryError):
            await one.take([start])
    await one.take([start])
    assert [(try_.kind, try_.record, try_.outcome) for try_ in one.deliveries] == [
        ("start", "1.7", outcome) for outcome in ("ConnectError", "HTTP 500", "HTTP 200")
    ]
    assert len({try_.identity for try_ in one.deliveries}) == 1
    assert one.deliveries.maxlen == DELIVERIES_KNOWN
