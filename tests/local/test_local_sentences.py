"""Text is cut into sentences as it comes, and a voice is given no Markdown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.local.minds.sentences import FIRST_CLAUSE, LONGEST_SENTENCE, SentenceCutter, sentences_of, spoken

TEXTS = [
    ("We are open from 9 a.m. to 5 p.m. today. Come by!", ["We are open from 9 a.m. to 5 p.m. today.", "Come by!"]),
    ("We close at 5 p.m. Come earlier.", ["We close at 5 p.m.", "Come earlier."]),
    ("It is 9 a.m. Monday. Yes.", ["It is 9 a.m. Monday.", "Yes."]),
    ("Dr. Smith, e.g. on Friday. Mrs. Jones is in.", ["Dr. Smith, e.g. on Friday.", "Mrs. Jones is in."]),
    ("It costs 3.5 dollars. Or $1,000.50.", ["It costs 3.5 dollars.", "Or $1,000.50."]),
    ("No. We are at No. 5 High Street. So am I. Fine.", ["No.", "We are at No. 5 High Street.", "So am I.", "Fine."]),
    ("J. K. Rowling lives in the U.K. She writes.", ["J. K. Rowling lives in the U.K.", "She writes."]),
    ("Hmm... let me look. Well... It is free.", ["Hmm... let me look.", "Well...", "It is free."]),
    ('He said "Come in." Then what? Really?! Yes…', ['He said "Come in."', "Then what?", "Really?!", "Yes…"]),
    (
        "Bread, milk, etc. are sold. Eggs etc. We have all.",
        ["Bread, milk, etc. are sold.", "Eggs etc.", "We have all."],
    ),
    ("See https://a.example/x.html?q=1.5 for it. Bye.", ["See https://a.example/x.html?q=1.5 for it.", "Bye."]),
    ("東京です。はい\uff01どうぞ", ["東京です。", "はい\uff01", "どうぞ"]),
    ("1. Rooms. Nice ones.\n2. Breakfast\n", ["1. Rooms.", "Nice ones.", "2. Breakfast"]),
    ("# Hours\n\n- **Monday**: 9 to 5\n* _Tuesday_: `closed`\n", ["Hours", "Monday: 9 to 5", "Tuesday: closed"]),
    ("| Day | Hours |\n|---|:-:|\n| Mon | 9 |\n", ["Day, Hours", "Mon, 9"]),
    ("Look [here](https://a.example/b?c) or ![a map](m.png).", ["Look here or a map."]),
    ("```sh\nls -l\n```\nDone.", ["ls -l", "Done."]),
    ("> **Note.** Call\\. 3 * 4 is snake_case.\n---\n", ["Note.", "Call.", "3 * 4 is snake_case."]),
    ("...\n***\n:-)\n", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text[:20] for text, _ in TEXTS])
def test_sentences(text: str, expected: list[str]) -> None:
    assert sentences_of(text) == expected


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[text[:20] for text, _ in TEXTS])
@pytest.mark.parametrize("size", [1, 3, 7])
def test_pieces_make_no_difference(text: str, expected: list[str], size: int) -> None:
    cutter = SentenceCutter(early=False)
    pieces = [text[begin : begin + size] for begin in range(0, len(text), size)]
    assert [one for piece in pieces for one in cutter.feed(piece)] + cutter.end() == expected


def test_a_sentence_comes_as_soon_as_it_is_whole() -> None:
    cutter = SentenceCutter()
    assert cutter.feed("Yes, of course.") == []
    assert cutter.feed(" ") == ["Yes, of course."]
    assert cutter.feed("At 9 a.m. ") == []
    assert cutter.feed("W") == []
    assert cutter.feed("e ") == ["At 9 a.m."]
    assert cutter.end() == ["We"]


def test_the_first_piece_may_be_a_clause() -> None:
    text = "Yes, of course, we do have a table for you, at the window, and it is free."
    early, patient = SentenceCutter(), SentenceCutter(early=False)
    for sign in text[:-1]:
        patient.feed(sign)
    assert patient.end() == [text[:-1]]
    pieces = [piece for sign in text for piece in early.feed(sign)] + early.end()
    assert pieces == ["Yes, of course, we do have a table for you,", "at the window, and it is free."]
    assert len(pieces[0]) >= FIRST_CLAUSE
    # Where the whole sentence is there at once, and is short, nothing is gained.
    assert SentenceCutter().feed(f"{text} ") == [text]


def test_long_sentences_are_cut_at_clauses() -> None:
    text = " ".join(f"word{number}," if number % 9 == 0 else f"word{number}" for number in range(1, 100))
    pieces = sentences_of(text)
    assert " ".join(pieces) == text
    assert all(piece.endswith(",") for piece in pieces[:-1])
    assert all(len(piece) <= LONGEST_SENTENCE for piece in pieces)
    # Where there is no clause, between words; where there is no word's end either, anywhere.
    assert sentences_of("word " * 90)[0] == ("word " * 40).strip()
    assert [len(piece) for piece in sentences_of("x" * 450)] == [200, 200, 50]


@given(st.lists(st.text("ab .,!?\n*_#-|`[]()1…。\"'\\", max_size=60), max_size=20))
def test_whatever_comes_is_bounded(pieces: list[str]) -> None:
    cutter = SentenceCutter()
    sentences = [one for piece in pieces for one in cutter.feed(piece)] + cutter.end()
    assert all(0 < len(one) <= LONGEST_SENTENCE for one in sentences)
    assert all(any(sign.isalnum() for sign in one) for one in sentences)
    assert cutter.end() == []
    # Nothing of what can be spoken is lost but what stands for the eye: addresses of links, and fences with languages.
    if not any(sign in "".join(pieces) for sign in "`("):
        letters = [sign for piece in pieces for sign in piece if sign.isalpha()]
        assert [sign for one in sentences for sign in one if sign.isalpha()] == letters


def test_what_stands_for_the_eye_is_dropped() -> None:
    assert spoken("## **Fees** & _prices_ (`VAT`)") == "Fees & prices (VAT)"
    assert spoken("- [x] done") == "done"
    assert spoken("Mail <me@a.example>, or see <https://a.example>.") == "Mail me@a.example, or see https://a.example."
    assert spoken("-----") == ""
