"""What `aiconvai serve` answers over HTTP, without an Asterisk: with one, tests/integration/test_serve.py."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from serve_events import a_start, an_end, said, told, until

from aiconvai.serve.access import Role, TokenError, Tokens
from aiconvai.serve.application import Application
from aiconvai.serve.metrics import LABEL_VALUES, OTHER
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.store.store import Wanted
from aiconvai.serve.web.api import make_api

PORT_OF_NOBODY = 1


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    asterisk = {"pbx": {"user": "u", "secret": "s", "port": PORT_OF_NOBODY}}
    one = Application(ServeSettings.model_validate({"data": tmp_path, "asterisk": asterisk}))
    async with one.running():
        yield one


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_api(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://serve") as one:
        yield one


async def as_role(application: Application, role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {await application.tokens.issue(f'a {role}', role)}"}


async def kept(application: Application, calls: int) -> None:
    """Until so many are in the store, all of them over."""
    async with asyncio.timeout(10):
        while True:
            found = await application.store.calls(Wanted())
            if sum(call.ended is not None for call in found) == calls:
                return
            await asyncio.sleep(0.01)


def a_call(application: Application, record: str, text: str) -> None:
    for one in (a_start(record), said(text, record), told("Answer", record, LatencyMs="640"), an_end(record)):
        application.hub.publish(one)


async def test_how_it_goes_is_told_to_anybody(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: application.sources[0].connection.problem != "not tried yet")
    health = (await client.get("/health")).json()
    assert health["status"] == "degraded"
    assert health["asterisks"] == {"pbx": {"connected": False}}
    assert health["problems"] == ["pbx"], "what it is stands on the page"
    assert (await client.get("/ready")).status_code == 503
    assert (await client.get("/live")).text == "ok"
    # It is tried again meanwhile, and nobody is there still.
    monkeypatch.setattr(application.sources[0], "_note", lambda _: None)
    application.sources[0].connection.is_there = True
    assert (await client.get("/health")).json()["status"] == "healthy"
    assert (await client.get("/ready")).json() == {"ready": True}


async def test_calls_are_for_those_with_a_token(client: httpx.AsyncClient, application: Application) -> None:
    a_call(application, "1.1", "Where is my parcel?")
    a_call(application, "1.2", "100 % sure")
    await kept(application, 2)
    assert (await client.get("/api/calls")).status_code == 401
    assert (await client.get("/api/calls", headers={"Authorization": "Bearer aic_guess"})).status_code == 401
    viewer = await as_role(application, Role.VIEWER)
    calls = (await client.get("/api/calls", headers=viewer)).json()
    assert [call["record"] for call in calls] == ["1.2", "1.1"]
    (found,) = (await client.get("/api/calls", params={"text": "100 %"}, headers=viewer)).json()
    whole = (await client.get(f"/api/calls/{found['id']}", headers=viewer)).json()
    assert [turn["text"] for turn in whole["turns"]] == ["100 % sure"]
    assert [moment["kind"] for moment in whole["moments"]] == ["Answer"]
    assert (await client.get("/api/calls/99", headers=viewer)).status_code == 404
    assert (await client.get("/api/calls", params={"limit": 100_000}, headers=viewer)).status_code == 422


async def test_each_role_may_what_it_may(client: httpx.AsyncClient, application: Application) -> None:
    application.hub.publish(a_start())
    a_call(application, "1.2", "Forget me")
    await kept(application, 1)
    viewer, operator, admin = [await as_role(application, role) for role in Role]
    assert len((await client.get("/api/live", headers=viewer)).json()) == 2
    told_it = {"headers": viewer, "json": {"text": "x"}}
    refused = await client.post("/api/live/pbx/1.1/context", **told_it)
    assert (refused.status_code, refused.json()["detail"]) == (403, "your role is viewer, and operator is needed")
    told_it["headers"] = operator
    refused = await client.post("/api/live/pbx/1.1/context", **told_it)
    assert refused.status_code == 502
    assert "pbx: " in refused.json()["detail"]
    assert (await client.post("/api/live/pbx/1.2/context", **told_it)).status_code == 404
    assert (await client.delete("/api/callers/+420123", headers=operator)).status_code == 403
    assert (await client.delete("/api/callers/+420123", headers=admin)).json() == {"forgotten": 2}


async def test_who_listens_is_rung_on_a_phone_that_is_known(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    async def act(asterisk: str, name: str, /, **headers: object) -> dict[str, str]:
        asked.append((name, headers))
        return {"Message": "Originate successfully queued"}

    monkeypatch.setattr(application, "act", act)
    application.settings.phones["bob"] = "PJSIP/200"
    application.hub.publish(a_start(CallerIDNum='+42" <x>'))
    operator = await as_role(application, Role.OPERATOR)
    place = "/api/live/pbx/1.1/listen"
    answer = await client.post(place, headers=operator, json={"phone": "bob", "how": "whisper"})
    assert answer.json() == {"message": "Originate successfully queued"}
    ((name, headers),) = asked
    assert (name, headers["Channel"], headers["Application"]) == ("Originate", "PJSIP/200", "ChanSpy")
    assert headers["Data"] == "PJSIP/x-1,qESw"
    assert str(headers["CallerID"]).count('"') == 2
    application.hub.publish(told("Answer", "8.8", LatencyMs="1"))
    unknown = await client.post("/api/live/pbx/8.8/listen", headers=operator, json={"phone": "bob"})
    assert (unknown.status_code, len(asked)) == (409, 1), "without a channel it would be anybody's"
    for wrong in ({"phone": "eve"}, {"phone": "bob", "how": "loudly"}, {"phone": "PJSIP/200"}):
        assert (await client.post(place, headers=operator, json=wrong)).status_code == 422
    viewer = await as_role(application, Role.VIEWER)
    assert (await client.post(place, headers=viewer, json={"phone": "bob"})).status_code == 403


async def test_tokens_are_taken_back(application: Application, client: httpx.AsyncClient) -> None:
    tokens = Tokens(application.store)
    token = await tokens.issue("grafana", Role.VIEWER)
    with pytest.raises(TokenError, match="a token named 'grafana' exists"):
        await tokens.issue("grafana", Role.ADMIN)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await client.get("/api/calls", headers=headers)).status_code == 200
    await tokens.revoke("grafana")
    assert (await client.get("/api/calls", headers=headers)).status_code == 401
    with pytest.raises(TokenError, match="no token is named 'grafana'"):
        await tokens.revoke("grafana")
    assert token.encode() not in (application.settings.data / "calls.db").read_bytes()


async def test_what_prometheus_is_told(client: httpx.AsyncClient, application: Application) -> None:
    a_call(application, "1.1", "Hello")
    application.hub.publish(a_start("1.2"))
    asked = told("ToolCall", "1.2", 50.0, ToolCallID="c", ToolName="look")
    for one in (asked, told("ToolDone", "1.2", 50.4, ToolCallID="c", ToolName="look", Result="", Error="no")):
        application.hub.publish(one)
    text = (await client.get("/metrics")).text
    assert 'aiconvai_calls_total{agent="sales",status="COMPLETED"} 1.0' in text
    assert 'aiconvai_live_calls{asterisk="pbx"} 1.0' in text
    assert 'aiconvai_answer_latency_seconds_bucket{agent="sales",le="0.8"} 1.0' in text
    assert 'aiconvai_tool_seconds_bucket{le="0.5",outcome="done",tool="look"} 1.0' in text
    assert 'aiconvai_sink_waiting{sink="database"}' in text


async def test_a_service_that_invents_names_makes_no_metric_for_each(application: Application) -> None:
    for number in range(LABEL_VALUES * 2):
        call = {"ToolCallID": str(number), "ToolName": f"tool{number}"}
        application.hub.publish(told("ToolCall", **call))
        application.hub.publish(told("ToolDone", Result="", Error="no", **call))
    text = application.metrics.text().decode()
    assert text.count("aiconvai_tool_seconds_count{") == LABEL_VALUES + 1
    assert f'tool="{OTHER}"' in text


async def test_the_dashboard_asks_for_what_there_is(application: Application) -> None:
    dashboard = json.loads((Path(__file__).parents[2] / "configs" / "grafana-dashboard.json").read_text())
    asked = {name for panel in dashboard["panels"] for target in panel["targets"]
             for name in re.findall(r"aiconvai_\w+", target["expr"])}  # fmt: skip
    a_call(application, "1.1", "Hello")
    application.hub.publish(told("Interruption", HeardMs="1"))
    call = {"ToolCallID": "c", "ToolName": "look"}
    application.hub.publish(told("ToolCall", **call))
    application.hub.publish(told("ToolDone", Result="", Error="no", **call))
    there = set(re.findall(r"^(aiconvai_\w+)[{ ]", application.metrics.text().decode(), re.MULTILINE))
    assert len(asked) > 6
    assert asked - there == set()
