"""`aiconvai serve`: what happened in every call, remembered, shown and measured."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from aiconvai.serve.access import Role, TokenError, Tokens
from aiconvai.serve.check import check
from aiconvai.serve.local_asterisk import NAME, local_asterisk
from aiconvai.serve.outbound.dialplan import dialplan
from aiconvai.serve.program import serve as serve_until_told
from aiconvai.serve.recordings import Forgetting, Recordings
from aiconvai.serve.settings import SERVE_TOML, ServeSettings, usual_settings
from aiconvai.serve.store.store import Store, StoreError
from aiconvai.serve.users import UserError, Users
from aiconvai.toml_settings import SettingsError

app = typer.Typer(add_completion=False, help="What happened in every call, remembered, shown and measured.")

Config = Annotated[
    Path | None, typer.Option(help=f"Default: {SERVE_TOML}, if there is one; else this machine's Asterisk.")
]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    config: Config = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with serve.toml, and what cannot be reached.")
    ] = False,
    demo: Annotated[
        bool, typer.Option("--demo", help="Show calls that nobody makes, besides those of serve.toml.")
    ] = False,
    demo_calls: Annotated[
        int, typer.Option(metavar="CALLS", min=1, max=5000, help="With --demo: so many go on at once.")
    ] = 6,
    demo_speed: Annotated[
        float, typer.Option(metavar="TIMES", min=0.1, max=10.0, help="With --demo: as fast as people talk.")
    ] = 1.0,
) -> None:
    """Follow Asterisk until Ctrl-C."""
    if context.invoked_subcommand is not None:
        context.obj = config
        return
    settings = settings_of(config, needs_asterisk=not demo)
    if check_only:
        raise typer.Exit(asyncio.run(_check(settings)))
    if demo:
        # What nobody said is kept apart from what somebody did.
        settings = settings.model_copy(update={"data": settings.data / "demo", "database": ""})
        settings.data.mkdir(mode=0o700, exist_ok=True)
    log_to_stderr()
    try:
        asyncio.run(serve_until_told(settings, demo_calls=demo_calls if demo else 0, demo_speed=demo_speed))
    except (SettingsError, StoreError, OSError) as error:
        fail(error)


@app.command()
def token(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who has it: a program, a person.")],
    role: Annotated[Role, typer.Option(help="What it is good for.")] = Role.VIEWER,
    revoke: Annotated[bool, typer.Option("--revoke", help="Take that one back.")] = False,
) -> None:
    """Make a token for the API, which is shown this once; or take one back."""

    async def run(tokens: Tokens) -> None:
        if revoke:
            await tokens.revoke(name)
            print(f"{name} may do nothing any more")
        else:
            print(await tokens.issue(name, role))

    _with_store(context, lambda store: run(Tokens(store)))


@app.command()
def tokens(context: typer.Context) -> None:
    """List the tokens there are."""

    async def run(tokens: Tokens) -> None:
        for one in await tokens.all():
            print(f"{one.name}  {one.role}")

    _with_store(context, lambda store: run(Tokens(store)))


@app.command()
def user(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="With whom to log in.")],
    role: Annotated[Role, typer.Option(help="What that user may do.")] = Role.VIEWER,
    remove: Annotated[bool, typer.Option("--remove", help="Nobody logs in with that name any more.")] = False,
    new_password: Annotated[bool, typer.Option("--password", help="Another password for one that exists.")] = False,
) -> None:
    """Make a user of the page, asking for a password; change it; or remove one."""

    async def run(users: Users) -> None:
        if remove:
            await users.remove(name)
        elif new_password:
            await users.change_password(name, _ask_password())
        else:
            await users.create(name, _ask_password(), role)

    _with_store(context, lambda store: run(Users(store)))


def _ask_password() -> str:
    password: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return password


@app.command()
def forget(context: typer.Context, number: Annotated[str, typer.Argument(help="A caller's.")]) -> None:
    """Erase all calls of a caller."""

    async def run(store: Store) -> None:
        forgetting = Forgetting(store, Recordings(settings_of(context.obj, with_local=True).asterisk))
        print(f"{await forgetting.caller(number)} calls are forgotten")
        if forgetting.left:
            fail(OSError(f"{forgetting.left} files of their recordings could not be removed"))

    _with_store(context, run)


def settings_of(config: Path | None, *, needs_asterisk: bool = False, with_local: bool = False) -> ServeSettings:
    """Of that file, or the usual ones. Says what is wrong, and ends, where they cannot be used.

    `needs_asterisk`: this machine's is followed where none is named; `with_local`: where there is one.
    """
    try:
        settings = usual_settings(config)
        if needs_asterisk and not settings.asterisk:
            settings = settings.model_copy(update={"asterisk": {NAME: local_asterisk()}})
        if with_local and not settings.asterisk:
            with contextlib.suppress(SettingsError):
                settings = settings.model_copy(update={"asterisk": {NAME: local_asterisk()}})
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (SettingsError, OSError) as error:
        fail(error)
    return settings


async def _check(settings: ServeSettings) -> int:
    problems = 0
    async for one in check(settings):
        problems += not one.is_well
        print(f"{'ok     ' if one.is_well else 'PROBLEM'} {one.what}")
    if settings.outbound is not None and (text := dialplan(settings.outbound, by_ari=False)):
        print(f"\n{text}")
    return 1 if problems else 0


def _with_store(context: typer.Context, act: Callable[[Store], Awaitable[None]]) -> None:
    settings = settings_of(context.obj)

    async def run() -> None:
        store = Store(settings.database_url)
        await store.open()
        try:
            await act(store)
        finally:
            await store.close()

    try:
        asyncio.run(run())
    except (StoreError, TokenError, UserError) as error:
        fail(error)


def log_to_stderr() -> None:
    """What this program says; not each request that it makes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def fail(error: Exception, command: str = "serve") -> NoReturn:
    """Says so, and ends."""
    print(f"aiconvai {command}: {error}", file=sys.stderr)
    raise typer.Exit(1) from error
