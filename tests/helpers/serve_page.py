"""`aiconvai serve` with its page, for a browser."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Protocol

import uvicorn
from playwright.sync_api import Locator, Page, expect

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.told import Told
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

PASSWORD = "correct horse battery"
STORED_S = 10


class Serving:
    """The application on a port, in a thread with a loop of its own."""

    def __init__(self, settings: ServeSettings) -> None:
        self.setup = Setup()
        self._settings = settings
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._is_up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="serve")

    def __enter__(self) -> Serving:
        self._thread.start()
        assert self._is_up.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._listening.close()

    def publish(self, *events: Told) -> None:
        def publish() -> None:
            for event in events:
                self.application.hub.publish(event)

        self.loop.call_soon_threadsafe(publish)

    def user(self, name: str, role: Role) -> None:
        asyncio.run_coroutine_threadsafe(self.application.users.create(name, PASSWORD, role), self.loop).result(30)

    async def _run(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.application = Application(self._settings)
        api = make_api(self.application)
        add_page(api, self.application, self.setup)
        self._server = uvicorn.Server(uvicorn.Config(api, log_level="error", ws="none", timeout_graceful_shutdown=1))
        async with self.application.running():
            self._is_up.set()
            await self._server.serve([self._listening])


class HasUsers(Protocol):
    """A program with the page."""

    def user(self, name: str, role: Role) -> None: ...


def log_in(serving: HasUsers, page: Page, name: str = "ann", role: Role = Role.OPERATOR) -> None:
    serving.user(name, role)
    page.goto("/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Live")).to_be_visible()


def see_calls(page: Page, count: int) -> Locator:
    """The rows of the list of calls, once there are so many: the store writes some moments after an event."""
    rows = page.locator(".history tbody tr")
    end = time.monotonic() + STORED_S
    page.goto("/calls")
    while rows.count() != count:
        assert time.monotonic() < end, f"{rows.count()} calls are in the list, not {count}"
        page.reload()
    return rows
