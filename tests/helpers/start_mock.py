"""What the fixture `start_mock` of the protocol's tests gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiconvai.mock import ElevenLabsMock

StartMock = Callable[..., Awaitable[ElevenLabsMock]]
