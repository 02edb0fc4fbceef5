"""Files of settings in TOML, with errors that name the file and the key, and secrets in files of their own."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails

SECRETS = Path("/etc/aiconvai/secrets")
_CREDENTIAL = "secret"
"""As the units of the packages load that folder: LoadCredential=secret:/etc/aiconvai/secrets."""

Port = Annotated[int, Field(ge=1, le=65_535)]


class SettingsError(ValueError):
    """What is wrong in a file of settings: one line for each thing, which names the file and the key."""


def secret_of(path: Path) -> str:
    """The first line of a file. A name without a folder is in `SECRETS`, which root alone may read: a unit of systemd's
    is given its files as credentials. Raises `SettingsError`.
    """
    if path.name == str(path):
        if given := os.environ.get("CREDENTIALS_DIRECTORY"):
            # LoadCredential= of a folder: "the provided ID suffixed with _$FILENAME" (systemd.exec).
            path = Path(given) / f"{_CREDENTIAL}_{path}"
        elif SECRETS.is_dir():
            path = SECRETS / path
    return first_line(path)


def first_line(path: Path) -> str:
    """Of a file with a secret. Raises `SettingsError`."""
    try:
        return path.read_text(encoding="utf-8").split("\n", 1)[0].strip()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


class TomlSettings(BaseModel):
    """A table of such a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class WithSecret(TomlSettings):
    """One with a secret in it, or in a file."""

    secret: SecretStr | None = None
    secret_file: Path | None = None
    """Instead of `secret`: its first line."""

    def secret_text(self) -> str | None:
        """Of the one that there is; None: there is neither. Raises `SettingsError` where a file cannot be read."""
        if self.secret is not None:
            return self.secret.get_secret_value()
        return secret_of(self.secret_file) if self.secret_file is not None else None


SettingsT = TypeVar("SettingsT", bound=TomlSettings)


def read_toml(path: Path, model: type[SettingsT]) -> SettingsT:
    """Raises `SettingsError`."""
    try:
        with path.open("rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: {error}") from error
    try:
        return model.model_validate(given)
    except ValidationError as error:
        problems = [_said(path, one) for one in error.errors(include_url=False)]
        raise SettingsError("\n".join(problems)) from None


def _said(path: Path, problem: ErrorDetails) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{path}: {key}: no such key"
    # What was given may be a secret.
    given = "" if "secret" in key or isinstance(problem["input"], dict) else f", got {problem['input']!r:.100}"
    return f"{path}: {key}: {problem['msg'].removeprefix('Value error, ')}{given}"
