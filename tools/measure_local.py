#!/usr/bin/env python3
"""What the local agent's parts do with telephone audio: the numbers of the documentation, made again.

    pip install 'aiconvai[local]' jiwer whisper-normalizer
    tools/measure_local.py recognition FOLDER --texts TEXTS [--model tiny.en] [--window 16] [--babble 15]

FOLDER has recordings as WAV files, 16-bit mono, in folders of their own or not; TEXTS says what is spoken in each, a
line each: "name: text", the name without .wav. Such are Debian's packages asterisk-core-sounds-en-wav (FOLDER:
usr/share/asterisk/sounds/en_US_f_Allison) and asterisk-core-sounds-en (TEXTS: core-sounds-en.txt.gz).

Everything goes through a telephone first: 300 to 3400 Hz, 8 kHz, mu-law, at -20 dBFS. Recordings of fewer than
`--words` words are left out, and those whose text has remarks in brackets, or the signs of keys. The same arguments
give the same audio.
CPU time is the process's: on one core, run it with `taskset -c 1 env OMP_NUM_THREADS=1`.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from aiconvai.audio import FULL_SCALE, Samples, read_wav, resample, rms_dbfs, tone, ulaw_decode, ulaw_encode
from aiconvai.local.parts import LINE_RATE, PartError, Recognizer
from aiconvai.local.recognition.whisper import DEFAULT_MODEL, WhisperRecognizer
from aiconvai.local.recognition.whisper_model import SHORTEST_WINDOW_SECONDS

SEED = 20261128
SPEECH_DBFS = -20.0
BABBLERS = 6
"""Recordings that make the babble."""
NOT_SPEECH = 200
_LINE_HZ = (300.0, 3400.0)
_EDGE_HZ = 50.0
"""Over which the line's filter opens and closes."""
_DTMF_HZ = {key: (row, column) for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
            for column, key in zip((1209, 1336, 1477, 1633), keys, strict=True)}  # fmt: skip
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Prompt:
    """A recording, as the telephone brings it."""

    name: str
    text: str
    samples: Samples


# Audio -------------------------------------------------------------------------------------------------------


def line_filter(sound: _Floats) -> _Floats:
    """What a telephone line leaves of it, at `LINE_RATE`."""
    hz = np.fft.rfftfreq(sound.size, 1.0 / LINE_RATE)
    low, high = _LINE_HZ
    gain = np.clip((hz - low) / _EDGE_HZ + 1.0, 0.0, 1.0) * np.clip((high - hz) / _EDGE_HZ + 1.0, 0.0, 1.0)
    return np.fft.irfft(np.fft.rfft(sound) * gain, sound.size)


def at_level(sound: _Floats, dbfs: float) -> _Floats:
    """The same sound, at that RMS level; silence stays silence."""
    rms = float(np.sqrt(np.mean(np.square(sound)))) if sound.size else 0.0
    return sound * (10.0 ** (dbfs / 20.0) * FULL_SCALE / rms) if rms > 0.0 else sound


def through_mu_law(sound: _Floats) -> Samples:
    return ulaw_decode(ulaw_encode(np.clip(np.rint(sound), -32768, 32767).astype(np.int16)))


def with_babble(prompt: Prompt, others: Sequence[Prompt], snr_db: float, chance: np.random.Generator) -> Samples:
    """The prompt with `BABBLERS` of the others behind it, which begin anywhere and go round."""
    babble = np.zeros(prompt.samples.size)
    for index in chance.choice(len(others), BABBLERS, replace=False):
        voice = at_level(others[index].samples.astype(np.float64), SPEECH_DBFS)
        start = int(chance.integers(voice.size))
        babble += np.resize(np.roll(voice, -start), babble.size)
    speech = prompt.samples.astype(np.float64)
    mixed = speech + at_level(babble, rms_dbfs(prompt.samples) - snr_db)
    return through_mu_law(at_level(mixed, SPEECH_DBFS))


