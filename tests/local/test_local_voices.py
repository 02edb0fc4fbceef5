"""Voices speak what they are given, and what goes wrong with one is a sentence that says so."""

from __future__ import annotations

import asyncio
import io
import os
import select
import shutil
import sys
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import pytest_asyncio
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncServer
from wyoming.tts import Synthesize

from aiconvai.audio import Samples, rms_dbfs, tone
from aiconvai.local.parts import PartError, Speech, Voice
from aiconvai.local.voices import hibari_voice, openai_voice, piper_voice, process_voice, program_output, wyoming_voice
from aiconvai.local.voices.cached_voice import OVERHEAD_BYTES, CachedVoice
from aiconvai.local.voices.hibari_voice import ASSETS, HibariVoice, check_assets, pieces
from aiconvai.local.voices.openai_voice import OpenAIVoice
from aiconvai.local.voices.piper_voice import PiperVoice
from aiconvai.local.voices.process_voice import EspeakVoice, FliteVoice
from aiconvai.local.voices.program_output import output_of
from aiconvai.local.voices.speech_bytes import speech_of_wav
from aiconvai.local.voices.speech_limits import LONGEST_SENTENCE, sayable
from aiconvai.local.voices.trimming import KEPT_AFTER_SECONDS, KEPT_BEFORE_SECONDS, trimmed
from aiconvai.local.voices.wyoming_voice import WyomingVoice

RATE = 16_000
has_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
has_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def seconds(speech: Speech) -> float:
    return speech.samples.size / speech.rate


def wav_of(samples: Samples, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def silence(length: float, rate: int = RATE) -> Samples:
    return np.zeros(round(length * rate), dtype=np.int16)


# Silence


def test_silence_at_the_ends_is_trimmed_and_that_between_is_not() -> None:
    word = tone(300.0, 0.2, RATE)
    speech = Speech(np.concatenate([silence(0.4), word, silence(0.3), word, silence(0.5)]), RATE)
    short = trimmed(speech)
    assert seconds(short) == pytest.approx(0.7 + KEPT_BEFORE_SECONDS + KEPT_AFTER_SECONDS, abs=0.006)
    assert np.flatnonzero(short.samples)[0] / RATE == pytest.approx(KEPT_BEFORE_SECONDS, abs=0.006)
    assert short.samples.max() == word.max()


def test_a_quiet_beginning_is_no_silence() -> None:
    """An "f" that is 40 dB below the vowel after it."""
    begin, vowel = tone(3000.0, 0.1, RATE, -52.0), tone(300.0, 0.2, RATE, -12.0)
    assert trimmed(Speech(np.concatenate([begin, vowel]), RATE)).samples.size == begin.size + vowel.size


def test_no_silence_is_added_and_none_is_left_of_nothing() -> None:
    word = tone(300.0, 0.2, RATE)
    assert np.array_equal(trimmed(Speech(word, RATE)).samples, word)
    assert trimmed(Speech(silence(0.5), RATE)).samples.size == 0
    assert trimmed(Speech(silence(0.0), RATE)).samples.size == 0


# What is taken of programs and servers


def test_a_wav_file_of_a_pipe_is_read_to_its_end() -> None:
    word = tone(300.0, 0.1, RATE)
    wav = bytearray(wav_of(word))
    wav[40:44] = (0x7FFFF000).to_bytes(4, "little")
    assert np.array_equal(speech_of_wav(bytes(wav), "x").samples, word)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "0 bytes of something else"),
        (b"<html>not found</html>", "expected a WAV file"),
        (wav_of(np.zeros(20, np.int16), channels=2), "2 channels"),
        (wav_of(np.zeros(20, np.int16), rate=4000), "4000 Hz"),
        (wav_of(np.zeros(20, np.int16))[:30], "something else"),
    ],
)
def test_anything_else_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(PartError, match=says):
        speech_of_wav(data, "x")


def test_a_sentence_is_one_line_that_can_be_sent() -> None:
    assert sayable(" a\n\0b \ud800c ") == "a b c"
    assert sayable("... - !") == ""
    with pytest.raises(PartError, match="at most 2000"):
        sayable("a" * (LONGEST_SENTENCE + 1))


