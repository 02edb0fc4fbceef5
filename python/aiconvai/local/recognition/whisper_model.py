"""Whisper with less than 30 s: the parts of faster-whisper, put together anew.

Whisper's encoder is made for 30 s of audio, whatever of it is speech, and that is what most of its time goes into.
It takes less as well: here it gets the speech and half a second after it, and `SHORTEST_WINDOW_SECONDS` at least, which
costs a third. Models repeat themselves far more often if that is made shorter still.

What is not speech makes Whisper say "you" or "Thank you." It tells that itself, as its authors use it (Radford et al.,
"Robust Speech Recognition via Large-Scale Weak Supervision", 2022, section 4.5): the probability of no speech is high,
and that of its words is low. And it may say the same again and again: then it gets all of its 30 s, in which it does so
more rarely, and if even that is a repetition, nothing of it is believed.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples
from aiconvai.local.parts import LINE_RATE, PartError
from aiconvai.local.recognition.speech_audio import RECOGNITION_RATE, for_recognition, is_too_short, pieces
from aiconvai.local.recognition.weights import Weights

LONGEST_WINDOW_SECONDS = 30.0
"""What the encoder has positions for."""
SHORTEST_WINDOW_SECONDS = 16.0
"""Below, tiny.en repeats itself; base can do with 12."""
AFTER_SPEECH_SECONDS = 0.5
"""Of silence, without which the last word may be missed."""
LEAST_LOG_PROBABILITY = ((0.9, 0.0), (0.5, -0.5), (0.3, -1.0))
"""Where the probability of no speech is above the first, a token's log probability has to be above the second, on
average, or nothing was said. The paper has 0.6 and -1.0. Measured on the telephone: -0.8 and more for speech, with 0.5
and more of no speech only where others speak in the background, and then -0.35 and more; for noise and tones less than
each second, but for repetitions.
"""
MOST_COMPRESSION = 2.4
"""How many times smaller zlib may make the text, as in the paper: more is a repetition."""
SHORTEST_REPETITION = 4
"""Tokens, which may come once more at the end without anything being wrong: a number has the same digits."""
TOKENS_A_SECOND = 8.0
"""Of English, at the most: four words."""
TOKENS_A_SECOND_OF_ANY = 20.0
"""Of a language whose letters may be tokens of their own."""
TOKENS_AT_LEAST = 12
MOST_TOKENS = 224
"""Half of what the decoder has positions for, as the paper's program has it."""
_HOP_SECONDS: Final = 0.01
"""Of the features; the encoder takes two at a time."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the model makes of one piece of audio."""

    text: str
    tokens: tuple[int, ...]
    no_speech: float
    """The probability that nothing is said."""
    log_probability: float
    """Of a token, on average, the end of the text included."""

    @property
    def is_speech(self) -> bool:
        return not any(self.no_speech > most and self.log_probability < least for most, least in LEAST_LOG_PROBABILITY)

    @property
    def is_repetition(self) -> bool:
        """Of the same all over: nobody speaks like that."""
        data = self.text.encode()
        return len(data) / len(zlib.compress(data)) > MOST_COMPRESSION

    @property
    def may_repeat_itself(self) -> bool:
        """It is a repetition, or what it ends with was there just before."""
        return self.is_repetition or ends_with_repetition(self.tokens)


