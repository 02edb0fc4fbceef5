"""A tool that is a request: POST, JSON there and back."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from aiconvai.serve.outgoing import Reach, guarded
from aiconvai.serve.settings import ToolSettings
from aiconvai.serve.tools.tool import ToolError, ToolRequest
from aiconvai.toml_settings import SettingsError

LONGEST_ANSWER = 1 << 20
"""Bytes that are read."""
_PREFIX = "http:"


def a_client(reach: Reach | None = None, connections: int = 100) -> httpx.AsyncClient:
    """For so many requests at once. No cookies: those of one caller's answer are not for another caller's request."""
    cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=20)
    return httpx.AsyncClient(cookies=cookies, limits=limits, mounts=guarded(reach or Reach(), limits))


class HttpTools:
    """Of all agents."""

    def __init__(self, client: httpx.AsyncClient, settings: Mapping[str, ToolSettings]) -> None:
        """`client` is used for requests of its own, and not closed; `settings` by the tools' names."""
        self._client = client
        self._settings = settings

    async def run(self, request: ToolRequest) -> str:
        """The answer's body, as it is."""
        settings = self._settings.get(request.name, ToolSettings())
        try:
            headers = settings.read_headers()
        except SettingsError as error:
            raise ToolError(str(error)) from error
        body = {
            "tool": request.name,
            "tool_call_id": request.id,
            "arguments": request.arguments,
            "call": request.call.as_json(),
        }
        url = url_of(request.place)
        try:
            async with self._client.stream("POST", url, json=body, headers=headers, timeout=None) as answer:
                text = await _read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"The tool cannot be reached ({type(error).__name__}).") from error
        if not answer.is_success:
            raise ToolError(f"The tool answered with HTTP status {answer.status_code}. {text}".strip())
        return text


def url_of(place: str) -> str:
    """`http:URL`, or the URL itself."""
    return place if place.startswith(("http://", "https://")) else place.removeprefix(_PREFIX)


async def _read(answer: httpx.Response) -> str:
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > LONGEST_ANSWER:
            raise ToolError(f"The tool's answer is longer than {LONGEST_ANSWER} bytes.")
    return body.decode("utf-8", "replace").strip()
