"""Calls that are over, agents and numbers, in Chromium; and what axe says of every page."""

from __future__ import annotations

import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from serve_events import said, told
from serve_page import Serving, log_in, see_calls

from aiconvai.serve.access import Role
from aiconvai.serve.settings import ServeSettings

RECORD = "1764434123.42"
RATE, SECONDS = 8000, 12
FILE = """\
[general]

[sales]
provider = openai
api_key = sk-1234567890abcdefghij
prompt = Be kind.
"""


def write_side(path: Path, hz: float) -> None:
    samples = (8000 * np.sin(2 * np.pi * hz * np.arange(RATE * SECONDS) / RATE)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    (tmp_path / "data").mkdir()
    (tmp_path / "aiconvai.conf").write_text(FILE)
    for side, hz in (("caller", 300.0), ("agent", 500.0)):
        write_side(tmp_path / f"{RECORD}-{side}.wav", hz)
    pbx = {"user": "u", "secret": "s", "port": 1, "recordings": tmp_path, "aiconvai_conf": tmp_path / "aiconvai.conf"}
    given = {"data": tmp_path / "data", "asterisk": {"pbx": pbx}, "phones": {"desk": "PJSIP/200"}}
    given["outbound"] = {"dial": "PJSIP/{number}@trunk", "hours": ["mon-sun 00:00-24:00"], "time_zone": "UTC"}
    return ServeSettings.model_validate(given)


def a_call(serving: Serving, record: str = RECORD) -> None:
    """Of twelve seconds, that is over."""
    began = time.time() - 60
    headers = {"CallerIDNum": "+420123", "Uniqueid": "9.1", "Channel": "PJSIP/x-1", "LineFormat": "ulaw_8000"}
    recorded = {"Recording": f"/var/spool/asterisk/monitor/{record}", "RecordedMs": "500"}
    final = {"Final": "yes"}
    figures = {"Status": "COMPLETED", "DurationMs": "11000", "AnswerMs": "640", "SlowestAnswerMs": "900"}
    serving.publish(
        told("Start", record, began, **headers, **recorded),
        told("Transcript", record, began + 2, Role="agent", Text="Hello", Turn="1", SpokenMs="1000", **final),
        told("Transcript", record, began + 5, Role="caller", Text="Where is it?", Turn="2", SpokenMs="4000", **final),
        told("Interruption", record, began + 6, HeardMs="700"),
        told("End", record, began + 11, **figures),
    )


def open_call(serving: Serving, page: Page, role: Role = Role.OPERATOR) -> None:
    log_in(serving, page, role=role)
    a_call(serving)
    see_calls(page, 1).get_by_role("link").first.click()


def test_a_recording_is_heard_where_something_was_said(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    open_call(serving, page)
    expect(page.locator("[data-drawn]")).to_be_visible()
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(SECONDS, abs=0.1)
    page.locator("li.caller button").click()
    page.wait_for_function("Math.abs(document.querySelector('audio').currentTime - 4.5) < 0.05")
    expect(page.locator("li.caller[data-now]")).to_have_count(1)
    canvas = page.locator(".timeline canvas")
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] * 0.125, "y": 20})
    page.wait_for_function("Math.abs(document.querySelector('audio').currentTime - 1.5) < 0.1")
    expect(page.locator("li.agent[data-now]")).to_have_count(1)
    drawn = page.evaluate(
        """() => {
            const canvas = document.querySelector(".timeline canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return data.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
    )
    assert drawn > 10_000, "both waveforms"


def test_an_agent_is_changed(serving: Serving, new_page: Callable[[], Page], tmp_path: Path) -> None:
    page = new_page()
    log_in(serving, page, role=Role.ADMIN)
    asked: list[tuple[str, str]] = []

    async def act(asterisk: str, name: str, /, **_: object) -> dict[str, str]:
        asked.append((asterisk, name))
        return {}

    serving.application.act = act  # type: ignore[method-assign, assignment]
    page.get_by_role("link", name="Agents").click()
    page.get_by_role("link", name="sales").click()
    page.get_by_label("prompt", exact=True).fill("Be brief.")
    page.get_by_text("All it may say").click()
    page.get_by_label("no_input_seconds").fill("many")
    page.get_by_role("button", name="See what changes").click()
    expect(page.get_by_role("alert")).to_contain_text("no_input_seconds = many: expected 0 to 3600 seconds")
    expect(page.get_by_label("prompt", exact=True)).to_have_value("Be brief.")
    page.get_by_label("no_input_seconds").fill("20")
    page.get_by_role("button", name="See what changes").click()
    expect(page.locator(".difference .came")).to_have_text(["+prompt = Be brief.", "+no_input_seconds = 20"])
    expect(page.locator(".difference .went")).to_have_text(["-prompt = Be kind."])
    page.get_by_role("button", name="Write it").click()
    expect(page.get_by_text("It is loaded")).to_be_visible()
    assert asked == [("pbx", "Reload")]
    text = (tmp_path / "aiconvai.conf").read_text()
    assert text == FILE.replace("Be kind.", "Be brief.") + "no_input_seconds = 20\n"


def test_numbers_are_drawn(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    open_call(serving, page)
    page.get_by_role("link", name="Numbers").click()
    expect(page.locator("tr[data-day]")).to_have_count(1)
    expect(page.locator("figure:visible canvas")).to_have_count(3)
    expect(page.locator("figure[data-chart=cost]")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_one_that_everybody_can_read(serving: Serving, new_page: Callable[[], Page], scheme: str) -> None:
    page = new_page()
    page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    axe = Axe()
    problems: dict[str, list[str]] = {}

    def look(name: str) -> None:
        found = axe.run(page).response["violations"]
        wrong = [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]
        if wrong:
            problems[name] = wrong

    page.goto("/login")
    look("login")
    page.goto(f"/setup?token={serving.setup.token}")
    look("setup")
    open_call(serving, page, Role.ADMIN)
    expect(page.locator("[data-drawn]")).to_be_visible()
    look("call")
    for path in ("/calls", "/numbers", "/agents", "/agents/pbx/sales", "/outbound", "/state"):
        page.goto(path)
        look(path)
    page.goto("/")
    serving.publish(told("Start", "7.7", LineFormat="ulaw_8000", CallerIDNum="+421"), said("Hello", "7.7"))
    page.get_by_role("button", name="+421").click()
    expect(page.get_by_role("list", name="What was said")).to_contain_text("Hello")
    look("live")
    assert problems == {}


def test_people_are_called_and_lists_are_steered(serving: Serving, new_page: Callable[[], Page]) -> None:
    page = new_page()
    log_in(serving, page)
    page.get_by_role("link", name="Outbound").click()
    form = page.locator("form[action='/outbound/list']")
    form.get_by_label("Name").fill("spring")
    form.get_by_label("Agent", exact=True).fill("sales")
    people = b"number,name\n+4201,Ada\n+4202,Bob\n"
    form.get_by_label("CSV").set_input_files([{"name": "p.csv", "mimeType": "text/csv", "buffer": people}])
    form.get_by_role("button", name="Make a list").click()
    row = page.get_by_role("row", name="spring")
    expect(row).to_contain_text("0 of 2")
    page.get_by_role("button", name="Start spring").click()
    expect(row).to_contain_text("running")
    one = page.locator("form[action='/outbound/call']")
    one.get_by_label("Number").fill("+420 777")
    one.get_by_label("Agent", exact=True).fill("sales")
    one.get_by_label("What the agent is told").fill("name=Eve")
    one.get_by_role("button", name="Call").click()
    page.get_by_role("button", name="Cancel the call to +420777").click()
    expect(page.get_by_role("row", name="+420777")).to_contain_text("cancelled")
    assert Axe().run(page).response["violations"] == []
    page.get_by_role("link", name="spring").click()
    expect(page.get_by_role("row", name="+4202")).to_contain_text("waiting")
    assert Axe().run(page).response["violations"] == []
