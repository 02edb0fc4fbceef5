"""An event together with who told it, and both as a line of JSON and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aiconvai.serve.events import MODELS, CallEvent, Unknown

_NAMES = {model: name for name, model in MODELS.items()}


@dataclass(frozen=True, slots=True)
class Told:
    """An event of that Asterisk."""

    asterisk: str
    event: CallEvent
    is_replayed: bool = False
    """It was told before, to whoever was there."""

    @property
    def call(self) -> tuple[str, str]:
        """Which conversation, of all of them."""
        return self.asterisk, self.event.record

    @property
    def kind(self) -> str:
        """The event's name, without its prefix."""
        event = self.event
        return event.event if isinstance(event, Unknown) else _NAMES[type(event)]


def to_json(told: Told) -> str:
    """For `from_json`."""
    event = told.event
    kind = "" if isinstance(event, Unknown) else _NAMES[type(event)]
    return json.dumps([told.asterisk, kind, told.is_replayed, event.model_dump(mode="json", by_alias=True)])


def from_json(text: str) -> Told:
    """Raises `ValueError`."""
    asterisk, kind, is_replayed, fields = json.loads(text)
    return Told(asterisk, MODELS.get(kind, Unknown).model_validate(fields), is_replayed)
