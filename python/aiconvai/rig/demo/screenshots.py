"""Pictures of the page for the documentation: of the demo's own call, and of calls that nobody makes.

Needs Playwright and Chromium, as `tools/bootstrap` installs them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
PASSWORD = "only for pictures"
PATIENCE_MS = 120_000.0
_WIDE, _PHONE = {"width": 1280, "height": 760}, {"width": 390, "height": 760}
_LIVE_CALLS = 6
_LINES = 5


def take_screenshots(address: str, agent: str, folder: Path) -> list[Path]:
    """`address`: where the first user of `aiconvai serve --demo` is made; `agent`: whose call that is over is shown."""
    os.environ.setdefault("TZ", "UTC")
    taken: list[Path] = []

    def take(page: Page, name: str) -> None:
        page.wait_for_load_state("load")
        page.evaluate("scrollTo(0, 0)")
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        taken.append(path)

    with _browsing(address) as page:
        _show_live(page)
        take(page, "serve-live")
        page.emulate_media(color_scheme="dark")
        take(page, "serve-live-dark")
        page.emulate_media(color_scheme="light")
        page.set_viewport_size(_PHONE)  # type: ignore[arg-type]
        take(page, "serve-phone")
        page.set_viewport_size(_WIDE)  # type: ignore[arg-type]
        _show_call(page, agent)
        take(page, "serve-call")
        page.get_by_role("link", name="Agents").click()
        page.get_by_role("link", name=agent, exact=True).click()
        take(page, "serve-agent")
    return taken


@contextmanager
def _browsing(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport=_WIDE)  # type: ignore[arg-type]
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(address)
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Begin").click()
        yield page
        browser.close()


def _show_live(page: Page) -> None:
    """One whose agent has used a tool."""
    rows = page.locator("#calls tbody tr:not([data-ended])")
    expect(rows).to_have_count(_LIVE_CALLS)
    for button in rows.get_by_role("button").all():
        button.click()
        if page.locator("#lines li").count() >= _LINES:
            break
    expect(page.locator("#lines li.tool")).not_to_have_count(0)


def _show_call(page: Page, agent: str) -> None:
    page.get_by_role("link", name="Calls").click()
    page.get_by_label("Agent").fill(agent)
    page.get_by_role("button", name="Find").click()
    page.locator(".history a").first.click()
    expect(page.locator("[data-drawn]")).to_be_visible()
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    page.locator(".lines li.caller button").nth(1).click()
    expect(page.locator(".lines li[data-now]")).to_have_count(1)