def _noise(chance: np.random.Generator, count: int, slope: float) -> _Floats:
    """Whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(chance.normal(size=count))
    hz = np.maximum(np.fft.rfftfreq(count, 1.0 / LINE_RATE), 1.0)
    sound: _Floats = np.fft.irfft(spectrum / hz ** (slope / 2.0), count)
    return sound


def _tones(hertz: Sequence[float], seconds: float) -> _Floats:
    together: _Floats = np.sum([tone(hz, seconds, LINE_RATE, -23.0).astype(np.float64) for hz in hertz], axis=0)
    return together


def _gated(sound: _Floats, on: float, off: float) -> _Floats:
    """On and off, in seconds."""
    time_in = np.arange(sound.size) / LINE_RATE % (on + off)
    return sound * (time_in < on)


def _dtmf(chance: np.random.Generator, seconds: float) -> _Floats:
    keys = chance.choice(sorted(_DTMF_HZ), max(int(seconds / 0.2), 1))
    return np.concatenate([_gated(_tones(_DTMF_HZ[key], 0.2), 0.1, 0.1) for key in keys])


def _clicks(chance: np.random.Generator, count: int) -> _Floats:
    sound = np.zeros(count)
    for start in chance.integers(count, size=max(count // LINE_RATE, 1) * 2):
        sound[start : start + 24] += chance.normal(size=24)[: count - start]
    return sound


def _breath(chance: np.random.Generator, count: int) -> _Floats:
    """Noise that swells and fades every two seconds."""
    return _noise(chance, count, 0.5) * np.square(np.sin(np.pi * np.arange(count) / LINE_RATE / 2.0))


def _music(chance: np.random.Generator, seconds: float) -> _Floats:
    """Chords of three, half a second each."""
    chords = []
    for _ in range(max(int(seconds / 0.5), 1)):
        root = float(chance.choice((262.0, 294.0, 330.0, 349.0, 392.0, 440.0)))
        chords.append(_tones([root, root * 1.26, root * 1.5, root * 3.0], 0.5) * np.exp(-np.arange(4000) / 2400.0))
    return np.concatenate(chords)


def not_speech(count: int) -> Iterator[tuple[str, Samples]]:
    """Clips of 1 to 6 s in which nobody says anything, each with its kind."""
    chance = np.random.default_rng(SEED)
    kinds: dict[str, Callable[[int, float], _Floats]] = {
        "silence": lambda size, _: np.zeros(size),
        "white noise": lambda size, _: _noise(chance, size, 0.0),
        "pink noise": lambda size, _: _noise(chance, size, 1.0),
        "brown noise": lambda size, _: _noise(chance, size, 2.0),
        "hum": lambda _, seconds: _tones([50.0 * (1 + 2 * n) for n in range(8)], seconds),
        "a tone": lambda _, seconds: _tones([float(chance.uniform(300, 3000))], seconds),
        "ringing": lambda _, seconds: _gated(_tones((440.0, 480.0), seconds), 1.0, 2.0),
        "busy": lambda _, seconds: _gated(_tones((480.0, 620.0), seconds), 0.5, 0.5),
        "DTMF": lambda _, seconds: _dtmf(chance, seconds),
        "clicks": lambda size, _: _clicks(chance, size),
        "breath": lambda size, _: _breath(chance, size),
        "music": lambda _, seconds: _music(chance, seconds),
    }
    for number in range(count):
        name = sorted(kinds)[number % len(kinds)]
        seconds = float(chance.uniform(1.0, 6.0))
        sound = kinds[name](int(seconds * LINE_RATE), seconds)
        level = float(chance.uniform(-55.0, -15.0))
        yield name, through_mu_law(at_level(line_filter(sound), level))


# Prompts -----------------------------------------------------------------------------------------------------


def prompts(folder: Path, texts: Path, words: int) -> list[Prompt]:
    """Those of at least so many words, by name."""
    found = []
    data = texts.read_bytes()
    lines = (gzip.decompress(data) if texts.suffix == ".gz" else data).decode(errors="replace").splitlines()
    for line in lines:
        name, colon, text = line.strip().partition(":")
        # The normaliser would take what is left out for a word.
        text = text.replace("...", " ").strip()
        path = folder / f"{name}.wav"
        if not colon or line.startswith(";") or re.search(r"[][(){}<>*#]", text) or len(text.split()) < words:
            continue
        if not path.is_file():
            continue
        samples, rate = read_wav(path)
        sound = at_level(line_filter(resample(samples, rate, LINE_RATE).astype(np.float64)), SPEECH_DBFS)
        found.append(Prompt(name, text, through_mu_law(sound)))
    return sorted(found, key=lambda prompt: prompt.name)


# Recognition -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recognised:
    """What came of a set of recordings."""

    errors: float
    """Of words: substituted, missing and added ones, by the words there are."""
    cpu_ms: list[float]
    audio_seconds: float

    def row(self, name: str) -> str:
        """Of the table."""
        ordered = sorted(self.cpu_ms)
        rtf = sum(ordered) / 1000.0 / self.audio_seconds
        return (
            f"| {name} | {100 * self.errors:.1f} % | {statistics.mean(ordered):.0f} | {statistics.median(ordered):.0f} "
            f"| {ordered[int(0.9 * (len(ordered) - 1))]:.0f} | {rtf:.3f} |"
        )


async def recognise(recognizer: Recognizer, given: Sequence[Prompt], language: str | None, tell: bool) -> Recognised:
    """All of them, one after the other."""
    import jiwer
    from whisper_normalizer.english import EnglishTextNormalizer

    normalise = EnglishTextNormalizer()
    spoken, heard, cpu = [], [], []
    for prompt in given:
        began = time.process_time()
        text = await recognizer.recognize(prompt.samples, language)
        cpu.append(1000.0 * (time.process_time() - began))
        spoken.append(normalise(prompt.text))
        heard.append(normalise(text))
        if tell and spoken[-1] != heard[-1]:
            print(f"{prompt.name}: {prompt.text!r} -> {text!r}")
    seconds = sum(prompt.samples.size for prompt in given) / LINE_RATE
    return Recognised(float(jiwer.wer(spoken, heard)), cpu, seconds)


async def measure_recognition(arguments: argparse.Namespace) -> None:
    given = prompts(arguments.folder, arguments.texts, arguments.words)[:: arguments.every]
    if len(given) <= BABBLERS:
        raise SystemExit(f"{arguments.folder}: {len(given)} recordings with a text; expected more than {BABBLERS}")
    recognizer = WhisperRecognizer(
        arguments.model, folder=arguments.own, window_seconds=arguments.window, workers=1, cache=arguments.cache
    )
    began = time.process_time()
    await recognizer.open()
    loaded = time.process_time() - began
    words = sum(len(prompt.text.split()) for prompt in given)
    seconds = sum(prompt.samples.size for prompt in given) / LINE_RATE
    print(f"{len(given)} recordings, {seconds:.0f} s, {words} words; loaded in {loaded:.1f} s of CPU")
    print("| | words wrong | CPU ms, mean | median | p90 | CPU / audio |\n| --- | --- | --- | --- | --- | --- |")
    print((await recognise(recognizer, given, arguments.language, arguments.tell)).row("clean"), flush=True)
    for snr_db in arguments.babble:
        chance = np.random.default_rng(SEED)
        noisy = [
            Prompt(one.name, one.text, with_babble(one, [other for other in given if other is not one], snr_db, chance))
            for one in given
        ]
        row = (await recognise(recognizer, noisy, arguments.language, arguments.tell)).row(f"babble {snr_db:g} dB")
        print(row, flush=True)
    wrong = 0
    for kind, samples in not_speech(arguments.not_speech):
        text = await recognizer.recognize(samples, arguments.language)
        if text:
            wrong += 1
            print(f"{kind} of {samples.size / LINE_RATE:.1f} s at {rms_dbfs(samples):.0f} dBFS: {text!r}")
    print(f"words in {wrong} of {arguments.not_speech} clips in which nobody speaks")
    await recognizer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    recognition = parts.add_parser("recognition", help="words wrong, CPU time, and what is heard where nobody speaks")
    recognition.add_argument("folder", type=Path, help="with the recordings")
    recognition.add_argument("--texts", type=Path, required=True, help="what they say")
    recognition.add_argument("--model", default=DEFAULT_MODEL, help="one that packages bring")
    recognition.add_argument("--own", type=Path, help="a folder with a model, instead")
    recognition.add_argument("--cache", type=Path, help="where a model in parts is put together")
    recognition.add_argument("--language", default="en", help="as ISO 639-1 has it; '' for none")
    recognition.add_argument("--window", type=float, default=SHORTEST_WINDOW_SECONDS, help="seconds")
    recognition.add_argument("--words", type=int, default=5, help="that a recording has at least")
    recognition.add_argument("--every", type=int, default=1, help="2: every second recording, and so on")
    recognition.add_argument("--babble", type=float, nargs="*", default=[15.0], help="dB above which the speech is")
    recognition.add_argument("--not-speech", type=int, default=NOT_SPEECH, help="clips")
    recognition.add_argument("--tell", action="store_true", help="what was heard wrong")
    recognition.set_defaults(run=measure_recognition)
    arguments = parser.parse_args()
    arguments.language = arguments.language or None
    try:
        asyncio.run(arguments.run(arguments))
    except PartError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
