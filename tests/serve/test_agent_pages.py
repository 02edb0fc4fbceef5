"""Agents are seen and changed on the page: by whom may, as the module would take it, and with nothing lost."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from aiconvai.serve.access import Role
from aiconvai.serve.agent_trial import AgentTrial, Step
from aiconvai.serve.application import Application
from aiconvai.serve.manager import Headers, ManagerError
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

PASSWORD = "correct horse battery"
FILE = """\
[general]
idle_audio = silence

[sales]
provider = openai
api_key = sk-1234567890abcdefghij ; the firm's
; Kind.
prompt = Be <b>kind</b>.
transfer_to_desk = internal,100,1

[tool-look]
description = Looks.
"""
PLACE = "/agents/pbx/sales"


class Conf:
    """The file, as somebody beside the program has it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write(FILE)

    @property
    def text(self) -> str:
        return self.path.read_text()

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def remove(self) -> None:
        self.path.unlink()

    def backups(self) -> list[str]:
        return [one.read_text() for one in self.path.parent.glob(f"{self.path.name}.*.bak")]


@pytest.fixture
def conf(tmp_path: Path) -> Conf:
    return Conf(tmp_path / "aiconvai.conf")


@pytest.fixture
async def application(tmp_path: Path, conf: Conf) -> AsyncIterator[Application]:
    asterisk = {"pbx": {"user": "u", "secret": "s", "port": 1, "aiconvai_conf": conf.path}}
    (tmp_path / "data").mkdir()
    one = Application(ServeSettings.model_validate({"data": tmp_path / "data", "asterisk": asterisk}))
    async with one.running():
        yield one


