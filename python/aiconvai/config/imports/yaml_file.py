"""YAML: settings of an agent, and of Docker Compose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from aiconvai.config.imports.dotenv_file import expanded
from aiconvai.config.imports.given import DEEPEST, Given, SourceFile, UnusableError, bounded

_MOST_LOOKS = 100_000
"""At values: aliases of aliases could be looked at for ever."""


def read_yaml(path: Path, text: str, variables: Mapping[str, str]) -> SourceFile:
    """Each scalar is a setting; `${NAME}` in it is expanded. Raises `UnusableError`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UnusableError(f"{path}:{line}: {error.problem}: it is no YAML") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UnusableError(f"{path}: it is no YAML: {error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise UnusableError(f"{path}: expected a mapping of settings")
    names = {key.value for key, _ in root.value}
    settings = bounded(path, _Reader(path, variables).flat(root, "", 0))
    return SourceFile(path, "compose" if "services" in names else "yaml", settings)


class _Reader:
    """Of one file."""

    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        self._path = path
        self._variables = variables
        self._looks_left = _MOST_LOOKS

    def flat(self, node: yaml.Node, key: str, depth: int) -> Iterator[Given]:
        line = node.start_mark.line + 1
        self._looks_left -= 1
        if depth > DEEPEST or self._looks_left < 0:
            raise UnusableError(f"{self._path}:{line}: expected at most {DEEPEST} levels and {_MOST_LOOKS} values")
        if isinstance(node, yaml.ScalarNode):
            value = "" if node.tag == "tag:yaml.org,2002:null" else expanded(node.value, self._variables)
            yield Given(str(self._path), line, key, value)
        elif isinstance(node, yaml.SequenceNode):
            for number, one in enumerate(node.value):
                yield from self.flat(one, f"{key}.{number}", depth + 1)
        elif isinstance(node, yaml.MappingNode):
            for name, one in node.value:
                below = str(name.value)
                yield from self.flat(one, f"{key}.{below}" if key else below, depth + 1)
