"""Tools that are run here: the agent is told what they answer, or why they did not, in time."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import CONNECTION_CLOSED, INVALID_REQUEST
from serve_events import a_start, again, told, until

from aiconvai.serve.live import LiveCalls
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.settings import McpSettings, ToolSettings
from aiconvai.serve.told import Told
from aiconvai.serve.tools import python_tools, tool_runs
from aiconvai.serve.tools.arguments import checked_arguments
from aiconvai.serve.tools.http_tools import HttpTools, a_client, url_of
from aiconvai.serve.tools.mcp_server import McpServer
from aiconvai.serve.tools.mcp_tools import McpTools, mcp_servers
from aiconvai.serve.tools.python_tools import PythonTools
from aiconvai.serve.tools.tool import CallFacts, ToolError, ToolRequest, ToolRunner, current_call
from aiconvai.serve.tools.tool_runs import LONGEST_RESULT, ToolRuns, facts_of
from aiconvai.toml_settings import SettingsError

URL = "https://crm.example/find"
SCHEMA = json.dumps({"type": "object", "properties": {"number": {"type": "string"}}, "required": ["number"]})
CALL = CallFacts("pbx", "1.1", "sales", caller_number="+420123")


class Asterisk:
    """Takes what agents are told."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.is_gone = False

    async def act(self, asterisk: str, name: str, /, **headers: Any) -> Headers:
        if self.is_gone:
            raise ManagerError("gone")
        assert (asterisk, name) == ("pbx", "AIConvAIToolResult")
        self.answers.append({**headers, "Result": "\n".join(headers["Result"])})
        return {}

    def results(self) -> list[tuple[str, bool]]:
        return [(one["Result"], one["IsError"] == "yes") for one in self.answers]


class Runner:
    """Runs what it is given."""

    def __init__(self, run: Callable[[ToolRequest], Any]) -> None:
        self._run = run
        self.requests: list[ToolRequest] = []
        self.cancelled = 0

    async def run(self, request: ToolRequest) -> str:
        self.requests.append(request)
        try:
            result = self._run(request)
            return str(await result if asyncio.iscoroutine(result) else result)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@pytest.fixture
def asterisk() -> Asterisk:
    return Asterisk()


def some_runs(asterisk: Asterisk, runner: ToolRunner) -> ToolRuns:
    live = LiveCalls()
    live.take(a_start("1.1", Uniqueid="9.1"))
    return ToolRuns({"test": runner}, lambda told: facts_of(told, live.calls.get(told.call)), asterisk.act)


def a_call(identity: str = "t1", place: str = "test:x", parameters: object = None, **headers: str) -> Told:
    given = {"number": "7"} if parameters is None else parameters
    usual = {"ToolCallID": identity, "ToolName": "find", "Parameters": json.dumps(given), "Run": "ami"}
    more = {"Runner": place, "Schema": SCHEMA, "TimeoutMs": "5000"} if place else {}
    return told("ToolCall", "1.1", **{**usual, **more, **headers})


async def test_an_agent_is_told_what_a_tool_answers(asterisk: Asterisk) -> None:
    runner = Runner(lambda request: f"found {request.arguments['number']}")
    runs = some_runs(asterisk, runner)
    runs.take(a_call())
    await until(lambda: runs.answered == 1)
    assert asterisk.answers == [
        {"Channel": "9.1", "ToolCallID": "t1", "Result": "found 7", "IsError": "no"},
    ]
    (request,) = runner.requests
    assert (request.name, request.call.caller_number, request.call.agent) == ("find", "+420123", "sales")


async def test_what_somebody_else_answers_is_let_be(asterisk: Asterisk) -> None:
    runs = some_runs(asterisk, runner := Runner(lambda _: ""))
    runs.take(a_call(place=""))
    runs.take(again(a_call()))
    await asyncio.sleep(0.05)
    assert (asterisk.answers, runner.requests) == ([], [])


