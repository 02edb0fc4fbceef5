"""Whether everything the demo is to show was really there: in the samples, the messages and the call's end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiconvai.audio import Samples, resample, rms_dbfs
from aiconvai.mock.record import ConversationRecord
from aiconvai.mock.server import MockServer
from aiconvai.rig.asterisk import Message
from aiconvai.rig.caller import Call, find
from aiconvai.rig.demo.interruption import heard_interruption
from aiconvai.rig.demo.script import AGENT, CALLER, RATE, TOOL_RESULT, agent_speech, read_speech

LEAST_SIMILARITY = 0.9
LEAST_DBFS = -40.0
SILENCE_WITHIN_MS = 40.0
LEAST_UNHEARD_SECONDS = 2.0
EXPLANATION_HEARD_SECONDS = 2.5


@dataclass(frozen=True)
class Check:
    """One thing that was to be seen; `detail` is what was."""

    name: str
    passed: bool
    detail: str


def check_all(
    service: type[MockServer[Any, Any]],
    call: Call,
    record: ConversationRecord | None,
    events: Sequence[Message],
    speech: Sequence[Path],
) -> list[Check]:
    """Every check, in the order of the conversation, of what the service has at all.

    `speech` holds the caller's lines as files.
    """
    answered = Check(
        "Asterisk answered the SIP call",
        call.answered is not None,
        f"after {(call.answered - call.started) * 1000:.0f} ms" if call.answered else f"{call.end_reason}",
    )
    if record is None:
        return [answered, Check("the module reached the service", False, "the mock saw no conversation")]
    return [
        answered,
        _ready(events),
        _caller_was_heard(record, speech),
        _agent_was_heard(call),
        *([_transcripts(events)] if service.HAS_TRANSCRIPTS else []),
        *([_tool(record)] if service.HAS_TOOLS else []),
        _interruption(call, record, events, told=service.HAS_INTERRUPTIONS),
        _no_packet_lost(call),
        _agent_ended_it(call, record),
        _completed(events),
        _service_content(record),
    ]


def _ready(events: Sequence[Message]) -> Check:
    ready = _events(events, "AIConvAIReady")
    detail = f"after {ready[0]['ReadyMs']} ms" if ready else "no AIConvAIReady"
    return Check("the conversation with the service began", bool(ready), detail)


def _caller_was_heard(record: ConversationRecord, speech: Sequence[Path]) -> Check:
    uplink = record.uplink_samples()
    lines = [resample(read_speech(path), RATE, record.uplink_rate) for path in speech]
    return _heard("the service heard every line of the caller", lines, uplink)


def _agent_was_heard(call: Call) -> Check:
    whole = [agent_speech(text) for text in AGENT.in_order() if text != AGENT.explanation]
    begun = agent_speech(AGENT.explanation)[: round(EXPLANATION_HEARD_SECONDS * RATE)]
    return _heard("the caller heard every line of the agent", [*whole, begun], call.heard_samples())


def _heard(name: str, lines: Sequence[Samples], heard: Samples) -> Check:
    """Each line must be there, alike in shape and as loud as a voice."""
    found = [(line, find(line, heard)) for line in lines]
    least = min(match.similarity for _, match in found)
    levels = [rms_dbfs(heard[round(match.position) : round(match.position) + len(line)]) for line, match in found]
    passed = least >= LEAST_SIMILARITY and min(levels) >= LEAST_DBFS
    there = sum(match.similarity >= LEAST_SIMILARITY for _, match in found)
    detail = f"{there} of {len(lines)}, least similarity {least:.3f}, {min(levels):.1f} to {max(levels):.1f} dBFS"
    return Check(name, passed, detail)


def _transcripts(events: Sequence[Message]) -> Check:
    told = {
        role: tuple(event["Text"] for event in _events(events, "AIConvAITranscript") if event["Role"] == role)
        for role in ("caller", "agent")
    }
    missing = [
        f"{role}: {line}"
        for role, lines in (("caller", CALLER.in_order()), ("agent", AGENT.in_order()))
        for line in lines
        if line not in told[role]
    ]
    detail = (
        f"missing: {'; '.join(missing)}"
        if missing
        else f"{len(told['caller'])} of the caller, {len(told['agent'])} of the agent"
    )
    return Check("the transcripts came as manager events", not missing, detail)


def _tool(record: ConversationRecord) -> Check:
    results = [result.result for result in record.tool_results if not result.is_error]
    return Check(
        "the agent's tool call was answered over AMI",
        results == [TOOL_RESULT],
        f"result {results[0]}" if results else "the service got no result",
    )


def _interruption(call: Call, record: ConversationRecord, events: Sequence[Message], *, told: bool) -> Check:
    """`told`: the service says that there was one. Otherwise its agent just stops, and nothing is queued any more."""
    name = f"the interruption silenced the agent within {SILENCE_WITHIN_MS:.0f} ms"
    heard = heard_interruption(record, call.heard)
    if heard is None or (told and not _events(events, "AIConvAIInterruption")):
        return Check(name, False, "there was no interruption")
    passed = heard.silence_after_ms <= SILENCE_WITHIN_MS
    if not told:
        return Check(name, passed, f"{heard.silence_after_ms:.1f} ms after the agent itself fell silent")
    passed = passed and heard.unheard_seconds >= LEAST_UNHEARD_SECONDS
    detail = f"{heard.silence_after_ms:.1f} ms; {heard.unheard_seconds:.1f} s of queued speech were never heard"
    return Check(name, passed, detail)


def _no_packet_lost(call: Call) -> Check:
    return Check(
        "no packet was lost", bool(call.heard) and call.lost() == 0, f"{len(call.heard)} heard, {call.lost()} lost"
    )


def _agent_ended_it(call: Call, record: ConversationRecord) -> Check:
    passed = (
        record.closed_by == "service"
        and record.close_code == 1000
        and call.end_reason is not None
        and call.end_reason.by == "remote"
    )
    hangup = f"BYE from {call.end_reason.by}" if call.end_reason else "the call was not hung up"
    return Check("the agent ended the call", passed, f"close {record.close_code} by {record.closed_by}, {hangup}")


def _completed(events: Sequence[Message]) -> Check:
    ends = _events(events, "AIConvAIEnd")
    if not ends:
        return Check("the conversation is COMPLETED", False, "no AIConvAIEnd")
    end = ends[0]
    detail = (
        f"{end['FramesReceived']} frames from the caller, {end['FramesPlayed']} to him, {end['Underruns']} underruns"
    )
    return Check("the conversation is COMPLETED", end["Status"] == "COMPLETED", f"{end['Status']}; {detail}")


def _service_content(record: ConversationRecord) -> Check:
    problems = [str(violation) for violation in record.violations]
    if record.scenario_failure is not None:
        problems.append(record.scenario_failure)
    detail = "; ".join(problems) or f"no violation, {record.pongs} pings answered"
    return Check("the strict mock service had nothing to complain about", not problems, detail)


def _events(events: Sequence[Message], name: str) -> list[Message]:
    return [event for event in events if event.event == name]
