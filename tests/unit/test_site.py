"""The site as `make docs` builds it: every link, anchor and image is there, and nothing comes from elsewhere.

That its search works without a network: tests/page/test_site_in_a_browser.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built_site import ROOT, build_site
from pymdownx.slugs import slugify

# mkdocs' page for a web server that finds nothing: what it names begins at the server's root.
NOT_A_PAGE = "404.html"
ASSETS = {("link", "href"), ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}
LINKS = {("a", "href"), *ASSETS}
_OF_STYLES = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


@dataclass
class Read(HTMLParser):
    """What a page has and names."""

    ids: set[str] = field(default_factory=set)
    named: list[tuple[str, str]] = field(default_factory=list)
    """Tag, and the address."""
    styles: list[str] = field(default_factory=list)
    raw_lists: list[str] = field(default_factory=list)
    """Paragraphs that were to be lists: Markdown here wants an empty line in front of them, GitHub's does not."""

    def __post_init__(self) -> None:
        super().__init__()
        self._is_text = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._is_text = tag == "p"
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.ids.add(value)
            if (tag, name) in LINKS and value:
                self.named.append((tag, value))
            if name == "style" and value:
                self.styles.append(value)

    def handle_data(self, data: str) -> None:
        if self._is_text and re.search(r"\n(- |\d+\. |\| |```)", data):
            self.raw_lists.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Read]:
    found = {}
    for path in site.rglob("*.html"):
        if path.name != NOT_A_PAGE:
            found[path] = Read()
            found[path].feed(path.read_text(encoding="utf-8"))
    return found


def is_elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in ("", "data")


def missing(pages: dict[Path, Read]) -> Iterator[str]:
    for path, page in pages.items():
        for _, address in page.named:
            parts = urlsplit(address)
            if is_elsewhere(address) or parts.scheme == "data":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                yield f"{path.name}: {address}: no such file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
                yield f"{path.name}: {address}: no such anchor"


def test_every_link_anchor_and_image_is_there(pages: dict[Path, Read]) -> None:
    assert sum(len(page.named) for page in pages.values()) > 1000
    assert list(missing(pages)) == []


def test_nothing_that_a_page_needs_comes_from_elsewhere(site: Path, pages: dict[Path, Read]) -> None:
    outside = [f"{path.name}: {one}" for path, page in pages.items() for tag, one in page.named
               if tag != "a" and is_elsewhere(one)]  # fmt: skip
    sheets = [(path, path.read_text(encoding="utf-8")) for path in site.rglob("*.css")]
    sheets += [(path, style) for path, page in pages.items() for style in page.styles]
    assert len(sheets) > 2
    for path, text in sheets:
        outside += [f"{path.name}: {one}" for pair in _OF_STYLES.findall(text) for one in pair if is_elsewhere(one)]
    assert outside == []


def test_pages_beside_docs_and_all_decisions_are_in_it(site: Path) -> None:
    for name in ("building", "contributing", "security", "changelog"):
        assert (site / f"{name}.html").exists()
    there = {path.stem for path in (site / "decisions").glob("*.html")}
    assert there == {path.stem for path in (ROOT / "docs" / "decisions").glob("*.md")}


def test_lists_and_tables_are_lists_and_tables(pages: dict[Path, Read]) -> None:
    assert [one for page in pages.values() for one in page.raw_lists] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    one.write_text('<a href="other.html#there">x</a><a href="other.html#not">x</a><img src="none.png">')
    other.write_text('<h2 id="there">There</h2>')
    pages = {path: Read() for path in (one, other)}
    for path, page in pages.items():
        page.feed(path.read_text())
    assert list(missing(pages)) == [
        "one.html: other.html#not: no such anchor",
        "one.html: none.png: no such file",
    ]


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")), ids=lambda path: path.name)
def test_pages_beside_docs_lead_somewhere(path: Path) -> None:
    """As they are read in the repository; the README is nowhere else."""
    for address in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        parts = urlsplit(address)
        if is_elsewhere(address):
            continue
        target = path.parent / parts.path if parts.path else path
        assert target.exists(), f"{path.name}: {address}"
        if parts.fragment:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert parts.fragment in [slugify(case="lower")(one, "-") for one in headings], f"{path.name}: {address}"
