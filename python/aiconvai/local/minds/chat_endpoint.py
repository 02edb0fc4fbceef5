"""One model at any endpoint that speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, or a cloud."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

import httpx2
import openai

from aiconvai.local.minds.chat_reply import ReplyReader, ToolCall, as_sentence
from aiconvai.local.openai_client import authorization_of, bounded_client
from aiconvai.local.parts import PartError

CONNECT_SECONDS = 3.0
FIRST_TOKEN_SECONDS = 10.0
"""After which a model that has written nothing is not waited for: the caller is not either."""
REPLY_SECONDS = 60.0
"""That are waited for the endpoint during one reply, in all."""
OPEN_SECONDS = 180.0
"""For the model to be loaded, when the program begins."""
RETRIES = 1
"""Within these times: a connection that was kept may be gone."""
LONGEST_RESPONSE = 4 << 20
"""Bytes of one answer by HTTP."""
LONGEST_REPLY = 4_000
"""Characters; what a model writes beyond is not waited for."""
_LONGEST_REASON = 300
_NAMES_SHOWN = 8

_log = logging.getLogger(__name__)
T = TypeVar("T")


class ChatEndpoint:
    """Of one event loop. Replies may be asked for at the same time."""

    def __init__(
        self, url: str, model: str, *, key: str | None = None, options: Mapping[str, Any] | None = None
    ) -> None:
        """`url`: up to /v1. `key`: None: the endpoint wants none. `options`: fields of the request besides, such as
        temperature. Raises `PartError`.
        """
        if not url.startswith(("http://", "https://")):
            raise PartError(f"url {url!r} of the language model: expected http:// or https://")
        self.url = url.rstrip("/")
        self.model = model
        self.takes_tools = True
        """As `open` has found."""
        self._options = dict(options or {})
        self._headers = authorization_of(key)
        self._client = bounded_client(
            self.url,
            key,
            seconds=REPLY_SECONDS,
            connect_seconds=CONNECT_SECONDS,
            retries=RETRIES,
            most_bytes=LONGEST_RESPONSE,
            too_long=_too_long,
        )

    async def open(self, tools: Sequence[Mapping[str, Any]] = ()) -> None:
        """Sees that the endpoint is there and has the model, which it loads; and whether it takes tools, such as these.

        Raises `PartError`, which says what is missing.
        """
        names = await self._model_names()
        try:
            await self._try(tools)
        except _RefusalError as refusal:
            if not tools or "tool" not in str(refusal).lower():
                raise self._without_model(refusal, names) from refusal
            # Ollama: "does not support tools"; llama.cpp: "tools param requires --jinja flag".
            try:
                await self._try(())
            except _RefusalError as second:
                raise self._without_model(second, names) from second
            self.takes_tools = False
            _log.warning("%s: the model %s is told of no tools: %s", self.url, self.model, refusal)

    async def close(self) -> None:
        await self._client.close()

    async def reply(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[str | ToolCall, None]:
        """Text as it comes, and then the tools that the model calls. Closed early, the endpoint is told to stop.

        Raises `PartError`.
        """
        reader = ReplyReader()
        length = 0
        async with aclosing(self._pieces(messages, tools, reader, FIRST_TOKEN_SECONDS, REPLY_SECONDS)) as pieces:
            async for piece in pieces:
                length += len(piece)
                if piece:
                    yield piece
                if length > LONGEST_REPLY:
                    _log.warning("%s: the model %s wrote more than %d characters", self.url, self.model, LONGEST_REPLY)
                    return
        if rest := reader.end():
            yield rest
        for call in reader.calls:
            yield call

    async def _pieces(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        reader: ReplyReader,
        first_seconds: float,
        all_seconds: float,
    ) -> AsyncGenerator[str, None]:
        """The text of each chunk, "" too, from the first token on."""
        patience = _Patience(first_seconds)
        request: dict[str, Any] = {"model": self.model, "messages": list(messages), "stream": True}
        request |= {"extra_headers": self._headers, "extra_body": self._options}
        if tools and self.takes_tools:
            request["tools"] = [{"type": "function", "function": dict(tool)} for tool in tools]
        stream = None
        try:
            stream = await patience.wait(self._client.chat.completions.create(**request))
            has_begun = False
            while (chunk := await patience.wait(anext(stream, None))) is not None:
                progress = reader.read(chunk)
                if progress.is_token and not has_begun:
                    has_begun = True
                    patience.seconds = all_seconds
                if has_begun:
                    yield progress.text
        except (TimeoutError, ValueError, RecursionError, openai.OpenAIError, httpx2.HTTPError) as error:
            raise self._explained(error, patience.seconds) from error
        finally:
            if stream is not None:
                with suppress(httpx2.HTTPError):
                    await stream.close()

    async def _try(self, tools: Sequence[Mapping[str, Any]]) -> None:
        """Has the model begin to answer, however long it takes to load it."""
        reader = ReplyReader()
        hello = [{"role": "user", "content": "Hello."}]
        async with aclosing(self._pieces(hello, tools, reader, OPEN_SECONDS, OPEN_SECONDS)) as pieces:
            async for _ in pieces:
                return
        raise PartError(
            f"{self.url}/chat/completions answers with no chat completion: give the address up to /v1 of an endpoint"
            " that speaks OpenAI's"
        )

    async def _model_names(self) -> list[str]:
        """That the endpoint tells; none where it does not tell. Raises `PartError` where it is not there."""
        patience = _Patience(FIRST_TOKEN_SECONDS)
        try:
            page = await patience.wait(self._client.models.list(extra_headers=self._headers))
            return [str(getattr(one, "id", one)) for one in page.data]
        except (openai.APIConnectionError, TimeoutError) as error:
            raise self._explained(error, patience.seconds) from error
        except (openai.OpenAIError, ValueError, TypeError, AttributeError) as error:
            _log.debug("%s/models tells no models: %s", self.url, error)
            return []

    def _without_model(self, refusal: PartError, names: Sequence[str]) -> PartError:
        # Ollama's "llama3.2" is its "llama3.2:latest".
        if names and self.model not in names and f"{self.model}:latest" not in names:
            return PartError(
                f"{self.url} has no model {self.model}, but {as_sentence(names, _NAMES_SHOWN)}: {refusal.args[0]}"
            )
        return PartError(*refusal.args)

    def _explained(self, error: Exception, seconds: float) -> PartError:
        match error:
            case openai.APIStatusError():
                return _RefusalError(
                    f"{self.url} answers HTTP {error.status_code} for the model {self.model}: {_reason(error.message)}"
                )
            case TimeoutError() | openai.APITimeoutError() if not _is_connecting(error):
                return PartError(
                    f"the model {self.model} at {self.url} did not answer within {seconds:g} s: use a smaller one, or a"
                    " faster machine"
                )
            case openai.APIConnectionError() | httpx2.HTTPError():
                cause = error.__cause__ or error
                return PartError(
                    f"{self.url} cannot be reached ({_reason(str(cause) or type(cause).__name__)}): start the endpoint"
                    " of the language model, or correct its address"
                )
            case openai.APIError():
                return PartError(f"the model {self.model} at {self.url} failed: {_reason(error.message)}")
            case _:
                return PartError(f"{self.url} sent something that is no JSON instead of a reply: {_reason(str(error))}")


class _RefusalError(PartError):
    """The endpoint answers, and not with a reply."""


class _Patience:
    """How long is waited for an endpoint, in all; the time that its user takes in between does not count."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._waited = 0.0

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """Raises `TimeoutError`."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(self.seconds - self._waited):
                return await awaitable
        finally:
            self._waited += loop.time() - begun


def _too_long() -> PartError:
    return PartError(f"the language model's endpoint sends more than {LONGEST_RESPONSE} bytes for one reply")


def _is_connecting(error: BaseException) -> bool:
    return isinstance(error.__cause__, httpx2.ConnectTimeout)


def _reason(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
