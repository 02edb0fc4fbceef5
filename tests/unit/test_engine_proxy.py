"""The option proxy: which texts name one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import load_library


def parse(text: str) -> tuple[str, int, str] | None:
    """Host, port and credentials; None where it is none."""
    library = load_library()
    proxy = library.ffi.new("struct aic_proxy *")
    if library.lib.aic_proxy_parse(library.c_text(text), proxy):
        return None
    return library.text(proxy.url.host), int(proxy.url.port), library.text(proxy.credentials)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("http://proxy.example:3128", ("proxy.example", 3128, "")),
        ("http://proxy.example", ("proxy.example", 80, "")),
        ("HTTP://proxy.example:3128/", ("proxy.example", 3128, "")),
        ("http://me:secret@proxy.example:3128", ("proxy.example", 3128, "me:secret")),
        ("http://me:p@ss:word@10.0.0.1:8080", ("10.0.0.1", 8080, "me:p@ss:word")),
        ("http://me:@10.0.0.1:8080", ("10.0.0.1", 8080, "me:")),
        ("http://[::1]:3128", ("::1", 3128, "")),
    ],
)
def test_proxies(text: str, parsed: tuple[str, int, str]) -> None:
    assert parse(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "", "proxy.example:3128", "https://proxy.example", "socks5://proxy.example", "http://", "http://:3128",
        "http://me@proxy.example", "http://proxy.example:0", "http://proxy.example:99999", "http://proxy.example/path",
        "http://proxy.example:3128?x=1", "http://a b", f"http://{'u' * 90}:{'p' * 90}@proxy.example",
        f"http://{'h' * 300}.example",
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    assert parse(text) is None


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=600))
def test_any_text(text: str) -> None:
    parse(text)
    parse("http://" + text)
