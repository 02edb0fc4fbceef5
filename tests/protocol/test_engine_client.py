"""The module's engine converses with mocks, over real WebSockets and in real time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from engine_client import EngineClient

from aiconvai.engine.events import Error, Interrupted, Status, ToolCall, Transcript
from aiconvai.mock import Conversation, MockAgent, MockOptions, MockServer, Scenario, parse_scenario
from aiconvai.mock.openai_live import OpenAiLiveMock
from aiconvai.mock.twilio import TwilioAgent, TwilioMock
from aiconvai.mock.websocket import ALIASES, WebSocketAgent, WebSocketMock


@dataclass(frozen=True)
class Service:
    """A mock service, and what an agent needs to be with it."""

    provider: str
    mock: Callable[[MockOptions], MockServer[Any, Any]]
    agent: Callable[..., MockAgent]
    name: str = "agent"
    settings: tuple[tuple[str, str], ...] = ()
    interrupts: bool = True
    tools: bool = True

    def of(self, scenario: Scenario) -> MockServer[Any, Any]:
        return self.mock(MockOptions(agents={self.name: self.agent(scenario=scenario)}))

    def client(self, mock: MockServer[Any, Any], **settings: str) -> EngineClient:
        agent = {"provider": self.provider, "api_key": "test-api-key", "conversation_url": mock.conversation_endpoint}
        agent |= dict(self.settings) | settings
        return EngineClient(agent, {"unique_id": "1700000000.5", "caller_number": "+420"})


def websocket(**agent: Any) -> Callable[..., WebSocketAgent]:
    return partial(WebSocketAgent, **agent)


ULAW = (("audio_format", "ulaw_8000"),)
WEBSOCKET = Service("websocket", WebSocketMock, websocket(), settings=ULAW)
SERVICES = {
    "openai_live": Service("openai_live", OpenAiLiveMock, MockAgent, "gpt-live-1", interrupts=False),
    "twilio": Service("twilio", TwilioMock, TwilioAgent, tools=False),
    "twilio private": Service("twilio", TwilioMock, partial(TwilioAgent, private=True), tools=False),
    "websocket": WEBSOCKET,
    "websocket plain": Service("websocket", WebSocketMock, websocket(extensions=False), settings=ULAW, tools=False),
    "websocket aliases": Service("websocket", WebSocketMock, websocket(aliases=frozenset(ALIASES)), settings=ULAW),
    "websocket binary": Service("websocket", WebSocketMock, websocket(binary_audio=True), settings=ULAW),
    "websocket pcm": Service("websocket", WebSocketMock, websocket()),
}


@pytest.fixture(params=SERVICES.values(), ids=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


async def conversation_of(mock: MockServer[Any, Any]) -> Conversation:
    """The only one there was, which broke no rule."""
    conversation: Conversation = await mock.next_conversation()
    await conversation.wait_closed()
    assert conversation.scenario_failure is None
    assert conversation.violations == []
    return conversation


async def test_the_agent_speaks_hears_and_hangs_up(service: Service) -> None:
    scenario = parse_scenario(
        "steps: [{tone: 0.4}, {wait_for_playout: true}, {wait_for_speech: 100}, {user_transcript: hello}, {tone: 0.2},"
        " {wait_for_playout: true}, {end_call: true}, {close: 1000}]"
    )
    async with service.of(scenario) as mock:
        client = service.client(mock)
        client.speaks = True
        ended = await client.run()
        conversation = await conversation_of(mock)
    assert ended.status is Status.COMPLETED
    assert client.told(Error) == []
    assert len(client.heard) >= 8000 * 0.55
    assert len(conversation.uplink) > 5
    tells = service.provider != "twilio"
    assert [said.text for said in client.told(Transcript)] == (["hello"] if tells else [])


async def test_the_caller_cuts_the_agent_off_and_hangs_up(service: Service) -> None:
    scenario = parse_scenario("steps: [{barge_in: {min_ms: 60}}, {tone: 10}]")
    async with service.of(scenario) as mock:
        client = service.client(mock)

        def goes_on(call: EngineClient) -> bool:
            call.speaks = len(call.heard) > 8000 * 0.2
            silent = any(one.interruptions for one in mock.conversations)
            return silent and (bool(call.told(Interrupted)) or not service.interrupts)

        ended = await client.run(goes_on)
        conversation = await conversation_of(mock)
    assert ended.status is Status.CALLER_HANGUP
    assert conversation.close_code == 1000
    assert len(client.told(Interrupted)) == (1 if service.interrupts else 0)


async def test_tools_are_answered(service: Service) -> None:
    scenario = parse_scenario("steps: [{tool_call: {name: lookup, parameters: {a: 1}}}, {close: 1000}]")
    async with service.of(scenario) as mock:
        client = service.client(mock)
        ended = await client.run()
        await conversation_of(mock)
    assert ended.status is Status.COMPLETED
    assert len(client.told(ToolCall)) == (1 if service.tools else 0)


@pytest.mark.parametrize("name", ["twilio", "websocket"])
async def test_marks_are_told_when_they_are_due(name: str) -> None:
    send = {"twilio": "{event: mark, mark: {name: m1}}", "websocket": "{type: mark, name: m1}"}[name]
    scenario = parse_scenario(f"steps: [{{tone: 0.3}}, {{send: {send}}}, {{wait_for_message: mark}}, {{close: 1000}}]")
    async with SERVICES[name].of(scenario) as mock:
        client = SERVICES[name].client(mock)
        ended = await client.run()
        await conversation_of(mock)
    assert ended.status is Status.COMPLETED
    assert len(client.heard) >= 8000 * 0.28


async def test_keys_reach_a_stream() -> None:
    async with SERVICES["twilio"].of(parse_scenario("steps: [{wait_for_message: dtmf}, {close: 1000}]")) as mock:
        client = SERVICES["twilio"].client(mock)
        client.conversation.dtmf("5")
        ended = await client.run()
        await conversation_of(mock)
    assert ended.status is Status.COMPLETED


async def test_a_service_that_hangs_is_left_for_another_connection(service: Service) -> None:
    hanging = parse_scenario("steps: [{tone: 0.2}, {fall_silent: true}, {wait: 60}]")
    good = parse_scenario("steps: [{tone: 0.2}, {wait_for_playout: true}, {end_call: true}, {close: 1000}]")
    async with service.of(hanging) as mock:
        client = service.client(mock, service_silence_seconds="2")

        def hangs(call: EngineClient) -> bool:
            if len(mock.conversations) == 1:
                mock.agents[service.name] = service.agent(scenario=good)
            return False

        ended = await client.run(hangs)
        first, second = mock.conversations
        await first.wait_closed()
        await second.wait_closed()
    assert ended.status is Status.COMPLETED
    (error,) = client.told(Error)
    assert "has sent nothing for 2 s" in error.message
    assert first.closed_by == "lost"
    assert second.violations == []


@pytest.mark.parametrize("wire", ["answers_pings: false", "pong_delay: 1.2"])
async def test_a_service_may_be_late_with_its_pongs_and_leave_them_out_while_it_speaks(
    service: Service, wire: str
) -> None:
    steps = "[{tone: {seconds: 5, pace: realtime}}, {wait_for_playout: true}, {end_call: true}, {close: 1000}]"
    async with service.of(parse_scenario(f"wire: {{{wire}}}\nsteps: {steps}")) as mock:
        client = service.client(mock, service_silence_seconds="3")
        ended = await client.run()
        await conversation_of(mock)
    assert ended.status is Status.COMPLETED
    assert client.told(Error) == []
