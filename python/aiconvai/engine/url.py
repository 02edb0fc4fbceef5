"""URLs as the engine takes them apart."""

from __future__ import annotations

from dataclasses import dataclass

from aiconvai.engine.library import OutOfMemoryError, load_library


@dataclass(frozen=True, slots=True)
class Url:
    """What a connection needs of a URL. `path` includes the query and may be empty."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str


def parse_url(text: str) -> Url:
    """The parts of an http, https, ws or wss URL; raises ValueError for anything else."""
    library = load_library()
    url = library.ffi.new("struct aic_url *")
    c_text = library.c_text(text)
    if library.lib.aic_url_parse(c_text, url):
        raise ValueError("expected an http, https, ws or wss URL with a host")
    return Url(url.secure, library.text(url.host), url.port, library.text(url.authority), library.text(url.path))


def url_with_query(url: str, key: str, value: str) -> str:
    """The URL with "key=value" added to its query, the value percent-encoded."""
    library = load_library()
    result = library.lib.aic_url_with_query(library.c_text(url), library.c_text(key), library.c_text(value))
    if result == library.ffi.NULL:
        raise OutOfMemoryError("the engine is out of memory")
    try:
        return library.text(result)
    finally:
        library.lib.free(result)


def url_origin(url: str) -> str:
    """What may be shown of a URL whose path or query may hold a secret."""
    library = load_library()
    buffer = library.ffi.new("char[]", len(url.encode("utf-8", "surrogateescape")) + 1)
    return library.text(library.lib.aic_url_origin(library.c_text(url), buffer, len(buffer)))
