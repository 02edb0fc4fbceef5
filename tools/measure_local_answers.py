#!/usr/bin/env python3
"""How soon `aiconvai local` answers: from a caller's last word to the first audio of the answer.

    aiconvai local --config local.toml &
    tools/measure_local_answers.py FOLDER --callers 10 --turns 6

FOLDER has recordings as WAV files, 16-bit mono, in folders of their own or not, such as Debian's package
asterisk-core-sounds-en-wav. Each caller says some of them, at a telephone's level and as mu-law, in real time and in
times of its own, and waits until the answer was heard. What is answered does not matter here. The same arguments give
the same audio.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from aiconvai.audio import Samples, encode, read_wav, resample, rms_dbfs
from aiconvai.websocket_protocol import USUAL_EXTENSIONS

SEED = 20261130
RATE = 8000
SPEECH_DBFS = -20.0
SILENT_DBFS = -45.0
CHUNK_SECONDS = 0.04
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 6.0
PATIENCE_SECONDS = 15.0
MOST_PAUSE_SECONDS = 3.0
_WINDOW = RATE // 50
_SILENCE = encode(np.zeros(round(CHUNK_SECONDS * RATE), np.int16), "ulaw_8000")


@dataclass(frozen=True)
class Turn:
    """Of one caller; None: nothing was answered in `PATIENCE_SECONDS`."""

    seconds: float | None


def prompts(folder: Path) -> list[Samples]:
    """Of a length that callers' turns have, without the silence at their ends."""
    found = []
    for path in sorted(folder.rglob("*.wav")):
        samples, rate = read_wav(path)
        samples = without_silence(resample(samples, rate, RATE))
        if SHORTEST_SECONDS <= len(samples) / RATE <= LONGEST_SECONDS:
            gain = 10.0 ** ((SPEECH_DBFS - rms_dbfs(samples)) / 20.0)
            found.append(np.clip(samples * gain, -32768, 32767).astype(np.int16))
    return found


def without_silence(samples: Samples) -> Samples:
    loud = [at for at in range(0, len(samples), _WINDOW) if rms_dbfs(samples[at : at + _WINDOW]) > SILENT_DBFS]
    return samples[loud[0] : loud[-1] + _WINDOW] if loud else samples[:0]


class Caller:
    """Speaks, or is silent, in real time; and hears when an answer begins."""

    def __init__(self, connection: ClientConnection, chance: np.random.Generator, said: Sequence[Samples]) -> None:
        self._connection = connection
        self._chance = chance
        self._said = said
        self._waiting: list[bytes] = []
        self._last_word: asyncio.Future[float] | None = None
        self._first_audio: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._heard_until = 0.0

    async def converse(self, turns: int) -> list[Turn]:
        config = {
            "audio_format": "g711_ulaw", "sample_rate": RATE, "channels": 1, "vad_enabled": True, "vad_threshold": 0.6,
            "vad_silence_duration_ms": 600, "vad_prefix_padding_ms": 200,
        }  # fmt: skip
        await self._tell(type="session.init", config=config, variables={}, extensions=list(USUAL_EXTENSIONS), tools=[])
        listening, speaking = asyncio.create_task(self._listen()), asyncio.create_task(self._speak())
        results = []
        # The greeting.
        await asyncio.wait([self._first_audio], timeout=PATIENCE_SECONDS)
        for _ in range(turns):
            await asyncio.sleep(max(0.0, self._heard_until - time.monotonic()))
            await asyncio.sleep(float(self._chance.uniform(0.5, MOST_PAUSE_SECONDS)))
            results.append(await self._ask())
        for task in (listening, speaking):
            task.cancel()
        await asyncio.gather(listening, speaking, return_exceptions=True)
        return results

    async def _ask(self) -> Turn:
        loop = asyncio.get_running_loop()
        samples = self._said[int(self._chance.integers(len(self._said)))]
        size = round(CHUNK_SECONDS * RATE)
        self._last_word, self._first_audio = loop.create_future(), loop.create_future()
        self._waiting = [encode(samples[at : at + size], "ulaw_8000") for at in range(0, len(samples), size)]
        last_word = await self._last_word
        await asyncio.wait([self._first_audio], timeout=PATIENCE_SECONDS)
        return Turn(self._first_audio.result() - last_word if self._first_audio.done() else None)

    async def _speak(self) -> None:
        due = time.monotonic()
        while True:
            chunk = self._waiting.pop(0) if self._waiting else _SILENCE
            await self._tell(type="audio.input", audio=base64.b64encode(chunk).decode(), format="g711_ulaw")
            due += CHUNK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not self._waiting and self._last_word is not None and not self._last_word.done():
                # A chunk is of what was said until it is sent.
                self._last_word.set_result(due - CHUNK_SECONDS)

    async def _listen(self) -> None:
        async for text in self._connection:
            message = json.loads(text)
            if message["type"] == "audio_delta":
                now = time.monotonic()
                if not self._first_audio.done():
                    self._first_audio.set_result(now)
                self._heard_until = max(now, self._heard_until) + len(base64.b64decode(message["audio"])) / RATE

    async def _tell(self, **message: object) -> None:
        await self._connection.send(json.dumps(message))


async def measure(url: str, said: Sequence[Samples], callers: int, turns: int) -> list[Turn]:
    async def one(number: int) -> list[Turn]:
        chance = np.random.default_rng((SEED, number))
        await asyncio.sleep(float(chance.uniform(0.0, 5.0)))
        async with connect(url, compression=None, proxy=None, max_size=None) as connection:
            return await Caller(connection, chance, said).converse(turns)

    return [turn for found in await asyncio.gather(*map(one, range(callers))) for turn in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--url", default="ws://127.0.0.1:8400/")
    parser.add_argument("--callers", type=int, default=1)
    parser.add_argument("--turns", type=int, default=12)
    chosen = parser.parse_args()
    turns = asyncio.run(measure(chosen.url, prompts(chosen.folder), chosen.callers, chosen.turns))
    answered = sorted(one.seconds for one in turns if one.seconds is not None)
    tenths = statistics.quantiles(answered, n=10) if len(answered) > 1 else answered * 9
    print(f"{chosen.callers} callers, {len(turns)} turns, {len(turns) - len(answered)} not answered")
    print(f"median {1000 * statistics.median(answered):.0f} ms, 9 of 10 within {1000 * tenths[-1]:.0f} ms")


if __name__ == "__main__":
    main()
