"""Piper as a program of its own, which has its model loaded and is given a sentence a line.

It is licensed under GPL-3, so that nothing of it is imported. Its raw output does not tell where a sentence ends; with
--output-dir it writes a WAV file for each line and says on its standard error which, and that is what is used: the
files are in a folder of this voice's own and are removed as soon as they are read.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from aiconvai.local.parts import PartError, Speech
from aiconvai.local.voices.program_output import LONGEST_COMPLAINT, end, start
from aiconvai.local.voices.speech_bytes import empty_speech, speech_of_wav
from aiconvai.local.voices.speech_limits import MOST_BYTES, sayable
from aiconvai.local.voices.trimming import trimmed

PACKAGE = "pip install piper-tts in an environment of its own, and name its program"
LOAD_SECONDS = 60.0
"""For its start and its model, on a machine that has other things to do."""
SPEAK_SECONDS = 30.0
RATE = 22_050
"""Of most of its models; what is made has its model's own."""
_WROTE = re.compile(r"Wrote (?P<path>/.*\.wav)$")
_HEADER_BYTES = 4_096


class PiperVoice:
    """One resident process: sentences are made one after the other."""

    def __init__(self, model: Path | str, *, command: Sequence[str] = ("piper",), speaker: int | None = None) -> None:
        """`model`: its .onnx file, beside which is .onnx.json. `command`: Piper's program, or ("python", "-m",
        "piper") of its environment. `speaker`: of a model that has many.
        """
        self._model = Path(model)
        self._command = list(command)
        self._speaker = speaker
        self._process: asyncio.subprocess.Process | None = None
        self._folder: TemporaryDirectory[str] | None = None
        self._turn = asyncio.Lock()
        self._exchange: asyncio.Task[Speech] | None = None
        self._is_open = False

    def __str__(self) -> str:
        return f"Piper, {self._model.name}"

    async def open(self) -> None:
        """Starts it and has it say something. Raises `PartError`."""
        for path in (self._model, Path(f"{self._model}.json")):
            if not path.is_file():
                raise PartError(f"piper: {path} is missing: a voice is a file NAME.onnx and a file NAME.onnx.json")
        self._folder = TemporaryDirectory(prefix="aiconvai-piper-")
        self._is_open = True
        try:
            await self._say("Hello.", LOAD_SECONDS)
        except BaseException:
            await self.close()
            raise

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        """As `Voice` has it; it has one voice. Cancelled, it finishes the sentence that it makes, for nobody: to begin
        anew would take longer. A process that has died is started again.
        """
        line = sayable(sentence)
        return await self._say(line, SPEAK_SECONDS) if line else empty_speech(RATE)

    async def close(self) -> None:
        """Kills it and removes its folder."""
        self._is_open = False
        if self._exchange is not None:
            self._exchange.cancel()
            await asyncio.gather(self._exchange, return_exceptions=True)
        await self._end()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _say(self, line: str, seconds: float) -> Speech:
        await self._turn.acquire()
        exchange = self._exchange = asyncio.create_task(self._make(line, seconds), name="piper")
        exchange.add_done_callback(self._over)
        return await asyncio.shield(exchange)

    def _over(self, exchange: asyncio.Task[Speech]) -> None:
        self._turn.release()
        if not exchange.cancelled():
            # Nobody may be there who asks, and asyncio complains of it.
            exchange.exception()

    async def _make(self, line: str, seconds: float) -> Speech:
        """One line in, one file out. What goes wrong ends the process: nobody knows what it would write next."""
        if not self._is_open or self._folder is None:
            raise PartError("piper is not open: it speaks after open() and before close()")
        folder = Path(self._folder.name)
        try:
            if self._process is None or self._process.returncode is not None:
                await self._end()
                self._process = await start(self._arguments(folder), PACKAGE, stdout=asyncio.subprocess.DEVNULL)
                seconds = max(seconds, LOAD_SECONDS)
            async with asyncio.timeout(seconds):
                path = await self._written(self._process, line)
            if path.parent != folder:
                raise PartError(f"piper wrote {path}, which is not in {folder}")
            wav = await asyncio.to_thread(_taken, path)
        except TimeoutError:
            await self._end()
            raise PartError(
                f"piper has made nothing of a sentence in {seconds:g} s: see that its model works"
            ) from None
        except BaseException:
            await self._end()
            raise
        return trimmed(speech_of_wav(wav, "piper"))

    async def _written(self, process: asyncio.subprocess.Process, line: str) -> Path:
        """The file that it says it has written. Raises `PartError`: it has ended instead."""
        assert process.stdin is not None
        assert process.stderr is not None
        last: deque[str] = deque(maxlen=3)
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(f"{line}\n".encode())
            await process.stdin.drain()
        while True:
            try:
                told = await process.stderr.readline()
            except ValueError:
                # A line that is longer than any that it writes of itself.
                continue
            if not told:
                break
            text = told.decode(errors="replace").strip()
            if (found := _WROTE.search(text)) is not None:
                return Path(found["path"])
            last.append(text)
        status = await process.wait()
        said = " ".join(last)[-LONGEST_COMPLAINT:] or "it said nothing"
        raise PartError(f"piper ended with exit status {status}: {said}")

    def _arguments(self, folder: Path) -> list[str]:
        speaker = [] if self._speaker is None else ["--speaker", str(self._speaker)]
        files = ["--model", str(self._model.resolve()), "--output-dir", str(folder)]
        return [*self._command, *files, "--output-dir-naming", "timestamp", *speaker]

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await end(process)


def _taken(path: Path) -> bytes:
    """The file's bytes; it is gone. Raises `PartError`: it is too large, or not there."""
    try:
        with path.open("rb") as file:
            wav = file.read(MOST_BYTES + _HEADER_BYTES + 1)
        path.unlink()
    except OSError as error:
        raise PartError(f"piper: {path} cannot be read: {error.strerror}") from error
    if len(wav) > MOST_BYTES + _HEADER_BYTES:
        raise PartError(f"piper: {path} has more than the {MOST_BYTES} bytes that a sentence may have")
    return wav
