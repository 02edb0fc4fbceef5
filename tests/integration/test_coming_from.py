"""Five earlier systems, each with its own settings and dialplan: imported, run, called, and what it promises."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from exchange import agent_hears, agent_says, hears_agent
from gateway_program import ImportedProgram
from hearing import agent_audio, seconds_of
from redis import Redis
from redis_server import Server
from test_gateway_ari import Rest
from voice import Voice, mock_options, voice

from aiconvai.audio import resample, tone
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import ARI_PASSWORD, ARI_USER, ari_files
from aiconvai.rig.asterisk.ports import free_port
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.programs

only_on_22 = pytest.mark.parametrize("asterisk_version", [22], ids=["asterisk22"], indirect=True, scope="session")

AGENT_HZ, CALLER_HZ = 1000.0, 1700.0
KEY = "sk-0123456789abcdef"
OTHER_USERS = {f"{name}_agent": f"of {name}" for name in ("deepgram", "openai", "local")}
MODEL = "gpt-realtime-2.1"
"""The default here: what the earlier systems ask for is gone."""
EARS = {"idle_audio": "none", "echo_guard": "off"}
"""Of every agent of a test: the agent alone is heard, and a tone of the caller's, which is no voice, is heard by it."""
SHORTLY = {**EARS, "audio_frames_buffer_ms": "20"}
TOLD = "UserEvent(Next,Status: ${AICONVAI_STATUS},Why: ${AICONVAI_REASON})"

Starts = Callable[..., ImportedProgram]


@pytest.fixture(scope="module")
def rest(asterisk: Asterisk) -> Rest:
    rest = Rest(asterisk)
    others = (f"[{name}]\ntype=user\nread_only=no\npassword={word}\n" for name, word in OTHER_USERS.items())
    asterisk.write_config("ari.conf", ari_files(rest.port)["ari.conf"] + "".join(others))
    asterisk.cli("module reload res_ari.so")
    return rest


@pytest.fixture
def starts(rest: Rest, tmp_path: Path) -> Iterator[Starts]:
    """Starts the gateway as it was imported; nothing is left of its calls in the end."""
    started: list[ImportedProgram] = []

    def start(files: Mapping[str, str], agents: Mapping[str, Mapping[str, str]]) -> ImportedProgram:
        program = ImportedProgram(tmp_path, files, agents)
        program.start()
        started.append(program)
        program.until("/health", lambda health: health["status"] == "healthy")
        return program

    yield start
    for program in started:
        assert program.stop() == 0
    rest.nothing_is_left()


def answers(voice: Voice, provider: str, name: str) -> str:
    """The mock of that service has an agent of that name, whose key is ours. Where it is."""
    voice.use(provider)
    voice.mock.agents[name] = voice.mock.agent_class(api_key=KEY)
    return voice.mock.conversation_endpoint


def calls(voice: Voice, extension: str) -> tuple[Call, ThreadedConversation]:
    return voice.call(extension), voice.conversation()


def hear_each_other(call: Call, conversation: ThreadedConversation) -> None:
    hears_agent(call, conversation, AGENT_HZ)
    agent_hears(conversation, call, CALLER_HZ)


def interrupts(program: ImportedProgram, call: Call, conversation: ThreadedConversation) -> None:
    """The caller says something into what the agent says."""
    before = seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate)
    agent_says(conversation, AGENT_HZ, 6.0)
    time.sleep(1.0)
    conversation.interrupt(conversation.current_event_id)
    conversation.caller_said("No, something else please.")
    program.until("/api/live", lambda live: live[-1]["interruptions"] == 1)
    call.wait_for_silence(duration_ms=500, timeout=2.0, since=time.monotonic())
    assert 0.5 <= seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate) - before <= 2.5


def ended(program: ImportedProgram) -> dict[str, Any]:
    """The last call, once it is over and kept."""
    live: dict[str, Any] = program.until("/api/live", lambda found: found and found[-1]["ended"])[-1]
    return live


def turns(program: ImportedProgram) -> list[tuple[str, str]]:
    """Of the newest call that is kept."""
    (newest, *_) = program.until("/api/calls", lambda found: found and found[0]["ended"])
    whole = program.get(f"/api/calls/{newest['id']}")
    return [(one["role"], one["text"]) for one in whole["turns"]]


