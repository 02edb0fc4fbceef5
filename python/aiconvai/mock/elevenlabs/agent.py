"""An agent of the ElevenLabs mock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.elevenlabs.messages import AudioFormat, ConfigOverride, Initiation, Message, parse_server_message
from aiconvai.mock.errors import InvalidMessageError


def _field_names(model: type[Message], prefix: str = "") -> Iterable[str]:
    for name, info in model.model_fields.items():
        nested = [
            part
            for part in getattr(info.annotation, "__args__", ())
            if isinstance(part, type) and issubclass(part, Message)
        ]
        if nested:
            yield from _field_names(nested[0], f"{prefix}{name}.")
        else:
            yield prefix + name


ALL_OVERRIDES = frozenset(_field_names(ConfigOverride))
"""Dotted names of every field a client may try to override, such as `agent.prompt.prompt`."""


@dataclass(frozen=True)
class ElevenLabsAgent(MockAgent):
    """As an agent of the real service, it allows nothing that its settings do not allow.

    `api_key` is what the `xi-api-key` header of a request for a signed URL must be.
    """

    private: bool = False
    """A conversation needs a signed URL."""
    input_format: AudioFormat = "ulaw_8000"
    output_format: AudioFormat = "ulaw_8000"
    allowed_overrides: frozenset[str] = frozenset()
    """Dotted names; `ALL_OVERRIDES` allows everything."""
    required_variables: frozenset[str] = frozenset()
    """Dynamic variables that the client must give."""
    client_events: frozenset[str] | None = None
    """Message types that are sent to clients; None: all."""

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = sorted(self.allowed_overrides - ALL_OVERRIDES)
        if unknown:
            raise ValueError(
                f"allowed_overrides: no such field: {', '.join(unknown)}; there are {', '.join(sorted(ALL_OVERRIDES))}"
            )

    @classmethod
    def with_key(cls) -> dict[str, Any]:
        return {"private": True}

    def check_message(self, message: dict[str, Any]) -> None:
        parse_server_message(message)

    def check(self, initiation: Initiation) -> None:
        """Raises `InvalidMessageError` if the initiation asks for what the agent does not allow."""
        refused = sorted(set(initiation.conversation_config_override.fields_given()) - self.allowed_overrides)
        if refused:
            raise InvalidMessageError(
                "override_error",
                f"conversation_config_override: the agent does not allow to override {', '.join(refused)}",
            )
        missing = sorted(self.required_variables - set(initiation.dynamic_variables))
        if missing:
            raise InvalidMessageError(
                "missing_dynamic_variable",
                f"dynamic_variables: the agent needs {', '.join(missing)}, which was not given",
            )