def refuse(_: ToolRequest) -> str:
    raise ToolError("The shop is closed.")


def fail(_: ToolRequest) -> str:
    raise RuntimeError("a mistake of ours")


@pytest.mark.parametrize(
    ("run", "call", "expected"),
    [
        (refuse, a_call(), "The shop is closed."),
        (fail, a_call(), "The tool failed."),
        (lambda _: asyncio.sleep(60), a_call(TimeoutMs="300"), "The tool did not answer within 0.1 s."),
        (refuse, a_call(parameters={"number": 7}), "The arguments are wrong: number: 7 is not of type 'string'"),
        (refuse, a_call(parameters={}), "The arguments are wrong: $: 'number' is a required property"),
        (refuse, a_call(parameters=[1]), "The arguments are no JSON object."),
        (refuse, a_call(Parameters="{"), "The arguments are no JSON: "),
        (refuse, a_call(Parameters="[" * 50_000), "The arguments are no JSON: "),
        (refuse, a_call(Schema='{"type": "whatever"}'), "The tool's schema is wrong: "),
        (refuse, a_call(Schema='{"$ref": "http://127.0.0.1:1/x"}'), "The tool's schema is wrong: "),
        (refuse, a_call(Schema='{"properties": {"number": {"$ref": "#/nowhere"}}}'), "The tool's schema is wrong: "),
        (refuse, a_call(Parameters='{"number": "\\ud83d"}'), "The arguments have half a character in them."),
        (refuse, a_call(place="else:x"), "Nobody here runs else:x."),
    ],
)
@pytest.mark.fault("beside.tool-slow")
async def test_an_agent_is_told_why_a_tool_failed(
    asterisk: Asterisk, run: Callable[[ToolRequest], Any], call: Told, expected: str
) -> None:
    runs = some_runs(asterisk, Runner(run))
    runs.take(call)
    await until(lambda: runs.failed == 1)
    ((result, is_error),) = asterisk.results()
    assert is_error
    assert result.startswith(expected)


@pytest.mark.fault("beside.tool-slow")
async def test_a_slow_tool_holds_up_no_other(asterisk: Asterisk) -> None:
    gate = asyncio.Event()

    async def wait(request: ToolRequest) -> str:
        if request.id == "slow":
            await gate.wait()
        return request.id

    runs = some_runs(asterisk, Runner(wait))
    for name in ("slow", "a", "b", "slow", "c"):
        runs.take(a_call(name))
    await until(lambda: runs.answered == 3)
    assert sorted(result for result, _ in asterisk.results()) == ["a", "b", "c"]
    gate.set()
    await until(lambda: runs.answered == 4)


async def test_what_nobody_waits_for_is_not_run_any_more(asterisk: Asterisk) -> None:
    runs = some_runs(asterisk, runner := Runner(lambda _: asyncio.sleep(60)))
    runs.take(a_call())
    await until(lambda: bool(runner.requests))
    runs.take(told("ToolCancelled", "1.1", ToolCallID="t1", ToolName="find"))
    await until(lambda: runner.cancelled == 1)
    runs.take(a_call("t2"))
    await until(lambda: len(runner.requests) == 2)
    await runs.stop()
    assert (runner.cancelled, asterisk.answers) == (2, [])


async def test_no_more_run_at_once_than_may(asterisk: Asterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool_runs, "RUNS_AT_ONCE", 3)
    runs = some_runs(asterisk, runner := Runner(lambda _: asyncio.sleep(60)))
    for number in range(5):
        runs.take(a_call(str(number)))
    await until(lambda: runs.failed == 2 and len(runner.requests) >= 3)
    assert len(runner.requests) == 3
    assert {result for result, _ in asterisk.results()} == {"Too many tools run at once. Try again later."}
    await runs.stop()


