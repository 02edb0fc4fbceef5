"""One encoder for all that a caller hears: whatever follows what, nothing is louder than it was played."""

from __future__ import annotations

import numpy as np
import pytest
from stretches import stretches_of
from voice import Voice, mock_options, voice

from aiconvai.mock import ElevenLabsAgent
from aiconvai.mock.scenario import parse_scenario
from aiconvai.rig.asterisk import AsteriskVersion
from aiconvai.rig.caller import Call

__all__ = ["mock_options", "voice"]

AGENT_HZ = 900.0
TALK_AND_END = "steps: [{wait: 0.7}, {tone: 0.6}, {wait: 0.4}, {tone: 0.6}, {close: 1000}]"
DIALPLANS = {
    "a waiting sound": "exten => 100,1,AIConvAI(agent,m(default))",
    "a tone": "exten => 100,1,AIConvAI(agent,m(tone:ring))",
    "a file before": "exten => 100,1,Answer()\n same => n,Playback(${SOUNDS}/tone)\n same => n,AIConvAI(agent)",
    "a file under the agent": (
        "exten => 100,1,Answer()\n same => n,AIConvAI(agent,b)\n same => n,Playback(${SOUNDS}/tone)\n"
        " same => n,Playback(${SOUNDS}/tone)\n same => n,Wait(10)"
    ),
}


# What our caller does not speak is spoken by a Local channel, whose other half is bridged with the caller.
TRANSLATED = ("gsm", "opus")


_played: dict[tuple[AsteriskVersion, str], int] = {}
"""The largest sample with mu-law, which remembers nothing, by version and dialplan."""


def _translated(voice: Voice, codec: str) -> Call:
    """A call that extension 100 answers with that codec."""
    there = {"Context": "default", "Exten": f"5{voice.caller.port}", "Priority": 1}
    voice.asterisk.ami.action("Originate", Channel="Local/100@default", Codecs=codec, Async="true", **there)
    call = voice.caller.wait_incoming()
    call.answer()
    return call


def loudest(voice: Voice, codec: str, dialplan: str) -> int:
    """The largest sample of a call."""
    voice.agent("agent", ElevenLabsAgent(scenario=parse_scenario(TALK_AND_END)), idle_audio=None)
    voice.dialplan(dialplan)
    voice.apply()
    call = _translated(voice, codec) if codec in TRANSLATED else voice.call("100", codec)
    call.wait_ended(20)
    heard = call.heard_samples(fill_gaps=False)
    assert stretches_of(AGENT_HZ, heard, call.sample_rate)
    return int(np.abs(heard.astype(np.int32)).max())


@pytest.mark.parametrize("what", DIALPLANS)
@pytest.mark.parametrize("codec", ["g722", "alaw", "slin16", *TRANSLATED])
def test_no_packet_is_louder_than_what_was_played(
    voice: Voice, asterisk_version: AsteriskVersion, what: str, codec: str
) -> None:
    """As with mu-law, which remembers nothing."""
    if codec == "opus" and asterisk_version < 22:
        pytest.skip("there is no Opus to translate with")
    if (asterisk_version, what) not in _played:
        _played[asterisk_version, what] = loudest(voice, "ulaw", DIALPLANS[what])
    played = _played[asterisk_version, what]
    # What models speech, or its spectrum, overshoots where a tone begins; what is clipped is more than twice as loud.
    assert loudest(voice, codec, DIALPLANS[what]) < (1.5 if codec in TRANSLATED else 1.15) * played
