"""Faults inside Asterisk: what its dialplan, its channels and its operators do to a call."""

from __future__ import annotations

from faults.fault import Fault

_GONE = "nothing any more; the service is told at once"
_BOTH = "the agent as before, and the agent the caller"

ASTERISK_FAULTS: tuple[Fault, ...] = (
    # Hang-up
    Fault("asterisk.hangup-before-answer", "the caller gives up before the answer", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-connecting", "the caller hangs up while it connects", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-at-metadata", "the caller hangs up before the service announces it", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-agent-speaks", "the caller hangs up while the agent speaks", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-caller-speaks", "the caller hangs up while speaking", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-music", "the caller hangs up while music bridges the set-up", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-at-end", "the caller hangs up while the last words are played", _GONE, "COMPLETED"),
    Fault(
        "asterisk.hangup-as-service-ends",
        "caller and service end in the same moment",
        _GONE,
        "CALLER_HANGUP, COMPLETED or LOST",
    ),
    Fault("asterisk.hangup-twenty", "twenty callers give up at once", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-in-subroutine", "the caller hangs up in a tool's subroutine", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-by-subroutine", "a tool's subroutine hangs up", _GONE, "CALLER_HANGUP"),
    Fault("asterisk.hangup-reopening", "the caller hangs up while a lost connection is opened again", _GONE,
          "CALLER_HANGUP"),
    Fault("asterisk.ends-while-ringing", "the conversation ends by any side while a person is rung for a transfer",
          "the person's telephone stops ringing", "by who ended it"),
    # Sent elsewhere
    Fault("asterisk.attended-transfer", "an attended transfer connects a caller with the agent", _BOTH, "-"),
    Fault("asterisk.blind-transfer", "the other party of a bridge transfers the caller", _BOTH, "-"),
    Fault("asterisk.blind-transfer-leaves", "the caller puts the other party through and leaves",
          "nothing any more; the other party is where it was sent", "CALLER_HANGUP"),
    Fault("asterisk.masquerade", "a redirect makes the call another channel (masquerade)", _BOTH, "-"),
    Fault("asterisk.masquerade-after-end", "two calls whose conversations have ended are masqueraded into a bridge",
          "the other party; no agent comes back", "COMPLETED"),
    Fault("asterisk.redirect", "a manager redirects the call while the agent speaks",
          "what the new extension plays, the agent no more", "COMPLETED"),
    Fault("asterisk.redirect-in-tool", "a manager redirects the call in a tool's subroutine",
          "what the new extension plays", "COMPLETED"),
    Fault("asterisk.bridge-background", "a call with an agent in the background is bridged, natively where it may be",
          "the other party; the agent hears the caller", "-"),
    Fault("asterisk.unbridge", "the bridge of a call with an agent in the background is destroyed",
          "the agent, with nobody else", "-"),
    Fault("asterisk.bridge-foreground", "a manager bridges a call away from the application in the foreground",
          "the other party", "CALLER_HANGUP"),
    Fault("asterisk.park", "a call with an agent in the background is parked and fetched again", _BOTH, "-"),
    Fault("asterisk.pickup", "a colleague picks up, from another extension, a call with an agent in the background",
          _BOTH, "-"),
    Fault("asterisk.hold", "the caller holds while the agent speaks", "the rest of the turn after the hold", "-"),
    Fault("asterisk.transfer-out-of-hold", "an attended transfer ends a hold", _BOTH, "-"),
    Fault("asterisk.end-during-hold", "the agent ends a call that is on hold", "what the dialplan goes on with",
          "COMPLETED"),
    # Others who send to the caller
    Fault("asterisk.music", "MusicOnHold, Queue or Dial with music plays behind an agent in the background",
          "the agent alone while it speaks, the music between", "-"),
    Fault("asterisk.music-in-tool", "MusicOnHold in a tool's subroutine", "the agent alone while it speaks, the music "
          "between", "-"),
    Fault("asterisk.music-before", "music that began before the agent", "the music until the agent speaks", "-"),
    Fault("asterisk.transmit-silence", "Wait() sends silence (transmit_silence)", _BOTH, "-"),
    Fault("asterisk.generators", "Playtones, Milliwatt, SayDigits or Playback behind an agent in the background",
          "the agent while it speaks", "-"),
    Fault("asterisk.jitter-buffer", "a jitter buffer is put on the call", _BOTH, "-"),
    # The dialplan's switches, Local channels
    Fault("asterisk.slow-switch", "a switch takes seconds to find the extension of a transfer",
          "other calls: nothing of it", "-"),
    Fault("asterisk.local-optimised", "a Local channel in front of the agent is optimised away", _BOTH, "-"),
    Fault("asterisk.local-kept", "a Local channel with /n and no caller behind it", "a recording gets the agent whole",
          "-"),
    Fault("asterisk.agents-on-both-ends", "agents on both ends of eight Local channels talk at once",
          "each other; other calls: nothing of it", "-"),
    # Media
    Fault("asterisk.reinvite-codec", "re-INVITE with another codec", _BOTH, "-"),
    Fault("asterisk.reinvite-direction", "re-INVITE with another direction or address 0.0.0.0",
          "the rest of the turn after it", "-"),
    Fault("asterisk.rtp-other-source", "RTP from another source, with other numbers", _BOTH, "-"),
    Fault("asterisk.no-rtp", "no RTP at all from the caller", "the agent; the log says what is missing", "COMPLETED"),
    Fault("asterisk.rtp-lost", "RTP lost, doubled, overtaken", "the agent; it hears silence for what is missing", "-"),
    Fault("asterisk.keys-40-ms", "telephone keys of 40 ms, 40 ms apart", "the agent, who is told each key once", "-"),
    # Operators
    Fault("asterisk.module-reload", "the module is reloaded during a call", _BOTH, "-"),
    Fault("asterisk.module-reload-mistake", "a reload of a configuration with a mistake",
          "new calls: the agent as configured before", "-"),
    Fault("asterisk.module-unload", "`module unload` during a call: refused", _BOTH, "-"),
    Fault("asterisk.module-unload-forced", "`module unload -f` during a call", "the end of the call", "CALLER_HANGUP"),
    Fault("asterisk.other-version", "a module built for another Asterisk is not loaded", "no agent", "-"),
    Fault("asterisk.operators", "reloads, refused unloads and rotated logs in a loop under 20 calls",
          "the agent; nobody else a gap", "-"),
    Fault("asterisk.thousand-calls", "1,000 calls at 50 a second, each of half a second", "other calls: no gap",
          "CALLER_HANGUP"),
    # Short of something
    Fault("asterisk.write-blocks", "a channel that blocks in write", "other calls: nothing of it", "-"),
    Fault("asterisk.engine-allocation-fails", "allocations of the engine fail in turn, and all from there on",
          "the end of that call at the worst", "LOST"),
)
