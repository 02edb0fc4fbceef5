"""Who speaks a provider's protocol at an address of his own is reached with a key of his own.

How they talk: test_services.py.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from exchange import hears_agent
from voice import Voice, mock_options, voice

__all__ = ["mock_options", "voice"]

AGENT_HZ = 1000.0


@pytest.mark.parametrize("where", ["azure", "xai", "vertex"])
def test_who_has_another_key_is_not_let_in(voice: Voice, where: str) -> None:
    voice.use(where)
    voice.agent("agent", api_key="another-key-of-somebody", max_connection_attempts=1)
    voice.dialplan("exten => 100,1,AIConvAI(agent,c)\n same => n,Wait(1)")
    voice.apply()
    voice.call("100")
    event = voice.event("AIConvAIEnd")
    assert event["Status"] == "UNAVAILABLE"
    assert "401" in event["Reason"]
    assert "check api_key" in event["Reason"]


def test_a_key_that_another_file_has_is_renewed_with_a_reload(voice: Voice) -> None:
    """As tokens are that are good for an hour: another program writes them."""
    voice.use("vertex")
    voice.agent("agent", api_key=None)
    voice.dialplan("exten => 100,1,AIConvAI(agent)")
    for token in ("ya29.first-of-the-tokens", "ya29.second-of-the-tokens"):
        voice.mock.agents["id_agent"] = replace(voice.mock.agents["id_agent"], api_key=token)
        voice.asterisk.write_config("token.conf", f"api_key = {token}\n")
        voice.asterisk.write_config("aiconvai.conf", voice.configuration() + "#include token.conf\n")
        assert "Loaded" in voice.asterisk.cli("aiconvai reload")
        voice.asterisk.set_dialplan("exten => 100,1,AIConvAI(agent)")
        call = voice.call("100")
        conversation = voice.conversation()
        hears_agent(call, conversation, AGENT_HZ)
        assert conversation.record.request.headers["authorization"] == f"Bearer {token}"
        call.hangup()
        conversation.wait_closed()
    assert json.loads(conversation.record.received[0].text)["setup"]["model"].startswith("projects/")
