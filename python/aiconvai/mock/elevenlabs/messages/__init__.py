"""Every message of the ElevenLabs conversation WebSocket, both ways, as strict models.

Strict means: no unknown key, no conversion between types, required and nullable as the service's published
schema says. The mock judges a client by `client`; the models of `server` keep the mock itself honest.
"""

from aiconvai.mock.elevenlabs.messages.base import ERROR_CLOSE_CODES, AudioFormat, CloseCode, Message
from aiconvai.mock.elevenlabs.messages.client import (
    ClientMessage,
    ClientToolResult,
    ConfigOverride,
    ContextualUpdate,
    Feedback,
    Initiation,
    McpToolApprovalResult,
    MultimodalMessage,
    Pong,
    UserActivity,
    UserAudio,
    UserMessage,
    parse_client_message,
)
from aiconvai.mock.elevenlabs.messages.server import ServerMessage, parse_server_message

__all__ = [
    "ERROR_CLOSE_CODES",
    "AudioFormat",
    "ClientMessage",
    "ClientToolResult",
    "CloseCode",
    "ConfigOverride",
    "ContextualUpdate",
    "Feedback",
    "Initiation",
    "McpToolApprovalResult",
    "Message",
    "MultimodalMessage",
    "Pong",
    "ServerMessage",
    "UserActivity",
    "UserAudio",
    "UserMessage",
    "parse_client_message",
    "parse_server_message",
]