@pytest.fixture
def loaded(application: Application, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What Asterisk was asked."""
    asked: list[dict[str, object]] = []

    async def act(asterisk: str, name: str, /, **headers: object) -> Headers:
        asked.append({"asterisk": asterisk, "action": name, **headers})
        return {}

    monkeypatch.setattr(application, "act", act)
    return asked


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    api = make_api(application)
    add_page(api, application, Setup())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://serve") as one:
        yield one


async def logged_in(application: Application, client: httpx.AsyncClient, role: Role) -> None:
    await application.users.create(f"a {role}", PASSWORD, role)
    assert (await client.post("/login", data={"name": f"a {role}", "password": PASSWORD})).status_code == 303


def hidden(page: str) -> dict[str, str]:
    """What a form brings by itself."""
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    fields |= dict(re.findall(r'<textarea name="([^"]+)" hidden>([^<]*)</textarea>', page))
    return {html.unescape(name): html.unescape(value) for name, value in fields.items()}


async def form(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.get(PLACE)
    assert answer.status_code == 200
    return {name: value for name, value in hidden(answer.text).items() if name in ("csrf", "seen")}


async def test_agents_are_listed_and_their_secrets_are_not(application: Application, client: httpx.AsyncClient) -> None:
    assert (await client.get(PLACE)).status_code == 303
    await logged_in(application, client, Role.OPERATOR)
    listed = (await client.get("/agents")).text
    assert f'<a href="{PLACE}">sales</a>' in listed
    assert "[tool-look]" in listed
    page = (await client.get(PLACE)).text
    assert "Be &lt;b&gt;kind&lt;/b&gt;." in page
    assert "sk-1234567890" not in page
    assert "<fieldset disabled>" in page
    assert "desk=internal,100,1" in page
    assert 'name="option.agent_id"' not in page, "of another service"
    assert (await client.get("/agents/pbx/nobody")).status_code == 404
    assert (await client.get("/agents/other/sales")).status_code == 404


@pytest.mark.parametrize(("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 403)])
async def test_who_may_not_change_them_does_not(
    application: Application, client: httpx.AsyncClient, conf: Conf, role: Role, status: int
) -> None:
    await logged_in(application, client, role)
    if role is Role.VIEWER:
        assert (await client.get("/agents")).status_code == status
    answer = await client.post(PLACE, data={"option.prompt": "x", "confirm": "yes"})
    assert (answer.status_code, conf.text) == (status, FILE)


async def test_a_change_is_shown_then_written_then_loaded(
    application: Application, client: httpx.AsyncClient, conf: Conf, loaded: list[dict[str, object]]
) -> None:
    await logged_in(application, client, Role.ADMIN)
    given = await form(client)
    given |= {"option.prompt": "Be brief; be kind.", "option.voice_id": "marin", "option.api_key": "sk-new-key-1234567"}
    given |= {"option.transfer_to": "desk=internal,100,1\r\nboss=internal,1,1\r\n", "option.idle_audio": ""}
    shown = await client.post(PLACE, data=given)
    assert shown.status_code == 200
    text = html.unescape(shown.text)
    assert "-prompt = Be <b>kind</b>.\n" in text
    assert "+prompt = Be brief\\; be kind.\n" in text
    assert "+api_key = ****4567" in text
    assert "sk-1234567890" not in text
    assert (conf.text, loaded) == (FILE, [])
    done = await client.post(PLACE, data={**hidden(shown.text), "confirm": "yes"})
    assert done.status_code == 200, done.text
    assert "It is loaded" in done.text
    assert conf.text == FILE.replace(
        "api_key = sk-1234567890abcdefghij ; the firm's", "api_key = sk-new-key-1234567"
    ).replace("Be <b>kind</b>.", "Be brief\\; be kind.").replace(
        "internal,100,1\n", "internal,100,1\ntransfer_to_boss = internal,1,1\nvoice_id = marin\n"
    )
    assert loaded == [{"asterisk": "pbx", "action": "Reload", "Module": "app_aiconvai.so"}]
    assert conf.backups() == [FILE]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"option.no_input_seconds": "-1"}, "no_input_seconds = -1: expected"),
        ({"option.echo_guard": "sometimes"}, "echo_guard = sometimes: expected"),
        ({"option.api_key": "", "forget.api_key": "on"}, "api_key"),
        ({"option.prompt": "a\nb"}, "expected a value of one line"),
        ({"option.transfer_to": "no equals sign"}, "transfer_to"),
    ],
)
async def test_what_the_module_would_not_take_is_refused(
    application: Application, client: httpx.AsyncClient, conf: Conf, loaded: list[object],
    changes: dict[str, str], expected: str,
) -> None:  # fmt: skip
    await logged_in(application, client, Role.ADMIN)
    for confirm in ({}, {"confirm": "yes"}):
        answer = await client.post(PLACE, data={**await form(client), **changes, **confirm})
        assert answer.status_code == 422
        assert expected in html.unescape(answer.text)
    assert (conf.text, loaded) == (FILE, [])


async def test_what_is_as_it_was_changes_nothing(application: Application, client: httpx.AsyncClient) -> None:
    await logged_in(application, client, Role.ADMIN)
    page = (await client.get(PLACE)).text
    given = {**await form(client), "option.prompt": "Be <b>kind</b>.", "option.api_key": "", "option.voice_id": ""}
    assert 'name="option.prompt"' in page
    assert "Nothing is different." in (await client.post(PLACE, data=given)).text


async def test_a_form_from_elsewhere_or_from_before_is_refused(
    application: Application, client: httpx.AsyncClient, conf: Conf, loaded: list[object]
) -> None:
    await logged_in(application, client, Role.ADMIN)
    given = {**await form(client), "option.prompt": "x", "confirm": "yes"}
    assert (await client.post(PLACE, data={**given, "csrf": "guess"})).status_code == 403
    conf.write(FILE + "; changed\n")
    answer = await client.post(PLACE, data=given)
    assert (answer.status_code, loaded) == (422, [])
    assert "somebody else has changed it meanwhile" in answer.text


async def test_an_asterisk_that_does_not_load_it_is_said(
    application: Application, client: httpx.AsyncClient, conf: Conf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(*_: object, **__: object) -> Headers:
        raise ManagerError("Permission denied")

    monkeypatch.setattr(application, "act", act)
    await logged_in(application, client, Role.ADMIN)
    answer = await client.post(PLACE, data={**await form(client), "option.prompt": "x", "confirm": "yes"})
    assert answer.status_code == 502
    assert "is not loaded: Permission denied" in answer.text
    assert "prompt = x\n" in conf.text


async def test_a_file_with_mistakes_is_shown_with_them(
    application: Application, client: httpx.AsyncClient, conf: Conf
) -> None:
    conf.write(FILE + "[broken]\nprovider = nobody\n")
    await logged_in(application, client, Role.ADMIN)
    listed = (await client.get("/agents")).text
    assert "provider = nobody: expected" in listed
    conf.remove()
    assert (await client.get("/agents")).status_code == 503


async def test_who_was_too_late_does_not_turn_others_changes_back(
    application: Application, client: httpx.AsyncClient, conf: Conf, loaded: list[object]
) -> None:
    await logged_in(application, client, Role.ADMIN)
    given = {**await form(client), "option.prompt": "Be mine."}
    conf.write(FILE.replace("Be <b>kind</b>.", "Be theirs."))
    answer = await client.post(PLACE, data=given)
    assert answer.status_code == 422
    page = html.unescape(answer.text)
    assert "somebody else has changed it meanwhile" in page
    assert "Be theirs." in page
    assert "Be mine." not in page


async def test_keys_in_remarks_are_not_shown(application: Application, client: httpx.AsyncClient, conf: Conf) -> None:
    conf.write(FILE.replace("; Kind.\n", ";old api_key = sk-9876543210fedcba\n"))
    await logged_in(application, client, Role.ADMIN)
    answer = await client.post(PLACE, data={**await form(client), "option.prompt": "x"})
    assert "+prompt = x" in answer.text
    assert "sk-9876543210" not in answer.text
    assert "sk-1234567890" not in answer.text


TRIED = AgentTrial(
    "sales", False, (Step("configuration", False, "openai"), Step("connection", True, "<b>DNS</b>: no", 12.5))
)


async def test_an_agent_is_tried(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    async def try_agent(asterisk: str, agent: str) -> AgentTrial:
        asked.append((asterisk, agent))
        if len(asked) > 1:
            raise ManagerError("pbx: not there")
        return TRIED

    monkeypatch.setattr(application, "try_agent", try_agent)
    await logged_in(application, client, Role.OPERATOR)
    csrf = (await form(client))["csrf"]
    assert f'action="{PLACE}/trial"' in (await client.get(PLACE)).text
    assert "/trial" not in (await client.get("/agents/pbx/general")).text
    page = await client.post(f"{PLACE}/trial", data={"csrf": csrf})
    assert page.status_code == 200
    assert "It cannot be talked with" in page.text
    assert "&lt;b&gt;DNS&lt;/b&gt;: no" in page.text
    assert "12.5 ms" in page.text
    failed = await client.post(f"{PLACE}/trial", data={"csrf": csrf})
    assert (failed.status_code, "pbx: not there" in failed.text) == (502, True)
    assert asked == [("pbx", "sales")] * 2
    assert (await client.post("/agents/pbx/tool-look/trial", data={"csrf": csrf})).status_code == 404
    assert (await client.post(f"{PLACE}/trial", data={"csrf": "wrong"})).status_code == 403
