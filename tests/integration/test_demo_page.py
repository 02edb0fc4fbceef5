"""The page that `make demo KEEP=1` runs beside its Asterisk."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

# A program that starts keeps a processor busy for seconds.
pytestmark = pytest.mark.alone


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def test_the_page_beside_it_shows_the_call(tmp_path: Path) -> None:
    """As `make demo KEEP=1` does, until Ctrl-C; in the background of a shell, which ignores that."""
    command = [sys.executable, "-m", "aiconvai", "demo", "--keep", "--output", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_ignore_interrupts)
    try:
        assert process.stdout is not None
        lines = (re.search(r"http://\S+/setup\?token=\S+", line) for line in process.stdout)
        address = next(found[0] for found in lines if found)
        with httpx.Client(follow_redirects=True, timeout=30) as client:
            token = parse_qs(urlsplit(address).query)["token"][0]
            page = address.partition("/setup")[0]
            given = {"token": token, "name": "ann", "password": "correct horse battery"}
            assert "ann, admin" in client.post(f"{page}/setup", data=given).text
            deadline = time.monotonic() + 20
            while not (found := re.search(r'href="(/calls/\d+)"', client.get(f"{page}/calls").text)):
                assert time.monotonic() < deadline
                time.sleep(0.1)
            shown = client.get(f"{page}{found[1]}").text
            assert "I will take a taxi" in shown
            assert "data-recorded" in shown
            recording = client.get(f"{page}/api{found[1]}/recording.wav")
        assert (recording.status_code, recording.content[:4]) == (200, b"RIFF")
        assert len(recording.content) > 20 * 8000 * 4
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
