"""Every route that there is, asked by everybody: the routers say which there are, so that a new one is asked too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from serve_events import a_start
from serve_routes import WEBSOCKET, everything, routes
from starlette.types import Message

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web.page import Setup

PASSWORD = "correct horse battery"
READING = ("GET", "HEAD")

OPEN = {
    ("GET", "/health"): "a monitor has no user: how it goes, and no word of what was said (test_serve_api.py)",
    ("GET", "/ready"): "the same",
    ("GET", "/live"): "the same",
    ("GET", "/metrics"): "Prometheus has no user: counts of calls by agent and status",
    ("GET", "/api/openapi.json"): "it is the same for everybody, and in the documentation",
    ("HEAD", "/api/openapi.json"): "the same",
    ("GET", "/login"): "where one gets a session",
    ("POST", "/login"): "the same; with a password",
    ("GET", "/static/page.css"): "files of the package, which are the same for everybody",
}
"""To whoever can reach the port, and why. All else is refused to who has no session."""
BY_SETUP_TOKEN = {("GET", "/setup"), ("POST", "/setup")}
"""For who has what `aiconvai serve` printed, until there is a user."""
ENDLESS = {("GET", "/api/live/events"), ("GET", "/api/live/{asterisk}/{record}/events")}
"""Streams, which a test that waits for an answer's end does not ask with a right to them."""

OPERATOR = {
    ("GET", "/agents"),
    ("GET", "/agents/{asterisk}/{name}"),
    ("GET", "/talk"),
    ("POST", "/agents/{asterisk}/{name}/trial"),
    ("POST", "/api/call-lists"),
    ("POST", "/api/call-lists/{list_id}/people"),
    ("POST", "/api/call-lists/{list_id}/{step}"),
    ("POST", "/api/calls/outbound"),
    ("POST", "/api/calls/outbound/{call_id}/cancel"),
    ("POST", "/api/do-not-call"),
    ("POST", "/api/gateway/calls"),
    ("POST", "/api/live/{asterisk}/{record}/context"),
    ("POST", "/api/live/{asterisk}/{record}/end"),
    ("POST", "/api/live/{asterisk}/{record}/listen"),
    ("POST", "/api/live/{asterisk}/{record}/message"),
    ("POST", "/api/live/{asterisk}/{record}/recording"),
    ("POST", "/api/live/{asterisk}/{record}/state"),
    ("POST", "/api/live/{asterisk}/{record}/transfer"),
    ("POST", "/outbound/call"),
    ("POST", "/outbound/call/{call_id}/cancel"),
    ("POST", "/outbound/list"),
    ("POST", "/outbound/{list_id}/{step}"),
    (WEBSOCKET, "/talk/call"),
}
ADMIN = {
    ("DELETE", "/api/call-lists/{list_id}"),
    ("DELETE", "/api/callers/{number}"),
    ("DELETE", "/api/do-not-call/{number}"),
    ("POST", "/agents/{asterisk}/{name}"),
}
ANY_USER = {("POST", "/logout")}
"""Changes nothing but one's own session."""

FILLED = {"call_id": "1", "list_id": "1", "step": "start", "asterisk": "pbx", "record": "1.1", "number": "%2B420",
          "name": "sales"}  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "/api/call-lists": {"name": "a", "agent": "sales", "people": [{"number": "420"}]},
    "/api/call-lists/{list_id}/people": {"people": [{"number": "420"}]},
    "/api/calls/outbound": {"number": "420", "agent": "sales"},
    "/api/do-not-call": {"number": "420"},
    "/api/live/{asterisk}/{record}/context": {"text": "x"},
    "/api/live/{asterisk}/{record}/end": {},
    "/api/live/{asterisk}/{record}/listen": {"phone": "desk"},
    "/api/live/{asterisk}/{record}/message": {"text": "x"},
    "/api/live/{asterisk}/{record}/recording": {"paused": True},
    "/api/live/{asterisk}/{record}/state": {"state": "x"},
    "/api/live/{asterisk}/{record}/transfer": {"context": "default", "extension": "1"},
}
FORMS: dict[str, dict[str, str]] = {
    "/outbound/call": {"number": "420", "agent": "sales"},
    "/outbound/list": {"name": "a", "agent": "sales"},
    "/login": {"name": "nobody", "password": "wrong but long"},
    "/setup": {"token": "guess", "name": "mallory", "password": PASSWORD},
}
ELSEWHERE = "this did not come from the page"


def needed(route: tuple[str, str]) -> Role:
    return Role.ADMIN if route in ADMIN else Role.OPERATOR if route in OPERATOR else Role.VIEWER


def of_api(path: str) -> bool:
    return path.startswith("/api/")


