"""The service's own client library holds a whole conversation with the mock."""

# mypy: allow-untyped-calls

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AudioInterface,
    ClientTools,
    ConversationInitiationData,
    DisconnectionDetails,
)
from elevenlabs.conversational_ai.conversation import Conversation as SdkConversation
from elevenlabs.core.api_error import ApiError

from aiconvai.audio import rms_dbfs, tone, ulaw_decode, ulaw_encode
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, ThreadedConversation
from aiconvai.mock.elevenlabs.messages import ContextualUpdate, Pong, UserActivity, UserMessage


class Telephone(AudioInterface):
    """Sends a tone in 20 ms chunks from a thread, keeps what is played and each interruption."""

    def __init__(self) -> None:
        self.events: queue.Queue[bytes | None] = queue.Queue()
        self._stop = threading.Event()

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        self._thread = threading.Thread(target=self._talk, args=(input_callback,))
        self._thread.start()

    def _talk(self, input_callback: Callable[[bytes], None]) -> None:
        audio = ulaw_encode(tone(440, 10, 8000))
        for start in range(0, len(audio), 160):
            if self._stop.wait(0.02):
                return
            input_callback(audio[start : start + 160])

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def output(self, audio: bytes) -> None:
        self.events.put(audio)

    def interrupt(self) -> None:
        self.events.put(None)

    def next(self) -> bytes | None:
        """What was played next, or None for an interruption."""
        return self.events.get(timeout=20)


@pytest.fixture
def telephone() -> Telephone:
    return Telephone()


def _library(mock: ElevenLabsMockThread, key: str = "test-api-key") -> ElevenLabs:
    return ElevenLabs(api_key=key, base_url=mock.base_url)


def test_whole_conversation_with_the_official_library(telephone: Telephone) -> None:
    agent = ElevenLabsAgent(
        private=True,
        allowed_overrides=frozenset({"agent.first_message"}),
        required_variables=frozenset({"caller_number"}),
    )
    heard: dict[str, list[Any]] = {"agent": [], "user": [], "latency": [], "end": []}
    tools = ClientTools()
    tools.register("lookup", lambda parameters: f"found {parameters['name']}")

    with ElevenLabsMockThread(MockOptions(agents={"agent": agent})) as mock:
        session = SdkConversation(
            _library(mock),
            "agent",
            user_id="customer 5",
            requires_auth=True,
            audio_interface=telephone,
            config=ConversationInitiationData(
                conversation_config_override={"agent": {"first_message": "Hello"}},
                dynamic_variables={"caller_number": "+420123"},
            ),
            client_tools=tools,
            callback_agent_response=heard["agent"].append,
            callback_user_transcript=heard["user"].append,
            callback_latency_measurement=heard["latency"].append,
            callback_disconnect=heard["end"].append,
        )
        session.start_session()
        call = mock.next_conversation()
        _hold_conversation(call, telephone, session)
        session.wait_for_session_end()
        call.wait_closed()

        record = call.record
        assert [request.status for request in mock.requests] == [200, 101]
        assert mock.requests[0].headers["xi-api-key"] == "test-api-key"
        assert "xi-api-key" not in record.headers
        assert "conversation_signature" in record.query
        assert record.violations == []
        assert (record.closed_by, record.close_code, record.close_acknowledged) == ("service", 1000, True)

    assert record.initiation is not None
    assert record.initiation.user_id == "customer 5"
    assert record.initiation.dynamic_variables == {"caller_number": "+420123"}
    assert record.initiation.conversation_config_override.agent is not None
    assert record.initiation.conversation_config_override.agent.first_message == "Hello"
    assert len(record.uplink) >= 10
    assert all(len(chunk.data) == 160 for chunk in record.uplink)
    assert rms_dbfs(record.uplink_samples()) == pytest.approx(-10, abs=0.5)
    assert [update.text for update in record.received_of(ContextualUpdate)] == ["The caller pressed 1"]
    assert [message.text for message in record.received_of(UserMessage)] == ["I want sales"]
    assert len(record.received_of(UserActivity)) == 1
    assert [pong.event_id for pong in record.received_of(Pong)] == [1, 2]
    assert heard["agent"] == ["Good day"]
    assert heard["user"] == ["hello"]
    assert len(heard["latency"]) <= 1
    [end] = heard["end"]
    assert isinstance(end, DisconnectionDetails)
    assert (end.reason, end.close_code) == ("agent", 1000)


def _hold_conversation(call: ThreadedConversation, telephone: Telephone, session: SdkConversation) -> None:
    call.wait_started()
    speech = tone(800, 0.1, 8000)
    call.send_audio(speech, event_id=1)
    played = telephone.next()
    assert played is not None
    assert np.array_equal(ulaw_decode(played), call.record.downlink_samples(event_id=1))

    assert call.ping() > 0
    call.interrupt(1)
    assert telephone.next() is None
    call.send_audio(speech, event_id=1)  # Stale: must not be played.
    call.send_audio(b"\x55" * 160, event_id=2)
    assert telephone.next() == b"\x55" * 160

    result = call.call_tool("lookup", {"name": "Eva"})
    assert (result.result, result.is_error) == ("found Eva", False)
    failed = call.call_tool("no such tool")
    assert failed.is_error

    session.send_contextual_update("The caller pressed 1")
    session.send_user_message("I want sales")
    session.register_user_activity()
    call.wait_received(lambda record: bool(record.received_of(UserActivity)))

    call.send({"type": "agent_response", "agent_response_event": {"agent_response": "Good day", "event_id": 2}})
    call.send({"type": "user_transcript", "user_transcription_event": {"user_transcript": "hello", "event_id": 3}})
    call.send_raw('{"type":"from_the_future"}')
    assert call.ping() > 0
    call.wait_received(lambda record: len(record.uplink) >= 10)
    call.close(1000, "The agent ended the conversation")


def test_library_is_told_that_its_key_is_wrong(telephone: Telephone) -> None:
    with ElevenLabsMockThread(MockOptions(agents={"agent": ElevenLabsAgent(private=True)})) as mock:
        session = SdkConversation(_library(mock, key="wrong"), "agent", requires_auth=True, audio_interface=telephone)
        with pytest.raises(ApiError) as refused:
            session.start_session()
        assert refused.value.status_code == 401
        session.client_tools.stop()


def test_library_ends_the_conversation(telephone: Telephone) -> None:
    with ElevenLabsMockThread(MockOptions(agents={"agent": ElevenLabsAgent()})) as mock:
        session = SdkConversation(_library(mock), "agent", requires_auth=False, audio_interface=telephone)
        session.start_session()
        call = mock.next_conversation()
        call.wait_started()
        session.end_session()
        session.wait_for_session_end()
        call.wait_closed()
        assert call.record.closed is not None
        assert call.record.closed <= time.monotonic()
        assert (call.record.closed_by, call.record.close_code) == ("client", 1000)
        assert call.record.violations == []
