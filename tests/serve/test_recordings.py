"""Recordings are heard as one file of both sides, by whom may; and are gone with their calls."""

from __future__ import annotations

import io
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from serve_events import a_start, an_end, said

from aiconvai.serve.access import Role
from aiconvai.serve.application import Application
from aiconvai.serve.recordings import HEADER_BYTES, Recording, Recordings
from aiconvai.serve.settings import AsteriskSettings, ServeSettings
from aiconvai.serve.store.store import Forgotten, Wanted
from aiconvai.serve.web.api import make_api

TOLD = "/var/spool/asterisk/monitor/1764434123.42"
FRAMES = 100_000
CALLER = (np.arange(FRAMES) % 1000).astype("<i2")
AGENT = -CALLER


def names_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def write(path: Path, samples: np.ndarray, rate: int = 8000, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    one = tmp_path / "recordings"
    one.mkdir()
    write(one / "1764434123.42-caller.wav", CALLER)
    write(one / "1764434123.42-agent.wav", AGENT[:-700])
    return one


@pytest.fixture
def recordings(folder: Path) -> Recordings:
    return Recordings({"pbx": AsteriskSettings.model_validate({"user": "u", "secret": "s", "recordings": folder})})


@pytest.fixture
def recording(recordings: Recordings) -> Recording:
    found = recordings.find("pbx", TOLD)
    assert found is not None
    return found


def whole(recording: Recording) -> bytes:
    return b"".join(recording.read(0, recording.length))


def test_both_sides_are_one_file(recording: Recording) -> None:
    data = whole(recording)
    assert len(data) == recording.length
    with wave.open(io.BytesIO(data)) as file:
        assert file.getparams()[:4] == (2, 2, 8000, FRAMES - 700)
        both = np.frombuffer(file.readframes(FRAMES), "<i2").reshape(-1, 2)
    assert np.array_equal(both[:, 0], CALLER[:-700])
    assert np.array_equal(both[:, 1], AGENT[:-700])


@pytest.mark.parametrize(
    ("begin", "end"),
    [(0, 1), (0, 44), (43, 47), (44, 45), (45, 46), (47, 200_001), (131_000, 263_013), (399_000, None), (7, None)],
)
def test_any_part_of_it_is_that_part(recording: Recording, begin: int, end: int | None) -> None:
    last = recording.length if end is None else end
    assert b"".join(recording.read(begin, last)) == whole(recording)[begin:last]


def test_the_loudest_moments(recording: Recording) -> None:
    found = recording.peaks(10)
    assert {side: len(peaks) for side, peaks in found.items()} == {"caller": 10, "agent": 10}
    assert found["caller"][0] == pytest.approx(999 / 32_768, abs=0.001)


@pytest.mark.parametrize(
    ("asterisk", "told"),
    [
        ("other", TOLD), ("pbx", ""), ("pbx", "/x/1764434123.43"), ("pbx", "/x/../../etc/passwd"),
        ("pbx", "1764434123"), ("pbx", "/x/1764434123.42-caller"), ("pbx", "1.2\n"), ("pbx", "/"),
    ],
)  # fmt: skip
@pytest.mark.fault("beside.recordings-elsewhere")
def test_nothing_else_is_read(recordings: Recordings, asterisk: str, told: str) -> None:
    assert recordings.find(asterisk, told) is None


def test_what_is_no_recording_is_none(recordings: Recordings, folder: Path) -> None:
    agent = folder / "1764434123.42-agent.wav"
    write(agent, AGENT, rate=16_000)
    assert recordings.find("pbx", TOLD) is None
    agent.write_bytes(b"RIFF")
    assert recordings.find("pbx", TOLD) is None
    agent.unlink()
    assert recordings.find("pbx", TOLD) is None


@pytest.mark.parametrize("how", ["link", "link to nothing", "pipe", "folder"])
def test_what_is_no_file_of_its_own_is_none(recordings: Recordings, folder: Path, tmp_path: Path, how: str) -> None:
    agent, elsewhere = folder / "1764434123.42-agent.wav", tmp_path / "elsewhere.wav"
    agent.rename(elsewhere)
    match how:
        case "link":
            agent.symlink_to(elsewhere)
        case "link to nothing":
            agent.symlink_to(tmp_path / "none")
        case "pipe":
            # Nobody is waited for who would write to it.
            os.mkfifo(agent)
        case "folder":
            agent.mkdir()
    assert recordings.find("pbx", TOLD) is None


def test_those_of_sixteen_kilohertz_have_another_name(recordings: Recordings, folder: Path) -> None:
    for side, samples in (("caller", CALLER), ("agent", AGENT)):
        write(folder / f"7.8-{side}.wav16", samples, rate=16_000)
    found = recordings.find("pbx", "7.8")
    assert found is not None
    assert (found.rate, found.frames) == (16_000, FRAMES)


def test_they_are_removed_by_name_and_no_others(recordings: Recordings, folder: Path) -> None:
    write(folder / "7.8-caller.wav16", CALLER)
    (folder / "notes.wav").write_text("x")
    assert recordings.remove([Forgotten("pbx", TOLD), Forgotten("pbx", ""), Forgotten("other", "7.8")]) == 0
    assert names_in(folder) == ["7.8-caller.wav16", "notes.wav"]
    (folder / "9.9-caller.wav").mkdir()
    assert recordings.remove([Forgotten("pbx", "7.8"), Forgotten("pbx", "9.9")]) == 1


# The API


@pytest.fixture
async def application(tmp_path: Path, folder: Path) -> AsyncIterator[Application]:
    asterisk = {"pbx": {"user": "u", "secret": "s", "port": 1, "recordings": folder}}
    (tmp_path / "data").mkdir()
    one = Application(ServeSettings.model_validate({"data": tmp_path / "data", "asterisk": asterisk}))
    async with one.running():
        yield one


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_api(application)), base_url="http://serve") as one:
        token = await application.tokens.issue("test", Role.ADMIN)
        one.headers["Authorization"] = f"Bearer {token}"
        yield one


