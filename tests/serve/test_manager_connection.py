"""The connection to a manager that does not do what managers do. Real ones: tests/integration/test_serve_manager.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from aiconvai.serve import manager as module
from aiconvai.serve.manager import Manager, ManagerError, ManagerSettings

BANNER = b"Asterisk Call Manager/9.0.0\r\n"
Answer = Callable[[dict[str, str], asyncio.StreamWriter], Awaitable[None]]


async def agree(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
    writer.write(f"Response: Success\r\nActionID: {action['ActionID']}\r\nMessage: Fine\r\n\r\n".encode())


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[ManagerSettings]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        action: dict[str, str] = {}
        async for line in reader:
            text = line.decode().rstrip("\r\n")
            if text:
                key, _, value = text.partition(": ")
                action[key] = value
            else:
                await answer(action, writer)
                action = {}
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield ManagerSettings(port=server.sockets[0].getsockname()[1], user="me", secret="s3cret")


async def test_responses_find_their_actions_and_the_rest_are_events() -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if action["Action"] == "Two":
            return
        if action["Action"] == "One":
            writer.write(b"Event: AIConvAITranscript\r\nText: a: b \xc5\xa1\xff\r\n\r\n")
        await agree(action, writer)

    async with serving(answer) as settings, await Manager.connect(settings) as manager:
        assert (await manager.action("One"))["Message"] == "Fine"
        event = await anext(manager.events())
        assert event == {"Event": "AIConvAITranscript", "Text": "a: b š\ufffd"}


async def test_a_refusal_is_told_without_the_secret() -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        writer.write(f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: No.\r\n\r\n".encode())

    async with serving(answer) as settings:
        with pytest.raises(ManagerError, match=r"me@127\.0\.0\.1:\d+: Login: No\.") as refused:
            await Manager.connect(settings)
        assert "s3cret" not in str(refused.value)


async def test_a_manager_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ACTION_SECONDS", 0.1)

    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if action["Action"] == "Login":
            await agree(action, writer)

    async with serving(answer) as settings, await Manager.connect(settings) as manager:
        with pytest.raises(ManagerError, match=r"Ping: no response within 0\.1 s"):
            await manager.action("Ping")


async def test_a_lost_connection_is_told_to_all_who_wait() -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        if action["Action"] == "Login":
            await agree(action, writer)
        else:
            writer.close()

    async with serving(answer) as settings, await Manager.connect(settings) as manager:
        with pytest.raises(ManagerError, match="the connection is lost"):
            await manager.action("Ping")
        with pytest.raises(ManagerError, match="the connection is lost"):
            await anext(manager.events())
        with pytest.raises(ManagerError, match="the connection is lost"):
            await manager.action("Ping")


@pytest.mark.parametrize("nonsense", [b"x" * (module.LONGEST_LINE + 10), b"a: b\r\n" * 1001])
async def test_what_no_manager_says_ends_the_connection(nonsense: bytes) -> None:
    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        await agree(action, writer)
        if action["Action"] == "Ping":
            writer.write(nonsense)

    async with serving(answer) as settings, await Manager.connect(settings) as manager:
        await manager.action("Ping")
        with pytest.raises(ManagerError, match="the connection is lost"):
            await anext(manager.events())


async def test_what_a_header_has_no_room_for_goes_on_in_another() -> None:
    sent: list[dict[str, str]] = []

    async def answer(action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        sent.append(action)
        await agree(action, writer)

    text = "x" * 899 + "š and so on"
    async with serving(answer) as settings, await Manager.connect(settings) as manager:
        await manager.action("AIConvAIMessage", Text=["short", text])
    assert sent[1]["Text"] == "x" * 899
    assert sent[1]["Text+"] == "š and so on"


@pytest.mark.parametrize("text", ["", "one", "one\n\n two", "ž" * 5000 + "\nend", "x" * 900, "x" * 901])
def test_a_text_is_its_lines(text: str) -> None:
    assert "\n".join(module.text_lines(text)) == text


def test_a_text_of_too_many_lines_is_one() -> None:
    assert module.text_lines("a b\n" * 111) == [" ".join(["a b"] * 111)]
    (line,) = module.text_lines("ž" * 200_000)
    assert len(line) == 110 * 450


async def test_no_action_has_a_line_that_is_another() -> None:
    async with serving(agree) as settings, await Manager.connect(settings) as manager:
        with pytest.raises(ManagerError, match="a line break or NUL in Message"):
            await manager.action("AIConvAIMessage", Message="a\r\nAction: Logoff")


async def test_nobody_is_there() -> None:
    with pytest.raises(ManagerError, match=r"@127\.0\.0\.1:1: "):
        await Manager.connect(ManagerSettings(port=1))
