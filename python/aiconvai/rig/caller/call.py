"""One call: its SIP dialog and its audio, behind methods that block until what was asked has happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from aiconvai.audio import Samples, rms_dbfs
from aiconvai.rig.caller import sdp, sip, timeline
from aiconvai.rig.caller.codecs import TELEPHONE_EVENT_PAYLOAD_TYPE, Codec, codec_named
from aiconvai.rig.caller.rtp import NANOSECONDS, RtpPacket
from aiconvai.rig.caller.sip import SipError, SipMessage
from aiconvai.rig.caller.stream import MediaStream, Playback
from aiconvai.rig.caller.timeline import Placing

if TYPE_CHECKING:
    from aiconvai.rig.caller.caller import Caller

Hold = Literal["sendonly", "inactive", "no address"]
"""How the other side is put on hold: RFC 3264 section 8.4; without an address as RFC 2543 had it."""

_POLL_SECONDS = 0.005


class State(Enum):
    """Where a call stands."""

    CALLING = "calling"
    RINGING = "ringing"
    EARLY = "early media"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True)
class EndReason:
    """Why a call ended.

    by: "local" (we hung up or cancelled), "remote" (the other side hung up or cancelled), "rejected" (a final
    response other than 2xx), "timeout" (no response at all).
    """

    by: Literal["local", "remote", "rejected", "timeout"]
    code: int | None = None
    phrase: str = ""
    cause: int | None = None
    """The Q.850 cause of the Reason header, if there was one."""


class CallFailed(SipError):
    """The call ended before what was waited for."""

    def __init__(self, text: str, reason: EndReason) -> None:
        super().__init__(text, reason.code)
        self.reason = reason


class Call:
    """Made by Caller.call or Caller.wait_incoming. Times are CLOCK_MONOTONIC seconds unless a name says
    otherwise.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        call_id: str,
        incoming: bool,
        local_address: str,
        remote_address: str,
        target: str,
        codecs: list[Codec],
        send_silence: bool,
        record: bool,
    ) -> None:
        self._caller = caller
        self.call_id = call_id
        self.incoming = incoming
        self.state = State.CALLING
        self.end_reason: EndReason | None = None
        self.local_address = local_address
        """Our From (or To) value, with the tag."""
        self.remote_address = remote_address
        """The other side's, with its tag once known."""
        self.target = target
        self.codecs = codecs
        self.invite: SipMessage | None = None
        """The INVITE that began the call."""
        self.responses: list[SipMessage] = []
        """Responses to our INVITEs, in order."""
        self.requests: list[SipMessage] = []
        """Requests of the other side within the call (BYE, re-INVITE, NOTIFY, INFO, ...), in order."""
        self.started = time.monotonic()
        self.answered: float | None = None
        self.ended: float | None = None
        self.stream = MediaStream(caller.host, caller.kernel_clock, send_silence=send_silence, record=record)
        self.description = sdp.LocalDescription(caller.host, self.stream.socket.port)
        self.direction: sdp.Direction = "sendrecv"
        self.refer_status: list[int] = []
        self.local_cseq = 0
        for one in codecs:
            self.stream.expect(one.payload_type, one)
        self.stream.expect_events(TELEPHONE_EVENT_PAYLOAD_TYPE)

    # Signalling -----------------------------------------------------------------------------------

    def wait_answered(self, timeout: float = 10.0) -> Call:
        """Wait for the answer; raises CallFailed when the call ends instead, TimeoutError after timeout
        seconds.
        """
        return self._wait_state(timeout, "answered", State.ANSWERED)

    def wait_early_media(self, timeout: float = 10.0) -> Call:
        """Wait for a provisional response with a session description (or the answer)."""
        return self._wait_state(timeout, "in early media", State.EARLY, State.ANSWERED)

    def wait_ringing(self, timeout: float = 10.0) -> Call:
        """Wait for ringing, or anything further."""
        return self._wait_state(timeout, "ringing", State.RINGING, State.EARLY, State.ANSWERED)

    def wait_ended(self, timeout: float = 10.0) -> EndReason:
        """Wait for the end, whoever brings it about."""
        self._caller.wait(lambda: self.end_reason is not None, timeout, lambda: f"{self}: not ended")
        assert self.end_reason is not None
        return self.end_reason

    @property
    def alive(self) -> bool:
        """Whether the call has not ended."""
        return self.end_reason is None

    def hangup(self, timeout: float = 5.0) -> EndReason:
        """BYE, CANCEL or a rejection, whatever fits; returns when the other side has confirmed. Harmless
        when ended.
        """
        return self._caller.hang_up(self, timeout)

    def ring(self) -> None:
        """Answer an incoming call's INVITE with 180."""
        self._caller.respond_provisional(self, 180, "Ringing", with_media=False)

    def progress(self) -> None:
        """Answer an incoming call's INVITE with 183 and a session description: early media."""
        self._caller.respond_provisional(self, 183, "Session Progress", with_media=True)

    def answer(self, timeout: float = 5.0) -> Call:
        """Accept an incoming call; returns when the other side has acknowledged."""
        self._caller.answer(self, timeout)
        return self

    def reject(self, code: int = 486, phrase: str = "Busy Here") -> None:
        """Refuse an incoming call."""
        self._caller.reject(self, code, phrase)

    def hold(self, how: Hold = "sendonly", *, music: bool = False, timeout: float = 5.0) -> None:
        """re-INVITE with that direction, or without an address, and send no more audio but for what is played as
        `music`.
        """
        direction: sdp.Direction = "sendrecv" if how == "no address" else how
        self._caller.reinvite(self, self.codecs, direction, timeout, nowhere=how == "no address")
        self.stream.paused = not music

    def unhold(self, timeout: float = 5.0) -> None:
        """re-INVITE with sendrecv, and send again."""
        self._caller.reinvite(self, self.codecs, "sendrecv", timeout)
        self.stream.paused = False

    def reinvite(self, codec_name: str | None = None, timeout: float = 5.0) -> None:
        """re-INVITE, offering that codec alone; without one, a refresh with what is in use."""
        codecs = [codec_named(codec_name)] if codec_name else self.codecs
        self._caller.reinvite(self, codecs, self.direction, timeout)

    def transfer_blind(self, extension: str, timeout: float = 10.0) -> None:
        """REFER to an extension, and hang up once that is reported done.

        Raises SipError when the transfer is reported failed.
        """
        self._caller.refer(self, f"<sip:{extension}@{self._remote_host()}>", timeout)

    def transfer_attended(self, other: Call, timeout: float = 10.0) -> None:
        """REFER with Replaces: connect this call's other party with that of `other`, hang this one up, and wait until
        `other` is hung up by who was called (RFC 5589, 7): Asterisk reports the transfer before it has made it, and
        would take a BYE in between for the hang-up of whoever is put through.

        Both must be answered calls of one Caller. Raises SipError when the transfer is reported failed.
        """
        their_tag, our_tag = sip.tag_of(other.remote_address), sip.tag_of(other.local_address)
        if their_tag is None or our_tag is None:
            raise SipError(f"{other}: not established, so it cannot be transferred to")
        replaces = quote(f"{other.call_id};to-tag={their_tag};from-tag={our_tag}", safe="")
        self._caller.refer(self, f"<{sip.uri_of(other.remote_address)}?Replaces={replaces}>", timeout)
        other.wait_ended(timeout)

    def send_request(
        self, method: str, headers: Mapping[str, str] | None = None, body: str = "", timeout: float = 5.0
    ) -> SipMessage:
        """Any other request within the call, e.g. INFO or OPTIONS; returns the final response, whatever its
        code.
        """
        return self._caller.request_in_call(self, method, dict(headers or {}), body, timeout)

    # What it plays --------------------------------------------------------------------------------

    @property
    def codec(self) -> Codec:
        """The codec in use."""
        return self.stream.codec

    @property
    def sample_rate(self) -> int:
        """Samples a second of the codec in use."""
        return self.stream.codec.rate

    def play(self, samples: Samples, rate: int | None = None) -> Playback:
        """Queue samples for sending; rate is theirs if it is not the call's. Returns at once."""
        return self.stream.play(samples, rate)

    def fall_silent(self) -> None:
        """Drop what is queued."""
        self.stream.fall_silent()

    def send_dtmf(self, keys: str, duration_ms: int = 100, pause_ms: int = 100, timeout: float = 30.0) -> None:
        """Press keys (RFC 4733), behind what is queued; returns when they are sent."""
        if not self.stream.send_keys(keys, duration_ms, pause_ms).wait(timeout):
            raise TimeoutError(f"{self}: keys {keys!r} not sent within {timeout} s")

    # What it hears --------------------------------------------------------------------------------

    @property
    def heard(self) -> list[RtpPacket]:
        """Audio packets heard so far."""
        return [packet for packet, _ in self.stream.heard]

    @property
    def sent(self) -> list[RtpPacket]:
        """Audio packets sent so far."""
        return [packet for packet, _ in self.stream.sent]

    def heard_samples(
        self,
        fill_gaps: bool = True,
        *,
        by: Placing = "timestamp",
        rate: int | None = None,
        origin: float | None = None,
    ) -> Samples:
        """What was heard, as samples at `rate` (default: that of the call's first codec).

        fill_gaps: on a time axis that begins at `origin` (default: the first packet), silence where nothing
        came; packets placed by their RTP timestamp or by arrival. Otherwise only the packets' samples, one
        after another.
        """
        return self._samples(self.stream.decoded_heard(), fill_gaps, by, rate, origin)

    def sent_timeline(self, *, rate: int | None = None, origin: float | None = None) -> Samples:
        """What was sent, on a time axis that begins at `origin` (default: the first packet sent)."""
        return self._samples(self.stream.decoded_sent(), True, "timestamp", rate, origin)

    def heard_spacing_ms(self) -> npt.NDArray[np.float64]:
        """Milliseconds between arrivals (the kernel's times) of audio packets adjacent in sequence."""
        return timeline.spacing_ms(self.heard)

    def sent_spacing_ms(self) -> npt.NDArray[np.float64]:
        """The same of what we sent: how far this machine kept its own clock, and so whether a measurement
        counts.
        """
        return timeline.spacing_ms(self.sent)

    def lost(self) -> int:
        """Audio and DTMF packets missing from the sequence numbers heard."""
        packets = [*self.heard, *self.stream.heard_events]
        return timeline.lost(sorted(packets, key=lambda packet: packet.time_ns))

    @property
    def dtmf_heard(self) -> str:
        """Keys heard so far as RFC 4733 events."""
        return self.stream.keys()

    def wait_dtmf(self, keys: str, timeout: float = 10.0) -> None:
        """Wait until exactly these keys have been heard."""
        with self.stream.keys_changed:
            if not self.stream.keys_changed.wait_for(lambda: self.stream.keys() == keys, timeout):
                raise TimeoutError(f"{self}: heard keys {self.stream.keys()!r}, not {keys!r}, within {timeout} s")

    def wait_heard(self, packets: int = 1, timeout: float = 10.0, *, since: float = 0.0) -> None:
        """Wait until so many audio packets have arrived after `since`."""
        since_ns = int(since * NANOSECONDS)
        first = 0

        def enough() -> bool:
            nonlocal first
            while first < len(self.stream.heard) and self.stream.heard[first][0].time_ns < since_ns:
                first += 1
            return len(self.stream.heard) - first >= packets

        self._poll(enough, timeout, f"fewer than {packets} packets heard")

    def wait_for_sound(self, level_dbfs: float = -45.0, timeout: float = 10.0, *, since: float = 0.0) -> float:
        """The arrival time of the first packet after `since` that is at least that loud."""
        return self._wait_packet(lambda level: level >= level_dbfs, 1, timeout, since, f"no sound of {level_dbfs} dBFS")

    def wait_for_silence(
        self, level_dbfs: float = -45.0, duration_ms: int = 200, timeout: float = 10.0, *, since: float = 0.0
    ) -> float:
        """When a stretch of that length (in packets) below the level began, or nothing at all arrived for
        so long.
        """
        return self._wait_packet(
            lambda level: level < level_dbfs,
            duration_ms // 20,
            timeout,
            since,
            f"no silence of {duration_ms} ms",
        )

    def recording(self, path: Path | str) -> None:
        """Write a stereo WAV file on one time axis: left what was sent, right what was heard."""
        self.stream.write_recording(path)

    # Inside ---------------------------------------------------------------------------------------

    def __str__(self) -> str:
        peer = sip.user_of(self.remote_address) or self.remote_address
        return f"call {'from' if self.incoming else 'to'} {peer} ({self.state.value})"

    def _remote_host(self) -> str:
        host, port = sip.host_port_of(self.target)
        return f"{host}:{port}"

    def _wait_state(self, timeout: float, what: str, *states: State) -> Call:
        def reached() -> bool:
            # A call may be answered and over before this thread gets to look.
            return self.state in states or (State.ANSWERED in states and self.answered is not None)

        self._caller.wait(lambda: reached() or not self.alive, timeout, lambda: f"{self}: not {what}")
        if self.end_reason is not None and not reached():
            raise CallFailed(f"{self}: ended instead of being {what}: {self.end_reason}", self.end_reason)
        return self

    def _poll(self, condition: Callable[[], bool], timeout: float, problem: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self}: {problem} within {timeout} s; {len(self.stream.heard)} packets so far")
            if not self.alive:
                raise TimeoutError(f"{self}: {problem} before the call ended ({self.end_reason})")
            time.sleep(_POLL_SECONDS)

    def _wait_packet(
        self, wanted: Callable[[float], bool], packets: int, timeout: float, since: float, problem: str
    ) -> float:
        looked = 0
        run: list[int] = []
        since_ns = int(since * NANOSECONDS)

        def found() -> bool:
            nonlocal looked, run
            for packet, _, samples in self.stream.decoded_heard(looked):
                looked += 1
                if packet.time_ns < since_ns:
                    continue
                run = [*run, packet.time_ns] if wanted(rms_dbfs(samples)) else []
                if len(run) >= packets:
                    return True
            return False

        def found_or_quiet() -> bool:
            # What waits in the socket was not silence: this process may have stood still.
            now_ns = time.monotonic_ns()
            self.stream.read()
            if found():
                return True
            last = self.stream.heard[-1][0].time_ns if self.stream.heard else since_ns
            quiet_ns = now_ns - max(last, since_ns)
            if packets > 1 and quiet_ns > packets * 20_000_000:
                run[:] = run or [last]
                return True
            return False

        self._poll(found_or_quiet if packets > 1 else found, timeout, problem)
        return run[0] / NANOSECONDS

    def _samples(
        self,
        decoded: list[tuple[RtpPacket, Codec, Samples]],
        fill_gaps: bool,
        by: Placing,
        rate: int | None,
        origin: float | None,
    ) -> Samples:
        if not decoded:
            return np.zeros(0, dtype=np.int16)
        rate = rate or decoded[0][1].rate
        origin_ns = decoded[0][0].time_ns if origin is None else int(origin * NANOSECONDS)
        placed = timeline.place(decoded, rate, origin_ns, by)
        if fill_gaps:
            return timeline.render(placed)
        return np.concatenate([one.samples for one in placed])