async def ask(
    client: httpx.AsyncClient, route: tuple[str, str], csrf: str = "guess", headers: dict[str, str] | None = None
) -> httpx.Response:
    """As it is asked by who knows how: with all that it takes, so that nothing else than who asks can be wrong."""
    method, path = route
    url = re.sub(r"\{(\w+)\}", lambda found: FILLED[found[1]], path)
    given: dict[str, Any] = {}
    if method not in READING:
        if of_api(path):
            given = {"json": BODIES.get(path), "headers": {"X-CSRF": csrf}}
        else:
            given = {"data": {**FORMS.get(path, {}), "csrf": csrf}}
            if path == "/outbound/list":
                given["files"] = {"people": ("people.csv", "number\n420\n")}
    given["headers"] = {**given.get("headers", {}), **(headers or {})}
    return await client.request(method, url, **given)


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    given = {"data": tmp_path, "asterisk": {"pbx": {"user": "u", "secret": "s", "port": 1}}}
    one = Application(ServeSettings.model_validate(given))
    async with one.running():
        one.hub.publish(a_start())
        yield one


@pytest.fixture
def api(application: Application) -> FastAPI:
    return everything(application, Setup())


@asynccontextmanager
async def visiting(api: FastAPI, host: str = "serve", **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", **more) as one:
        yield one


@asynccontextmanager
async def with_session(
    application: Application, api: FastAPI, role: Role
) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """Somebody of that role, and the secret of what he sends."""
    await application.users.create(f"a {role}", PASSWORD, role)
    cookie = await application.users.log_in(f"a {role}", PASSWORD)
    assert cookie is not None
    visit = await application.users.visit(cookie)
    assert visit is not None
    async with visiting(api, cookies={"aiconvai": cookie}) as client:
        yield client, visit.csrf


def http(found: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (route for route in found if route[0] != WEBSOCKET)


def test_the_description_and_the_routers_have_the_same(api: FastAPI) -> None:
    described = {
        (method.upper(), path) for path, methods in api.openapi()["paths"].items() for method in methods
    }
    there = set(routes(api))
    assert described <= there
    not_described = {route for route in there - described if of_api(route[1]) and route[1] != "/api/openapi.json"}
    assert not_described == set()


def test_lists_name_what_there_is(api: FastAPI) -> None:
    """A route that is gone goes from the lists; and one that changes something and is new says whose it is."""
    there = set(routes(api))
    assert (OPEN.keys() | BY_SETUP_TOKEN | ENDLESS | OPERATOR | ADMIN) <= there
    changing = {route for route in there if route[0] not in READING}
    assert changing == (OPERATOR | ADMIN | ANY_USER | {("POST", "/login"), ("POST", "/setup")}) & changing


@pytest.mark.fault("security.page-stranger")
async def test_a_stranger_is_refused_everywhere(api: FastAPI) -> None:
    async with visiting(api) as client:
        for route in http(routes(api)):
            answer = await ask(client, route)
            if route in OPEN:
                assert answer.status_code in (200, 403, 503), (route, answer.status_code)
                continue
            is_sent_to_log_in = (answer.status_code, answer.headers.get("location")) == (303, "/login")
            assert answer.status_code in (401, 403) or is_sent_to_log_in, (route, answer.status_code)
            assert of_api(route[1]) is (answer.status_code == 401), route


async def test_what_looks_like_a_session_or_a_token_is_none(api: FastAPI) -> None:
    for given in ("aic_" + "x" * 43, "aic_", "", "é", "Basic YTpi", "x" * 8000):
        async with visiting(api) as client:
            for route in http(routes(api)):
                if route not in OPEN and route[0] in READING:
                    headers = {b"Authorization": f"Bearer {given}".encode(), b"Cookie": f"aiconvai={given}".encode()}
                    answer = await ask(client, route, headers=headers)  # type: ignore[arg-type]
                    assert answer.status_code in (401, 403, 303), (route, given[:20])


@pytest.mark.parametrize("role", list(Role))
async def test_each_role_may_what_is_its_own(application: Application, api: FastAPI, role: Role) -> None:
    async with with_session(application, api, role) as (client, csrf):
        token = {"Authorization": f"Bearer {await application.tokens.issue('a program', role)}"}
        for route in http(routes(api)):
            if route in OPEN or route in BY_SETUP_TOKEN or route in ANY_USER:
                continue
            may = role.may(needed(route))
            if may and route in ENDLESS:
                continue
            answer = await ask(client, route, csrf)
            assert (answer.status_code not in (401, 403)) is may, (route, answer.status_code, answer.text)
            assert answer.status_code != 500, (route, answer.text)
            if of_api(route[1]) and not may:
                async with visiting(api) as program:
                    assert (await ask(program, route, headers=token)).status_code == 403, route
            elif not of_api(route[1]):
                # A token is for the API: the page has sessions.
                async with visiting(api) as program:
                    assert (await ask(program, route, headers=token)).status_code == 303, route


@pytest.mark.fault("security.page-other-site")
@pytest.mark.parametrize("guess", ["guess", "é"])
async def test_what_another_site_sends_changes_nothing(application: Application, api: FastAPI, guess: str) -> None:
    async with with_session(application, api, Role.ADMIN) as (client, _):
        for route in http(routes(api)):
            if route[0] in READING or route in OPEN or route in BY_SETUP_TOKEN:
                continue
            headers = {b"X-CSRF": guess.encode()} if of_api(route[1]) else {}
            answer = await ask(client, route, guess if guess.isascii() else "x", headers=headers)  # type: ignore[arg-type]
            assert answer.status_code == 403, (route, answer.status_code)
            assert ELSEWHERE in answer.text, route


async def test_a_form_of_another_site_logs_nobody_in(api: FastAPI) -> None:
    async with visiting(api) as client:
        for path in ("/login", "/setup"):
            for origin in ("https://evil.example", "null", "http://serve.evil.example", "http://evil.example:8070"):
                answer = await ask(client, ("POST", path), headers={"Origin": origin})
                assert (answer.status_code, ELSEWHERE in answer.text) == (403, True), (path, origin)


async def test_a_websocket_is_for_operators_of_the_same_site(application: Application, api: FastAPI) -> None:
    own, other = {"origin": "http://serve"}, {"origin": "https://evil.example"}
    paths = [path for method, path in routes(api) if method == WEBSOCKET]
    assert paths == ["/talk/call"]
    for path in paths:
        assert await open_websocket(api, path, own) == 401
        assert await open_websocket(api, path, {**own, "cookie": "aiconvai=guess"}) == 401
        for role in (Role.VIEWER, Role.ADMIN):
            async with with_session(application, api, role) as (client, _):
                cookie = {"cookie": f"aiconvai={client.cookies['aiconvai']}"}
                # An admin may, but not from elsewhere.
                assert await open_websocket(api, path, {**other, **cookie}) == 403
                assert await open_websocket(api, path, cookie) == 403
                if role is Role.VIEWER:
                    assert await open_websocket(api, path, {**own, **cookie}) == 403


async def open_websocket(api: FastAPI, path: str, headers: dict[str, str]) -> int:
    """The status with which it is refused; 101 where it is not."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    given = [(name.encode(), value.encode()) for name, value in {"host": "serve", **headers}.items()]
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "scheme": "ws", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": given, "subprotocols": [], "state": {},
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    await api(scope, receive, send)
    return int(sent[0]["status"]) if sent[0]["type"] == "websocket.http.response.start" else 101


# What every answer says ------------------------------------------------------------------------------------


async def test_every_answer_says_what_browsers_may_do_with_it(application: Application, api: FastAPI) -> None:
    @api.get("/fails")
    async def fails() -> None:
        raise RuntimeError("a fault")

    async with with_session(application, api, Role.ADMIN) as (client, csrf), visiting(api) as stranger:
        answers = {}
        for route in http(routes(api)):
            answers[("stranger", *route)] = await ask(stranger, route)
            if route not in ENDLESS and route not in ANY_USER:
                answers[("admin", *route)] = await ask(client, route, csrf)
        answers["not found"] = await client.get("/nowhere", headers={"Accept": "text/html"})
        answers["method"] = await client.put("/calls")
        answers["invalid"] = await client.get("/api/calls", params={"limit": "x"})
        answers["too long"] = await client.post("/login", content=b"x" * 1_100_000)
        answers["another host"] = await client.get("/calls/", headers={"Host": "evil.example"})
        answers["a fault"] = await client.get("/fails")
        assert answers["a fault"].status_code == 500
    for asked, answer in answers.items():
        policy = dict(part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'", asked
        assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'", asked
        assert "unsafe" not in str(policy), asked
        assert answer.headers["x-content-type-options"] == "nosniff", asked
        assert answer.headers["referrer-policy"] == "same-origin", asked
        assert answer.headers["cache-control"] == "no-store", asked
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", asked
        assert "access-control-allow-origin" not in answer.headers, asked
        assert "evil.example" not in answer.headers.get("location", ""), asked
        assert "a fault" not in answer.text, asked


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_cookie_is_for_this_page_alone(application: Application, api: FastAPI, scheme: str) -> None:
    await application.users.create("ann", PASSWORD, Role.VIEWER)
    transport = httpx.ASGITransport(api)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://serve") as client:
        answer = await client.post("/login", data={"name": "ann", "password": PASSWORD})
        attributes = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= attributes
    assert ("secure" in attributes) is (scheme == "https")
    assert not any(one.startswith("domain") for one in attributes)
    assert answer.headers["location"] == "/"


async def test_a_session_is_a_new_one_with_each_login(application: Application, api: FastAPI) -> None:
    """Who has put a cookie into a browser before somebody logs in has nothing of it."""
    await application.users.create("ann", PASSWORD, Role.VIEWER)
    async with visiting(api, cookies={"aiconvai": "chosen-by-mallory"}) as client:
        answer = await client.post("/login", data={"name": "ann", "password": PASSWORD})
        assert "chosen-by-mallory" not in answer.headers["set-cookie"]
    async with visiting(api, cookies={"aiconvai": "chosen-by-mallory"}) as client:
        assert (await client.get("/calls")).status_code == 303
