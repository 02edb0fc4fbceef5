"""What callers and services say is text, wherever it arrives: dialplan, log, manager, journal, page, exports."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from hostile_texts import EXECUTED, FORGED, HOSTILE_TEXTS
from voice import Voice, mock_options, voice

from aiconvai.rig.asterisk import Asterisk
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.journal import read_journal
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.store.store import Wanted
from aiconvai.serve.told import Told
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

__all__ = ["mock_options", "voice"]

JOURNAL = "/aiconvai/spool/hostile/calls.jsonl"
SHORT = {name: text for name, text in HOSTILE_TEXTS.items() if name != "long"}
SHOW = """\
exten => show,1,Set(TOOL_RESULT=${TOOL_ARG_text})
 same => n,UserEvent(Shown,Name: ${TOOL_NAME},Length: ${LEN(${TOOL_ARG_text})})
 same => n,Return()
exten => 700,1,UserEvent(Desk,Transfer: ${AICONVAI_TRANSFER})
 same => n,Wait(5)
[premium]
exten => _X.,1,UserEvent(Fraud,Where: ${EXTEN})
exten => s,1,UserEvent(Fraud,Where: s)
"""


def shown(text: str) -> str:
    """As a line: what moves a cursor or turns the writing's direction is a space (core/text/utf8.h)."""
    turning = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")

    def moves(one: str) -> bool:
        return unicodedata.category(one) in ("Cc", "Zl", "Zp") or unicodedata.bidirectional(one) in turning

    return "".join(" " if moves(one) else one for one in text)


@pytest.fixture
def journal(asterisk: Asterisk) -> Iterator[Path]:
    path = asterisk.directory / "spool" / "hostile" / "calls.jsonl"
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


def nothing_was_forged(voice: Voice) -> None:
    assert not (voice.asterisk.directory / "spool" / Path(EXECUTED).name).exists(), "something was executed"
    assert voice.asterisk.ami.events("Forged", since=voice._ami_position) == []
    log = voice.log()
    assert not [line for line in log.splitlines() if line.startswith(FORGED)]
    own = [line for line in log.splitlines() if "aiconvai" in line and "pbx.c" not in line]
    assert not set("\n".join(own)) & {"\u202e", "\u2066"}
    assert not set(log) & {"\x1b", "\x9b", "\x07", "\x08", "\0"}


@pytest.mark.fault("security.service-text", "security.tool-arguments")
def test_what_a_service_says_is_text_wherever_it_arrives(voice: Voice, journal: Path, tmp_path: Path) -> None:
    voice.general["journal"] = JOURNAL
    voice.agent("agent", audio_frames_buffer_ms=20, tool_show="gosub:default,show", answer_timeout_ms=0,
                tool_transfer_call="builtin", transfer_to_desk="default,700,1", tool_timeout_ms=1000)  # fmt: skip
    voice.dialplan(f"exten => 100,1,AIConvAI(agent)\n{SHOW}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    for number, text in enumerate(HOSTILE_TEXTS.values(), 1):
        told = {"user_transcript": text, "event_id": 2 * number}
        conversation.send({"type": "user_transcript", "user_transcription_event": told})
        said = {"agent_response": text, "event_id": 2 * number + 1}
        conversation.send({"type": "agent_response", "agent_response_event": said})
    for name, text in SHORT.items():
        answer = conversation.call_tool("show", {"text": text, text: "x"})
        assert answer.result.strip() == shown(text).strip(), name
    for name, text in HOSTILE_TEXTS.items():
        assert conversation.call_tool("transfer_call", {"destination": text}).is_error, name
    # Nobody runs these; what they are called is told.
    named = [(text, {"text": text}) for text in SHORT.values()]
    for answer in conversation.call_tools(*named):
        assert answer.is_error
    conversation.close(1008, f"${{SHELL(touch {EXECUTED})}}\n{FORGED}")
    call.wait_ended()
    voice.event("AIConvAIEnd")
    nothing_was_forged(voice)
    # A manager's header has no blanks in front.
    transcripts = [(one["Role"], one["Text"].strip()) for one in voice.events("AIConvAITranscript")]
    for text in HOSTILE_TEXTS.values():
        for role in ("caller", "agent"):
            assert (role, shown(text).strip()) in transcripts, text[:60]
    assert [one["Name"] for one in voice.events("UserEvent") if one["UserEvent"] == "Shown"] == ["show"] * len(SHORT)
    lines = journal.read_text(encoding="utf-8").splitlines()
    (line,) = [json.loads(line) for line in lines]
    assert "Forged" not in [event["Event"] for event in line["Events"]]
    asyncio.run(on_the_page(journal, tmp_path))


@pytest.mark.fault("security.caller-name")
@pytest.mark.parametrize(
    "names",
    [("dialplan", "arguments", "sql"), ("markup", "template", "format"), ("path", "direction", "formula")],
    ids=lambda names: names[0],
)
def test_what_a_caller_is_called_is_text(voice: Voice, journal: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    voice.general["journal"] = JOURNAL
    voice.agent("agent", audio_frames_buffer_ms=20)
    voice.dialplan(
        "exten => 100,1,AIConvAI(agent,c)\n"
        " same => n,UserEvent(Next,Status: ${AICONVAI_STATUS},Length: ${LEN(${CALLERID(name)})})\n" + SHOW
    )
    voice.apply()
    name = " ".join(HOSTILE_TEXTS[one] for one in names).replace("\\", "").replace('"', "")
    call = voice.caller.call("100", "ulaw", caller_name=name).wait_answered()
    conversation = voice.conversation()
    start = voice.event("AIConvAIStart")
    # As Asterisk has it, which keeps 79 bytes; what it puts a backslash before is no matter here.
    assert shown(name).split()[0][:40] in start["CallerIDName"].replace("\\", "")
    conversation.close(1000)
    voice.event("AIConvAIEnd")
    call.hangup()
    nothing_was_forged(voice)
    assert len(journal.read_text(encoding="utf-8").splitlines()) == 1
    asyncio.run(on_the_page(journal, tmp_path))


# The page ----------------------------------------------------------------------------------------------------


class Tags(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def on_the_page(journal: Path, folder: Path) -> None:
    """What the journal has of that call, as serve keeps, shows and exports it."""
    application = Application(ServeSettings(data=folder))
    async with application.running():
        for read in read_journal(journal):
            assert read.problems == ()
            assert read.call is not None
            await application.store.keep("pbx", list(read.call.events))
            for event in read.call.events:
                application.live.take(Told("pbx", event))
        api = make_api(application)
        add_page(api, application, Setup())
        await application.users.create("ann", "correct horse battery", Role.ADMIN)
        cookie = await application.users.log_in("ann", "correct horse battery")
        transport, cookies = httpx.ASGITransport(api), {"aiconvai": cookie or ""}
        async with httpx.AsyncClient(transport=transport, base_url="http://serve", cookies=cookies) as client:
            (kept,) = await application.store.calls(Wanted())
            for path in ("/calls", f"/calls/{kept.id}", "/state", "/numbers", "/", "/calls?text=script"):
                answer = await client.get(path)
                assert answer.status_code == 200
                is_harmless(path, answer.text)
            whole = (await client.get(f"/calls/{kept.id}/call.json")).json()
            assert whole["caller_name"] == kept.caller_name
            rows = list(csv.reader(io.StringIO((await client.get("/calls.csv")).text)))
            assert len(rows) == 2
            assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "@", "\t"))]
            text = await client.get(f"/calls/{kept.id}/call.txt")
            assert text.headers["content-type"].startswith("text/plain")
            assert not [line for line in text.text.splitlines() if line.startswith(FORGED)]
            assert json.dumps((await client.get("/api/live")).json())


