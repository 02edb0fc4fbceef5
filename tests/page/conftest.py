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
def excused() -> list[str]:
    """What is in messages of the console that are no mistake of the page's; a test may have more."""
    # A form that is refused; what is under way when a program ends.
    return ["status of 422", "INCOMPLETE_CHUNKED"]


@pytest.fixture
def new_page(browser: Browser, serving: Serving, excused: list[str]) -> Iterator[Callable[[], Page]]:
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
    assert [one for one in problems if not any(words in one for words in excused)] == []