# hibari


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hibari() -> AsyncIterator[HibariVoice]:
    voice = HibariVoice()
    await voice.open()
    yield voice
    await voice.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_hibari_speaks(hibari: HibariVoice) -> None:
    speech = await hibari.speak("Welcome, how can I help you?", None)
    assert speech.rate == 24_000
    assert speech.samples.dtype == np.int16
    assert 1.0 < seconds(speech) < 3.0
    assert -35.0 < rms_dbfs(speech.samples) < -10.0
    frame = speech.rate // 50
    assert rms_dbfs(speech.samples[:frame]) < -30.0
    assert np.array_equal((await hibari.speak("Welcome, how can I help you?", "nobody")).samples, speech.samples)


@pytest.mark.asyncio(loop_scope="module")
async def test_hibari_speaks_many_at_once_as_one_after_the_other(hibari: HibariVoice) -> None:
    sentences = [f"This is sentence {word}." for word in ("one", "two", "three", "four", "five", "six")]
    alone = [await hibari.speak(one, None) for one in sentences]
    together = await asyncio.gather(*(hibari.speak(one, None) for one in sentences))
    for one, two in zip(alone, together, strict=True):
        assert np.array_equal(one.samples, two.samples)


@pytest.mark.asyncio(loop_scope="module")
async def test_hibari_says_nothing_of_nothing_and_a_sentence_without_an_end(hibari: HibariVoice) -> None:
    assert (await hibari.speak("...", None)).samples.size == 0
    endless = "and then we went on and on " * 30
    assert seconds(await hibari.speak(endless, None)) > 30.0
    assert all(len(piece) <= hibari_voice.LONGEST_PIECE for piece in pieces(endless))
    assert "".join(pieces(endless)).replace(" ", "") == endless.replace(" ", "")
    assert len(pieces("x" * 700)) == 3


async def test_hibari_has_no_voice_that_would_be_downloaded() -> None:
    with pytest.raises(PartError, match="'emma' is not in its package"):
        await HibariVoice("emma").open()


async def test_hibari_that_is_closed_says_so() -> None:
    with pytest.raises(PartError, match="not open"):
        await HibariVoice().speak("Hello.", None)


def test_hibari_of_other_files_is_refused(tmp_path: Path) -> None:
    import hibari

    folder = Path(hibari.__file__).parent / "assets"
    for name in ASSETS:
        shutil.copy(folder / name, tmp_path)
    check_assets(tmp_path)
    model = bytearray((tmp_path / "hibari.onnx").read_bytes())
    model[-1] ^= 1
    (tmp_path / "hibari.onnx").write_bytes(model)
    with pytest.raises(PartError, match=r"hibari\.onnx has SHA-256 .*, expected 5f70741d4e90"):
        check_assets(tmp_path)
    (tmp_path / "hibari.onnx").unlink()
    with pytest.raises(PartError, match="cannot be read"):
        check_assets(tmp_path)


# flite and espeak-ng


@has_espeak
async def test_espeak_speaks_languages_with_their_variants() -> None:
    voice = EspeakVoice()
    await voice.open()
    usual = await voice.speak("Hello, how can I help you?", None)
    assert usual.rate == 22_050
    assert 0.8 < seconds(usual) < 3.0
    czech = await voice.speak("Hello, how can I help you?", "cs+f3")
    assert not np.array_equal(usual.samples, czech.samples)
    for unknown in ("../../etc/passwd", "en-us;ls", "-w", "cs+../x", ""):
        assert np.array_equal((await voice.speak("Hello, how can I help you?", unknown)).samples, usual.samples)
    assert (await voice.speak(" - ", None)).samples.size == 0
    await voice.close()


@has_espeak
@pytest.mark.parametrize("text", ["-w /tmp/x hello", "--help", "$(ls) `ls` ; ls", "čau 👍 hello", "<b>x</b> hello"])
async def test_espeak_says_text_that_looks_like_something_else(text: str) -> None:
    assert seconds(await EspeakVoice().speak(text, None)) > 0.2


@has_espeak
async def test_espeak_has_no_such_voice() -> None:
    with pytest.raises(PartError, match="espeak-ng has no voice 'klingon'"):
        await EspeakVoice("klingon").open()
    with pytest.raises(PartError, match="80 to 450"):
        EspeakVoice(words_per_minute=1000)


