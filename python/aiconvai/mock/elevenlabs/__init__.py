"""The mock of ElevenLabs agents."""

from aiconvai.mock.elevenlabs.agent import ALL_OVERRIDES, ElevenLabsAgent
from aiconvai.mock.elevenlabs.conversation import ElevenLabsConversation
from aiconvai.mock.elevenlabs.service import CONVERSATION_PATH, SIGNED_URL_PATH, ElevenLabsMock

__all__ = [
    "ALL_OVERRIDES",
    "CONVERSATION_PATH",
    "SIGNED_URL_PATH",
    "ElevenLabsAgent",
    "ElevenLabsConversation",
    "ElevenLabsMock",
]
