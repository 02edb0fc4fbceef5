"""A reply that a language model writes before it is known whether it is wanted: the caller may go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from aiconvai.local.minds.chat_reply import ToolCall
from aiconvai.local.minds.sentences import SentenceCutter


class ChatDraft:
    """Of one request. On the event loop; whoever has it calls `close`."""

    def __init__(
        self, messages: Sequence[Mapping[str, Any]], parts: AsyncGenerator[str | ToolCall, None]
    ) -> None:
        """`parts`: what `ChatEndpoint.reply` gives for these messages, which are not sent before."""
        self._messages = list(messages)
        self._parts: list[str | ToolCall] = []
        self._is_over = False
        self._error: Exception | None = None
        self._news = asyncio.Event()
        self._writing = asyncio.create_task(self._write(parts), name="draft")

    def is_of(self, messages: Sequence[Mapping[str, Any]]) -> bool:
        """The request is the same as it was."""
        return self._messages == list(messages)

    async def parts(self) -> AsyncGenerator[str | ToolCall, None]:
        """All of them, from the first on, as they come. Raises what the endpoint raised."""
        number = 0
        while True:
            while number < len(self._parts):
                yield self._parts[number]
                number += 1
            if self._is_over:
                break
            self._news.clear()
            await self._news.wait()
        if self._error is not None:
            raise self._error

    async def first_sentence(self) -> str | None:
        """None: there is none. Raises `PartError`."""
        cutter = SentenceCutter(early=True)
        async with aclosing(self.parts()) as parts:
            async for part in parts:
                for sentence in cutter.feed(part) if isinstance(part, str) else ():
                    return sentence
        return next(iter(cutter.end()), None)

    def close(self) -> None:
        """The endpoint is told to stop. Nobody waits for `parts` any more."""
        self._writing.cancel()

    async def _write(self, parts: AsyncGenerator[str | ToolCall, None]) -> None:
        try:
            async with aclosing(parts):
                async for part in parts:
                    self._parts.append(part)
                    self._news.set()
        except Exception as error:
            # Whatever it is: who reads the parts is told.
            self._error = error
        finally:
            self._is_over = True
            self._news.set()
