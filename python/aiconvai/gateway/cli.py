"""`aiconvai gateway`: agents for an Asterisk that does not load the module."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from typing import Annotated

import httpx
import typer
from fastapi import FastAPI

from aiconvai.engine.library import EngineNotBuiltError, use_gateway
from aiconvai.serve.application import Application
from aiconvai.serve.check import Finding, check
from aiconvai.serve.cli import Config, fail, log_to_stderr, settings_of
from aiconvai.serve.hub import Hub
from aiconvai.serve.outbound.dialplan import dialplan
from aiconvai.serve.outbound.outbound import Outbound
from aiconvai.serve.program import serve
from aiconvai.serve.settings import AriSettings, ServeSettings
from aiconvai.serve.store.store import StoreError
from aiconvai.serve.tasks import spawn
from aiconvai.serve.web.shapes import REFUSALS
from aiconvai.toml_settings import SettingsError

# Before anything loads the engine by itself.
use_gateway()

from aiconvai.gateway.agents import Agents, AgentsError  # noqa: E402
from aiconvai.gateway.api import gateway_api  # noqa: E402
from aiconvai.gateway.ari import Ari, AriError  # noqa: E402
from aiconvai.gateway.ari_outbound import AriOutbound  # noqa: E402
from aiconvai.gateway.gateway_source import GatewaySource  # noqa: E402
from aiconvai.gateway.media import Media, MediaError  # noqa: E402
from aiconvai.gateway.media_choice import ability_of, choose  # noqa: E402
from aiconvai.gateway.registrations import USER_EVENT  # noqa: E402
from aiconvai.gateway.talk_pages import talk_pages  # noqa: E402

app = typer.Typer(add_completion=False, help="Agents for an Asterisk that does not load the module.")

_log = logging.getLogger(__name__)


@app.callback(invoke_without_command=True)
def gateway(
    config: Config = None,
    check_only: Annotated[
        bool, typer.Option("--check", help="Say what is wrong and what cannot be reached, and what the dialplan needs.")
    ] = False,
) -> None:
    """Take calls until Ctrl-C; and do what `aiconvai serve` does."""
    settings = settings_of(config, with_local=True)
    if check_only:
        raise typer.Exit(asyncio.run(_check(settings)))
    log_to_stderr()
    try:
        asyncio.run(serve(settings, add=_add))
    except (SettingsError, StoreError, AgentsError, MediaError, EngineNotBuiltError, OSError) as error:
        fail(error, "gateway")


def _add(application: Application, api: FastAPI) -> None:
    source = GatewaySource(application.settings.gateway, application.hub, application.act)
    application.add_source(source)
    application.agent_judges.append(source.calls.why_closed)
    application.listen(source.take_from_manager)
    api.include_router(gateway_api(application, source), prefix="/api", responses=REFUSALS)
    if application.outbound is not None:
        _open_outbound_door(application, application.outbound, source)
    if application.settings.gateway.browser_calls:
        api.include_router(talk_pages(application, source))
        api.state.can_talk = True
    reloads: set[asyncio.Task[None]] = set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, lambda: spawn(reloads, _reload(source), "reload"))
    for port, one in source.ports.items():
        print(f"AudioSocket at {one.host}:{port}", flush=True)


def _open_outbound_door(application: Application, outbound: Outbound, source: GatewaySource) -> None:
    """Where calls go out by ARI; and the agent is told of them, whichever door they come back by."""
    kind, name = application.settings.outbound_through()
    if kind == "ari":
        door = next(one for one in source.ari if one.name == name)
        door.outbound = AriOutbound(name, application.settings.gateway.ari[name], outbound.settings, outbound.take_news)
        outbound.door = door.outbound
        outbound.knows_agent = lambda agent: source.calls.agents.find(agent) is not None
    source.calls.told_of = outbound.told_of


async def _reload(source: GatewaySource) -> None:
    try:
        await source.reload()
    except AgentsError as error:
        _log.error("%s: nothing has changed:\n%s", source.calls.agents.path, error)
    else:
        _log.info("%s: %d agents", source.calls.agents.path, len(source.calls.agents.names()))


async def _check(settings: ServeSettings) -> int:
    problems = 0
    findings = [one async for one in check(settings, needs_module=False)] + list(_check_gateway(settings))
    findings += [await _check_ari(name, one) for name, one in settings.gateway.ari.items()]
    for one in findings:
        problems += not one.is_well
        print(f"{'ok     ' if one.is_well else 'PROBLEM'} {one.what}")
    print(_dialplan(settings))
    if settings.outbound is not None:
        with contextlib.suppress(SettingsError):
            print(dialplan(settings.outbound, by_ari=settings.outbound_through()[0] == "ari"))
    return 1 if problems else 0


def _check_gateway(settings: ServeSettings) -> Iterator[Finding]:
    given = settings.gateway
    try:
        agents = Agents(given.aiconvai_conf)
    except (AgentsError, EngineNotBuiltError) as error:
        yield Finding(False, f"gateway: {error}")
        return
    yield Finding(True, f"gateway: {given.aiconvai_conf}: {', '.join(agents.names()) or 'no agents'}")
    for name, one in given.audiosocket.items():
        key = f"gateway.audiosocket.{name}"
        if one.agent and agents.find(one.agent) is None:
            yield Finding(False, f"{key}: agent = {one.agent}: there is none of that name; name one of aiconvai.conf")
    try:
        source = GatewaySource(given, Hub(), _nobody)
    except MediaError as error:
        yield Finding(False, f"gateway: {error}: another program has it, or the address is another machine's")
    else:
        source.close()
        yield Finding(True, "gateway: its ports are free")


async def _check_ari(name: str, settings: AriSettings) -> Finding:
    key = f"gateway.ari.{name}"
    try:
        async with Ari.opened(settings) as ari:
            info = await ari.ask("GET", "/asterisk/info", only="system")
            choice = choose(settings, await ability_of(ari), has_g722=Media.has_g722())
            await ari.need_to_change()
    except (AriError, SettingsError) as error:
        is_known = isinstance(error, AriError) and error.status == httpx.codes.FORBIDDEN
        hint = "" if is_known else ": see http.conf and ari.conf, and that res_ari is loaded"
        return Finding(False, f"{key}: {error}{hint}")
    return Finding(True, f"{key}: {settings.url}: Asterisk {info['system']['version']}; {choice}")


async def _nobody(*_: object, **__: object) -> dict[str, str]:
    return {}


def _dialplan(settings: ServeSettings) -> str:
    """That reaches the first port."""
    first = next(iter(settings.gateway.audiosocket.values()), None)
    if first is None:
        return ""
    return f"""
; In extensions.conf. ${{UUID()}} is there from 20.12, 21.7 and 22.2 on; before: ${{SHELL(uuidgen | tr -d '\\n')}}
exten => 100,1,Answer()
 same => n,Set(UUID=${{UUID()}})
 same => n,UserEvent({USER_EVENT},UUID: ${{UUID}},Agent: AGENT)
 same => n,Dial(AudioSocket/{first.host}:{first.port}/${{UUID}}/c(slin),,g)
 same => n,NoOp(${{AICONVAI_STATUS}}: ${{AICONVAI_REASON}})
"""
