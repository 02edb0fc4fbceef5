"""The telephone lines of the benchmark: where callers sit, what with, and what lies between them and the PBX."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from aiconvai.rig.talk.telephone import Speakerphone, Telephone


@dataclass(frozen=True)
class Line:
    """One of them; `seed` of a call makes it another room of that kind."""

    name: str
    telephone: Telephone
    usual: bool = False
    """Whether it is a speakerphone as they usually are: the voice comes back 12 dB weaker, or more."""
    loss: float = 0.0
    """The share of the caller's packets that never arrive."""
    jump_ms: float = 0.0
    """By how much later the voice comes back from the middle of the call on."""
    jump_after_seconds: float = 12.0
    held_out: bool = False
    """Whether no number of the echo guard was chosen with it."""

    def microphone(self, seed: int) -> Speakerphone:
        """For one call."""
        telephone = replace(self.telephone, seed=seed)
        return Speakerphone(telephone, jump_ms=self.jump_ms, jump_after_seconds=self.jump_after_seconds)

    def network(self, seed: int) -> Callable[[bytes], Iterable[bytes]]:
        """What arrives of each packet."""
        rng = np.random.default_rng(seed)

        def passed(packet: bytes) -> Iterable[bytes]:
            return () if rng.random() < self.loss else (packet,)

        return passed


HEADSET = Line("headset", Telephone(return_loss_db=None))
QUIET = Line("quiet speakerphone, 20 dB weaker", Telephone(return_loss_db=20), usual=True)
USUAL = Line("usual speakerphone, 12 dB weaker after 180 ms", Telephone(), usual=True)
NEAR = Line("the same, after 60 ms", Telephone(delay_ms=60), usual=True)
FAR = Line("the same, after 400 ms", Telephone(delay_ms=400), usual=True)
LARGE_ROOM = Line("the same, in a large room", Telephone(reverberation_seconds=0.6), usual=True)
LOSSY = Line("the same, 2 % of the packets lost", Telephone(), usual=True, loss=0.02, held_out=True)
JUMPING = Line("the same, 60 ms later in mid call", Telephone(), usual=True, jump_ms=60, held_out=True)
LOUD = Line("loud speakerphone, 6 dB weaker", Telephone(return_loss_db=6))
DISTORTED = Line("overdriven loudspeaker", Telephone(drive=0.4))
NOISY = Line("noisy line, -45 dBFS, 12 dB weaker", Telephone(noise_dbfs=-45), held_out=True)
LINES = (HEADSET, QUIET, USUAL, NEAR, FAR, LARGE_ROOM, LOSSY, JUMPING, LOUD, DISTORTED, NOISY)
