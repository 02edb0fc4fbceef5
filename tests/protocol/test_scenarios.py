"""Every built-in scenario, played to a small client; and what scenario files may and may not say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from service_client import ServiceClient
from start_mock import StartMock

from aiconvai.audio import Samples, decode, encode, resample, rms_dbfs, tone, ulaw_encode
from aiconvai.mock import (
    Conversation,
    ElevenLabsAgent,
    Jitter,
    Scenario,
    ScenarioError,
    builtin_scenarios,
    load_scenario,
    parse_scenario,
)
from aiconvai.mock.elevenlabs.messages import ERROR_CLOSE_CODES, ContextualUpdate
from aiconvai.mock.errors import ErrorType
from aiconvai.mock.jitter import Distribution
from aiconvai.speech import speak

TESTED = {
    "conversation",
    "drop",
    "echo",
    "errors",
    "filter",
    "fragments",
    "long_talk",
    "silent",
    "slow_handshake",
    "tool_call",
    "vad_scores",
}


def _level_at(samples: Samples, rate: int, hz: float) -> float:
    """Level in dBFS of one frequency."""
    if samples.size == 0:
        return -np.inf
    time_axis = np.arange(samples.size) / rate
    projection = np.mean(samples / 32768.0 * np.exp(-2j * np.pi * hz * time_axis))
    return float(20 * np.log10(abs(projection) * np.sqrt(2) + 1e-12))


async def _speak(client: ServiceClient, samples: Samples) -> None:
    for start in range(0, samples.size, 160):
        await client.send_audio(ulaw_encode(samples[start : start + 160]))


SILENCE: Samples = np.zeros(8000, dtype=np.int16)


def test_no_built_in_scenario_is_untested() -> None:
    assert set(builtin_scenarios()) == TESTED


@pytest.mark.parametrize("event_id", [None, 7])
async def test_echo(start_mock: StartMock, event_id: int | None) -> None:
    mock = await start_mock(load_scenario("echo", event_id=event_id))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        sent = [bytes([number]) * 160 for number in range(50)]
        for chunk in sent:
            await client.send_audio(chunk)
        await client.until(lambda: len(client.of("audio")) == 50)
        assert client.audio() == b"".join(sent)
        ids = [message["audio_event"]["event_id"] for message in client.of("audio")]
        assert ids == ([7] * 50 if event_id else list(range(1, 51)))
        conversation = await mock.next_conversation()
        assert [chunk.data for chunk in conversation.uplink] == sent
        assert [chunk.data for chunk in conversation.downlink] == sent
        assert conversation.violations == []


async def test_echo_converts_between_formats(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("echo"), input_format="pcm_8000", output_format="pcm_24000")
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        caller = tone(1000, 1.0, 8000, -12.0)
        for start in range(0, caller.size, 160):
            await client.send_audio(encode(caller[start : start + 160], "pcm_8000"))
        await client.until(lambda: len(client.audio()) > 2 * 24000 * 0.95)
        echoed = decode(client.audio(), "pcm_24000")
        assert _level_at(echoed[:22000], 24000, 1000) == pytest.approx(-12.0, abs=0.5)
        # Seams between chunks would show as energy beside the tone.
        rest = resample(echoed[1000:22000], 24000, 8000).astype(float)
        spectrum = np.abs(np.fft.rfft(rest * np.hanning(rest.size)))
        peak = int(np.argmax(spectrum))
        beside = np.concatenate((spectrum[: peak - 20], spectrum[peak + 20 :]))
        assert 20 * np.log10(beside.max() / spectrum[peak]) < -60


async def test_conversation(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("conversation", timeout=10), output_format="pcm_16000")
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        question = speak("What are your opening hours, please?", 8000)
        for turn in (1, 2):
            await client.until(lambda: len(client.of("agent_response")) == turn)  # noqa: B023
            await client.until(lambda: bool(client.audio(turn)))  # noqa: B023
            # What is said counts from the moment the agent listens, as it does with a person.
            await conversation.ping()
            await _speak(client, question)
            await _speak(client, SILENCE)
        assert await client.closed(20.0) == (1000, "The agent ended the conversation")
        await conversation.wait_closed()
        assert conversation.scenario_failure is None
        assert conversation.scenario_done is not None
        assert conversation.violations == []
        # A ping may have come behind it.
        (ended,) = client.of("agent_tool_response")
        assert ended["agent_tool_response"]["tool_name"] == "end_call"
        greeting = decode(client.audio(1), "pcm_16000")
        assert greeting.size > 16000 * 2
        assert rms_dbfs(greeting) > -30


async def test_long_talk_can_be_interrupted(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("long_talk", repetitions=1))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        conversation = await mock.next_conversation()
        await client.until(lambda: len(client.audio()) > 15 * 8000)
        await _speak(client, SILENCE)
        await conversation.ping()
        assert client.of("interruption") == []
        await _speak(client, tone(440, 0.2, 8000))
        await client.until(lambda: bool(client.of("interruption")))
        assert client.of("interruption")[0]["interruption_event"]["event_id"] == 1
        assert conversation.playout_left == 0.0
        await _speak(client, tone(440, 1.0, 8000))
        await conversation.ping()
        assert len(client.of("interruption")) == 1


async def test_filter(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("filter", seconds_before=0.05))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.until(lambda: len(client.audio(48)) == 8000)
        order = [
            message["audio_event"]["event_id"] if message["type"] == "audio" else "interruption"
            for message in client.messages[1:]
        ]
        assert order[:2] == [42, 42]
        cut = order.index("interruption")
        assert set(order[:cut]) == {42, 46, 47}
        assert set(order[cut + 1 :]) == {46, 48}
        assert client.of("interruption")[0]["interruption_event"]["event_id"] == 46
        assert _level_at(decode(client.audio(47), "ulaw_8000"), 8000, 1700) == pytest.approx(-10, abs=0.3)
        conversation = await mock.next_conversation()
        # Event 47 was queued and stays, the late audio of 46 does not count, 48 follows.
        assert 1.0 < conversation.playout_left <= 2.0


async def test_tool_call(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("tool_call", tool="lookup", arguments={"name": "Eva"}))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.until(lambda: bool(client.of("client_tool_call")))
        call = client.of("client_tool_call")[0]["client_tool_call"]
        assert (call["tool_name"], call["parameters"]) == ("lookup", {"name": "Eva"})
        await client.send(
            {
                "type": "client_tool_result",
                "tool_call_id": call["tool_call_id"],
                "result": "found",
                "is_error": False,
            }
        )
        assert (await client.closed(10.0))[0] == 1000
        assert [m["agent_response_event"]["agent_response"] for m in client.of("agent_response")] == [
            "One moment, please.",
            "That is done.",
        ]


async def test_vad_scores(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("vad_scores", scores=[0.0, 0.5, 1.0], interval=0.01))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.until(lambda: bool(client.of("user_transcript")))
        assert [m["vad_score_event"]["vad_score"] for m in client.of("vad_score")] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("error_type", ERROR_CLOSE_CODES)
async def test_errors(start_mock: StartMock, error_type: ErrorType) -> None:
    mock = await start_mock(load_scenario("errors", error_type=error_type))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        code, reason = await client.closed()
        event = client.of("error")[0]["error_event"]
        assert code == event["code"] == ERROR_CLOSE_CODES[error_type]
        assert event["error_type"] == error_type
        assert reason == event["message"] == error_type.replace("_", " ")


async def test_error_that_is_not_announced(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("errors", error_type="tts_cascade_error", announce=False))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        assert (await client.closed())[0] == 1002
        assert client.of("error") == []


async def test_drop(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("drop", seconds=0.05))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        assert (await client.closed())[0] == 1006
        conversation = await mock.next_conversation()
        await conversation.wait_closed()
        assert (conversation.closed_by, conversation.close_code) == ("lost", 1006)


async def test_silent(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("silent"))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await (await mock.next_conversation()).ping()
        assert [message["type"] for message in client.messages] == [
            "conversation_initiation_metadata",
            "ping",
        ]


async def test_fragments(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("fragments"))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.until(lambda: len(client.audio()) == round(8000 * 2.5), 10.0)
        assert client.of("agent_response")[0]["agent_response_event"]["agent_response"].endswith("🐎")
        assert _level_at(decode(client.audio(), "ulaw_8000"), 8000, 1000) > -11
        await client.send_audio(b"\x11" * 160)
        await client.until(lambda: client.audio().endswith(b"\x11" * 160))
        assert (await mock.next_conversation()).violations == []


async def _run(start_mock: StartMock, yaml: str) -> tuple[ServiceClient, Conversation]:
    mock = await start_mock(parse_scenario(yaml))
    client = ServiceClient(mock.conversation_url("agent"))
    async with client:
        await client.initiate()
        conversation = await mock.next_conversation()
        await client.closed(10.0)
        await conversation.wait_closed()
    return client, conversation


async def test_wait_in_vain_fails_the_scenario(start_mock: StartMock) -> None:
    client, conversation = await _run(
        start_mock, "steps: [{say: Hello}, {wait_for_speech: {min_ms: 100, timeout: 0.1}}]"
    )
    assert conversation.scenario_failure == (
        "step 2 (wait_for_speech): no 100 ms of caller audio above -40 dBFS within 0.1 s"
    )
    assert client.of("error")[0]["error_event"]["code"] == conversation.close_code == 1002
    assert conversation.violations == []


async def test_realtime_pace_and_repeat(start_mock: StartMock) -> None:
    client, conversation = await _run(
        start_mock,
        """
        steps:
          - repeat: {times: 2, steps: [{tone: {seconds: 0.2, pace: realtime, chunk_ms: 20}}]}
          - close: 1000
        """,
    )
    times = [chunk.time for chunk in conversation.downlink]
    assert len(times) == 20
    # The first may be late, and the last is never early.
    assert conversation.started is not None
    assert times[-1] - conversation.started > 0.37
    assert times[-1] - times[0] < 0.8
    assert {chunk.event_id for chunk in conversation.downlink} == {1, 2}
    assert all(len(chunk.data) == 160 for chunk in conversation.downlink)
    assert client.audio() == conversation.downlink_bytes


@pytest.mark.parametrize("distribution", ["uniform", "exponential"])
async def test_jitter_is_that_of_its_seed_and_keeps_the_order(
    start_mock: StartMock, distribution: Distribution
) -> None:
    client, conversation = await _run(
        start_mock,
        f"""
        steps:
          - tone: {{seconds: 0.5, pace: realtime, chunk_ms: 20,
                    jitter: {{ms: 120, seed: 3, distribution: {distribution}}}}}
          - close: 1000
        """,
    )
    assert len(conversation.downlink) == 25
    due_ms = 20 * np.arange(25)
    sent_ms = np.array([chunk.time for chunk in conversation.downlink]) * 1000
    planned_ms = Jitter(ms=120, seed=3, distribution=distribution).arrivals_ms(25, 20)
    assert np.all(np.diff(planned_ms) >= 0)
    assert np.ptp(planned_ms - due_ms) > 60
    assert np.corrcoef(sent_ms - due_ms, planned_ms - due_ms)[0, 1] > 0.9
    assert client.audio() == conversation.downlink_bytes


def test_jitter_needs_the_pace_of_real_time() -> None:
    with pytest.raises(ScenarioError, match="jitter needs pace: realtime"):
        parse_scenario("steps: [{tone: {jitter: {ms: 60}}}]")


async def test_interruption_stops_what_is_being_sent(start_mock: StartMock) -> None:
    mock = await start_mock(
        parse_scenario(
            """
            steps:
              - barge_in: {min_ms: 50}
              - tone: {seconds: 9, pace: realtime, chunk_ms: 100}
              - close: 1000
            """
        )
    )
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.until(lambda: len(client.of("audio")) == 3)
        await _speak(client, tone(500, 0.2, 8000))
        assert (await client.closed())[0] == 1000
        after = client.messages[client.messages.index(client.of("interruption")[0]) :]
        assert [message["type"] for message in after] == ["interruption"]


async def test_wait_for_message_and_raw_text(start_mock: StartMock) -> None:
    mock = await start_mock(
        parse_scenario(
            """
            steps:
              - wait_for_message: contextual_update
              - wait_for_message: {type: contextual_update, timeout: 5}
              - send: {type: agent_typing, agent_typing_event: {is_typing: true}}
              - send_raw: '{"type":"from_the_future","x":[1]}'
              - close: {code: 1000, reason: done}
            """
        )
    )
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        await client.send({"type": "contextual_update", "text": "1", "context_id": "dtmf"})
        await client.send({"type": "user_activity"})
        await client.send({"type": "contextual_update", "text": "2", "context_id": "dtmf"})
        assert await client.closed() == (1000, "done")
        assert client.messages[-1] == {"type": "from_the_future", "x": [1]}
        conversation = await mock.next_conversation()
        assert [update.text for update in conversation.received_of(ContextualUpdate)] == ["1", "2"]


async def test_what_is_said_between_a_ping_and_the_close_is_read(start_mock: StartMock) -> None:
    client, _ = await _run(
        start_mock,
        """
        steps:
          - send: {type: ping, ping_event: {event_id: 1}}
          - send_raw: '{"type":"last_words"}'
          - close: 1000
        """,
    )
    assert [message["type"] for message in client.messages[1:]] == ["ping", "last_words"]


async def test_periodic_pings(start_mock: StartMock) -> None:
    client, conversation = await _run(
        start_mock, "steps: [{ping: {every: 0.1}}, {wait: 1.05}, {ping: true}, {close: 1000}]"
    )
    # Eleven and one, if the machine is on time.
    assert 8 <= len(client.of("ping")) <= 13
    assert conversation.violations == []


async def test_live_changes_of_an_agent_do_not_reach_running_conversations(start_mock: StartMock) -> None:
    mock = await start_mock(load_scenario("echo"))
    async with ServiceClient(mock.conversation_url("agent")) as client:
        await client.initiate()
        mock.agents["agent"] = ElevenLabsAgent(scenario=Scenario())
        await client.send_audio(b"\x22" * 160)
        await client.until(lambda: client.audio() == b"\x22" * 160)


def test_speech_in_every_format_is_the_same_speech(tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(json.dumps({"steps": [{"say": "Hello"}]}))
    assert load_scenario(scenario).steps[0].say is not None
    wide = speak("Hello there", 16000)
    narrow = speak("Hello there", 8000)
    assert abs(wide.size - 2 * narrow.size) <= 2
    assert rms_dbfs(wide) == pytest.approx(rms_dbfs(narrow), abs=3)
    assert encode(narrow, "ulaw_8000") == ulaw_encode(narrow)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("steps: [{say: hi, wait: 1}]", "steps.0: Value error, a step has exactly one action, got say, wait"),
        ("steps: [{sya: hi}]", "steps.0.sya: Extra inputs are not permitted"),
        ("steps: [{}]", "exactly one action, got none"),
        ("steps: [{say: {voice: en}}]", "steps.0.say.text: Field required"),
        ("steps: [{error: out_of_coffee}]", "steps.0.error.error_type"),
        ("steps: [{wire: {segment_sizes: [0]}}]", "1 or more"),
        ("steps: [{wait: $seconds}]", "$seconds is used but not among the parameters"),
        ("- wait: 1", "expected a mapping"),
        ("steps: [", "not valid YAML"),
    ],
)
def test_wrong_scenario_is_refused_precisely(text: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ")
    assert problem in str(caught.value)


def test_message_the_service_does_not_have_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"(?s)^mine\.yaml: send: .*ping_event\n *Field required"):
        ElevenLabsAgent(scenario=parse_scenario("steps: [{send: {type: ping}}]", "mine.yaml"))


def test_unknown_scenario_and_parameter() -> None:
    with pytest.raises(ScenarioError, match="no such scenario; give a file or one of conversation, drop"):
        load_scenario("ecko")
    with pytest.raises(ScenarioError, match="no parameter speed; this scenario has event_id"):
        load_scenario("echo", speed=2)