def is_harmless(path: str, page: str) -> None:
    tags = Tags()
    tags.feed(page)
    scripts = [attributes for tag, attributes in tags.found if tag == "script"]
    assert all((one.get("src") or "").startswith("/static/") for one in scripts), (path, scripts)
    assert [tag for tag, _ in tags.found if tag in ("iframe", "object", "embed", "base")] == []
    handlers = [(tag, name) for tag, attributes in tags.found for name in attributes if name.startswith("on")]
    assert handlers == [], path
    elsewhere = [
        value for _, attributes in tags.found for name, value in attributes.items()
        if name in ("src", "href", "action") and value and not value.startswith(("/", "#"))
    ]  # fmt: skip
    assert elsewhere == [], path
    assert "root:x:0" not in page


# Toll fraud --------------------------------------------------------------------------------------------------

WANTED: list[Any] = [
    "+19005550100", "00881234567", "premium,19005550100,1", "19005550100@premium",
    "Local/1900@premium", "Local/1900@premium/n", "PJSIP/1900@trunk", "dial:PJSIP/1900@trunk",
    "dial:Local/1900@premium", "desk&PJSIP/1900", "desk&premium", "desk,premium", "desk^premium",
    "desk,1900,1", "desk|1900", "desk\npremium,1900,1", "desk\0", " desk",
    "desk ", "d\u0435sk", "desk/../premium", "${EXTEN}", "${GLOBAL(DESK)}", "$[1]", "", "*", "%", "_X.", "1900",
    ["desk"], {"destination": "desk"}, 700, True, None, "x" * 10_240,
]  # fmt: skip


@pytest.mark.fault("security.toll-fraud")
def test_an_agent_that_is_talked_into_it_calls_nobody_else(voice: Voice) -> None:
    voice.agent(
        "agent", audio_frames_buffer_ms=20, tool_transfer_call="builtin", transfer_to_desk="default,700,1",
        tool_send_dtmf="builtin", tool_show="gosub:default,show", tool_timeout_ms=1000,
    )  # fmt: skip
    voice.dialplan(f"exten => 100,1,AIConvAI(agent)\n{SHOW}")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    before = voice.asterisk.channels()
    for wanted in WANTED:
        answer = conversation.call_tool("transfer_call", {"destination": wanted})
        assert answer.is_error, wanted
    for more in ({"context": "premium"}, {"exten": "1900", "priority": 1}, {}):
        assert conversation.call_tool("transfer_call", more).is_error, more
    for digits in ("1900&", "1,900", "${EXTEN}", "dial", "1" * 200, "!"):
        assert conversation.call_tool("send_dtmf", {"digits": digits}).is_error, digits
    # A tool's name is one of the agent's: no extension of that context, and no place in it.
    names = ("show,1", "show&700", "premium,1900,1", "700", "gosub:premium,s", "transfer_call,premium")
    for answer in conversation.call_tools(*((name, {"text": "x"}) for name in names)):
        assert answer.is_error
    assert voice.asterisk.channels() == before
    assert [one["UserEvent"] for one in voice.events("UserEvent")] == []
    assert call.alive
    conversation.start_tool("transfer_call", {"destination": "desk", "context": "premium", "exten": "1900"})
    assert voice.event("UserEvent", UserEvent="Desk")["Transfer"] == "desk"
    assert [one["UserEvent"] for one in voice.events("UserEvent")] == ["Desk"]
