"""What an import writes: aiconvai.conf, prompts, serve.toml and a dialplan, judged before they are written."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from aiconvai.config.imports.given import UnusableError
from aiconvai.config.imports.plan import Plan
from aiconvai.config.reader import read_configuration
from aiconvai.config.verdict import validate
from aiconvai.config.writer import format_configuration

AGENTS, SERVE, DIALPLAN = "aiconvai.conf", "serve.toml", "extensions_aiconvai.conf"


def files_of(plan: Plan, folder: Path) -> dict[str, str]:
    """Their names in `folder`, and their texts. Raises `UnusableError` for what our own checks refuse."""
    texts = {AGENTS: agents_text(plan)}
    for name, prompt in plan.prompts.items():
        given = {"system_instruction": prompt.system_instruction, "states": prompt.states}
        shown = {key: value for key, value in given.items() if value}
        texts[prompts_file(name)] = json.dumps(shown, ensure_ascii=False, indent=2) + "\n"
    if plan.serve:
        if "gateway" in plan.serve:
            plan.serve["gateway"]["aiconvai_conf"] = str(folder / AGENTS)
        texts[SERVE] = _toml(plan.serve)
    texts[DIALPLAN] = "\n".join(plan.extensions) + "\n"
    return texts


def prompts_file(agent: str) -> str:
    return f"prompts-{agent}.json"


def agents_text(plan: Plan) -> str:
    """aiconvai.conf. Raises `UnusableError`."""
    agents = {name: dict(values) for name, values in plan.agents.items()}
    for name in plan.prompts:
        agents[name]["prompts"] = [name]
        agents[f"prompt-{name}"] = {"file": [prompts_file(name)]}
    try:
        return format_configuration(plan.general, agents)
    except ValueError as error:
        raise UnusableError(f"{AGENTS}: {error}") from error


def judge(texts: Mapping[str, str]) -> None:
    """Raises `UnusableError` with all that is wrong with them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        read = read_configuration(folder / AGENTS)
        problems = [str(one) for one in read.problems or validate(read.sections).problems]
        if SERVE in texts:
            problems += _judge_serve(texts[SERVE])
    if problems:
        raise UnusableError("\n".join(problems))


def _judge_serve(text: str) -> list[str]:
    try:
        from pydantic import ValidationError

        from aiconvai.serve.settings import ServeSettings
    except ModuleNotFoundError as error:
        raise UnusableError(f"{SERVE} needs {error.name}: pip install 'aiconvai[serve]'") from error
    try:
        ServeSettings.model_validate(tomllib.loads(text))
    except ValidationError as error:
        return [f"{SERVE}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False)]
    return []


def _toml(tables: Mapping[str, Any]) -> str:
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by aiconvai config import. See docs/serve.md and docs/gateway.md."))
    document.add(tomlkit.nl())
    for name, value in tables.items():
        document.add(name, tomlkit.item(value))
    return tomlkit.dumps(document)
