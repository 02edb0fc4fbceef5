"""What the Python side adds to the engine."""

from __future__ import annotations

import json

import pytest
from engine_host import (
    PUBLIC,
    ULAW,
    metadata,
)

from aiconvai.engine.conversation import Conversation, ConversationStats, VirtualClock
from aiconvai.engine.events import (
    Ended,
    Error,
    Ready,
    Send,
    Status,
)
from aiconvai.engine.library import load_library
from aiconvai.engine.settings import Settings


def test_the_statistics_are_those_of_the_engine() -> None:
    fields = load_library().ffi.typeof("struct aic_conversation_stats").fields
    assert {name for name, _ in fields} == set(ConversationStats.__dataclass_fields__)


def test_events_may_be_handled_at_once_and_the_handler_may_call_back() -> None:
    seen: list[object] = []
    clock = VirtualClock()

    def on_event(event: object) -> None:
        seen.append(event)
        if isinstance(event, Ready):
            assert conversation.user_message("hello")
        if isinstance(event, Error):
            conversation.end(Status.LOST, "an error was enough")

    conversation = Conversation(Settings.read_agent("sales", PUBLIC), line_format=ULAW, clock=clock, on_event=on_event)
    conversation.tick()
    list(conversation.actions())
    conversation.connected()
    conversation.message(json.dumps(metadata()))
    assert [json.loads(action.message)["type"] for action in conversation.actions() if isinstance(action, Send)] == [
        "conversation_initiation_client_data",
        "user_message",
    ]
    conversation.message(b"nonsense")
    assert [type(event) for event in seen] == [Ready, Error, Ended]
    assert conversation.take_events() == []


def test_settings_with_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="expected agent_id"):
        Conversation(Settings.read_agent("sales", {}), line_format=ULAW)
