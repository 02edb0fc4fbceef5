"""`aiconvai mock`: a mock agent on this machine, for trying out a configuration without an account."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

import typer
import yaml
from rich.console import Console

from aiconvai.audio import FORMATS
from aiconvai.config.writer import format_line
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.elevenlabs import ALL_OVERRIDES, ElevenLabsMock
from aiconvai.mock.elevenlabs.messages import AudioFormat
from aiconvai.mock.hostile import Case, HostileServer, Outcome, UnknownCaseError, cases_matching, hostile_mock
from aiconvai.mock.scenario import Scenario, ScenarioError, builtin_scenarios, load_scenario
from aiconvai.mock.server import MockOptions, MockServer
from aiconvai.mock.services import ELSEWHERE, PROVIDERS, NoMockError, mock_class
from aiconvai.speech import SpeechError, speak

if TYPE_CHECKING:
    import trustme

app = typer.Typer(add_completion=False)

CA_FILE = "ca.pem"
CA_KEY_FILE = "ca-key.pem"


@app.command()
def mock(
    provider: Annotated[
        str, typer.Option(metavar="PROVIDER", help=f"Whose agent: {', '.join((*PROVIDERS, *ELSEWHERE))}.")
    ] = PROVIDERS[0],
    scenario: Annotated[
        str, typer.Option(help="What the agent does: a built-in scenario or a YAML file.")
    ] = "conversation",
    parameter: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="Sets a parameter of the scenario.")
    ] = None,
    list_scenarios: Annotated[
        bool, typer.Option("--list", help="Print the built-in scenarios and their parameters.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port; 0 takes any free one.")] = 8300,
    public_host: Annotated[str | None, typer.Option(help="Host name in the printed URLs; by default --host.")] = None,
    tls: Annotated[bool, typer.Option("--tls", help="Serve HTTPS and WSS.")] = False,
    cert_dir: Annotated[
        Path, typer.Option(help="Where the certificate authority for --tls is kept, made if absent.")
    ] = Path("mock-certificates"),
    agent_id: Annotated[
        str, typer.Option(help="What the service knows the agent by: an identifier, or the name of its model.")
    ] = "mock-agent",
    api_key: Annotated[str, typer.Option(help="The account's key.")] = "mock-api-key",
    hostile: Annotated[
        str | None,
        typer.Option(
            metavar="CASE",
            help="Be hostile, at a place of the conversation: all, PLACE, KIND, PLACE/KIND or PLACE/KIND/NUMBER; "
            "with --list the cases are named.",
        ),
    ] = None,
    attack: Annotated[str, typer.Option(help="With --hostile: only attacks with this in their names.")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="elevenlabs: refuse conversations without a signed URL.")
    ] = False,
    input_format: Annotated[str, typer.Option(help="elevenlabs: format of caller audio.")] = "ulaw_8000",
    output_format: Annotated[str, typer.Option(help="elevenlabs: format of agent audio.")] = "ulaw_8000",
    log_file: Annotated[
        Path | None, typer.Option(help="Append everything that happens, one JSON object a line.")
    ] = None,
) -> None:
    """Play an agent of a service until interrupted with Ctrl-C."""
    console = Console()
    if list_scenarios and hostile is None:
        _print_scenarios(console)
        return
    try:
        service = mock_class(provider)
        cases = cases_matching(provider, hostile) if hostile is not None else []
        settings: dict[str, Any] = {"api_key": api_key, "scenario": _scenario(scenario, parameter or [])}
        if service is ElevenLabsMock:
            settings |= {
                "private": private,
                "input_format": _audio_format("--input-format", input_format),
                "output_format": _audio_format("--output-format", output_format),
                "allowed_overrides": ALL_OVERRIDES,
            }
        agent = service.AGENT(**settings)
    except (NoMockError, ScenarioError, UnknownCaseError) as error:
        _stop(str(error))
    if list_scenarios:
        _print_cases(console, cases)
        return
    ca_file = cert_dir / CA_FILE if tls else None
    options = MockOptions(
        agents={agent_id: agent},
        host=host,
        port=port,
        public_host=public_host,
        tls=_certificate_authority(cert_dir).issue_cert(public_host or host, "localhost") if tls else None,
        log_file=log_file,
    )
    made: MockServer[Any, Any] = service(options)
    if cases:
        made = hostile_mock(provider, options, cases, lambda event, came: _tell(console, event, came), only=attack)
    try:
        asyncio.run(_serve(console, made, ca_file))
    except OSError as error:
        _stop(f"cannot listen on {host} port {port}: {error.strerror or error}; choose another --port")


async def _serve(console: Console, mock: MockServer[Any, Any], ca_file: Path | None) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with mock as service, asyncio.TaskGroup() as group:
        if isinstance(service, HostileServer):
            _print_hostile(console, service, ca_file)
        else:
            _print_service(console, service, ca_file)
        announcer = group.create_task(_announce(console, service, group))
        await stopped.wait()
        announcer.cancel()
        for conversation in service.conversations:
            await conversation.close(1001, "the mock is stopping")


async def _announce(console: Console, service: MockServer[Any, Any], group: asyncio.TaskGroup) -> None:
    while True:
        conversation = await service.next_conversation(timeout=None)
        console.print(
            f"{conversation.id}: begun, from {conversation.headers.get('user-agent', 'unknown')}",
            soft_wrap=True,
        )
        group.create_task(_announce_end(console, conversation))


async def _announce_end(console: Console, conversation: Conversation) -> None:
    await conversation.wait_closed(timeout=None)
    uplink = len(conversation.uplink_bytes) / conversation.uplink_bytes_per_second
    downlink = len(conversation.downlink_bytes) / conversation.downlink_bytes_per_second
    console.print(
        f"{conversation.id}: closed by {conversation.closed_by} ({conversation.close_code}), "
        f"{uplink:.1f} s heard, {downlink:.1f} s said, {len(conversation.violations)} violations",
        soft_wrap=True,
    )
    for problem in (*conversation.violations, conversation.scenario_failure):
        if problem is not None:
            console.print(f"  {problem}", style="red", markup=False, soft_wrap=True)


def _print_service(console: Console, service: MockServer[Any, Any], ca_file: Path | None) -> None:
    [(agent_id, agent)] = service.agents.items()
    console.print(f"Agent {agent_id!r} plays the scenario {agent.scenario.name!r}:", markup=False)
    console.print(agent.scenario.description.strip(), markup=False, soft_wrap=True)
    _print_section(console, service, agent_id, service.settings(agent_id), ca_file)


def _print_hostile(console: Console, service: HostileServer, ca_file: Path | None) -> None:
    told = "This agent is hostile: each conversation gets the next of the cases that were asked for."
    console.print(told, soft_wrap=True)
    _print_section(console, service, "hostile", service.hostile_settings(), ca_file)


def _print_section(
    console: Console, service: MockServer[Any, Any], name: str, values: dict[str, str], ca_file: Path | None
) -> None:
    if ca_file is not None:
        values = {**values, "tls_ca_file": str(ca_file.resolve())}
    lines = ["", f"[{name}]", *(format_line(key, value) for key, value in values.items())]
    console.print("\n".join([*lines, "", f"Listening on {service.base_url}"]), markup=False, soft_wrap=True)


def _print_cases(console: Console, cases: list[Case]) -> None:
    for case in cases:
        console.print(f"{case.place}/{case.kind}", style="bold", end="")
        console.print(f"  numbers 0 to {case.count() - 1}", markup=False)


def _tell(console: Console, event: str, came: Outcome) -> None:
    if event == "attack":
        console.print(f"{came.case}: {came.attacks[-1] if came.attacks else ''}", markup=False, soft_wrap=True)
    elif event == "ended":
        console.print(
            f"{came.case}: {len(came.attacks)} of {came.planned} attacks, {came.messages} messages, {came.bytes} bytes "
            f"in {came.seconds:.1f} s; the client closed with {came.close_code}. {came.problem}",
            style=None if came.reached else "red",
            markup=False,
            soft_wrap=True,
        )


def _print_scenarios(console: Console) -> None:
    for name in builtin_scenarios():
        scenario = load_scenario(name)
        console.print(name, style="bold")
        console.print(f"  {scenario.description.strip()}", markup=False)
        for parameter, value in scenario.parameters.items():
            console.print(f"  --parameter {parameter}={yaml.safe_dump(value).split()[0]}", markup=False)


def _scenario(source: str, parameters: list[str]) -> Scenario:
    values: dict[str, Any] = {}
    for parameter in parameters:
        name, separator, value = parameter.partition("=")
        if not separator:
            _stop(f"--parameter {parameter}: expected NAME=VALUE")
        values[name] = yaml.safe_load(value)
    try:
        scenario = load_scenario(source, **values)
        if any(step.say is not None for step in scenario.all_steps()):
            speak("ready", 8000)
    except (ScenarioError, SpeechError) as error:
        _stop(str(error))
    return scenario


def _audio_format(option: str, name: str) -> AudioFormat:
    for known in get_args(AudioFormat):
        if name == known:
            return known  # type: ignore[no-any-return]
    _stop(f"{option} {name}: expected one of {', '.join(FORMATS)}")


def _certificate_authority(folder: Path) -> trustme.CA:
    """The one in `folder`, so that a client configured once stays configured; a new one if there is none."""
    try:
        import trustme
    except ModuleNotFoundError as error:
        _stop(f"--tls needs {error.name}: pip install 'aiconvai[mock]'")
    certificate, key = folder / CA_FILE, folder / CA_KEY_FILE
    if certificate.exists() and key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="aiconvai mock")
    key.touch(mode=0o600)
    authority.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(certificate)
    return authority


def _stop(problem: str) -> NoReturn:
    typer.echo(f"aiconvai mock: {problem}", err=True)
    raise typer.Exit(1)
