#!/usr/bin/env python3
"""How soon the history answers with many calls in it, and that killing the program loses and doubles none.

.venv/bin/python tools/measure_store.py [--calls 1000000] [--kills 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np

from aiconvai.serve.store.store import Store

PORT = 8077
ADDRESS = f"http://127.0.0.1:{PORT}"
TURNS = 8
REQUESTS = 40
CALLS_A_SECOND = 40.0
_WORDS = ("parcel", "booking", "invoice", "morning", "thanks", "number", "address", "station", "table", "modem")
_RARE = "zanzibar"
_AGENTS = ("reception", "orders", "support")
_AT_ONCE = 10_000


# Many calls --------------------------------------------------------------------------------------------------


def rows(count: int) -> Iterator[tuple[tuple[object, ...], list[tuple[object, ...]]]]:
    """Calls of the last year, one after the other, and what was said in each."""
    chance = random.Random(7)
    began = time.time() - 365 * 86_400
    step = 365 * 86_400 / count
    for number in range(1, count + 1):
        started = began + number * step
        status = "COMPLETED" if chance.random() < 0.9 else "LOST"
        caller = f"+4207{chance.randrange(100_000):05d}"
        call = (number, "pbx", f"{number}.1", 1, started, started + 60, _AGENTS[number % 3], f"c{number}", "", "",
                "PJSIP/x", caller, "", "100", status, "", "", 60_000, 800, 640, 900, 1, "{}")  # fmt: skip
        turns: list[tuple[object, ...]] = []
        for turn in range(TURNS):
            text = " ".join(chance.choices(_WORDS, k=12))
            if number % 9_973 == 0 and turn == 3:
                text += f" {_RARE}"
            role = "agent" if turn % 2 == 0 else "caller"
            turns.append((number, turn, role, text, started + turn * 5, turn * 5_000))
        yield call, turns


def fill(path: Path, count: int) -> None:
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous=OFF")
    columns = ("id, asterisk, record, is_whole, started, ended, agent, conversation_id, unique_id, linked_id, channel,"
               " caller_number, caller_name, extension, status, reason, transfer, duration_ms, first_audio_ms,"
               " answer_ms, slowest_answer_ms, interruptions, figures")  # fmt: skip
    calls: list[tuple[object, ...]] = []
    turns: list[tuple[object, ...]] = []

    def flush() -> None:
        with database:
            marks = ",".join("?" * len(calls[0]))
            database.executemany(f"INSERT INTO calls ({columns}) VALUES ({marks})", calls)
            database.executemany(
                "INSERT INTO turns (call_id, turn, role, text, time, spoken_ms) VALUES (?, ?, ?, ?, ?, ?)", turns
            )
        calls.clear()
        turns.clear()

    for call, said in rows(count):
        calls.append(call)
        turns.extend(said)
        if len(calls) == _AT_ONCE:
            flush()
    if calls:
        flush()
    database.execute("ANALYZE")
    database.close()


def measure_history(folder: Path, count: int) -> None:
    path = folder / "calls.db"

    async def make_tables() -> None:
        store = Store(f"sqlite:///{path}")
        await store.open()
        await store.close()

    asyncio.run(make_tables())
    began = time.monotonic()
    fill(path, count)
    print(f"{count} calls of {TURNS} turns: {path.stat().st_size >> 20} MiB, made in {time.monotonic() - began:.0f} s")
    newest = time.time()
    asked: dict[str, dict[str, object]] = {
        "the newest": {},
        "of an agent": {"agent": "orders"},
        "that failed": {"status": "LOST"},
        "of a caller": {"caller_number": "+420700042"},
        "of a day, half a year ago": {"since": newest - 180 * 86_400, "until": newest - 179 * 86_400},
        "a word in every call": {"text": "parcel"},
        "two words": {"text": "parcel station"},
        "a word in one of 10,000": {"text": _RARE},
        "a word nobody said": {"text": "xylophone"},
        "older than half a year": {"before": newest - 180 * 86_400},
        "a common word of an agent": {"text": "modem", "agent": "support"},
    }
    more = '[asterisk.pbx]\nport = 1\nuser = "u"\nsecret = "s"\n'
    with Serving(folder, more) as (token, _), httpx.Client(base_url=ADDRESS, timeout=120) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        for name, query in asked.items():
            took: list[float] = []
            for _ in range(REQUESTS):
                began = time.monotonic()
                answer = client.get("/api/calls", params={"limit": 50, **query})
                took.append((time.monotonic() - began) * 1000)
            found = len(answer.json())
            half, most = np.percentile(took, 50), np.percentile(took, 95)
            print(f"{name:28} {half:7.1f} ms, 95 of 100 within {most:7.1f}: {found}")


# The program -----------------------------------------------------------------------------------------------------


class Serving:
    """The program, as an administrator runs it."""

    def __init__(self, folder: Path, more: str) -> None:
        self.config = folder / "serve.toml"
        self.config.write_text(f'data = "{folder}"\n[page]\nport = {PORT}\n{more}')
        self.command = [sys.executable, "-m", "aiconvai", "serve", "--config", str(self.config)]

    def start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def __enter__(self) -> tuple[str, Serving]:
        told = subprocess.run([*self.command, "token", "measure"], capture_output=True, text=True, check=True)
        self.process = self.start()
        return told.stdout.strip(), self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)


# Killed ------------------------------------------------------------------------------------------------------


def journal_line(number: int) -> str:
    """A call of an Asterisk's, as its journal has it."""
    began = time.time()
    record = {"Record": f"{int(began)}.{number}", "Agent": "sales", "ConversationID": f"c{number}"}
    channel = {"Uniqueid": f"9.{number}", "Channel": "PJSIP/x", "CallerIDNum": "+420123"}
    said = {"Event": "AIConvAITranscript", "Role": "caller", "Text": f"call {number}", "Final": "yes", "Turn": "1"}
    events = [
        {"Event": "AIConvAIStart", "Time": f"{began:.6f}", "LineFormat": "ulaw_8000", **channel, **record},
        {"Time": f"{began + 1:.6f}", "SpokenMs": "1000", **said, **record},
        {"Event": "AIConvAIEnd", "Time": f"{began + 2:.6f}", "Status": "COMPLETED", "DurationMs": "2000", **record},
    ]
    return json.dumps({"Version": 1, "LeftOut": 0, "Events": events}) + "\n"


