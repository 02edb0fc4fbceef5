"""The program: everything that runs, with its page and API, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from fastapi import FastAPI

from aiconvai.serve.application import Application
from aiconvai.serve.settings import ServeSettings
from aiconvai.serve.web.api import make_api, make_health
from aiconvai.serve.web.body_limit import LONGEST_BODY
from aiconvai.serve.web.listening import listen_at
from aiconvai.serve.web.page import Setup, add_page
from aiconvai.serve.web.slow_heads import PunctualHeads

STOP_SECONDS = 5
"""In which those who ask over HTTP may be answered when it ends."""

Addition = Callable[[Application, FastAPI], None]
"""Puts something more into both, before they begin."""


class _Server(uvicorn.Server):
    """Signals are this program's: what waits is kept before it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    settings: ServeSettings, *, demo_calls: int = 0, demo_speed: float = 1.0, add: Addition | None = None
) -> None:
    """Until SIGINT or SIGTERM. Raises `SettingsError`, `StoreError` and `OSError` where it cannot begin."""
    page = settings.page
    # Before anything else begins: another one may run already.
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(listen_at(page))
        healths = {name: stack.enter_context(listen_at(one)) for name, one in settings.health.items()}
        application, setup = Application(settings, demo_calls=demo_calls, demo_speed=demo_speed), Setup()
        api = make_api(application)
        if add is not None:
            add(application, api)
        add_page(api, application, setup)
        servers = {_server(api): listening}
        for name, one in settings.health.items():
            servers[_server(make_health(application, one.agent))] = healths[name]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, _stop, list(servers))
        async with application.running():
            address = f"http://{page.host}:{page.port}"
            print(address, flush=True)
            if not await application.users.count():
                print(f"The first user is made at {address}/setup?token={setup.token}", flush=True)
            for name, one in settings.health.items():
                print(f"Health ({name}) at http://{one.host}:{one.port}/health", flush=True)
            await asyncio.gather(*(server.serve([own]) for server, own in servers.items()))


def _server(api: FastAPI) -> _Server:
    return _Server(
        uvicorn.Config(
            api,
            log_level="warning",
            access_log=False,
            http=PunctualHeads,
            ws="websockets-sansio",
            ws_max_size=LONGEST_BODY,
            # They carry audio.
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def _stop(servers: Sequence[_Server]) -> None:
    for one in servers:
        one.should_exit = True
