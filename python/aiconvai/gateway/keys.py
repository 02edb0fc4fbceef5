"""Keys that an agent presses (the built-in tool send_dtmf), as the module presses them."""

from __future__ import annotations

import asyncio
import json

from aiconvai.gateway.way import Way

MOST = 64
"""Keys and pauses at once."""
KEY_MS = 120
BETWEEN_SECONDS = 0.1
"""A receiver wants quiet before a tone."""
_PAUSES = {"w": 0.5, "W": 1.0}
_KEYS = frozenset("0123456789*#ABCDabcd")

PRESSED = "The keys were pressed."
_NOT_PRESSED = "The keys cannot be pressed here."
_WRONG = "The argument digits must be keys: 0 to 9, * and #; w for a pause of half a second."


class KeysError(ValueError):
    """They were not pressed; the message is the sentence that the agent is told."""


async def press(way: Way, parameters: str) -> None:
    """`parameters`: the tool's, in JSON. Takes as long as the keys do. Raises `KeysError`."""
    keys = _keys_of(parameters)
    await asyncio.sleep(BETWEEN_SECONDS)
    for key in keys:
        if key in _PAUSES:
            await asyncio.sleep(_PAUSES[key])
        elif await way.press(key, KEY_MS):
            await asyncio.sleep(KEY_MS / 1000 + BETWEEN_SECONDS)
        else:
            raise KeysError(_NOT_PRESSED)


def _keys_of(parameters: str) -> str:
    """Raises `KeysError`."""
    try:
        given = json.loads(parameters)
    except (ValueError, RecursionError):
        given = None
    keys = given.get("digits") if isinstance(given, dict) else None
    if isinstance(keys, int) and not isinstance(keys, bool):
        keys = str(keys)
    if not isinstance(keys, str) or not keys or not set(keys) <= _KEYS | set(_PAUSES):
        raise KeysError(_WRONG)
    if len(keys) > MOST:
        raise KeysError(f"No more than {MOST} keys and pauses can be pressed at once; none was.")
    return keys
