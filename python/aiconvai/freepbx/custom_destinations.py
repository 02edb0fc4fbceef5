"""Custom destinations: by FreePBX's own PHP classes where they are there, else the clicks that make them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from pydantic import BaseModel, ValidationError

MARK = "made by aiconvai freepbx"
"""In the notes of those that are ours."""
_SECONDS = 60.0
_SHOWN = 300


class DestinationsError(RuntimeError):
    """FreePBX's classes could not be used; the message says why."""


class Destinations(BaseModel):
    """What was done, or would be: targets. `used`: what leads to targets that are not
    wanted any more, which stay."""

    made: list[str] = []
    removed: list[str] = []
    there: list[str] = []
    used: dict[str, list[str]] = {}
    error: str = ""


def register(php: str, freepbx_conf: Path, wanted: Mapping[str, str], *, looks: bool = False) -> Destinations:
    """Those of ours become the wanted ones, {target: description}; `looks`: only says what it would do. Raises
    `DestinationsError`.
    """
    question = {
        "mark": MARK,
        "look": looks,
        "wanted": [{"target": target, "description": description} for target, description in wanted.items()],
    }
    with as_file(files(__package__) / "custom_destinations.php") as program:
        try:
            done = subprocess.run(
                [php, "-d", "display_errors=stderr", str(program), str(freepbx_conf)], input=json.dumps(question),
                capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DestinationsError(f"{php}: {error}") from error
    # What FreePBX prints while it starts is before it.
    last = done.stdout.rstrip().rpartition("\n")[2]
    try:
        answer = Destinations.model_validate_json(last)
    except ValidationError:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}")[:_SHOWN]
        raise DestinationsError(f"FreePBX's classes do not answer: {said}") from None
    if answer.error:
        raise DestinationsError(f"FreePBX's classes say: {answer.error[:_SHOWN]}")
    return answer


def clicks(wanted: Mapping[str, str]) -> Sequence[str]:
    """How they are made in the browser, a step a line; none: how those of ours are taken away."""
    if not wanted:
        return [f"Admin > Custom Destinations: delete those in whose notes stands {MARK!r}, and whatever leads to them"]
    return [
        f"Admin > Custom Destinations > Add Destination: Target {target}, Description {description}, Notes {MARK}, "
        "Return No, Submit"
        for target, description in wanted.items()
    ]
