"""Whether what callers said reached the far end whole. No input or output here."""

from __future__ import annotations

from collections.abc import Sequence

from aiconvai.rig.bench.module_counters import Conversation

_FRAME_MS = 20
_LAST_FRAMES = 5
"""Of the last 100 ms of a call."""


def lost_frames(
    conversations: Sequence[Conversation], chunks_got: Sequence[int], chunk_ms: int, *, behind_frames: int = 0
) -> int:
    """Frames of 20 ms that the module took from callers and the far end did not get, or got twice.

    chunks_got: of each conversation at the far end, in any order; both have one entry for each. A conversation ends
    with a chunk in the making and with what came right before the end, which nobody waits for any more; and
    with `behind_frames` more.
    """
    frames_a_chunk = chunk_ms / _FRAME_MS
    sent, got = sorted(one.chunks_sent for one in conversations), sorted(chunks_got)
    on_the_way = sum(abs(there - here) for there, here in zip(sent, got, strict=True))
    unsent = _LAST_FRAMES + behind_frames
    kept = sum(max(0.0, one.frames_received - (one.chunks_sent + 1) * frames_a_chunk - unsent) for one in conversations)
    return round(on_the_way * frames_a_chunk + kept)
