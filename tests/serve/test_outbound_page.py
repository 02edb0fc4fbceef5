"""Calls that go out on the page: people are called and lists steered by operators, and seen by everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_agent_pages import client, hidden, logged_in
from test_outbound_api import OUTBOUND

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

__all__ = ["client"]

NOBODY_IS_THERE = {"pbx": {"user": "u", "secret": "s", "port": 1}}


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    given = {"data": tmp_path, "asterisk": NOBODY_IS_THERE, "outbound": {**OUTBOUND, "begins": ["+420"]}}
    one = Application(ServeSettings.model_validate(given))
    async with one.running():
        yield one


async def post(client: httpx.AsyncClient, path: str, csv: str = "", **fields: str) -> httpx.Response:
    csrf = hidden((await client.get("/outbound")).text).get("csrf", "")
    files: Any = {"people": ("people.csv", csv, "text/csv")} if csv else None
    return await client.post(path, data={"csrf": csrf, **fields}, files=files)


async def test_an_operator_calls_people(application: Application, client: httpx.AsyncClient) -> None:
    assert (await client.get("/outbound")).status_code == 303
    await logged_in(application, client, Role.OPERATOR)
    called = await post(client, "/outbound/call", number="+420 1", agent="sales", variables="name=Ada <b>\nday=one=1")
    assert called.status_code == 303, called.text
    assert application.outbound is not None
    (made,) = await application.outbound.book.calls()
    assert (made.number, made.variables) == ("+4201", {"name": "Ada <b>", "day": "one=1"})
    for wrong, said in (
        ({"number": "+4901", "agent": "sales"}, "expected a number that begins with +420"),
        ({"number": "+4201", "agent": "a,b"}, "agent: "),
        ({"number": "+4201", "agent": "sales", "variables": "x"}, "expected NAME=VALUE"),
    ):
        refused = await post(client, "/outbound/call", **wrong)
        assert (refused.status_code, said in refused.text) == (422, True), refused.text
    assert (await post(client, f"/outbound/call/{made.id}/cancel")).status_code == 303
    assert "cancelled" in (await client.get("/outbound")).text
    assert (await post(client, f"/outbound/call/{made.id}/cancel")).status_code == 409


async def test_an_operator_steers_lists(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client, Role.OPERATOR)
    made = await post(client, "/outbound/list", csv="number,name\n+4201,Ada\n+4202,Bob\n", name="<all>", agent="sales")
    assert made.status_code == 303, made.text
    page = (await client.get("/outbound")).text
    assert "&lt;all&gt;" in page
    assert "0 of 2" in page
    assert "2 waiting" in page
    wrong = await post(client, "/outbound/list", csv="number\nx\n", name="wrong", agent="sales")
    assert (wrong.status_code, "line 2" in wrong.text) == (422, True)
    assert (await post(client, "/outbound/1/start")).status_code == 303
    assert (await post(client, "/outbound/1/start")).status_code == 409
    assert (await post(client, "/outbound/1/explode")).status_code == 404
    people = (await client.get("/outbound/1", params={"state": "waiting"})).text
    assert "+4202" in people
    assert (await client.get("/outbound/9")).status_code == 404


async def test_a_viewer_sees_and_does_nothing(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client, Role.VIEWER)
    page = (await client.get("/outbound")).text
    assert 'action="/outbound' not in page
    csrf = hidden(page)["csrf"]
    given = {"number": "+4201", "agent": "sales"}
    assert (await client.post("/outbound/call", data={**given, "csrf": csrf})).status_code == 403
    assert (await client.post("/outbound/call", data={**given, "csrf": "guessed"})).status_code == 403
    assert (await client.post("/outbound/1/start", data={"csrf": csrf})).status_code == 403


async def test_without_settings_the_page_says_so(tmp_path: Path) -> None:
    application = Application(ServeSettings.model_validate({"data": tmp_path}))
    async with application.running():
        api = make_api(application)
        add_page(api, application, Setup())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://serve") as client:
            await logged_in(application, client, Role.ADMIN)
            assert "there is no <code>[outbound]</code>" in (await client.get("/outbound")).text
