"""What is read from elsewhere, whatever it is: it is read, or refused by the reader's own error."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiconvai.config.reader import read_configuration
from aiconvai.config.verdict import judge_file
from aiconvai.gateway.ari import Ari
from aiconvai.gateway.registrations import Caller, RegistrationError, a_number, a_text, caller_of_event, read_uuid
from aiconvai.serve.events import UnreadableEventError, read_event
from aiconvai.serve.journal import read_journal
from aiconvai.serve.manager import Manager, ManagerError, ManagerSettings, text_lines
from aiconvai.serve.outbound.numbers import NumberError, read_number
from aiconvai.serve.outbound.people import PeopleError, read_csv
from aiconvai.serve.settings import WebhookSettings, read_settings
from aiconvai.serve.tools.arguments import checked_arguments
from aiconvai.serve.tools.lookups import variables
from aiconvai.serve.tools.tool import ToolError
from aiconvai.serve.webhooks import sign
from aiconvai.toml_settings import SettingsError

bounded = settings(
    max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
texts = st.text(st.characters(exclude_categories=()), max_size=200)
"""Half characters as well."""
numbers = st.one_of(
    st.sampled_from(["", "0", "-1", "nan", "inf", "-inf", "1e400", "1e18", "9" * 400, "0x10", "\u0661", "1_0", " 1 "]),
    texts,
)
KINDS = ("Start", "Lookup", "Ready", "Transcript", "Interruption", "Answer", "ToolCall", "ToolDone", "End", "State",
         "Error", "Failover", "Usage", "Nobody", "")  # fmt: skip
HEADERS = ("Record", "Time", "Agent", "Role", "Text", "Final", "Turn", "SpokenMs", "HeardMs", "LatencyMs", "LineFormat",
           "RecordedMs", "TimeoutMs", "ReadyMs", "DurationMs", "Status", "ToolCallID", "ToolName", "Parameters",
           "Runner", "Schema", "Result", "Error", "Uniqueid")  # fmt: skip
events = st.builds(
    lambda kind, given: {"Event": f"AIConvAI{kind}", "Record": "1.1", "Time": "1.5", "Agent": "a", **given},
    st.sampled_from(KINDS),
    st.dictionaries(st.one_of(st.sampled_from(HEADERS), texts), numbers, max_size=12),
)
DEEP = "[" * 100_000


@bounded
@given(events)
def test_events(headers: dict[str, str]) -> None:
    try:
        event = read_event(headers)
    except UnreadableEventError:
        return
    if event is not None:
        # What is kept, shown and told of it can be.
        assert event.when
        assert event.model_dump_json() is not None


@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "-1", "1e12"])
def test_a_moment_is_one_of_the_calendar(value: str) -> None:
    with pytest.raises(UnreadableEventError):
        read_event({"Event": "AIConvAIStart", "Record": "1", "Time": value, "Agent": "a", "LineFormat": "x"})


def test_a_number_that_no_database_has_room_for_is_none() -> None:
    """It would be tried again for ever, and all behind it would wait."""
    with pytest.raises(UnreadableEventError):
        read_event({"Event": "AIConvAIEnd", "Record": "1", "Time": "1", "Agent": "a", "Status": "COMPLETED",
                    "DurationMs": "2147483648"})  # fmt: skip


@bounded
@given(st.lists(st.binary(max_size=200) | st.sampled_from([DEEP.encode(), b'{"Version":1}', b"{"]), max_size=5))
def test_journals(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        for read in read_journal(path):
            assert read.call is not None or read.problems


message = st.one_of(
    st.binary(max_size=300),
    st.dictionaries(texts, texts, max_size=5).map(
        lambda one: "".join(f"{k}: {v}\r\n" for k, v in one.items()).encode("utf-8", "replace") + b"\r\n"
    ),
    st.sampled_from(
        [b"\r\n", b"Event: x\r\n\r\n", b"Response: Success\r\nActionID: 1\r\n\r\n", b"\n" * 50, b"a: b\r\n" * 1100]
    ),
)


@settings(bounded, max_examples=60)
@given(st.lists(message, max_size=6))
def test_managers(messages: list[bytes]) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader(limit=1 << 20)
        writer: Any = _Nowhere()
        for one in messages:
            reader.feed_data(one)
        reader.feed_eof()
        manager = Manager(ManagerSettings(), reader, writer)
        with contextlib.suppress(ManagerError):
            async for event in manager.events():
                with contextlib.suppress(UnreadableEventError, RegistrationError):
                    caller_of_event("pbx", event)
                    read_event(event)
        await manager.close()

    asyncio.run(asyncio.wait_for(read(), 20))


class _Nowhere:
    def close(self) -> None:
        pass

    def write(self, _: bytes) -> None:
        raise AssertionError("it was sent")

    async def wait_closed(self) -> None:
        pass


def test_an_action_of_two_lines_is_none() -> None:
    async def ask(value: str) -> None:
        manager = Manager(ManagerSettings(), asyncio.StreamReader(), _Nowhere())  # type: ignore[arg-type]
        try:
            await manager.action("Redirect", Channel=value)
        except ManagerError:
            return
        finally:
            await manager.close()
        raise AssertionError(f"{value!r} was sent")

    for value in ("a\r\nAction: Command", "a\nb", "a\rb", "a\0b"):
        asyncio.run(ask(value))


@bounded
@given(st.lists(st.one_of(st.text(), st.sampled_from([DEEP, "1", "null", '{"type": 1}'])), max_size=4))
def test_events_of_ari(messages: list[str]) -> None:
    class Socket:
        async def __aiter__(self) -> Any:
            for one in messages:
                yield one

    async def read() -> None:
        async for event in Ari._read(Socket()):
            assert isinstance(event, dict)

    asyncio.run(read())


@bounded
@given(st.one_of(texts, st.sampled_from([DEEP, '{"a": ' * 50_000, '{"a": 1e999}', '{"__class__": "x"}'])))
def test_answers_of_lookups_and_arguments_of_tools(text: str) -> None:
    with contextlib.suppress(ToolError):
        assert all(isinstance(one, str) for one in variables(text).values())
    with contextlib.suppress(ToolError):
        checked_arguments(text, "")
    with contextlib.suppress(ToolError):
        checked_arguments("{}", text)


@bounded
@given(texts)
def test_numbers_names_and_lists_of_people(text: str) -> None:
    assert set(a_number(text)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+*#.-")
    assert "\0" not in a_text(text)
    a_text(text).encode()
    with contextlib.suppress(NumberError):
        assert set(read_number(text)) <= set("+0123456789*#ABCDabcd")
    with contextlib.suppress(PeopleError):
        read_csv(text)
    with contextlib.suppress(RegistrationError):
        read_uuid(text)
    for line in text_lines(text.encode("utf-8", "replace").decode()):
        assert "\r" not in line
        assert "\n" not in line
    assert Caller(text).agent == text


@bounded
@given(st.binary(max_size=300))
def test_files_of_settings(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("serve.toml", "aiconvai.conf"):
            (Path(folder) / name).write_bytes(content)
        with contextlib.suppress(SettingsError):
            read_settings(Path(folder) / "serve.toml")
        read_configuration(Path(folder) / "aiconvai.conf")
        judge_file(Path(folder) / "aiconvai.conf")


@bounded
@given(st.binary(min_size=24, max_size=64), texts, texts)
def test_signatures(secret: bytes, identity: str, body: str) -> None:
    with contextlib.suppress(UnicodeEncodeError):
        header = sign(secret, identity, "1", body)
        assert header.startswith("v1,")
        assert header.isascii()
        assert sign(secret, identity, "1", body + "x") != header


@bounded
@given(texts)
def test_secrets_of_webhooks(secret: str) -> None:
    with contextlib.suppress(SettingsError, ValueError):
        WebhookSettings.model_validate({"url": "http://x", "secret": secret}).read_secret()


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_readers_that_are_followed(tmp_path: Path) -> None:
    """By atheris, where it is installed: pip install -e '.[fuzz]'."""
    pytest.importorskip("atheris")
    (tmp_path / "event").write_bytes(b"\x01Event: AIConvAIEnd\r\nRecord: 1\r\nTime: 1\r\nAgent: a\r\nStatus: X\r\n\r\n")
    (tmp_path / "line").write_bytes(b'\xff{"Version":1,"LeftOut":0,"Events":[{"Event":"AIConvAIStart","Record":"1"}]}')
    program = Path(__file__).parents[1] / "fuzz" / "readers_fuzz.py"
    command = [sys.executable, str(program), "-max_total_time=120", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
