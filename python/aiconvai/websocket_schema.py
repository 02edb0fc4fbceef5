"""The JSON Schema of the WebSocket protocol, made from its models: `python -m aiconvai.websocket_schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from aiconvai.rig.asterisk.images import repository_root
from aiconvai.websocket_protocol import CLIENT_MODELS, SERVER_MODELS, Message

PATH = Path("docs/protocol/websocket.schema.json")
"""In the repository."""


class _WithoutTitles(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> str:
    """The schema of every message, as it is published."""
    models = [(model, "validation") for model in dict.fromkeys(CLIENT_MODELS + SERVER_MODELS)]
    _, definitions = models_json_schema(models, schema_generator=_WithoutTitles)  # type: ignore[arg-type]
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "Made by python -m aiconvai.websocket_schema from websocket_protocol.py beside it: change that.",
        "title": "The protocol of the provider websocket",
        "anyOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": {
            "ClientMessage": _one_of("What the client sends.", CLIENT_MODELS),
            "ServerMessage": _one_of("What the server sends.", SERVER_MODELS),
            **definitions["$defs"],
        },
    }
    return json.dumps(document, indent=2) + "\n"


def _one_of(description: str, models: tuple[type[Message], ...]) -> dict[str, Any]:
    return {"description": description, "oneOf": [{"$ref": f"#/$defs/{model.__name__}"} for model in models]}


if __name__ == "__main__":
    (repository_root() / PATH).write_text(schema(), encoding="utf-8")
