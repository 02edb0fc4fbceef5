"""`aiconvai config import`: what became of each setting of an earlier system, and what is written for it."""

from __future__ import annotations

import importlib.util
import json
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from aiconvai import cli
from aiconvai.config.imports.files import files_of, judge
from aiconvai.config.imports.given import UnusableError
from aiconvai.config.imports.importing import SYSTEMS, Imported, import_files
from aiconvai.config.imports.plan import Plan
from aiconvai.config.imports.rows import Row
from aiconvai.config.reader import read_configuration
from aiconvai.config.verdict import validate
from aiconvai.options import find_option
from aiconvai.serve.settings import ServeSettings

KEY = "sk-0123456789abcdef"


class Written:
    """An import, and what has come of it."""

    def __init__(self, folder: Path, files: dict[str, str], system: str = "") -> None:
        for name, text in files.items():
            (folder / name).write_text(text)
        self.imported: Imported = import_files([folder / name for name in files], system)
        self.texts = files_of(self.imported.plan, folder)
        judge(self.texts)
        self._folder = folder

    def line(self, file: str, number: int) -> str:
        """What is said of that one."""
        place = f"{self._folder / file}:{number}: "
        (found,) = [one.removeprefix(place) for one in self.imported.lines if one.startswith(place)]
        return found

    @property
    def agents(self) -> dict[str, dict[str, Any]]:
        """As our own reader has them."""
        folder = self._folder / "out"
        folder.mkdir(exist_ok=True)
        for name, text in self.texts.items():
            (folder / name).write_text(text)
        report = validate(read_configuration(folder / "aiconvai.conf").sections)
        assert report.problems == ()
        return {name: one.model_dump() for name, one in report.agents.items()}

    @property
    def general(self) -> dict[str, str]:
        return {name: values[0] for name, values in self.imported.plan.general.items()}

    @property
    def serve(self) -> ServeSettings:
        return ServeSettings.model_validate(tomllib.loads(self.texts["serve.toml"]))

    @property
    def dialplan(self) -> list[str]:
        return [one for one in self.texts["extensions_aiconvai.conf"].splitlines() if not one.startswith(";")]

    def prompts(self, agent: str) -> Any:
        return json.loads(self.texts[f"prompts-{agent}.json"])


# asterisk_to_external_ai

EXTERNAL = f"""\
# External AI
AI_WEBSOCKET_URL=ws://127.0.0.1:8000/ws
AI_AUTH_TOKEN={KEY}
AI_VOICE=alto
ARI_URL=http://127.0.0.1:8099
MAX_CONCURRENT_CALLS=2
CALL_DURATION_LIMIT_SECONDS=300
LOG_LEVEL=debug
SYSTEM_PROMPT="You're Ada. At a "hi" you say your name."
INITIAL_MESSAGE=Hello
SILENCE_PADDING_MS=150
VAD_ENABLED=false
VAD_THRESHOLD=high
VAD_SILENCE_DURATION_MS=700
NEW_SETTING=abc
ARI_PASSWORD=one
ARI_PASSWORD=two
"""


def test_external_ai(tmp_path: Path) -> None:
    found = Written(tmp_path, {"config.conf": EXTERNAL})
    said = {number: found.line("config.conf", number) for number in range(2, 18)}
    assert said[2].endswith(
        "-> conversation_url = ws://127.0.0.1:8000/ws (provider = websocket, audio_format = ulaw_8000)"
    )
    assert said[3] == "AI_AUTH_TOKEN = **** -> api_key = ****"
    assert said[5] == "ARI_URL = http://127.0.0.1:8099 -> serve.toml [gateway.ari.pbx] url = http://127.0.0.1:8099"
    assert said[8] == "LOG_LEVEL = debug -> [general] debug = yes"
    assert said[13] == "VAD_THRESHOLD = high -> ignored: expected a number; the default here counts"
    assert said[15] == "NEW_SETTING = abc -> unknown: ignored, for asterisk_to_external_ai is not known to read it"
    assert said[16] == "ARI_PASSWORD = **** -> not counted: line 17 says it again"
    assert "INITIAL_MESSAGE" not in " ".join(found.imported.defaults)
    agent = found.agents["external_ai"]
    assert (agent["provider"], agent["audio_format"], agent["voice_id"]) == ("websocket", "ulaw_8000", "alto")
    assert agent["prompt"] == 'You\'re Ada. At a "hi" you say your name.'
    assert (agent["first_message"], agent["greeting_delay_ms"], agent["language"]) == ("Hello", 150, "en")
    assert (agent["vad_enabled"], agent["vad_threshold"], agent["vad_silence_duration_ms"]) == (False, 0.6, 700)
    assert agent["call_duration_limit_seconds"] == 300
    assert found.general == {"max_concurrent_calls": "2", "debug": "yes"}
    door = found.serve.gateway.ari["pbx"]
    assert (door.url, door.user, door.secret_text()) == ("http://127.0.0.1:8099", "asterisk", "two")
    assert door.apps == {"asterisk_to_openai_rt": "external_ai", "asterisk_to_external_ai": "external_ai"}
    assert found.serve.gateway.audiosocket == {}
    assert " same => n,Stasis(asterisk_to_external_ai)" in found.dialplan


