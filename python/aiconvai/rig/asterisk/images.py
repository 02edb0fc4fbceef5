"""Images with a real Asterisk, made from the distribution's packages, and the module built inside them.

An image's tag carries a hash of its recipe: a changed recipe builds a new image, an unchanged one is found
at once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console

from aiconvai import builds
from aiconvai.rig.asterisk.engine import ContainerEngine, ContainerError, container_engine, explain_failure

AsteriskVersion = Literal[16, 22]
Sanitizer = Literal["address", "thread"]

VERSIONS: tuple[AsteriskVersion, ...] = (16, 22)
MIRROR_VARIABLE = "AICONVAI_DEBIAN_MIRROR"
REPOSITORY_VARIABLE = "AICONVAI_REPOSITORY"
MODULE_NAME = "app_aiconvai.so"
DOCUMENTATION_PATTERN = "*-en_US.xml"
FORGOTTEN_EVENTFDS: Mapping[AsteriskVersion, int] = {16: 0, 22: 1}
"""Event descriptors left for each loop when the module is unloaded: up to 4.3.5, libwebsockets forgets its own eventfd
when a context is destroyed.
"""
LOOP_THREAD = "aiconvai-net"
"""What the module calls the threads of its loops."""


@dataclass(frozen=True)
class AsteriskImage:
    """Where one version of Asterisk comes from and where its files are in the image."""

    version: AsteriskVersion
    suite: str
    module_directory: str
    data_directory: str = "/usr/share/asterisk"

    def recipe(self) -> str:
        """Everything that decides the image's content, as text."""
        containerfile = (repository_root() / "containers" / "Containerfile").read_text(encoding="utf-8")
        return f"{self.suite}\n{containerfile}"

    def tag(self) -> str:
        """The image's name; changes whenever the recipe does."""
        digest = hashlib.sha256(self.recipe().encode()).hexdigest()[:12]
        return f"localhost/aiconvai-asterisk:{self.version}-{digest}"


IMAGES: Mapping[AsteriskVersion, AsteriskImage] = {
    16: AsteriskImage(16, "bullseye", "/usr/lib/asterisk/modules"),
    22: AsteriskImage(22, "forky", "/usr/lib/x86_64-linux-gnu/asterisk/modules"),
}


def repository_root() -> Path:
    """The checkout this package belongs to: the images and the module are built from its files."""
    override = os.environ.get(REPOSITORY_VARIABLE)
    root = Path(override) if override else Path(__file__).resolve().parents[4]
    if not (root / "containers" / "Containerfile").is_file():
        raise ContainerError(
            f"{root}: no containers/Containerfile there; set {REPOSITORY_VARIABLE} to a checkout of aiconvai"
        )
    return root


def ensure_image(version: AsteriskVersion, *, console: Console | None = None) -> str:
    """The tag of the image with that Asterisk, built now if it is not there (about a minute, once)."""
    image = IMAGES[version]
    containerfile = repository_root() / "containers" / "Containerfile"
    title = f"Asterisk {version}: packages and tools"
    return build_image(image.tag(), image.suite, containerfile, title, console=console)


def build_image(
    tag: str,
    suite: str,
    containerfile: Path,
    title: str,
    arguments: Mapping[str, str] | None = None,
    *,
    console: Console | None = None,
) -> str:
    """The tag, of an image that is built now if it is not there, from a bare system of that suite. Those of the same
    name and version before it are removed.
    """
    engine = container_engine()
    if engine.has_image(tag):
        return tag
    console = console or Console(stderr=True)
    base = ensure_base(suite, console=console)
    family = tag.rpartition("-")[0]
    with builds.exclusive(_cache_directory() / f"image-{family.rpartition('/')[2].replace(':', '-')}.lock"):
        if not engine.has_image(tag):
            with tempfile.TemporaryDirectory() as empty_context:
                run_with_progress(
                    engine.command(
                        "build",
                        "--network=host",
                        *engine.limit_arguments(),
                        f"--build-arg=BASE={base}",
                        *(f"--build-arg={name}={value}" for name, value in (arguments or {}).items()),
                        f"--tag={tag}",
                        f"--file={containerfile}",
                        empty_context,
                    ),
                    title,
                    console,
                )
            _remove_superseded(engine, tag, f"{family}-")
    return tag


def build_module(
    version: AsteriskVersion,
    build_dir: Path | None = None,
    sanitizer: Sanitizer | None = None,
    *,
    options: Mapping[str, str] | None = None,
    targets: Sequence[str] = (),
    console: Console | None = None,
) -> Path:
    """Build app_aiconvai.so against one Asterisk, inside its image, and return the module's path.

    build_dir defaults to build/asterisk-VERSION[-asan|-tsan][-OPTIONS] of the repository, so that who wants other
    options builds elsewhere. options are Meson options by name; what they do not change is taken from the ordinary
    build. An up-to-date build costs about a second. A directory configured with other options or another image is set
    up anew. Raises BuildError with the compiler's output.
    """
    root = repository_root()
    if not (root / "meson.build").is_file():
        raise builds.BuildError(f"{root / 'meson.build'}: not found; the module is built from a full checkout")
    tag = ensure_image(version, console=console)
    console = console or Console(stderr=True)
    suffix = {None: "", "address": "-asan", "thread": "-tsan"}[sanitizer]
    if options:
        suffix += "-" + hashlib.sha256(json.dumps(dict(options), sort_keys=True).encode()).hexdigest()[:6]
    directory = (build_dir or root / "build" / f"asterisk-{version}{suffix}").absolute()
    # The image's compiler is known, so that a warning is news.
    wanted = {"buildtype": "debugoptimized", "werror": "true", **_sanitizer_options(sanitizer), **(options or {})}
    record = {"image": tag, "options": wanted}
    # Of a build with options of its own little differs from the ordinary one.
    begun = _build_directory_of(build_module(version, sanitizer=sanitizer, console=console)) if options else None
    with builds.exclusive(builds.lock_of(directory)):
        if not builds.is_configured(directory, record):
            builds.empty(directory)
            settings = [f"-D{name}={value}" for name, value in wanted.items()]
            if begun is None:
                meson = ["meson", "setup", *settings, "/build", "/src"]
            else:
                builds.begin_with(directory, begun)
                meson = ["meson", "configure", *settings, "/build"]
            _in_image(tag, root, directory, meson, f"Asterisk {version}: {meson[0]} {meson[1]}", console)
            builds.note_configured(directory, record)
        ninja = ["ninja", "-C", "/build", *targets]
        _in_image(tag, root, directory, ninja, f"Asterisk {version}: building {directory.name}", console)
    modules = sorted(directory.rglob(MODULE_NAME))
    if not modules:
        raise builds.BuildError(f"{directory}: the build succeeded but made no {MODULE_NAME}; see its meson-logs/")
    return modules[0]