async def a_call(application: Application, record: str, **start: str) -> int:
    events = [a_start(record, **start), said("Hello", record), an_end(record)]
    await application.store.keep("pbx", [one.event for one in events])
    return next(call.id for call in await application.store.calls(Wanted()) if call.record == record)


async def test_a_player_asks_for_parts(application: Application, client: httpx.AsyncClient) -> None:
    call = await a_call(application, "1764434123.42", Recording=TOLD, RecordedMs="1200")
    found = (await client.get(f"/api/calls/{call}")).json()
    assert (found["recording"], found["recorded_ms"]) == (TOLD, 1200)
    place = f"/api/calls/{call}/recording.wav"
    everything = await client.get(place)
    assert (everything.status_code, everything.headers["content-type"]) == (200, "audio/wav")
    length = len(everything.content)
    assert length == HEADER_BYTES + 4 * (FRAMES - 700)
    for wanted, begin, end in (("0-99", 0, 100), ("100-", 100, length), ("-10", length - 10, length)):
        part = await client.get(place, headers={"Range": f"bytes={wanted}"})
        assert part.status_code == 206
        assert part.content == everything.content[begin:end]
        assert part.headers["content-range"] == f"bytes {begin}-{end - 1}/{length}"
    assert (await client.get(place, headers={"Range": f"bytes={length}-"})).status_code == 416
    for strange in ("lines=1-2", "bytes=1-2,5-6", "bytes=-", "x" * 1000):
        assert (await client.get(place, headers={"Range": strange})).status_code == 200
    peaks = (await client.get(f"/api/calls/{call}/peaks", params={"count": 50})).json()
    assert peaks["seconds"] == pytest.approx((FRAMES - 700) / 8000)
    assert len(peaks["caller"]) == len(peaks["agent"]) == 50


async def test_a_call_that_was_not_recorded_has_none(application: Application, client: httpx.AsyncClient) -> None:
    call = await a_call(application, "1.1")
    for what in ("recording.wav", "peaks"):
        assert (await client.get(f"/api/calls/{call}/{what}")).status_code == 404
        assert (await client.get(f"/api/calls/99/{what}")).status_code == 404
        anybody = await client.get(f"/api/calls/{call}/{what}", headers={"Authorization": ""})
        assert anybody.status_code == 401


async def test_what_is_forgotten_is_not_heard_any_more(
    application: Application, client: httpx.AsyncClient, folder: Path
) -> None:
    await a_call(application, "1764434123.42", Recording=TOLD, CallerIDNum="+421")
    await a_call(application, "1.1", CallerIDNum="+421")
    assert (await client.delete("/api/callers/+421")).json() == {"forgotten": 2}
    assert names_in(folder) == []