def test_the_openai_version_of_external_ai(tmp_path: Path) -> None:
    text = (
        f"OPENAI_API_KEY={KEY}\nREALTIME_MODEL=gpt-4o-mini-realtime-preview-2024-12-17\nTRANSCRIPTION_MODEL=whisper-1\n"
        "SYSTEM_PROMPT=x\nREDIRECTION_QUEUE=700\nRECORDINGS_DIR=/var/rec\nSMTP_PASSWORD=p\n"
    )
    found = Written(tmp_path, {"config.conf": text})
    assert found.line("config.conf", 2).endswith("-> a preview: the default here")
    assert found.line("config.conf", 7).startswith("SMTP_PASSWORD = **** -> not here:")
    agent = found.agents["openai"]
    assert (agent["provider"], agent["voice_id"], agent["vad_threshold"]) == ("openai", "alloy", 0.6)
    assert (agent["vad_prefix_padding_ms"], agent["vad_silence_duration_ms"]) == (200, 600)
    assert agent["transfer_to"] == ["queue=from-internal,700,1"]
    assert agent["tool"] == ["transfer_call=builtin"]
    assert " same => n,MixMonitor(/var/rec/${UNIQUEID}.wav)" in found.dialplan


def test_the_gemini_version_of_external_ai(tmp_path: Path) -> None:
    text = f"GEMINI_API_KEY={KEY}\nGEMINI_VOICE=Kore\nSTART_SENSITIVITY=START_SENSITIVITY_LOW\nEND_SENSITIVITY=HIGH\n"
    found = Written(tmp_path, {"config.conf": f"{text}SYSTEM_PROMPT=x\n"})
    agent = found.agents["gemini"]
    assert (agent["voice_id"], agent["vad_start_sensitivity"], agent["vad_end_sensitivity"]) == ("Kore", "low", "high")


# asterisk_to_openai_rt, asterisk_to_gemini_rt

BRIDGE = f"""\
OPENAI_API_KEY={KEY}
OPENAI_API_BASE_URL=http://127.0.0.1:7000/
ARI_USER=ada
ARI_PASS=secret
ARI_APP_NAME=appointments
RTP_SERVER_PORT=12000
RTP_SERVER_IP_FOR_ASTERISK=127.0.0.2
RTP_SERVER_IP=0.0.0.0
MAX_CALL_DURATION_S=120
REDIS_HOST=redis.example
REDIS_PASSWORD="p@ss/word"
REDIS_CONVERSATION_TTL_S=600
"""
PROMPTS = """\
module.exports = {
    openai: {
        system_instruction: "You make appointments.",
        states: {
            greeting: "Hello! I'm here to help.",
            confirmation: `Your appointment for {reason}
is confirmed.`,
            fallback: "Please say " + "that again.",
            computed: process.env.TEXT,
        }
    },
    gemini: {
        system_instruction: "You are Gemini.",
        states: { fallback: "Again?" }
    }
};
"""


