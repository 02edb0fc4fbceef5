"""What a call was about, in a few sentences of a language model's, once it is over.

Any endpoint that speaks OpenAI's chat completions is asked, one call after the other. Which calls have none yet is what
the database says: however often this program is stopped, each call that was kept gets one, if it is not older than a
day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import httpx
from tenacity import AsyncRetrying, RetryCallState, wait_exponential_jitter

from aiconvai.serve.events import Ended
from aiconvai.serve.retrying import failure_of
from aiconvai.serve.settings import SummarySettings
from aiconvai.serve.store.tables import Call
from aiconvai.serve.told import Told
from aiconvai.toml_settings import SettingsError

LONGEST_SUMMARY = 4_000
LONGEST_TRANSCRIPT = 60_000
"""Characters; what is in the middle is left out."""
OLDEST_SECONDS = 86_400.0
KEPT_SECONDS = 2.0
"""After its end, in which a call comes into the database."""
LONGEST_WAIT_SECONDS = 60.0
"""Between two tries of an endpoint that does not answer."""
TRIES = 3
"""Of one call, where the endpoint does answer."""
NEVER = ""
"""The summary of a call that the endpoint will never take."""
_REFUSALS = (400, 413, 422)

_log = logging.getLogger(__name__)


class SummaryError(RuntimeError):
    """The endpoint has given none; the message says why."""


class CallsWithout(Protocol):
    """Calls that have no summary."""

    async def to_summarise(self, since: float) -> Call | None:
        """One that began since, is over, and in which something was said; with what was."""

    async def keep_summary(self, call_id: int, summary: str) -> None: ...


class Summaries:
    """One event loop's."""

    def __init__(self, settings: SummarySettings, calls: CallsWithout, client: httpx.AsyncClient) -> None:
        """`client` is used for requests of its own, and not closed."""
        self.problem = ""
        """Why none is made at present; empty: they are."""
        self.made = 0
        self.refused = 0
        self._settings = settings
        self._calls = calls
        self._client = client
        self._tries: Counter[int] = Counter()
        """Of calls that were not given one yet."""
        self._answers_others = False
        """The endpoint has been seen to answer since it was last out of reach."""
        self._news = asyncio.Event()
        self._news.set()

    def take(self, told: Told) -> None:
        """Of an event as it comes."""
        if isinstance(told.event, Ended):
            self._news.set()

    async def run(self) -> None:
        """Does not return. What goes wrong is in `problem`, and tried again."""
        retrying = AsyncRetrying(
            wait=wait_exponential_jitter(initial=1.0, max=LONGEST_WAIT_SECONDS), before_sleep=self._note
        )
        while True:
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(KEPT_SECONDS)
            await retrying(self.make_all)

    async def make_all(self) -> None:
        """For all that have none. Raises `SummaryError`, and what a database raises."""
        while (call := await self._calls.to_summarise(time.time() - OLDEST_SECONDS)) is not None:
            self._tries[call.id] += 1
            try:
                summary = await self._make(call)
            except SummaryError:
                if self._tries[call.id] < TRIES or not self._answers_others:
                    raise
                # Something about this call: it is not to keep every other one waiting.
                _log.error("call %d gets no summary after %d tries", call.id, TRIES)
                self.refused += 1
                summary = NEVER
            await self._calls.keep_summary(call.id, summary)
            del self._tries[call.id]
            self.problem = ""

    async def _make(self, call: Call) -> str:
        settings = self._settings
        try:
            key = settings.secret_text()
        except SettingsError as error:
            raise SummaryError(str(error)) from error
        body = {
            "model": settings.model,
            "messages": [
                {"role": "system", "content": settings.prompt},
                {"role": "user", "content": transcript([(one.role, one.text) for one in call.turns])},
            ],
        }
        url = f"{settings.url.rstrip('/')}/chat/completions"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            answer = await self._client.post(url, json=body, headers=headers, timeout=settings.seconds)
        except httpx.ConnectError as error:
            self._answers_others = False
            raise SummaryError(f"{url}: {type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise SummaryError(f"{url}: {type(error).__name__}: {error}") from error
        self._answers_others = answer.status_code < 500
        if answer.status_code in _REFUSALS:
            # It would keep every other call waiting.
            _log.error("%s: HTTP %d for call %d: it gets no summary", url, answer.status_code, call.id)
            self.refused += 1
            return NEVER
        if not answer.is_success:
            raise SummaryError(f"{url}: HTTP {answer.status_code}")
        self.made += 1
        return _text(url, answer)[:LONGEST_SUMMARY]

    def _note(self, state: RetryCallState) -> None:
        error = failure_of(state)
        problem = f"summaries: {error}"
        if not self.problem:
            _log.warning("%s", problem)
        self.problem = problem


def transcript(turns: Sequence[tuple[str, str]]) -> str:
    """As the model reads it."""
    text = "\n".join(f"{'Caller' if role == 'caller' else 'Agent'}: {said}" for role, said in turns)
    if len(text) <= LONGEST_TRANSCRIPT:
        return text
    half = LONGEST_TRANSCRIPT // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


def _text(url: str, answer: httpx.Response) -> str:
    try:
        given: Any = answer.json()["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError) as error:
        size = len(answer.content)
        raise SummaryError(f"{url}: expected a chat completion, got {size} bytes of something else") from error
    if not isinstance(given, str) or not given.strip():
        raise SummaryError(f"{url}: the answer has no text")
    return given.strip()
