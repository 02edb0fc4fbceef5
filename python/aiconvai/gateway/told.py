"""What the engine tells of a call, as the module's events have it: the same headers, and so the same models."""

from __future__ import annotations

from collections.abc import Mapping

from aiconvai.engine.conversation import OpenTimes
from aiconvai.engine.events import (
    Answer,
    AudioQueued,
    Echo,
    Ended,
    Error,
    Event,
    Failover,
    HandedOver,
    Hold,
    Interrupted,
    Keys,
    Listening,
    Pause,
    Ready,
    Recording,
    Secret,
    StateEntered,
    Thinking,
    ToolCall,
    ToolDone,
    ToolRun,
    Transcript,
    TranscriptKind,
    Trouble,
    Vad,
)
from aiconvai.gateway.media import Figures, Happened

Headers = Mapping[str, str]


def yes_no(value: bool) -> str:
    return "yes" if value else "no"


def told_of(happened: Happened, ready_ms: float, tool_timeout_ms: int) -> tuple[str, Headers] | None:
    """The event's name without its prefix and what it says besides which call it is; None: it is nobody's business.

    `ready_ms`: since the call began.
    """
    event = happened.event
    match event:
        case Ready():
            return "Ready", {
                "UplinkFormat": event.uplink.name,
                "DownlinkFormat": event.downlink.name,
                "ReadyMs": f"{ready_ms:.0f}",
            }
        case ToolCall():
            return "ToolCall", _tool_call(event, tool_timeout_ms)
        case Ended():
            assert happened.figures is not None
            return "End", _end(event, happened.figures)
        case HandedOver():
            return "HandOver", {"NextAgent": happened.agent}
        case Failover():
            return "Failover", {"NextAgent": happened.agent, "Reason": event.reason}
        case AudioQueued() | Vad() | Thinking() | Recording() | Secret():
            return None
    return _of_talk(event)


def _of_talk(event: Event) -> tuple[str, Headers] | None:
    match event:
        case Transcript():
            return "Transcript", {
                "Role": event.role.value,
                "Final": yes_no(event.kind is not TranscriptKind.TENTATIVE),
                "Correction": yes_no(event.kind is TranscriptKind.CORRECTED),
                "Turn": str(event.turn),
                "SpokenMs": str(event.spoken_ms),
                "Text": event.text,
            }
        case Interrupted():
            removed = {
                "ChunksRemoved": str(event.result.removed_chunks),
                "ChunksRemaining": str(event.result.remaining_chunks),
            }
            return "Interruption", {"HeardMs": str(event.heard_ms), **removed}
        case Pause():
            return "Pause", {
                **_stretch("Pause", event.is_on, event.lasted_ms),
                "Interrupted": yes_no(event.interrupted),
            }
        case Hold():
            return "Hold", _stretch("Hold", event.is_on, event.lasted_ms)
        case Listening():
            return "Listening", {**_stretch("Listening", event.is_on, event.lasted_ms), "Destination": event.to}
        case Echo():
            return "Echo", {"EchoDelayMs": str(event.delay_ms), "EchoReturnDb": f"{event.return_db:.1f}"}
        case Answer():
            return "Answer", {"LatencyMs": str(event.latency_ms)}
        case ToolDone():
            named = {"ToolCallID": event.id, "ToolName": event.name}
            if event.withdrawn:
                return "ToolCancelled", named
            return "ToolDone", {**named, "Error": yes_no(event.is_error), "Result": event.result or ""}
        case Keys():
            return "Keys", {"Keys": "" if event.secret else event.pressed, "Secret": yes_no(event.secret)}
        case StateEntered():
            return "State", {"State": event.name}
        case Trouble():
            return "Trouble", {"Trouble": event.kind.value, "Message": event.text}
        case Error():
            return "Error", {"Message": event.message}
    return None


def _stretch(name: str, is_on: bool, lasted_ms: int) -> dict[str, str]:
    return {name: "begun"} if is_on else {name: "ended", "LastedMs": str(lasted_ms)}


def _tool_call(event: ToolCall, timeout_ms: int) -> Headers:
    by_program = event.run is ToolRun.AMI and event.place is not None
    return {
        "ToolCallID": event.id,
        "ToolName": event.name,
        "Parameters": event.parameters,
        "Run": event.run.value,
        "Runner": event.place or "" if by_program else "",
        "Schema": event.schema or "" if by_program else "",
        "TimeoutMs": str(timeout_ms),
    }


def _end(event: Ended, figures: Figures) -> Headers:
    stats = figures.stats
    return {
        "Status": event.status.value,
        "Reason": event.reason,
        "Transfer": event.transfer[0] if event.transfer else "",
        "CloseCode": str(event.close_code or 0),
        "DurationMs": str(figures.duration_ms),
        "Attempts": str(stats.attempts),
        "Reconnects": str(stats.reopenings),
        "FramesReceived": str(figures.frames_received),
        "FramesPlayed": str(figures.frames_written),
        "FramesLost": str(figures.frames_lost),
        "ChunksSent": str(stats.uplink_chunks_sent),
        "ChunksReceived": str(stats.downlink_chunks),
        "UplinkLevel": f"{stats.uplink_dbfs:.1f}",
        "DownlinkLevel": f"{stats.downlink_dbfs:.1f}",
        "Interruptions": str(stats.interruptions),
        "Underruns": str(figures.underruns),
        "GapMs": str(figures.gap_ms),
        "PlayoutDelayMs": str(figures.delay_ms),
        "ConnectMs": str(stats.connected_us // 1000),
        "ReadyMs": str(stats.ready_us // 1000),
        "FirstAudioMs": str(stats.first_audio_us // 1000),
        "Answers": str(stats.answers),
        "AnswerMs": str(stats.answer_ms // stats.answers if stats.answers else 0),
        "SlowestAnswerMs": str(stats.slowest_answer_ms),
        "AnswersMissed": str(stats.answers_missed),
        "EchoDelayMs": str(stats.echo.delay_ms),
        "EchoReturnDb": f"{stats.echo.return_db:.1f}",
        "EchoOpenings": str(stats.echo.openings),
        "Pauses": str(stats.pauses),
        "PausesWithdrawn": str(stats.pauses_withdrawn),
        "InputTokens": str(stats.input_tokens),
        "OutputTokens": str(stats.output_tokens),
        **_opened("SignedUrl", stats.setup.http, "ReplyMs"),
        **_opened("", stats.setup.websocket, "UpgradeMs"),
        "TlsResumed": yes_no(stats.setup.websocket.tls_resumed),
        "MetadataMs": _ms(stats.setup.metadata_us),
    }


def _opened(prefix: str, times: OpenTimes, reply: str) -> Headers:
    return {
        f"{prefix}DnsMs": _ms(times.dns_us),
        f"{prefix}TcpMs": _ms(times.tcp_us),
        f"{prefix}TlsMs": _ms(times.tls_us),
        f"{prefix}{reply}": _ms(times.reply_us),
    }


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.3f}"
