"""What a call was about is said once it is over, whatever the endpoint does meanwhile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve_events import a_start, an_end, said, told, until

from aiconvai.serve import summaries as module
from aiconvai.serve.settings import SummarySettings
from aiconvai.serve.store.store import SaidBefore, Store, Wanted
from aiconvai.serve.summaries import LONGEST_TRANSCRIPT, Summaries, SummaryError, transcript
from aiconvai.serve.told import Told


class Endpoint:
    """Answers in this order, the last one again and again: a text, or an HTTP status."""

    def __init__(self) -> None:
        self.answers: list[str | int] = ["It was about a parcel."]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, int):
            return httpx.Response(answer)
        return httpx.Response(200, json={"choices": [{"message": {"content": answer}}]})


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
async def summaries(
    endpoint: Endpoint, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Summaries]:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.01)
    (tmp_path / "key").write_text("sk-1\n")
    given = {"url": "http://model.example/v1/", "model": "small", "secret_file": tmp_path / "key"}
    async with httpx.AsyncClient(transport=httpx.MockTransport(endpoint)) as client:
        yield Summaries(SummarySettings.model_validate(given), store, client)


async def keep(store: Store, record: str = "1.1", seconds_ago: float = 100.0, end: bool = True) -> Told:
    begun = time.time() - seconds_ago
    start = told("Start", record, begun, LineFormat="ulaw_8000", CallerIDNum="+420123")
    turns = [said("Where is it?", record), said("In Brno.", record, "agent", 2)]
    ended = told("End", record, begun + 9, Status="COMPLETED", DurationMs="9000")
    await store.keep("pbx", [one.event for one in (start, *turns, *([ended] if end else []))])
    return ended


async def kept(store: Store) -> list[str | None]:
    return [call.summary for call in await store.calls(Wanted())]


async def test_a_model_is_asked_what_it_was_about(endpoint: Endpoint, summaries: Summaries, store: Store) -> None:
    await keep(store)
    await summaries.make_all()
    assert await kept(store) == ["It was about a parcel."]
    (request,) = endpoint.requests
    assert str(request.url) == "http://model.example/v1/chat/completions"
    assert request.headers["Authorization"] == "Bearer sk-1"
    body: dict[str, Any] = json.loads(request.content)
    assert body["model"] == "small"
    assert body["messages"][1] == {"role": "user", "content": "Caller: Where is it?\nAgent: In Brno."}
    await summaries.make_all()
    assert len(endpoint.requests) == 1


async def test_calls_that_have_nothing_to_say_get_none(endpoint: Endpoint, summaries: Summaries, store: Store) -> None:
    await keep(store, "1.1", end=False)
    await keep(store, "1.2", seconds_ago=90_000.0)
    await store.keep("pbx", [one.event for one in (a_start("1.3"), an_end("1.3"))])
    await summaries.make_all()
    assert (endpoint.requests, await kept(store)) == ([], [None] * 3)


async def test_an_endpoint_that_is_down_is_tried_again(endpoint: Endpoint, summaries: Summaries, store: Store) -> None:
    endpoint.answers = [503, 500, "Later."]
    running = asyncio.create_task(summaries.run())
    summaries.take(await keep(store))
    await until(lambda: summaries.problem != "")
    assert "HTTP 50" in summaries.problem
    await until(lambda: summaries.made == 1)
    await until(lambda: summaries.problem == "")
    assert await kept(store) == ["Later."]
    summaries.take(await keep(store, "1.2", 50.0))
    await until(lambda: summaries.made == 2)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def test_what_is_never_taken_holds_up_no_other(endpoint: Endpoint, summaries: Summaries, store: Store) -> None:
    endpoint.answers = [422, "Fine."]
    await keep(store, "1.1", 100.0)
    await keep(store, "1.2", 50.0)
    await summaries.make_all()
    assert await kept(store) == ["Fine.", ""]
    assert (summaries.made, summaries.refused) == (1, 1)


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, [], "x"])
async def test_what_is_no_answer_is_said(summaries: Summaries, store: Store, answer: object) -> None:
    summaries._client = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer)))
    await keep(store)
    with pytest.raises(SummaryError, match=r"expected a chat completion|has no text"):
        await summaries.make_all()
    await summaries._client.aclose()


def test_a_long_transcript_is_cut_in_its_middle() -> None:
    text = transcript([("caller", f"{number} " + "x" * 1000) for number in range(200)])
    assert len(text) <= LONGEST_TRANSCRIPT + 10
    assert text.startswith("Caller: 0 x")
    assert text.endswith("x")
    assert "\n...\n" in text


async def test_a_summary_takes_the_place_of_what_was_said(store: Store) -> None:
    await keep(store, "1.1", 300.0)
    await keep(store, "1.2", 200.0)
    first = (await store.calls(Wanted()))[1]
    await store.keep_summary(first.id, "A parcel.")
    told_before = await store.said_before("+420123", time.time(), 10, with_summaries=True)
    assert [(one.role, one.text) for one in told_before] == [
        ("summary", "A parcel."), ("caller", "Where is it?"), ("agent", "In Brno."),
    ]  # fmt: skip
    assert told_before[0] == SaidBefore(first.started, "summary", "A parcel.")


async def test_a_call_that_never_gets_one_holds_up_no_other(
    endpoint: Endpoint, summaries: Summaries, store: Store
) -> None:
    endpoint.answers = ["", "", "", "Fine."]
    await keep(store, "1.1", 100.0)
    await keep(store, "1.2", 50.0)
    for _ in range(2):
        with pytest.raises(SummaryError, match="has no text"):
            await summaries.make_all()
    await summaries.make_all()
    assert await kept(store) == ["Fine.", ""]


async def test_an_endpoint_that_is_down_gives_no_call_up(
    endpoint: Endpoint, summaries: Summaries, store: Store
) -> None:
    endpoint.answers = [503]
    await keep(store)
    for _ in range(5):
        with pytest.raises(SummaryError, match="HTTP 503"):
            await summaries.make_all()
    assert await kept(store) == [None]
