"""`aiconvai serve` beside a real Asterisk: what it knows of calls, whatever happened to it meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from voice import Voice, mock_options, voice

from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.asterisk.ports import free_port

__all__ = ["mock_options", "voice"]

# Each program that is started keeps a processor busy for seconds, and callers beside it late.
pytestmark = pytest.mark.programs

SECONDS = 20.0
JOURNAL = "/aiconvai/spool/serve/calls.jsonl"


class Serve:
    """The program, as an administrator runs it."""

    def __init__(self, folder: Path, asterisk: Asterisk, journal: Path | None, more: str = "") -> None:
        self.port = free_port()
        self.config = folder / "serve.toml"
        lines = [
            f'data = "{folder}/data"',
            f"[page]\nport = {self.port}",
            f'[asterisk.pbx]\nport = {asterisk.ami_port}\nuser = "{AMI_USER}"\nsecret = "{AMI_SECRET}"',
            *([f'journal = "{journal}"'] if journal else []),
            '[agent.agent]\nremember = "caller"',
            more,
        ]
        self.config.write_text("\n".join(lines) + "\n")
        self.token = self.run("token", "test", "--role", "admin").stdout.strip()
        self.process: subprocess.Popen[str] | None = None

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "aiconvai", "serve", "--config", str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "aiconvai", "serve", "--config", str(self.config)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"http://127.0.0.1:{self.port}\n"

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        os.kill(self.process.pid, number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def get(self, path: str, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", params=query, headers=headers).json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", json=body, headers=headers)

    def until(self, path: str, condition: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + SECONDS
        while not condition(answer := self.get(path)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer

    def follows(self) -> None:
        self.until("/health", lambda health: health["status"] == "healthy")


@contextmanager
def serving(folder: Path, asterisk: Asterisk, journal: Path | None = None, more: str = "") -> Iterator[Serve]:
    serve = Serve(folder, asterisk, journal, more)
    serve.start()
    try:
        serve.follows()
        yield serve
    finally:
        if serve.process is not None:
            serve.stop(signal.SIGKILL)


def texts(call: dict[str, Any]) -> list[str]:
    return [line["text"] for line in call["lines"]]


@pytest.fixture
def talking(voice: Voice) -> Voice:
    voice.agent("agent")
    voice.dialplan("exten => 100,1,AIConvAI(agent)\nsame => n,Hangup()\nexten => 200,1,Wait(60)")
    voice.apply()
    return voice


def test_a_call_is_seen_and_steered_as_it_goes_on(talking: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    with serving(tmp_path, asterisk) as serve:
        call = talking.call()
        conversation = talking.conversation()
        conversation.caller_said("Where is my parcel?")
        (live,) = serve.until("/api/live", lambda calls: calls and texts(calls[0]))
        assert texts(live) == ["Where is my parcel?"]
        assert (live["agent"], live["phase"]) == ("agent", "talking")
        place = f"/api/live/pbx/{live['record']}"
        long = "The parcel left Brno.\n" + "It is a very long story. " * 100
        assert serve.post(f"{place}/context", text=long).status_code == 200
        conversation.wait_received(lambda record: "contextual_update" in record.received_types())
        (update,) = [one for one in conversation.record.received if one.type == "contextual_update"]
        assert update.message.text.split() == long.split()
        assert serve.post(f"{place}/end", reason="enough").status_code == 200
        call.wait_ended()
        (live,) = serve.until("/api/live", lambda calls: calls and calls[0]["ended"])
        assert (live["status"], live["reason"]) == ("COMPLETED", "enough")
        (kept,) = serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        assert kept["status"] == "COMPLETED"
        assert serve.stop() == 0


def test_a_caller_who_rings_again_is_known(talking: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    with serving(tmp_path, asterisk) as serve:
        _call_and_hang_up(talking, "My parcel is late")
        serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        call = talking.call()
        conversation = talking.conversation()
        conversation.wait_received(lambda record: "contextual_update" in record.received_types())
        (update,) = [one for one in conversation.record.received if one.type == "contextual_update"]
        assert "earlier calls" in update.message.text
        assert "Caller: My parcel is late" in update.message.text
        call.hangup()


TOOLS = """
from aiconvai.serve.tools import ToolError, current_call

def add(first: int, second: int) -> int:
    "Adds two numbers."
    return first + second

def who() -> str:
    return current_call().caller_number

def refuse() -> str:
    raise ToolError("Nobody works today.")
"""
MCP_SERVER = """
from mcp.server.mcpserver import MCPServer

server = MCPServer("shop")

@server.tool()
def buy(what: str) -> str:
    "Buys something."
    return f"bought {what}"

