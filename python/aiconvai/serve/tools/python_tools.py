"""A tool that is a function: its parameters' types are checked, and are its schema; its docstring says what it is for.

A function that waits (`async def`) is awaited; any other runs in a thread of its own, which nobody can stop: one that
is late keeps its thread, and there are so many and no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import importlib
import inspect
import json
import sys
import threading
from collections.abc import Callable, Collection
from typing import Any, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ArgsKwargs, PydanticSerializationError, to_jsonable_python

from aiconvai.serve.settings import ToolsSettings
from aiconvai.serve.tools.tool import ToolError, ToolRequest, in_call

AT_ONCE = 32
"""Functions that do not wait by themselves."""
_PREFIX = "python:"


def python_tools(settings: ToolsSettings) -> PythonTools:
    """Its folder is looked in first from now on."""
    if settings.python_path is not None and str(settings.python_path) not in sys.path:
        sys.path.insert(0, str(settings.python_path))
    return PythonTools(settings.python)


class PythonTools:
    """Of all agents. One event loop's."""

    def __init__(self, modules: Collection[str]) -> None:
        """`modules`: no other is imported."""
        self._modules = modules
        self._functions: dict[str, tuple[Callable[..., Any], TypeAdapter[Any]]] = {}
        self._running = 0
        """Threads, those that nobody waits for any more among them."""

    async def run(self, request: ToolRequest) -> str:
        """A text as it is; anything else as JSON."""
        function, adapter = self._find(request.place)
        try:
            if inspect.iscoroutinefunction(function):
                result = await self._await(adapter, request)
            else:
                result = await self._run_in_thread(adapter, request)
        except ValidationError as error:
            raise ToolError(said(error)) from error
        except ToolError:
            raise
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # Whatever somebody's function has for it: sys.exit() ends no program of ours.
            raise ToolError(f"The tool failed: {type(error).__name__}: {error}") from error
        if isinstance(result, str):
            return result
        try:
            # With blanks between members, where it may be broken into lines.
            return json.dumps(to_jsonable_python(result), ensure_ascii=False)
        except PydanticSerializationError as error:
            raise ToolError(f"The tool's answer cannot be told: {error}") from error

    def declaration(self, place: str) -> tuple[str, dict[str, Any]]:
        """What the tool is for, and the JSON Schema of its arguments. Raises `ToolError`."""
        function, adapter = self._find(place)
        schema = adapter.json_schema()
        if schema.get("type") != "object":
            raise ToolError(f"{place}: expected parameters that have names")
        return " ".join((inspect.getdoc(function) or "").split()), schema

    def _find(self, place: str) -> tuple[Callable[..., Any], TypeAdapter[Any]]:
        if place not in self._functions:
            self._functions[place] = self._load(place)
        return self._functions[place]

    def _load(self, place: str) -> tuple[Callable[..., Any], TypeAdapter[Any]]:
        module, _, name = place.removeprefix(_PREFIX).rpartition(".")
        if module not in self._modules:
            raise ToolError(f"{place}: {module or name} is not among the modules of [tools] python in serve.toml")
        try:
            function = getattr(importlib.import_module(module), name, None)
        except BaseException as error:  # What a module does when it is imported is its own.
            raise ToolError(f"{place}: cannot be imported: {type(error).__name__}: {error}") from error
        if not inspect.isfunction(function):
            raise ToolError(f"{place}: {module} has no function {name}")
        try:
            # It takes functions, too: what is validated are their arguments.
            return function, TypeAdapter(cast(Any, function))
        except PydanticUserError as error:
            raise ToolError(f"{place}: its parameters have no types that are understood: {error}") from error

    async def _await(self, adapter: TypeAdapter[Any], request: ToolRequest) -> Any:
        with in_call(request.call):
            return await adapter.validate_python(ArgsKwargs((), request.arguments))

    async def _run_in_thread(self, adapter: TypeAdapter[Any], request: ToolRequest) -> Any:
        if self._running >= AT_ONCE:
            raise ToolError("Too many tools run at once. Try again later.")
        with in_call(request.call):
            context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()

        def finish(give: Callable[[Any], None], outcome: Any) -> None:
            self._running -= 1
            if not answer.done():
                give(outcome)

        def work() -> None:
            try:
                done = answer.set_result, context.run(adapter.validate_python, ArgsKwargs((), request.arguments))
            except Exception as error:
                done = answer.set_exception, error
            except BaseException as error:
                # A future that is given one of these ends the program.
                done = answer.set_exception, ToolError(f"The tool failed: {type(error).__name__}: {error}")
            # This program may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(finish, *done)

        self._running += 1
        # A daemon: one that never ends does not keep this program from its end.
        threading.Thread(target=work, name=f"tool {request.name}", daemon=True).start()
        return await answer


def said(error: ValidationError) -> str:
    """For the agent, which may call again."""
    problems = [f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors()[:5]]
    return f"The arguments are wrong: {json.dumps(problems, ensure_ascii=False)}"
