"""Voices that are programs of the system: flite and espeak-ng, a process a sentence.

No shell sees a sentence. espeak-ng is licensed under GPL-3, so that it is a program of its own and nothing else.
"""

from __future__ import annotations

import asyncio
import re
import unicodedata
from abc import ABC, abstractmethod

from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.program_output import output_of
from aiconvai.local.voices.speech_bytes import empty_speech, speech_of_wav
from aiconvai.local.voices.speech_limits import MOST_BYTES, sayable
from aiconvai.local.voices.trimming import trimmed

SPEAK_SECONDS = 20.0
"""In which a sentence is made, on a machine that has other things to do."""
LIST_SECONDS = 10.0
PROCESSES_AT_ONCE = 4
"""More sentences wait: each process takes a core as long as it runs."""
MOST_LIST_BYTES = 1_000_000
FLITE_PACKAGE = "apt-get install flite"
ESPEAK_PACKAGE = "apt-get install espeak-ng"
_FLITE_RATE = 16_000
_ESPEAK_RATE = 22_050
_STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\",,")
_SLOWEST, _FASTEST = 80, 450
"""Words a minute that espeak-ng takes."""
_VARIANT = re.compile(r"(?P<voice>[a-z0-9-]+)(?:\+(?:m[1-8]|f[1-5]))?", re.IGNORECASE)


class ProcessVoice(ABC):
    """A program that is given a sentence and writes a WAV file to its standard output."""

    def __init__(self, voice: str, rate: int) -> None:
        """`voice`: by the program's own name of it. `rate`: in Hz, of nothing said."""
        self._voice = voice
        self._rate = rate
        self._slots = asyncio.Semaphore(PROCESSES_AT_ONCE)
        self._known: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self._program()}, {self._voice}"

    async def open(self) -> None:
        """Asks the program for its voices, and says something. Raises `PartError`."""
        self._known = await self._names()
        if not self._has(self._voice):
            raise PartError(f"{self._program()} has no voice {self._voice!r}: {', '.join(sorted(self._known))}")
        await self.speak("Hello.", None)

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it; a process of its own, which is killed when this is cancelled."""
        line = sayable(self._readable(sentence))
        if not line:
            return empty_speech(self._rate)
        chosen = voice if voice is not None and self._has(voice) else self._voice
        command, given = self._command(line, chosen)
        async with self._slots:
            wav = await output_of(command, given, most_bytes=MOST_BYTES, seconds=SPEAK_SECONDS, package=self._package())
        return trimmed(speech_of_wav(wav, command[0]))

    async def close(self) -> None:
        """Its processes end with who waits for them."""
        self._known = frozenset()

    def _has(self, voice: str) -> bool:
        """Only such as the program lists: to both, another name may be a file's, to flite a URL."""
        return voice in self._known

    def _readable(self, sentence: str) -> str:
        """What it can read of it."""
        return sentence

    @abstractmethod
    def _program(self) -> str: ...

    @abstractmethod
    def _package(self) -> str:
        """What is to be done where it is missing."""

    @abstractmethod
    async def _names(self) -> frozenset[str]:
        """Of its voices."""

    @abstractmethod
    def _command(self, line: str, voice: str) -> tuple[list[str], bytes]:
        """The program and its arguments, and its standard input."""


class FliteVoice(ProcessVoice):
    """flite 2: English, 16 kHz, small. Its voices are slt, rms, awb, kal and kal16.

    A sentence is its argument, which others with an account on this machine can read while it runs.
    """

    def __init__(self, voice: str = "slt", *, program: str = "flite") -> None:
        super().__init__(voice, _FLITE_RATE)
        self._name = program

    def _program(self) -> str:
        return self._name

    def _package(self) -> str:
        return FLITE_PACKAGE

    def _readable(self, sentence: str) -> str:
        """It knows ASCII: letters without their accents, and straight quotes."""
        straight = sentence.translate(_STRAIGHT)
        return unicodedata.normalize("NFKD", straight).encode("ascii", "ignore").decode()

    async def _names(self) -> frozenset[str]:
        """Of "Voices available: kal awb_time kal16 awb rms slt"."""
        listed = await output_of(
            [self._name, "-lv"], b"", most_bytes=MOST_LIST_BYTES, seconds=LIST_SECONDS, package=self._package()
        )
        _, _, names = listed.decode(errors="replace").partition(":")
        return frozenset(names.split()) - {"awb_time"}

    def _command(self, line: str, voice: str) -> tuple[list[str], bytes]:
        """The text follows -t and is no option, whatever it begins with. By its standard input flite makes a WAV file
        of each sentence and appends it, which a pipe cannot take.
        """
        return [self._name, "-voice", voice, "-o", "/dev/stdout", "-t", line], b""


class EspeakVoice(ProcessVoice):
    """espeak-ng: more than a hundred languages, 22.05 kHz, and harder to understand than any other here.

    Voices are languages as `espeak-ng --voices` has them ("en-us", "cs"), with a variant or without ("en-gb+f3").
    """

    def __init__(self, voice: str = "en-us", *, words_per_minute: int = 165, program: str = "espeak-ng") -> None:
        if not _SLOWEST <= words_per_minute <= _FASTEST:
            raise PartError(f"{program}: {words_per_minute} words a minute: {_SLOWEST} to {_FASTEST} are possible")
        super().__init__(voice, _ESPEAK_RATE)
        self._name = program
        self._speed = words_per_minute

    def _program(self) -> str:
        return self._name

    def _package(self) -> str:
        return ESPEAK_PACKAGE

    def _has(self, voice: str) -> bool:
        found = _VARIANT.fullmatch(voice)
        return found is not None and found["voice"] in self._known

    async def _names(self) -> frozenset[str]:
        """The second column; those of MBROLA (mb/ in the fifth) need files that few have."""
        listed = await output_of(
            [self._name, "--voices"], b"", most_bytes=MOST_LIST_BYTES, seconds=LIST_SECONDS, package=self._package()
        )
        rows = [line.split() for line in listed.decode(errors="replace").splitlines()[1:]]
        return frozenset(row[1] for row in rows if len(row) > 4 and not row[4].startswith("mb/"))

    def _command(self, line: str, voice: str) -> tuple[list[str], bytes]:
        speed = str(self._speed)
        return [self._name, "-v", voice, "-s", speed, "-b", "1", "-z", "--stdin", "--stdout"], line.encode()
