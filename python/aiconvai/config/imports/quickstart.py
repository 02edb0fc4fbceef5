"""openai-realtime-asterisk: a server in Node between ARI and OpenAI, whose settings say when the caller is heard. Its
.env and config/default.json; the former goes before the latter. And the .env of its page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from aiconvai.config.imports.conversions import (
    ADDRESS,
    ARI_URL,
    LOWER,
    NUMBER,
    OPENAI_MODEL,
    SECONDS_TO_MS,
    WHOLE_SECONDS,
    YES_NO,
    choice,
    redis_url,
)
from aiconvai.config.imports.given import Given
from aiconvai.config.imports.plan import Plan
from aiconvai.config.imports.rows import Conversion, Known, Row
from aiconvai.config.imports.system import HEAD, System, extension, finish_ari, only_ari, stasis

_SPEECH = "appConfig.appRecognitionConfig."
_DTMF = "appConfig.dtmfConfig."
_API = "openAIRealtimeAPI."
_MODES = ("FIRST_INTERACTION_RECOGNITION_MODE", f"{_SPEECH}firstInteractionRecognitionMode",
          "RECOGNITION_ACTIVATION_MODE", f"{_SPEECH}recognitionActivationMode")  # fmt: skip
_VAD_MODES = ("VAD_RECOG_ACTIVATION_MODE", "APP_APPRECOGNITION_VADRECOGACTIVATION", f"{_SPEECH}vadRecogActivation")
_DELAYS = ("BARGE_IN_DELAY_SECONDS", f"{_SPEECH}bargeInDelaySeconds")
_WAITS = ("VAD_MAX_WAIT_AFTER_PROMPT_SECONDS", "APP_APPRECOGNITION_VADMAXWAITAFTERPROMPTSECONDS",
          f"{_SPEECH}vadMaxWaitAfterPromptSeconds")  # fmt: skip
_SILENCES = (
    "VAD_INITIAL_SILENCE_DELAY_SECONDS", "APP_APPRECOGNITION_VADINITIALSILENCEDELAYSECONDS",
    f"{_SPEECH}vadInitialSilenceDelaySeconds", "VAD_ACTIVATION_DELAY_SECONDS", f"{_SPEECH}vadActivationDelaySeconds",
)  # fmt: skip
_LEVEL = "not needed here: speech is told from the line's own noise"
_LATER = "not here: what the caller says is written down by the service alone"
_REDIS = redis_url("REDIS_HOST", "REDIS_PORT", "REDIS_PASSWORD", "REDIS_DB")


def _first(known: Known, names: Sequence[str], default: str) -> str:
    return next((known[one] for one in names if known.get(one)), default)


def _mode(known: Known) -> str:
    """Of those of this system: immediate, delay, voice or after_prompt."""
    word = "".join(one for one in _first(known, _MODES, "vad").lower() if one.isalnum())
    if word == "vad":
        is_after = _first(known, _VAD_MODES, "afterPrompt").lower() == "afterprompt"
        return "after_prompt" if is_after else "voice"
    if word not in ("immediate", "fixeddelay"):
        raise ValueError("VAD, IMMEDIATE or FIXED_DELAY")
    return "immediate" if word == "immediate" else "delay"


def _agent_greets(known: Known) -> bool:
    return bool(known.get("INITIAL_USER_PROMPT"))


def _activation(value: str, known: Known) -> str:
    """Where the agent greets, its modes are ours. Where a file does, or nobody, that is over when the agent comes."""
    mode = _mode(known)
    if _agent_greets(known):
        return mode
    return {"delay": "immediate", "after_prompt": "voice"}.get(mode, mode)


def _delay_ms(value: str, known: Known) -> int | None:
    milliseconds: int = SECONDS_TO_MS.apply(value, known)
    return milliseconds if _mode(known) == "delay" and _agent_greets(known) else None


def _wait_of_dialplan(value: str, known: Known) -> str | None:
    seconds = SECONDS_TO_MS.apply(value, known) / 1000
    return f"{seconds:g}" if _mode(known) == "delay" and not _agent_greets(known) and seconds else None


def _voice_delay_ms(value: str, known: Known) -> int | None:
    longest = max(SECONDS_TO_MS.apply(known[one], known) for one in _SILENCES if known.get(one))
    return longest if _mode(known) == "voice" else None


def _wait_seconds(value: str, known: Known) -> int | None:
    # 0 is at once there, and never here.
    return max(1, WHOLE_SECONDS.apply(value, known)) if _mode(known) == "after_prompt" else None


def _sound(value: str, known: Known) -> str:
    if not value.startswith("sound:"):
        raise ValueError("sound:FILE; play anything else in the dialplan")
    return value.removeprefix("sound:")


def _ports(value: str, known: Known) -> list[int] | None:
    first, last = int(NUMBER.apply(value, known)), int(NUMBER.apply(known.get("RTP_MAX_PORT", "0"), known))
    if last <= first:
        raise ValueError("RTP_MAX_PORT above RTP_MIN_PORT")
    return None if first < 20_001 and last > 9_999 else [first, last]


def _azure_url(value: str, known: Known) -> str:
    host = urlsplit(value if "://" in value else f"https://{value}")
    scheme = {"https": "wss", "http": "ws"}.get(host.scheme, host.scheme)
    return f"{scheme}://{host.netloc}/openai/v1/realtime"


_ACTIVATION = Conversion("`IMMEDIATE` immediate, `FIXED_DELAY` delay, `VAD` voice or after_prompt", _activation)


class Quickstart(System):
    name = "quickstart"
    title = "openai-realtime-asterisk"
    kinds = ("env", "json")
    rows: ClassVar[tuple[Row, ...]] = (
        Row("OPENAI_API_KEY", "api_key", secret=True),
        Row("AI_PROVIDER", "extensions service", choice({"openai": None, "azure": "azure"}), note="AZURE_*"),
        Row("AZURE_OPENAI_API_KEY", "api_key", secret=True, note="api_key_header = api-key"),
        Row("AZURE_OPENAI_ENDPOINT", "conversation_endpoint", Conversion("wss, `/openai/v1/realtime`", _azure_url)),
        Row("AZURE_OPENAI_DEPLOYMENT_ID", "model"),
        Row("AZURE_OPENAI_API_VERSION",
            note="not needed here: the versions with a date are those before this interface"),
        Row(f"OPENAI_REALTIME_MODEL, OPENAI_MODEL, {_API}model", "model", OPENAI_MODEL,
            without="a preview: the default here"),
        Row(f"OPENAI_TTS_VOICE, {_API}ttsVoice", "voice_id", default="ash"),
        Row(f"OPENAI_LANGUAGE, {_API}language", "language"),
        Row(f"{_API}instructions", "prompt", default="You are a helpful assistant in a phone call."),
        Row(f"ACTIVE_AGENT_CONFIG_KEY, {_API}tools.*",
            note="not here: agents and tools in TypeScript are not read; `prompt`,"
            " `prompts` and `tool_NAME` say the same"),
        Row(f"OPENAI_INPUT_AUDIO_*, OPENAI_OUTPUT_AUDIO_*, AUDIO_FORMAT_FOR_EXTERNAL_MEDIA, {_API}inputAudio*, "
            f"{_API}outputAudio*", note="not needed here: G.711 passes untouched"),
        Row(f"OPENAI_RESPONSE_MODALITIES, OPENAI_TTS_*, {_API}responseModalities.*, {_SPEECH}ttsPlaybackMode",
            note="not needed here: the service speaks, and is heard as it comes"),
        Row("ASTERISK_ARI_URL", "serve.toml [gateway.ari.pbx] url", ARI_URL),
        Row("ASTERISK_ARI_USERNAME", "serve.toml [gateway.ari.pbx] user", default="asterisk"),
        Row("ASTERISK_ARI_PASSWORD", "serve.toml [gateway.ari.pbx] secret", default="asterisk", secret=True),
        Row("ASTERISK_ARI_APP_NAME", "serve.toml [gateway.ari.pbx.apps] {value}",
            Conversion("", lambda _, __: "assistant"),
            default="openai-ari-app"),
        Row("ASTERISK_INBOUND_CONTEXT", "extensions context"),
        Row("ASTERISK_DIAL_EXTENSION", "extensions number"),
        Row("RTP_HOST_IP, RTP_SERVER_HOST_IP", "serve.toml [gateway.ari.pbx] rtp_host", ADDRESS),
        Row("RTP_MIN_PORT", "serve.toml [gateway.ari.pbx] rtp_ports", Conversion("with RTP_MAX_PORT", _ports),
            without="10000 to 20000 are Asterisk's own: 18000 to 18999, the default here"),
        Row("RTP_MAX_PORT", note="with RTP_MIN_PORT"),
        Row("PORT", "serve.toml [page] port", NUMBER),
        Row("WEBSOCKET_SERVER_HOST_IP, PUBLIC_URL",
            note="not needed here: the page is on 127.0.0.1,"
            " with passwords; for the world behind a reverse proxy with TLS"),
        Row("NEXT_PUBLIC_WEBSOCKET_SERVER_BASE_URL", note="not needed here: the page has its own server"),
        Row("CONFIG_FILE_PATH", note="not needed here: give that file as well"),
        Row(", ".join(("RECOGNITION_ACTIVATION_MODE",
            *(one for one in _MODES if one != "RECOGNITION_ACTIVATION_MODE"))),
            "activation", _ACTIVATION, default="VAD",
            note="a greeting from a file is over before: then immediate for delay, voice for after_prompt"),
        Row(", ".join(_VAD_MODES), "activation",
            Conversion("`vadMode` voice, `afterPrompt` after_prompt", _activation)),
        Row(", ".join(_DELAYS), "activation_delay_ms", Conversion("times 1000, of FIXED_DELAY", _delay_ms),
            default="0.5",
            without="not needed here: of FIXED_DELAY where the agent greets (INITIAL_USER_PROMPT)"),
        Row(", ".join(_DELAYS), "extensions wait", Conversion("Wait()", _wait_of_dialplan), default="0.5",
            note="Wait(), behind Playback() of the greeting",
            without="not needed here: of FIXED_DELAY where a file greets"),
        Row(", ".join(_SILENCES), "activation_delay_ms", Conversion("times 1000, the longest", _voice_delay_ms),
            without="not needed here: of vadMode"),
        Row(", ".join(_WAITS), "activation_wait_seconds", Conversion("rounded up, at least 1", _wait_seconds),
            default="5",
            without="not needed here: of afterPrompt"),
        Row(f"NO_SPEECH_BEGIN_TIMEOUT_SECONDS, {_SPEECH}noSpeechBeginTimeoutSeconds", "no_input_seconds", WHOLE_SECONDS,
            note="all through the call, and the agent asks first: no_input_warnings"),
        Row(f"INITIAL_OPENAI_STREAM_IDLE_TIMEOUT_SECONDS, {_SPEECH}initialOpenAIStreamIdleTimeoutSeconds",
            "handshake_timeout_seconds", WHOLE_SECONDS),
        Row(f"MAX_RECOGNITION_DURATION_SECONDS, {_SPEECH}maxRecognitionDurationSeconds", "call_duration_limit_seconds",
            WHOLE_SECONDS, default="30", note="keys do not end it"),
        Row("SPEECH_COMPLETE_TIMEOUT_SECONDS, SPEECH_END_SILENCE_TIMEOUT_SECONDS, "
            f"{_SPEECH}speechCompleteTimeoutSeconds, {_SPEECH}speechEndSilenceTimeoutSeconds",
            note="not needed here: the service says when the caller has finished (vad_silence_duration_ms),"
            " and one that"
            " does not answer is noticed (answer_timeout_ms)"),
        Row(f"VAD_SILENCE_THRESHOLD_MS, APP_APPRECOGNITION_VADSILENCETHRESHOLDMS,"
            f" {_SPEECH}vadConfig.vadSilenceThresholdMs,"
            f" {_SPEECH}vadSilenceThresholdMs", note=_LEVEL),
        Row("VAD_TALK_THRESHOLD_MS, VAD_RECOGNITION_ACTIVATION_MS, VAD_TALK_DURATION_THRESHOLD_MS,"
            f" APP_APPRECOGNITION_VADTALKTHRESHOLD, {_SPEECH}vadConfig.vadRecognitionActivationMs,"
            f" {_SPEECH}vadTalkThreshold", note=_LEVEL),
        Row(f"BARGE_IN_MODE_ENABLED, appConfig.bargeInConfig.bargeInModeEnabled, {_SPEECH}bargeInModeEnabled",
            "first_message_interruptible", YES_NO),
        Row("NO_SPEECH_BARGE_IN_TIMEOUT_SECONDS, appConfig.bargeInConfig.noSpeechBargeInTimeoutSeconds",
            note="not needed here: nothing reads it there"),
        Row(f"INITIAL_GREETING_AUDIO_PATH, GREETING_AUDIO_PATH, {_SPEECH}greetingAudioPath", "extensions sound",
            Conversion("`sound:FILE`", _sound),
            note="Playback() in front; what the caller says meanwhile is not heard"),
        Row("INITIAL_USER_PROMPT", "first_message", note="the agent says it; there it was said to the agent"),
        Row(f"DTMF_ENABLED, {_DTMF}dtmfEnabled", "dtmf",
            Conversion("", lambda value, known: "turn" if YES_NO.apply(value, known) else "off"),
            note="the agent is told the number; DTMF_RESULT is not here, AICONVAI_DIGITS is (tool collect_digits)"),
        Row(f"DTMF_FINAL_TIMEOUT_SECONDS, {_DTMF}dtmfFinalTimeoutSeconds", "dtmf_interdigit_ms", SECONDS_TO_MS,
            default="3"),
        Row(f"DTMF_INTERDIGIT_TIMEOUT_SECONDS, {_DTMF}dtmfInterdigitTimeoutSeconds",
            note="not needed here: there it is only logged"),
        Row(f"DTMF_MAX_DIGITS, {_DTMF}dtmfMaxDigits", "dtmf_max_digits", NUMBER, default="16"),
        Row(f"DTMF_TERMINATOR_DIGIT, {_DTMF}dtmfTerminatorDigit", "dtmf_terminator", LOWER,
            note="it is not part of the number"),
        Row("REDIS_HOST, REDIS_PORT, REDIS_DB", "serve.toml [memory] url", _REDIS,
            note="lists conv:UNIQUEID, a turn in each element; conversation:ID and sessionParams:ID are not here"),
        Row("REDIS_PASSWORD", "serve.toml [memory] url", _REDIS, secret=True),
        Row("REDIS_CONVERSATION_TTL_SECONDS", "serve.toml [memory] seconds", NUMBER),
        Row(f"ASYNC_STT_*, VOSK_SERVER_URL, {_SPEECH}asyncStt*, {_SPEECH}voskServerUrl", note=_LATER),
        Row("LOG_LEVEL, logging.level", "[general] debug",
            choice({"debug": "yes", "silly": "yes", "info": None, "warn": None, "error": None})),
    )  # fmt: skip

    def begin(self, plan: Plan, given: Sequence[Given], known: Known) -> None:
        azure = {"api_key_header": "api-key"} if known.get("AI_PROVIDER", "").lower() == "azure" else {}
        plan.add_agent("assistant", "openai", **azure)

    def finish(self, plan: Plan, known: Known) -> None:
        if "memory" in plan.serve:
            plan.table("memory").setdefault("seconds", 3600)
            plan.table("memory").setdefault("url", "redis://127.0.0.1:6379/0")
        plan.need_keys()
        finish_ari(plan)
        only_ari(plan)
        before = [f"Playback({sound})"] if (sound := plan.dialplan.get("sound")) else []
        before += [f"Wait({wait})"] if (wait := plan.dialplan.get("wait")) else []
        app = next(iter(plan.table("gateway.ari.pbx.apps")))
        context, number = plan.dialplan.get("context", "openai-ari-app"), plan.dialplan.get("number", "1234")
        plan.extensions += [HEAD, "", f"[{context}]", *extension(number, stasis(app, before=before))]
