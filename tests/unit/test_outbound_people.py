"""Who may be called: numbers that are nothing else, and lists of people."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiconvai.serve.outbound import people as module
from aiconvai.serve.outbound.numbers import DoNotCallFile, NumberError, comparable, read_number
from aiconvai.serve.outbound.people import PeopleError, Person, check_variables, escaped, read_csv


@pytest.mark.parametrize(
    ("text", "number"),
    [("+420 123-456.789", "+420123456789"), ("(0) 123/456", "0123456"), ("*43#", "*43#"), ("112", "112")],
)
def test_a_number_is_read_as_people_write_it(text: str, number: str) -> None:
    assert read_number(text) == number


@pytest.mark.parametrize(
    "wrong",
    ["", "+", "12&34", "12@trunk", "12,30", "12|34", "PJSIP/12", "1;2", "${X}", "12\n34", "1" * 33, "420+1", "١٢٣",
     "12?x", "a"],
)  # fmt: skip
def test_what_is_no_number_is_not_dialled(wrong: str) -> None:
    with pytest.raises(NumberError, match="expected"):
        read_number(wrong)


@given(st.text(max_size=40))
def test_nothing_but_a_number_comes_through(text: str) -> None:
    try:
        number = read_number(text)
    except NumberError:
        return
    assert set(number) <= set("+0123456789*#")
    assert "+" not in number[1:]


def test_numbers_may_have_to_begin_with_something() -> None:
    assert read_number("+420 1", ["+420", "00420"]) == "+4201"
    with pytest.raises(NumberError, match=r"\+9001: expected a number that begins with \+420"):
        read_number("+9001", ["+420"])


def test_numbers_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    assert comparable("+420123") == comparable("00420 123") == comparable("420-123")
    path = tmp_path / "numbers"
    path.write_text("# never\n+420 123  # who asked for it\n\n")
    numbers = DoNotCallFile(path)
    assert numbers.has("00420123")
    assert not numbers.has("420124")
    path.write_text("420124\n")
    assert numbers.has("420124"), "read anew"
    path.unlink()
    with pytest.raises(OSError, match="No such file"):
        numbers.has("1")


def test_a_list_is_a_table_with_numbers() -> None:
    text = '\ufeffname,Number,text\nAda,+420 1,"hello, you"\n\nBob,+420 2,\n'
    assert read_csv(text) == [
        Person("+4201", {"name": "Ada", "text": "hello, you"}),
        Person("+4202", {"name": "Bob", "text": ""}),
    ]
    assert read_csv("number;name\n1;Ada\n") == [Person("1", {"name": "Ada"})]
    assert read_csv("+420 1\r\n+420 2\r\n") == [Person("+4201"), Person("+4202")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected somebody to call"),
        ("number,name\n", "expected somebody to call"),
        ("number,name\n1,Ada\nx,Bob\n1@b,C\n", "line 3: .*'x'\nline 4: .*'1@b'"),
        ("number,first name\n1,Ada\n", "line 2: 'first name': expected a variable's name"),
        ("number,dialed_number\n1,2\n", "'dialed_number'"),
        ("number,name\n1,2,3\n", "line 2: expected 2 columns, got 3"),
        ('number,name\n1,"a\nb"\n', "name: expected a text of one line"),
        ('number,name\n1,"open\n', "line 2: "),
        (f"number,name\n1,{'x' * 701}\n", "name: expected at most 700 bytes"),
    ],
)
def test_what_is_wrong_with_a_list_is_said_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(PeopleError, match=problem):
        read_csv(text)


def test_a_list_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PEOPLE", 3)
    with pytest.raises(PeopleError, match="at most 3 people"):
        read_csv("1\n2\n3\n4\n")


def test_problems_are_not_told_without_end() -> None:
    with pytest.raises(PeopleError) as told:
        read_csv("number\n" + "x\n" * 100)
    assert str(told.value).endswith("and 80 more")


def test_variables_are_bounded() -> None:
    assert check_variables({"name": "Ada"}) == ""
    assert "at most 32" in check_variables({f"v{one}": "" for one in range(33)})
    assert escaped('a,"b"\\(c)') == '\\"'.join(["a\\,", "b", "\\\\\\(c\\)"])
