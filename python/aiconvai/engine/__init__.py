"""The conversation engine of app_aiconvai in Python, through cffi: the same code as in Asterisk, without I/O.

A host drives a `Conversation` (inputs in, actions and events out) and takes the agent's audio from its
`PlayoutQueue`. The engine must have been built: see aiconvai.engine.library.
"""

from aiconvai.engine.audio import AudioFormat, Encoding, Transcoder
from aiconvai.engine.byte_ring import ByteRing
from aiconvai.engine.conversation import (
    Conversation,
    ConversationStats,
    OpenTimes,
    Phase,
    SetupTimes,
    VirtualClock,
    monotonic_us,
)
from aiconvai.engine.events import (
    Abort,
    Action,
    AudioQueued,
    Close,
    Ended,
    Error,
    Event,
    Interrupted,
    Open,
    Ping,
    Ready,
    Request,
    RequestKind,
    Role,
    Send,
    Status,
    ToolCall,
    Transcript,
    TranscriptKind,
    Vad,
)
from aiconvai.engine.json_messages import JsonKind, JsonReader, JsonRecord, JsonWriter, MalformedMessageError
from aiconvai.engine.library import EngineNotBuiltError, OutOfMemoryError, load_library
from aiconvai.engine.playout_queue import (
    Interruption,
    PlayoutFrame,
    PlayoutQueue,
    PlayoutResult,
    PlayoutStats,
)
from aiconvai.engine.settings import Line, Option, Settings, option_table
from aiconvai.engine.uplink import Uplink
from aiconvai.engine.url import Url, parse_url, url_origin, url_with_query

__all__ = [
    "Abort",
    "Action",
    "AudioFormat",
    "AudioQueued",
    "ByteRing",
    "Close",
    "Conversation",
    "ConversationStats",
    "Encoding",
    "Ended",
    "EngineNotBuiltError",
    "Error",
    "Event",
    "Interrupted",
    "Interruption",
    "JsonKind",
    "JsonReader",
    "JsonRecord",
    "JsonWriter",
    "Line",
    "MalformedMessageError",
    "Open",
    "OpenTimes",
    "Option",
    "OutOfMemoryError",
    "Phase",
    "Ping",
    "PlayoutFrame",
    "PlayoutQueue",
    "PlayoutResult",
    "PlayoutStats",
    "Ready",
    "Request",
    "RequestKind",
    "Role",
    "Send",
    "Settings",
    "SetupTimes",
    "Status",
    "ToolCall",
    "Transcoder",
    "Transcript",
    "TranscriptKind",
    "Uplink",
    "Url",
    "Vad",
    "VirtualClock",
    "load_library",
    "monotonic_us",
    "option_table",
    "parse_url",
    "url_origin",
    "url_with_query",
]