def documentation_of(module: Path) -> Path | None:
    """The XML documentation that belongs to a module: in its build directory or its sources."""
    for place in (_build_directory_of(module), repository_root() / "app_aiconvai"):
        found = sorted(place.rglob(DOCUMENTATION_PATTERN)) if place is not None and place.is_dir() else []
        if found:
            return found[0]
    return None


def _build_directory_of(module: Path) -> Path | None:
    return next((parent for parent in module.absolute().parents if (parent / "build.ninja").is_file()), None)


def _sanitizer_options(sanitizer: Sanitizer | None) -> dict[str, str]:
    if sanitizer is None:
        return {}
    # b_lundef: the sanitizer's symbols come from the library preloaded into Asterisk.
    return {"b_sanitize": {"address": "address,undefined", "thread": "thread"}[sanitizer], "b_lundef": "false"}


def _in_image(tag: str, root: Path, build: Path, command: list[str], title: str, console: Console) -> None:
    engine = container_engine()
    full = engine.command(
        "run",
        "--rm",
        *engine.run_arguments(),
        f"--volume={root}:/src:ro",
        f"--volume={build}:/build",
        tag,
        *command,
    )
    with console.status(title):
        done = subprocess.run(full, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise builds.BuildError(f"{title}: {shlex.join(command)}: exit status {done.returncode}\n{done.stdout[-8000:]}")


def ensure_base(suite: str, *, console: Console | None = None) -> str:
    """The tag of that Debian's bare root file system: made here where mmdebstrap is, else the distribution's own."""
    if not shutil.which("mmdebstrap"):
        return f"debian:{suite}"
    engine, tag = container_engine(), f"localhost/aiconvai-debian:{suite}"
    if engine.has_image(tag):
        return tag
    console = console or Console(stderr=True)
    with builds.exclusive(_cache_directory() / f"base-{suite}.lock"):
        if not engine.has_image(tag):
            _make_base(suite, tag, console)
    return tag


def _make_base(suite: str, tag: str, console: Console) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch) / "root.tar"
        command = [
            "mmdebstrap",
            "--variant=minbase",
            "--include=ca-certificates",
            '--aptopt=Acquire::Check-Valid-Until "false"',
            suite,
            str(archive),
        ]
        mirror = _debian_mirror()
        if mirror:
            # Main archive only: an archived suite's security pocket can be incomplete.
            command.append(f"deb {mirror} {suite} main")
        run_with_progress(command, f"Debian {suite}: root file system", console)
        container_engine().call("import", str(archive), tag, timeout=300)


@functools.cache
def _debian_mirror() -> str | None:
    """The mirror this machine's apt uses, or None for mmdebstrap's default."""
    override = os.environ.get(MIRROR_VARIABLE)
    if override:
        return override
    release = Path("/etc/os-release")
    if not release.is_file() or not re.search(r"^ID=\"?debian\"?$", release.read_text(encoding="utf-8"), re.MULTILINE):
        return None
    codename = re.search(r"^VERSION_CODENAME=\"?(\w+)", release.read_text(encoding="utf-8"), re.MULTILINE)
    wanted = codename.group(1) if codename else "stable"
    listed = subprocess.run(
        [
            "apt-get",
            "indextargets",
            "--format",
            "$(CODENAME) $(COMPONENT) $(REPO_URI)",
            "Created-By: Packages",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        fields = line.split()
        if fields[:2] == [wanted, "main"] and len(fields) == 3:
            return fields[2]
    return None


def run_with_progress(command: list[str], title: str, console: Console) -> None:
    """Run a long command, showing its latest line; on failure raise with the tail of its output."""
    tail: list[str] = []
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    with console.status(title) as status:
        for line in process.stdout:
            tail = [*tail[-60:], line]
            status.update(f"{title}: [dim]{line.strip()[:100].replace('[', '(')}[/dim]")
        code = process.wait()
    if code != 0:
        raise ContainerError(explain_failure(command, code, "".join(tail)))
    console.print(f"{title}: done")


def _remove_superseded(engine: ContainerEngine, present: str, prefix: str) -> None:
    """Remove images of older recipes; the engine itself keeps those that a container still uses."""
    listed = engine.call("images", "--format", "{{.Repository}}:{{.Tag}}")
    for tag in listed.split():
        if tag.startswith(prefix) and tag != present:
            with contextlib.suppress(ContainerError):
                engine.call("rmi", tag)


def _cache_directory() -> Path:
    path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aiconvai"
    path.mkdir(parents=True, exist_ok=True)
    return path