# asterisk_to_external_ai


def external_dialplan(app: str) -> str:
    """Of its README; and what came of the call is told."""
    return f"""\
exten => 1000,1,NoOp(External AI Call)
    same => n,Stasis({app})
    same => n,{TOLD}
    same => n,Hangup()
"""


def external_ai(voice: Voice, rest: Rest, **settings: object) -> dict[str, str]:
    """Its config.conf."""
    given = {
        "AI_WEBSOCKET_URL": answers(voice, "websocket", "ai"),
        "AI_AUTH_TOKEN": KEY,
        "AI_VOICE": "alto",
        "AI_LANGUAGE": "cs",
        "ARI_URL": rest.url,
        "ARI_USERNAME": ARI_USER,
        "ARI_PASSWORD": ARI_PASSWORD,
        "SYSTEM_PROMPT": '"You are Ada. At a "hi" you say your name."',
        "INITIAL_MESSAGE": "Hello",
        "SILENCE_PADDING_MS": 0,
        "VAD_THRESHOLD": 0.7,
        "MAX_CONCURRENT_CALLS": 1,
        **settings,
    }
    return {"config.conf": "".join(f"{name}={value}\n" for name, value in given.items())}


@pytest.mark.parametrize("app", ["asterisk_to_external_ai", "asterisk_to_openai_rt"])
def test_external_ai(voice: Voice, rest: Rest, starts: Starts, app: str) -> None:
    program = starts(external_ai(voice, rest), {"external_ai": SHORTLY})
    voice.asterisk.set_dialplan(external_dialplan(app))
    call, conversation = calls(voice, "1000")
    told = json.loads(conversation.record.received[0].text)
    assert told["type"] == "session.init"
    assert {key: told["config"][key] for key in ("audio_format", "sample_rate", "language", "voice")} == {
        "audio_format": "g711_ulaw", "sample_rate": 8000, "language": "cs", "voice": "alto",
    }  # fmt: skip
    assert told["config"]["system_prompt"] == 'You are Ada. At a "hi" you say your name.'
    assert told["config"]["vad_threshold"] == 0.7
    conversation.wait_received(lambda record: any('"Hello"' in one.text for one in record.received))
    hear_each_other(call, conversation)
    interrupts(program, call, conversation)
    # Beyond MAX_CONCURRENT_CALLS: there it took the first one's port.
    voice.caller.call("1000")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "BUSY"
    hears_agent(call, conversation, AGENT_HZ)
    call.hangup()
    conversation.wait_closed()
    assert ("caller", "No, something else please.") in turns(program)


def test_external_ai_ends_a_call_that_is_too_long(voice: Voice, rest: Rest, starts: Starts) -> None:
    program = starts(external_ai(voice, rest, CALL_DURATION_LIMIT_SECONDS=2), {"external_ai": EARS})
    voice.asterisk.set_dialplan(external_dialplan("asterisk_to_external_ai"))
    call, _ = calls(voice, "1000")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "TIMEOUT"
    call.wait_ended()
    assert ended(program)["status"] == "TIMEOUT"


# asterisk_to_openai_rt

PROMPTS = """\
// prompts.js
module.exports = {
    openai: {
        system_instruction: "You make appointments.",
        states: {
            greeting: "Hello! I'm here to help you.",
            confirmation: `Excellent! Your appointment for {reason}
is confirmed.`,
            fallback: "I'm sorry, " + "I didn't understand.",
        }
    }
};
"""
BRIDGE_DIALPLAN = f"""\
exten => _X.,1,NoOp(Call to Stasis application)
   same => n,Stasis(openai-rt-app)
   same => n,{TOLD}
   same => n,Hangup()
"""


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Server]:
    one = Server("redis-server", tmp_path)
    one.start()
    yield one
    one.stop()


def node_bridge(voice: Voice, rest: Rest, redis: Server, **settings: object) -> dict[str, str]:
    """Its .env, by the names that its README has, and prompts.js."""
    given = {
        "OPENAI_API_KEY": KEY,
        "OPENAI_API_BASE_URL": answers(voice, "openai", MODEL).replace("ws", "http", 1).removesuffix("/v1/realtime"),
        "ARI_URL": rest.url,
        "ARI_USER": ARI_USER,
        "ARI_PASS": ARI_PASSWORD,
        "ARI_APP_NAME": "openai-rt-app",
        "RTP_SERVER_PORT": 12000,
        "REDIS_PORT": redis.port,
        "REDIS_CONVERSATION_TTL_S": 600,
        **settings,
    }
    return {".env": "".join(f"{name}={value}\n" for name, value in given.items()), "prompts.js": PROMPTS}


