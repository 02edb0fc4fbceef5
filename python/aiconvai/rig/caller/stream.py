"""One call's audio: what is queued goes out every 20 ms, what comes in is kept with its arrival times."""

from __future__ import annotations

import secrets
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from aiconvai.audio import Samples, resample, write_wav
from aiconvai.rig.caller import rtp, timeline
from aiconvai.rig.caller.codecs import PACKET_MS, TELEPHONE_EVENT_RATE, Codec, Encoder
from aiconvai.rig.caller.rtp import NANOSECONDS, KernelClock, RtpPacket, RtpSocket
from aiconvai.rig.caller.sdp import RemoteMedia

DTMF_KEYS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_EVENT_VOLUME = 10
_EVENT_END_REPEATS = 3
_LEAST_TO_PLAY = 3
_MOST_TO_PLAY = 10
"""Packets: a telephone's jitter buffer, and from when on it is too far behind and leaves some out."""


def _whole(packet: bytes) -> Iterable[bytes]:
    return (packet,)


class Playback:
    """Samples on their way out. `samples` are at `rate`; both change if the call changes its codec
    meanwhile.
    """

    def __init__(self, samples: Samples, rate: int) -> None:
        self.samples = samples
        self.rate = rate
        self.position = 0
        self.started_ns: int | None = None
        """CLOCK_MONOTONIC nanoseconds at which the first sample stood on the wire, once it has."""
        self._done = threading.Event()

    @property
    def done(self) -> bool:
        """Whether all of it has been sent, or it was dropped."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all of it is sent; raises TimeoutError after timeout seconds (default: its length and
        5 s).
        """
        limit = timeout if timeout is not None else len(self.samples) / self.rate + 5.0
        if not self._done.wait(limit):
            raise TimeoutError(f"{self.position} of {len(self.samples)} samples sent within {limit:.1f} s")

    def finish(self) -> None:
        """Mark it as sent or dropped."""
        self._done.set()


class _Key:
    """One DTMF key: packets for its duration, three ends, then a pause before the next."""

    def __init__(self, event: int, packets: int, pause: int) -> None:
        self.event = event
        self.packets = packets
        self.pause = pause
        self.sent = 0
        self.timestamp = 0
        self.done = threading.Event()