async def test_a_long_answer_is_cut_and_an_empty_one_is_one(asterisk: Asterisk) -> None:
    runs = some_runs(asterisk, Runner(lambda request: request.arguments["number"]))
    runs.take(a_call("long", parameters={"number": "word " * 10_000}))
    runs.take(a_call("lines", parameters={"number": "line\n" * 1_000}))
    runs.take(a_call("empty", parameters={"number": ""}))
    await until(lambda: runs.answered == 3)
    answers = {one["ToolCallID"]: one["Result"] for one in asterisk.answers}
    long, lines, empty = (answers[name] for name in ("long", "lines", "empty"))
    assert len(long) < LONGEST_RESULT + 100
    assert long.endswith("(The rest, 30000 characters, is left out.)")
    assert lines.split() == ["line"] * 1_000
    assert empty == "(nothing)"


async def test_an_asterisk_that_is_gone_is_told_nothing(asterisk: Asterisk, caplog: pytest.LogCaptureFixture) -> None:
    asterisk.is_gone = True
    runs = some_runs(asterisk, Runner(lambda _: "x"))
    runs.take(a_call())
    await until(lambda: "was not told what tool find answered: gone" in caplog.text)
    assert runs.answered == runs.failed == 0


def test_arguments_that_nobody_has_declared_may_be_anything() -> None:
    assert checked_arguments('{"a": [1]}', "") == {"a": [1]}
    assert checked_arguments("", "") == {}


# HTTP


def a_request(place: str, /, **arguments: Any) -> ToolRequest:
    return ToolRequest("t1", "find", place, arguments, CALL)


async def asked(answer: Callable[[httpx.Request], httpx.Response], **settings: Any) -> str:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        tools = HttpTools(client, {"find": ToolSettings.model_validate(settings)})
        return await tools.run(a_request(URL, number="7"))


async def test_a_request_says_who_is_calling(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("Bearer secret\n")
    requests: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, text=' {"name": "Ada"}\n')

    given = {"headers": {"X-Shop": "7"}, "header_files": {"Authorization": tmp_path / "token"}}
    assert await asked(answer, **given) == '{"name": "Ada"}'
    (request,) = requests
    assert (request.method, str(request.url)) == ("POST", URL)
    assert (request.headers["X-Shop"], request.headers["Authorization"]) == ("7", "Bearer secret")
    body = json.loads(request.content)
    assert body == {
        "tool": "find", "tool_call_id": "t1", "arguments": {"number": "7"}, "call": CALL.as_json(),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (httpx.Response(500, text="out of stock"), "The tool answered with HTTP status 500. out of stock"),
        (httpx.Response(302, headers={"Location": "https://elsewhere.example"}), "HTTP status 302"),
        (httpx.Response(200, content=b"x" * ((1 << 20) + 1)), "longer than 1048576 bytes"),
        (httpx.ConnectError("nobody is there"), "cannot be reached"),
    ],
)
async def test_a_request_that_fails_says_how(answer: httpx.Response | Exception, expected: str) -> None:
    def give(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(ToolError, match=expected):
        await asked(give)


async def test_what_a_caller_is_known_by_is_not_told_with_the_next() -> None:
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Cookie"))
        return httpx.Response(200, headers={"Set-Cookie": f"session={len(seen)}"})

    async with a_client() as client:
        client._mounts = {}
        client._transport = httpx.MockTransport(answer)
        for _ in range(2):
            await HttpTools(client, {}).run(a_request(URL))
    assert seen == [None, None]


async def test_a_secret_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="No such file"):
        await asked(lambda _: httpx.Response(200), header_files={"Authorization": tmp_path / "none"})


@pytest.mark.parametrize("place", [URL, f"http:{URL}"])
def test_the_address_is_either_form(place: str) -> None:
    assert url_of(place) == URL


# Python


