"""What `aiconvai serve --check` says: whether everything that serve.toml names can be used."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from urllib.parse import urlsplit

from aiconvai.config.verdict import judge_file
from aiconvai.serve.events import PREFIX
from aiconvai.serve.manager import Manager, ManagerError
from aiconvai.serve.outbound.numbers import DoNotCallFile
from aiconvai.serve.settings import (
    AsteriskSettings,
    McpSettings,
    MemorySettings,
    OutboundSettings,
    ServeSettings,
    ToolsSettings,
)
from aiconvai.serve.store.store import Store, StoreError
from aiconvai.toml_settings import SettingsError

_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A sentence about one thing."""

    is_well: bool
    what: str


async def check(settings: ServeSettings, *, needs_module: bool = True) -> AsyncIterator[Finding]:
    """Everything, one after the other; nothing is changed but that the database gets its tables."""
    yield _folder(settings.data)
    yield await _database(settings)
    for name, one in settings.asterisk.items():
        yield await _asterisk(name, one, needs_module)
        if one.journal is not None:
            yield _journal(name, one.journal)
        if one.recordings is not None:
            yield _recordings(name, one.recordings)
        if one.aiconvai_conf is not None:
            yield _aiconvai_conf(name, one.aiconvai_conf)
    for module in settings.tools.python:
        yield _module(module, settings.tools)
    for name, server in settings.mcp.items():
        yield _mcp(name, server)
    if settings.outbound is not None:
        yield await _outbound(settings, settings.outbound)
    if settings.summary is not None:
        yield _reached("summary", settings.summary.url, settings.summary.secret_text)
    if settings.telemetry is not None:
        yield _reached("telemetry", settings.telemetry.url, settings.telemetry.read_headers)
    if settings.memory is not None:
        yield await _memory(settings.memory)
    for name, webhook in settings.webhook.items():
        # Nothing is sent: who gets an event believes it.
        yield _reached(f"webhook.{name}", webhook.url, webhook.read_secret)
    yield _address(settings)


def _folder(path: Path) -> Finding:
    if os.access(path, os.W_OK | os.X_OK):
        return Finding(True, f"data: {path} can be written to")
    return Finding(False, f"data: {path} cannot be written to by user {os.geteuid()}: chown it, or name another folder")


async def _database(settings: ServeSettings) -> Finding:
    try:
        store = Store(settings.database_url)
        await store.open()
    except StoreError as error:
        return Finding(False, f"database: {error}")
    await store.close()
    return Finding(True, f"database: {store.shown_url}")


async def _asterisk(name: str, settings: AsteriskSettings, needs_module: bool) -> Finding:
    key = f"asterisk.{name}"
    try:
        async with await Manager.connect(settings.manager()) as manager:
            await manager.action(f"{PREFIX}List")
    except (ManagerError, SettingsError) as error:
        hint, is_without = "", "Invalid/unknown command" in str(error)
        if is_without and not needs_module:
            return Finding(True, f"{key}: {settings.user}@{settings.host}:{settings.port} tells what the dialplan says")
        if "Permission denied" in str(error):
            hint = f": {settings.user} needs read = call and write = call in its manager.conf"
        elif is_without:
            hint = ": app_aiconvai is not loaded there"
        return Finding(False, f"{key}: {error}{hint}")
    return Finding(True, f"{key}: {settings.user}@{settings.host}:{settings.port} follows calls")


def _journal(name: str, path: Path) -> Finding:
    key = f"asterisk.{name}.journal"
    if os.access(path, os.R_OK):
        return Finding(True, f"{key}: {path} can be read")
    if not path.exists() and os.access(path.parent, os.R_OK | os.X_OK):
        return Finding(True, f"{key}: {path} is not there yet: no call has ended")
    return Finding(False, f"{key}: {path} cannot be read by user {os.geteuid()}: add it to Asterisk's group")


