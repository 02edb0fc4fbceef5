"""A real Chromium, and the page for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from serve_page import Serving

from aiconvai.serve.settings import ServeSettings

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def settings(tmp_path: Path) -> ServeSettings:
    """A test may have its own."""
    return ServeSettings(data=tmp_path)


@pytest.fixture
def serving(settings: ServeSettings) -> Iterator[Serving]:
    with Serving(settings) as one:
        yield one


@pytest.fixture(scope="module")
def browser_arguments() -> list[str]:
    """A module may have its own."""
    return []


@pytest.fixture(scope="module")
def browser(browser_arguments: list[str]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", *browser_arguments])
        yield one
        one.close()


@pytest.fixture
def new_page(browser: Browser, serving: Serving) -> Iterator[Callable[[], Page]]:
    contexts = []
    problems: list[str] = []

    def make() -> Page:
        context = browser.new_context(base_url=serving.address)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    # A form that is refused is no mistake of the page's, nor is a program that is gone.
    assert [one for one in problems if "status of 422" not in one and "INCOMPLETE_CHUNKED" not in one] == []