@pytest.fixture
def hotel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PythonTools:
    """A module with tools."""
    (tmp_path / "hotel_of_a_test.py").write_text(
        textwrap.dedent('''
        import asyncio, threading
        from typing import Literal
        from aiconvai.serve.tools import ToolError, current_call

        gate = threading.Event()

        def find(name: str, nights: int = 1) -> dict[str, object]:
            """Finds a booking.

            By the guest's name.
            """
            return {"name": name, "nights": nights, "caller": current_call().caller_number}

        async def say(kind: Literal["tea", "coffee"]) -> str:
            """Says what there is."""
            await asyncio.sleep(0)
            return f"{kind} for {current_call().caller_number}"

        def refuse() -> str:
            raise ToolError("No room is free.")

        def fail() -> str:
            raise ZeroDivisionError("by zero")

        def leave() -> str:
            raise SystemExit(1)

        async def leave_at_once() -> str:
            raise SystemExit(1)

        def wait() -> str:
            gate.wait(30)
            return "late"

        def strange() -> object:
            return object()

        value = 7
        ''')
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "hotel_of_a_test", raising=False)
    return PythonTools(["hotel_of_a_test"])


def of_hotel(function: str, /, **arguments: Any) -> ToolRequest:
    return a_request(f"python:hotel_of_a_test.{function}", **arguments)


async def test_a_function_is_run_with_what_it_asks_for(hotel: PythonTools) -> None:
    answer = json.loads(await hotel.run(of_hotel("find", name="Ada", nights=2)))
    assert answer == {"name": "Ada", "nights": 2, "caller": "+420123"}
    assert await hotel.run(of_hotel("say", kind="tea")) == "tea for +420123"
    with pytest.raises(LookupError):
        current_call()


def test_a_function_says_what_it_is_for_and_what_it_takes(hotel: PythonTools) -> None:
    description, schema = hotel.declaration("python:hotel_of_a_test.find")
    assert description == "Finds a booking. By the guest's name."
    assert schema["required"] == ["name"]
    assert schema["properties"]["nights"]["type"] == "integer"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (of_hotel("find"), "The arguments are wrong: .*name"),
        (of_hotel("find", name="x", nights="many"), "The arguments are wrong: .*nights"),
        (of_hotel("find", name="x", more=1), "The arguments are wrong: .*more"),
        (of_hotel("say", kind="rum"), "The arguments are wrong: .*tea"),
        (of_hotel("refuse"), "^No room is free.$"),
        (of_hotel("fail"), "The tool failed: ZeroDivisionError: by zero"),
        (of_hotel("strange"), "cannot be told"),
        (of_hotel("leave"), "The tool failed: SystemExit"),
        (of_hotel("leave_at_once"), "The tool failed: SystemExit"),
        (of_hotel("value"), "has no function value"),
        (of_hotel("nothing"), "has no function nothing"),
        (a_request("python:os.system"), "os is not among the modules"),
        (a_request("python:system"), "is not among the modules"),
    ],
)
async def test_a_function_that_cannot_be_run_says_why(hotel: PythonTools, request_: ToolRequest, expected: str) -> None:
    with pytest.raises(ToolError, match=expected):
        await hotel.run(request_)


async def test_a_module_that_cannot_be_imported_says_why() -> None:
    with pytest.raises(ToolError, match="cannot be imported: ModuleNotFoundError"):
        await PythonTools(["no_such_module"]).run(a_request("python:no_such_module.x"))


async def test_threads_that_nobody_waits_for_are_counted(hotel: PythonTools, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python_tools, "AT_ONCE", 2)
    for _ in range(2):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await hotel.run(of_hotel("wait"))
    with pytest.raises(ToolError, match="Too many"):
        await hotel.run(of_hotel("wait"))
    assert await hotel.run(of_hotel("say", kind="tea")), "one that waits by itself needs no thread"
    sys.modules["hotel_of_a_test"].gate.set()
    # A thread says that it is done, and then ends.
    await until(lambda: not [one for one in threading.enumerate() if one.name.startswith("tool ")])
    await until(lambda: hotel._running == 0)
    assert await hotel.run(of_hotel("wait")) == "late"


