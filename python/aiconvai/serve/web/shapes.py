"""What may be asked for, and what is answered where it is not done: shapes that all of the API has."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BaseModel

LARGEST_ID = 2**31 - 1
"""That a database's column has room for."""

Id = Annotated[int, Path(ge=1, le=LARGEST_ID)]
"""Of something stored, in a path."""


def _whole(text: str) -> str:
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise ValueError("expected a text without NUL and without half characters")
    return text


def _line(text: str) -> str:
    if "\r" in text or "\n" in text:
        raise ValueError("expected one line")
    return _whole(text)


Words = Annotated[str, AfterValidator(_whole)]
"""A text; with a NUL or half a character, which JSON may have, neither Asterisk nor a database has it."""
Line = Annotated[str, AfterValidator(_line)]
"""One line of it, as a header of the manager's has."""


class Problem(BaseModel):
    """Why something was not done: a sentence, or each thing that is wrong with what was given."""

    detail: str | list[dict[str, Any]]


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (400, "What was sent cannot be read."),
        (401, "A token is needed."),
        (403, "Another role is needed."),
        (404, "There is none."),
        (409, "Not now, or not so."),
        (413, "It is too long."),
        (422, "What was given is not what is expected."),
        (502, "Asterisk has not done it."),
        (503, "Too many follow calls already."),
    )
}
"""Of each request of the API."""
