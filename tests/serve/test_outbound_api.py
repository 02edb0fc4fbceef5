"""Calls that go out, as programs ask for them, down to what a manager is asked; and `aiconvai call` itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from serve_events import until
from test_manager_connection import agree, serving
from test_serve_api import as_role

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.check import check
from aiconvai.serve.outbound import going
from aiconvai.serve.outbound.cli import _said
from aiconvai.serve.settings import ServeSettings, read_settings
from aiconvai.serve.web.api import make_api
from aiconvai.toml_settings import SettingsError

OUTBOUND = {"dial": "PJSIP/{number}@trunk", "caller_id": "+420555", "caller_name": "Shop", "per_second": 50}
SALES = {"number": "+420 123", "agent": "sales"}


class FakeManager:
    """Takes what it is asked for, and says what a test wants."""

    def __init__(self) -> None:
        self.actions: list[dict[str, Any]] = []
        self.refuses: dict[str, str] = {}
        self.told_beside = ""
        """Events that come with the answer to an Originate, before it."""
        self._writer: asyncio.StreamWriter | None = None

    async def answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        self.actions.append(action)
        self._writer = writer
        name = action["Action"]
        if name in self.refuses:
            identity = action["ActionID"]
            writer.write(f"Response: Error\r\nActionID: {identity}\r\nMessage: {self.refuses[name]}\r\n\r\n".encode())
            return
        if name == "Originate":
            writer.write(self.told_beside.format(channel=action["ChannelId"]).encode())
        await agree(action, writer)

    def tell(self, *lines: str) -> None:
        assert self._writer is not None
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def originates(self) -> list[dict[str, Any]]:
        return [one for one in self.actions if one["Action"] == "Originate"]

    async def originated(self, count: int = 1) -> dict[str, Any]:
        await until(lambda: len(self.originates()) >= count)
        return self.originates()[-1]


@asynccontextmanager
async def an_application(
    folder: Path, outbound: dict[str, Any] | None = None
) -> AsyncIterator[tuple[Application, FakeManager, httpx.AsyncClient]]:
    manager = FakeManager()
    async with serving(manager.answer) as there:
        asterisk = {"pbx": {"user": "u", "secret": "s", "port": there.port}}
        given = {"data": folder, "asterisk": asterisk, "outbound": OUTBOUND if outbound is None else outbound}
        application = Application(ServeSettings.model_validate(given))
        transport = httpx.ASGITransport(make_api(application))
        headers = {}
        async with application.running():
            await until(lambda: application.sources[0].connection.is_there)
            headers = await as_role(application, Role.OPERATOR)
            async with httpx.AsyncClient(transport=transport, base_url="http://serve", headers=headers) as client:
                yield application, manager, client


async def state_of(client: httpx.AsyncClient, number: int, *wanted: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            found: dict[str, Any] = (await client.get(f"/api/calls/outbound/{number}")).json()
            if found["state"] in wanted:
                return found
            await asyncio.sleep(0.01)


async def measured(client: httpx.AsyncClient, line: str) -> None:
    """Until it is among the metrics: a call is counted a moment after the store has what came of it."""
    async with asyncio.timeout(10):
        while line not in (await client.get("/metrics")).text:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.01)


async def test_a_manager_is_asked_for_a_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going, "SETTLE_SECONDS", 0.05)
    async with an_application(tmp_path) as (_, manager, client):
        answer = await client.post("/api/calls/outbound", json={**SALES, "variables": {"name": 'A, "B"'}})
        assert answer.status_code == 202
        number = answer.json()["id"]
        asked = await manager.originated()
        channel = asked["ChannelId"]
        assert asked["ActionID"] == channel
        assert channel.startswith("out-aiconvai-")
        assert asked["Channel"] == "PJSIP/+420123@trunk"
        assert (asked["Application"], asked["Data"], asked["Timeout"], asked["Async"]) == (
            "AIConvAI", "sales", "30000", "true",
        )  # fmt: skip
        assert asked["Variable"] == 'AICONVAI_VAR_name=A\\, \\"B\\"', "the last of them"
        manager.tell("Event: Newstate", f"Uniqueid: {channel}", "ChannelState: 5")
        await state_of(client, number, "ringing")
        # An event that has a response in it is no response.
        manager.tell("Event: OriginateResponse", f"ActionID: {channel}", "Response: Failure", "Reason: 5")
        manager.tell("Event: Hangup", f"Uniqueid: {channel}", "Cause: 17", "Cause-txt: User busy")
        over = await state_of(client, number, "busy")
        assert (over["reason"], over["attempts"]) == ("User busy", 1)
        await measured(client, 'aiconvai_outbound_calls_total{agent="sales",result="busy"} 1.0')


async def test_how_a_call_ended_may_come_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(going, "SETTLE_SECONDS", 0.05)
    async with an_application(tmp_path) as (_, manager, client):
        manager.told_beside = (
            "Event: OriginateResponse\r\nActionID: {channel}\r\nResponse: Failure\r\nReason: 0\r\n\r\n"
        )
        number = (await client.post("/api/calls/outbound", json=SALES)).json()["id"]
        assert "Asterisk could not call it" in (await state_of(client, number, "failed"))["reason"]


async def test_a_context_gets_who_is_to_answer(tmp_path: Path) -> None:
    settings = {**OUTBOUND, "machine": "asterisk", "message": "custom/message"}
    async with an_application(tmp_path, settings) as (_, manager, client):
        await client.post("/api/calls/outbound", json=SALES)
        asked = await manager.originated()
        assert (asked["Context"], asked["Exten"], asked["Priority"]) == ("aiconvai-outbound", "s", "1")
        assert asked["Variable"] == "AICONVAI_MESSAGE=custom/message"


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"number": "12&34"}, 422, "number: expected a telephone number"),
        ({"number": "1@x"}, 422, "number: "),
        ({"agent": "sales,v(x=1)"}, 422, "agent"),
        ({"variables": {"no name": "x"}}, 422, "variables: 'no name'"),
        ({"variables": {"name": "a\nb"}}, 422, "variables: name"),
        ({"caller_id": "a,b"}, 422, "caller_id"),
        ({"more": 1}, 422, "more"),
    ],
)
async def test_what_is_no_call_is_refused(tmp_path: Path, given: dict[str, Any], status: int, said: str) -> None:
    async with an_application(tmp_path) as (_, manager, client):
        answer = await client.post("/api/calls/outbound", json={**SALES, **given})
        assert answer.status_code == status
        assert said in json.dumps(answer.json(), ensure_ascii=False)
        assert manager.originates() == []


async def test_a_list_is_made_of_csv_and_of_json(tmp_path: Path) -> None:
    async with an_application(tmp_path) as (_, manager, client):
        csv = {"content": b"number;name\n1001;Ada\n1002;Bob\n", "headers": {"Content-Type": "text/csv"}}
        made = await client.post("/api/call-lists", params={"name": "first", "agent": "sales"}, **csv)
        assert made.status_code == 201, made.text
        first = made.json()
        assert (first["people"], first["state"], first["states"]) == (2, "ready", {"waiting": 2})
        body = {"name": "second", "agent": "sales", "people": [{"number": "1003", "variables": {"name": "Eve"}}]}
        assert (await client.post("/api/call-lists", json=body)).status_code == 201
        assert (await client.post("/api/call-lists", json=body)).status_code == 409
        assert [one["name"] for one in (await client.get("/api/call-lists")).json()] == ["second", "first"]
        place = f"/api/call-lists/{first['id']}"
        more = await client.post(f"{place}/people", json={"people": [{"number": "1004"}]})
        assert more.json()["people"] == 3
        people = (await client.get(f"{place}/people", params={"limit": 2})).json()
        assert [(one["number"], one["variables"]) for one in people] == [
            ("1001", {"name": "Ada"}),
            ("1002", {"name": "Bob"}),
        ]
        rest = (await client.get(f"{place}/people", params={"after": people[-1]["id"]})).json()
        assert [one["number"] for one in rest] == ["1004"]
        wrong = await client.post("/api/call-lists", params={"name": "x", "agent": "sales"}, **{**csv, "content": b"x"})
        assert (wrong.status_code, "line 1" in wrong.text) == (422, True)
        assert manager.originates() == []
        assert (await client.post(f"{place}/start")).json()["state"] == "running"
        await manager.originated()
        assert (await client.post(f"{place}/cancel")).json()["state"] == "cancelled"
        assert (await client.post(f"{place}/start")).status_code == 409
        assert (await client.post(f"{place}/explode")).status_code == 422
        assert (await client.get("/api/call-lists/99")).status_code == 404
        assert (await client.delete(place)).status_code == 403
        number = await client.post("/api/do-not-call", json={"number": "+420 777"})
        assert number.json() == {"number": "420777"}
        assert (await client.get("/api/do-not-call/420777")).json() == {"do_not_call": True}
        assert (await client.post("/api/calls/outbound", json={**SALES, "number": "00420777"})).status_code == 409


async def test_a_viewer_calls_nobody(tmp_path: Path) -> None:
    async with an_application(tmp_path) as (application, manager, client):
        viewer = await as_role(application, Role.VIEWER)
        for path in ("/api/calls/outbound", "/api/call-lists", "/api/call-lists/1/start", "/api/do-not-call"):
            assert (await client.post(path, json=SALES, headers=viewer)).status_code == 403
        assert (await client.get("/api/calls/outbound", headers=viewer)).json() == []
        assert (await client.get("/api/calls/outbound", headers={"Authorization": ""})).status_code == 401
        assert manager.originates() == []


async def test_without_settings_nobody_is_called(tmp_path: Path) -> None:
    application = Application(ServeSettings.model_validate({"data": tmp_path}))
    async with application.running():
        headers = await as_role(application, Role.OPERATOR)
        transport = httpx.ASGITransport(make_api(application))
        async with httpx.AsyncClient(transport=transport, base_url="http://serve", headers=headers) as client:
            refused = await client.post("/api/calls/outbound", json=SALES)
            assert (refused.status_code, "no [outbound]" in refused.json()["detail"]) == (409, True)


async def test_a_user_who_may_not_call_is_found_before(tmp_path: Path) -> None:
    manager = FakeManager()
    async with serving(manager.answer) as there:
        asterisk = {"pbx": {"user": "u", "secret": "s", "port": there.port}}
        given = {"data": tmp_path, "asterisk": asterisk, "outbound": OUTBOUND}
        found = [one async for one in check(ServeSettings.model_validate(given)) if one.what.startswith("outbound")]
        assert [(one.is_well, "write = call,originate" in one.what) for one in found] == [(False, True)]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('dial = "PJSIP/trunk"', "outbound.dial"),
        ('dial = "PJSIP/{number}&PJSIP/1"', "outbound.dial"),
        ('dial = "PJSIP/{number}"\nhours = ["mon 9"]\ntime_zone = "UTC"', "hours: expected DAYS"),
        ('dial = "PJSIP/{number}"\nhours = ["mon 09:00-10:00"]', "expected time_zone"),
        ('dial = "PJSIP/{number}"\ntime_zone = "Europe/Nowhere"', "time_zone: expected one such as"),
        ('dial = "PJSIP/{number}"\nagain = { ended = 60 }', "expected busy"),
        ('dial = "PJSIP/{number}"\nagain = { busy = 1 }', "outbound.again.busy"),
        ('dial = "PJSIP/{number}"\nmessage = "x"', 'expected machine = "asterisk"'),
        ('dial = "PJSIP/{number}"\nat_once = 0', "outbound.at_once"),
        ('dial = "PJSIP/{number}"\nfast = 1', "outbound.fast: no such key"),
    ],
)
def test_settings_that_are_wrong_are_said_with_their_place(tmp_path: Path, toml: str, said: str) -> None:
    path = tmp_path / "serve.toml"
    path.write_text(f"[outbound]\n{toml}\n")
    with pytest.raises(SettingsError) as told:
        read_settings(path)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("through", "asterisks", "aris", "found"),
    [
        ("", ["pbx"], ["pbx"], ("asterisk", "pbx")),
        ("ari.pbx", ["pbx"], ["pbx"], ("ari", "pbx")),
        ("", [], ["pbx"], ("ari", "pbx")),
        ("b", ["a", "b"], [], ("asterisk", "b")),
        ("", ["a", "b"], [], None),
        ("c", ["a"], [], None),
        ("ari.c", ["a"], ["b"], None),
        ("", [], [], None),
    ],
)
def test_calls_go_out_by_one_asterisk(
    through: str, asterisks: list[str], aris: list[str], found: tuple[str, str] | None
) -> None:
    given = {
        "outbound": {**OUTBOUND, "through": through},
        "asterisk": {name: {"user": "u", "secret": "s"} for name in asterisks},
        "gateway": {"ari": {name: {"user": "u", "secret": "s", "apps": {"x": ""}} for name in aris}},
    }
    settings = ServeSettings.model_validate(given)
    if found is None:
        with pytest.raises(SettingsError, match="through"):
            settings.outbound_through()
    else:
        assert settings.outbound_through() == found


def test_the_command_says_how_it_stands() -> None:
    call = {
        "state": "ended", "status": "COMPLETED", "reason": "done", "conversation_id": "c1", "result": "", "attempts": 2,
    }  # fmt: skip
    assert _said(call) == "ended COMPLETED: done, conversation c1"
    assert _said({**call, "state": "no_answer", "reason": "nobody answered"}) == "no answer: nobody answered"
    assert _said({**call, "state": "gave_up", "result": "no_answer"}) == "gave up after 2 attempts: no answer"
    assert _said({**call, "state": "ringing"}) == "ringing"
    waits = _said({**call, "state": "waiting", "result": "busy", "due": 0.0})
    assert waits.startswith("busy; called again at ")
