"""`aiconvai config`: make, check, show and convert configuration files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aiconvai.config.conversion import canonical_values
from aiconvai.config.imports.files import AGENTS, DIALPLAN, files_of, judge
from aiconvai.config.imports.given import UnusableError
from aiconvai.config.imports.importing import SYSTEMS, Imported, import_files
from aiconvai.config.sections import Entry, Problem, Section
from aiconvai.config.settings import Settings
from aiconvai.config.verdict import judge_file, validate
from aiconvai.config.writer import Values, format_configuration, write_configuration
from aiconvai.options import GENERAL, find_option, fold_case, options_by_name

SIGNED_URL_ENDPOINT = "https://api.elevenlabs.io/v1/convai/conversation/get-signed-url"
COMMAND_LINE = "command line"

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Make, check, show and convert configuration files.")

Output = Annotated[Path, typer.Option("--output", "-o", help="The file to write; - is standard output.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file such as /etc/asterisk/aiconvai.conf.")]


@app.command()
def check(file: File) -> None:
    """Print everything wrong with a file; exit status 1 if there is anything."""
    _, report = judge_file(file)
    _stop_if_wrong(report.problems)
    count = len(report.agents)
    print(f"{file}: valid, {count} agent{'' if count == 1 else 's'}")


@app.command()
def show(file: File) -> None:
    """Print the settings a file gives, and where each comes from; secrets are masked."""
    sections, report = judge_file(file)
    _stop_if_wrong(report.problems)
    assert report.general is not None
    by_name = {fold_case(section.name): section for section in sections}
    general = by_name.get(GENERAL)
    console = Console()
    console.print(_settings_table(GENERAL, report.general, general, None))
    for name, settings in report.agents.items():
        console.print(_settings_table(name, settings, by_name[fold_case(name)], general))
    for kind, declared in (("tool", report.tools), ("prompt", report.prompts)):
        for name, settings in declared.items():
            section = f"{kind}-{name}"
            console.print(_settings_table(section, settings, by_name[fold_case(section)], None))


@app.command()
def new(
    output: Output = Path("aiconvai.conf"),
    agent: Annotated[str | None, typer.Option(help="The agent's name, as the dialplan says it.")] = None,
    agent_id: Annotated[str | None, typer.Option(help="The agent's identifier at the service.")] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(help="A file with the API key: on the command line others could see it. - is standard input."),
    ] = None,
    public: Annotated[bool, typer.Option("--public", help="The agent is public and needs no key.")] = False,
    signed_url_endpoint: Annotated[str, typer.Option(help="Where the signed URL is fetched.")] = SIGNED_URL_ENDPOINT,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Any other option of the agent; may be repeated."),
    ] = None,
    force: Force = False,
) -> None:
    """Write a valid, documented aiconvai.conf for one agent, asking for what the options leave open."""
    if output.exists() and not force:
        _refuse_to_replace(output)
    agent = agent or _ask("agent", "Name of the agent, as the dialplan will say it", default="sales")
    agent_id = agent_id or _ask("agent-id", "Identifier of the agent at the service")
    entries = [("agent_id", agent_id)]
    if not public:
        if api_key_file is not None:
            key = _read_key(api_key_file)
        else:
            key = _ask("api-key-file", "API key (empty for a public agent)", default="", hide=True)
        if key:
            entries += [("signed_url_endpoint", signed_url_endpoint), ("api_key", key)]
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"{setting}: expected NAME=VALUE", param_hint="--set")
        entries.append((name.strip(), value.strip()))
    section = Section(agent, COMMAND_LINE, 0, tuple(Entry(name, value, COMMAND_LINE, 0) for name, value in entries))
    _stop_if_wrong(validate([section]).problems)
    general, agents = canonical_values([section])
    _write(output, general, agents, force)


@app.command("import")
def import_from(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="All of an earlier system's settings.")],
    system: Annotated[
        str,
        typer.Option(
            "--from", metavar="SYSTEM", help=f"Whose they are, where they do not say it: {', '.join(SYSTEMS)}."
        ),
    ] = "",
    directory: Annotated[Path, typer.Option("--directory", "-d", help="Where to write what is needed.")] = Path(),
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write aiconvai.conf alone, to there; - is standard output.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be written, without secrets.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there.")] = False,
) -> None:
    """Turn an earlier system's settings into aiconvai.conf, serve.toml and a dialplan; see docs/coming-from.md."""
    if system and system not in SYSTEMS:
        raise typer.BadParameter(f"expected one of {', '.join(SYSTEMS)}", param_hint="--from")
    try:
        imported = import_files(files, system)
        texts = files_of(imported.plan, directory.absolute())
        judge(texts)
    except UnusableError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    _report(imported, sys.stderr if output is not None and str(output) == "-" else sys.stdout)
    if dry_run:
        for name, text in files_of(imported.plan.masked(), directory.absolute()).items():
            print(f"\n=== {directory / name}\n{text}", end="")
    elif output is not None:
        if set(texts) - {AGENTS, DIALPLAN}:
            print(f"{AGENTS} alone is not enough here: give --directory in place of --output", file=sys.stderr)
            raise typer.Exit(1)
        _write_text(output, texts[AGENTS], len(imported.plan.agents), force)
    else:
        _write_all(directory, texts, force)


