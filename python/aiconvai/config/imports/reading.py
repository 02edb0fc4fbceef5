"""Which kind of file it is, and what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiconvai.config.imports.conf_file import read_conf
from aiconvai.config.imports.dotenv_file import read_dotenv
from aiconvai.config.imports.given import SourceFile, UnusableError, text_of
from aiconvai.config.imports.javascript_file import read_javascript, read_json
from aiconvai.config.imports.yaml_file import read_yaml

MOST_FILES = 50


def read_files(paths: Sequence[Path]) -> list[SourceFile]:
    """All of them, in their order. YAML is expanded with what the files of variables among them say.

    Raises `UnusableError`.
    """
    if len(paths) > MOST_FILES:
        raise UnusableError(f"expected at most {MOST_FILES} files")
    texts = {path: text_of(path) for path in paths}
    plain = {path: _read(path, text, {}) for path, text in texts.items() if path.suffix not in (".yaml", ".yml")}
    variables = {one.key: one.value for file in plain.values() if file.kind == "env" for one in file.settings}
    return [plain[path] if path in plain else _read(path, text, variables) for path, text in texts.items()]


def _read(path: Path, text: str, variables: Mapping[str, str]) -> SourceFile:
    match path.suffix:
        case ".yaml" | ".yml":
            return read_yaml(path, text, variables)
        case ".json":
            return read_json(path, text)
        case ".js" | ".cjs" | ".mjs":
            return read_javascript(path, text)
    first = next((line.strip() for line in text.splitlines() if line.strip() and line.strip()[0] not in ";#"), "")
    return read_conf(path) if first.startswith("[") else read_dotenv(path, text)
