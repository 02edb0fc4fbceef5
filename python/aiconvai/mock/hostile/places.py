"""The places in a conversation where something hostile can come, and the honest way to each."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from aiconvai.audio import tone
from aiconvai.mock.conversation import Conversation
from aiconvai.mock.hostile.tools import SUBROUTINE
from aiconvai.mock.scenario import SPEECH_LEVEL_DBFS

OPEN_TOOL = "wait"
"""A tool of the client that nobody answers."""
_SPEECH_MS = 100
_REACHED_SECONDS = 4.0
_HZ, _NEXT_HZ = 1000.0, 2300.0


class Place(StrEnum):
    """Where in a conversation."""

    SIGNED_URL = "signed_url"
    """In the reply to the request for a signed URL."""
    UPGRADE = "upgrade"
    """In the reply to the request for the WebSocket."""
    OPENED = "opened"
    """The WebSocket is open, and neither side has said anything."""
    SET_UP = "set_up"
    """The client has begun, and waits for the announcement of the conversation."""
    AGENT_SPEAKS = "agent_speaks"
    CALLER_SPEAKS = "caller_speaks"
    TOOL_OPEN = "tool_open"
    TOOL_RESULT = "tool_result"
    """The client has just answered the call of a tool."""
    INTERRUPTION = "interruption"
    """In the same breath as the interruption."""
    INTERRUPTED = "interrupted"
    """The agent speaks again after it."""
    ENDING = "ending"
    """The client has begun to close."""
    CLOSED = "closed"
    """Behind the service's own close frame."""


HTTP_PLACES = frozenset({Place.SIGNED_URL, Place.UPGRADE})
TOOL_PLACES = frozenset({Place.TOOL_OPEN, Place.TOOL_RESULT})
INTERRUPTION_PLACES = frozenset({Place.INTERRUPTION, Place.INTERRUPTED})
BEFORE_ANNOUNCEMENT = HTTP_PLACES | {Place.OPENED, Place.SET_UP}


async def go_to(place: Place, conversation: Conversation) -> None:
    """From the announcement of the conversation on. Raises `TimeoutError` if the client does not do its part."""
    rate = conversation.downlink_rate
    if place is Place.CALLER_SPEAKS:
        with conversation.listen(SPEECH_LEVEL_DBFS) as detector:
            async with asyncio.timeout(_REACHED_SECONDS):
                await detector.wait(lambda heard: heard.speech_ms >= _SPEECH_MS)
        conversation.caller_began_speaking()
    elif place is Place.TOOL_OPEN:
        conversation.start_tool(OPEN_TOOL, {"number": "7"})
    elif place is Place.TOOL_RESULT:
        await conversation.call_tool(SUBROUTINE, {"number": "7"}, _REACHED_SECONDS)
    else:
        await conversation.send_audio(tone(_HZ, 1.0, rate), conversation.next_event_id(), chunk_ms=250)
        if place in INTERRUPTION_PLACES:
            await asyncio.sleep(0.1)
            conversation.interrupt_now()
        if place is Place.INTERRUPTED:
            await asyncio.sleep(0.05)
            await conversation.send_audio(tone(_NEXT_HZ, 0.5, rate), conversation.next_event_id(), chunk_ms=250)
