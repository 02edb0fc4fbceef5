"""aiconvai.conf: what is read, what is said about a mistake, and what a reload changes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from voice import Voice, mock_options, voice

from aiconvai.audio import rms_dbfs, tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, load_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call, Caller, CallFailed, similarity

__all__ = ["mock_options", "voice"]

OWN_FILE = "aiconvai.conf"
OTHER_FILE = "elevenlabs.conf"

SEED = """\
[general]
debug=false
max_concurrent_calls=10
call_duration_limit_seconds=300
silence_padding_ms=0

[sales_agent]
elevenlabs_api_key=sk-your-api-key-here
elevenlabs_get_signed_url_endpoint=https://api.elevenlabs.io/v1/convai/conversation/get-signed-url
elevenlabs_agent_id=agent_0301k2f1kzshe85t9w74t66vz1km
elevenlabs_send_caller_number=true
elevenlabs_audio_frames_buffer_ms=240
"""
"""The form that configurations of the earlier systems have."""

MISTAKES = {
    "a typo": ("agent_id = a\nsend_dtmv = no", ":3: [x] send_dtmv = ****", "did you mean send_dtmf?"),
    "an unknown key": ("agent_id = a\nfrobnicate = 1", ":3: [x] frobnicate = ****", "expected a known option"),
    "a secret under a mistyped key": (
        "agent_id = a\napi_kee = sk-0123456789abcdef",
        ":3: [x] api_kee = ****cdef",
        "did you mean api_key?",
    ),
    "no boolean": ("agent_id = a\nsend_dtmf = maybe", ":3: [x] send_dtmf = maybe", "expected yes or no"),
    "no number": (
        "agent_id = a\naudio_frames_buffer_ms = fast",
        ":3: [x] audio_frames_buffer_ms = fast",
        "expected a whole number from 20 to 500 (ms)",
    ),
    "a number out of range": (
        "agent_id = a\naudio_frames_buffer_ms = 501",
        ":3: [x] audio_frames_buffer_ms = 501",
        "expected a whole number from 20 to 500 (ms)",
    ),
    "a shell comment": (
        "agent_id = a\ntool_timeout_ms = 500 # short",
        ":3: [x] tool_timeout_ms = 500 # short",
        "comments begin with ';'",
    ),
    "an unknown word": ("agent_id = a\nprovider = acme", ":3: [x] provider = acme", "expected elevenlabs"),
    "a URL of another scheme": (
        "agent_id = a\nconversation_endpoint = https://example.com",
        ":3: [x] conversation_endpoint = https://example.com",
        "expected a URL that begins with wss:// or ws://",
    ),
    "a text too short": (
        "agent_id = a\nlanguage = e",
        ":3: [x] language = e",
        "expected 2 to 16 characters, this has 1",
    ),
    "a variable without a name": (
        "agent_id = a\ndynamic_variable = =gold",
        ":3: [x] dynamic_variable = =gold",
        "expected name=value",
    ),
    "a list too long": (
        "agent_id = a\nsend_sip_headers = " + ",".join(f"X-{number}" for number in range(17)),
        ":3: [x] send_sip_headers = X-0,",
        "expected at most 16 entries",
    ),
    "a key without a value": ("agent_id = a\nuser_id =", ":3: [x] user_id = ", "expected a value"),
    "a key given twice": ("agent_id = a\nagent_id = b", ":3: [x] agent_id = b", "line 2 sets it already"),
    "a key given under two names": (
        "agent_id = a\nelevenlabs_agent_id = b",
        ":3: [x] elevenlabs_agent_id = b",
        "line 2 sets it already",
    ),
    "a key of [general]": (
        "agent_id = a\nnetwork_threads = 2",
        ":3: [x] network_threads = 2",
        "expected in [general]",
    ),
    "no agent_id": ("send_dtmf = no", ":2: [x]", "expected agent_id (elevenlabs_agent_id)"),
    "a key without its endpoint": (
        "agent_id = a\napi_key = sk-0123456789abcdef",
        ":2: [x]",
        "expected signed_url_endpoint",
    ),
    "an endpoint without its key": (
        "agent_id = a\nsigned_url_endpoint = https://example.com",
        ":2: [x]",
        "expected api_key",
    ),
    "a fixed URL that is none": (
        "conversation_url = http://secret-token",
        ":2: [x] conversation_url = ****oken",
        "expected a URL that begins with wss:// or ws://",
    ),
}
"""What is wrong: the lines of section [x] in file line 2 and on; where the error says it is; what it says."""


@pytest.fixture(autouse=True)
def no_other_files(asterisk: Asterisk) -> Iterator[None]:
    """Leave no file behind that another test would load."""
    yield
    etc = asterisk.directory / "etc"
    for path in (etc / OTHER_FILE, *etc.glob("agents*.conf")):
        path.unlink(missing_ok=True)
    assert "Loaded" in _reload(asterisk, "[general]\n")


def _reload(asterisk: Asterisk, text: str, name: str = OWN_FILE, command: str = "aiconvai reload") -> str:
    asterisk.write_config(name, text)
    return asterisk.cli(command)


def _remove(asterisk: Asterisk, name: str) -> None:
    (asterisk.directory / "etc" / name).unlink()


def _agents(asterisk: Asterisk) -> list[str]:
    """The names of the configured agents, sorted."""
    lines = asterisk.cli("aiconvai show agents").splitlines()
    return [line.split()[0] for line in lines[1:-1]]


# What is read ---------------------------------------------------------------------------------------------


def test_seed_configuration_loads_verbatim(asterisk: Asterisk) -> None:
    _remove(asterisk, OWN_FILE)
    assert _reload(asterisk, SEED, OTHER_FILE) == "Loaded 1 agents from elevenlabs.conf"
    assert _agents(asterisk) == ["sales_agent"]


def test_own_file_is_preferred(asterisk: Asterisk) -> None:
    asterisk.write_config(OTHER_FILE, SEED)
    assert _reload(asterisk, "[own]\nagent_id = a\n") == "Loaded 1 agents from aiconvai.conf"
    assert _agents(asterisk) == ["own"]


def test_without_a_file_there_are_no_agents(asterisk: Asterisk) -> None:
    mark = asterisk.log_position()
    _remove(asterisk, OWN_FILE)
    assert asterisk.cli("aiconvai reload") == "Loaded 0 agents from no file"
    asterisk.wait_for_log("NOTICE.*Neither aiconvai.conf nor elevenlabs.conf exists", since=mark)
    assert _agents(asterisk) == []


def test_module_loads_without_a_file(make_asterisk: Callable[..., Asterisk], app_module: Path) -> None:
    asterisk = make_asterisk(module=app_module)
    assert _agents(asterisk) == []
    _reload(asterisk, "[x]\nagent_id = a\n")
    assert _agents(asterisk) == ["x"]


def test_templates_are_inherited_and_overridden(asterisk: Asterisk) -> None:
    text = """\