def test_node_bridge(voice: Voice, rest: Rest, starts: Starts, redis: Server) -> None:
    program = starts(node_bridge(voice, rest, redis), {"openai": SHORTLY})
    voice.asterisk.set_dialplan(BRIDGE_DIALPLAN)
    call, conversation = calls(voice, "1234")
    session = conversation.record.initiation.session
    assert session.instructions.startswith("You make appointments.")
    assert "Hello! I'm here to help you." in session.instructions
    assert (session.audio.output.voice, session.audio.input.turn_detection.threshold) == ("alloy", 0.1)
    hear_each_other(call, conversation)
    conversation.caller_said("My back hurts.")
    # There nothing ever entered another state; here the agent may.
    conversation.call_tool("enter_state", {"state": "confirmation", "reason": "your back"})
    live = program.until("/api/live", lambda found: found[-1]["prompt_state"] == "confirmation")[-1]
    conversation.wait_received(
        lambda record: any("Your appointment for your back" in one.text for one in record.received)
    )
    conversation.caller_said("Thank you.")
    client = Redis.from_url(redis.url)
    name = f"conv:{live['unique_id']}"
    deadline = time.monotonic() + 10
    while client.llen(name) < 2:
        assert time.monotonic() < deadline, client.keys()
        time.sleep(0.05)
    kept = [json.loads(one) for one in client.lrange(name, 0, -1)]
    # That which was entered last; the one that a conversation begins in is not told.
    assert [(one["speaker"], one["text"], one["state"]) for one in kept] == [
        ("user", "My back hurts.", ""), ("user", "Thank you.", "confirmation"),
    ]  # fmt: skip
    assert 500 < client.ttl(name) <= 600
    client.close()
    interrupts(program, call, conversation)
    call.hangup()
    conversation.wait_closed()
    assert ended(program)["status"] == "CALLER_HANGUP"


def test_node_bridge_ends_a_call_that_is_too_long(voice: Voice, rest: Rest, starts: Starts, redis: Server) -> None:
    starts(node_bridge(voice, rest, redis, MAX_CALL_DURATION_S=2), {"openai": EARS})
    voice.asterisk.set_dialplan(BRIDGE_DIALPLAN)
    call, _ = calls(voice, "1234")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "TIMEOUT"
    call.wait_ended()


# openai-realtime-asterisk

DEFAULT_JSON = """\
{
  "appConfig": {
    "appRecognitionConfig": {"recognitionActivationMode": "VAD", "vadRecogActivation": "afterPrompt"},
    "dtmfConfig": {"dtmfEnabled": true, "dtmfFinalTimeoutSeconds": 5, "dtmfMaxDigits": 4, "dtmfTerminatorDigit": "#"}
  },
  "openAIRealtimeAPI": {"language": "en"}
}
"""
QUICKSTART_DIALPLAN = f"""\
exten => 1234,1,NoOp(Call received for OpenAI ARI App)
same => n,Stasis(openai-ari-app)
same => n,{TOLD}
same => n,Hangup()
"""


