"""An archive for a report of a fault: what was found, configuration without secrets, what Asterisk says of itself.

No key, no password, no number of a caller and no word of a call is in it.
"""

from __future__ import annotations

import io
import json
import platform
import re
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from aiconvai import __version__
from aiconvai.config.reader import read_configuration
from aiconvai.doctor.finding import Finding
from aiconvai.doctor.installation import Installation
from aiconvai.options import find_option
from aiconvai.serve.redaction import redact

LOG_BYTES = 1 << 20
"""Of the log's end that is looked through."""
_COMMANDS = (
    "core show version", "core show settings", "core show channels count", "module show like aiconvai",
    "aiconvai show agents", "aiconvai show stats", "core show translation",
)  # fmt: skip
_LOGS = ("messages", "full", "messages.log")
_SECRET_KEY = re.compile(r"(?i)(secret|password|token|key|authorization|headers?|environment)")
_USER_IN_URL = re.compile(r"(\w+://)[^/\s@\"]+@")
_QUERY = re.compile(r"(\w+://[^\s\"?]+)\?[^\s\"]*")
_DIGITS = re.compile(r"\d{5,}")
_HIDDEN = "(hidden)"


def write_bundle(path: Path, installation: Installation, findings: Sequence[Finding], serve_toml: Path) -> None:
    """A .tar.gz of mode 0600. Raises `OSError`."""
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        path.chmod(0o600)
        for name, text in _parts(installation, findings, serve_toml):
            data = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"aiconvai-doctor/{name}")
            entry.size, entry.mtime = len(data), int(time.time())
            archive.addfile(entry, io.BytesIO(data))


def _parts(installation: Installation, findings: Sequence[Finding], serve_toml: Path) -> Iterator[tuple[str, str]]:
    yield "findings.json", json.dumps(
        [{**asdict(one), "grade": one.grade.value, "what": without_secrets(one.what)} for one in findings], indent=1
    )
    yield "system.txt", f"aiconvai {__version__}\nPython {platform.python_version()}\n{platform.platform()}\n"
    if installation.aiconvai_conf.exists():
        yield "aiconvai.conf", configuration_without_secrets(installation.aiconvai_conf)
    if serve_toml.exists():
        yield "serve.toml", toml_without_secrets(serve_toml.read_text(encoding="utf-8", errors="replace"))
    for command in _COMMANDS:
        if answer := installation.console(command):
            yield f"asterisk/{command.replace(' ', '-')}.txt", without_secrets(answer)
    if (log := _log(installation)) is not None:
        yield "asterisk/log.txt", log


def configuration_without_secrets(path: Path) -> str:
    """As it was read, with what it includes: known options that are no secrets; of all others the names."""
    lines: list[str] = []
    for section in read_configuration(path).sections:
        lines.append(f"\n[{section.name}]    ; {section.file}:{section.line}")
        for entry in section.entries:
            option = find_option(entry.key)
            is_shown = option is not None and not option.secret and not _SECRET_KEY.search(entry.key)
            lines.append(f"{entry.key} = {without_secrets(entry.value) if is_shown else _HIDDEN}")
    return "\n".join(lines) + "\n"


def toml_without_secrets(text: str) -> str:
    """Line by line, for it may be broken."""
    shown = []
    for line in text.splitlines():
        name, equals, _ = line.partition("=")
        shown.append(f"{name}= {_HIDDEN}" if equals and _SECRET_KEY.search(name) else without_secrets(line))
    return "\n".join(shown) + "\n"


def without_secrets(text: str) -> str:
    """No user of a URL, no query, no long number."""
    text = _QUERY.sub(rf"\1?{_HIDDEN}", _USER_IN_URL.sub(rf"\1{_HIDDEN}@", text))
    return _DIGITS.sub(lambda found: "#" * len(found[0]), redact(text, ("cards", "emails")))


def _log(installation: Installation) -> str | None:
    """The lines of the module, but not what was said."""
    folder = installation.directories.get("astlogdir", Path("/var/log/asterisk"))
    for name in _LOGS:
        try:
            with (folder / name).open("rb") as file:
                file.seek(max(0, (folder / name).stat().st_size - LOG_BYTES))
                lines = file.read(LOG_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        wanted = (line for line in lines if "aiconvai" in line and re.search(r"\b(NOTICE|WARNING|ERROR)\b", line))
        return without_secrets("\n".join(wanted)) + "\n"
    return None
