"""What the pages on kin of FreePBX have one write into the dialplan, on the Asterisk that they have or the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from docs_blocks import blocks
from exchange import agent_hears, hears_agent
from voice import Voice, mock_options, voice

__all__ = ["mock_options", "voice"]

only_on_16 = pytest.mark.parametrize("asterisk_version", [16], ids=["asterisk16"], indirect=True, scope="session")
only_on_22 = pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")
CALL_ID = "V1130143000000000042"


def block_of(page: str, begins: str) -> str:
    """The first block of that page which begins so."""
    found = next(one for one in blocks("ini") if one.path.name == page and one.text.startswith(begins))
    return found.text


def _load(voice: Voice, *modules: str) -> None:
    for name in modules:
        if "Running" not in voice.asterisk.cli(f"module show like {name}"):
            assert "Loaded" in (said := voice.asterisk.cli(f"module load {name}.so")), said


@only_on_16
def test_issabel(voice: Voice) -> None:
    _load(voice, "app_macro", "func_dialplan")
    voice.agent("sales", audio_frames_buffer_ms=20)
    voice.dialplan(
        "exten => 100,1,Goto(aiconvai-sales,s,1)\n"
        + block_of("issabel.md", "[aiconvai-sales]")
        + "\n[from-did-direct]\nexten => 200,1,UserEvent(Person)\n same => n,Wait(2)\n"
        + "\n[macro-hangupcall]\nexten => s,1,UserEvent(HungUp)\n"
        + "\n[macro-blkvm-clr]\nexten => s,1,UserEvent(Unblocked)\n"
    )
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    hears_agent(call, conversation, 1000.0)
    agent_hears(conversation, call, 1700.0)
    call.hangup()
    voice.event("UserEvent", UserEvent="Unblocked")
    voice.event("UserEvent", UserEvent="HungUp")


@only_on_22
def test_wazo(voice: Voice) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, agent_id="nobody", max_connection_attempts=1)
    voice.dialplan(
        "exten => 100,1,Gosub(aiconvai-preprocess,s,1)\n same => n,Goto(aiconvai-sales,s,1)\n"
        "exten => 200,1,UserEvent(Person)\n same => n,Wait(2)\n" + block_of("wazo.md", "[aiconvai-sales]")
    )
    voice.apply()
    voice.call("100")
    voice.event("UserEvent", UserEvent="Person")
    voice.wait_for_log("The agent sales gave up: UNAVAILABLE")


class _Api(BaseHTTPRequestHandler):
    """Stands for VICIdial's."""

    asked: list[dict[str, list[str]]]

    def do_GET(self) -> None:
        self.asked.append(parse_qs(urlsplit(self.path).query))
        answer = b"SUCCESS: ra_call_control transferred\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[HTTPServer]:
    _Api.asked = []
    with HTTPServer(("127.0.0.1", 0), _Api) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@only_on_16
def test_vicidial(voice: Voice, api: HTTPServer) -> None:
    _load(voice, "res_curl", "func_curl")
    tools = re.findall(r"^(tool_\w+) = (gosub:\S+)$", block_of("vicidial.md", "[sales]"), re.MULTILINE)
    assert len(tools) == 2
    voice.agent("sales", audio_frames_buffer_ms=20, send_variables="vicidial_call=CALLERID(name)", **dict(tools))
    dialplan = block_of("vicidial.md", "[default]").removeprefix("[default]\n")
    voice.dialplan(dialplan.replace("http://127.0.0.1", f"http://127.0.0.1:{api.server_port}"))
    voice.apply()
    call = voice.call("8900", caller_name=CALL_ID)
    conversation = voice.conversation()
    assert conversation.record.initiation.dynamic_variables["vicidial_call"] == CALL_ID
    result = conversation.call_tool("send_to_people")
    assert result.result.strip() == "SUCCESS: ra_call_control transferred"
    conversation.call_tool("hang_up")
    call.hangup()
    assert [(one["stage"], one["value"], one["agent_user"]) for one in _Api.asked] == [
        (["INGROUPTRANSFER"], [CALL_ID], ["9001"]), (["HANGUP"], [CALL_ID], ["9001"]),
    ]  # fmt: skip
    assert all(len(one["status"][0]) <= 6 for one in _Api.asked)
