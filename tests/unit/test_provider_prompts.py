"""Prompts with states: how each service is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import test_provider_deepgram as deepgram
import test_provider_gemini as gemini
import test_provider_openai as openai
import test_provider_openai_live as openai_live
import test_provider_websocket as websocket
from engine_host import PUBLIC, Host
from test_engine_prompts import CONFIRMED, GREETING, INSTRUCTION, REASON, TOLD, elevenlabs_prompt, host_with_prompts


@dataclass(frozen=True)
class Service:
    agent: Mapping[str, str]
    prompt: Callable[[Host], str]
    """Begins the session; the prompt that was sent."""
    told: dict[str, Any]
    """What is sent as the confirmation begins."""


SERVICES = {
    "elevenlabs": Service(PUBLIC, elevenlabs_prompt, {"type": "contextual_update", "text": TOLD}),
    "openai": Service(
        openai.AGENT,
        lambda host: str(openai.start(host)["instructions"]),
        {
            "type": "session.update",
            "session": {"type": "realtime", "instructions": f"{INSTRUCTION}\n\n{CONFIRMED}"},
        },
    ),
    "openai_live": Service(
        openai_live.AGENT,
        lambda host: str(openai_live.start(host)["instructions"]),
        {"type": "session.instructions.append", "content": TOLD, "delegation_id": None},
    ),
    "gemini": Service(
        gemini.AGENT,
        lambda host: str(gemini.start(host)["systemInstruction"]["parts"][0]["text"]),
        {"realtimeInput": {"text": f"For your information, no answer is needed: {TOLD}"}},
    ),
    "deepgram": Service(
        deepgram.AGENT,
        lambda host: str(deepgram.start(host)["agent"]["think"]["prompt"]),
        {"type": "UpdatePrompt", "prompt": f"{INSTRUCTION}\n\n{CONFIRMED}\n\n{TOLD}"},
    ),
    "websocket": Service(
        websocket.AGENT,
        lambda host: str(websocket.start(host)["config"]["system_prompt"]),
        {"type": "text.input", "text": TOLD, "role": "system"},
    ),
}
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@every_service
def test_agent_begins_with_the_instruction_and_its_first_state(service: Service) -> None:
    host = host_with_prompts(service.agent)
    assert service.prompt(host) == f"{INSTRUCTION}\n\n{GREETING}"
    assert host.conversation.stats().state == "greeting"


@every_service
def test_service_is_told_of_another_state_in_its_own_way(service: Service) -> None:
    host = host_with_prompts(service.agent)
    service.prompt(host)
    host.sent.clear()
    assert host.conversation.enter_state("confirmation", REASON) is None
    host.pump()
    told = [{key: value for key, value in message.items() if key != "event_id"} for message in host.sent]
    assert told == [service.told]


def test_service_with_instructions_gets_them_before_the_answer() -> None:
    host = host_with_prompts(openai.AGENT, tool_enter_state="builtin")
    openai.start(host)
    host.sent.clear()
    openai.respond(host, "resp_1")
    openai.call(host, "call_1", name="enter_state", arguments='{"state":"confirmation","reason":"toothache"}')
    openai.done(host, "resp_1")
    update, answer, response = host.sent
    assert update["session"]["instructions"] == f"{INSTRUCTION}\n\n{CONFIRMED}"
    assert answer["item"]["output"] == "The conversation is in that state now."
    assert response["type"] == "response.create"


def test_agent_is_asked_for_what_the_states_need_to_know() -> None:
    host = host_with_prompts(openai.AGENT, tool_enter_state="builtin")
    (tool,) = openai.start(host)["tools"]
    parameters = tool["parameters"]
    assert parameters["properties"]["state"]["enum"] == ["greeting", "confirmation", "fallback"]
    assert set(parameters["properties"]) == {"state", "reason", "caller_number"}
    assert parameters["required"] == ["state"]
