"""asterisk_to_external_ai: a bridge in Node between ARI and any server of its WebSocket protocol; before that, of
OpenAI and Gemini. Its config.conf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from aiconvai.config.imports.conversions import (
    ARI_URL,
    GEMINI_MODEL,
    NUMBER,
    ONLY_FALSE_IS,
    OPENAI_MODEL,
    SENSITIVITY,
    choice,
    fixed,
)
from aiconvai.config.imports.given import Given, UnusableError
from aiconvai.config.imports.plan import Plan
from aiconvai.config.imports.rows import Conversion, Known, Row
from aiconvai.config.imports.system import HEAD, System, extension, finish_ari, only_ari, stasis

APPS = ("asterisk_to_openai_rt", "asterisk_to_external_ai")
_SERVICES = {
    "AI_WEBSOCKET_URL": ("external_ai", "websocket", {"audio_format": "ulaw_8000"}),
    "OPENAI_API_KEY": ("openai", "openai", {}),
    "GEMINI_API_KEY": ("gemini", "gemini", {}),
}


def _place(value: str, known: Known) -> str:
    """Of a queue in the dialplan: where transfer_call sends the caller."""
    parts = [one.strip() for one in value.split(",")]
    if len(parts) not in (1, 3) or not all(parts):
        raise ValueError("CONTEXT,EXTENSION,PRIORITY or an extension")
    return f"queue={','.join(parts if len(parts) == 3 else ['from-internal', parts[0], '1'])}"


class ExternalAi(System):
    name = "external-ai"
    title = "asterisk_to_external_ai"
    kinds = ("env",)
    rows: ClassVar[tuple[Row, ...]] = (
        Row("AI_WEBSOCKET_URL", "conversation_url", note="provider = websocket, audio_format = ulaw_8000"),
        Row("AI_AUTH_TOKEN", "api_key", agents=("external_ai",), secret=True),
        Row("AI_VOICE", "voice_id", agents=("external_ai",), default="default"),
        Row("AI_LANGUAGE", "language", agents=("external_ai",), default="en"),
        Row("OPENAI_API_KEY", "api_key", agents=("openai",), secret=True, note="provider = openai"),
        Row("REALTIME_MODEL", "model", OPENAI_MODEL, agents=("openai",), without="a preview: the default here"),
        Row("OPENAI_VOICE", "voice_id", agents=("openai",), default="alloy"),
        Row("TRANSCRIPTION_MODEL", "transcription_model", agents=("openai",)),
        Row("TRANSCRIPTION_LANGUAGE", "language", agents=("openai",), default="en"),
        Row("GEMINI_API_KEY", "api_key", agents=("gemini",), secret=True, note="provider = gemini"),
        Row("GEMINI_MODEL", "model", GEMINI_MODEL, agents=("gemini",), without="it does not speak: the default here"),
        Row("GEMINI_VOICE", "voice_id", agents=("gemini",)),
        Row("START_SENSITIVITY", "vad_start_sensitivity", SENSITIVITY),
        Row("END_SENSITIVITY", "vad_end_sensitivity", SENSITIVITY),
        Row("ARI_URL", "serve.toml [gateway.ari.pbx] url", ARI_URL),
        Row("ARI_USERNAME", "serve.toml [gateway.ari.pbx] user", default="asterisk"),
        Row("ARI_PASSWORD", "serve.toml [gateway.ari.pbx] secret", default="asterisk", secret=True),
        Row("MAX_CONCURRENT_CALLS", "[general] max_concurrent_calls", NUMBER, default="10",
            note="one more goes on in the dialplan with BUSY; there it took the port of the oldest call"),
        Row("CALL_DURATION_LIMIT_SECONDS", "call_duration_limit_seconds", NUMBER),
        Row("SYSTEM_PROMPT", "prompt"),
        Row("INITIAL_MESSAGE", "first_message", default="Hi",
            note="openai, gemini: the agent says it; there it was said to the agent"),
        Row("SILENCE_PADDING_MS", "greeting_delay_ms", NUMBER, default="100", note="before the first audio only"),
        Row("VAD_ENABLED", "vad_enabled", ONLY_FALSE_IS),
        Row("VAD_THRESHOLD", "vad_threshold", NUMBER, default="0.6"),
        Row("VAD_PREFIX_PADDING_MS", "vad_prefix_padding_ms", NUMBER, default="200"),
        Row("VAD_SILENCE_DURATION_MS", "vad_silence_duration_ms", NUMBER, default="600"),
        Row("LOG_LEVEL", "[general] debug", choice({"debug": "yes", "info": None, "warn": None, "error": None})),
        Row("REDIRECTION_QUEUE", "transfer_to", Conversion("an extension is one of from-internal", _place)),
        Row("REDIRECTION_QUEUE", "tool", fixed("transfer_call=builtin"),
            note="the agent sends the caller there when it sees fit"),
        Row("REDIRECTION_PHRASES",
            note="not needed here: the agent calls the tool transfer_call; say when in the prompt"),
        Row("AGENT_TERMINATE_PHRASES", "tool", fixed("end_call=builtin"),
            note="the agent ends the call by a tool, not by a phrase; say when in the prompt"),
        Row("RECORDINGS_DIR", "extensions recording", note="by MixMonitor()"),
        Row("EMAIL_*, SMTP_*",
            note="not here: nothing is sent by e-mail; a webhook is told of each call ([webhook.NAME])"),
        Row("TINYBIRD_*, BUBBLE_*, DATASOURCE_NAME",
            note="not here: settings are not fetched by the number that was dialled; `lookup` asks who is calling"),
        Row("AMI_HOST, AMI_PORT, AMI_USERNAME, AMI_SECRET", note="not needed here: ARI says all of a call"),
        Row("API_HOST, PROVIDER_SIP_SERVER, FREEPBX_SETUP_PORT",
            note="not needed here: the PBX is set up by its own means"),
    )  # fmt: skip

    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        for key, (agent, provider, options) in _SERVICES.items():
            if known.get(key):
                plan.add_agent(agent, provider, **options)
        if not plan.agents:
            raise UnusableError(f"none of {', '.join(_SERVICES)} is given: nothing says which AI is to answer")

    def finish(self, plan: Plan, known: Known) -> None:
        agent = next(iter(plan.agents))
        plan.table("gateway.ari.pbx.apps").update(dict.fromkeys(APPS, agent))
        finish_ari(plan)
        only_ari(plan)
        plan.extensions += [HEAD, "", "[external-ai]"]
        recording = plan.dialplan.get("recording", "")
        plan.extensions += extension("1000", stasis(APPS[1], recording=recording))
