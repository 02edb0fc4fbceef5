"""Which services there are mocks of, by the name of the module's provider."""

from __future__ import annotations

import importlib
from typing import Any

from aiconvai.mock.server import MockServer

_MOCKS = {
    "elevenlabs": ("aiconvai.mock.elevenlabs", "ElevenLabsMock"),
    "openai": ("aiconvai.mock.openai", "OpenAiMock"),
    "openai_live": ("aiconvai.mock.openai_live", "OpenAiLiveMock"),
    "gemini": ("aiconvai.mock.gemini", "GeminiMock"),
    "deepgram": ("aiconvai.mock.deepgram", "DeepgramMock"),
    "websocket": ("aiconvai.mock.websocket", "WebSocketMock"),
    "twilio": ("aiconvai.mock.twilio", "TwilioMock"),
}

PROVIDERS = tuple(_MOCKS)

_ELSEWHERE = {
    "azure": ("aiconvai.mock.elsewhere", "AzureMock"),
    "xai": ("aiconvai.mock.elsewhere", "XaiMock"),
    "local": ("aiconvai.mock.elsewhere", "LocalMock"),
    "vertex": ("aiconvai.mock.elsewhere", "VertexMock"),
}

ELSEWHERE = tuple(_ELSEWHERE)
"""Who speaks the protocol of a provider's service too."""


class NoMockError(Exception):
    """There is no mock of that service, or what it needs is not installed."""


def mock_class(provider: str) -> type[MockServer[Any, Any]]:
    """The mock of a provider's service, or of who speaks its protocol elsewhere. Raises `NoMockError`.

    Some judge the client with the vendor's own types, and a vendor's package is only loaded where its mock is wanted.
    """
    known = {**_MOCKS, **_ELSEWHERE}
    if provider not in known:
        raise NoMockError(f"there is no mock of {provider!r}; expected one of {', '.join(known)}")
    module, name = known[provider]
    try:
        found: type[MockServer[Any, Any]] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise NoMockError(
            f"the mock of {provider} needs the Python package {error.name}: install aiconvai with [mock]"
        ) from error
    return found
