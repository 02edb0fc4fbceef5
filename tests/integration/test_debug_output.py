"""What an operator sees in the log with debug on: the wording that people's scripts already look for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from voice import Voice, mock_options, voice

from aiconvai.audio import tone
from aiconvai.mock.threaded import ThreadedConversation

__all__ = ["mock_options", "voice"]

INTERRUPTION = """\
=== INTERRUPTION MESSAGE ===
Event ID: 46
User interrupted AI speech - stopping playback
Processing interruption for event_id=46 - clearing older audio
Removing audio chunk with event_id=42 (≤46)
Removing audio chunk with event_id=46 (≤46)
Interruption processing complete: removed 2 audio chunks with event_id ≤ 46
Remaining audio chunks in queue: 1
=== END INTERRUPTION ==="""

_NOTICE = re.compile(r"^\[[^]]+\] NOTICE\[\d+\](?:\[C-[0-9a-f]+\])? \S+: (.*)$", re.MULTILINE)


def _talk(voice: Voice, debug: bool | None = None) -> ThreadedConversation:
    voice.agent("speaker", audio_frames_buffer_ms=20, debug=debug, interruption="service")
    voice.dialplan("exten => 100,1,AIConvAI(speaker)")
    voice.apply()
    voice.call("100")
    return voice.conversation()


def _interrupt(voice: Voice, conversation: ThreadedConversation) -> None:
    for event_id in (42, 46, 47):
        conversation.send_audio(tone(1000.0, 2.0, 8000), event_id=event_id)
    conversation.interrupt(46)
    voice.event("AIConvAIInterruption", EventID="46")


def _send_scores(voice: Voice, conversation: ThreadedConversation, *scores: float) -> None:
    for score in scores:
        conversation.send({"type": "vad_score", "vad_score_event": {"vad_score": score}})
    # The debug output comes before the event of a message that was sent after the scores.
    conversation.interrupt(1)
    voice.event("AIConvAIInterruption", EventID="1")


def _notices(voice: Voice) -> list[str]:
    """What was logged as a notice up to now. The log is written a little later, so another line is waited for."""
    for call in voice.caller.calls():
        call.hangup()
    voice.wait_for_log(r"Spawn extension \(default, 100, 1\) exited")
    return _NOTICE.findall(voice.log())


@pytest.fixture
def debug_off_again(voice: Voice) -> Iterator[None]:
    yield
    voice.asterisk.cli("aiconvai debug off")


def test_an_interruption_is_logged_line_by_line(voice: Voice) -> None:
    _interrupt(voice, _talk(voice, debug=True))
    assert "\n".join(_notices(voice)) == INTERRUPTION


def test_vad_scores_are_logged_line_by_line(voice: Voice) -> None:
    verdicts = {
        0.847: "HIGH voice activity detected (score=0.847)",
        0.501: "HIGH voice activity detected (score=0.501)",
        0.5: "LOW voice activity detected (score=0.500)",
        0.031: "LOW voice activity detected (score=0.031)",
    }
    conversation = _talk(voice, debug=True)
    before = datetime.now(UTC)
    _send_scores(voice, conversation, *verdicts)
    notices = _notices(voice)
    for score, verdict in verdicts.items():
        title, value, timestamp, judged, end = notices[:5]
        del notices[:5]
        assert (title, value) == ("=== VAD SCORE MESSAGE ===", f"VAD Score: {score:.3f}")
        assert (judged, end) == (verdict, "=== END VAD SCORE ===")
        date = re.fullmatch(r"Timestamp: (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z", timestamp)
        assert date, timestamp
        told = datetime.fromisoformat(date[1]).replace(tzinfo=UTC)
        assert before - timedelta(milliseconds=1) <= told <= datetime.now(UTC)


def test_debug_is_off_without_a_word_of_it(voice: Voice) -> None:
    conversation = _talk(voice)
    _send_scores(voice, conversation, 0.847)
    _interrupt(voice, conversation)
    assert not _notices(voice)


def test_debug_of_general_holds_for_all_agents(voice: Voice) -> None:
    voice.general["debug"] = "yes"
    _interrupt(voice, _talk(voice))
    assert "\n".join(_notices(voice)) == INTERRUPTION


def test_an_agent_may_be_left_out_of_the_debug_of_general(voice: Voice) -> None:
    voice.general["debug"] = "yes"
    _interrupt(voice, _talk(voice, debug=False))
    assert not _notices(voice)


@pytest.mark.parametrize("word", ["aiconvai", "elevenlabs"])
@pytest.mark.usefixtures("debug_off_again")
def test_debug_on_and_off_work_in_the_middle_of_a_call(voice: Voice, word: str) -> None:
    conversation = _talk(voice)
    voice.asterisk.cli(f"{word} debug on")
    _interrupt(voice, conversation)
    voice.asterisk.cli(f"{word} debug off")
    conversation.interrupt(47)
    voice.event("AIConvAIInterruption", EventID="47")
    assert "\n".join(_notices(voice)) == INTERRUPTION
