#!/usr/bin/env python3
"""Makes the images of packaging/compose, of this tree: aiconvai/asterisk, .../serve, .../gateway, .../local
and .../mock.

    .venv/bin/python packaging/images.py [NAME...]

Their Debian is made here where mmdebstrap is, as the rig's; else it is the distribution's own image.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from aiconvai.rig.asterisk.engine import container_engine
from aiconvai.rig.asterisk.images import ensure_base, run_with_progress

ROOT = Path(__file__).resolve().parents[1]
_AUTHORITIES_VARIABLE = "PIP_CERT"
"""pip's own: whom it trusts here it trusts there."""


@dataclass(frozen=True)
class Recipe:
    """How an image is made."""

    folder: str
    """Of packaging/containers."""
    suite: str
    target: str = ""


RECIPES: Mapping[str, Recipe] = {
    "asterisk": Recipe("asterisk", "forky"),
    "serve": Recipe("python", "bookworm", "serve"),
    "gateway": Recipe("python", "bookworm", "gateway"),
    "local": Recipe("python", "bookworm", "local"),
    "mock": Recipe("python", "bookworm", "mock"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    chosen = parser.parse_args(arguments).image or RECIPES
    if unknown := set(chosen) - set(RECIPES):
        parser.error(f"{', '.join(unknown)}: expected some of {', '.join(RECIPES)}")
    for name in chosen:
        tag = build(name)
        size = int(container_engine().call("image", "inspect", "--format", "{{.Size}}", tag))
        print(f"{tag}: {size / 1e6:.0f} MB")


def build(name: str, console: Console | None = None) -> str:
    """Its tag. Layers that are there already are taken. Raises `ContainerError`."""
    recipe, engine = RECIPES[name], container_engine()
    console = console or Console(stderr=True)
    tag = f"aiconvai/{name}"
    arguments = [
        "build", "--network=host", *engine.limit_arguments(), f"--tag={tag}",
        f"--file={ROOT / 'packaging' / 'containers' / recipe.folder / 'Containerfile'}",
        f"--build-arg=BASE={ensure_base(recipe.suite, console=console)}",
    ]  # fmt: skip
    if engine.name == "podman":
        # The format that knows HEALTHCHECK.
        arguments.append("--format=docker")
    if recipe.target:
        arguments.append(f"--target={recipe.target}")
    if authorities := os.environ.get(_AUTHORITIES_VARIABLE):
        arguments.append(f"--secret=id=authorities,src={authorities}")
    run_with_progress(engine.command(*arguments, str(ROOT)), tag, console)
    return tag


if __name__ == "__main__":
    main()
