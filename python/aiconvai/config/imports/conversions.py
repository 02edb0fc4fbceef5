"""How values there become values here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from aiconvai.config.imports.rows import Conversion, Known

_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def _number(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("a number")
    return number


def _truth(value: str) -> bool:
    folded = value.strip().lower()
    if folded not in (*_TRUE, *_FALSE):
        raise ValueError("true or false")
    return folded in _TRUE


def number(value: str, known: Known) -> int | float:
    found = _number(value)
    return int(found) if found == int(found) else found


def fixed(value: str | bool, words: str = "") -> Conversion:
    """Whatever is given."""
    return Conversion(words, lambda _, __: value)


def choice(words: Mapping[str, str | None]) -> Conversion:
    """One word for another; None: nothing is set. Their case does not matter."""

    def apply(value: str, known: Known) -> str | None:
        if value.strip().lower() not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return words[value.strip().lower()]

    return Conversion("", apply)


NUMBER = Conversion("", number)
YES_NO = Conversion("", lambda value, _: _truth(value))
WHERE_TRUE = Conversion("where it is true", lambda value, _: _truth(value) or None)
ONLY_FALSE_IS = Conversion("only `false` is no", lambda value, _: value != "false")
SECONDS_TO_MS = Conversion("times 1000", lambda value, _: round(_number(value) * 1000))
MS_TO_SECONDS = Conversion("by 1000, rounded up", lambda value, _: math.ceil(_number(value) / 1000))
WHOLE_SECONDS = Conversion("rounded up", lambda value, _: math.ceil(_number(value)))
"""Of a number of seconds."""
LOWER = Conversion("", lambda value, _: value.strip().lower())


def _ari_url(value: str, known: Known) -> str:
    url = value.strip().rstrip("/").removesuffix("/ari").rstrip("/")
    if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname:
        raise ValueError("http://HOST:PORT")
    return url


ARI_URL = Conversion("without `/ari`", _ari_url)


def _address(value: str, known: Known) -> str | None:
    try:
        address = ip_address(value.strip())
    except ValueError:
        raise ValueError("an address in numbers, at which Asterisk reaches this machine") from None
    return None if address.is_unspecified else str(address)


ADDRESS = Conversion("an address in numbers", _address)


def _openai_model(value: str, known: Known) -> str | None:
    return value if "realtime" in value and "preview" not in value else None


OPENAI_MODEL = Conversion("not previews, whose interface is gone, nor models that do not speak", _openai_model)


def _gemini_model(value: str, known: Known) -> str | None:
    if not any(word in value for word in ("live", "native-audio")):
        return None
    return value if "/" in value else f"models/{value}"


GEMINI_MODEL = Conversion("live models; others do not speak", _gemini_model)


def _sensitivity(value: str, known: Known) -> str:
    word = value.strip().lower().removeprefix("start_sensitivity_").removeprefix("end_sensitivity_")
    if word not in ("low", "high", "unspecified"):
        raise ValueError("LOW or HIGH")
    return word.replace("unspecified", "auto")


SENSITIVITY = Conversion("`LOW`, `HIGH`", _sensitivity)


def _websocket_base(value: str, known: Known) -> str:
    base = value.strip().rstrip("/")
    return f"{'ws' + base.removeprefix('http') if base.startswith('http') else base}/v1/realtime"


WEBSOCKET_BASE = Conversion("ws for http, with `/v1/realtime`", _websocket_base)


def redis_url(host: str, port: str, password: str, database: str) -> Conversion:
    """Of the settings of these names, any of which may be missing."""

    def apply(_: str, known: Known) -> str:
        secret = quote(known.get(password) or "", safe="")
        user = f":{secret}@" if secret else ""
        name = known.get(host) or "127.0.0.1"
        name = f"[{name}]" if ":" in name else name
        number = known.get(port) or "6379"
        if not number.isdecimal():
            raise ValueError("a port")
        return f"redis://{user}{name}:{number}/{known.get(database) or '0'}"

    return Conversion("of all four", apply)