async def _outbound(settings: ServeSettings, outbound: OutboundSettings) -> Finding:
    """Nobody is called."""
    try:
        kind, name = settings.outbound_through()
        if outbound.do_not_call is not None:
            DoNotCallFile(outbound.do_not_call).has("0")
        if kind == "ari":
            return Finding(True, f"outbound: calls go out by [gateway.ari.{name}]: {outbound.dial}")
        async with await Manager.connect(settings.asterisk[name].manager()) as manager:
            commands = await manager.action("ListCommands")
    except (ManagerError, SettingsError, OSError, ValueError) as error:
        return Finding(False, f"outbound: {error}")
    user = settings.asterisk[name].user
    if "Originate" not in commands:
        return Finding(False, f"outbound: {user} may not call: it needs write = call,originate in its manager.conf")
    return Finding(True, f"outbound: calls go out by {user} of [asterisk.{name}]: {outbound.dial}")


async def _memory(settings: MemorySettings) -> Finding:
    # Only where there is such a memory, for who does not use it is not to wait for the library.
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    shown = settings.url.rpartition("@")[2].removeprefix("redis://")
    try:
        async with Redis.from_url(settings.url, socket_timeout=_CONNECT_SECONDS) as redis:
            await redis.ping()
    except (RedisError, OSError) as error:
        return Finding(False, f"memory: {shown}: {error}")
    return Finding(True, f"memory: {shown} answers")


def _recordings(name: str, path: Path) -> Finding:
    key = f"asterisk.{name}.recordings"
    if os.access(path, os.R_OK | os.X_OK):
        return Finding(True, f"{key}: {path} can be read")
    if not path.exists() and os.access(path.parent, os.R_OK | os.X_OK):
        return Finding(True, f"{key}: {path} is not there yet: no call was recorded")
    return Finding(False, f"{key}: {path} cannot be read by user {os.geteuid()}: add it to Asterisk's group")


def _aiconvai_conf(name: str, path: Path) -> Finding:
    key = f"asterisk.{name}.aiconvai_conf"
    if problems := judge_file(path)[1].problems:
        return Finding(False, f"{key}: {problems[0]}")
    writable = os.access(path, os.W_OK) and os.access(path.resolve().parent, os.W_OK | os.X_OK)
    may_change = "" if writable else "; agents cannot be changed, as it, or its folder, cannot be written to"
    return Finding(True, f"{key}: {path} is valid{may_change}")


def _module(name: str, settings: ToolsSettings) -> Finding:
    """It is not run: what a module does when it is imported is its own."""
    found = PathFinder.find_spec(name.partition(".")[0], [str(settings.python_path)] if settings.python_path else None)
    if found is None and settings.python_path is not None:
        found = PathFinder.find_spec(name.partition(".")[0])
    if found is None:
        return Finding(False, f"tools.python: {name}: no such module: name its folder as python_path")
    return Finding(True, f"tools.python: {name} is {found.origin}")


def _mcp(name: str, settings: McpSettings) -> Finding:
    key = f"mcp.{name}"
    if settings.url:
        return _reached(key, settings.url, settings.read_headers)
    program = shutil.which(settings.command[0])
    if program is None:
        return Finding(False, f"{key}: {settings.command[0]}: no such program")
    return Finding(True, f"{key}: {program} is there")


def _reached(key: str, address: str, read_secret: Callable[[], object]) -> Finding:
    url = urlsplit(address)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        read_secret()
        socket.create_connection((url.hostname or "", port), _CONNECT_SECONDS).close()
    except (SettingsError, OSError) as error:
        return Finding(False, f"{key}: {address}: {error}")
    return Finding(True, f"{key}: {address} can be reached")


def _address(settings: ServeSettings) -> Finding:
    page = settings.page
    try:
        with socket.socket(page.family, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind((page.host, page.port))
    except OSError as error:
        return Finding(False, f"page: {page.host}:{page.port}: {error.strerror or error}: is it running already?")
    return Finding(True, f"page: {page.host}:{page.port} is free")
