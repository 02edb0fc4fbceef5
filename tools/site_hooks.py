"""What mkdocs does besides for the site: pages that stand beside docs/ are in it, and so is every decision.

Links to files of the repository are written as they are read there; here they are turned to where that file is in the
site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
BESIDE = {
    "BUILD_INSTRUCTIONS.md": "building.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "LICENSE.txt",
    "configs/grafana-dashboard.json": "grafana-dashboard.json",
}
"""A file of the repository -> where it is in the site."""
DECISIONS = "decisions/"
_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """`Decisions: decisions/` is all pages of that folder."""
    assert config.nav is not None
    _expand(config.nav, Path(config.docs_dir))
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, target in BESIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    place = page.file.src_uri
    source = next((source for source, target in BESIDE.items() if target == place), f"docs/{place}")

    def turned(link: re.Match[str]) -> str:
        if "://" in link[2]:
            return link[0]
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[2]))
        target = BESIDE.get(meant) or meant.removeprefix("docs/")
        if f"{target}/" == DECISIONS:
            target = _decisions(Path(config.docs_dir))[0]
        return f"{link[1]}{posixpath.relpath(target, posixpath.dirname(place) or '.')}{link[3]}"

    return _LINK.sub(turned, markdown)


def _expand(nav: list[Any], docs: Path) -> None:
    for entry in nav:
        for name, below in entry.items() if isinstance(entry, dict) else ():
            if below == DECISIONS:
                entry[name] = _decisions(docs)
            elif isinstance(below, list):
                _expand(below, docs)


def _decisions(docs: Path) -> list[str]:
    return sorted(one.relative_to(docs).as_posix() for one in (docs / DECISIONS).glob("*.md"))
