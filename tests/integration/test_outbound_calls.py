"""An agent calls people through `aiconvai serve` and a real Asterisk with the module."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from exchange import agent_hears, hears_agent
from hearing import level_at
from test_serve import Serve, serving
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsMockThread, MockOptions
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER
from aiconvai.rig.caller import Call, Caller
from aiconvai.serve.outbound.dialplan import dialplan
from aiconvai.serve.settings import OutboundSettings

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.programs

OUTBOUND = "/api/calls/outbound"
AGENT_HZ, PERSON_HZ, MESSAGE_HZ = 900.0, 700.0, 440.0
SALES = {"number": "+420 123-456", "agent": "sales"}


def outbound_toml(caller: Caller, more: str = "") -> str:
    return (
        f'[outbound]\ndial = "PJSIP/anonymous/sip:{{number}}@127.0.0.1:{caller.port}"\ncaller_id = "+420555"\n'
        f"at_once = 2\nper_second = 20\n{more}\n"
    )


@pytest.fixture
def selling(voice: Voice) -> Voice:
    voice.agent("sales", audio_frames_buffer_ms=20, send_caller_number=True)
    voice.apply()
    return voice


@contextmanager
def calling(voice: Voice, folder: Path, more: str = "") -> Iterator[Serve]:
    with serving(folder, voice.asterisk, more=outbound_toml(voice.caller, more)) as serve:
        yield serve


def asked(serve: Serve, **given: Any) -> int:
    answer = serve.post(OUTBOUND, **{**SALES, **given})
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


def until(serve: Serve, number: int, *states: str) -> dict[str, Any]:
    found: dict[str, Any] = serve.until(f"{OUTBOUND}/{number}", lambda call: call["state"] in states)
    return found


def begin_command(serve: Serve, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "aiconvai", "call", "--config", str(serve.config), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_said(command: subprocess.Popen[str], word: str) -> str:
    """All that it has printed until that word."""
    assert command.stdout is not None
    said = ""
    while word not in said:
        line = command.stdout.readline()
        assert line, said
        said += line
    return said


def test_a_person_is_called_and_talks_with_the_agent(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path) as serve:
        variables = ["--variable", 'name=Ada, "the" (first) & so=on', "--variable", "ref=A\\7"]
        command = begin_command(serve, "+420 123-456", "--agent", "sales", *variables)
        person = selling.caller.wait_incoming(30.0)
        assert person.invite is not None
        assert "+420123456@" in person.invite["To"]
        assert "+420555" in person.invite["From"]
        (row,) = serve.get(OUTBOUND)
        person.ring()
        said = until_said(command, "ringing")
        person.answer()
        conversation = selling.conversation()
        told = conversation.record.initiation.dynamic_variables
        assert (told["dialed_number"], told["caller_number"]) == ("+420123456", "+420123456")
        assert (told["name"], told["ref"]) == ('Ada, "the" (first) & so=on', "A\\7")
        hears_agent(person, conversation, AGENT_HZ)
        agent_hears(conversation, person, PERSON_HZ)
        (live,) = serve.until("/api/live", lambda calls: calls and calls[0]["phase"] == "talking")
        assert (live["direction"], live["caller_number"]) == ("outbound", "+420123456")
        conversation.close(1000)
        person.wait_ended()
        out, problems = command.communicate(timeout=30)
        assert command.returncode == 0, problems
        assert said.startswith(f"+420123456: queued as {row['id']}\n")
        assert "+420123456: answered" in out
        assert f"conversation {conversation.record.id}" in out.splitlines()[-1]
        (kept,) = serve.until("/api/calls", lambda calls: calls and calls[0]["ended"])
        assert (kept["direction"], kept["caller_number"], kept["status"]) == ("outbound", "+420123456", "COMPLETED")
        over = until(serve, row["id"], "ended")
        assert (over["status"], over["record"], over["attempts"]) == ("COMPLETED", kept["record"], 1)
        assert serve.get("/api/calls", direction="inbound") == []
        assert serve.stop() == 0


def test_who_is_busy_and_who_does_not_answer(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path) as serve:
        busy = begin_command(serve, "1001", "--agent", "sales")
        selling.caller.wait_incoming(30.0).reject(486, "Busy Here")
        out, _ = busy.communicate(timeout=30)
        assert busy.returncode == 3
        assert out.splitlines()[-1].startswith("1001: busy")
        silent = asked(serve, number="1002", ring_seconds=5)
        ringing = selling.caller.wait_incoming()
        ringing.ring()
        assert until(serve, silent, "no_answer")["attempts"] == 1
        ringing.wait_ended()
        nobody = asked(serve, number="1003")
        selling.caller.wait_incoming().reject(404, "Not Found")
        assert until(serve, nobody, "failed")["reason"]
        crowded = asked(serve, number="1004")
        selling.caller.wait_incoming().reject(503, "Service Unavailable")
        assert until(serve, crowded, "congestion", "failed")["state"] == "congestion"


def test_a_call_is_cancelled(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path) as serve:
        number = asked(serve)
        person = selling.caller.wait_incoming()
        person.ring()
        until(serve, number, "ringing")
        assert serve.post(f"{OUTBOUND}/{number}/cancel").status_code == 200
        person.wait_ended()
        assert until(serve, number, "cancelled")["reason"] == "it was cancelled"
        refused = serve.post(f"{OUTBOUND}/{number}/cancel")
        assert (refused.status_code, refused.json()["detail"]) == (409, "the call is over: cancelled")


def test_an_agent_that_there_is_not_is_said_so(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path) as serve:
        number = asked(serve, agent="nobody")
        selling.caller.wait_incoming().answer().wait_ended()
        assert "no conversation began" in until(serve, number, "failed")["reason"]


def test_a_user_who_may_call_and_no_more_is_enough(selling: Voice, tmp_path: Path) -> None:
    asterisk = selling.asterisk
    usual = (asterisk.directory / "etc/manager.conf").read_text()
    limited = "\n[limited]\nsecret = s\nread = call\nwrite = call,originate\n"
    asterisk.write_config("manager.conf", usual + limited)
    asterisk.cli("manager reload")
    serve = Serve(tmp_path, asterisk, None, outbound_toml(selling.caller))
    text = serve.config.read_text().replace(f'user = "{AMI_USER}"', 'user = "limited"')
    serve.config.write_text(text.replace(f'secret = "{AMI_SECRET}"', 'secret = "s"'))
    assert "calls go out by limited" in serve.run("--check").stdout
    serve.start()
    try:
        serve.follows()
        busy, there = asked(serve, number="1001"), asked(serve, number="1002")
        selling.caller.wait_incoming().reject(486, "Busy Here")
        person = selling.caller.wait_incoming().answer()
        conversation = selling.conversation()
        until(serve, busy, "busy")
        until(serve, there, "answered")
        assert serve.post(f"{OUTBOUND}/{there}/cancel").status_code == 200
        person.wait_ended()
        conversation.wait_closed()
        assert until(serve, there, "ended")["status"] == "CALLER_HANGUP"
    finally:
        serve.stop(signal.SIGKILL)
        asterisk.write_config("manager.conf", usual)
        asterisk.cli("manager reload")


def a_list(serve: Serve, *numbers: str) -> str:
    people = [{"number": one, "variables": {"name": f"Person {one}"}} for one in numbers]
    answer = serve.post("/api/call-lists", name="all", agent="sales", people=people, start=True)
    assert answer.status_code == 201, answer.text
    return f"/api/call-lists/{answer.json()['id']}"


def test_so_many_are_called_at_a_time(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path) as serve:
        place = a_list(serve, "1001", "1002", "1003")
        first, second = (selling.caller.wait_incoming() for _ in range(2))
        serve.until(place, lambda one: one["states"] == {"calling": 2, "waiting": 1})
        first.answer()
        conversation = selling.conversation()
        serve.until(place, lambda one: one["states"] == {"calling": 1, "answered": 1, "waiting": 1})
        with pytest.raises(TimeoutError):
            selling.caller.wait_incoming(1.0)
        conversation.close(1000)
        first.wait_ended()
        third = selling.caller.wait_incoming()
        for person in (second, third):
            person.reject()
        done = serve.until(place, lambda one: one["states"].get("waiting") == 2)
        assert done["states"] == {"ended": 1, "waiting": 2}, "who is busy is called again"
        assert done["state"] == "running"


def test_a_list_goes_on_after_the_program_was_killed(selling: Voice, tmp_path: Path) -> None:
    with calling(selling, tmp_path, "again = {}") as serve:
        place = a_list(serve, "1001", "1002", "1003", "1004")
        talking, gone = (selling.caller.wait_incoming() for _ in range(2))
        talking.answer()
        conversation = selling.conversation()
        serve.until(place, lambda one: one["states"] == {"calling": 1, "answered": 1, "waiting": 2})
        serve.stop(signal.SIGKILL)
        # A person who was not reached while nobody was there to be told, and one who talks on.
        gone.reject()
        hears_agent(talking, conversation, AGENT_HZ)
        serve.start()
        third = selling.caller.wait_incoming(30.0)
        assert third.invite is not None
        assert "1003@" in third.invite["To"], "nobody is called twice"
        third.reject()
        fourth = selling.caller.wait_incoming()
        fourth.reject()
        serve.until(place, lambda one: one["states"] == {"answered": 1, "unknown": 1, "busy": 2})
        conversation.close(1000)
        done = serve.until(place, lambda one: one["state"] == "done")
        assert done["states"] == {"ended": 1, "unknown": 1, "busy": 2}
        (ended,) = serve.get(f"{place}/people", state="ended")
        assert (ended["number"], ended["status"], ended["attempts"]) == (number_of(talking), "COMPLETED", 1)


def number_of(call: Call) -> str:
    assert call.invite is not None
    return call.invite["To"].partition("sip:")[2].partition("@")[0]


def test_a_call_that_ended_meanwhile_is_found_in_the_journal(selling: Voice, tmp_path: Path) -> None:
    inside = "/aiconvai/spool/outbound/calls.jsonl"
    selling.general["journal"] = inside
    selling.apply()
    journal = selling.asterisk.directory / "spool/outbound/calls.jsonl"
    with serving(tmp_path, selling.asterisk, journal, more=outbound_toml(selling.caller)) as serve:
        number = asked(serve)
        person = selling.caller.wait_incoming().answer()
        conversation = selling.conversation()
        until(serve, number, "answered")
        serve.stop(signal.SIGKILL)
        conversation.close(1000)
        person.wait_ended()
        serve.start()
        over = until(serve, number, "ended", "unknown")
        assert (over["state"], over["status"]) == ("ended", "COMPLETED")


@pytest.fixture
def knowing_machines(make_asterisk: Callable[..., Asterisk], app_module: Path) -> Iterator[Voice]:
    settings = OutboundSettings(dial="PJSIP/{number}", machine="asterisk", message="tone")
    asterisk = make_asterisk(
        module=app_module,
        module_config="[general]\n",
        modules=("app_amd.so", "app_waitforsilence.so"),
        extra_files={"amd.conf": "[general]\n"},
        extensions=dialplan(settings, by_ari=False),
    )
    with Caller(asterisk.sip_port) as caller, ElevenLabsMockThread(MockOptions()) as mock:
        voice = Voice(asterisk, caller, mock)
        voice.agent("sales", audio_frames_buffer_ms=20)
        voice.apply()
        yield voice


def conversed(voice: Voice, person: Call) -> ThreadedConversation:
    person.answer()
    return voice.conversation()


def test_a_machine_is_left_a_message_and_a_person_is_not(knowing_machines: Voice, tmp_path: Path) -> None:
    voice = knowing_machines
    with calling(voice, tmp_path, 'machine = "asterisk"\nmessage = "/aiconvai/sounds/tone"') as serve:
        number = asked(serve, number="1001")
        person = voice.caller.wait_incoming()
        conversation = conversed(voice, person)
        person.play(tone(PERSON_HZ, 0.5, 8000)).wait()
        hears_agent(person, conversation, AGENT_HZ)
        conversation.close(1000)
        person.wait_ended()
        assert until(serve, number, "ended")["status"] == "COMPLETED"
        number = asked(serve, number="1002")
        machine = voice.caller.wait_incoming()
        conversation = conversed(voice, machine)
        machine.play(tone(PERSON_HZ, 7.0, 8000)).wait()
        conversation.wait_closed()
        machine.wait_for_sound(since=0.0)
        machine.wait_ended(15.0)
        assert level_at(machine.heard_samples()[-6000:], MESSAGE_HZ, 8000) > -30.0
        over = until(serve, number, "machine")
        assert (over["reason"], over["status"]) == ("a machine answered", "COMPLETED")


def test_the_agent_says_that_a_machine_answered(voice: Voice, tmp_path: Path) -> None:
    voice.agent("sales", audio_frames_buffer_ms=20, tool_answering_machine="ami")
    voice.apply()
    with calling(voice, tmp_path, 'machine = "agent"') as serve:
        number = asked(serve)
        person = voice.caller.wait_incoming()
        conversation = conversed(voice, person)
        assert conversation.call_tool("answering_machine").result == "Noted: an answering machine."
        conversation.close(1000)
        person.wait_ended()
        assert until(serve, number, "machine", "ended")["state"] == "machine"
