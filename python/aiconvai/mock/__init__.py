"""Mock AI services: as strict as the real ones, scripted by scenarios, made to be attacked with faults."""

from aiconvai.mock.agent import ALL_OVERRIDES, MockAgent
from aiconvai.mock.connection import ConversationClosedError
from aiconvai.mock.conversation import Conversation, Limits
from aiconvai.mock.elevenlabs import ElevenLabsMock, MockOptions
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
from aiconvai.mock.threaded import ElevenLabsMockThread, ThreadedConversation

__all__ = [
    "ALL_OVERRIDES",
    "AudioChunk",
    "Conversation",
    "ConversationClosedError",
    "ConversationRecord",
    "ElevenLabsMock",
    "ElevenLabsMockThread",
    "Handshake",
    "HttpReply",
    "HttpRequest",
    "Jitter",
    "Limits",
    "MockAgent",
    "MockOptions",
    "Received",
    "Scenario",
    "ScenarioError",
    "Sent",
    "ThreadedConversation",
    "Violation",
    "Wire",
    "builtin_scenarios",
    "load_scenario",
    "parse_scenario",
]
