"""A SIP and RTP caller for tests: it calls, talks, listens with the kernel's clock, and measures."""

from aiconvai.caller.call import Call, CallFailed, EndReason, State
from aiconvai.caller.caller import Caller
from aiconvai.caller.correlation import Match, RoundTrip, find, similarity, tone_burst_round_trip
from aiconvai.caller.rtp import RtpPacket
from aiconvai.caller.sip import SipError, SipMessage
from aiconvai.caller.stream import Playback

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