def quickstart(voice: Voice, rest: Rest, **settings: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Its .env and default.json; and where its agent finds the service, which it cannot say."""
    given = {
        "OPENAI_API_KEY": KEY,
        "ASTERISK_ARI_URL": f"{rest.url}/ari",
        "ASTERISK_ARI_USERNAME": ARI_USER,
        "ASTERISK_ARI_PASSWORD": ARI_PASSWORD,
        "ASTERISK_ARI_APP_NAME": "openai-ari-app",
        "PORT": free_port(),
        **settings,
    }
    endpoint = answers(voice, "openai", MODEL)
    files = {".env": "".join(f"{name}={value}\n" for name, value in given.items()), "default.json": DEFAULT_JSON}
    return files, {"assistant": {"conversation_endpoint": endpoint, **SHORTLY}}


def heard_hz(conversation: ThreadedConversation, hz: float) -> float:
    """Seconds of it that the service has got."""
    record = conversation.record
    return seconds_of(resample(record.uplink_samples(), record.uplink_rate, 8000), hz, 8000)


def says(call: Call, hz: float, seconds: float) -> None:
    call.play(tone(hz, seconds, call.sample_rate, -12.0)).wait()


def got(conversation: ThreadedConversation, hz: float) -> None:
    deadline = time.monotonic() + 10
    while heard_hz(conversation, hz) < 0.25:
        assert time.monotonic() < deadline, f"the agent has heard {heard_hz(conversation, hz):.2f} s of {hz:g} Hz"
        time.sleep(0.05)


def test_quickstart_immediate(voice: Voice, rest: Rest, starts: Starts) -> None:
    program = starts(*quickstart(voice, rest, RECOGNITION_ACTIVATION_MODE="IMMEDIATE"))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, conversation = calls(voice, "1234")
    assert conversation.record.initiation.session.audio.output.voice == "ash"
    hear_each_other(call, conversation)
    interrupts(program, call, conversation)
    # 16 would be the default there: it is 4 by the file.
    call.send_dtmf("123#")
    conversation.wait_received(lambda record: any("123" in one.text for one in record.received))
    call.send_dtmf("4567")
    conversation.wait_received(lambda record: any("4567" in one.text for one in record.received))
    call.hangup()
    conversation.wait_closed()
    assert ("caller", "No, something else please.") in turns(program)


def test_quickstart_fixed_delay(voice: Voice, rest: Rest, starts: Starts) -> None:
    settings = {
        "RECOGNITION_ACTIVATION_MODE": "FIXED_DELAY",
        "BARGE_IN_DELAY_SECONDS": 0.5,
        "INITIAL_USER_PROMPT": "Hi",
    }
    starts(*quickstart(voice, rest, **settings))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, conversation = calls(voice, "1234")
    agent_says(conversation, AGENT_HZ, 2.0)
    call.wait_heard(10)
    says(call, 600.0, 0.5)
    call.wait_heard(90)
    # Its greeting was heard to the end, and 0.5 + 0.5 s passed: it hears the caller.
    call.wait_for_silence(duration_ms=200, timeout=5.0, since=time.monotonic())
    time.sleep(1.5)
    says(call, CALLER_HZ, 0.5)
    got(conversation, CALLER_HZ)
    assert heard_hz(conversation, 600.0) < 0.05, "what was said into the greeting is not heard"
    call.hangup()


def test_quickstart_after_prompt(voice: Voice, rest: Rest, starts: Starts) -> None:
    starts(*quickstart(voice, rest, INITIAL_USER_PROMPT="Hi", MAX_RECOGNITION_DURATION_SECONDS=60))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, conversation = calls(voice, "1234")
    agent_says(conversation, AGENT_HZ, 2.0)
    call.wait_heard(10)
    says(call, 600.0, 0.5)
    call.wait_heard(90)
    assert np.abs(conversation.record.uplink_samples().astype(int)).max(initial=0) < 100
    got(conversation, 600.0)
    call.hangup()


def test_quickstart_voice_mode(voice: Voice, rest: Rest, starts: Starts) -> None:
    starts(*quickstart(voice, rest, VAD_RECOG_ACTIVATION_MODE="vadMode", VAD_INITIAL_SILENCE_DELAY_SECONDS=0.5))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, conversation = calls(voice, "1234")
    time.sleep(1.0)
    assert np.abs(conversation.record.uplink_samples().astype(int)).max(initial=0) < 100
    says(call, CALLER_HZ, 0.5)
    got(conversation, CALLER_HZ)
    call.hangup()


def test_quickstart_hangs_up_where_nobody_speaks(voice: Voice, rest: Rest, starts: Starts) -> None:
    starts(*quickstart(voice, rest, VAD_MAX_WAIT_AFTER_PROMPT_SECONDS=1, INITIAL_USER_PROMPT="Hi"))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, conversation = calls(voice, "1234")
    agent_says(conversation, AGENT_HZ, 0.3)
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "TIMEOUT"
    call.wait_ended()


def test_quickstart_ends_a_call_that_is_too_long(voice: Voice, rest: Rest, starts: Starts) -> None:
    settings = {"RECOGNITION_ACTIVATION_MODE": "IMMEDIATE", "MAX_RECOGNITION_DURATION_SECONDS": 2}
    starts(*quickstart(voice, rest, **settings))
    voice.asterisk.set_dialplan(QUICKSTART_DIALPLAN)
    call, _ = calls(voice, "1234")
    assert voice.event("UserEvent", UserEvent="Next")["Status"] == "TIMEOUT"
    call.wait_ended()


# app_elevenlabs_convai


def test_elevenlabs_module(voice: Voice, tmp_path: Path) -> None:
    agent = voice.mock.agent_class(**voice.mock.agent_class.with_key())
    voice.mock.agents["agent_1"] = agent
    reached = voice.mock.settings("agent_1")
    text = (
        f"[general]\ndebug=false\n\n[sales_agent]\nelevenlabs_api_key={reached['api_key']}\n"
        f"elevenlabs_get_signed_url_endpoint={reached['signed_url_endpoint']}\nelevenlabs_agent_id=agent_1\n"
        "elevenlabs_send_caller_number=true\nelevenlabs_audio_frames_buffer_ms=200\n"
    )
    program = import_module(tmp_path, text)
    voice.asterisk.write_config("aiconvai.conf", program)
    assert "Loaded" in voice.asterisk.cli("aiconvai reload")
    voice.asterisk.set_dialplan("exten => 100,1,Answer()\nexten => 100,2,ElevenLabsConvAI(sales_agent)\n")
    call, conversation = calls(voice, "100")
    assert "caller_number" in conversation.record.initiation.dynamic_variables
    hear_each_other(call, conversation)
    before = seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate)
    agent_says(conversation, AGENT_HZ, 6.0)
    time.sleep(1.0)
    conversation.interrupt(conversation.current_event_id)
    conversation.caller_said("No, something else please.")
    call.wait_for_silence(duration_ms=500, timeout=3.0, since=time.monotonic())
    assert seconds_of(agent_audio(call), AGENT_HZ, call.sample_rate) - before <= 2.5
    assert "sales_agent" in voice.asterisk.cli("elevenlabs show agents")
    conversation.close(1000)
    call.wait_ended()


def import_module(folder: Path, text: str) -> str:
    """The aiconvai.conf that comes of an elevenlabs.conf."""
    from aiconvai.config.imports.files import agents_text
    from aiconvai.config.imports.importing import import_files

    path = folder / "elevenlabs.conf"
    path.write_text(text)
    found = agents_text(import_files([path]).plan)
    lines = "".join(f"{name} = {value}\n" for name, value in EARS.items())
    return found.replace("[sales_agent]\n", f"[sales_agent]\n{lines}")


# Asterisk AI Voice Agent

ROUTES = f"""\
exten => 1001,1,NoOp(Routing to Deepgram AI)
 same => n,Stasis(deepgram-ai)
 same => n,{TOLD}
 same => n,Hangup()
exten => 1002,1,NoOp(Routing to OpenAI AI)
 same => n,Stasis(openai-ai)
 same => n,Hangup()
exten => 1003,1,NoOp(Routing to Local AI)
 same => n,Stasis(local-ai)
 same => n,Hangup()
exten => 1004,1,Stasis(asterisk-ai-voice-agent)
 same => n,Hangup()
exten => 1005,1,Stasis(asterisk-ai-voice-agent,openai)
 same => n,Hangup()
exten => 1006,1,Goto(ai-voice-agent,s,1)
exten => 1007,1,Goto(ai-voice-agent-local,s,1)
"""
PROVIDERS = {"deepgram": "deepgram", "openai": "openai", "local": "websocket"}


class ThreePrograms:
    """Their three containers, in one program here."""

    def __init__(self, voice: Voice, rest: Rest, starts: Starts) -> None:
        self.mocks: dict[str, Any] = {}
        self.health = {name: free_port() for name in PROVIDERS}
        # Three programs had the same one; in one program the others have those behind it.
        audiosocket = free_port(and_behind_it=len(PROVIDERS) - 1)
        files: dict[str, str] = {}
        agents: dict[str, dict[str, str]] = {}
        for name, provider in PROVIDERS.items():
            endpoint = answers(voice, provider, MODEL if provider == "openai" else name)
            self.mocks[name] = voice.mock
            agents[name] = dict(SHORTLY)
            # Which two have no setting for, there.
            key = f"{name.upper()}_API_KEY={KEY}" if name != "local" else f"LOCAL_WS_URL={endpoint}"
            agents[name] |= {"api_key": KEY} if name == "local" else {"conversation_endpoint": endpoint}
            files[f".env.{name}"] = (
                f"AI_PROVIDER={name}\n{key}\nASTERISK_HOST=127.0.0.1\nASTERISK_ARI_PORT={rest.port}\n"
                f"ASTERISK_ARI_USERNAME={name}_agent\nASTERISK_ARI_PASSWORD=of {name}\nGREETING=I am {name}.\n"
                f"AUDIOSOCKET_PORT={audiosocket}\n"
            )
            files[f"docker-compose.{name}.yml"] = (
                f'version: "3.8"\nservices:\n  ai-agent-{name}:\n    build: .\n    env_file: .env.{name}\n'
                f'    ports:\n      - "{self.health[name]}:15000"\n'
            )
        self.program = starts(files, agents)
        voice.asterisk.set_dialplan(f"{ROUTES}\n{self.program.dialplan}")

    def call(self, voice: Voice, extension: str, name: str) -> tuple[Call, ThreadedConversation]:
        """That agent answers it."""
        call = voice.call(extension)
        conversation = self.mocks[name].next_conversation()
        conversation.wait_started()
        if name == "deepgram":
            # The greeting that its Settings have it say.
            call.wait_for_silence(duration_ms=500, since=call.wait_for_sound())
        return call, conversation

    def healthy(self, name: str) -> dict[str, Any]:
        answer = httpx.get(f"http://127.0.0.1:{self.health[name]}/health")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


def test_voice_agent(voice: Voice, rest: Rest, starts: Starts) -> None:
    """Three providers side by side, each with its Stasis application, its user of ARI and its health."""
    three = ThreePrograms(voice, rest, starts)
    went_on = {
        name: three.call(voice, extension, name)
        for extension, name in (("1001", "deepgram"), ("1002", "openai"), ("1003", "local"))
    }
    for name, (call, conversation) in went_on.items():
        hear_each_other(call, conversation)
        health = three.healthy(name)
        assert (health["status"], health["agent"], health["active_calls"]) == ("healthy", name, 1)
    assert any("I am deepgram." in one.text for one in went_on["deepgram"][1].record.received)
    for call, _ in went_on.values():
        call.hangup()
    three.program.until("/api/live", lambda live: all(one["ended"] for one in live))
    assert three.healthy("local")["active_calls"] == 0
    for extension, name in (("1004", "deepgram"), ("1005", "openai")):
        call, conversation = three.call(voice, extension, name)
        hears_agent(call, conversation, AGENT_HZ)
        call.hangup()
    three.program.until("/api/live", lambda live: all(one["ended"] for one in live))


def test_voice_agent_without_audiosocket(voice: Voice, rest: Rest, starts: Starts) -> None:
    """The dialplan that was written goes on by ARI where Asterisk has no AudioSocket, as 16, or has not loaded it."""
    for name in ("chan_audiosocket", "app_audiosocket"):
        voice.asterisk.cli(f"module unload {name}.so")
    three = ThreePrograms(voice, rest, starts)
    call, conversation = three.call(voice, "1007", "local")
    hear_each_other(call, conversation)
    call.hangup()
    three.program.until("/api/live", lambda live: all(one["ended"] for one in live))


@only_on_22
def test_voice_agent_by_audiosocket(voice: Voice, rest: Rest, starts: Starts) -> None:
    for name in ("res_audiosocket", "chan_audiosocket", "func_uuid"):
        if "Running" not in voice.asterisk.cli(f"module show like {name}"):
            voice.asterisk.cli(f"module load {name}.so")
    three = ThreePrograms(voice, rest, starts)
    for extension, name in (("1006", "deepgram"), ("1007", "local")):
        call, conversation = three.call(voice, extension, name)
        hear_each_other(call, conversation)
        assert three.healthy(name)["active_calls"] == 1
        assert any(one.startswith("AudioSocket/") for one in voice.asterisk.channels())
        call.hangup()
        three.program.until("/api/live", lambda live: all(one["ended"] for one in live))
