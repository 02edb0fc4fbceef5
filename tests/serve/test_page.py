"""The page without a browser: who gets in, what is never markup. With one: tests/page."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from serve_events import a_start, an_end, said, told

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.store.store import Wanted
from aiconvai.serve.users import UserError
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

PASSWORD = "correct horse battery"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\u202e{{ 7 * 7 }} </textarea>"


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    one = Application(ServeSettings(data=tmp_path))
    async with one.running():
        yield one


@pytest.fixture
def setup() -> Setup:
    return Setup()


@pytest.fixture
async def client(application: Application, setup: Setup) -> AsyncIterator[httpx.AsyncClient]:
    api = make_api(application)
    add_page(api, application, setup)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://serve") as one:
        yield one


async def logged_in(application: Application, client: httpx.AsyncClient, role: Role = Role.ADMIN) -> None:
    await application.users.create(f"a {role}", PASSWORD, role)
    answer = await client.post("/login", data={"name": f"a {role}", "password": PASSWORD})
    assert answer.status_code == 303, answer.text


def csrf_in(html: str) -> str:
    found = re.search(r'<meta name="csrf" content="([^"]+)">', html)
    assert found is not None
    return found[1]


async def test_a_stranger_is_asked_who_he_is(client: httpx.AsyncClient) -> None:
    for path in ("/", "/calls", "/calls/1", "/calls.csv", "/calls/1/call.json", "/numbers", "/state"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login"), path
    assert (await client.get("/api/live")).status_code == 401


async def test_the_first_user_is_made_once_by_who_has_the_address(client: httpx.AsyncClient, setup: Setup) -> None:
    assert (await client.get("/setup", params={"token": "guess"})).status_code == 403
    assert (await client.get("/setup", params={"token": setup.token})).status_code == 200
    given = {"token": setup.token, "name": "Ann", "password": "short"}
    assert "a password has 10 to 200 characters" in (await client.post("/setup", data=given)).text
    given["password"] = PASSWORD
    assert (await client.post("/setup", data=given)).status_code == 303
    assert "Ann, admin" in (await client.get("/")).text
    assert (await client.get("/setup", params={"token": setup.token})).status_code == 403
    assert (await client.post("/setup", data={**given, "name": "Bob"})).status_code == 403


async def test_who_logs_in_and_out(application: Application, client: httpx.AsyncClient) -> None:
    await application.users.create("Ann", PASSWORD, Role.VIEWER)
    for name, password in (("Ann", "wrong but long"), ("Nobody", PASSWORD)):
        answer = await client.post("/login", data={"name": name, "password": password})
        assert answer.status_code == 403
        assert "The name or the password is wrong." in answer.text
    answer = await client.post("/login", data={"name": "Ann", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    page = (await client.get("/")).text
    assert (await client.post("/logout", data={"csrf": "guess"})).status_code == 403
    assert (await client.post("/logout", data={"csrf": csrf_in(page)})).status_code == 303
    assert (await client.get("/")).status_code == 303


async def test_another_site_logs_nobody_in(application: Application, client: httpx.AsyncClient) -> None:
    await application.users.create("Ann", PASSWORD, Role.VIEWER)
    given = {"name": "Ann", "password": PASSWORD}
    answer = await client.post("/login", data=given, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (await client.post("/login", data=given, headers={"Origin": "http://serve"})).status_code == 303


async def test_passwords_are_not_tried_for_ever(application: Application, client: httpx.AsyncClient) -> None:
    await application.users.create("Ann", PASSWORD, Role.VIEWER)
    for _ in range(10):
        assert (await client.post("/login", data={"name": "Ann", "password": "x" * 10})).status_code == 403
    answer = await client.post("/login", data={"name": "Ann", "password": PASSWORD})
    assert answer.status_code == 429
    assert "Too many tries" in answer.text


async def test_nobody_is_locked_out_by_who_knows_his_name(application: Application, setup: Setup) -> None:
    await application.users.create("Ann", PASSWORD, Role.VIEWER)
    api = make_api(application)
    add_page(api, application, setup)

    async def log_in(address: str, password: str) -> int:
        transport = httpx.ASGITransport(api, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://serve") as one:
            return (await one.post("/login", data={"name": "Ann", "password": password})).status_code

    assert [await log_in("10.0.0.1", "x" * 10) for _ in range(12)] == [403] * 10 + [429] * 2
    assert await log_in("10.0.0.2", PASSWORD) == 303


async def test_more_than_fits_into_any_form_is_not_read(client: httpx.AsyncClient) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 10_000
            yield b"x" * 10_000

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post("/login", content=endless(), headers=headers)
    assert answer.status_code == 413
    assert read < 2_000_000


async def test_what_changes_something_comes_from_the_page(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client, Role.OPERATOR)
    application.hub.publish(a_start())
    path, body = "/api/live/pbx/1.1/end", {"reason": "x"}
    assert (await client.post(path, json=body)).status_code == 403
    csrf = csrf_in((await client.get("/")).text)
    # As far as the Asterisk, of which there is none.
    answer = await client.post(path, json=body, headers={"X-CSRF": csrf})
    assert (answer.status_code, answer.json()["detail"]) == (502, "no Asterisk is named pbx")


async def test_who_may_only_look_sees_no_buttons_and_steers_nothing(
    application: Application, client: httpx.AsyncClient
) -> None:
    await logged_in(application, client, Role.VIEWER)
    page = (await client.get("/")).text
    assert 'id="end"' not in page
    answer = await client.post("/api/live/pbx/1.1/end", json={}, headers={"X-CSRF": csrf_in(page)})
    assert answer.status_code == 403
    assert "your role is viewer" in answer.text


async def test_a_new_password_ends_all_sessions(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    await application.users.change_password("a admin", PASSWORD + "!")
    assert (await client.get("/")).status_code == 303
    with pytest.raises(UserError, match="there is no user 'x'"):
        await application.users.change_password("x", PASSWORD)


async def test_a_user_who_is_removed_is_out(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    await application.users.remove("a admin")
    assert (await client.get("/")).status_code == 303


async def test_words_of_callers_are_text(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    events = [
        a_start(CallerIDName=HOSTILE, CallerIDNum="=HYPERLINK(1)"),
        said(HOSTILE),
        told("ToolCall", ToolCallID="1", ToolName=HOSTILE, Parameters=HOSTILE),
        told("ToolDone", ToolCallID="1", ToolName=HOSTILE, Result=HOSTILE, Error="no"),
        told("Error", Message=HOSTILE),
        told("State", State=HOSTILE),
        an_end(Reason=HOSTILE),
    ]
    await application.store.keep("pbx", [one.event for one in events])
    (call,) = await application.store.calls(Wanted())
    for path in ("/calls", f"/calls/{call.id}", f"/calls?text={HOSTILE}", "/state"):
        page = (await client.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    page = (await client.get(f"/calls/{call.id}")).text
    assert "&lt;script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "'=HYPERLINK(1)" in (await client.get("/calls.csv")).text
    exported = await client.get(f"/calls/{call.id}/call.json")
    assert exported.json()["turns"][0]["text"] == HOSTILE
    assert "attachment" in exported.headers["content-disposition"]


async def test_nothing_is_fetched_from_elsewhere(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    for path in ("/", "/login", "/calls", "/state", "/health"):
        answer = await client.get(path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.findall(r'(?:src|href)="(?!/)[^"#]', answer.text) == []
    for path in ("/static/page.js", "/static/page.css", "/static/icon.svg"):
        assert (await client.get(path)).status_code == 200


async def test_what_is_wrong_is_a_page_for_people(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    person = {"Accept": "text/html,*/*"}
    for path, status, sentence in (
        ("/calls/99", 404, "no call has the number 99"),
        ("/nowhere", 404, "Not Found"),
        ("/calls?day=<b>", 422, "day: expected YYYY-MM-DD"),
        ("/setup?token=<script>", 403, "this address was good once"),
    ):
        answer = await client.get(path, headers=person)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert sentence in answer.text
        assert "<b>" not in answer.text
    assert (await client.get("/calls/99")).json() == {"detail": "no call has the number 99"}
    client.cookies.clear()
    assert (await client.get("/calls/99", headers=person)).headers["location"] == "/login"


async def test_a_day_that_is_none(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    answer = await client.get("/calls", params={"day": "yesterday"})
    assert answer.status_code == 422
    assert "day: expected YYYY-MM-DD, got 'yesterday'" in answer.text


async def test_older_calls_are_on_the_next_page(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    for number in range(120):
        await application.store.keep("pbx", [a_start(f"1.{number}").event, an_end(f"1.{number}").event])
    seen: list[str] = []
    path: str | None = "/calls"
    while path is not None:
        page = (await client.get(path)).text
        seen += re.findall(r'<a href="(/calls/\d+)">', page)
        older = re.search(r'<a href="(/calls\?[^"]*before=[^"]*)">Older', page)
        path = older[1].replace("&amp;", "&") if older else None
    assert len(seen) == len(set(seen)) == 120


async def test_the_numbers_of_each_day_are_shown(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client)
    assert "No call has ended in these days." in (await client.get("/numbers")).text
    now = time.time()
    for number, status in enumerate(("COMPLETED", "LOST", "COMPLETED")):
        record = f"1.{number}"
        start = told("Start", record, now - 10.0, LineFormat="ulaw_8000", Agent="<b>sales")
        answers = {"AnswerMs": "700", "SlowestAnswerMs": "900", "Interruptions": "3"}
        end = told("End", record, now - 1.0, Status=status, DurationMs="120000", Agent="<b>sales", **answers)
        await application.store.keep("pbx", [start.event, end.event])
    await application.store.keep("pbx", [an_end("9.9").event])
    html = (await client.get("/numbers", params={"agent": "<b>sales"})).text
    row = re.search(r'<tr data-day="[\d.]+" ([^>]+)>', html)
    assert row is not None
    assert re.findall(r'data-(\w+)="([^"]*)"', row[1]) == [
        ("calls", "3"), ("failed", "1"), ("answer_ms", "700.0"), ("interruptions", "3.0"), ("cost", ""),
    ]  # fmt: skip
    assert "<b>sales" not in html
    assert "<td>6</td>" in html, "minutes"
    assert (await client.get("/numbers", params={"days": 0})).status_code == 422
    assert html.count("<tr data-day") == 1
