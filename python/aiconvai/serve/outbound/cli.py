"""`aiconvai call`: an agent calls somebody, or everybody of a list; by the program that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import httpx
import typer

from aiconvai.serve.access import Role, TokenError, Tokens
from aiconvai.serve.cli import Config, fail
from aiconvai.serve.outbound.outcome import State
from aiconvai.serve.settings import ServeSettings, usual_settings
from aiconvai.serve.store.store import Store, StoreError
from aiconvai.toml_settings import SettingsError, first_line

app = typer.Typer(add_completion=False, help="Have an agent call somebody, or everybody of a list.")

_T = TypeVar("_T")

TOKEN_VARIABLE = "AICONVAI_TOKEN"
POLL_SECONDS = 0.5
_ANSWER_SECONDS = 30.0
NOT_REACHED = 3
"""The exit status where there was no conversation, or none that went well."""
_WELL = ("COMPLETED", "CALLER_HANGUP")
_OVER = (
    State.ENDED, State.MACHINE, State.BUSY, State.NO_ANSWER, State.CONGESTION, State.FAILED, State.UNKNOWN,
    State.SKIPPED, State.GAVE_UP, State.CANCELLED,
)  # fmt: skip


class CallError(RuntimeError):
    """The program that calls cannot be reached, or has refused; the message says why."""


@app.command()
def call(
    number: Annotated[str, typer.Argument(help="Whom to call.")] = "",
    agent: Annotated[str, typer.Option(help="Who calls: an agent of aiconvai.conf.")] = "",
    variable: Annotated[
        list[str] | None, typer.Option("--variable", "-v", metavar="NAME=VALUE", help="What the agent is told.")
    ] = None,
    caller_id: Annotated[str, typer.Option(help="The number that is shown; default: as serve.toml has it.")] = "",
    ring_seconds: Annotated[int | None, typer.Option(min=5, max=300, help="Default: as serve.toml has it.")] = None,
    attempts: Annotated[int | None, typer.Option(min=1, max=20, help="Default: 1; of a list: serve.toml's.")] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also outside of the hours of serve.toml.")] = False,
    people: Annotated[
        Path | None, typer.Option("--list", metavar="FILE.csv", help="A column number; the others are variables.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the list; default: its file's name and the time.")] = "",
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is over, and say how it goes.")] = True,
    address: Annotated[str, typer.Option(help="Of the program; default: [page] of serve.toml.")] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(help=f"Its first line is a token; default: ${TOKEN_VARIABLE}, else one is made in the database."),
    ] = None,
    config: Config = None,
) -> None:
    """Ask `aiconvai serve` or `aiconvai gateway`, which runs, for a call.

    0: there was a conversation, or the list is done; 3: there was none; 1: it could not be asked for.
    """
    if not agent:
        raise typer.BadParameter("expected the agent that calls", param_hint="--agent")
    if bool(number) == (people is not None):
        raise typer.BadParameter("expected a number, or --list FILE.csv")
    try:
        settings = usual_settings(config)
        text = people.read_text(encoding="utf-8-sig") if people is not None else ""
        with _token(settings, token_file) as token, _client(settings, address, token) as client:
            if people is not None:
                given = {"name": name or f"{people.stem} {time.strftime('%Y-%m-%d %H:%M:%S')}", "agent": agent}
                more = {} if attempts is None else {"attempts": str(attempts)}
                raise typer.Exit(_call_list(client, text, {**given, **more, "start": "true"}, wait=wait))
            body = {
                "number": number, "agent": agent, "variables": _variables(variable or []), "caller_id": caller_id,
                "ring_seconds": ring_seconds, "attempts": attempts or 1, "anyway": anyway,
            }  # fmt: skip
            raise typer.Exit(_call_one(client, body, wait=wait))
    except (SettingsError, StoreError, TokenError, CallError, OSError, UnicodeDecodeError) as error:
        fail(error, "call")


def _variables(given: list[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise typer.BadParameter(f"expected NAME=VALUE, got {wrong[0]!r}", param_hint="--variable")
    return {name: value for name, _, value in pairs}


# One ------------------------------------------------------------------------------------------------------


def _call_one(client: httpx.Client, body: Mapping[str, Any], *, wait: bool) -> int:
    made = _ask(client, "POST", "/api/calls/outbound", json=body)
    print(f"{made['number']}: queued as {made['id']}", flush=True)
    seen = made["state"]
    try:
        while wait and made["state"] not in _OVER:
            made = _ask(client, "GET", f"/api/calls/outbound/{made['id']}")
            if made["state"] != seen:
                seen = made["state"]
                print(f"{made['number']}: {_said(made)}", flush=True)
            if seen not in _OVER:
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        print(f"{made['number']}: goes on; cancel it with POST /api/calls/outbound/{made['id']}/cancel", flush=True)
        return NOT_REACHED
    return 0 if not wait or (made["state"] == State.ENDED and made["status"] in _WELL) else NOT_REACHED


def _said(call: Mapping[str, Any]) -> str:
    """How it stands with a call, in a line."""
    state, reason = call["state"], call["reason"]
    match state:
        case State.WAITING if call["result"]:
            again = time.strftime("%H:%M:%S", time.localtime(call["due"]))
            return f"{call['result'].replace('_', ' ')}; called again at {again}"
        case State.WAITING:
            return "waits"
        case State.ENDED:
            named = f", conversation {call['conversation_id']}" if call["conversation_id"] else ""
            return f"ended {call['status']}{f': {reason}' if reason else ''}{named}"
        case State.GAVE_UP:
            return f"gave up after {call['attempts']} attempts: {call['result'].replace('_', ' ')}"
        case State.CALLING | State.RINGING | State.ANSWERED:
            return str(state)
    return f"{state.replace('_', ' ')}{f': {reason}' if reason else ''}"


# A list ---------------------------------------------------------------------------------------------------


def _call_list(client: httpx.Client, text: str, query: Mapping[str, str], *, wait: bool) -> int:
    headers = {"Content-Type": "text/csv; charset=utf-8"}
    made = _ask(client, "POST", "/api/call-lists", params=query, content=text.encode(), headers=headers)
    print(f"{made['name']}: {made['people']} people, list {made['id']}", flush=True)
    seen: dict[str, int] = {}
    try:
        while wait:
            made = _ask(client, "GET", f"/api/call-lists/{made['id']}")
            if made["states"] != seen:
                seen = made["states"]
                counts = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in sorted(seen.items()))
                print(f"{made['name']}: {counts}", flush=True)
            if made["state"] in ("done", "cancelled"):
                print(f"{made['name']}: {made['state']}", flush=True)
                return 0 if made["state"] == "done" else NOT_REACHED
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        print(f"{made['name']}: goes on; POST /api/call-lists/{made['id']}/pause or /cancel", flush=True)
        return NOT_REACHED
    return 0


# Asking ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _client(settings: ServeSettings, address: str, token: str) -> Iterator[httpx.Client]:
    page = settings.page
    host = f"[{page.host}]" if ":" in page.host else page.host
    headers = {"Authorization": f"Bearer {token}"}
    base = address.rstrip("/") or f"http://{host}:{page.port}"
    with httpx.Client(base_url=base, headers=headers, timeout=_ANSWER_SECONDS) as client:
        yield client


def _ask(client: httpx.Client, method: str, path: str, **more: Any) -> Any:
    """Raises `CallError`."""
    try:
        answer = client.request(method, path, **more)
    except httpx.HTTPError as error:
        raise CallError(
            f"{client.base_url}: {error or type(error).__name__}: is aiconvai serve, or aiconvai gateway, running?"
        ) from error
    if answer.is_error:
        try:
            detail = answer.json()["detail"]
        except (ValueError, KeyError, TypeError):
            detail = answer.reason_phrase
        if isinstance(detail, list):
            detail = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in detail)
        raise CallError(f"{detail} (HTTP {answer.status_code})")
    return answer.json()


@contextlib.contextmanager
def _token(settings: ServeSettings, file: Path | None) -> Iterator[str]:
    """One that is given; or one of the database's for as long as this lasts. Raises what reading one raises."""
    given = first_line(file) if file is not None else os.environ.get(TOKEN_VARIABLE, "")
    if given:
        yield given
        return
    name = f"aiconvai call {uuid.uuid4().hex[:12]}"
    token = asyncio.run(_with_tokens(settings, lambda tokens: tokens.issue(name, Role.OPERATOR)))
    try:
        yield token
    finally:
        try:
            asyncio.run(_with_tokens(settings, lambda tokens: tokens.revoke(name)))
        except (StoreError, TokenError) as error:
            print(f"aiconvai call: its token stays: aiconvai serve token '{name}' --revoke: {error}", file=sys.stderr)


async def _with_tokens(settings: ServeSettings, act: Callable[[Tokens], Awaitable[_T]]) -> _T:
    store = Store(settings.database_url)
    await store.open()
    try:
        return await act(Tokens(store))
    finally:
        await store.close()
