"""Speech recognition by Whisper, with the real model, and how long speech is cut."""

from __future__ import annotations

import asyncio
import difflib
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hibari import SAMPLE_RATE, Hibari

from aiconvai.audio import FULL_SCALE, Samples, resample, tone, ulaw_decode, ulaw_encode
from aiconvai.local.parts import LINE_RATE, PartError
from aiconvai.local.recognition.speech_audio import LONGEST_SECONDS, pieces
from aiconvai.local.recognition.whisper import WhisperRecognizer
from aiconvai.local.recognition.whisper_model import Heard, ends_with_repetition

SENTENCE = "I would like to book a table for four people tomorrow evening."
OTHER = "Please send the invoice to our office in London."
PAUSE = np.zeros(LINE_RATE // 2, np.int16)


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


@pytest.fixture(scope="module")
def spoken() -> Callable[[str], Samples]:
    """A voice, through a telephone's mu-law."""
    voice = Hibari()

    def say(text: str) -> Samples:
        samples = np.rint(voice(text, seed=1) * 0.5 * FULL_SCALE).astype(np.int16)
        return ulaw_decode(ulaw_encode(resample(samples, SAMPLE_RATE, LINE_RATE)))

    return say


@pytest.fixture(scope="module")
def whisper() -> Iterator[WhisperRecognizer]:
    """One with one thread. Its work belongs to no event loop, so the tests may have loops of their own."""
    recognizer = WhisperRecognizer(workers=1)
    asyncio.run(recognizer.open())
    yield recognizer
    asyncio.run(recognizer.close())


# Whisper -----------------------------------------------------------------------------------------------------


async def test_a_sentence(whisper: WhisperRecognizer, spoken: Callable[[str], Samples]) -> None:
    heard = await whisper.recognize(spoken(SENTENCE), None)
    assert words(heard) == words(SENTENCE)
    assert heard.endswith(".")


async def test_a_model_for_english_has_no_other_language(
    whisper: WhisperRecognizer, spoken: Callable[[str], Samples]
) -> None:
    assert words(await whisper.recognize(spoken(OTHER), "cs")) == words(OTHER)


async def test_nothing_is_heard_where_nobody_speaks(whisper: WhisperRecognizer) -> None:
    flat = np.random.default_rng(5).normal(0.0, 1.0, 4 * LINE_RATE)
    dtmf = (tone(697.0, 1.0, LINE_RATE) // 2 + tone(1209.0, 1.0, LINE_RATE) // 2).astype(np.int16)
    sounds = [np.zeros(3 * LINE_RATE, np.int16), tone(440.0, 2.0, LINE_RATE), dtmf]
    sounds += [(flat * 10.0 ** (dbfs / 20.0) * FULL_SCALE).astype(np.int16) for dbfs in (-60.0, -40.0, -25.0)]
    assert [await whisper.recognize(sound, None) for sound in sounds] == [""] * len(sounds)


async def test_less_than_a_word(whisper: WhisperRecognizer) -> None:
    assert await whisper.recognize(np.zeros(0, np.int16), None) == ""
    assert await whisper.recognize(np.full(700, 20_000, np.int16), None) == ""


LONG = (
    "I would like to book a table for four people tomorrow evening. Please send the invoice to our office in London. "
    "My suitcase was left in the train on Friday. The printer in the kitchen does not work any more. "
    "We moved to another street in the middle of summer. Can somebody repair the heating before winter begins? "
    "The doctor asked me to call again this afternoon. There is a large dog in front of the library. "
    "My brother plays the violin in an orchestra. Nobody told us that the bridge was closed. "
    "The children were looking for mushrooms in the forest. Our neighbour sells apples and honey at the market."
)


async def test_longer_than_the_window(whisper: WhisperRecognizer, spoken: Callable[[str], Samples]) -> None:
    sentences = LONG.replace("?", ".").split(". ")
    samples = np.concatenate([part for sentence in sentences for part in (spoken(sentence + "."), PAUSE)])
    assert samples.size > 31 * LINE_RATE
    heard, wanted = words(await whisper.recognize(samples, None)), words(LONG)
    same = difflib.SequenceMatcher(None, wanted, heard, autojunk=False).ratio()
    assert same > 0.9, heard


async def test_more_than_is_taken(whisper: WhisperRecognizer) -> None:
    with pytest.raises(PartError, match="121 s of speech are more than is recognised at once; expected 120 s or less"):
        await whisper.recognize(np.zeros(int(LONGEST_SECONDS + 1) * LINE_RATE, np.int16), None)
    with pytest.raises(PartError, match=r"given float64 samples of shape \(8000,\); expected one row of int16"):
        await whisper.recognize(np.zeros(8000), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tokens", "repeats"),
    [
        ([], False),
        ([1, 2, 3, 4, 1, 2, 3], False),
        ([7, 7, 7, 7, 7, 7, 7], False),
        ([5, 6, 1, 2, 3, 4, 1, 2, 3, 4], True),
        ([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2], True),
        ([1, 2, 3, 4, 1, 2, 3, 4, 9], False),
    ],
)
def test_a_repetition_at_the_end(tokens: list[int], repeats: bool) -> None:
    assert ends_with_repetition(tokens) is repeats


@pytest.mark.parametrize(
    ("no_speech", "log_probability", "is_speech"),
    [
        (0.0, -0.3, True),
        (0.55, -0.3, True),
        (0.1, -1.5, True),
        (0.45, -1.5, False),
        (0.7, -0.1, True),
        (0.7, -0.7, False),
        (0.95, -0.1, False),
    ],
)
def test_what_is_believed(no_speech: float, log_probability: float, is_speech: bool) -> None:
    assert Heard("You", (1,), no_speech, log_probability).is_speech is is_speech


def test_the_same_all_over_is_not_believed() -> None:
    assert Heard("Beep " * 40, (1,) * 40, 0.1, -0.1).is_repetition
    assert not Heard(SENTENCE, (1, 2, 3), 0.1, -0.1).is_repetition


class Held:
    """A recogniser whose one thread is kept with the first request, as a long one would."""

    def __init__(self, recognizer: WhisperRecognizer) -> None:
        self.begun: list[int] = []
        self.has_begun = threading.Event()
        self.go_on = threading.Event()
        model: Any = recognizer._model
        self._real: Callable[..., Heard] = model.heard
        model.heard = self._heard

    def _heard(self, piece: Samples, language: str | None) -> Heard:
        self.begun.append(piece.size)
        self.has_begun.set()
        assert self.go_on.wait(60.0)
        return self._real(piece, language)


@pytest.fixture
async def own() -> AsyncIterator[WhisperRecognizer]:
    """One for a test alone."""
    recognizer = WhisperRecognizer(workers=1)
    await recognizer.open()
    yield recognizer
    await recognizer.close()


async def test_a_cancelled_request_is_not_begun(own: WhisperRecognizer, spoken: Callable[[str], Samples]) -> None:
    held = Held(own)
    first = asyncio.create_task(own.recognize(spoken(SENTENCE), None))
    await asyncio.to_thread(held.has_begun.wait, 60.0)
    second = asyncio.create_task(own.recognize(np.ones(5000, np.int16), None))
    third = asyncio.create_task(own.recognize(spoken(OTHER), None))
    # Both wait for the thread after that: a task runs up to its first wait.
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    held.go_on.set()
    assert words(await first) == words(SENTENCE)
    assert words(await third) == words(OTHER)
    assert held.begun == [spoken(SENTENCE).size, spoken(OTHER).size]


async def test_a_cancelled_request_ends_with_its_piece(
    own: WhisperRecognizer, spoken: Callable[[str], Samples]
) -> None:
    held = Held(own)
    long = asyncio.create_task(own.recognize(np.tile(spoken(SENTENCE), 12), None))
    await asyncio.to_thread(held.has_begun.wait, 60.0)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    held.go_on.set()
    assert words(await own.recognize(spoken(OTHER), None)) == words(OTHER)
    assert len(held.begun) == 2


async def test_closed_while_requests_wait(own: WhisperRecognizer, spoken: Callable[[str], Samples]) -> None:
    held = Held(own)
    first = asyncio.create_task(own.recognize(spoken(SENTENCE), None))
    await asyncio.to_thread(held.has_begun.wait, 60.0)
    second = asyncio.create_task(own.recognize(spoken(OTHER), None))
    await asyncio.sleep(0)
    closing = asyncio.create_task(own.close())
    with pytest.raises(PartError, match="was closed before it came to this request"):
        await second
    held.go_on.set()
    assert words(await first) == words(SENTENCE)
    await closing
    with pytest.raises(PartError, match="is not open"):
        await own.recognize(spoken(OTHER), None)


async def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(PartError, match=r"needs the package faster-whisper .* install aiconvai\[local\]"):
        await WhisperRecognizer(workers=1).open()


async def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(PartError, match=f"the Whisper model in {tmp_path}, taken as it is: it cannot be loaded"):
        await WhisperRecognizer(folder=tmp_path, workers=1).open()


def test_what_whisper_is_given_is_bounded() -> None:
    with pytest.raises(PartError, match=r"a window of 31\.0 s: expected 1 to 30 s"):
        WhisperRecognizer(window_seconds=31.0)
    with pytest.raises(PartError, match="0 workers for recognition: expected 1 to 256"):
        WhisperRecognizer(workers=0)


# Pieces ------------------------------------------------------------------------------------------------------


def test_pieces_are_cut_where_it_is_quiet() -> None:
    loud = np.random.default_rng(9).integers(-8000, 8000, 50 * LINE_RATE).astype(np.int16)
    for second in (10.0, 20.0, 45.0):
        loud[int(second * LINE_RATE) : int((second + 0.4) * LINE_RATE)] = 0
    cut = pieces(loud, LINE_RATE, 29.5)
    assert np.array_equal(np.concatenate(cut), loud)
    assert [piece.size / LINE_RATE for piece in cut] == pytest.approx([20.2, 25.0, 4.8], abs=0.21)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 29.5, 29.6, 120.0])
def test_pieces_are_no_longer_than_that(seconds: float) -> None:
    samples = np.random.default_rng(9).integers(-8000, 8000, int(seconds * LINE_RATE)).astype(np.int16)
    cut = pieces(samples, LINE_RATE, 29.5)
    assert np.array_equal(np.concatenate(cut), samples)
    assert all(piece.size <= 29.5 * LINE_RATE for piece in cut)
    assert all(piece.size for piece in cut[:-1])