@has_flite
async def test_flite_speaks() -> None:
    voice = FliteVoice()
    await voice.open()
    usual = await voice.speak("Hello, how can I help you?", None)
    assert usual.rate == 16_000
    assert 0.8 < seconds(usual) < 3.0
    assert not np.array_equal((await voice.speak("Hello, how can I help you?", "rms")).samples, usual.samples)
    for unknown in ("http://127.0.0.1:1/x.flitevox", "/etc/passwd", "-lv"):
        assert np.array_equal((await voice.speak("Hello, how can I help you?", unknown)).samples, usual.samples)
    for text in ("-o /tmp/x", "--version", "/etc/hostname", "Ďakujem “fine” \u2013 yes", "one word. Two sentences."):
        assert seconds(await voice.speak(text, None)) > 0.2
    await voice.close()


@pytest.mark.parametrize("voice", [FliteVoice(program="no-such-flite"), EspeakVoice(program="no-such-espeak")])
async def test_a_program_that_is_missing_is_to_be_installed(voice: Voice) -> None:
    with pytest.raises(PartError, match=r"^no-such-\w+ is not installed: apt-get install (flite|espeak-ng)$"):
        await voice.open()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def output(code: str, given: bytes = b"", *, most_bytes: int = 1000, within: float = 20.0) -> bytes:
    return await output_of(python(code), given, most_bytes=most_bytes, seconds=within, package="apt-get install x")


async def test_what_a_program_writes_is_bounded() -> None:
    with pytest.raises(PartError, match="more than the 1000 bytes"):
        await output("import sys\nwhile True: sys.stdout.write('x' * 9999)")


async def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(PartError, match="failed with exit status 3: it broke"):
        await output("import sys; print('it  broke' + 'e' * 100000, file=sys.stderr); sys.exit(3)")
    with pytest.raises(PartError, match="exit status 0: it said nothing"):
        await output("pass", given=b"x" * 1_000_000)
    with pytest.raises(PartError, match="exit status -9"):
        await output("import os; os.kill(os.getpid(), 9)")


async def test_a_program_that_does_not_end_is_ended_with_what_it_began(tmp_path: Path) -> None:
    child = tmp_path / "child"
    code = (
        "import subprocess, sys\n"
        "one = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(child)!r}, 'w').write(str(one.pid) + chr(10))\n"
        "one.wait()"
    )
    with pytest.raises(PartError, match="has not ended after 5 s"):
        await output(code, within=5.0)
    await until_gone(int(child.read_text()))