def test_node_bridge(tmp_path: Path) -> None:
    found = Written(tmp_path, {".env": BRIDGE, "prompts.js": PROMPTS})
    assert found.line(".env", 2).endswith("-> conversation_endpoint = ws://127.0.0.1:7000/v1/realtime")
    assert found.line(".env", 4) == "ARI_PASS = **** -> serve.toml [gateway.ari.pbx] secret = ****"
    assert "not needed here" in found.line(".env", 6)
    assert found.line(".env", 11) == "REDIS_PASSWORD = **** -> serve.toml [memory] url, as above"
    assert found.line("prompts.js", 9) == "openai.states.computed: it is computed, and this is not run: left out"
    assert "there is no agent gemini" in found.line("prompts.js", 13)
    agent = found.agents["openai"]
    assert (agent["voice_id"], agent["call_duration_limit_seconds"], agent["vad_threshold"]) == ("alloy", 120, 0.1)
    assert (agent["first_message"], agent["first_state"]) == ("Hello! I'm here to help.", "greeting")
    assert agent["tool"] == ["enter_state=builtin"]
    assert found.prompts("openai") == {
        "system_instruction": "You make appointments.",
        "states": {
            "greeting": "Hello! I'm here to help.",
            "confirmation": "Your appointment for {reason}\nis confirmed.",
            "fallback": "Please say that again.",
        },
    }
    door = found.serve.gateway.ari["pbx"]
    assert (door.user, door.secret_text(), str(door.rtp_host)) == ("ada", "secret", "127.0.0.2")
    assert door.apps == {"openai-rt-app": "openai", "appointments": "openai"}
    memory = found.serve.memory
    assert memory is not None
    assert (memory.url, memory.seconds) == ("redis://:p%40ss%2Fword@redis.example:6379/0", 600)
    assert " same => n,Stasis(appointments)" in found.dialplan


def test_node_bridge_with_both_services(tmp_path: Path) -> None:
    text = f"{BRIDGE}GEMINI_API_KEY={KEY}\nAI_SERVICE_PROVIDER=gemini\nGEMINI_MODEL_NAME=models/gemini-1.5-flash-001\n"
    text += "GEMINI_SYSTEM_INSTRUCTION=Of the environment.\nENABLE_AUDIO_RECORDING=true\n"
    found = Written(tmp_path, {".env": text, "prompts.js": PROMPTS})
    assert found.line(".env", 15).endswith("-> it does not speak: the default here")
    assert "not counted" in found.line("prompts.js", 13)
    gemini = found.agents["gemini"]
    assert (gemini["vad_prefix_padding_ms"], gemini["vad_silence_duration_ms"]) == (200, 800)
    assert gemini["first_state"] == "fallback"
    assert found.prompts("gemini")["system_instruction"] == "Of the environment."
    apps = found.serve.gateway.ari["pbx"].apps
    assert apps == {"openai-rt-app": "openai", "gemini-rt-app": "gemini", "appointments": "gemini"}
    assert any(one.startswith(" same => n,MixMonitor(") for one in found.dialplan)


def test_node_bridge_with_a_service_account(tmp_path: Path) -> None:
    text = "GOOGLE_APPLICATION_CREDENTIALS=/key.json\nGEMINI_PROJECT_ID=p\nARI_USERNAME=a\nARI_PASSWORD=b\n"
    found = Written(tmp_path, {".env": text})
    assert list(found.agents) == ["gemini"]
    assert found.line(".env", 1).startswith("GOOGLE_APPLICATION_CREDENTIALS = **** -> not here:")
    assert found.imported.plan.to_do == [
        "aiconvai.conf: [gemini] api_key: put the key of the account at the service there"
    ]


def test_an_asterisk_elsewhere(tmp_path: Path) -> None:
    found = Written(tmp_path, {".env": f"{BRIDGE}ARI_URL=http://10.0.0.5:8088/ari/\n"})
    door = found.serve.gateway.ari["pbx"]
    assert (door.url, [str(one) for one in door.peers]) == (
        "http://10.0.0.5:8088", ["127.0.0.0/8", "::1/128", "10.0.0.5/32"],
    )  # fmt: skip


# openai-realtime-asterisk

