"""What the page and the gateway tell each other beside the audio of a call, as JSON in text messages.

Audio is in binary ones, both ways: 20 ms of 16 kHz, signed linear of 16 bits, least significant byte first.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError

from aiconvai.gateway.registrations import MOST_VALUE, MOST_VARIABLES

RATE = 16_000
FRAME_BYTES = RATE // 50 * 2


class BrowserError(Exception):
    """The browser sends what our page never does; the message says what was expected."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# From the page


class Begin(_Message):
    """The first one."""

    type: Literal["begin"] = "begin"
    agent: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    variables: Annotated[
        dict[str, Annotated[str, StringConstraints(max_length=MOST_VALUE)]], Field(max_length=MOST_VARIABLES)
    ] = Field(default_factory=dict)
    """For the agent."""


class Press(_Message):
    """A key."""

    type: Literal["press"] = "press"
    key: Annotated[str, StringConstraints(pattern=r"^[0-9*#A-D]$")]


class Pong(_Message):
    """All has been taken that was sent before that ping."""

    type: Literal["pong"] = "pong"
    number: int


# From the gateway


class Began(_Message):
    """The agent has the call; as what it can be followed."""

    type: Literal["began"] = "began"
    asterisk: str
    record: str


class Ping(_Message):
    """To be answered at once."""

    type: Literal["ping"] = "ping"
    number: int
    round_trip_ms: float | None
    """That the one before took."""


class Over(_Message):
    """The last one; as the dialplan is told it."""

    type: Literal["over"] = "over"
    status: str
    reason: str
    sent_to: str = ""
    """Where in the dialplan the agent would send the caller; empty: nowhere."""


_FROM_THE_PAGE: TypeAdapter[Begin | Press | Pong] = TypeAdapter(
    Annotated[Begin | Press | Pong, Field(discriminator="type")]
)


def read_message(text: str) -> Begin | Press | Pong:
    """Raises `BrowserError`."""
    try:
        return _FROM_THE_PAGE.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BrowserError(f"{text!r:.60}: {f'{where}: ' if where else ''}{first['msg']}") from None
