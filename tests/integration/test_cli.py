"""The commands `aiconvai ...`, which are there as `elevenlabs ...` as well."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, load_scenario, parse_scenario
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

WORDS = ("aiconvai", "elevenlabs")
API_KEY = "sk-0123456789abcdefghijKLMN"


@pytest.fixture(params=WORDS)
def word(request: pytest.FixtureRequest) -> str:
    """The first word of a command."""
    name: str = request.param
    return name


@pytest.fixture
def quiet_debug(asterisk: Asterisk) -> Iterator[None]:
    """Leave debugging off for the tests that follow."""
    yield
    asterisk.cli("aiconvai debug off")


def _completions(asterisk: Asterisk, line: str, word: str = "") -> list[str]:
    """What the command line offers for the last word of a line; its first entry is the common beginning."""
    answer = asterisk.cli(f'_command matchesarray "{line}" "{word}"')
    assert answer.endswith("_EOF_"), answer
    return answer.removesuffix("_EOF_").split()[1 if word == "" and not answer.startswith(" ") else 0 :]


def _fields(answer: str) -> dict[str, str]:
    """The lines `Name:   value` of an answer."""
    pairs = (line.split(":", 1) for line in answer.splitlines() if ":" in line)
    return {name: value.strip() for name, value in pairs}


def _conversing(voice: Voice, **options: object) -> tuple[Call, ThreadedConversation]:
    """A caller and an agent that echoes, after something was said."""
    voice.agent(
        "echo", ElevenLabsAgent(private=True, scenario=load_scenario("echo")), audio_frames_buffer_ms=20, **options
    )
    voice.dialplan("exten => 100,1,AIConvAI(echo)")
    voice.apply()
    call = voice.call("100")
    conversation = voice.conversation()
    call.play(tone(500, 0.3, 8000)).wait()
    call.wait_for_sound()
    return call, conversation


# show agents ----------------------------------------------------------------------------------------------


def test_show_agents(voice: Voice, word: str) -> None:
    voice.agent("sales", ElevenLabsAgent(private=True, api_key=API_KEY), audio_frames_buffer_ms=60)
    voice.agent("Help")
    voice.sections["fixed"] = {"conversation_url": "wss://example.com/path?token=tok-abcdefghijklmnop"}
    voice.apply()
    lines = voice.asterisk.cli(f"{word} show agents").splitlines()
    assert lines[0].split() == ["Agent", "Provider", "Agent", "ID", "API", "key", "Chunk", "ms", "Calls", "Endpoint"]
    assert [line.split() for line in lines[1:]] == [
        ["fixed", "elevenlabs", "-", "-", "240", "0", "wss://example.com"],
        ["Help", "elevenlabs", "id_Help", "-", "240", "0", f"ws://127.0.0.1:{voice.mock.port}"],
        ["sales", "elevenlabs", "id_sales", "****KLMN", "60", "0", f"http://127.0.0.1:{voice.mock.port}"],
        ["3", "agents,", "from", "aiconvai.conf"],
    ]


def test_show_agents_counts_calls(voice: Voice) -> None:
    _conversing(voice)
    assert voice.asterisk.cli("aiconvai show agents").splitlines()[1].split()[5] == "1"


def test_api_key_shows_its_last_four_characters_only(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(private=True, api_key=API_KEY))
    voice.apply()
    answer = voice.asterisk.cli("aiconvai show agents")
    assert "****KLMN" in answer
    assert API_KEY[-5:] not in answer
    assert API_KEY[:4] not in answer


def test_short_api_key_is_not_shown_at_all(voice: Voice) -> None:
    voice.agent("sales", ElevenLabsAgent(private=True, api_key="abcdefghijk"))
    voice.apply()
    assert voice.asterisk.cli("aiconvai show agents").splitlines()[1].split()[3] == "****"


# show calls, show call ------------------------------------------------------------------------------------


def test_show_calls(voice: Voice, word: str) -> None:
    assert voice.asterisk.cli(f"{word} show calls").splitlines()[1:] == ["0 calls"]
    _, conversation = _conversing(voice)
    lines = voice.asterisk.cli(f"{word} show calls").splitlines()
    channel, agent, state, time, heard, spoken, queue, conversation_id = lines[1].split()
    assert (channel, agent, state, conversation_id) == (voice.channel(), "echo", "active", conversation.record.id)
    assert re.fullmatch(r"0:\d\d", time)
    assert float(heard) > -40
    assert float(spoken) > -40
    assert 0 <= int(queue) < 1000
    assert lines[2] == "1 call"


def test_show_call_tells_everything(voice: Voice, word: str) -> None:
    _, conversation = _conversing(voice)
    shown = _fields(voice.asterisk.cli(f"{word} show call {voice.channel()}"))
    assert shown["Channel"].split()[0] == voice.channel()
    assert shown["Agent"] == "echo"
    assert shown["Conversation"] == conversation.record.id
    assert re.fullmatch(r"active, for 0:\d\d, attempt 1; reconnected 0 times", shown["State"])
    assert shown["Formats"] == "channel ulaw_8000, to the service ulaw_8000, from the service ulaw_8000"
    chunks, sent, *_ = map(int, re.findall(r"\d+", shown["To the service"]))
    assert sent == chunks * 160
    conversation.ping()  # Whose answer comes behind what was sent before it.
    assert 0 < chunks <= len(conversation.record.uplink)
    frames, _, level, _, refused = re.findall(r"-?[\d.]+", shown["From the caller"])
    assert int(frames) >= chunks
    assert -40 < float(level) < 0
    assert int(refused) == 0
    assert int(shown["To the caller"].split()[0]) > 0
    assert re.match(r"connected after \d+ ms, ready after \d+ ms, first audio after \d+ ms", shown["Set-up"])
    assert shown["Errors"] == "0"


def test_call_is_found_by_channel_unique_id_and_conversation_id(voice: Voice) -> None:
    _, conversation = _conversing(voice)
    unique_id = voice.event("AIConvAIReady")["Uniqueid"]
    for name in (voice.channel(), voice.channel().lower(), unique_id, conversation.record.id):
        shown = _fields(voice.asterisk.cli(f"aiconvai show call {name}"))
        assert shown["Channel"] == f"{voice.channel()} ({unique_id})"


def test_unknown_call_is_told(asterisk: Asterisk) -> None:
    assert asterisk.cli("aiconvai show call PJSIP/none") == (
        "No call 'PJSIP/none' is with an agent; see 'aiconvai show calls'"
    )


def test_call_without_an_agent_yet_is_shown(voice: Voice) -> None:
    scenario = parse_scenario("handshake: {metadata_delay: 20}\nsteps: []")
    voice.agent("slow", ElevenLabsAgent(scenario=scenario))
    voice.dialplan("exten => 100,1,AIConvAI(slow)")
    voice.apply()
    voice.call("100")
    voice.mock.next_conversation().wait_initiated()
    shown = _fields(voice.asterisk.cli(f"aiconvai show call {voice.channel()}"))
    assert shown["State"].startswith("starting, ")
    assert shown["Conversation"] == ""
    assert shown["Formats"] == "channel ulaw_8000, to the service unknown, from the service unknown"


# show stats -----------------------------------------------------------------------------------------------


def test_show_stats_counts_what_happened(voice: Voice, word: str) -> None:
    before = _stats(voice.asterisk, word)
    call, conversation = _conversing(voice)
    assert _stats(voice.asterisk, word)["now"] == before["now"] + 1
    call.hangup()
    conversation.wait_closed()
    voice.event("AIConvAIEnd")
    voice.call("100")
    voice.conversation().close(1000)
    voice.event("AIConvAIEnd", Status="COMPLETED")
    voice.sections["echo"]["agent_id"] = "unknown"
    voice.apply()
    voice.caller.call("100").wait_ended()
    after = _stats(voice.asterisk, word)
    grown = {name: after[name] - before[name] for name in after}
    assert grown["in all"] == 3
    assert grown["by the caller"] == 1
    assert grown["completed"] == 1
    assert grown["unavailable"] == 1
    assert grown["lost"] == grown["busy"] == grown["invalid"] == 0
    assert after["frames"] > before["frames"]


def _stats(asterisk: Asterisk, word: str) -> dict[str, int]:
    shown = _fields(asterisk.cli(f"{word} show stats"))
    counts = ", ".join((shown["Calls"], shown["Ended"], shown["Failed"]))
    found = {name: int(number) for number, name in re.findall(r"(\d+) ([a-z ]+?)(?:,|$)", counts)}
    return found | {"frames": int(shown["Frames played"])}


# debug ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quiet_debug")
def test_debug_prints_scores_and_interruptions(voice: Voice, word: str) -> None:
    call, conversation = _conversing(voice)
    assert voice.asterisk.cli(f"{word} debug on") == "Debugging is on"
    conversation.send({"type": "vad_score", "vad_score_event": {"vad_score": 0.75}})
    voice.wait_for_log(r"HIGH voice activity detected \(score=0.750\)")
    conversation.play(tone(500, 2.0, 8000), 500_000)
    call.wait_for_sound()
    conversation.interrupt(500_000)
    voice.wait_for_log("Interruption processing complete: removed")
    assert voice.asterisk.cli(f"{word} debug off") == "Debugging is off"
    mark = voice.asterisk.log_position()
    conversation.send({"type": "vad_score", "vad_score_event": {"vad_score": 0.25}})
    conversation.ping()
    assert "VAD Score" not in voice.asterisk.log_since(mark)


def test_debug_of_an_agent_is_its_own(voice: Voice) -> None:
    _, conversation = _conversing(voice, debug=True)
    conversation.send({"type": "vad_score", "vad_score_event": {"vad_score": 0.25}})
    voice.wait_for_log(r"LOW voice activity detected \(score=0.250\)")


# Usage and completion -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    ["show agents x", "show calls x", "show call", "show call a b", "show stats x", "debug on x", "reload x"],
)
def test_wrong_usage_prints_the_usage(asterisk: Asterisk, word: str, command: str) -> None:
    answer = asterisk.cli(f"{word} {command}")
    assert re.match(r"Usage: aiconvai (show|debug|reload)", answer), answer


def test_unknown_command_is_refused(asterisk: Asterisk, word: str) -> None:
    assert asterisk.cli(f"{word} frobnicate").startswith(f"No such command '{word} frobnicate'")


def test_help_lists_the_commands(asterisk: Asterisk) -> None:
    listed = asterisk.cli("core show help")
    assert len(re.findall(r"^\{aiconvai\|elevenlabs\} ", listed, re.MULTILINE)) == 7


def test_words_are_completed(asterisk: Asterisk, word: str) -> None:
    assert _completions(asterisk, f"{word} ") == ["debug", "reload", "show", "test"]
    assert _completions(asterisk, f"{word} show ") == ["agents", "call", "calls", "stats"]
    assert set(_completions(asterisk, f"{word} debug ")) >= {"on", "off"}


def test_channels_and_unique_ids_are_completed(voice: Voice, word: str) -> None:
    _conversing(voice)
    channel = voice.channel()
    unique_id = voice.event("AIConvAIReady")["Uniqueid"]
    assert channel in _completions(voice.asterisk, f"{word} show call ")
    assert channel in _completions(voice.asterisk, f"{word} show call pj", "pj")
    assert unique_id in _completions(voice.asterisk, f"{word} show call {unique_id[:6]}", unique_id[:6])
    assert _completions(voice.asterisk, f"{word} show call zzz", "zzz") == []
    assert _completions(voice.asterisk, f"{word} show call x ") == []


def test_reload_says_what_it_loaded(asterisk: Asterisk, word: str) -> None:
    asterisk.write_config("aiconvai.conf", "[a]\nagent_id=a\n[b]\nagent_id=b\n")
    assert asterisk.cli(f"{word} reload") == "Loaded 2 agents from aiconvai.conf"


def test_service_cannot_write_to_the_command_line(voice: Voice) -> None:
    """What the service names itself is shown on one line, without control characters."""
    scenario = parse_scenario("handshake: {metadata_delay: 3}\nsteps: []")
    voice.agent("echo", ElevenLabsAgent(scenario=scenario))
    voice.dialplan("exten => 100,1,AIConvAI(echo)")
    voice.apply()
    voice.call("100")
    conversation = voice.mock.next_conversation()
    conversation.wait_initiated()
    conversation.send_raw(
        '{"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event":'
        ' {"conversation_id": "a\\r\\n\\u001b[2Jb", "agent_output_audio_format": "ulaw_8000",'
        ' "user_input_audio_format": "ulaw_8000"}}'
    )
    conversation.send_raw('{"type": "odd\\n\\u001b[2J"}')
    voice.event("AIConvAIReady")
    voice.mock.conversations[0].wait_started()
    for command in (f"aiconvai show call {voice.channel()}", "aiconvai show calls"):
        assert "\x1b" not in voice.asterisk.cli(command)
    assert len(voice.asterisk.cli("aiconvai show calls").splitlines()) == 3