QUICKSTART = f"""\
OPENAI_API_KEY={KEY}
ASTERISK_ARI_URL=http://localhost:8088/ari
ASTERISK_ARI_USERNAME=u
ASTERISK_ARI_PASSWORD=p
ASTERISK_ARI_APP_NAME=reception
"""
DEFAULT_JSON = """\
{
  "appConfig": {
    "appRecognitionConfig": {
      "recognitionActivationMode": "VAD",
      "greetingAudioPath": "sound:welcome",
      "maxRecognitionDurationSeconds": 45.5,
      "noSpeechBeginTimeoutSeconds": 3,
      "speechCompleteTimeoutSeconds": 5,
      "vadRecogActivation": "vadMode",
      "vadInitialSilenceDelaySeconds": 0.5,
      "vadActivationDelaySeconds": 1.25,
      "vadMaxWaitAfterPromptSeconds": 5,
      "vadConfig": {"vadSilenceThresholdMs": 250, "vadRecognitionActivationMs": 40}
    },
    "dtmfConfig": {"dtmfEnabled": true, "dtmfFinalTimeoutSeconds": 4, "dtmfMaxDigits": 6, "dtmfTerminatorDigit": "*"},
    "bargeInConfig": {"bargeInModeEnabled": false}
  },
  "openAIRealtimeAPI": {"model": "gpt-realtime-2", "language": "cs"},
  "logging": {"level": "info"}
}
"""


def test_quickstart(tmp_path: Path) -> None:
    found = Written(tmp_path, {".env": QUICKSTART, "default.json": DEFAULT_JSON})
    agent = found.agents["assistant"]
    assert (agent["activation"], agent["activation_delay_ms"], agent["activation_wait_seconds"]) == ("voice", 1250, 0)
    assert (agent["call_duration_limit_seconds"], agent["no_input_seconds"]) == (46, 3)
    assert (agent["dtmf"], agent["dtmf_interdigit_ms"], agent["dtmf_max_digits"]) == ("turn", 4000, 6)
    assert (agent["dtmf_terminator"], agent["first_message_interruptible"]) == ("*", False)
    assert (agent["model"], agent["language"], agent["voice_id"]) == ("gpt-realtime-2", "cs", "ash")
    assert "not needed here" in found.line("default.json", 8)
    assert found.line("default.json", 12).endswith("-> not needed here: of afterPrompt")
    door = found.serve.gateway.ari["pbx"]
    assert (door.url, door.apps) == ("http://localhost:8088", {"reception": "assistant"})
    assert found.serve.memory is None
    lines = found.dialplan
    assert lines[lines.index("exten => 1234,1,Answer()") + 1 :][:2] == [
        " same => n,Playback(welcome)", " same => n,Stasis(reception)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "activation", "delay_ms", "wait_seconds", "before"),
    [
        ("RECOGNITION_ACTIVATION_MODE=IMMEDIATE", "immediate", 0, 0, []),
        ("RECOGNITION_ACTIVATION_MODE=FIXED_DELAY", "immediate", 0, 0, ["Wait(0.5)"]),
        ("RECOGNITION_ACTIVATION_MODE=fixedDelay\nBARGE_IN_DELAY_SECONDS=0", "immediate", 0, 0, []),
        (
            "RECOGNITION_ACTIVATION_MODE=FIXED_DELAY\nGREETING_AUDIO_PATH=sound:hi\nBARGE_IN_DELAY_SECONDS=0.2",
            "immediate", 0, 0, ["Playback(hi)", "Wait(0.2)"],
        ),
        ("RECOGNITION_ACTIVATION_MODE=FIXED_DELAY\nINITIAL_USER_PROMPT=Hello", "delay", 500, 0, []),
        ("RECOGNITION_ACTIVATION_MODE=VAD\nINITIAL_USER_PROMPT=Hello", "after_prompt", 0, 5, []),
        ("VAD_RECOG_ACTIVATION_MODE=afterPrompt\nVAD_MAX_WAIT_AFTER_PROMPT_SECONDS=0", "voice", 0, 1, []),
        ("VAD_RECOG_ACTIVATION_MODE=vadMode\nVAD_INITIAL_SILENCE_DELAY_SECONDS=2", "voice", 2000, 0, []),
        ("FIRST_INTERACTION_RECOGNITION_MODE=Immediate\nRECOGNITION_ACTIVATION_MODE=vad", "immediate", 0, 0, []),
    ],
)  # fmt: skip
def test_modes_of_activation(
    tmp_path: Path, settings: str, activation: str, delay_ms: int, wait_seconds: int, before: list[str]
) -> None:
    found = Written(tmp_path, {".env": f"{QUICKSTART}{settings}\n"})
    agent = found.agents["assistant"]
    assert (agent["activation"], agent["activation_delay_ms"]) == (activation, delay_ms)
    assert agent["activation_wait_seconds"] == wait_seconds
    lines = [one.removeprefix(" same => n,") for one in found.dialplan]
    assert lines[lines.index("exten => 1234,1,Answer()") + 1 : lines.index("Stasis(reception)")] == before


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    text = f"{QUICKSTART}RECOGNITION_ACTIVATION_MODE=IMMEDIATE\nDTMF_MAX_DIGITS=3\n"
    found = Written(tmp_path, {"default.json": DEFAULT_JSON, ".env": text})
    assert found.agents["assistant"]["activation"] == "immediate"
    assert found.agents["assistant"]["dtmf_max_digits"] == 3
    assert f"not counted: {tmp_path / '.env'}:7 DTMF_MAX_DIGITS goes before it" in " ".join(found.imported.lines)


