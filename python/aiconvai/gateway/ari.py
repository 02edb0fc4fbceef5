"""Asterisk's REST interface: requests, and the events of Stasis applications (Asterisk's documentation of ARI)."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from aiconvai.serve.outbound.outcome import is_outbound
from aiconvai.serve.settings import AriSettings

REQUEST_SECONDS = 10.0
_NO_CHANNEL = "aiconvai-that-nobody-has"
_PING_SECONDS = 10.0
"""A network that is dead says nothing: then it is asked, and given so long to answer."""
_LONGEST_EVENT = 1 << 20
_CONNECTIONS = httpx.Limits(max_connections=16, max_keepalive_connections=1)
"""Asterisk has a thread for each, and 100 of them by default (sessionlimit of http.conf)."""

_log = logging.getLogger(__name__)


class AriError(RuntimeError):
    """What was asked could not be done; `status` is HTTP's, 0: there was no answer."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Ari:
    """One Asterisk's. Use `opened`."""

    def __init__(self, settings: AriSettings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: AriSettings) -> AsyncIterator[Ari]:
        """Nothing is asked yet. Raises `SettingsError` where a file with a secret cannot be read."""
        auth = (settings.user, settings.secret_text() or "")
        base = f"{settings.url.rstrip('/')}/ari"
        async with httpx.AsyncClient(
            base_url=base, auth=auth, timeout=REQUEST_SECONDS, limits=_CONNECTIONS, trust_env=False
        ) as client:
            yield cls(settings, client)

    @asynccontextmanager
    async def events(self, apps: list[str]) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        """Of those applications, from now on. Raises `AriError` where they cannot be had, and once they are lost."""
        key = f"{self._settings.user}:{self._settings.secret_text() or ''}"
        query = urlencode({"app": ",".join(apps), "api_key": key})
        url = socket_url(self._settings.url, "/ari/events", query)
        place = f"{urlsplit(url).netloc}/ari/events"
        try:
            async with connect(
                url, max_size=_LONGEST_EVENT, ping_interval=_PING_SECONDS, ping_timeout=_PING_SECONDS, proxy=None
            ) as socket:
                yield self._read(socket)
        except (OSError, WebSocketException, TimeoutError) as error:
            # Not the error's own words where they have the URL in them, with the secret.
            said = str(error).replace(quote(key, safe=""), "...").replace(key, "...")
            raise AriError(f"{place}: {said or type(error).__name__}") from None

    @staticmethod
    async def _read(socket: Any) -> AsyncIterator[Mapping[str, Any]]:
        async for message in socket:
            try:
                event = json.loads(message)
            except (ValueError, RecursionError):
                _log.warning("ARI: an event that is no JSON: %r", message[:200])
                continue
            if isinstance(event, dict):
                yield event

    async def ask(self, method: str, path: str, **parameters: str) -> Any:
        """What is answered: JSON, None where nothing is. Raises `AriError`."""
        return await self._request(method, path, parameters, None)

    async def post(self, path: str, body: Mapping[str, Any], **parameters: str) -> Any:
        """The same, of something that is made."""
        return await self._request("POST", path, parameters, body)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """The same, of something that is set."""
        return await self._request("PUT", path, {}, body)

    async def need_to_change(self) -> None:
        """Raises `AriError` where this user may only look: he may not even hang up a channel that is not there."""
        try:
            await self.ask("DELETE", f"/channels/{_NO_CHANNEL}")
        except AriError as error:
            if error.status == httpx.codes.FORBIDDEN:
                user = self._settings.user
                raise AriError(
                    f"{user} may look and change nothing: read_only = no in ari.conf", error.status
                ) from None
            if error.status != httpx.codes.NOT_FOUND:
                raise

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> Any:
        try:
            answer = await self._client.request(method, path, params=parameters, json=body)
        except httpx.HTTPError as error:
            raise AriError(f"{method} {path}: {error or type(error).__name__}") from error
        if answer.is_error:
            raise AriError(f"{method} {path}: {answer.status_code} {_reason(answer)}", answer.status_code)
        return answer.json() if answer.content else None

    async def drop(self, path: str) -> None:
        """Deletes what may be gone already."""
        try:
            await self.ask("DELETE", path)
        except AriError as error:
            if error.status != httpx.codes.NOT_FOUND:
                _log.warning("ARI: %s", error)


def _reason(answer: httpx.Response) -> str:
    try:
        said = answer.json()
    except ValueError:
        said = None
    return str(said.get("message", "")) if isinstance(said, dict) else answer.reason_phrase


async def send_to(ari: Ari, channel: str, **where: str) -> bool:
    """The channel goes on there in the dialplan; behind Stasis() where nothing is said. False: it does not, and is hung
    up rather than left in silence.
    """
    path = f"/channels/{segment(channel)}"
    try:
        await ari.ask("POST", f"{path}/continue", **where)
    except AriError as error:
        _log.warning("ARI: a caller does not go on: %s", error)
        await ari.drop(path)
        return False
    return True


async def go_on(ari: Ari, channel: str) -> None:
    """The same behind Stasis(); who was called is in no dialplan, and is hung up."""
    if is_outbound(channel):
        await ari.drop(f"/channels/{segment(channel)}")
    else:
        await send_to(ari, channel)


def socket_url(url: str, path: str, query: str = "") -> str:
    """Of a WebSocket of Asterisk's web server, which is at `url`."""
    parts = urlsplit(url)
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, f"{parts.path.rstrip('/')}{path}", query, ""))


def segment(text: str) -> str:
    """Of a path."""
    return quote(text, safe="")
