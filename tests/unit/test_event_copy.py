"""Events that outlive the callback they were told in."""

from __future__ import annotations

from typing import Any

import pytest
from engine_host import PUBLIC, Host, audio, interruption

from aiconvai.engine import conversation
from aiconvai.engine.conversation import stats_from_c
from aiconvai.engine.events import Ended, Event, Status, event_from_c
from aiconvai.engine.library import Library, load_library


def test_every_event_says_the_same_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    library = load_library()
    told: list[tuple[Event, Any]] = []

    def copying(_: Library, event: Any) -> Event:
        size = library.ffi.new("size_t *")
        copy = library.lib.aic_event_copy(event, size)
        assert size[0] >= library.ffi.sizeof("struct aic_event")
        told.append((event_from_c(library, event), library.ffi.gc(copy, library.lib.free)))
        return told[-1][0]

    monkeypatch.setattr(conversation, "event_from_c", copying)
    host = Host({**PUBLIC, "tool_find": "https://crm.example/find"})
    host.start()
    host.say({"type": "user_transcript", "user_transcription_event": {"user_transcript": "Where is it?"}})
    host.say(audio(1, b"\x55" * 1600))
    host.hear(3)
    host.say(interruption(1))
    tool = {"tool_name": "find", "tool_call_id": "t1", "parameters": {"number": 7}, "event_id": 2}
    host.say({"type": "client_tool_call", "client_tool_call": tool})
    host.conversation.tool_result("t1", "It is in Brno.")
    host.conversation.dtmf("5")
    host.wait(seconds=3)
    host.conversation.end(Status.COMPLETED, "enough")
    assert {type(event).__name__ for event, _ in told} >= {
        "Ready", "Transcript", "Interrupted", "ToolCall", "ToolDone", "Keys", "Ended",
    }  # fmt: skip
    for event, copy in told:
        assert event_from_c(library, copy) == event
    last, copy = told[-1]
    assert isinstance(last, Ended)
    assert stats_from_c(library, copy.stats) == host.conversation.stats()
