"""Programs of libFuzzer (tests/fuzz/), for as long as a test may take: from messages as Asterisk sends them."""

from __future__ import annotations

import subprocess
import uuid
from pathlib import Path

import pytest

from aiconvai.builds import build_program
from aiconvai.rig.asterisk.images import repository_root

# Each waits for the builds of the others in the same folder.
pytestmark = pytest.mark.timeout(400)

_RUNS = 200_000
_SEED = 20_261_130


def _audiosocket(kind: int, payload: bytes) -> bytes:
    return bytes([kind]) + len(payload).to_bytes(2, "big") + payload


def _rtp(sequence: int, payload: bytes, first: int = 0x80) -> bytes:
    packet = bytes([first, 0]) + sequence.to_bytes(2, "big") + (160 * sequence).to_bytes(4, "big") + b"ssrc" + payload
    return bytes([len(packet)]) + packet


AUDIOSOCKET = b"\x07" + b"".join(
    [
        _audiosocket(0x01, uuid.UUID(int=1).bytes),
        *(_audiosocket(kind, b"\1\2" * 160) for kind in range(0x10, 0x19)),
        _audiosocket(0x10, b"odd"),
        _audiosocket(0x03, b"5"),
        _audiosocket(0xFF, b"\x01"),
        _audiosocket(0x77, b"nobody knows"),
        _audiosocket(0x00, b""),
    ]
)
RTP = b"".join(
    [
        *(_rtp(one, b"\xff" * 160) for one in (1, 2, 4, 3, 100)),
        _rtp(5, b"\0" * 8 + b"audio", 0x82),
        _rtp(6, b"\xbe\xde\0\1" + b"\0" * 4 + b"audio\1", 0xB0),
    ]
)


@pytest.mark.parametrize(("name", "usual"), [("audiosocket_fuzz", AUDIOSOCKET), ("rtp_fuzz", RTP)])
def test_nothing_that_comes_is_read_wrong(tmp_path: Path, name: str, usual: bytes) -> None:
    root = repository_root()
    options = {"b_lundef": "false", "module": "disabled", "tests": "true", "werror": "true"}
    program = build_program(root, root / "build" / "fuzz", f"tests/fuzz/{name}", options, tmp_path, compiler="clang")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "usual").write_bytes(usual)
    done = subprocess.run(
        [program, f"-runs={_RUNS}", f"-seed={_SEED}", "-max_len=4096", corpus],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {_RUNS} runs" in done.stderr