server.run("stdio")
"""


class Shop(BaseHTTPRequestHandler):
    """Answers with what it was asked for."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"agent": asked["call"]["agent"], **asked["arguments"]}).encode()
        self.send_response(200 if self.headers["X-Key"] == "7" else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/look"
    server.shutdown()
    thread.join()
    server.server_close()


def test_tools_are_run_without_any_dialplan(voice: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    (tmp_path / "tools_of_a_test.py").write_text(TOOLS)
    (tmp_path / "shop.py").write_text(MCP_SERVER)
    more = "\n".join(
        (
            f'[tools]\npython = ["tools_of_a_test"]\npython_path = "{tmp_path}"',
            '[tool.look]\nheaders = { X-Key = "7" }',
            f'[mcp.shop]\ncommand = ["{sys.executable}", "{tmp_path}/shop.py"]',
        )
    )
    schema = '{"type":"object","properties":{"number":{"type":"string"}},"required":["number"]}'
    with a_shop() as url, serving(tmp_path, asterisk, more=more) as serve:
        places = {"look": url, "shut": f"http:{url}", "buy": "mcp:shop/buy", "nobody": "mcp:else/x"}
        places |= {name: f"python:tools_of_a_test.{name}" for name in ("add", "who", "refuse")}
        voice.agent("agent", **{f"tool_{name}": place for name, place in places.items()})
        voice.sections["tool-look"] = {"description": "Looks.", "parameters": schema}
        voice.dialplan("exten => 100,1,AIConvAI(agent)\nsame => n,Hangup()")
        voice.apply()
        call = voice.call()
        conversation = voice.conversation()
        conversation.wait_started()

        def answer(name: str, parameters: dict[str, Any]) -> tuple[str, bool]:
            told = conversation.call_tool(name, parameters)
            return told.result, told.is_error

        assert answer("look", {"number": "7"}) == ('{"agent": "agent", "number": "7"}', False)
        assert answer("look", {"number": 7}) == ("The arguments are wrong: number: 7 is not of type 'string'", True)
        assert answer("shut", {}) == ('The tool answered with HTTP status 403. {"agent": "agent"}', True)
        assert answer("buy", {"what": "tea"}) == ("bought tea", False)
        assert answer("nobody", {}) == ("mcp:else/x: serve.toml has no [mcp.else]", True)
        assert answer("add", {"first": 3, "second": 4}) == ("7", False)
        assert answer("refuse", {}) == ("Nobody works today.", True)
        (live,) = serve.get("/api/live")
        assert answer("who", {}) == (live["caller_number"], False)
        (live,) = serve.until("/api/live", lambda calls: all(tool["outcome"] != "open" for tool in calls[0]["tools"]))
        assert {tool["name"]: tool["outcome"] for tool in live["tools"]}["look"] in ("done", "error")
        call.hangup()


def test_who_is_calling_is_known_before_the_agent_is_called(voice: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    with a_shop() as url, serving(tmp_path, asterisk, more='[tool.lookup]\nheaders = { X-Key = "7" }') as serve:
        voice.agent("agent", lookup=url, lookup_ms=3000)
        voice.dialplan("exten => 100,1,AIConvAI(agent)\nsame => n,Hangup()")
        voice.apply()
        _call_and_hang_up(voice, "My parcel is late")
        (first,) = voice.mock.conversations
        assert first.record.initiation.dynamic_variables["agent"] == "agent"
        assert first.record.initiation.dynamic_variables["caller_memory"] == ""
        serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        call = voice.call()
        again = voice.conversation()
        assert "Caller: My parcel is late" in again.record.initiation.dynamic_variables["caller_memory"]
        call.hangup()


def test_an_agent_that_has_cost_enough_takes_no_calls(voice: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    voice.agent("dear")
    told = "UserEvent(Refused,Why:${AICONVAI_REASON})"
    voice.dialplan(f"exten => 100,1,Answer()\nsame => n,AIConvAI(dear)\nsame => n,{told}")
    voice.apply()
    with serving(tmp_path, asterisk, more="[agent.dear]\nprice_call = 1.0\ndaily_limit = 1.0") as serve:
        call = voice.call()
        voice.conversation().wait_started()
        # The one that goes on counts.
        serve.until("/health", lambda health: "agent dear" in health["problems"])
        assert call.alive
        voice.call().wait_ended()
        assert voice.event("UserEvent")["Why"].startswith("agent dear takes no calls: the limit of a day")
        call.hangup()
        (kept,) = serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        assert kept["cost"] == 1.0
    asterisk.ami.action("AIConvAIOpenAgent", Agent="dear")


def test_events_are_streamed_as_they_come(talking: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    with serving(tmp_path, asterisk) as serve:
        url = f"http://127.0.0.1:{serve.port}/api/live/events"
        with httpx.stream("GET", url, headers={"Authorization": f"Bearer {serve.token}"}, timeout=SECONDS) as stream:
            call = talking.call()
            conversation = talking.conversation()
            conversation.wait_started()
            conversation.caller_said("Hello there")
            for line in stream.iter_lines():
                data = line.removeprefix("data: ")
                if data.startswith("{") and json.loads(data)["last_words"] == "Hello there":
                    break
            call.hangup()


def test_who_is_sent_to_another_place_goes_on_there(talking: Voice, asterisk: Asterisk, tmp_path: Path) -> None:
    with serving(tmp_path, asterisk) as serve:
        call = talking.call()
        talking.conversation().wait_started()
        (live,) = serve.until("/api/live", lambda calls: calls and calls[0]["phase"] == "talking")
        context = asterisk.cli(f"core show channel {live['channel']}").split("Context: ")[1].split("\n")[0].strip()
        answer = serve.post(f"/api/live/pbx/{live['record']}/transfer", context=context, extension="200")
        assert answer.status_code == 200, answer.text
        serve.until("/api/live", lambda calls: calls[0]["ended"])
        talking.event("Newexten", Channel=live["channel"], Extension="200", Application="Wait")
        call.hangup()


@pytest.fixture
def journal(asterisk: Asterisk) -> Iterator[Path]:
    """Where it is on this side."""
    path = asterisk.directory / "spool" / "serve" / "calls.jsonl"
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


@pytest.fixture
def journalled(voice: Voice, journal: Path) -> Voice:
    voice.general["journal"] = JOURNAL
    # Nobody answers what the caller says, however long a program takes to begin.
    voice.agent("agent", answer_timeout_ms=0)
    voice.dialplan("exten => 100,1,AIConvAI(agent)\nsame => n,Hangup()")
    voice.apply()
    return voice


def test_who_comes_late_is_told_what_was_said(
    journalled: Voice, asterisk: Asterisk, journal: Path, tmp_path: Path
) -> None:
    call = journalled.call()
    conversation = journalled.conversation()
    conversation.caller_said("Before anybody listened: “ž”")
    journalled.event("AIConvAITranscript")
    with serving(tmp_path, asterisk, journal) as serve:
        (live,) = serve.until("/api/live", lambda calls: calls and texts(calls[0]))
        assert texts(live) == ["Before anybody listened: “ž”"]
        assert (live["agent"], live["phase"]) == ("agent", "talking")
        conversation.caller_said("And after")
        serve.until("/api/live", lambda calls: len(texts(calls[0])) == 2)
        call.hangup()
        serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])


@pytest.mark.fault("beside.serve-killed")
def test_whatever_happens_to_it_each_call_is_there_once(
    journalled: Voice, asterisk: Asterisk, journal: Path, tmp_path: Path
) -> None:
    """Killed in the middle of calls, and gone while others come and go."""
    with serving(tmp_path, asterisk, journal) as serve:
        serve.until("/health", lambda health: health["active_calls"] == 0)
        for number in range(3):
            call = journalled.call()
            conversation = journalled.conversation()
            conversation.caller_said(f"begun {number}")
            serve.until("/api/live", lambda calls, said=f"begun {number}": any(said in texts(one) for one in calls))
            serve.stop(signal.SIGKILL)
            conversation.caller_said(f"missed {number}")
            journalled.event("AIConvAITranscript", Text=f"missed {number}")
            call.hangup()
            conversation.wait_closed()
            _call_and_hang_up(journalled, f"unseen {number}")
            serve.start()
            serve.follows()
        calls = serve.until("/api/calls", lambda calls: sum(call["ended"] is not None for call in calls) == 6)
        assert len(calls) == 6
        assert {call["status"] for call in calls} == {"CALLER_HANGUP"}
        said = [[turn["text"] for turn in serve.get(f"/api/calls/{call['id']}")["turns"]] for call in calls]
        expected = [[f"begun {number}", f"missed {number}"] for number in range(3)]
        expected += [[f"unseen {number}"] for number in range(3)]
        assert sorted(said) == sorted(expected)


def _call_and_hang_up(voice: Voice, words: str) -> None:
    call = voice.call()
    conversation = voice.conversation()
    conversation.caller_said(words)
    voice.event("AIConvAITranscript", ConversationID=conversation.record.id)
    call.hangup()
    voice.event("AIConvAIEnd", ConversationID=conversation.record.id)


@pytest.mark.fault("beside.asterisk-gone")
def test_an_asterisk_that_goes_away_is_followed_again(asterisk: Asterisk, tmp_path: Path) -> None:
    with serving(tmp_path, asterisk) as serve:
        asterisk.cli("manager reload")
        asterisk.cli("module reload manager")
        serve.follows()


def test_check_says_what_is_wrong(asterisk: Asterisk, tmp_path: Path) -> None:
    serve = Serve(tmp_path, asterisk, tmp_path / "calls.jsonl")
    well = serve.run("--check")
    assert well.returncode == 0, well.stdout + well.stderr
    assert f"asterisk.pbx: {AMI_USER}@127.0.0.1:{asterisk.ami_port} follows calls" in well.stdout
    serve.config.write_text(serve.config.read_text().replace(AMI_SECRET, "wrong"))
    with closing(socket.create_server(("127.0.0.1", serve.port))):
        wrong = serve.run("--check")
    assert wrong.returncode == 1
    lines = [line for line in wrong.stdout.splitlines() if line.startswith("PROBLEM")]
    assert len(lines) == 2
    assert "Login: Authentication failed" in lines[0]
    assert f"127.0.0.1:{serve.port}: Address already in use: is it running already?" in lines[1]
