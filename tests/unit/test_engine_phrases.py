"""Words that are no interruption: which texts are made of them and of nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.engine.library import load_library
from aiconvai.options import options

LIST = "mm-hmm, uh-huh, yes, ok, okay, I see, I, Ähm, hai"


def is_of_phrases(text: str, phrases: str = LIST) -> bool:
    library = load_library()
    return bool(library.lib.aic_text_is_of_phrases(library.c_text(text), library.c_text(phrases)))


@pytest.mark.parametrize(
    "text",
    [
        "Mm-hmm.",
        "mm hmm",
        "Yes, yes. OK!",
        "I see",
        "i see… okay",
        "“Ok”",
        "",
        " ",
        "...",
        "Ähm, ok",
        "hai。",
        "Uh-huh, I see.",
    ],
)
def test_back_channels(text: str) -> None:
    assert is_of_phrases(text)


@pytest.mark.parametrize(
    "text", ["Stop.", "Yes, but", "yesterday", "okays", "I see him", "mm", "ähm no", "ok " * 50, "7", "Да"]
)
def test_something_is_said(text: str) -> None:
    assert not is_of_phrases(text)


@pytest.mark.parametrize("phrases", ["", ",", " , ,", "-,!"])
def test_an_empty_list_has_no_back_channel(phrases: str) -> None:
    assert not is_of_phrases("yes", phrases)
    assert is_of_phrases("...", phrases)


@given(
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])),
    st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])),
)
def test_any_text_and_any_list(text: str, phrases: str) -> None:
    is_of_phrases(text, phrases)
    if 0 < len(text.encode()) < 100 and "," not in text:
        assert is_of_phrases(text, f"{phrases},{text}")


@given(
    st.lists(st.sampled_from(["yes", "I see", "ok", "mm-hmm"]), max_size=8), st.sampled_from([" ", ", ", "... ", "! "])
)
def test_any_number_of_them(words: list[str], between: str) -> None:
    assert is_of_phrases(between.join(words))


def test_what_is_configured_by_default() -> None:
    (option,) = (one for one in options() if one.name == "back_channels")
    assert isinstance(option.default, str)
    for text in ("Mm-hmm.", "Yeah, okay.", "Uh-huh.", "I see.", "Um"):
        assert is_of_phrases(text, option.default)
    for text in ("No.", "Stop!", "What?", "Yes please, the second one"):
        assert not is_of_phrases(text, option.default)
