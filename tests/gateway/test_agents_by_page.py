"""The gateway's agents, changed by an administrator on the page: calls that begin then are answered so."""

from __future__ import annotations

import html
import re
from pathlib import Path

import httpx
import pytest
from audiosocket import AudioSocketCall
from gateway_program import GatewayProgram

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions
from aiconvai.mock.elevenlabs.agent import ALL_OVERRIDES

pytestmark = pytest.mark.programs


def hidden(page: str) -> dict[str, str]:
    """What a form brings by itself."""
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    fields |= dict(re.findall(r'<textarea name="([^"]+)" hidden>([^<]*)</textarea>', page))
    return {html.unescape(name): html.unescape(value) for name, value in fields.items()}


def test_what_is_written_holds_for_the_next_call(tmp_path: Path) -> None:
    with ElevenLabsMockThread(MockOptions()) as mock:
        mock.agents["sales"] = ElevenLabsAgent(allowed_overrides=ALL_OVERRIDES)
        lines = "\n".join(f"{key} = {value}" for key, value in mock.settings("sales").items())
        program = GatewayProgram(tmp_path, f"[sales]\n{lines}\n")
        program.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{program.page}", follow_redirects=True) as browser:
                first = {"token": program.setup_token(), "name": "ann", "password": "correct horse battery"}
                browser.post("/setup", data=first).raise_for_status()
                assert "sales" in browser.get("/agents").text
                form = hidden(browser.get("/agents/gateway/sales").text)
                form["option.prompt"] = "Be brief."
                shown = browser.post("/agents/gateway/sales", data=form)
                assert "+prompt = Be brief." in shown.text
                done = browser.post("/agents/gateway/sales", data={**hidden(shown.text), "confirm": "yes"})
                assert "It is loaded" in done.text, done.text
            with AudioSocketCall(program.port, program.register("sales")) as call:
                call.identify()
                conversation = mock.next_conversation()
                conversation.wait_started()
                overrides = conversation.record.initiation.conversation_config_override
                assert overrides.agent.prompt.prompt == "Be brief."
        finally:
            assert program.stop() == 0