def _report(imported: Imported, to: TextIO) -> None:
    print(f"{imported.system.title} ({imported.system.name})", file=to)
    for line in imported.lines:
        print(line, file=to)
    if imported.defaults:
        print("Not given, and as it is there without:", file=to)
    for line in imported.defaults:
        print(f"  {line}", file=to)
    if imported.plan.to_do:
        print("Left to do:", file=to)
    for line in imported.plan.to_do:
        print(f"  {line}", file=to)


def _write_all(directory: Path, texts: dict[str, str], force: bool) -> None:
    """All, or none where one is there already."""
    paths = {directory / name: text for name, text in texts.items()}
    if not force and (there := [path for path in paths if path.exists()]):
        for path in there:
            print(f"{path}: it is there already; give --force to replace it, or --directory another", file=sys.stderr)
        raise typer.Exit(1)
    for path, text in paths.items():
        try:
            write_configuration(path, text, replace=force)
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            raise typer.Exit(1) from error
        print(f"{path}: written, mode 0640")


def _stop_if_wrong(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(1)


def _ask(option: str, question: str, *, default: str | None = None, hide: bool = False) -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter("give it, for there is no terminal to ask at", param_hint=f"--{option}")
    answer: str = typer.prompt(question, default=default, hide_input=hide, show_default=bool(default))
    return answer.strip()


def _read_key(path: Path) -> str:
    try:
        key = (sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--api-key-file") from error
    if not key:
        raise typer.BadParameter(f"{path}: expected the API key, but it is empty", param_hint="--api-key-file")
    return key


def _write(output: Path, general: Values, agents: dict[str, Values], force: bool) -> None:
    try:
        text = format_configuration(general, agents)
    except ValueError as error:
        print(f"{output}: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    _write_text(output, text, len(agents), force)


def _write_text(output: Path, text: str, agents: int, force: bool) -> None:
    if str(output) == "-":
        sys.stdout.write(text)
        return
    try:
        write_configuration(output, text, replace=force)
    except FileExistsError:
        _refuse_to_replace(output)
    except OSError as error:
        print(f"{output}: {error}", file=sys.stderr)
        raise typer.Exit(1) from error
    print(f"{output}: written with {agents} agent{'' if agents == 1 else 's'}, mode 0640")


def _refuse_to_replace(output: Path) -> NoReturn:
    print(f"{output}: it is there already; give --force to replace it, or --output another", file=sys.stderr)
    raise typer.Exit(1)


def _settings_table(name: str, settings: Settings, section: Section | None, fallback: Section | None) -> Table:
    table = Table(title=escape(f"[{name}]"), title_justify="left")
    table.add_column("option", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("unit", no_wrap=True)
    table.add_column("from", overflow="fold")
    for option_name, text in settings.shown().items():
        option = options_by_name()[option_name]
        entry = _source(option_name, section) or (_source(option_name, fallback) if option.scope == "both" else None)
        source = f"{entry.file}:{entry.line}" if entry else "default"
        shown = "[dim]not set[/dim]" if text is None else escape(text)
        table.add_row(option_name, shown, option.unit or "", source if entry else f"[dim]{source}[/dim]")
    return table


def _source(name: str, section: Section | None) -> Entry | None:
    """The line that sets an option, the first where it is repeated; None when the section does not set it."""
    for entry in section.effective_entries() if section else ():
        option = find_option(entry.key)
        if option is not None and option.name == name:
            return entry
    return None