def test_quickstart_with_azure_and_redis(tmp_path: Path) -> None:
    text = (
        f"AI_PROVIDER=azure\nAZURE_OPENAI_API_KEY={KEY}\nAZURE_OPENAI_ENDPOINT=https://ada.openai.azure.com/\n"
        "AZURE_OPENAI_DEPLOYMENT_ID=rt\nASTERISK_ARI_URL=http://127.0.0.1:8088\nREDIS_PORT=6380\nPORT=8081\n"
    )
    found = Written(tmp_path, {".env": text})
    agent = found.agents["assistant"]
    assert (agent["api_key_header"], agent["model"]) == ("api-key", "rt")
    assert agent["conversation_endpoint"] == "wss://ada.openai.azure.com/openai/v1/realtime"
    memory = found.serve.memory
    assert memory is not None
    assert (memory.url, memory.seconds, found.serve.page.port) == ("redis://127.0.0.1:6380/0", 3600, 8081)


# app_elevenlabs_convai


def test_elevenlabs_module_with_its_later_keys(tmp_path: Path) -> None:
    text = (
        "[general]\nloglevel=debug\nredis_enabled=true\nredis_host=10.0.0.9\nredis_password=secret\n[sales]\n"
        f"elevenlabs_api_key={KEY}\nelevenlabs_get_signed_url_endpoint=https://api.example/url\n"
        "elevenlabs_agent_id=agent_1\nmax_connection_attempts=4\nENABLE_STT=yes\nnew_key=1\n"
    )
    found = Written(tmp_path, {"elevenlabs.conf": text})
    assert found.line("elevenlabs.conf", 7) == "[sales] elevenlabs_api_key = **** -> api_key = ****"
    assert found.line("elevenlabs.conf", 11).startswith("[sales] enable_stt = yes -> not here:")
    assert "unknown: ignored" in found.line("elevenlabs.conf", 12)
    assert found.agents["sales"]["max_connection_attempts"] == 4
    assert found.general == {"debug": "yes"}
    memory = found.serve.memory
    assert memory is not None
    assert memory.url == "redis://:secret@10.0.0.9:6379/0"
    assert found.dialplan == ["", "[elevenlabs]", "exten => 100,1,Answer()", " same => n,ElevenLabsConvAI(sales)"]


# Asterisk AI Voice Agent

