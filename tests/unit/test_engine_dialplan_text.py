"""What a service words, in a variable of the dialplan: between quotes it is one argument, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.json_messages import dialplan_text


def arguments(text: str) -> list[str]:
    """As Asterisk's __ast_app_separate_args() splits them at commas: quotes, brackets and parentheses are counted."""
    found, quoted, open_ = [""], False, {"(": 0, "[": 0}
    characters = iter(text)
    for character in characters:
        if character in open_:
            open_[character] += 1
        elif character in ")]":
            kind = "(" if character == ")" else "["
            open_[kind] -= open_[kind] > 0
        elif character == '"':
            quoted = not quoted
            continue
        elif character == "\\":
            character = next(characters, "")
        elif character == "," and not quoted and not any(open_.values()):
            found.append("")
            continue
        found[-1] += character
    return found


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("the service closed the connection (close code 1000: bye)", None),
        ("a [b] (c) don't", None),
        ("[2J", " 2J"),
        ("a) b( c", "a  b  c"),
        ("(a(b)", " a(b)"),
        ('say "no"', "say 'no'"),
        ("${SHELL(rm)} `id` $(id)", " {SHELL(rm)} 'id'  (id)"),
        ("C:\\", "C:/"),
        ("", None),
    ],
)
def test_what_is_kept_and_what_is_changed(said: str, told: str | None) -> None:
    assert dialplan_text(said) == (said if told is None else told)


@given(st.text(st.sampled_from("a,()[]\"\\'$`ä "), max_size=60))
def test_between_quotes_it_is_one_argument(said: str) -> None:
    told = dialplan_text(said)
    assert len(told) == len(said)
    assert arguments(f'Reason: "{told}",ConversationID: 1') == [f"Reason: {told}", "ConversationID: 1"]
    assert dialplan_text(told) == told
