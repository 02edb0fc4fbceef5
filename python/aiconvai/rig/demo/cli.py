"""`aiconvai demo`: watch a caller converse with a mock agent through a real Asterisk. No account is needed."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from aiconvai.mock import PROVIDERS, NoMockError
from aiconvai.mock.record import ConversationRecord
from aiconvai.rig.asterisk import AsteriskError, BuildError, ContainerError, build_module, ensure_image
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.caller import Call, SipError
from aiconvai.rig.console import wide_console
from aiconvai.rig.demo import page
from aiconvai.rig.demo.checks import Check, check_all
from aiconvai.rig.demo.display import LogDisplay
from aiconvai.rig.demo.moments import Moments
from aiconvai.rig.demo.observer import Observer
from aiconvai.rig.demo.picture import draw
from aiconvai.rig.demo.script import AGENT, agent_scenario, agent_speech, visitor_scenario, write_caller_speech
from aiconvai.rig.demo.scripted_caller import converse
from aiconvai.rig.demo.stage import AGENT_NAME, EXTENSION, Stage, set_stage
from aiconvai.rig.demo.watching import LOOK_SECONDS, watch
from aiconvai.rig.talk.telephone import Speakerphone, Telephone
from aiconvai.speech import SpeechError

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    provider: Annotated[
        str, typer.Option(metavar="PROVIDER", help=f"Whose agent: {', '.join(PROVIDERS)}.")
    ] = PROVIDERS[0],
    keep: Annotated[
        bool, typer.Option("--keep", help="Then leave everything running, for a call with your own phone.")
    ] = False,
    speakerphone: Annotated[
        bool,
        typer.Option("--speakerphone", help="The caller has no headset: his telephone sends the agent's voice back."),
    ] = False,
    local: Annotated[
        bool, typer.Option("--local", help="With `aiconvai local`: nothing that the agent says is scripted.")
    ] = False,
    screenshots: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Then take the pictures of the page that docs/ shows: docs/images."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Where the recording and the picture go; default: build/demo, or build/demo-PROVIDER."),
    ] = None,
) -> None:
    """Start Asterisk 22 with the module and a mock agent, let a caller talk with it, and check what was heard."""
    # Also where whoever started it ignores SIGINT, as a shell does for what runs in the background; nothing is left.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    console = wide_console()
    try:
        name = "demo-local" if local else "demo" if provider == PROVIDERS[0] else f"demo-{provider}"
        name += "-speakerphone" if speakerphone else ""
        folder = output or repository_root() / "build" / name
        folder.mkdir(parents=True, exist_ok=True)
        ensure_image(22, console=console)
        module = build_module(22, console=console)
        if local:
            if not _local_call(console, module, folder):
                raise typer.Exit(1)
            return
        general, agent = (page.GENERAL, page.AGENT) if keep or screenshots else ((), ())
        with set_stage(module, provider, agent_scenario(), general=general, agent=agent) as stage:
            passed = _scripted_call(console, stage, folder, Speakerphone(Telephone()) if speakerphone else None)
            if screenshots is not None:
                with page.page_beside(stage.asterisk, folder, with_others=True) as address:
                    _take_screenshots(console, address, screenshots)
            if keep:
                with page.page_beside(stage.asterisk, folder) as address:
                    _receive_visitors(console, stage, address)
    except (AsteriskError, BuildError, ContainerError, NoMockError, SpeechError, SipError, OSError) as error:
        _fail(console, error)
    if not passed:
        raise typer.Exit(1)


def _local_call(console: Console, module: Path, folder: Path) -> bool:
    """Whether every check passed."""
    # What it needs is another extra of the package.
    from aiconvai.local.parts import PartError
    from aiconvai.rig.demo.local_call import local_call, set_local_stage
    from aiconvai.rig.local_program import LocalProgramError

    try:
        with set_local_stage(module, folder) as (asterisk, caller):
            console.print(
                f"A caller calls sip:{EXTENSION}@{asterisk.host}:{asterisk.sip_port} on Asterisk "
                f"{asterisk.exact_version()}, where app_aiconvai connects him with aiconvai local.\n",
                highlight=False,
            )
            checks = local_call(console, asterisk, caller, folder)
    except (PartError, LocalProgramError) as error:
        _fail(console, error)
    _print_checks(console, checks)
    _print_files(console, folder)
    return all(check.passed for check in checks)


def _scripted_call(console: Console, stage: Stage, folder: Path, speakerphone: Speakerphone | None) -> bool:
    """The call, what came of it, and its files; whether every check passed."""
    speech = write_caller_speech(folder)
    for line in AGENT.in_order():
        agent_speech(line)  # so that the agent does not have to wait for it in the call
    console.print(
        f"A caller calls sip:{EXTENSION}@{stage.asterisk.host}:{stage.asterisk.sip_port} on Asterisk "
        f"{stage.asterisk.exact_version()}, where app_aiconvai connects him with a mock {stage.service.TITLE} agent.\n",
        highlight=False,
    )
    moments = Moments()
    observer = Observer(stage.asterisk.ami, stage.caller.kernel_clock, moments)
    call = stage.caller.call(EXTENSION, "ulaw", caller_name="Demo Caller")
    if speakerphone is not None:
        call.stream.microphone = speakerphone.sends
    problem = watch(
        console, moments, observer, call, lambda: _call_and_converse(call, speech), lambda: stage.mock.conversations
    )
    conversations = stage.mock.conversations
    record = conversations[0].record if conversations else None
    if record is not None and record.closed is None:
        call.hangup()
        conversations[0].wait_closed()
        observer.look(call)
    checks = check_all(stage.service, call, record, observer.events, speech)
    if problem is not None:
        checks.insert(0, Check("the conversation went as scripted", False, problem))
    _print_checks(console, checks)
    if call.heard:
        _save(console, folder, call, record, moments)
    return all(check.passed for check in checks)


def _call_and_converse(call: Call, speech: Sequence[Path]) -> None:
    call.wait_answered()
    converse(call, speech)


def _print_checks(console: Console, checks: Sequence[Check]) -> None:
    table = Table.grid(padding=(0, 1))
    for check in checks:
        mark = Text("passed", style="bold green") if check.passed else Text("FAILED", style="bold red")
        table.add_row(mark, Text(check.name), Text(check.detail, style="dim"))
    console.print()
    console.print(table)
    failed = [check.name for check in checks if not check.passed]
    if failed:
        console.print(f"\n[bold red]Not seen: {'; '.join(failed)}[/]")


def _save(console: Console, folder: Path, call: Call, record: ConversationRecord | None, moments: Moments) -> None:
    call.recording(folder / "conversation.wav")
    draw(folder / "conversation.png", call, record, moments)
    _print_files(console, folder)


def _print_files(console: Console, folder: Path) -> None:
    recording, picture = folder / "conversation.wav", folder / "conversation.png"
    console.print(
        f"\nRecording (left the caller, right the agent as heard): {recording}", soft_wrap=True, highlight=False
    )
    console.print(f"Picture: {picture}", soft_wrap=True, highlight=False)


def _take_screenshots(console: Console, address: str, folder: Path) -> None:
    # Its library is for tests.
    from aiconvai.rig.demo.screenshots import take_screenshots

    for path in take_screenshots(address, AGENT_NAME, folder):
        console.print(f"Picture: {path}", soft_wrap=True, highlight=False)


def _receive_visitors(console: Console, stage: Stage, address: str) -> None:
    """Until Ctrl-C, an agent for whoever calls, and a page that shows them."""
    stage.play(visitor_scenario())
    console.print(Rule("call it yourself"))
    host, port = stage.asterisk.host, stage.asterisk.sip_port
    console.print(
        f"With a softphone on this machine, call  sip:{EXTENSION}@{host}:{port}  (SIP over UDP, no account, no "
        f"registration; PCMU, PCMA, G.722 or Opus). sip:echo@{host}:{port} is Asterisk's own echo.\n"
        f"The agent repeats what you say, then counts until you interrupt it.\n"
        f"All calls, word by word, those that are over and their recordings: {address}\n"
        f"Ctrl-C ends it.\n",
        highlight=False,
    )
    moments = Moments()
    observer = Observer(stage.asterisk.ami, stage.caller.kernel_clock, moments)
    # No meters: it is the visitor's phone, and not our caller, that has the audio.
    display = LogDisplay(console, moments, observer, time.monotonic())
    try:
        while True:
            stage.asterisk.check_alive()
            observer.look()
            display.refresh(time.monotonic())
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        console.print("\nStopping.")


def _fail(console: Console, error: Exception) -> NoReturn:
    console.print("[bold red]The demo could not run:[/]", end=" ")
    console.print(str(error), markup=False, highlight=False)
    raise typer.Exit(1) from error
