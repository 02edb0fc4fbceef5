"""Caller audio that goes straight back to the caller."""

from __future__ import annotations

import numpy as np
import soxr

from aiconvai.audio import decode, encode, format_rate


class EchoConverter:
    """Turns caller audio into agent audio without a seam between chunks."""

    def __init__(self, input_format: str, output_format: str) -> None:
        self._input_format = input_format
        self._output_format = output_format
        rates = format_rate(input_format), format_rate(output_format)
        self._resampler = soxr.ResampleStream(*rates, 1, dtype="int16", quality="LQ") if rates[0] != rates[1] else None

    def convert(self, data: bytes) -> bytes:
        """May be empty, or of other chunks' samples, because a resampler looks ahead."""
        samples = decode(data, self._input_format)
        if self._resampler is not None:
            samples = np.asarray(self._resampler.resample_chunk(samples), dtype=np.int16)
        return encode(samples, self._output_format)
