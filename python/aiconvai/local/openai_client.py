"""The client of an endpoint that speaks OpenAI's API and is not theirs: what it answers is bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx2
import openai

_NO_KEY = "none"
"""The SDK wants a key, and would take the environment's, which is another endpoint's."""


def bounded_client(
    url: str,
    key: str | None,
    *,
    seconds: float,
    connect_seconds: float,
    retries: int,
    most_bytes: int,
    too_long: Callable[[], Exception],
) -> openai.AsyncOpenAI:
    """`url`: up to its version. `too_long`: what reading a body raises that is longer than `most_bytes`. Nobody is sent
    elsewhere, and nothing is taken that is compressed. Without a key requests want `authorization_of` as their headers.
    """

    async def bound(response: httpx2.Response) -> None:
        """A hook for responses whose body is not read yet."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            # A few bytes could become any number of them.
            await response.aclose()
            raise httpx2.DecodingError("its answer is compressed, which was not asked for")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedStream(response.stream, most_bytes, too_long)

    return openai.AsyncOpenAI(
        base_url=url,
        api_key=key or _NO_KEY,
        timeout=openai.Timeout(seconds, connect=connect_seconds),
        max_retries=retries,
        http_client=openai.DefaultAsyncHttpxClient(
            follow_redirects=False, event_hooks={"response": [bound]}, headers={"Accept-Encoding": "identity"}
        ),
    )


def authorization_of(key: str | None) -> dict[str, str | openai.Omit]:
    """`extra_headers` of a request: without a key none is sent."""
    return {} if key else {"Authorization": openai.Omit()}


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, body: httpx2.AsyncByteStream, most_bytes: int, too_long: Callable[[], Exception]) -> None:
        self._body = body
        self._most_bytes = most_bytes
        self._too_long = too_long

    async def __aiter__(self) -> AsyncIterator[bytes]:
        length = 0
        async for piece in self._body:
            length += len(piece)
            if length > self._most_bytes:
                raise self._too_long()
            yield piece

    async def aclose(self) -> None:
        await self._body.aclose()
