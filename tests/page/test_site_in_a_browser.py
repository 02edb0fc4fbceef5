"""The site in a real Chromium, opened as files: nothing is asked of any other machine, and its search finds things."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from built_site import build_site
from pictures import picture
from playwright.sync_api import Browser, Page

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(params=[(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """That has no network, and no mistakes."""
    size, scheme = request.param
    context = browser.new_context(viewport=size, color_scheme=scheme)
    one = context.new_page()
    wrong: list[str] = []
    one.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else wrong.append(asked.url))
    one.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    one.on("pageerror", lambda error: wrong.append(str(error)))
    context.set_offline(True)
    yield one
    context.close()
    assert wrong == []


@pytest.mark.parametrize("page", [(DESK, "light")], indirect=True, ids=["desk"])
def test_a_word_is_found_without_a_network(site: Path, page: Page) -> None:
    page.goto((site / "index.html").as_uri())
    search = page.locator("input[data-md-component=search-query]")
    search.click()
    search.press_sequentially("comfort noise")
    link = page.locator(".md-search-result__link", has_text="While nobody speaks").first
    link.wait_for()
    assert "telephones.html" in (link.get_attribute("href") or "")


@pytest.mark.parametrize("name", ["index", "troubleshooting", "reference/events", "start/which-door"])
def test_a_page_fits_its_window(site: Path, page: Page, name: str) -> None:
    page.goto((site / f"{name}.html").as_uri())
    assert page.viewport_size is not None
    width = page.viewport_size["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    picture(page, f"site-{name.rpartition('/')[2]}-{width}")
