"""Tools that the configuration declares: how each service is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import test_provider_deepgram as deepgram
import test_provider_gemini as gemini
import test_provider_openai as openai
import test_provider_websocket as websocket
from engine_host import Host
from test_engine_tools import SCHEMA, TRANSFERS, tools_host

from aiconvai.engine.settings import ToolSettings
from aiconvai.mock.deepgram import client_message as deepgram_message


@dataclass(frozen=True)
class Service:
    agent: Mapping[str, str]
    declared: Callable[[Host], list[dict[str, Any]]]
    """The functions that the service is told of, once its session has begun."""


def of_gemini(host: Host) -> list[dict[str, Any]]:
    (tool,) = gemini.start(host)["tools"]
    return [
        {
            **{key: value for key, value in one.items() if key != "parametersJsonSchema"},
            "parameters": one["parametersJsonSchema"],
        }
        for one in tool["functionDeclarations"]
    ]


def of_openai(host: Host) -> list[dict[str, Any]]:
    tools = openai.start(host)["tools"]
    assert all(one.pop("type") == "function" for one in tools)
    return list(tools)


def of_deepgram(host: Host) -> list[dict[str, Any]]:
    settings = deepgram.start(host)
    deepgram_message(settings)
    return list(settings["agent"]["think"]["functions"])


SERVICES = {
    "openai": Service(openai.AGENT, of_openai),
    "gemini": Service(gemini.AGENT, of_gemini),
    "deepgram": Service(deepgram.AGENT, of_deepgram),
    "websocket": Service(websocket.AGENT, lambda host: list(websocket.start(host)["tools"])),
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_service_is_told_of_every_tool(service: Service) -> None:
    find, end_call = service.declared(tools_host(service.agent))
    assert find == {"name": "find", "description": "Finds a customer.", "parameters": SCHEMA}
    assert end_call["name"] == "end_call"
    assert "Say goodbye before" in end_call["description"]
    assert end_call["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_service_without_tools_is_told_of_none(service: Service) -> None:
    with pytest.raises(KeyError):
        service.declared(Host(service.agent))


def test_builtin_tools_take_what_is_configured() -> None:
    host = Host(openai.AGENT, tool_send_dtmf="builtin", **TRANSFERS)
    transfer, keys = sorted(of_openai(host), key=lambda tool: str(tool["name"]), reverse=True)
    assert transfer["parameters"]["properties"]["destination"]["enum"] == ["sales", "desk"]
    assert transfer["parameters"]["required"] == ["destination"]
    assert keys["parameters"]["required"] == ["digits"]


def test_section_may_describe_a_builtin_tool_in_other_words() -> None:
    declared = {"end_call": ToolSettings("tool-end_call", {"description": "Only after the survey."})}
    (tool,) = of_openai(Host(openai.AGENT, tools=declared, tool_end_call="builtin"))
    assert tool["description"] == "Only after the survey."
