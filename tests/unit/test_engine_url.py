"""URLs against urllib.parse."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.url import Url, parse_url, url_origin, url_with_query

SCHEMES = {"http": (False, 80), "https": (True, 443), "ws": (False, 80), "wss": (True, 443)}
PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"

HOSTS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,10}){0,3}", fullmatch=True) | st.ip_addresses(
    v=4
).map(str)
PATHS = st.text(PLAIN + "/%@:!$&'()*+,;=", max_size=40).map(lambda text: "/" + text)
QUERIES = st.text(PLAIN + "/%@:&=+,;?", min_size=1, max_size=40).map(lambda text: "?" + text)


@given(
    st.sampled_from([*SCHEMES, "WSS", "Https"]),
    HOSTS | st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
    st.none() | st.integers(1, 65535),
    st.just("") | PATHS,
    st.just("") | QUERIES,
)
def test_parts(scheme: str, host: str, port: int | None, path: str, query: str) -> None:
    authority = host if port is None else f"{host}:{port}"
    text = f"{scheme}://{authority}{path}{query}"
    reference = urlsplit(text)
    secure, default_port = SCHEMES[scheme.lower()]
    assert parse_url(text) == Url(secure, host.strip("[]"), port or default_port, authority, path + query)
    assert reference.port == port
    assert reference.hostname == host.strip("[]")
    assert url_origin(text) == f"{scheme}://{authority}"


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("wss://h", "h", 443, ""),
        ("ws://h:8080?x=1", "h", 8080, "?x=1"),
        ("ws://h#part", "h", 80, "#part"),
        ("wss://[::1]/a", "::1", 443, "/a"),
        ("wss://[2001:db8::7]:1/", "2001:db8::7", 1, "/"),
        ("http://127.0.0.1:65535/", "127.0.0.1", 65535, "/"),
    ],
)
def test_examples(text: str, host: str, port: int, path: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.path) == (host, port, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "h",
        "//h",
        "ftp://h",
        "wss:/h",
        "wss:h",
        "wss//h",
        " wss://h",
        "wss://",
        "wss:///path",
        "wss://?q",
        "wss://:80",
        "wss://user@h",
        "wss://user:password@h/",
        "wss://h:",
        "wss://h:0",
        "wss://h:65536",
        "wss://h:99999999999999999999",
        "wss://h:8o",
        "wss://h:-1",
        "wss://h:+1",
        "wss://h: 1",
        "wss://h:1:2",
        "wss://[::1",
        "wss://[]",
        "wss://[::1]x",
        "wss://[::1]:",
        "wss://[::1]:x",
        "wss://" + "h" * 256,
        "wss://" + "h" * 10_000,
        "wss://h\r\nX-Injected: 1/",
        "wss://h/\r\nX-Injected: 1",
        "wss://h/a b",
        "wss://h/\t",
        "wss://h/\x7f",
        "wss://h h/",
    ],
)
def test_bad_urls(text: str) -> None:
    with pytest.raises(ValueError, match="expected an http"):
        parse_url(text)


@given(
    HOSTS,
    st.just("") | PATHS,
    st.just("") | QUERIES,
    st.text(PLAIN, min_size=1),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)
def test_a_query_is_added(host: str, path: str, query: str, key: str, value: str) -> None:
    url = f"https://{host}{path}{query}"
    with_query = url_with_query(url, key, value)
    assert with_query.startswith(url)
    assert with_query.isascii() == url.isascii()
    before = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    assert parse_qsl(urlsplit(with_query).query, keep_blank_values=True) == [*before, (key, value)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h/p", "https://h/p?k=v%26%3D%20%2F%3F%23%25"),
        ("https://h/p?a=1", "https://h/p?a=1&k=v%26%3D%20%2F%3F%23%25"),
        ("wss://h", "wss://h?k=v%26%3D%20%2F%3F%23%25"),
    ],
)
def test_the_value_is_encoded(url: str, expected: str) -> None:
    assert url_with_query(url, "k", "v&= /?#%") == expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("wss://h:1/secret?token=secret", "wss://h:1"),
        ("https://h?secret", "https://h"),
        ("https://h#secret", "https://h"),
        ("https://user:secret@h:1/x", "https://h:1"),
        ("https://user:sec@ret@h/", "https://h"),
        ("wss://h/@secret", "wss://h"),
        ("secret", ""),
        ("ftp://secret/", ""),
        ("", ""),
    ],
)
def test_an_origin_shows_no_secret(url: str, origin: str) -> None:
    assert url_origin(url) == origin
