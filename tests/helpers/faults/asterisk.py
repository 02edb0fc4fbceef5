"""Faults inside Asterisk: what its dialplan, its channels and its operators do to a call."""

from __future__ import annotations

from faults.fault import Fault

ASTERISK_FAULTS: tuple[Fault, ...] = (
    Fault(
        "asterisk.hangup-connecting",
        "the caller hangs up while the service is connected to, at every step",
        "nothing",
        "CALLER_HANGUP",
    ),
    Fault(
        "asterisk.hangup-talking",
        "the caller hangs up while the agent speaks, at its end, in a tool, or twenty do at once",
        "nothing",
        "CALLER_HANGUP",
    ),
    Fault(
        "asterisk.masquerade",
        "a masquerade while the agent speaks in the background",
        "the agent",
        "-",
    ),
    Fault(
        "asterisk.transferred",
        "an attended transfer, or a blind one, of a caller who talks with the agent",
        "the agent where it goes along, else the new place",
        "-",
    ),
    Fault(
        "asterisk.redirected",
        "a manager sends the call elsewhere, also in the middle of a tool",
        "the new place",
        "-",
    ),
    Fault(
        "asterisk.hold",
        "the caller holds and comes back, or is put on hold by the party of a bridge",
        "the agent, from where it was",
        "-",
    ),
    Fault(
        "asterisk.bridged",
        "the caller is bridged with somebody while the agent is in the background",
        "both",
        "-",
    ),
    Fault(
        "asterisk.generators",
        "music, tones and `transmit_silence` on the same channel",
        "the agent, and the music between its turns",
        "-",
    ),
    Fault(
        "asterisk.slow-switch",
        "a transfer into a context whose `switch` takes long",
        "that call waits; others: nothing of it",
        "-",
    ),
    Fault(
        "asterisk.local-channels",
        "agents on both halves of a Local channel; one half is held by somebody",
        "the other agent",
        "-",
    ),
    Fault(
        "asterisk.codec-changes",
        "a re-INVITE with another codec in the middle of a call",
        "the agent",
        "-",
    ),
    Fault(
        "asterisk.no-rtp",
        "no packet comes from the caller",
        "the agent; the log, AICONVAI_REASON and `show call` say why it hears nothing",
        "-",
    ),
    Fault(
        "asterisk.lossy-rtp",
        "packets lost, late, doubled, in bursts, of another source",
        "the agent, whole",
        "-",
    ),
    Fault(
        "asterisk.fast-keys",
        "keys of 40 ms with pauses of 40 ms",
        "the agent, which is told each key once",
        "-",
    ),
    Fault(
        "asterisk.jitter-buffer",
        "a jitter buffer put behind the agent, or set in a tool",
        "the agent, a second for a second",
        "-",
    ),
    Fault(
        "asterisk.reload",
        "`module reload` under calls, also of a configuration with a mistake",
        "the agent",
        "-",
    ),
    Fault(
        "asterisk.unload",
        "`module unload` under calls",
        "the agent; it is refused, or by force the call is hung up",
        "-",
    ),
    Fault(
        "asterisk.other-module",
        "the module of another version of Asterisk",
        "nothing of it: it is not loaded, and the log says why",
        "-",
    ),
    Fault(
        "asterisk.tool-forever",
        "a tool's subroutine that takes too long, or hangs up",
        "the agent, which is told so",
        "-",
    ),
    Fault(
        "asterisk.toll-fraud",
        "the agent transfers to places that are not listed, or presses more keys than it may",
        "the agent, which is told so",
        "-",
    ),
    Fault(
        "asterisk.forged-lines",
        "transcripts, tools, errors, reasons and ids with line breaks and control characters",
        "the agent; managers and the log get one line",
        "-",
    ),
    Fault(
        "asterisk.calls-enough",
        "more calls than `max_concurrent_calls`",
        "what the dialplan goes on with",
        "BUSY",
    ),
    Fault(
        "asterisk.calls-forever",
        "a call longer than `call_duration_limit_seconds`",
        "the agent to its last word or cut off, then the dialplan",
        "TIMEOUT",
    ),
)