def count_rows(database: sqlite3.Connection, table: str) -> int:
    return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def measure_kills(folder: Path, kills: int) -> None:
    journal = folder / "calls.jsonl"
    journal.touch()
    written = 0
    is_over = threading.Event()

    def write() -> None:
        nonlocal written
        with journal.open("a") as file:
            while not is_over.wait(1 / CALLS_A_SECOND):
                written += 1
                file.write(journal_line(written))
                file.flush()

    more = f'[asterisk.pbx]\nport = 1\nuser = "u"\nsecret = "s"\njournal = "{journal}"\n'
    chance = random.Random(7)
    with Serving(folder, more) as (_, program):
        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(kills):
            time.sleep(chance.uniform(1.0, 4.0))
            program.process.send_signal(signal.SIGKILL)
            program.process.wait(30)
            program.process = program.start()
        is_over.set()
        writer.join()
        with sqlite3.connect(folder / "calls.db") as database:
            for _ in range(600):
                kept, turns = (count_rows(database, table) for table in ("calls", "turns"))
                if kept >= written:
                    break
                time.sleep(0.1)
    print(f"{written} calls while it was killed {kills} times: {kept} are there, with {turns} turns")
    assert kept == turns == written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10, help="0: leave that out")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.kills:
            measure_kills(Path(folder), given.kills)
    with tempfile.TemporaryDirectory() as folder:
        measure_history(Path(folder), given.calls)


if __name__ == "__main__":
    main()
