"""Mock AI services: as strict as the real ones, scripted by scenarios, made to be attacked with faults."""

from aiconvai.mock.agent import MockAgent
from aiconvai.mock.conversation import Conversation, Limits, ToolResult
from aiconvai.mock.elevenlabs import ALL_OVERRIDES, ElevenLabsAgent, ElevenLabsConversation, ElevenLabsMock
from aiconvai.mock.errors import ConversationClosedError
from aiconvai.mock.jitter import Jitter
from aiconvai.mock.record import AudioChunk, ConversationRecord, HttpRequest, Received, Sent, Violation
from aiconvai.mock.scenario import (
    Handshake,
    HttpReply,
    Scenario,
    ScenarioError,
    Wire,
    builtin_scenarios,
    load_scenario,
    parse_scenario,
)
from aiconvai.mock.server import MockOptions, MockServer
from aiconvai.mock.services import ELSEWHERE, PROVIDERS, NoMockError, mock_class
from aiconvai.mock.threaded import ElevenLabsMockThread, MockThread, ThreadedConversation

__all__ = [
    "ALL_OVERRIDES",
    "ELSEWHERE",
    "PROVIDERS",
    "AudioChunk",
    "Conversation",
    "ConversationClosedError",
    "ConversationRecord",
    "ElevenLabsAgent",
    "ElevenLabsConversation",
    "ElevenLabsMock",
    "ElevenLabsMockThread",
    "Handshake",
    "HttpReply",
    "HttpRequest",
    "Jitter",
    "Limits",
    "MockAgent",
    "MockOptions",
    "MockServer",
    "MockThread",
    "NoMockError",
    "Received",
    "Scenario",
    "ScenarioError",
    "Sent",
    "ThreadedConversation",
    "ToolResult",
    "Violation",
    "Wire",
    "builtin_scenarios",
    "load_scenario",
    "mock_class",
    "parse_scenario",
]
