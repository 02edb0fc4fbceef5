"""All that `aiconvai serve` and `aiconvai gateway` answer to, as their routers have it: pages, API and WebSockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute

from aiconvai.gateway.api import gateway_api
from aiconvai.gateway.talk_pages import talk_pages
from aiconvai.serve.application import Application
from aiconvai.serve.web.api import make_api
from aiconvai.serve.web.page import Setup, add_page

WEBSOCKET = "WEBSOCKET"


def everything(application: Application, setup: Setup) -> FastAPI:
    """As the gateway has it, which is serve's and more. No call can be made: who may not is refused before."""
    nobody: Any = SimpleNamespace(calls=SimpleNamespace(agents=SimpleNamespace(names=list)))
    api = make_api(application)
    api.include_router(gateway_api(application, nobody), prefix="/api")
    api.include_router(talk_pages(application, nobody))
    add_page(api, application, setup)
    return api


def routes(api: FastAPI) -> list[tuple[str, str]]:
    """Methods and paths; a WebSocket's method is `WEBSOCKET`, that of a folder of files GET."""
    return sorted(set(_of(api.routes, "")))


def _of(found: Sequence[BaseRoute], prefix: str) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, Mount):
            yield "GET", f"{prefix}{route.path}/page.css"
        elif isinstance(route, WebSocketRoute):
            yield WEBSOCKET, prefix + route.path
        elif isinstance(route, Route) or hasattr(route, "methods"):
            yield from ((method, prefix + getattr(route, "path", "")) for method in route.methods or ())
        else:
            # A router that is included is a route of its own, which knows its own by their whole paths.
            included: Any = route
            yield from _of(included.original_router.routes, prefix + included.include_context.prefix)
