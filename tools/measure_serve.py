#!/usr/bin/env python3
"""What `aiconvai serve` costs, and how soon the page knows, with many calls that go on.

.venv/bin/python tools/measure_serve.py [--callers 665] [--speed 0.6] [--seconds 600] [--followers 20]

Three of four callers are in a call at any time: 500 calls, and 300 events a second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np

PORT = 8078
ADDRESS = f"http://127.0.0.1:{PORT}"
WARM_SECONDS = 60.0
"""Until all calls go on, each at its own place."""


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


async def resident_after(pid: int, seconds: float) -> float:
    await asyncio.sleep(seconds)
    return resident_mib(pid)


def counted(text: str, name: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


async def follow(client: httpx.AsyncClient, until: float, lags: list[float]) -> None:
    """One call after the other, word by word as the page does."""
    while time.time() < until:
        calls = [call for call in (await client.get("/api/live")).json() if call["ended"] is None]
        call = calls[int(time.time() * 1000) % len(calls)]
        seen = 0.0
        async with client.stream("GET", f"/api/live/{call['asterisk']}/{call['record']}/events") as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                told = json.loads(line.removeprefix("data: "))
                newest = max((one["time"] for one in told["lines"]), default=0.0)
                if seen and newest > seen:
                    lags.append((time.time() - newest) * 1000)
                seen = max(seen, newest)
                if told["ended"] is not None or time.time() > until:
                    break


async def measure(pid: int, token: str, seconds: float, followers: int) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=followers + 10)
    async with httpx.AsyncClient(base_url=ADDRESS, headers=headers, timeout=60, limits=limits) as client:
        before = (await client.get("/metrics")).text
        began, processor, memory = time.monotonic(), processor_seconds(pid), resident_mib(pid)
        lags: list[float] = []
        until = time.time() + seconds
        half = asyncio.create_task(resident_after(pid, seconds / 2))
        await asyncio.gather(*(follow(client, until, lags) for _ in range(followers)))
        took = time.monotonic() - began
        after = (await client.get("/metrics")).text
        come = "aiconvai_event_lag_seconds_count"
        events = counted(after, come) - counted(before, come)
        print(f"calls that go on   {counted(after, 'aiconvai_live_calls'):.0f}")
        print(f"events a second    {events / took:.0f}")
        print(f"processor          {(processor_seconds(pid) - processor) / took:.2f} of a core")
        print(f"memory             {memory:.0f} MiB, {await half:.0f} after half of it, then {resident_mib(pid):.0f}")
        print(f"event to page      {np.percentile(lags, 50):.0f} ms, 99 of 100 within {np.percentile(lags, 99):.0f} ms")
        print(f"words followed     {len(lags)} by {followers}")
        print(f"events that wait   {counted(after, 'aiconvai_sink_waiting'):.0f}")
        print(f"events lost        {counted(after, 'aiconvai_sink_lost'):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--callers", type=int, default=665)
    parser.add_argument("--speed", type=float, default=0.6)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--followers", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "serve.toml"
        config.write_text(f'data = "{folder}"\n[page]\nport = {PORT}\n')
        command = [sys.executable, "-m", "aiconvai", "serve", "--config", str(config)]
        (Path(folder) / "demo").mkdir()
        tokens = [*command[:-1], str(config.with_name("tokens.toml")), "token", "measure"]
        config.with_name("tokens.toml").write_text(f'data = "{folder}/demo"\n')
        token = subprocess.run(tokens, capture_output=True, text=True, check=True).stdout.strip()
        demo = ["--demo", "--demo-calls", str(given.callers), "--demo-speed", str(given.speed)]
        process = subprocess.Popen([*command, *demo], stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(WARM_SECONDS)
            asyncio.run(measure(process.pid, token, given.seconds, given.followers))
        finally:
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
