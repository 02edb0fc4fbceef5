"""Sentences are spelled for the ear as people say them, whatever is in them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.local.voices.spelling import LONGEST, MOST_EXPANSION, spell

PHONES = [
    ("Call 020 7946 0958.", "Call zero two zero, seven nine four six, zero nine five eight."),
    ("+1 (555) 010-4477", "plus one, five five five, zero one zero, four four seven seven"),
    ("+1-555-010-4477", "plus one, five five five, zero one zero, four four seven seven"),
    ("+442079460958", "plus four four two, zero seven nine, four six zero, nine five eight"),
    ("Dial 555-0123 now", "Dial five five five, zero one two three now"),
    ("(020) 7946-0958", "zero two zero, seven nine four six, zero nine five eight"),
    ("0800 123 456", "zero eight zero zero, one two three, four five six"),
    ("777 123 456", "seven seven seven, one two three, four five six"),
    ("555.010.4477", "five five five, zero one zero, four four seven seven"),
    ("4111 1111 1111 1111", "four one one one, one one one one, one one one one, one one one one"),
    ("02079460958", "zero two zero, seven nine four, six zero nine, five eight"),
    ("Call 112 if it burns, or 911.", "Call one one two if it burns, or nine one one."),
    ("call 150 people", "call one hundred and fifty people"),
    ("There are no 20 seats", "There are no twenty seats"),
    ("in case 150 come", "in case one hundred and fifty come"),
    ("It is 112.", "It is one hundred and twelve."),
]
EXTENSIONS = [
    ("extension 200", "extension two hundred"),
    ("Extension 12", "Extension twelve"),
    ("extension 204", "extension two zero four"),
    ("ext. 1000", "extension one thousand"),
    ("ext 1234", "extension one two three four"),
    ("ext. 042", "extension zero four two"),
    ("555-0123 x204", "five five five, zero one two three, extension two zero four"),
    ("room 305", "room three zero five"),
    ("room 12", "room twelve"),
    ("your PIN is 4711", "your PIN is four seven one one"),
    ("account number 123456", "account number one two three, four five six"),
    ("ticket #4711", "ticket number four seven one one"),
    ("order no. 90125", "order number nine zero one two five"),
    ("No. 5 is alive", "Number five is alive"),
    ("press 1 or 2", "press one or two"),
    ("the #7 bus", "the number seven bus"),
    ("Press # to finish, * to repeat.", "Press hash to finish, star to repeat."),
    ("dial *67 or #31#", "dial star six seven or hash three one hash"),
    ("07700 900123, ext. 5", "zero seven seven zero zero, nine zero zero, one two three, extension five"),
    ("code 4-7-1-1", "code four-seven-one-one"),
    ("Ref: 2026/0042", "Ref: two zero two six, zero zero four two"),
]
TIMES = [
    ("at 14:30", "at two thirty P.M"),
    ("9am", "nine A.M"),
    ("It is 9:05 p.m.", "It is nine oh five P.M."),
    ("from 9:05 p.m. on", "from nine oh five P.M on"),
    ("9 AM", "nine A.M"),
    ("9.30 pm", "nine thirty P.M"),
    ("9:30", "nine thirty"),
    ("09:30", "nine thirty A.M"),
    ("9:00", "nine o'clock"),
    ("17:00", "five P.M"),
    ("12:00", "twelve o'clock"),
    ("00:00", "midnight"),
    ("00:15", "twelve fifteen A.M"),
    ("23:59:30", "eleven fifty-nine and thirty seconds P.M"),
    ("9:00-17:00", "nine A.M to five P.M"),
    ("9am-5pm", "nine A.M to five P.M"),
    ("9-11am", "nine to eleven A.M"),
    ("9:00 \u2013 11:30", "nine o'clock to eleven thirty"),
    ("Mon-Fri 9-17", "Monday to Friday nine A.M to five P.M"),
    ("Sat 10-2", "Saturday ten to two"),
    ("Mon\u2013Fri: 9:00-17:00, Sat: 10-14", "Monday to Friday: nine A.M to five P.M, Saturday: ten A.M to two P.M"),
    ("It is 12 p.m. Bring water.", "It is twelve P.M. Bring water."),
    ("at 9 a.m. Monday, not 6 a.m.", "at nine A.M Monday, not six A.M."),
    ("7:30h", "seven thirty"),
    ("We are open 24/7.", "We are open twenty-four seven."),
    ("Sat down in the Sun.", "Sat down in the Sun."),
]
DATES = [
    ("2026-11-30", "the thirtieth of November twenty twenty-six"),
    ("2026-11-30T14:30:00Z", "the thirtieth of November twenty twenty-six at two thirty P.M"),
    ("30 Nov 2026", "the thirtieth of November twenty twenty-six"),
    ("on the 30th of November", "on the thirtieth of November"),
    ("Nov 30th", "November thirtieth"),
    ("Nov. 30, 2026", "November thirtieth, twenty twenty-six"),
    ("May 5", "May fifth"),
    ("You may 5 times", "You may five times"),
    ("Sept 2026", "September twenty twenty-six"),
    ("30.11.2026", "the thirtieth of November twenty twenty-six"),
    ("11/30/2026", "the thirtieth of November twenty twenty-six"),
    ("30/11/2026", "the thirtieth of November twenty twenty-six"),
    ("03/04/2026", "three slash four slash twenty twenty-six"),
    ("in 1999", "in nineteen ninety-nine"),
    ("in 2005", "in two thousand and five"),
    ("2024-2026", "twenty twenty-four to twenty twenty-six"),
    ("the 1990s and the 80s", "the nineteen nineties and the eighties"),
    ("Mon, 5 Jan", "Monday, the fifth of January"),
    ("Sept. 1st-3rd, 2026", "September first to third, twenty twenty-six"),
    ("from 1st to 3rd of May", "from the first to the third of May"),
    ("3-5 May", "the third to the fifth of May"),
    ("On 5/6 we close", "On five slash six we close"),
]
AMOUNTS = [
    ("$5.20", "five dollars and twenty cents"),
    ("$1", "one dollar"),
    ("$1.01", "one dollar and one cent"),
    ("$0.99", "ninety-nine cents"),
    ("-$5", "minus five dollars"),
    ("EUR 1,299.99", "one thousand two hundred and ninety-nine euros and ninety-nine cents"),
    ("1.299,99 €", "one thousand two hundred and ninety-nine euros and ninety-nine cents"),
    ("5,20 €", "five euros and twenty cents"),
    ("£3.50", "three pounds and fifty pence"),
    ("¥500", "five hundred yen"),
    ("250 CZK", "two hundred and fifty Czech crowns"),
    ("$1.5 million", "one point five million dollars"),
    ("$10k", "ten thousand dollars"),
    ("$5-10", "five to ten dollars"),
    ("$5-$10", "five to ten dollars"),
    ("20 %", "twenty percent"),
    ("3.5%", "three point five percent"),
    ("5-10%", "five to ten percent"),
    ("-5 °C", "minus five degrees Celsius"),
    ("1 km", "one kilometer"),
    ("$5/month", "five dollars per month"),
    ("5 min., max. 10 mins", "five minutes, max. ten minutes"),
    ("24h", "twenty-four hours"),
    ("30s", "thirty seconds"),
    ("3 GB/s", "three gigabytes per second"),
    ("between 10 000 and 12 000", "between ten thousand and twelve thousand"),
    ("5 > 3 and a = b", "five is more than three and a equals b"),
    ("see you @ 5", "see you at five"),
    ("5km", "five kilometers"),
    ("100 Mbit/s", "one hundred megabits per second"),
]
NUMBERS = [
    ("1st, 2nd, 3rd and 22nd", "first, second, third and twenty-second"),
    ("9-17", "nine to seventeen"),
    ("1,234,567", "one million two hundred and thirty-four thousand five hundred and sixty-seven"),
    ("1 000 000", "one million"),
    ("1000000", "one million"),
    ("12\u202f500", "twelve thousand five hundred"),
    ("12500", "twelve thousand five hundred"),
    ("3.14", "three point one four"),
    ("0.05", "zero point zero five"),
    ("-5", "minus five"),
    ("1/2", "one half"),
    ("3/4", "three quarters"),
    ("2 1/2", "two and one half"),
    ("2½", "two and one half"),
    ("9/11", "nine slash eleven"),
    ("16:9", "sixteen to nine"),
    ("3x", "three times"),
    ("2 x 4", "two by four"),
    ("2+2=4", "two plus two equals four"),
    ("~5", "about five"),
    ("18+", "eighteen plus"),
    ("007", "zero zero seven"),
    ("1.14.0", "one point fourteen point zero"),
    ("192.168.1.10", "one nine two dot one six eight dot one dot one zero"),
    ("10 to 20 people", "ten to twenty people"),
    ("٣ and ३", "three and three"),
    ("10 m²", "ten m squared"),
]
CODES = [
    ("AB-1234", "A.B, one two three four"),
    ("INV-2026-0042", "I.N.V, two zero two six, zero zero four two"),
    ("MP3", "M.P three"),
    ("221B Baker St.", "two two one B Baker Street."),
    ("London NW1 6XE", "London N.W one six X.E"),
    ("flight BA117, gate B42", "flight B.A, one one seven, gate B forty-two"),
    ("A4", "A, four"),
    ("COVID-19", "COVID nineteen"),
    ("A380", "A, three eight zero"),
    ("iPhone15", "iPhone fifteen"),
    ("abc123", "abc one two three"),
]
ADDRESSES = [
    ("jane.doe@example.com", "jane dot doe at example dot com"),
    ("jane_99@mail.example.co.uk", "jane underscore nine nine at mail dot example dot C.O dot U.K"),
    ("https://www.example.com/help/", "example dot com slash help"),
    ("See https://example.org.", "See example dot org."),
    ("example.com", "example dot com"),
    ("http://localhost:8080/a?b=1", "localhost colon eight zero eight zero slash a question mark b equals one"),
    ("the end.so it is", "the end.so it is"),
]
ABBREVIATIONS = [
    ("Dr. Novak and Mrs. Smith", "Doctor Novak and Missus Smith"),
    ("12 Main St.", "twelve Main Street."),
    ("Main St. is closed", "Main Street is closed"),
    ("St. John", "Saint John"),
    ("In St. Louis", "In Saint Louis"),
    ("apples, pears, etc.", "apples, pears, et cetera."),
    ("e.g. tea", "for example tea"),
    ("i.e. tea", "that is tea"),
    ("Smith & Sons Ltd.", "Smith and Sons Limited."),
    ("approx. 5", "approximately five"),
]
SIGNS = [
    ("**Bold** and *italic* and `code`", "Bold and italic and code"),
    ("__Bold__ and snake_case", "Bold and snake_case"),
    ("# Title\n\nText", "Title, Text"),
    ("- one\n- two", "one, two"),
    ("> quoted", "quoted"),
    ("[our page](https://example.com/x)", "our page"),
    ("![a cat](cat.png)", "a cat"),
    ("Great 👍🏽!", "Great!"),
    ("👩‍👩‍👧 family", "family"),
    ("1️⃣ first", "one first"),
    ("a <b>bold</b> word", "a bold word"),
    ("~~gone~~", "gone"),
    ("one\u0000two\x07", "one two"),
    ("  two   spaces ", "two spaces"),
    ("", ""),
    ("It's fine, isn't it?", "It's fine, isn't it?"),
    ("Hold on - I'll see.", "Hold on - I'll see."),
]
ENGLISH = [
    *PHONES,
    *EXTENSIONS,
    *TIMES,
    *DATES,
    *AMOUNTS,
    *NUMBERS,
    *CODES,
    *ADDRESSES,
    *ABBREVIATIONS,
    *SIGNS,
]


@pytest.mark.parametrize(("written", "said"), ENGLISH)
def test_is_said_as_people_do(written: str, said: str) -> None:
    assert spell(written, "en") == said


def test_a_sentence_has_more_than_one_of_them() -> None:
    assert spell(
        "**Order AB-1234** (2 items, $5.20) ships on 2026-12-01 at 9:30am, call 020 7946 0958 ext. 200! 🎉"
    ) == (
        "Order A.B, one two three four (two items, five dollars and twenty cents) ships on the first of December "
        "twenty twenty-six at nine thirty A.M, call zero two zero, seven nine four six, zero nine five eight "
        "extension two hundred!"
    )


@pytest.mark.parametrize("language", ["cs", "de-DE", "zh_CN", "ENX"])
def test_other_languages_lose_only_signs(language: str) -> None:
    assert spell("**Zavolejte** na 020 7946 👍 v 14:30.", language) == "Zavolejte na 020 7946 v 14:30."


JOINED = "\u0915\u094d\u200d\u0937 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
"""Of Hindi, with U+200D, and of Persian, with U+200C."""


def test_joined_letters_of_other_languages_stay() -> None:
    assert spell(JOINED, "hi") == JOINED


@pytest.mark.parametrize("language", [None, "en", "en-GB", "EN_us"])
def test_is_english_where_nothing_else_is_said(language: str | None) -> None:
    assert spell("It is 5.", language) == "It is five."


WRITTEN = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.one_of(
            st.text(alphabet="0123456789.,:-\u2013/+ ()$€£%°xAPMampmth#@_~*'\"²½٣", max_size=12),
            st.sampled_from([written for written, _ in ENGLISH]),
        ),
        max_size=6,
    ).map(" ".join),
)


@given(WRITTEN)
def test_english_has_no_digit_left_and_is_bounded(text: str) -> None:
    said = spell(text, "en")
    assert not any(one.isdigit() for one in said), said
    assert len(said) <= MOST_EXPANSION * len(text)
    said.encode()


@given(WRITTEN)
def test_other_languages_are_bounded_too(text: str) -> None:
    said = spell(text, "cs")
    assert len(said) <= 2 * len(text)
    said.encode()


@pytest.mark.parametrize(
    "part",
    [
        "*",
        "_",
        "`",
        "[",
        "-",
        "#",
        "1",
        "1.",
        "1 ",
        "1-",
        "(",
        " ",
        "a@",
        "a.",
        "<a",
        "|-",
        "A1-",
        "\n",
        "9:",
        "$1",
        "St. ",
        "> ",
        "~",
    ],
)
def test_takes_no_time_whatever_it_is_given(part: str) -> None:
    begun = time.process_time()
    spell((part * LONGEST)[: LONGEST * 2], "en")
    assert time.process_time() - begun < 1.0
