"""How a caller proves who he is: HTTP's digest, as SIP has it (RFC 3261 section 22.4, RFC 2617)."""

from __future__ import annotations

import hashlib
import secrets
from urllib.request import parse_http_list, parse_keqv_list

from aiconvai.rig.caller.sip import SipError


def authorization(challenge: str, user: str, password: str, method: str, uri: str, *, cnonce: str = "") -> str:
    """The header `Authorization` that answers a `WWW-Authenticate`. Raises `SipError` where that asks for something
    else than MD5 with `qop=auth`.
    """
    scheme, _, text = challenge.partition(" ")
    asked = parse_keqv_list(parse_http_list(text))
    usual = asked.get("algorithm", "MD5").upper() == "MD5" and "auth" in asked.get("qop", "").split(",")
    if scheme.lower() != "digest" or not usual:
        raise SipError(f"a challenge that is not known: expected Digest with MD5 and qop=auth, got {challenge}")
    realm, nonce, count, cnonce = asked["realm"], asked["nonce"], "00000001", cnonce or secrets.token_hex(8)
    who, what = _md5(f"{user}:{realm}:{password}"), _md5(f"{method}:{uri}")
    response = _md5(f"{who}:{nonce}:{count}:{cnonce}:auth:{what}")
    opaque = f', opaque="{asked["opaque"]}"' if "opaque" in asked else ""
    return (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", response="{response}", '
        f'algorithm=MD5, cnonce="{cnonce}", qop=auth, nc={count}{opaque}'
    )


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
