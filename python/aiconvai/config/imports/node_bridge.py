"""asterisk_to_openai_rt and asterisk_to_gemini_rt: two bridges in Node between ARI and a service, with prompts that
have states and a memory in Redis. Their .env and prompts.js.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aiconvai.config.imports.conversions import (
    ADDRESS,
    ARI_URL,
    GEMINI_MODEL,
    MS_TO_SECONDS,
    NUMBER,
    SENSITIVITY,
    WEBSOCKET_BASE,
    WHERE_TRUE,
    choice,
    redis_url,
)
from aiconvai.config.imports.given import Given
from aiconvai.config.imports.plan import Plan
from aiconvai.config.imports.rows import Conversion, Known, Row
from aiconvai.config.imports.system import HEAD, System, extension, finish_ari, only_ari, stasis

_OPENAI, _GEMINI = ("openai",), ("gemini",)
_OPENAI_APP, _GEMINI_APP = "openai-rt-app", "gemini-rt-app"
_ACCOUNT = (
    "not here: no key is made of a service account; a key of the Gemini API, or a token for Vertex AI (services.md)"
)
_REDIS = redis_url("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB")


def _recordings(value: str, known: Known) -> str | None:
    return "/var/spool/asterisk/monitor" if WHERE_TRUE.apply(value, known) else None


class NodeBridge(System):
    name = "node-bridge"
    title = "asterisk_to_openai_rt, asterisk_to_gemini_rt"
    kinds = ("env", "javascript")
    rows: ClassVar[tuple[Row, ...]] = (
        Row("AI_SERVICE_PROVIDER", "extensions agent", choice({"openai": "openai", "gemini": "gemini"}),
            note="who answers ARI_APP_NAME"),
        Row("OPENAI_API_KEY", "api_key", agents=_OPENAI, secret=True),
        Row("OPENAI_API_BASE_URL", "conversation_endpoint", WEBSOCKET_BASE, agents=_OPENAI),
        Row("OPENAI_VOICE_ID", "voice_id", agents=_OPENAI, default="alloy"),
        Row("OPENAI_TTS_MODEL_ID", note="not needed here: nothing reads it there"),
        Row("OPENAI_SYSTEM_INSTRUCTION", "[prompt-openai] system_instruction", note="before that of prompts.js"),
        Row("GEMINI_SYSTEM_INSTRUCTION", "[prompt-gemini] system_instruction", note="before that of prompts.js"),
        Row("openai.system_instruction", "[prompt-openai] system_instruction"),
        Row("openai.states.greeting", "[prompt-openai] state_{last}"),
        Row("openai.states.greeting", "first_message", agents=_OPENAI, note="the agent says it as the call begins"),
        Row("openai.states.*", "[prompt-openai] state_{last}"),
        Row("gemini.system_instruction", "[prompt-gemini] system_instruction"),
        Row("gemini.states.greeting", "[prompt-gemini] state_{last}"),
        Row("gemini.states.greeting", "first_message", agents=_GEMINI, note="the agent says it as the call begins"),
        Row("gemini.states.*", "[prompt-gemini] state_{last}"),
        Row("VAD_THRESHOLD", "vad_threshold", NUMBER, agents=_OPENAI, default="0.1"),
        Row("VAD_PREFIX_PADDING_MS", "vad_prefix_padding_ms", NUMBER, agents=_OPENAI, default="300"),
        Row("VAD_SILENCE_DURATION_MS", "vad_silence_duration_ms", NUMBER, agents=_OPENAI, default="500"),
        Row("GEMINI_API_KEY, GOOGLE_API_KEY", "api_key", agents=_GEMINI, secret=True),
        Row("GOOGLE_APPLICATION_CREDENTIALS, GEMINI_PROJECT_ID, GEMINI_AUTH_TOKEN_SERVICE_ENDPOINT", note=_ACCOUNT),
        Row("GEMINI_MODEL_NAME", "model", GEMINI_MODEL, agents=_GEMINI, without="it does not speak: the default here"),
        Row("GEMINI_TARGET_INPUT_SAMPLE_RATE", note="not needed here: Gemini gets 16 kHz"),
        Row("GEMINI_VAD_PREFIX_PADDING_MS", "vad_prefix_padding_ms", NUMBER, agents=_GEMINI, default="200"),
        Row("GEMINI_VAD_SILENCE_DURATION_MS", "vad_silence_duration_ms", NUMBER, agents=_GEMINI, default="800"),
        Row("GEMINI_VAD_END_SENSITIVITY", "vad_end_sensitivity", SENSITIVITY, agents=_GEMINI),
        Row("GEMINI_VAD_ENERGY_THRESHOLD, GEMINI_VAD_ACTIVITY_RATIO_THRESHOLD",
            note="not needed here: speech is told by the service, or from the line's own noise (turns = local)"),
        Row("GEMINI_HISTORY_MAX_TURNS",
            note="not needed here: a session that is replaced is told what was said in the call (resume)"),
        Row("ARI_URL", "serve.toml [gateway.ari.pbx] url", ARI_URL),
        Row("ARI_USERNAME, ARI_USER", "serve.toml [gateway.ari.pbx] user", default="asterisk"),
        Row("ARI_PASSWORD, ARI_PASS", "serve.toml [gateway.ari.pbx] secret", default="asterisk", secret=True),
        Row("ARI_APP_NAME", "extensions app", default=_OPENAI_APP, note="and [gateway.ari.pbx.apps] of serve.toml"),
        Row("RTP_SERVER_IP_FOR_ASTERISK", "serve.toml [gateway.ari.pbx] rtp_host", ADDRESS),
        Row("RTP_SERVER_IP", "serve.toml [gateway.ari.pbx] rtp_host", ADDRESS,
            without="all addresses: the default here"),
        Row("RTP_SERVER_PORT", note="not needed here: each call has a port of its own, of rtp_ports (18000 to 18999)"),
        Row("RTP_QUEUE_CONCURRENCY", note="not needed here: calls do not wait for each other"),
        Row("STREAM_PROCESSING_DELAY_MS", "audio_frames_buffer_ms", NUMBER),
        Row("MAX_CALL_DURATION_S", "call_duration_limit_seconds", NUMBER, default="300"),
        Row("MAX_CALL_DURATION", "call_duration_limit_seconds", MS_TO_SECONDS),
        Row("REDIS_HOST", "serve.toml [memory] url", _REDIS, default="127.0.0.1"),
        Row("REDIS_PORT, REDIS_DB", "serve.toml [memory] url", _REDIS),
        Row("REDIS_PASSWORD", "serve.toml [memory] url", _REDIS, secret=True),
        Row("REDIS_CONVERSATION_TTL_S", "serve.toml [memory] seconds", NUMBER, default="86400"),
        Row("ENABLE_AUDIO_RECORDING", "extensions recording", Conversion("where it is true", _recordings),
            note="by MixMonitor()"),
        Row("TARGET_RMS, MIN_RMS", note="not needed here: the service hears the caller as loud as the line is"),
        Row("LOG_RTP_EVERY_N_PACKETS, ENABLE_RTP_LOGGING",
            note="not needed here: what is lost is counted, call by call"),
        Row("LOG_LEVEL", "[general] debug",
            choice({"debug": "yes", "silly": "yes", "info": None, "warn": None, "error": None})),
    )  # fmt: skip

    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        gemini = known.get("AI_SERVICE_PROVIDER", "").lower() == "gemini" or any(
            key.startswith("GEMINI_") or key.startswith("GOOGLE_") for key in known
        )
        if known.get("OPENAI_API_KEY") or not gemini:
            plan.add_agent("openai", "openai", transcription_model="whisper-1")
        if gemini:
            plan.add_agent("gemini", "gemini")

    def finish(self, plan: Plan, known: Known) -> None:
        chosen = plan.dialplan.get("agent", "openai")
        chosen = chosen if chosen in plan.agents else next(iter(plan.agents))
        app = plan.dialplan["app"]
        usual = {"openai": _OPENAI_APP, "gemini": _GEMINI_APP}
        apps = {usual[agent]: agent for agent in plan.agents} | {app: chosen}
        plan.table("gateway.ari.pbx.apps").update(apps)
        for agent, prompt in plan.prompts.items():
            if prompt.states and "greeting" not in prompt.states and "fallback" in prompt.states:
                plan.agents[agent]["first_state"] = ["fallback"]
            if prompt.states:
                # There nothing ever entered another one.
                plan.agents[agent]["tool"] = ["enter_state=builtin"]
        plan.need_keys()
        finish_ari(plan)
        only_ari(plan)
        plan.extensions += [HEAD]
        recording = plan.dialplan.get("recording", "")
        for name in dict.fromkeys((app, *apps)):
            plan.extensions += ["", f"[{name}]", *extension("_X.", stasis(name, recording=recording))]