class MediaStream:
    """Sends and receives one call's RTP. `tick` belongs to the media clock; `read` is for every thread."""

    def __init__(self, host: str, clock: KernelClock, *, send_silence: bool, record: bool) -> None:
        self.socket = RtpSocket(host, clock)
        self.heard: list[tuple[RtpPacket, Codec]] = []
        self.sent: list[tuple[RtpPacket, Codec]] = []
        self.heard_events: list[RtpPacket] = []
        self.unknown_packets = 0
        self.send_silence = send_silence
        self.record = record
        self.paused = False
        self.network: Callable[[bytes], Iterable[bytes]] = _whole
        """What leaves in the place of each packet: a network may lose some, and let others overtake them."""
        self.microphone: Callable[[Samples, Samples], Samples] | None = None
        """What leaves where the one is said and the other is heard, 20 ms at the codec's rate: a telephone may send
        back what its loudspeaker says. Called by the media clock. None: what is said.
        """
        self._played_packets = 0
        self._to_play: deque[Samples] = deque()
        self._plays = False
        self.first_codec: Codec | None = None
        self._lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._closed = False
        self._remote: RemoteMedia | None = None
        self._codec: Codec | None = None
        self._payload_type = 0
        self._encoder: Encoder | None = None
        self._known_types: dict[int, Codec] = {}
        self._event_types: set[int] = set()
        self._queue: deque[Playback | _Key] = deque()
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbits(15)
        self._timestamp = secrets.randbits(31)
        self._talking = False
        self._heard_decoder = timeline.PacketDecoder()
        self._sent_decoder = timeline.PacketDecoder()
        self._decode_lock = threading.Lock()
        self._keys = ""
        self._key_timestamps: set[tuple[int, int]] = set()
        self.keys_changed = threading.Condition()

    @property
    def codec(self) -> Codec:
        """The codec in use; raises RuntimeError before anything is agreed."""
        if self._codec is None:
            raise RuntimeError("no codec is agreed yet: wait for the answer or for early media")
        return self._codec

    def negotiate(self, remote: RemoteMedia, codec: Codec, payload_type: int) -> None:
        """Use what offer and answer agreed on, from the next packet on."""
        with self._lock:
            self._remote = remote
            self._known_types.update(remote.codecs)
            self._known_types[payload_type] = codec
            if remote.telephone_event is not None:
                self._event_types.add(remote.telephone_event)
            self._payload_type = payload_type
            if codec is self._codec:
                return
            for item in self._queue:
                if isinstance(item, Playback) and item.rate != codec.rate:
                    item.position = round(item.position * codec.rate / item.rate)
                    item.samples = resample(item.samples, item.rate, codec.rate)
                    item.rate = codec.rate
            self._codec = codec
            self.first_codec = self.first_codec or codec
            self._encoder = codec.make_encoder()

    def expect(self, payload_type: int, codec: Codec) -> None:
        """Understand packets of this type: offered by us, they may come before the answer does."""
        self._known_types[payload_type] = codec

    def expect_events(self, payload_type: int) -> None:
        """Understand DTMF packets of this type."""
        self._event_types.add(payload_type)

    def play(self, samples: Samples, rate: int | None) -> Playback:
        """Queue samples behind what is queued already; rate defaults to the codec's."""
        codec = self.codec
        array = np.asarray(samples, dtype=np.int16)
        playback = Playback(resample(array, rate or codec.rate, codec.rate), codec.rate)
        if not len(playback.samples):
            playback.finish()
            return playback
        with self._lock:
            self._queue.append(playback)
        return playback

    def fall_silent(self) -> None:
        """Drop what is queued."""
        with self._lock:
            for item in self._queue:
                item.finish() if isinstance(item, Playback) else item.done.set()
            self._queue.clear()

    def send_keys(self, keys: str, duration_ms: int, pause_ms: int) -> threading.Event:
        """Queue DTMF keys as RFC 4733 events; the event is set when the last pause is over."""
        unknown = [key for key in keys if key.upper() not in DTMF_KEYS]
        if unknown or not keys:
            raise ValueError(f"not DTMF keys: {keys!r}; use {DTMF_KEYS}")
        queued = [
            _Key(DTMF_KEYS.index(key.upper()), max(1, duration_ms // PACKET_MS), max(1, pause_ms // PACKET_MS))
            for key in keys
        ]
        with self._lock:
            self._queue.extend(queued)
        return queued[-1].done

    def begin_anew(self, behind: int) -> None:
        """Go on as another source, whose packets are numbered from so far behind what was sent last."""
        with self._lock:
            self._ssrc = secrets.randbits(32)
            self._sequence = (self._sequence - behind) & 0xFFFF
            self._timestamp = (self._timestamp + (1 << 30)) & 0xFFFFFFFF

    def close(self) -> None:
        """Stop sending and receiving; what was recorded stays readable."""
        with self._lock:
            self._closed = True
            self.socket.close()
        self.fall_silent()

    # The media clock's side -----------------------------------------------------------------------

    def tick(self) -> bool:
        """Send what is due now. False once closed."""
        with self._lock:
            if self._closed:
                return False
            codec, remote = self._codec, self._remote
            if codec is None or remote is None or self.paused or remote.direction in ("sendonly", "inactive"):
                self._talking = False
            elif self._queue and isinstance(self._queue[0], _Key):
                self._send_key(self._queue[0], codec, remote)
            else:
                self._send_audio(codec, remote)
            if codec is not None:
                self._timestamp += codec.ticks_per_packet
            return True

    def _send_audio(self, codec: Codec, remote: RemoteMedia) -> None:
        assert self._encoder is not None
        wanted = codec.samples_per_packet
        parts: list[Samples] = []
        started: list[tuple[Playback, int]] = []
        finished: list[Playback] = []
        filled = 0
        while filled < wanted and self._queue and isinstance(item := self._queue[0], Playback):
            if item.position == 0:
                started.append((item, filled))
            part = item.samples[item.position : item.position + wanted - filled]
            parts.append(part)
            filled += len(part)
            item.position += len(part)
            if item.position >= len(item.samples):
                self._queue.popleft()
                finished.append(item)
        if not filled and not self.send_silence:
            self._talking = False
            return
        parts.append(np.zeros(wanted - filled, dtype=np.int16))
        said = np.concatenate(parts)
        if self.microphone is not None:
            said = self.microphone(said, self._loudspeaker(wanted))
        payload = self._encoder(said)
        time_ns = self._send(payload, self._payload_type, self._timestamp, not self._talking, remote, codec)
        self._talking = True
        for item, offset in started:
            item.started_ns = time_ns + offset * NANOSECONDS // codec.rate
        for item in finished:
            item.finish()

    def _loudspeaker(self, wanted: int) -> Samples:
        """The next samples of what is heard, silence where nothing has come."""
        came = self.decoded_heard(self._played_packets)
        self._played_packets += len(came)
        self._to_play.extend(samples for _, _, samples in came)
        while len(self._to_play) > _MOST_TO_PLAY:
            self._to_play.popleft()
        # Packets come a little early and late: what begins is played once some are there.
        self._plays = bool(self._to_play) and (self._plays or len(self._to_play) >= _LEAST_TO_PLAY)
        samples = self._to_play.popleft()[:wanted] if self._plays else np.zeros(0, dtype=np.int16)
        played: Samples = np.concatenate([samples, np.zeros(wanted - len(samples), dtype=np.int16)])
        return played

    def _send_key(self, key: _Key, codec: Codec, remote: RemoteMedia) -> None:
        event_type = remote.telephone_event
        if event_type is not None and key.sent < key.packets:
            if key.sent == 0:
                key.timestamp = self._timestamp
            last = key.sent == key.packets - 1
            duration = (key.sent + 1) * PACKET_MS * TELEPHONE_EVENT_RATE // 1000
            flags = _EVENT_VOLUME | (0x80 if last else 0)
            payload = _EVENT.pack(key.event, flags, duration)
            for _ in range(_EVENT_END_REPEATS if last else 1):
                self._send(payload, event_type, key.timestamp, key.sent == 0, remote, None)
            key.sent += 1
            return
        key.sent += 1
        if key.sent > key.packets + key.pause:
            self._queue.popleft()
            key.done.set()
        elif self.send_silence and self._encoder is not None:
            silence = self._encoder(np.zeros(codec.samples_per_packet, dtype=np.int16))
            self._send(silence, self._payload_type, self._timestamp, False, remote, codec)

    def _send(
        self,
        payload: bytes,
        payload_type: int,
        timestamp: int,
        marker: bool,
        remote: RemoteMedia,
        codec: Codec | None,
    ) -> int:
        data = rtp.encode(self._sequence, timestamp, marker, payload_type, self._ssrc, payload)
        time_ns = time.monotonic_ns()
        # Before it leaves: whoever has seen it arrive finds it here.
        if codec is not None:
            kept = payload if self.record else b""
            packet = RtpPacket(time_ns, self._sequence, timestamp, marker, payload_type, self._ssrc, kept)
            self.sent.append((packet, codec))
        for passed in self.network(data):
            self.socket.send(passed, (remote.host, remote.port))
        self._sequence = (self._sequence + 1) & 0xFFFF
        return time_ns

    # The receiving side ---------------------------------------------------------------------------

    def read(self) -> None:
        """Take in what has arrived."""
        with self._read_lock:
            for packet in self.socket.receive():
                if packet.payload_type in self._event_types:
                    self._take_event(packet)
                elif (codec := self._known_types.get(packet.payload_type)) is not None:
                    self.heard.append((packet if self.record else packet._replace(payload=b""), codec))
                else:
                    self.unknown_packets += 1

    def keys(self) -> str:
        """DTMF keys heard so far."""
        return self._keys

    def _take_event(self, packet: RtpPacket) -> None:
        self.heard_events.append(packet)
        if len(packet.payload) < _EVENT.size:
            return
        event = packet.payload[0]
        identity = (packet.ssrc, packet.timestamp)
        if event < len(DTMF_KEYS) and identity not in self._key_timestamps:
            with self.keys_changed:
                self._key_timestamps.add(identity)
                self._keys += DTMF_KEYS[event]
                self.keys_changed.notify_all()

    # What was recorded ----------------------------------------------------------------------------

    def decoded_heard(self, first: int = 0) -> list[tuple[RtpPacket, Codec, Samples]]:
        """Heard packets and their samples, in order of arrival, from packet number `first` on."""
        self._check_recorded()
        with self._decode_lock:
            self._heard_decoder.extend(self.heard)
            return self._heard_decoder.decoded[first:]

    def decoded_sent(self) -> list[tuple[RtpPacket, Codec, Samples]]:
        """Sent packets and the samples a perfect receiver gets from them."""
        self._check_recorded()
        with self._decode_lock:
            self._sent_decoder.extend(self.sent)
            return list(self._sent_decoder.decoded)

    def write_recording(self, path: Path | str) -> None:
        """A stereo WAV file on one time axis: left what was sent, right what was heard."""
        sent, heard = self.decoded_sent(), self.decoded_heard()
        if not sent and not heard:
            raise RuntimeError(f"{path}: nothing was sent or heard, so there is nothing to write")
        rate = max(one.rate for _, one, _ in (*sent, *heard))
        origin = min(packet.time_ns for packet, _, _ in (*sent[:1], *heard[:1]))
        left = timeline.render(timeline.place(sent, rate, origin, "timestamp"))
        right = timeline.render(timeline.place(heard, rate, origin, "timestamp"))
        stereo = np.zeros((max(len(left), len(right)), 2), dtype=np.int16)
        stereo[: len(left), 0] = left
        stereo[: len(right), 1] = right
        write_wav(path, stereo, rate)

    def _check_recorded(self) -> None:
        if not self.record:
            raise RuntimeError("the call was made with record=False: only packet times are kept")
