"""`aiconvai tools`: what agents may call besides the dialplan, declared and tried."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer

from aiconvai.config.writer import write_configuration
from aiconvai.serve.settings import SERVE_TOML, ServeSettings, usual_settings
from aiconvai.serve.tools.declarations import describe, file_text, tools_to_declare
from aiconvai.serve.tools.http_tools import HttpTools, a_client
from aiconvai.serve.tools.mcp_tools import McpTools, mcp_servers
from aiconvai.serve.tools.python_tools import PythonTools, python_tools
from aiconvai.serve.tools.tool import CallFacts, ToolError, ToolRequest, ToolRunner
from aiconvai.toml_settings import SettingsError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Tools that aiconvai serve runs for agents.")

CONNECT_SECONDS = 20.0
"""For a server of the Model Context Protocol to be there and to answer."""
_WRITTEN = "aiconvai-tools.conf"

_T = TypeVar("_T")
Config = Annotated[Path | None, typer.Option(help=f"serve.toml. Default: {SERVE_TOML}, if there is one.")]


@app.command()
def sync(
    aiconvai_conf: Annotated[Path, typer.Option("--aiconvai-conf", help="Whose agents.")] = Path(
        "/etc/asterisk/aiconvai.conf"
    ),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help=f"Default: {_WRITTEN} beside it; - is standard output.")
    ] = None,
    config: Config = None,
) -> None:
    """Write what the agents' mcp: and python: tools are for, and what they take, into a file that aiconvai.conf
    includes.
    """
    usual = aiconvai_conf.with_name(_WRITTEN)
    target = output or usual
    ours = usual if str(target) == "-" else target

    async def run(python: PythonTools, mcp: McpTools) -> list[str]:
        async with asyncio.timeout(CONNECT_SECONDS):
            return [await describe(tool, python, mcp) for tool in tools_to_declare(aiconvai_conf, ours)]

    sections = _with_tools(config, run)
    text = file_text(sections)
    if str(target) == "-":
        sys.stdout.write(text)
        return
    try:
        write_configuration(target, text, replace=True)
    except OSError as error:
        _fail(error)
    print(f"{target}: written with {len(sections)} tool{'' if len(sections) == 1 else 's'}")
    if target.name not in aiconvai_conf.read_text(encoding="utf-8", errors="replace"):
        print(f"add to the end of {aiconvai_conf}: #tryinclude {target.name}")
    print('then: asterisk -rx "aiconvai reload"')


@app.command("try")
def try_tool(
    place: Annotated[str, typer.Argument(help="https://URL, mcp:SERVER/TOOL or python:MODULE.FUNCTION.")],
    arguments: Annotated[str, typer.Argument(help="JSON.")] = "{}",
    name: Annotated[str, typer.Option(help="The tool's, whose [tool.NAME] of serve.toml counts.")] = "try",
    caller: Annotated[str, typer.Option(help="Whose number the call has.")] = "",
    seconds: Annotated[float, typer.Option(min=0.1, max=120)] = 10.0,
    config: Config = None,
) -> None:
    """Run a tool once, as if an agent had called it, and print what that would be told."""
    try:
        given = json.loads(arguments)
    except ValueError as error:
        raise typer.BadParameter(f"no JSON: {error}") from error
    if not isinstance(given, dict):
        raise typer.BadParameter("expected a JSON object")
    request = ToolRequest("try", name, place, given, CallFacts("try", "try", "try", caller_number=caller))

    async def run(python: PythonTools, mcp: McpTools) -> str:
        settings = _settings(config)
        async with a_client(settings.reach) as client, asyncio.timeout(seconds):
            http = HttpTools(client, settings.tool)
            runners: dict[str, ToolRunner] = {"http": http, "https": http, "mcp": mcp, "python": python}
            runner = runners.get(place.partition(":")[0])
            if runner is None:
                raise ToolError(f"{place}: expected https://URL, mcp:SERVER/TOOL or python:MODULE.FUNCTION")
            return await runner.run(request)

    print(_with_tools(config, run))


def _with_tools(config: Path | None, act: Callable[[PythonTools, McpTools], Awaitable[_T]]) -> _T:
    settings = _settings(config)

    async def run() -> _T:
        async with mcp_servers(settings.mcp, settings.reach) as servers:
            try:
                return await act(python_tools(settings.tools), McpTools(servers))
            except TimeoutError:
                problems = [one.problem for one in servers.values() if one.problem]
                raise ToolError("; ".join(["no answer in time", *problems])) from None

    try:
        return asyncio.run(run())
    except ToolError as error:
        _fail(error)


def _settings(config: Path | None) -> ServeSettings:
    try:
        return usual_settings(config)
    except SettingsError as error:
        _fail(error)


def _fail(error: Exception) -> NoReturn:
    print(f"aiconvai tools: {error}", file=sys.stderr)
    raise typer.Exit(1) from error
