"""The page on which somebody talks with an agent, and the WebSocket that carries the call."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.responses import PlainTextResponse

from aiconvai.gateway.gateway_source import GatewaySource
from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.web.show import show, visitor
from aiconvai.serve.web.visitor import is_from_elsewhere, visit_of


def talk_pages(application: Application, gateway: GatewaySource) -> APIRouter:
    """For operators: a call costs what the agent's service takes for it."""
    router = APIRouter(prefix="/talk", include_in_schema=False)

    @router.get("")
    async def talk(request: Request) -> Response:
        visit = await visitor(application, request, Role.OPERATOR)
        return show(request, "talk", visit, here="talk", agents=gateway.calls.agents.names())

    @router.websocket("/call")
    async def call(websocket: WebSocket) -> None:
        """Who may is known before anything is said: a page of another site's would have the user's cookie."""
        if "Origin" not in websocket.headers or is_from_elsewhere(websocket):
            await _refuse(websocket, 403, "this did not come from the page: load it again")
            return
        visit = await visit_of(application, websocket)
        if visit is None:
            await _refuse(websocket, 401, "nobody has logged in")
        elif not visit.role.may(Role.OPERATOR):
            await _refuse(websocket, 403, f"your role is {visit.role}, and {Role.OPERATOR} is needed")
        else:
            await websocket.accept()
            await gateway.browser.talk(websocket, visit.name)

    return router


async def _refuse(websocket: WebSocket, status: int, why: str) -> None:
    await websocket.send_denial_response(PlainTextResponse(why, status))
