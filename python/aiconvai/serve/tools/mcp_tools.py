"""Tools of servers of the Model Context Protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiconvai.serve.outgoing import Reach
from aiconvai.serve.settings import McpSettings
from aiconvai.serve.tasks import cancel_all
from aiconvai.serve.tools.tool import ToolError, ToolRequest

if TYPE_CHECKING:
    from aiconvai.serve.tools.mcp_server import McpServer

_PREFIX = "mcp:"


@asynccontextmanager
async def mcp_servers(
    settings: Mapping[str, McpSettings], reach: Reach | None = None
) -> AsyncIterator[dict[str, McpServer]]:
    """They are connected as soon as they are there, and until the end."""
    if not settings:
        yield {}
        return
    # Half a second, which nobody is to wait for who has no such server.
    from aiconvai.serve.tools.mcp_server import McpServer

    servers = {name: McpServer(name, one, reach) for name, one in settings.items()}
    tasks = [asyncio.create_task(one.run(), name=f"mcp {one.name}") for one in servers.values()]
    try:
        yield servers
    finally:
        await cancel_all(tasks)


class McpTools:
    """Of all agents."""

    def __init__(self, servers: Mapping[str, McpServer]) -> None:
        self._servers = servers

    async def run(self, request: ToolRequest) -> str:
        """The texts of the answer."""
        server, tool = self.find(request.place)
        return await server.call(tool, request.arguments)

    async def declaration(self, place: str) -> tuple[str, dict[str, Any]]:
        """What the tool is for, and the JSON Schema of its arguments. Raises `ToolError`."""
        server, name = self.find(place)
        tool = next((one for one in await server.tools() if one.name == name), None)
        if tool is None:
            raise ToolError(f"{place}: mcp.{server.name} has no tool {name}")
        return " ".join((tool.description or "").split()), dict(tool.input_schema)

    def find(self, place: str) -> tuple[McpServer, str]:
        """The server of that place, and the tool's name there. Raises `ToolError`."""
        name, slash, tool = place.removeprefix(_PREFIX).partition("/")
        if not slash or not tool:
            raise ToolError(f"{place}: expected mcp:SERVER/TOOL")
        if name not in self._servers:
            raise ToolError(f"{place}: serve.toml has no [mcp.{name}]")
        return self._servers[name], tool
