"""What is not to be kept is taken out before anything has it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from serve_events import an_end, said, told

from aiconvai.serve.events import CallEvent, Transcript
from aiconvai.serve.hub import Hub
from aiconvai.serve.redaction import RedactionKind, redact, redacted
from aiconvai.serve.told import Told

ALL: tuple[RedactionKind, ...] = ("cards", "emails", "numbers")


@pytest.mark.parametrize(
    ("text", "kinds", "expected"),
    [
        ("My card is 4111 1111 1111 1111, please.", ["cards"], "My card is [card], please."),
        ("It is 4111-1111-1111-1111.", ["cards"], "It is [card]."),
        ("Not one: 4111 1111 1111 1112.", ["cards"], "Not one: 4111 1111 1111 1112."),
        ("Not one: 4111 1111 1111 1112.", ALL, "Not one: [number]."),
        ("Write to jan.novak+shop@post.example.cz!", ["emails"], "Write to [email]!"),
        ("a@b is none, @ neither", ["emails"], "a@b is none, @ neither"),
        ("Call +420 777 123 456 at 7 pm", ["numbers"], "Call +[number] at 7 pm"),
        ("In 2026, on 3.5. at 19:30", ["numbers"], "In [number], on 3.5. at 19:30"),
        ("4111 1111 1111 1111", [], "4111 1111 1111 1111"),
        ("Čtyři 4111 1111 1111 1111 a dost", ALL, "Čtyři [card] a dost"),
    ],
)
def test_what_is_taken_out(text: str, kinds: list[RedactionKind], expected: str) -> None:
    assert redact(text, kinds) == expected


def test_it_takes_no_longer_for_who_wants_it_to() -> None:
    for hostile in ("1 " * 200_000, "a." * 200_000 + "@", "a@" * 200_000, "1" * 400_000, "x@" + "a." * 200_000):
        began = time.monotonic()
        redact(hostile, ALL)
        assert time.monotonic() - began < 20


def text_of(event: CallEvent) -> str:
    return " ".join(str(value) for value in event.model_dump().values())


@pytest.mark.parametrize(
    "one",
    [
        said("It is 4111 1111 1111 1111"),
        told("ToolCall", ToolCallID="1", ToolName="pay", Parameters='{"card": "4111111111111111"}'),
        told("ToolDone", ToolCallID="1", ToolName="pay", Result="4111111111111111", Error="no"),
        told("Keys", Keys="4111111111111111", Secret="no"),
    ],
)
def test_of_everything_that_may_have_it(one: Told) -> None:
    assert "4111" in text_of(one.event)
    assert "4111" not in text_of(redacted(one.event, ["cards"]))


def test_what_has_none_is_left_alone() -> None:
    one = an_end(Reason="4111111111111111").event
    assert redacted(one, ALL) is one


def test_nothing_behind_the_hub_sees_it(tmp_path: Path) -> None:
    hub, seen = Hub(("cards",)), []
    hub.add_at_once(seen.append)
    hub.publish(said("4111 1111 1111 1111"))
    (one,) = seen
    assert isinstance(one.event, Transcript)
    assert one.event.text == "[card]"
