"""Who is to be called: a number and what the agent is told about its owner; by itself, or as lines of CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from aiconvai.serve.outbound.numbers import NumberError, read_number

MOST_PEOPLE = 100_000
"""Of a list."""
MOST_VARIABLES = 32
LONGEST_VALUE = 700
"""Bytes, as they are sent to a manager, which takes 1024 in a line."""
NUMBER_COLUMN = "number"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
_OWN = ("caller_number", "called_number", "dialed_number", "unique_id")
"""Variables that every agent is told."""
_ESCAPED = re.compile(r'[\\,"()\[\]]')
_PROBLEMS_TOLD = 20


class PeopleError(ValueError):
    """What is wrong with a list: a line for each thing."""


@dataclass(frozen=True, slots=True)
class Person:
    """One who is to be called."""

    number: str
    variables: Mapping[str, str] = field(default_factory=dict)


def escaped(value: str) -> str:
    """As a manager takes it behind `Variable: NAME=`: commas would begin another one (manager.c)."""
    return _ESCAPED.sub(r"\\\g<0>", value)


def check_variables(variables: Mapping[str, str]) -> str:
    """What is wrong with them; empty: nothing."""
    if len(variables) > MOST_VARIABLES:
        return f"expected at most {MOST_VARIABLES} variables, got {len(variables)}"
    for name, value in variables.items():
        if _NAME.fullmatch(name) is None or name in _OWN:
            own = " and none of " + ", ".join(_OWN)
            return f"{name!r:.80}: expected a variable's name of letters, digits and _{own}"
        if not value.isprintable():
            return f"{name}: expected a text of one line, got {value!r:.80}"
        if len(escaped(value).encode("utf-8", "replace")) > LONGEST_VALUE:
            return f"{name}: expected at most {LONGEST_VALUE} bytes, got {len(value)} characters"
    return ""


def read_csv(text: str, begins: Collection[str] = ()) -> list[Person]:
    """With a line of names, one of which is `number`; the other columns are variables. Without one each line is a
    number. Raises `PeopleError`.
    """
    text = text.removeprefix("\ufeff")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    names = [NUMBER_COLUMN]
    people: list[Person] = []
    problems: list[str] = []
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not people and not problems and NUMBER_COLUMN in [cell.lower() for cell in cells]:
                names = [NUMBER_COLUMN if cell.lower() == NUMBER_COLUMN else cell for cell in cells]
                continue
            try:
                people.append(_person(names, cells, begins))
            except (NumberError, PeopleError) as error:
                problems.append(f"line {rows.line_num}: {error}")
            if len(people) > MOST_PEOPLE:
                raise PeopleError(f"expected at most {MOST_PEOPLE} people in a list")
    except csv.Error as error:
        problems.append(f"line {rows.line_num}: {error}")
    if problems:
        more = [f"and {len(problems) - _PROBLEMS_TOLD} more"] if len(problems) > _PROBLEMS_TOLD else []
        raise PeopleError("\n".join([*problems[:_PROBLEMS_TOLD], *more]))
    if not people:
        raise PeopleError("expected somebody to call, got an empty list")
    return people


def _person(names: list[str], cells: list[str], begins: Collection[str]) -> Person:
    if len(cells) > len(names):
        raise PeopleError(f"expected {len(names)} columns, got {len(cells)}")
    given = dict(zip(names, cells, strict=False))
    number = read_number(given.pop(NUMBER_COLUMN, ""), begins)
    if problem := check_variables(given):
        raise PeopleError(problem)
    return Person(number, given)
