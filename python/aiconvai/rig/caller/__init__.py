"""A SIP and RTP caller for tests: it calls, talks, listens with the kernel's clock, and measures."""

from aiconvai.rig.caller.call import Call, CallFailed, EndReason, State
from aiconvai.rig.caller.caller import Caller
from aiconvai.rig.caller.correlation import Match, RoundTrip, find, similarity, tone_burst_round_trip
from aiconvai.rig.caller.rtp import RtpPacket
from aiconvai.rig.caller.sip import SipError, SipMessage
from aiconvai.rig.caller.stream import Playback

__all__ = [
    "Call",
    "CallFailed",
    "Caller",
    "EndReason",
    "Match",
    "Playback",
    "RoundTrip",
    "RtpPacket",
    "SipError",
    "SipMessage",
    "State",
    "find",
    "similarity",
    "tone_burst_round_trip",
]
