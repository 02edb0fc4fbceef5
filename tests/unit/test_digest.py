"""Who calls is proven as RFC 2617 has it."""

from __future__ import annotations

import pytest

from aiconvai.rig.caller.digest import authorization
from aiconvai.rig.caller.sip import SipError

CHALLENGE = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)


def test_the_answer_is_the_one_of_the_standard() -> None:
    """Section 3.5."""
    said = authorization(CHALLENGE, "Mufasa", "Circle Of Life", "GET", "/dir/index.html", cnonce="0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in said
    assert 'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in said


def test_each_answer_has_a_number_of_its_own() -> None:
    first, second = (authorization(CHALLENGE, "1000", "secret", "INVITE", "sip:100@host") for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    "challenge", [CHALLENGE.replace("auth,auth-int", "auth-int"), CHALLENGE + ", algorithm=SHA-256", 'Basic realm="x"']
)
def test_what_is_not_known_is_said(challenge: str) -> None:
    with pytest.raises(SipError, match="expected Digest with MD5"):
        authorization(challenge, "1000", "secret", "INVITE", "sip:100@host")
