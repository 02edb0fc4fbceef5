"""Other systems are told of calls: an event is a POST, signed as the Standard Webhooks specification has it.

At least once, in the order of what happened: where the answer is no 2xx it is tried again (hub.py), and a receiver that
gets something twice knows it by its id. What a receiver says it will never take (400, 413, 415, 422) is left out and
counted: it would keep everything behind it waiting.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import time
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from aiconvai.serve.events import Ended, Started, ToolCall, ToolDone, Transcript
from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.recent import Recent
from aiconvai.serve.settings import WebhookKind, WebhookSettings
from aiconvai.serve.told import Told

ANSWER_SECONDS = 10.0
IDS_KNOWN = 50_000
"""Of what was taken, so that it is not told again after a connection to an Asterisk was lost."""
DELIVERIES_KNOWN = 100
"""Tries that are shown."""
_NEVER_TAKEN = (400, 413, 415, 422)
_NAMESPACE = uuid.UUID("5be3c4e4-93a6-4c5c-8a65-3f7f0a5c4f0e")

_log = logging.getLogger(__name__)


class DeliveryError(RuntimeError):
    """A receiver has not taken something; the message names it, and what it said."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A try, and what came of it."""

    time: float
    identity: str
    kind: WebhookKind
    record: str
    """Of which call."""
    outcome: str
    """HTTP and its status, or what went wrong."""
    took_ms: float


class Webhook:
    """A sink: one receiver."""

    def __init__(self, name: str, settings: WebhookSettings, client: httpx.AsyncClient) -> None:
        """`client` is used for requests of its own, and not closed."""
        self.name = f"webhook {name}"
        self.delivered = 0
        self.refused = 0
        """Events that the receiver will never take."""
        self.deliveries: deque[Delivery] = deque(maxlen=DELIVERIES_KNOWN)
        """The last ones, in their order."""
        self._settings = settings
        self._client = client
        self._taken: Recent[str] = Recent(IDS_KNOWN)

    async def take(self, batch: Sequence[Told]) -> None:
        """Raises `DeliveryError`."""
        for told in batch:
            kind = kind_of(told)
            if kind is None or kind not in self._settings.events:
                continue
            identity = str(uuid.uuid5(_NAMESPACE, f"{told.asterisk} {told.event.record} {told.kind} {told.event.time}"))
            if identity not in self._taken:
                await self._deliver(identity, kind, told)
                self._taken.add(identity)

    async def _deliver(self, identity: str, kind: WebhookKind, told: Told) -> None:
        data = told.event.model_dump(mode="json")
        if isinstance(told.event, Started | Ended):
            data["direction"] = "outbound" if is_outbound(told.event.unique_id) else "inbound"
        body = json.dumps({"type": f"call.{kind}", "asterisk": told.asterisk, "data": data})
        # Each try has its own: a receiver refuses what is old.
        moment = str(int(time.time()))
        headers = {"Content-Type": "application/json", "webhook-id": identity, "webhook-timestamp": moment}
        if (secret := self._settings.read_secret()) is not None:
            headers["webhook-signature"] = sign(secret, identity, moment, body)
        begun = time.time()

        def note(outcome: str) -> None:
            took_ms = (time.time() - begun) * 1000
            self.deliveries.append(Delivery(begun, identity, kind, told.event.record, outcome, took_ms))

        try:
            answer = await self._client.post(
                self._settings.url, content=body, headers=headers, timeout=ANSWER_SECONDS, follow_redirects=False
            )
        except httpx.HTTPError as error:
            note(type(error).__name__)
            raise DeliveryError(f"{self._settings.url}: {type(error).__name__}: {error}") from error
        note(f"HTTP {answer.status_code}")
        if answer.status_code in _NEVER_TAKEN:
            self.refused += 1
            _log.error("%s: HTTP %d for %s: it is left out", self._settings.url, answer.status_code, identity)
        elif not answer.is_success:
            raise DeliveryError(f"{self._settings.url}: HTTP {answer.status_code}")
        else:
            self.delivered += 1


def kind_of(told: Told) -> WebhookKind | None:
    """What a receiver may ask for by; None: nothing that receivers are told."""
    match told.event:
        case Started():
            return "start"
        case Ended():
            return "end"
        case Transcript(final=True):
            return "transcript"
        case ToolCall() | ToolDone():
            return "tool"
        case _:
            return None


def sign(secret: bytes, identity: str, moment: str, body: str) -> str:
    """The header `webhook-signature`: HMAC-SHA256 of `ID.TIMESTAMP.BODY` (Standard Webhooks, "Signature scheme")."""
    digest = hmac.new(secret, f"{identity}.{moment}.{body}".encode(), hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"
