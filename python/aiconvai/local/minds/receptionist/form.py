"""What an intent needs to know before it is answered, asked one after the other. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiconvai.local.minds.receptionist.intents import Intent, Slot
from aiconvai.local.minds.receptionist.slots import read_slot, read_unasked

MOST_TRIES = 3
"""Of one question."""


@dataclass(slots=True)
class Form:
    """Of an intent that the caller has."""

    intent: Intent
    values: dict[str, str] = field(default_factory=dict)
    tries: int = 0
    """Of the question that is open."""

    @classmethod
    def begun(cls, intent: Intent, said: str) -> Form:
        """With what was said already."""
        return cls(intent, read_unasked(intent.slots, said))

    @property
    def open_slot(self) -> Slot | None:
        """That is asked for next; None: all is known."""
        return next((slot for slot in self.intent.slots if slot.name not in self.values), None)

    @property
    def takes_keys(self) -> bool:
        """A number can be pressed."""
        return self.open_slot is not None and self.open_slot.kind in ("number", "digits")

    def take(self, said: str) -> bool:
        """An answer to the open question; whether it is one."""
        slot = self.open_slot
        value = read_slot(slot, said) if slot is not None else None
        if slot is None or value is None:
            self.tries += 1
            return False
        self.tries = 0
        self.values[slot.name] = value
        others = [other for other in self.intent.slots if other.name not in self.values and other.kind != slot.kind]
        if slot.kind not in ("text", "name", "digits"):
            # "Tomorrow at ten" answers two questions.
            self.values |= read_unasked(others, said.replace(value, ";", 1))
        return True
