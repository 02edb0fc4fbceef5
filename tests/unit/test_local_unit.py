"""The unit of systemd that docs/local.md installs keeps `aiconvai local` in as the other programs are kept in."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNIT = ROOT / "packaging/local/aiconvai-local.service"
OTHER = ROOT / "packaging/application/aiconvai-gateway.service"


def hardening(path: Path) -> str:
    text = path.read_text()
    return text[text.index("NoNewPrivileges") :]


def test_it_is_kept_in_as_the_others_are() -> None:
    assert hardening(UNIT) == hardening(OTHER)
    assert "DynamicUser=yes" in UNIT.read_text()


def test_it_starts_what_the_docs_install() -> None:
    (line,) = [one for one in UNIT.read_text().splitlines() if one.startswith("ExecStart=")]
    folder, program = line.removeprefix("ExecStart=").split("/bin/")
    docs = (ROOT / "docs/local.md").read_text()
    assert f"python3 -m venv {folder} && {folder}/bin/pip install 'aiconvai[local]'" in docs
    assert program == "aiconvai local"
    assert str(UNIT.relative_to(ROOT)) in docs