def ends_with_repetition(tokens: Sequence[int]) -> bool:
    """The last tokens have a period of `SHORTEST_REPETITION` or more, and are twice as long as that, at least."""
    count = len(tokens)
    for period in range(SHORTEST_REPETITION, count // 2 + 1):
        if all(tokens[-at] == tokens[-at - period] for at in range(1, period + 1)):
            return True
    return False


class WindowedWhisper:
    """faster-whisper's parts, put together. Any number of threads may use it."""

    def __init__(self, weights: Weights, workers: int, window_seconds: float) -> None:
        """Raises `PartError`."""
        try:
            from faster_whisper import WhisperModel
            from faster_whisper.tokenizer import Tokenizer
            from faster_whisper.transcribe import get_suppressed_tokens
        except ImportError as error:
            raise PartError(
                f"recognition by Whisper needs the package faster-whisper ({error}); install aiconvai[local]"
            ) from error
        try:
            self._whisper: Any = WhisperModel(
                str(weights.folder),
                device="cpu",
                compute_type="int8",
                cpu_threads=1,
                num_workers=workers,
                local_files_only=True,
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise PartError(
                f"{weights.origin}: it cannot be loaded ({error}); expected a Whisper model for CTranslate2"
            ) from error
        self._is_multilingual = bool(self._whisper.model.is_multilingual)
        self._known = frozenset(self._whisper.supported_languages)
        self._window_seconds = window_seconds
        self._new_tokenizer: Any = Tokenizer
        plain = self._tokenizer("en")
        self._suppressed = list(get_suppressed_tokens(plain, [-1]))
        self._tokens_a_second = TOKENS_A_SECOND_OF_ANY if self._is_multilingual else TOKENS_A_SECOND

    @property
    def languages(self) -> str:
        """For people."""
        return f"{len(self._known)} languages" if self._is_multilingual else "English only"

    def refuse_unknown(self, language: str) -> None:
        """Raises `PartError` where the model has languages, and not that one."""
        if self._is_multilingual and language not in self._known:
            raise PartError(
                f"language {language!r} is not one that Whisper knows; expected a code of ISO 639-1 such as 'en'"
            )

    def text(self, samples: Samples, language: str | None, is_over: threading.Event) -> str:
        """What is said in them, at `LINE_RATE`. With `is_over` nothing new is begun, and what comes is of no use."""
        found = []
        for piece in pieces(samples, LINE_RATE, LONGEST_WINDOW_SECONDS - AFTER_SPEECH_SECONDS):
            if is_over.is_set():
                break
            if is_too_short(piece):
                continue
            heard = self.heard(piece, language)
            if heard.is_speech and not heard.is_repetition:
                found.append(heard.text)
        return " ".join(text for text in found if text)

    def heard(self, piece: Samples, language: str | None) -> Heard:
        """What the model makes of up to 29.5 s at `LINE_RATE`, speech or not. Raises `PartError`."""
        seconds = piece.size / LINE_RATE
        window = min(max(seconds + AFTER_SPEECH_SECONDS, self._window_seconds), LONGEST_WINDOW_SECONDS)
        try:
            heard = self._heard_in(window, piece, language)
            if heard.is_speech and heard.may_repeat_itself and window < LONGEST_WINDOW_SECONDS:
                heard = self._heard_in(LONGEST_WINDOW_SECONDS, piece, language)
        except (RuntimeError, ValueError) as error:
            raise PartError(f"Whisper failed with {seconds:.1f} s of audio: {error}") from error
        return heard

    def _heard_in(self, window: float, piece: Samples, language: str | None) -> Heard:
        """`window`: seconds that the encoder gets."""
        encoded = self._whisper.encode(self._features(piece, window))
        if language is None and self._is_multilingual:
            # Each is "<|en|>"; the likeliest comes first.
            language = self._whisper.model.detect_language(encoded)[0][0][0].strip("<|>")
        tokenizer = self._tokenizer(language or "en")
        prompt = self._whisper.get_prompt(tokenizer, [], without_timestamps=True)
        most = min(TOKENS_AT_LEAST + int(piece.size / LINE_RATE * self._tokens_a_second), MOST_TOKENS)
        (result,) = self._whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + most,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = tuple(result.sequences_ids[0])
        # The score is the mean over the tokens, without the end of the text.
        log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        text = tokenizer.decode(list(tokens)).strip()
        return Heard(text, tokens, float(result.no_speech_prob), log_probability)

    def _features(self, piece: Samples, window: float) -> npt.NDArray[np.float32]:
        """Log-mel features of `window` seconds, in which the piece comes first; an even number of them."""
        audio = np.zeros(round(window * RECOGNITION_RATE), dtype=np.float32)
        speech = for_recognition(piece)[: audio.size]
        audio[: speech.size] = speech / np.float32(FULL_SCALE)
        features = self._whisper.feature_extractor(audio)
        count = int(window / _HOP_SECONDS) // 2 * 2
        return np.ascontiguousarray(features[:, :count], dtype=np.float32)

    def _tokenizer(self, language: str) -> Any:
        return self._new_tokenizer(
            self._whisper.hf_tokenizer, self._is_multilingual, task="transcribe", language=language
        )