ENV = f"""\
AI_PROVIDER=deepgram
DEEPGRAM_API_KEY={KEY}
OPENAI_API_KEY={KEY}
ASTERISK_HOST=127.0.0.1
ASTERISK_ARI_USERNAME=AIAgent
ASTERISK_ARI_PASSWORD=secret
COMPANY_NAME="Riverside Ltd"
AI_ROLE=You answer the phone.
GREETING="Welcome to ${{COMPANY_NAME}}."
AUDIOSOCKET_PORT=9000
LOG_LEVEL=INFO
"""
YAML = """\
default_provider: local
audio_transport: ${AUDIO_TRANSPORT:-audiosocket}
asterisk:
  host: ${ASTERISK_HOST}
  username: ${ASTERISK_ARI_USERNAME}
  password: ${ASTERISK_ARI_PASSWORD}
  app_name: ${APP_NAME:-asterisk-ai-voice-agent}
llm:
  initial_greeting: Hello from the file
  model: gpt-4o
streaming:
  timeouts: {provider_ms: 15000, handshake_ms: 4500}
  barge_in: {enabled: true, vad_threshold_db: -30, min_speech_ms: 200}
providers:
  deepgram:
    api_key: ${DEEPGRAM_API_KEY}
    model: nova-2
    tts_model: aura-asteria-en
  openai_realtime:
    api_key: ${OPENAI_API_KEY}
    model: gpt-4o-realtime-preview-2024-12-17
    voice: echo
    base_url: wss://ai.example/v1/realtime
    turn_detection: {type: server_vad, silence_duration_ms: 250, threshold: 0.4, prefix_padding_ms: 150}
  local:
    ws_url: ${LOCAL_WS_URL:-ws://127.0.0.1:8765}
    temperature: 0.8
pipelines:
  local_only: {stt: local_stt}
"""


def test_voice_agent(tmp_path: Path) -> None:
    found = Written(tmp_path, {".env": ENV, "ai-agent.yaml": YAML})
    agents = found.agents
    assert list(agents) == ["deepgram", "openai_realtime", "local"]
    for agent in agents.values():
        assert (agent["first_message"], agent["prompt"]) == ("Welcome to Riverside Ltd.", "You answer the phone.")
        assert agent["dynamic_variable"] == ["company_name=Riverside Ltd"]
        assert (agent["interruption"], agent["interruption_min_ms"]) == ("confirmed", 200)
        assert agent["handshake_timeout_seconds"] == 5
    deepgram, realtime, local = agents.values()
    assert (deepgram["listen_model"], deepgram["voice_id"], deepgram["think_model"]) == (
        "nova-2", "aura-asteria-en", "gpt-4o",
    )  # fmt: skip
    assert (realtime["voice_id"], realtime["vad_silence_duration_ms"], realtime["vad_threshold"]) == ("echo", 250, 0.4)
    assert realtime["conversation_endpoint"] == "wss://ai.example/v1/realtime"
    assert (local["provider"], local["audio_format"]) == ("websocket", "ulaw_8000")
    assert "goes before it" in found.line("ai-agent.yaml", 9)
    assert "not here" in found.line("ai-agent.yaml", 27)
    assert "not here" in found.line("ai-agent.yaml", 29)
    gateway = found.serve.gateway
    assert gateway.ari["pbx"].apps == {
        "asterisk-ai-voice-agent": "deepgram", "deepgram-ai": "deepgram", "openai_realtime-ai": "openai_realtime",
        "local-ai": "local",
    }  # fmt: skip
    assert {name: (one.port, one.agent) for name, one in gateway.audiosocket.items()} == {
        "deepgram": (9000, "deepgram"), "openai_realtime": (9001, "openai_realtime"), "local": (9002, "local"),
    }  # fmt: skip
    assert {name: (one.port, one.agent) for name, one in found.serve.health.items()} == {"pbx": (15000, "")}
    assert "[ai-voice-agent]" in found.dialplan
    assert " same => n,Dial(AudioSocket/127.0.0.1:9000/${UUID}/c(slin),,g)" in found.dialplan


def three_programs() -> dict[str, str]:
    files: dict[str, str] = {}
    for number, name in enumerate(("deepgram", "openai", "local"), 1):
        key = "" if name == "local" else f"{name.upper()}_API_KEY={KEY}-{name}\n"
        files[f".env.{name}"] = (
            f"AI_PROVIDER={name}\n{key}ASTERISK_ARI_USERNAME={name}_agent\nASTERISK_ARI_PASSWORD=secret {number}\n"
        )
        files[f"docker-compose.{name}.yml"] = (
            f'version: "3.8"\nservices:\n  ai-agent-{name}:\n    build: .\n    env_file: .env.{name}\n'
            f'    ports:\n      - "1500{number}:15000" # health\n    environment:\n      - GREETING=I am {name}\n'
        )
    return files


