"""Following an Asterisk: what is asked of it, and what becomes of a connection that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr
from serve_events import a_start, until
from test_manager_connection import agree, serving

from aiconvai.serve import asterisk_source as module
from aiconvai.serve.agent_trial import AgentTrial, Step
from aiconvai.serve.asterisk_source import AsteriskSource
from aiconvai.serve.hub import Hub
from aiconvai.serve.live import LiveCalls
from aiconvai.serve.manager import ManagerError
from aiconvai.serve.settings import AsteriskSettings

TRANSCRIPT = "Role: caller\r\nFinal: yes\r\nTurn: 1\r\nSpokenMs: 0\r\nText: Hello\r\n"


def event(name: str, record: str, more: str = "") -> str:
    return f"Event: AIConvAI{name}\r\nRecord: {record}\r\nTime: 1000.5\r\nAgent: sales\r\n{more}\r\n"


@asynccontextmanager
async def following(port: int, *, needs_module: bool = True) -> AsyncIterator[tuple[AsteriskSource, LiveCalls]]:
    hub, live = Hub(), LiveCalls()
    hub.add_at_once(live.take)
    settings = AsteriskSettings(port=port, user="me", secret=SecretStr("s3cret"))
    source = AsteriskSource("pbx", settings, hub, live)
    source.needs_module = needs_module
    task = asyncio.create_task(source.run())
    try:
        yield source, live
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_it_asks_for_what_it_missed_and_forgets_what_is_gone() -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await agree(action, writer)
        if action["Action"] == "AIConvAIReplay":
            told = event("Call", "1.2") + event("Transcript", "1.2", TRANSCRIPT)
            writer.write((told + "Event: AIConvAIReplayComplete\r\n\r\n").encode())

    async with serving(answer) as settings, following(settings.port) as (source, live):
        live.take(a_start("1.1"))
        await until(lambda: [call.record for call in live.going_on()] == ["1.2"])
        assert [line.text for line in live.calls["pbx", "1.2"].lines] == ["Hello"]
        assert live.calls["pbx", "1.1"].phase == "ended"
        assert source.connection.is_there
        assert source.connection.problem == ""


TRIAL = (
    "Event: AIConvAITrial\r\nActionID: {identity}\r\nAgent: sales\r\nResult: {result}\r\nSteps: {count}\r\n"
    "Step1: configuration\r\nStep1Failed: No\r\nStep1Message: openai\r\n"
    "Step2: connection\r\nStep2Failed: Yes\r\nStep2Ms: 12.5\r\nStep2Message: DNS: no\r\n\r\n"
)


async def test_an_agent_is_tried() -> None:
    asked: list[dict[str, str]] = []

    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await agree(action, writer)
        if action["Action"] == "AIConvAITestAgent":
            asked.append(action)
            count = "2" if action["Agent"] == "sales" else "many"
            somebodys = TRIAL.format(identity="another", result="Good", count=2)
            writer.write((somebodys + TRIAL.format(identity=action["ActionID"], result="Failed", count=count)).encode())

    async with serving(answer) as settings, following(settings.port) as (source, _):
        await until(lambda: source.connection.is_there)
        assert await source.try_agent("sales") == AgentTrial(
            "sales",
            False,
            (Step("configuration", False, "openai"), Step("connection", True, "DNS: no", 12.5)),
        )
        with pytest.raises(ManagerError, match=r"AIConvAITrial: .*many"):
            await source.try_agent("other")
        assert [one["Agent"] for one in asked] == ["sales", "other"]
        assert source.connection.unreadable == 0


async def test_what_says_something_else_than_it_should_is_counted() -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await agree(action, writer)
        if action["Action"] == "AIConvAIReplay":
            wrong = event("Transcript", "1.1", TRANSCRIPT.replace("Turn: 1", "Turn: one"))
            writer.write((wrong + event("Transcript", "1.1", TRANSCRIPT)).encode())

    async with serving(answer) as settings, following(settings.port) as (source, live):
        await until(lambda: bool(live.calls))
        assert source.connection.unreadable == 1


async def test_a_connection_that_is_lost_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CALM_SECONDS", 0.01)
    times = 0

    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal times
        await agree(action, writer)
        if action["Action"] == "AIConvAIReplay":
            times += 1
            if times < 3:
                writer.close()

    async with serving(answer) as settings, following(settings.port) as (source, _):
        await until(lambda: times == 3)
        await until(lambda: source.connection.is_there)
        assert (await source.action("Ping"))["Message"] == "Fine"


@pytest.mark.parametrize("needs_module", [True, False])
async def test_the_gateway_follows_an_asterisk_without_the_module(
    needs_module: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CALM_SECONDS", 0.01)
    logins = 0

    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        nonlocal logins
        logins += action["Action"] == "Login"
        if action["Action"] == "AIConvAIReplay":
            refusal = f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Invalid/unknown command\r\n\r\n"
            writer.write(refusal.encode())
        else:
            await agree(action, writer)

    async with serving(answer) as settings, following(settings.port, needs_module=needs_module) as (source, _):
        if needs_module:
            await until(lambda: logins > 2)
            await until(lambda: "Invalid/unknown command" in source.connection.problem)
        else:
            await until(lambda: source.connection.is_there)
            assert (await source.action("Ping"))["Message"] == "Fine"
            assert (logins, source.connection.problem) == (1, "")


async def test_who_is_not_there_is_said_to_be_so() -> None:
    async with following(1) as (source, _):
        await until(lambda: source.connection.problem != "not tried yet")
        assert "127.0.0.1:1" in source.connection.problem
        with pytest.raises(ManagerError, match=r"pbx: me@127\.0\.0\.1:1"):
            await source.action("Ping")