# The Model Context Protocol

SERVER = '''
import os, sys
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

server = MCPServer("shop")

@server.tool()
def find(number: str) -> str:
    """Finds an order."""
    return f"order {number} of {os.environ['SHOP']}"

@server.tool()
def refuse() -> str:
    """Never works."""
    raise ToolError("the shop is closed")

@server.tool()
def die() -> str:
    """Ends the server."""
    os._exit(1)

server.run("stdio")
'''


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[McpServer]:
    (tmp_path / "shop.py").write_text(SERVER)
    settings = McpSettings.model_validate(
        {"command": (sys.executable, str(tmp_path / "shop.py")), "environment": {"SHOP": "Ada"}}
    )
    async with mcp_servers({"shop": settings}) as servers:
        yield servers["shop"]


async def test_a_server_runs_its_tools(shop: McpServer) -> None:
    tools = McpTools({"shop": shop})
    assert await tools.run(a_request("mcp:shop/find", number="7")) == "order 7 of Ada"
    description, schema = await tools.declaration("mcp:shop/find")
    assert (description, schema["required"]) == ("Finds an order.", ["number"])
    with pytest.raises(ToolError, match="the shop is closed"):
        await tools.run(a_request("mcp:shop/refuse"))
    with pytest.raises(ToolError, match="has no tool nothing"):
        await tools.declaration("mcp:shop/nothing")


@pytest.mark.fault("beside.mcp-dead")
async def test_a_server_that_died_is_started_again(shop: McpServer) -> None:
    tools = McpTools({"shop": shop})
    with pytest.raises(ToolError):
        await tools.run(a_request("mcp:shop/die"))
    async with asyncio.timeout(20):
        assert await tools.run(a_request("mcp:shop/find", number="8")) == "order 8 of Ada"


@pytest.mark.parametrize(
    ("error", "is_lost"),
    [
        (MCPError(CONNECTION_CLOSED, "Connection closed"), True),
        (MCPError(INVALID_REQUEST, "Session terminated"), True),
        (MCPError(-32602, "no such argument"), False),
        (RuntimeError("the answer is not as the tool's schema has it"), False),
        (ConnectionError("gone"), True),
    ],
)
async def test_a_connection_is_left_for_what_is_its_own_fault(error: Exception, is_lost: bool) -> None:
    class Client:
        async def call_tool(self, *_: object) -> None:
            raise error

    server = McpServer("shop", McpSettings(url="http://127.0.0.1:1/mcp"))
    server._client.set_result(Client())  # type: ignore[arg-type]
    with pytest.raises(ToolError):
        await server.call("find", {})
    assert server._is_lost.is_set() == is_lost
    assert server._client.done() != is_lost


@pytest.mark.fault("beside.mcp-dead")
async def test_a_server_that_is_not_there_is_said_and_waited_for() -> None:
    async with mcp_servers({"gone": McpSettings(url="http://127.0.0.1:1/mcp")}) as servers:
        await until(lambda: servers["gone"].problem.startswith("mcp.gone: "))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await McpTools(servers).run(a_request("mcp:gone/find"))


@pytest.mark.parametrize(
    ("place", "expected"),
    [("mcp:shop", "expected mcp:SERVER/TOOL"), ("mcp:other/find", r"no \[mcp.other\]"), ("mcp:shop/", "expected")],
)
async def test_a_place_that_is_none_is_said(shop: McpServer, place: str, expected: str) -> None:
    with pytest.raises(ToolError, match=expected):
        await McpTools({"shop": shop}).run(a_request(place))


def test_a_header_is_a_text_or_in_a_file(tmp_path: Path) -> None:
    settings = ToolSettings.model_validate({"header_files": {"X": tmp_path / "none"}})
    with pytest.raises(SettingsError, match="none"):
        settings.read_headers()
