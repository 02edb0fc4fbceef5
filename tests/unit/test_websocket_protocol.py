"""The WebSocket protocol as it is published: the schema, and the examples of the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from aiconvai import websocket_schema
from aiconvai.mock.strict_json import read_message
from aiconvai.websocket_protocol import CLIENT_MESSAGES, EXTENSIONS, SERVER_MESSAGES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol" / "websocket.md").read_text("utf-8")
MODELS = {"client": CLIENT_MESSAGES, "server": SERVER_MESSAGES}
SCHEMA = json.loads(websocket_schema.schema())


def examples() -> list[tuple[str, dict[str, Any]]]:
    """The lines of the page, each with who sends it."""
    found = []
    sender = None
    for line in PAGE.splitlines():
        if line.startswith("```"):
            sender = line.removeprefix("```jsonl ") if line.startswith("```jsonl ") else None
        elif sender is not None:
            found.append((sender, json.loads(line)))
    return found


def validator(sender: str) -> jsonschema.Draft202012Validator:
    definition = {"client": "ClientMessage", "server": "ServerMessage"}[sender]
    return jsonschema.Draft202012Validator({**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{definition}"}]})


def test_the_schema_is_up_to_date() -> None:
    committed = (ROOT / websocket_schema.PATH).read_text("utf-8")
    assert websocket_schema.schema() == committed, "run: .venv/bin/python -m aiconvai.websocket_schema"


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(("sender", "message"), examples(), ids=lambda value: str(value)[:40])
def test_an_example_is_what_the_protocol_says(sender: str, message: dict[str, Any]) -> None:
    read_message(message, "type", MODELS[sender])
    validator(sender).validate(message)


@pytest.mark.parametrize("sender", MODELS)
def test_every_message_has_an_example(sender: str) -> None:
    assert {message["type"] for who, message in examples() if who == sender} == set(MODELS[sender])


def test_every_extension_is_told() -> None:
    rows = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    assert tuple(rows) == EXTENSIONS


@pytest.mark.parametrize(
    ("sender", "message"),
    [
        ("client", {"type": "audio_delta", "audio": "AAAA"}),
        ("server", {"type": "audio_delta"}),
        ("server", {"type": "audio_delta", "audio": ""}),
        ("server", {"type": "audio_chunk", "audio": "AAAA"}),
        ("server", {"type": "interruption", "event_id": -1}),
        ("server", {"type": "error", "message": "x", "fatal": "yes"}),
        ("client", {"type": "dtmf", "digit": "55"}),
    ],
)
def test_the_schema_refuses_what_the_protocol_does_not_have(sender: str, message: dict[str, Any]) -> None:
    assert not validator(sender).is_valid(message)
