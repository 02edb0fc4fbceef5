"""Each of packaging/compose: brought up, called, taken away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose_project import ComposeProject

from aiconvai.audio import tone
from aiconvai.mock import MockAgent, MockOptions
from aiconvai.mock.services import mock_class
from aiconvai.mock.threaded import MockThread
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER, ARI_PASSWORD, ARI_USER, ari_files, ari_modules
from aiconvai.rig.asterisk.engine import ContainerError
from aiconvai.rig.asterisk.ports import PortLease, free_port
from aiconvai.rig.caller import Call, Caller
from aiconvai.speech import speak
from images import RECIPES, build

KEY = "sk-a-key-of-the-test"
MODEL = "gpt-realtime-2.1"
AUDIOSOCKET_MODULES = ("res_audiosocket.so", "chan_audiosocket.so", "func_uuid.so")
NEXT = " same => n,UserEvent(Next,Status: ${AICONVAI_STATUS})\n"

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module", autouse=True)
def images() -> None:
    """Of this tree."""
    for name in RECIPES:
        build(name)


@pytest.fixture
def lease() -> Iterator[PortLease]:
    lease = PortLease()
    yield lease
    lease.release()


def hears_an_agent(call: Call) -> None:
    """From now on it says something, for a while."""
    call.wait_heard(20, since=call.wait_for_sound(timeout=20.0, since=time.monotonic()))


# Everything in one ------------------------------------------------------------------------------------


@pytest.fixture
def all_in_one(tmp_path: Path, lease: PortLease) -> Iterator[ComposeProject]:
    values = {
        "PHONE_PASSWORD": "of the telephone", "MANAGER_SECRET": "of the manager", "SIP_ADDRESS": "127.0.0.1",
        "SIP_PORT": lease.sip, "MANAGER_PORT": lease.ami, "RTP_FIRST": lease.rtp_first, "RTP_LAST": lease.rtp_last,
        "PAGE_PORT": free_port(), "MOCK_PORT": free_port(),
    }  # fmt: skip
    with ComposeProject("all-in-one", tmp_path, values) as project:
        yield project


def test_a_telephone_calls_100_and_hears_the_agent(all_in_one: ComposeProject, lease: PortLease) -> None:
    with Caller(lease.sip, password="of the telephone") as caller:
        call = caller.call("100").wait_answered()
        hears_an_agent(call)
        live = all_in_one.until("/api/live", lambda calls: calls and calls[0]["lines"])[0]
        assert (live["asterisk"], live["agent"], live["caller_number"]) == ("pbx", "reception", "1000")
        call.wait_for_silence(duration_ms=500)
        # What the mock waits for: somebody who speaks.
        call.play(speak("What are your opening hours?", 8000)).wait()
        hears_an_agent(call)
        call.hangup()
    kept = all_in_one.until("/api/calls", lambda calls: calls and calls[0]["status"])[0]
    assert (kept["agent"], kept["status"]) == ("reception", "CALLER_HANGUP")


def test_who_has_not_the_password_does_not_call(all_in_one: ComposeProject, lease: PortLease) -> None:
    with Caller(lease.sip, password="another") as caller:
        call = caller.call("100")
        assert call.wait_ended().code == 401
    assert all_in_one.get("/api/live") == []


def test_each_program_has_what_it_needs_and_no_more(all_in_one: ComposeProject) -> None:
    for service in all_in_one.containers():
        assert all_in_one.run_in(service, "id", "-u").strip() == "506"
        with pytest.raises(ContainerError, match="Read-only file system"):
            all_in_one.run_in(service, "touch", "/usr/x")
        assert "CapEff:\t0000000000000000" in all_in_one.run_in(service, "cat", "/proc/1/status")
    problems = [line for line in all_in_one.compose("logs", "asterisk").splitlines() if "ERROR" in line]
    assert problems == []


def test_signals_end_them_in_order(all_in_one: ComposeProject, lease: PortLease) -> None:
    with Caller(lease.sip, password="of the telephone") as caller:
        call = caller.call("100").wait_answered()
        hears_an_agent(call)
        all_in_one.compose("stop")
        assert call.wait_ended().by == "remote"
    for service in all_in_one.containers():
        assert all_in_one.state(service)["ExitCode"] == 0, service
    # What was told of the call is kept.
    all_in_one.compose("start")
    kept = all_in_one.until("/api/calls", lambda calls: calls and calls[0]["status"])[0]
    assert kept["agent"] == "reception"


# Beside a PBX -----------------------------------------------------------------------------------------


class Pbx:
    """A real Asterisk, without the module."""

    def __init__(self, extensions: str) -> None:
        self.ari = free_port()
        self.asterisk = Asterisk(
            22, modules=[*ari_modules(22), *AUDIOSOCKET_MODULES], extensions=extensions, extra_files=ari_files(self.ari)
        )

    def __enter__(self) -> Pbx:
        self.asterisk.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.asterisk.stop()

    @property
    def values(self) -> dict[str, object]:
        """Of .env, and where the gateway is to be."""
        first = free_port(and_behind_it=99)
        return {
            "MANAGER_PORT": self.asterisk.ami_port, "MANAGER_USER": AMI_USER, "MANAGER_SECRET": AMI_SECRET,
            "ARI_PORT": self.ari, "ARI_USER": ARI_USER, "ARI_PASSWORD": ARI_PASSWORD,
            "RTP_FIRST": first, "RTP_LAST": first + 99, "PAGE_PORT": free_port(),
        }  # fmt: skip

    def goes_on(self, since: int) -> str:
        """With what a call goes on in the dialplan."""
        event = self.asterisk.ami.wait_for("UserEvent", lambda event: event.get("UserEvent") == "Next", since=since)
        return event["Status"]


def test_a_pbx_calls_by_audiosocket_and_by_ari(tmp_path: Path) -> None:
    port = free_port()
    extensions = (
        "exten => 100,1,Answer()\n same => n,Set(UUID=${UUID()})\n"
        " same => n,UserEvent(AIConvAICall,UUID: ${UUID},Agent: reception)\n"
        f" same => n,Dial(AudioSocket/127.0.0.1:{port}/${{UUID}}/c(slin),,g)\n{NEXT}"
        f"exten => 101,1,Answer()\n same => n,Stasis(reception-ai)\n{NEXT}"
    )
    openai = mock_class("openai")(MockOptions(agents={MODEL: MockAgent(api_key=KEY)}))
    with MockThread(openai) as service, Pbx(extensions) as pbx:
        values = {**pbx.values, "API_KEY": KEY, "SERVICE_URL": service.conversation_endpoint, "AUDIOSOCKET_PORT": port}
        check = ("run", "--rm", "gateway", "aiconvai", "gateway", "--check")
        project = ComposeProject("beside-pbx", tmp_path, values, before=check)
        with project, Caller(pbx.asterisk.sip_port) as caller:
            assert "PROBLEM" not in project.said_before
            assert f"Dial(AudioSocket/127.0.0.1:{port}/${{UUID}}/c(slin),,g)" in project.said_before
            for extension in ("100", "101"):
                mark = pbx.asterisk.ami.position()
                call = caller.call(extension).wait_answered()
                conversation = service.next_conversation()
                conversation.wait_started()
                conversation.play(tone(1000, 2.0, 8000))
                hears_an_agent(call)
                live = project.until("/api/live", lambda calls: calls and not calls[-1]["ended"])[-1]
                assert (live["asterisk"], live["agent"], live["caller_number"]) == ("gateway", "reception", "1000")
                conversation.close(1000)
                assert pbx.goes_on(mark) == "COMPLETED"
                call.hangup()
            kept = project.until("/api/calls", lambda calls: len(calls) == 2 and all(one["status"] for one in calls))
            assert {one["status"] for one in kept} == {"COMPLETED"}


def test_three_services_beside_a_pbx(tmp_path: Path) -> None:
    agents = {"deepgram": "deepgram", "openai": MODEL, "local": "local"}
    extensions = "".join(
        f"exten => 10{number},1,Answer()\n same => n,Stasis({name}-ai)\n{NEXT}" for number, name in enumerate(agents)
    )
    mocks = {
        name: MockThread(mock_class(name)(MockOptions(agents={agent: MockAgent(api_key=KEY)})))
        for name, agent in agents.items()
    }
    with mocks["deepgram"] as deepgram, mocks["openai"] as openai, mocks["local"] as local, Pbx(extensions) as pbx:
        health = {name: free_port() for name in agents}
        values = {
            **pbx.values, "DEEPGRAM_API_KEY": KEY, "DEEPGRAM_URL": deepgram.conversation_endpoint,
            "OPENAI_API_KEY": KEY, "OPENAI_URL": openai.conversation_endpoint,
            "LOCAL_URL": local.settings("local")["conversation_url"],
            **{f"{name.upper()}_AUDIOSOCKET_PORT": free_port() for name in agents},
            **{f"{name.upper()}_HEALTH_PORT": port for name, port in health.items()},
        }  # fmt: skip
        with ComposeProject("three-services", tmp_path, values) as project, Caller(pbx.asterisk.sip_port) as caller:
            for number, name in enumerate(agents):
                call = caller.call(f"10{number}").wait_answered()
                conversation = mocks[name].next_conversation()
                conversation.wait_started()
                conversation.play(tone(1000, 2.0, 8000))
                hears_an_agent(call)
                assert project.health(health[name])["active_calls"] == 1
                call.hangup()
                conversation.wait_closed()
            kept = project.until("/api/calls", lambda calls: len(calls) == 3 and all(one["status"] for one in calls))
            assert {one["agent"] for one in kept} == set(agents)