def test_three_programs_side_by_side(tmp_path: Path) -> None:
    found = Written(tmp_path, three_programs())
    assert {name: one["first_message"] for name, one in found.agents.items()} == {
        "deepgram": "I am deepgram", "openai": "I am openai", "local": "I am local",
    }  # fmt: skip
    assert found.line("docker-compose.openai.yml", 7) == (
        "[ai-agent-openai] HEALTH_PORT = 15002 -> serve.toml [health.openai] port = 15002"
    )
    serve = found.serve
    assert {name: (one.port, one.agent) for name, one in serve.health.items()} == {
        "deepgram": (15001, "deepgram"), "openai": (15002, "openai"), "local": (15003, "local"),
    }  # fmt: skip
    doors = {name: (one.user, one.secret_text(), one.apps) for name, one in serve.gateway.ari.items()}
    assert doors == {
        "deepgram": ("deepgram_agent", "secret 1", {
            "deepgram-ai": "deepgram", "asterisk-ai-voice-agent": "deepgram",
        }),
        "openai": ("openai_agent", "secret 2", {"openai-ai": "openai"}),
        "local": ("local_agent", "secret 3", {"local-ai": "local"}),
    }  # fmt: skip
    lines = found.dialplan
    assert lines[lines.index("exten => 1003,1,Answer()") + 1] == " same => n,Stasis(local-ai)"


def test_variables_of_all_go_behind_those_of_one(tmp_path: Path) -> None:
    files = {".env": "GREETING=Of all\nASTERISK_HOST=10.0.0.7\nASTERISK_ARI_PORT=8099\n", **three_programs()}
    files[".env.local"] += "GREETING=Of one\n"
    del files["docker-compose.local.yml"]
    found = Written(tmp_path, files)
    assert found.agents["local"]["first_message"] == "Of one"
    assert {one.url for one in found.serve.gateway.ari.values()} == {"http://10.0.0.7:8099"}
    assert list(found.serve.health) == ["deepgram", "openai"]


# Whose they are


