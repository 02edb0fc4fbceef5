"""What fuzzers begin with: messages as they usually come, put the way each program of tests/fuzz/ reads them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from aiconvai.rig.asterisk.images import repository_root

_ROOT = repository_root()
_VECTORS = _ROOT / "tests" / "unit" / "vectors"

_SERVICES = ("elevenlabs", "openai", "openai_live", "gemini", "deepgram", "websocket", "local", "twilio")
"""As fuzzed_agent.c counts them; then the ways in which one is reached that differ."""
_BY_SIGNED_URL = 9

_STEPS = (
    "text_message",
    "binary_message",
    "beginning_of_text_message",
    "beginning_of_binary_message",
    "call_goes_on",
    "any_caller_audio",
    "time_passes",
    "much_time_passes",
    "key_is_pressed",
    "connection_opens",
    "reply_comes",
    "request_fails",
    "connection_closes",
    "socket_blocks",
    "service_is_alive",
    "hold",
    "tool_answers",
    "transfer",
    "listening",
    "operator_speaks",
    "lookup_answers",
    "interruptions",
    "end",
    "asks_what_was_said",
)
"""As conversation_fuzz.c has them."""

_LINES = 8
"""In a section."""


def _bits(numbers: Iterable[int]) -> int:
    return sum(1 << number for number in numbers)


_ALL_TOOLS = _bits(range(47, 58))
"""Of the options in fuzzed_agent.c, in their order: from tool_book to hand_over_to."""
_PROMPTS = _bits((20, 58, 59))
"""prompt, prompts, dynamic_variable."""


def _u16(number: int) -> bytes:
    return number.to_bytes(2, "little")


def _step(name: str, taken: bytes = b"") -> bytes:
    return bytes([_STEPS.index(name)]) + taken


def _message(text: str) -> bytes:
    return _step("text_message", _u16(len(text.encode())) + text.encode())


def _conversation(service: int, steps: Iterable[bytes], options: int = 0) -> bytes:
    agent = bytes([service]) + options.to_bytes(8, "little")
    # Memory is never short; mu-law; another agent, tools run by the host.
    return b"\0\0\0" + b"\0" + agent + agent + b"\x0b" + b"".join(steps)


def vectors(provider: str) -> list[str]:
    """Messages that a service sends, as they came from it or as its documentation has them."""
    path = _VECTORS / f"{'websocket' if provider == 'local' else provider}.jsonl"
    if path.exists():
        return path.read_text("utf-8").splitlines()
    # ElevenLabs' tests have them among their words.
    audio = {"agent_output_audio_format": "ulaw_8000", "user_input_audio_format": "ulaw_8000"}
    messages: list[Mapping[str, object]] = [
        {
            "type": "conversation_initiation_metadata",
            "conversation_initiation_metadata_event": {"conversation_id": "conv_1", **audio},
        },
        {"type": "ping", "ping_event": {"event_id": 1, "ping_ms": 40}},
        {"type": "vad_score", "vad_score_event": {"vad_score": 0.98}},
        {"type": "audio", "audio_event": {"event_id": 1, "audio_base_64": "/38A" * 400}},
        {"type": "user_transcript", "user_transcription_event": {"user_transcript": "Good day."}},
        {"type": "tentative_user_transcript", "tentative_user_transcription_event": {"user_transcript": "Good"}},
        {"type": "agent_response", "agent_response_event": {"agent_response": "What can I do for you?"}},
        {
            "type": "agent_response_correction",
            "agent_response_correction_event": {
                "original_agent_response": "What can I do for you?",
                "corrected_agent_response": "What can I...",
            },
        },
        {"type": "interruption", "interruption_event": {"event_id": 1}},
        {
            "type": "client_tool_call",
            "client_tool_call": {"tool_call_id": "t1", "tool_name": "book", "parameters": {"day": "Monday"}},
        },
        {"type": "agent_tool_response", "agent_tool_response": {"tool_call_id": "t1", "tool_name": "end_call"}},
        {"type": "client_error", "client_error_event": {"code": 1002, "message": "no"}},
    ]
    return [json.dumps(message) for message in messages]


def _conversations() -> dict[str, bytes]:
    seeds = {}
    opens = [_step("connection_opens")]
    goes_on = _step("call_goes_on", b"\x08\x01")
    for number, provider in enumerate(_SERVICES):
        messages = [_message(text) for text in vectors(provider)]
        ends = [_step("time_passes", b"\x20"), _step("connection_closes", _u16(1000))]
        seeds[f"{provider}-usual"] = _conversation(number, [*opens, *messages, goes_on, *ends])
        spoken = [step for message in messages for step in (message, goes_on)]
        seeds[f"{provider}-spoken"] = _conversation(number, [*opens, *spoken, *ends], _ALL_TOOLS | _PROMPTS)
        for option in range(64):
            some = _conversation(number, [*opens, *messages, goes_on, *ends], _ALL_TOOLS | 1 << option)
            seeds[f"{provider}-option-{option}"] = some
    signed = json.dumps({"signed_url": "wss://fuzz.invalid/agent?key=other"}).encode()
    reply = _step("reply_comes", _u16(200) + _u16(len(signed)) + signed)
    messages = [_message(text) for text in vectors("elevenlabs")]
    seeds["signed"] = _conversation(_BY_SIGNED_URL, [reply, *opens, *messages])
    every = [_step(name, b"\x01\x04abcd") for name in _STEPS if name != "end"]
    for number, provider in enumerate(_SERVICES):
        mixed = [part for message, step in zip(messages * 2, every, strict=False) for part in (message, step)]
        seeds[f"{provider}-mixed"] = _conversation(number, [*opens, *mixed], _ALL_TOOLS | _PROMPTS)
    return seeds


def _json_messages() -> dict[str, bytes]:
    seeds = {}
    for provider in _SERVICES:
        framed = b"".join(_u16(len(text.encode())) + text.encode() for text in vectors(provider))
        seeds[provider] = b"\0\0\x05" + framed
    everything = {
        "type": "response.transcript",
        "text": 'quo"te \\ é \ud83d\ude00',
        "a": {"raw": [1, {"b": None}, "c"]},
        "parts": [{"text": "one", "data": "AAEC"}, {"data": "/w=="}],
        "audio": "AAECAw==",
        "event_id": -12,
        "score": 1.5e-3,
        "is_final": True,
        "calls": [{"id": 1}, [], "x", None],
        "delta": "said",
        "other": "value",
    }
    text = json.dumps(everything).encode()
    seeds["everything"] = b"\0\0\x03" + _u16(len(text)) + text
    deep = b"[" * 70 + b"]" * 70
    seeds["deep"] = b"\0\0\x07" + _u16(len(deep)) + deep
    return seeds


def _texts() -> dict[str, bytes]:
    texts = [
        "wss://user@api.example.com:8443/v1/path?agent=1#here",
        "https://[2001:db8::1]:443/x",
        "http://user:password@proxy.example.com:3128",
        "Good day, {name}, {what} {{not}} {unknown} {empty}",
        "Mm-hmm. Okay. mm-hmm, okay, uh-huh",
        "pcm_24000",
        "AAECAwQ=",
        "\u202eevil\x1b[2J\r\nline \u2028 \ufffd é \U0001f600",
    ]
    return {str(number): b"\0" + text.encode() for number, text in enumerate(texts)}


def _sections() -> dict[str, bytes]:
    agents = "[general]\nmax_concurrent_calls = 5\n[sales]\nprovider = openai\napi_key = sk-1\nturns = local\n"
    tools = '[tool-book]\nparameters = {"type": "object"}\n[prompt-usual]\nstate_greeting = Greet {name}.\n'
    other = "[help]\nprovider = websocket\nconversation_url = ws://h\ntool_book = gosub:a,b,1\n"
    seeds = {"everything": b"\0\0" + f"{agents}{tools}{other}".encode()}
    options = json.loads((_ROOT / "configs" / "options.json").read_text("utf-8"))["options"]
    for at in range(0, len(options), _LINES):
        lines = [f"{option['name']} = {option['default']}\n" for option in options[at : at + _LINES]]
        seeds[options[at]["name"]] = b"\0\0[sales]\n" + "".join(lines).encode()
    return seeds


def _audiosocket_message(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def _rtp_packet(sequence: int, payload: bytes, first: int = 0x80) -> bytes:
    packet = bytes([first, 0]) + sequence.to_bytes(2, "big") + (160 * sequence).to_bytes(4, "big") + b"ssrc" + payload
    return bytes([len(packet)]) + packet


def _audiosocket() -> dict[str, bytes]:
    messages = [
        _audiosocket_message(0x01, uuid.UUID(int=1).bytes),
        *(_audiosocket_message(kind, b"\1\2" * 160) for kind in range(0x10, 0x19)),
        _audiosocket_message(0x10, b"odd"),
        _audiosocket_message(0x03, b"5"),
        _audiosocket_message(0xFF, b"\x01"),
        _audiosocket_message(0x77, b"nobody knows"),
        _audiosocket_message(0x00, b""),
    ]
    return {"usual": b"\x07" + b"".join(messages)}


def _rtp() -> dict[str, bytes]:
    packets = [
        *(_rtp_packet(one, b"\xff" * 160) for one in (1, 2, 4, 3, 100)),
        _rtp_packet(5, b"\0" * 8 + b"audio", 0x82),
        _rtp_packet(6, b"\xbe\xde\0\1" + b"\0" * 4 + b"audio\1", 0xB0),
    ]
    return {"usual": b"".join(packets)}


def _websocket_frame() -> dict[str, bytes]:
    """By length, about where a header becomes longer."""
    texts = [b"", b"{}", b"x" * 125, b"x" * 126, b"x" * 300]
    return {f"{first:02x}-{len(text)}": bytes([first]) + text for first in (0x00, 0x08, 0x13, 0x1F) for text in texts}


SEEDS = {
    "conversation_fuzz": _conversations,
    "json_fuzz": _json_messages,
    "options_fuzz": _sections,
    "text_fuzz": _texts,
    "audiosocket_fuzz": _audiosocket,
    "rtp_fuzz": _rtp,
    "websocket_frame_fuzz": _websocket_frame,
}
"""For each program of tests/fuzz/."""


def write_seeds(program: str, folder: Path) -> int:
    """One file each. Returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = SEEDS[program]()
    for name, seed in seeds.items():
        (folder / name).write_bytes(seed)
    return len(seeds)


def short_of_memory(allocations: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """Conversations as they usually are, in which one of these allocations fails, or all from there on; with names."""
    usual = {name: seed for name, seed in _conversations().items() if name.endswith(("-spoken", "-mixed", "signed"))}
    for at in allocations:
        for name, seed in usual.items():
            for fail in (1, 0):
                yield f"{name}-{at}-{fail}", _u16(at) + bytes([fail]) + seed[3:]