async def test_a_program_is_killed_with_who_waits_for_it(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    os.mkfifo(begun)
    code = f"import os, time\nwith open({str(begun)!r}, 'w') as file: file.write(str(os.getpid()))\ntime.sleep(600)"
    task = asyncio.create_task(output(code))
    pid = int(await asyncio.to_thread(begun.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(pid)


async def until_gone(pid: int) -> None:
    """Fails where it still runs after ten seconds."""
    with suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        try:
            assert (await asyncio.to_thread(select.select, [watched], [], [], 10.0))[0]
        finally:
            os.close(watched)


# Piper

PIPER = """
import argparse, pathlib, sys, time, wave
parser = argparse.ArgumentParser()
for name in ("--model", "--output-dir", "--output-dir-naming", "--speaker"):
    parser.add_argument(name)
given = parser.parse_args()
assert pathlib.Path(given.model).exists()
print("INFO:piper:ready", file=sys.stderr)
for line in sys.stdin:
    line = line.strip()
    if "die" in line:
        sys.exit("it died")
    if "sleep" in line:
        time.sleep(600)
    path = pathlib.Path(given.output_dir) / f"{time.monotonic_ns()}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22050)
        file.writeframes(bytes([0, 64]) * 100 * len(line))
    print(f"INFO:__main__:Wrote {path}", file=sys.stderr, flush=True)
"""
"""Piper's command line as it is used, with a sound as long as the sentence."""


@pytest.fixture
def piper(tmp_path: Path) -> PiperVoice:
    (tmp_path / "piper.py").write_text(PIPER)
    for name in ("joe.onnx", "joe.onnx.json"):
        (tmp_path / name).touch()
    return PiperVoice(tmp_path / "joe.onnx", command=(sys.executable, str(tmp_path / "piper.py")))


async def test_piper_speaks_by_one_process(piper: PiperVoice) -> None:
    await piper.open()
    first = piper._process
    assert first is not None
    spoken = await asyncio.gather(*(piper.speak("a" * count, None) for count in (10, 20, 30)))
    assert [speech.samples.size for speech in spoken] == [1000, 2000, 3000]
    assert piper._process is first
    assert (await piper.speak("čau", None)).samples.size == 300
    folder = Path(piper._folder.name) if piper._folder else Path()
    assert list(folder.iterdir()) == []
    await piper.close()
    assert not folder.exists()
    assert first.returncode == -9
    with pytest.raises(PartError, match="not open"):
        await piper.speak("Hello.", None)


async def test_piper_that_dies_says_why_and_is_started_again(piper: PiperVoice) -> None:
    await piper.open()
    with pytest.raises(PartError, match=r"piper ended with exit status 1: .*it died"):
        await piper.speak("die", None)
    assert (await piper.speak("well", None)).samples.size == 400
    await piper.close()


async def test_piper_that_makes_nothing_is_given_up(piper: PiperVoice, monkeypatch: pytest.MonkeyPatch) -> None:
    await piper.open()
    monkeypatch.setattr(piper_voice, "SPEAK_SECONDS", 0.2)
    with pytest.raises(PartError, match=r"nothing of a sentence in 0\.2 s"):
        await piper.speak("sleep", None)
    await piper.close()


async def test_a_sentence_that_nobody_wants_from_piper_is_not_the_next_one(piper: PiperVoice) -> None:
    await piper.open()
    for _ in range(5):
        task = asyncio.create_task(piper.speak("a" * 50, None))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert (await piper.speak("a" * 7, None)).samples.size == 700
    await piper.close()


async def test_piper_is_closed_while_it_speaks(piper: PiperVoice) -> None:
    await piper.open()
    process = piper._process
    assert process is not None
    task = asyncio.create_task(piper.speak("sleep", None))
    waiting = asyncio.create_task(piper.speak("next", None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await piper.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(PartError, match="not open"):
        await waiting
    assert process.returncode == -9


async def test_piper_needs_its_model_and_its_program(tmp_path: Path, piper: PiperVoice) -> None:
    with pytest.raises(PartError, match=r"none\.onnx is missing"):
        await PiperVoice(tmp_path / "none.onnx").open()
    with pytest.raises(PartError, match="no-such-piper is not installed: pip install piper-tts"):
        await PiperVoice(tmp_path / "joe.onnx", command=("no-such-piper",)).open()


# Wyoming


class TtsServer(AsyncEventHandler):
    """Speaks 100 samples a character; of "die" and others it does what a bad server does."""

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            await self.write_event(info().event())
            return True
        said = Synthesize.from_event(event)
        if said.text == "error":
            await self.write_event(Error("no memory").event())
            return True
        if said.text == "die":
            return False
        channels = 2 if said.text == "stereo" else 1
        loud = 64 if said.voice is not None and said.voice.name == "loud" else 16
        await self.write_event(AudioStart(22_050, 2, channels).event())
        for _ in said.text:
            await self.write_event(AudioChunk(22_050, 2, channels, bytes([0, loud]) * 100).event())
        await self.write_event(AudioStop().event())
        return True


def info() -> Info:
    by = Attribution("x", "https://example.com")
    voices = [TtsVoice(name, by, name != "far", None, "1", ["en"]) for name in ("quiet", "loud", "far")]
    return Info(tts=[TtsProgram("x", by, True, None, "1", voices)])


@pytest.fixture
async def wyoming_url(tmp_path: Path) -> AsyncIterator[str]:
    url = f"unix://{tmp_path}/tts.socket"
    server = AsyncServer.from_uri(url)
    await server.start(TtsServer)
    yield url
    await server.stop()


async def test_wyoming_speaks(wyoming_url: str) -> None:
    voice = WyomingVoice(wyoming_url, voices=("loud",))
    await voice.open()
    speech = await voice.speak("Hello.", None)
    assert (speech.samples.size, speech.rate, speech.samples[0]) == (600, 22_050, 16 * 256)
    assert (await voice.speak("Hello.", "loud")).samples[0] == 64 * 256
    for other in ("quiet", "far", "unknown"):
        assert (await voice.speak("Hello.", other)).samples[0] == 16 * 256
    assert (await WyomingVoice(wyoming_url, voice="loud").speak("Hello.", None)).samples[0] == 64 * 256
    spoken = await asyncio.gather(*(voice.speak("a" * count, None) for count in range(1, 20)))
    assert [one.samples.size for one in spoken] == [100 * count for count in range(1, 20)]
    assert (await voice.speak("...", None)).samples.size == 0
    await voice.close()


@pytest.mark.parametrize(
    ("text", "says"), [("error", "no memory"), ("die", "end of the connection"), ("stereo", "one channel")]
)
async def test_what_a_wyoming_server_does_wrong_is_said(wyoming_url: str, text: str, says: str) -> None:
    with pytest.raises(PartError, match=says):
        await WyomingVoice(wyoming_url).speak(text, None)


async def test_wyoming_has_no_such_voice(wyoming_url: str) -> None:
    with pytest.raises(PartError, match="no voice 'nobody': it has loud, quiet"):
        await WyomingVoice(wyoming_url, voice="nobody").open()
    with pytest.raises(PartError, match="no voice 'far': it has loud, quiet"):
        await WyomingVoice(wyoming_url, voices=("loud", "far")).open()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "tcp://127.0.0.1", "tcp://:1", "unix://", "tcp://a:99999", ""])
def test_a_url_of_something_else_is_refused(url: str) -> None:
    with pytest.raises(PartError, match="expected tcp://HOST:PORT"):
        WyomingVoice(url)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"[]\n",
        b"{}\n",
        b"7\n",
        b'{"type": "audio-chunk", "payload_length": 9999999999}\n',
        b'{"type": "audio-chunk", "payload_length": "9"}\n',
        b'{"type": "audio-chunk", "payload_length": 9}\nabc',
        b'{"type": "audio-chunk", "data_length": 2}\n[]',
        b'{"type": "audio-chunk", "data_length": 20000}\n' + b"[" * 20_000,
        b'{"type": "audio-start", "data": {"rate": 1, "width": 2, "channels": 1}}\n{"type": "audio-stop"}\n',
        b'{"type": "audio-start", "data": {"rate": "x", "width": 2, "channels": 1}}\n',
        b'{"type": "audio-start", "data": []}\n',
        b'{"type": 7}\n',
        b'{"type": "info", "data": {"tts": 3}}\n',
        b'{"type": "info", "data": {"tts": [{"name": "x"}]}}\n',
        b"x" * 200_000,
    ],
)
async def test_a_hostile_wyoming_server_is_refused(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        with suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        voice = WyomingVoice(f"tcp://127.0.0.1:{port}")
        for asked in (voice.open(), voice.speak("Hello.", None)):
            with pytest.raises(PartError):
                await asked


async def test_a_wyoming_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wyoming_voice, "SPEAK_SECONDS", 0.2)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(PartError, match=r"not answered after 0\.2 s"):
            await WyomingVoice(url).speak("Hello.", None)
        over.set()
    with pytest.raises(PartError, match=r"cannot be reached: .*: is the Wyoming server running"):
        await WyomingVoice(url).speak("Hello.", None)


# OpenAI


class SpeechEndpoint(BaseHTTPRequestHandler):
    """/v1/audio/speech, 100 samples a character of its body's input."""

    asked: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(body)
        status = 401 if "unauthorized" in body else 200
        word = tone(300.0, 0.5, 24_000)
        sound = word.tobytes() if '"pcm"' in body else wav_of(word, 24_000)
        if "nothing" in body:
            sound = b""
        self.send_response(status)
        self.send_header("Content-Length", str(10**9 if "endless" in body else len(sound)))
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(sound)
            while "endless" in body:
                self.wfile.write(bytes(100_000))
        self.close_connection = True

    def log_message(self, *given: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Endpoint", (SpeechEndpoint,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()
        thread.join()


async def test_an_openai_endpoint_speaks(endpoint: tuple[str, list[str]]) -> None:
    url, asked = endpoint
    voice = OpenAIVoice(url, model="m", voice="alloy", voices=("ash",))
    await voice.open()
    speech = await voice.speak("Hello.", "ash")
    assert (speech.samples.size, speech.rate) == (12_000, 24_000)
    assert '"ash"' in asked[-1]
    await voice.speak("Hello.", "unknown")
    assert '"alloy"' in asked[-1]
    assert (await voice.speak("?", None)).samples.size == 0
    await voice.close()


async def test_an_openai_endpoint_gives_wav(endpoint: tuple[str, list[str]]) -> None:
    voice = OpenAIVoice(endpoint[0], model="m", voice="alloy", response_format="wav")
    assert (await voice.speak("Hello.", None)).samples.size == 12_000
    await voice.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [("unauthorized", "HTTP 401"), ("nothing", "no sound"), ("endless", "more than 100000 bytes of sound")],
)
async def test_what_an_openai_endpoint_does_wrong_is_said(
    endpoint: tuple[str, list[str]], text: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai_voice, "MOST_BYTES", 100_000)
    voice = OpenAIVoice(endpoint[0], model="m", voice="alloy")
    with pytest.raises(PartError, match=says):
        await voice.speak(text, None)
    await voice.close()


async def test_an_openai_endpoint_that_is_not_there_is_said() -> None:
    voice = OpenAIVoice("http://127.0.0.1:1/v1", model="m", voice="alloy")
    with pytest.raises(PartError, match=r"^http://127\.0\.0\.1:1/v1: Connection error"):
        await voice.speak("Hello.", None)
    await voice.close()


# What is kept


class Counting:
    """A voice that counts, and speaks when it may."""

    def __init__(self) -> None:
        self.spoken: list[tuple[str, str | None]] = []
        self.may = asyncio.Event()
        self.may.set()
        self.given_up = 0
        self.begun = asyncio.Event()
        self.is_open = False

    async def open(self) -> None:
        self.is_open = True

    async def speak(self, sentence: str, voice: str | None) -> Speech:
        self.spoken.append((sentence, voice))
        self.begun.set()
        try:
            await self.may.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if sentence == "fail":
            raise PartError("it failed")
        return Speech(np.full(1000, len(sentence), dtype=np.int16), 8000)

    async def close(self) -> None:
        self.is_open = False


async def test_what_was_made_costs_nothing() -> None:
    other = Counting()
    voice = CachedVoice(other)
    await voice.open()
    speech = await voice.speak("Hello.", None)
    assert speech is await voice.speak("Hello.", None)
    assert other.spoken == [("Hello.", None)]
    with pytest.raises(ValueError, match="read-only"):
        speech.samples[0] = 1
    await voice.speak("Hello.", "other")
    assert len(other.spoken) == 2
    await voice.close()
    assert not other.is_open
    assert voice.kept_bytes == 0


async def test_a_sentence_that_two_want_is_made_once() -> None:
    other = Counting()
    other.may.clear()
    voice = CachedVoice(other)
    tasks = [asyncio.create_task(voice.speak("Hello.", None)) for _ in range(3)]
    await other.begun.wait()
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    other.may.set()
    one, two = await asyncio.gather(*tasks[1:])
    assert one is two
    assert other.spoken == [("Hello.", None)]
    assert other.given_up == 0


async def test_a_sentence_that_nobody_wants_any_more_is_given_up() -> None:
    other = Counting()
    other.may.clear()
    voice = CachedVoice(other)
    tasks = [asyncio.create_task(voice.speak("Hello.", None)) for _ in range(2)]
    await other.begun.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    again = asyncio.create_task(voice.speak("Hello.", None))
    other.may.set()
    assert (await again).samples[0] == 6
    assert (other.given_up, len(other.spoken)) == (1, 2)


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    other = Counting()
    voice = CachedVoice(other)
    failed = await asyncio.gather(voice.speak("fail", None), voice.speak("fail", None), return_exceptions=True)
    assert [str(one) for one in failed] == ["it failed", "it failed"]
    with pytest.raises(PartError, match="it failed"):
        await voice.speak("fail", None)
    assert len(other.spoken) == 2


async def test_what_was_asked_for_longest_ago_goes_first() -> None:
    other = Counting()
    size = 2000 + 4 + OVERHEAD_BYTES
    voice = CachedVoice(other, most_bytes=3 * size)
    for sentence in "abcad":
        await voice.speak(sentence, None)
    assert voice.kept_bytes == 3 * size
    assert [sentence for sentence, _ in other.spoken] == ["a", "b", "c", "d"]
    await voice.speak("a", None)
    await voice.speak("b", None)
    assert [sentence for sentence, _ in other.spoken] == ["a", "b", "c", "d", "b"]
    small = CachedVoice(other, most_bytes=size - 1)
    await small.speak("a", None)
    assert small.kept_bytes == 0


async def test_it_is_closed_while_it_speaks() -> None:
    other = Counting()
    other.may.clear()
    voice = CachedVoice(other)
    task = asyncio.create_task(voice.speak("Hello.", None))
    await other.begun.wait()
    await voice.close()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert other.given_up == 1


def test_nothing_of_the_environment_makes_a_program_hang() -> None:
    os.environ["LD_PRELOAD"] = ""
    try:
        assert "LD_PRELOAD" not in program_output._environment()
    finally:
        del os.environ["LD_PRELOAD"]
    assert process_voice.PROCESSES_AT_ONCE >= 1