def test_files_that_do_not_say_whose_they_are(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\nARI_URL=http://127.0.0.1:8088\nLOG_LEVEL=info\n")
    with pytest.raises(UnusableError, match=f"say --from, one of {', '.join(SYSTEMS)}"):
        import_files([tmp_path / ".env"])
    assert import_files([tmp_path / ".env"], "node-bridge").system.name == "node-bridge"
    assert list(import_files([tmp_path / ".env"], "external-ai").plan.agents) == ["openai"]


def test_files_of_two_systems(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(EXTERNAL)
    (tmp_path / "b").write_text(ENV)
    with pytest.raises(UnusableError, match=r"external-ai by .*a:2 AI_WEBSOCKET_URL; voice-agent by .*b:2 DEEPGRAM"):
        import_files([tmp_path / "a", tmp_path / "b"])


@pytest.mark.parametrize(
    ("system", "name", "text", "said"),
    [
        ("external-ai", "config.conf", "ARI_URL=http://127.0.0.1:8088\n", "nothing says which AI is to answer"),
        ("voice-agent", ".env", "AI_PROVIDER=nobody\n", "expected a provider of"),
        ("quickstart", "prompts.js", PROMPTS, "has no such file"),
        (
            "elevenlabs-module",
            "elevenlabs.conf",
            "[a]\nagent_id=x\naudio_frames_buffer_ms=9000\n",
            "expected 20 to 500",
        ),
    ],
)
def test_what_nothing_can_be_made_of(tmp_path: Path, system: str, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UnusableError, match=said):
        import_files([tmp_path / name], system)


# The command


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli.app, ["config", "import", *(str(one) for one in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def three_files(folder: Path) -> list[Path]:
    (folder / ".env").write_text(BRIDGE)
    (folder / "prompts.js").write_text(PROMPTS)
    return [folder / ".env", folder / "prompts.js"]


def test_the_command_writes_all_and_prints_no_secret(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    status, output = run(*three_files(tmp_path), "-d", out)
    assert status == 0, output
    names = ["aiconvai.conf", "extensions_aiconvai.conf", "prompts-openai.json", "serve.toml"]
    assert sorted(one.name for one in out.iterdir()) == names
    assert {stat.S_IMODE(one.stat().st_mode) for one in out.iterdir()} == {0o640}
    assert KEY not in output
    assert "p@ss" not in output
    assert "p%40ss" not in output
    written = tomllib.loads((out / "serve.toml").read_text())
    assert written["gateway"]["aiconvai_conf"] == str(out / "aiconvai.conf")


def test_nothing_is_replaced_without_being_asked(tmp_path: Path) -> None:
    files = three_files(tmp_path)
    (tmp_path / "serve.toml").write_text("precious")
    status, output = run(*files, "-d", tmp_path)
    assert status == 1
    assert f"{tmp_path}/serve.toml: it is there already; give --force to replace it" in output
    assert (tmp_path / "serve.toml").read_text() == "precious"
    assert not (tmp_path / "aiconvai.conf").exists()
    assert run(*files, "-d", tmp_path, "--force")[0] == 0
    assert (tmp_path / "serve.toml").read_text() != "precious"


def test_a_dry_run_prints_all_but_secrets(tmp_path: Path) -> None:
    files = three_files(tmp_path)
    status, output = run(*files, "-d", tmp_path / "nowhere", "--dry-run")
    assert status == 0
    assert 'secret = "****"' in output
    assert "api_key = ****" in output
    assert 'url = "redis://****@redis.example:6379/0"' in output
    assert KEY not in output
    assert "p%40ss" not in output
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_one_file_is_not_enough_for_all(tmp_path: Path) -> None:
    status, output = run(*three_files(tmp_path), "-o", tmp_path / "aiconvai.conf")
    assert status == 1
    assert "aiconvai.conf alone is not enough here: give --directory" in output


# The tables


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
def test_tables_name_what_there_is(system: type[Any]) -> None:
    """Each option is one of ours by its own name, each row that sets nothing says why, and no key is in it twice."""
    seen: dict[tuple[str, str, tuple[str, ...]], Row] = {}
    for row in system.rows:
        assert row.keys
        for key in row.keys:
            assert (key, row.to, row.agents) not in seen, key
            seen[key, row.to, row.agents] = row
        if not row.to:
            assert row.note, row
            assert row.default is None, row
        elif row.to.startswith("serve.toml "):
            _check_place(row.to.removeprefix("serve.toml "))
        elif not row.to.startswith(("extensions ", "[prompt-")):
            name = row.to.removeprefix("[general] ")
            option = find_option(name)
            assert option is not None, row
            assert option.name == name
            assert option.scope in (("both", "general") if row.to.startswith("[") else ("both", "agent"))


def _check_place(place: str) -> None:
    """That serve.toml has such a key."""
    table, _, key = place.replace("{ari}", "pbx").removeprefix("[").partition("] ")
    values: dict[str, Any] = {
        "url": "http://127.0.0.1:1", "user": "u", "secret": "s", "rtp_host": "127.0.0.1", "rtp_ports": [2, 4],
        "{value}": "agent", "port": 9, "host": "127.0.0.1", "seconds": 60,
    }  # fmt: skip
    plan = Plan()
    if table.startswith("gateway.ari"):
        plan.table("gateway.ari.pbx").update(user="u", secret="s", apps={"a": ""})
    if table == "memory":
        values["url"] = "redis://127.0.0.1"
        plan.table("memory")["url"] = "redis://127.0.0.1"
    if table.startswith("health"):
        plan.table("health.pbx")["port"] = 9
    plan.table(table)[key] = values[key]
    ServeSettings.model_validate(plan.serve)


def test_notes_of_what_is_not_set_say_which_kind_it_is() -> None:
    for system in SYSTEMS.values():
        for row in system.rows:
            if not row.to:
                kinds = ("not needed here", "not here", "with ", "its settings", "an agent ", "redis_host")
                assert row.note.startswith(kinds), row


def test_the_page_has_the_tables() -> None:
    root = Path(__file__).parents[2]
    spec = importlib.util.spec_from_file_location("generate_coming_from", root / "tools" / "generate_coming_from.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    page = (root / "docs" / "coming-from.md").read_text(encoding="utf-8")
    assert [f"<!-- table: {name} -->" in page for name in SYSTEMS] == [True] * len(SYSTEMS)
    assert generator.with_tables(page) == page, "run: tools/generate_coming_from.py"
