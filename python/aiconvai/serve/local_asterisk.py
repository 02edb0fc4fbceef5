"""This machine's Asterisk, found in its own configuration: what is followed where serve.toml says nothing."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from aiconvai.config.reader import read_configuration
from aiconvai.config.sections import Section
from aiconvai.config.settings import TRUE_WORDS
from aiconvai.serve.settings import AsteriskSettings
from aiconvai.toml_settings import SettingsError

CONFIGURATION = Path("/etc/asterisk")
MONITOR = Path("/var/spool/asterisk/monitor")
NAME = "asterisk"
_NEEDED = "call"


def local_asterisk(folder: Path = CONFIGURATION) -> AsteriskSettings:
    """A user of its manager who may see and steer calls, or at least see them. Raises `SettingsError`."""
    path = folder / "manager.conf"
    if not path.exists():
        raise SettingsError(f"{path}: no such file: is Asterisk on another machine? Name it in serve.toml")
    sections = read_configuration(path).sections
    general = next((one for one in sections if one.name == "general"), None)
    if general is None or _value(general, "enabled", "no").lower() not in TRUE_WORDS:
        raise SettingsError(f"{path}: [general]: enabled: expected yes; without it nobody can follow calls")
    users = [one for one in sections if one.name != "general" and _value(one, "secret") and _may(one, "read")]
    if not users:
        raise SettingsError(f"{path}: no user with a secret and read = {_NEEDED}")
    user = next((one for one in users if _may(one, "write")), users[0])
    address = _value(general, "bindaddr", "0.0.0.0")
    host = "127.0.0.1" if address in ("0.0.0.0", "::", "") else address
    port = _value(general, "port", "5038")
    if not port.isdecimal():
        raise SettingsError(f"{path}: [general]: port: expected a number, got {port!r}")
    return AsteriskSettings(
        host=host,
        port=int(port),
        user=user.name,
        secret=SecretStr(_value(user, "secret")),
        journal=_journal(folder),
        recordings=_recordings(folder),
        aiconvai_conf=_aiconvai_conf(folder),
    )


def _aiconvai_conf(folder: Path) -> Path | None:
    path = folder / "aiconvai.conf"
    return path if path.exists() else None


def _journal(folder: Path) -> Path | None:
    journal = _general(folder, "journal")
    return Path(journal) if journal else None


def _recordings(folder: Path) -> Path:
    return Path(_general(folder, "recordings") or MONITOR)


def _general(folder: Path, key: str) -> str:
    """What aiconvai.conf says of it; empty: nothing."""
    path = _aiconvai_conf(folder)
    sections = read_configuration(path).sections if path is not None else ()
    general = next((one for one in sections if one.name == "general"), None)
    return _value(general, key) if general is not None else ""


def _may(user: Section, what: str) -> bool:
    granted = {one.strip() for one in _value(user, what).lower().split(",")}
    return bool(granted & {_NEEDED, "all"})


def _value(section: Section, key: str, default: str = "") -> str:
    """The last one, as Asterisk takes it."""
    values = [entry.value for entry in section.entries if entry.key.lower() == key]
    return values[-1] if values else default