[base](!)
agent_id = agent_base
audio_frames_buffer_ms = 100
dynamic_variable = from=template

[plain](base)

[own](base)
elevenlabs_audio_frames_buffer_ms = 40
agent_id = agent_own
"""
    assert _reload(asterisk, text) == "Loaded 2 agents from aiconvai.conf"
    lines = {line.split()[0]: line.split() for line in asterisk.cli("aiconvai show agents").splitlines()[1:-1]}
    assert lines["plain"][2:5] == ["agent_base", "-", "100"]
    assert lines["own"][2:5] == ["agent_own", "-", "40"]


def test_sections_are_appended_to(asterisk: Asterisk) -> None:
    assert "Loaded 1" in _reload(asterisk, "[x]\nagent_id = a\n\n[x](+)\naudio_frames_buffer_ms = 60\n")
    assert asterisk.cli("aiconvai show agents").splitlines()[1].split()[4] == "60"


def test_included_files_are_read(asterisk: Asterisk) -> None:
    asterisk.write_config("agents-sales.conf", "[sales]\nagent_id = a\n")
    asterisk.write_config("agents-support.conf", "[support]\nagent_id = b\n")
    text = '[general]\n#include "agents-sales.conf"\n#tryinclude agents-none.conf\n#include agents-su*.conf\n'
    assert _reload(asterisk, text) == "Loaded 2 agents from aiconvai.conf"
    assert _agents(asterisk) == ["sales", "support"]


def test_general_may_stand_last(asterisk: Asterisk, voice: Voice) -> None:
    voice.agent("echo", ElevenLabsAgent(scenario=load_scenario("echo")))
    voice.dialplan("exten => 100,1,AIConvAI(echo,c)\n same => n,Verbose(1,status ${AICONVAI_STATUS})")
    voice.apply()
    _reload(asterisk, voice.configuration().replace("[general]\n", "") + "[general]\ncall_duration_limit_seconds = 1\n")
    voice.call("100").wait_ended()
    voice.wait_for_log("status TIMEOUT")


# Mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MISTAKES)
def test_mistake_is_named(asterisk: Asterisk, kind: str) -> None:
    lines, place, expectation = MISTAKES[kind]
    mark = asterisk.log_position()
    answer = _reload(asterisk, f"[x]\n{lines}\n")
    (problem,) = [line for line in answer.splitlines() if line.startswith(OWN_FILE)]
    assert problem.startswith(OWN_FILE + place)
    assert expectation in problem
    assert "The configuration was not changed" in answer
    asterisk.wait_for_log(rf" ERROR\[.*: {re.escape(problem)}$", since=mark)
    everything = answer + asterisk.log_since(mark)
    assert "0123456789ab" not in everything
    assert "secret-token" not in everything


def test_every_mistake_is_named(asterisk: Asterisk) -> None:
    answer = _reload(asterisk, "[general]\nprompt = x\nnetwork_threads = 17\n[a]\nagnet_id = 1\n[a]\nagent_id=1\n")
    assert [line for line in answer.splitlines() if line.startswith(OWN_FILE)] == [
        "aiconvai.conf:2: [general] prompt = x: expected in an agent's section; move it there",
        "aiconvai.conf:3: [general] network_threads = 17: expected a whole number from 0 to 16 (threads)",
        "aiconvai.conf:5: [a] agnet_id = ****: expected a known option; did you mean agent_id?",
        "aiconvai.conf:7: [a]: expected once, the section is there twice; give one of them another name",
    ]


def test_empty_section_is_named_with_its_file(asterisk: Asterisk) -> None:
    answer = _reload(asterisk, "[sales]\n;agent_id = a\n")
    assert answer.startswith("aiconvai.conf: [sales]: expected agent_id")


def test_mistake_in_an_included_file_names_that_file(asterisk: Asterisk) -> None:
    asterisk.write_config("agents-sales.conf", "[sales]\nagent_id = a\nsend_dtmf = maybe\n")
    answer = _reload(asterisk, "[general]\n#include agents-sales.conf\n")
    assert re.match(r"(/\S+/)?agents-sales\.conf:3: \[sales\] send_dtmf = maybe: expected yes or no", answer)


def test_mistake_in_the_other_file_names_it(asterisk: Asterisk) -> None:
    _remove(asterisk, OWN_FILE)
    answer = _reload(asterisk, SEED.replace("=240", "=24000"), OTHER_FILE, "elevenlabs reload")
    assert answer.startswith(
        "elevenlabs.conf:12: [sales_agent] elevenlabs_audio_frames_buffer_ms = 24000: expected a whole number"
    )


def test_module_reload_names_mistakes_in_the_log(asterisk: Asterisk) -> None:
    mark = asterisk.log_position()
    answer = _reload(asterisk, "[x]\nagnet_id = 1\n", command="module reload app_aiconvai.so")
    assert "reported a reload failure" in answer
    asterisk.wait_for_log(r"ERROR.*aiconvai.conf:2: \[x\] agnet_id = \*\*\*\*: .*did you mean agent_id\?", since=mark)


def test_file_that_cannot_be_parsed_is_named(asterisk: Asterisk) -> None:
    mark = asterisk.log_position()
    answer = _reload(asterisk, "[general]\n[sales\nagent_id = a\n")
    assert answer.startswith("aiconvai.conf: it cannot be parsed")
    asterisk.wait_for_log(r"no closing '\]', line 2 of .*aiconvai.conf", since=mark)


# What a reload changes ------------------------------------------------------------------------------------


def _talk(call: Call, conversation: ThreadedConversation, hz: float) -> None:
    """Asserts that what the caller says reaches the agent, and comes back from it."""
    said = tone(hz, 0.6, call.sample_rate)
    heard_before = len(call.heard_samples())
    reached_before = len(conversation.record.uplink_samples())
    began = time.monotonic()
    call.play(said).wait()
    call.wait_for_silence(since=call.wait_for_sound(since=began), duration_ms=300)
    heard = call.heard_samples()[heard_before:]
    assert similarity(said, heard) > 0.9
    assert rms_dbfs(heard) > -30
    assert len(conversation.record.uplink_samples()) >= reached_before + len(said) // 2


def _echoing(voice: Voice, **options: object) -> None:
    voice.agent("echo", ElevenLabsAgent(scenario=load_scenario("echo")), **({"audio_frames_buffer_ms": 240} | options))
    voice.dialplan("exten => 100,1,AIConvAI(echo)")


def test_broken_file_leaves_the_old_configuration_in_force(voice: Voice) -> None:
    _echoing(voice)
    voice.apply()
    assert "not changed" in _reload(voice.asterisk, "[echo]\nagnet_id = 1\n")
    assert "not changed" in _reload(voice.asterisk, "[echo\n")
    assert _agents(voice.asterisk) == ["echo"]
    call = voice.call("100")
    _talk(call, voice.conversation(), 500)


@pytest.mark.parametrize("command", ["aiconvai reload", "elevenlabs reload", "module reload app_aiconvai.so"])
def test_reload_replaces_the_agents(asterisk: Asterisk, command: str) -> None:
    _reload(asterisk, "[one]\nagent_id = a\n")
    _reload(asterisk, "[two]\nagent_id = a\n", command=command)
    assert _agents(asterisk) == ["two"]


def test_running_call_keeps_what_it_began_with(voice: Voice) -> None:
    _echoing(voice)
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    _talk(call, conversation, 500)
    _echoing(voice, audio_frames_buffer_ms=20, call_duration_limit_seconds=1, agent_id="id_elsewhere")
    voice.apply()
    call.wait_heard(60)
    _talk(call, conversation, 700)
    assert {len(chunk.data) for chunk in conversation.record.uplink} == {240 * 8}
    assert call.alive


def test_new_call_uses_the_new_configuration(voice: Voice) -> None:
    _echoing(voice)
    voice.apply()
    call = voice.call("100")
    voice.conversation()
    voice.agent(
        "echo", ElevenLabsAgent(scenario=load_scenario("echo"), input_format="pcm_16000"), audio_frames_buffer_ms=40
    )
    voice.apply()
    other = voice.call("100")
    conversation = voice.conversation()
    _talk(other, conversation, 500)
    assert {len(chunk.data) for chunk in conversation.record.uplink} == {40 * 16 * 2}
    assert call.alive


def test_agent_is_removed_under_its_call(voice: Voice) -> None:
    _echoing(voice)
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    del voice.sections["echo"]
    voice.apply()
    assert _agents(voice.asterisk) == []
    _talk(call, conversation, 500)
    with pytest.raises(CallFailed):
        voice.call("100")
    voice.wait_for_log("INVALID: no agent 'echo' is configured")
    call.hangup()
    conversation.wait_closed()
    assert conversation.record.close_code == 1000
    assert not conversation.record.violations


def test_general_limit_is_that_of_the_last_reload(voice: Voice) -> None:
    _echoing(voice)
    voice.apply()
    call = voice.call("100")
    voice.conversation()
    voice.general["max_concurrent_calls"] = "1"
    voice.apply()
    with pytest.raises(CallFailed):
        voice.call("100")
    voice.wait_for_log(r"BUSY: max_concurrent_calls of \[general\] \(1\) is reached")
    assert call.alive


def test_module_loads_with_a_broken_file_and_recovers(make_asterisk: Callable[..., Asterisk], app_module: Path) -> None:
    asterisk = make_asterisk(module=app_module, module_config="[echo]\nagnet_id = 1\n")
    asterisk.wait_for_log("ERROR.*has no agents until the configuration is mended: then use 'aiconvai reload'")
    assert _agents(asterisk) == []
    with ElevenLabsMockThread(MockOptions()) as mock, Caller(asterisk.sip_port) as caller:
        voice = Voice(asterisk, caller, mock)
        _echoing(voice)
        voice.apply()
        call = voice.call("100")
        _talk(call, voice.conversation(), 500)
