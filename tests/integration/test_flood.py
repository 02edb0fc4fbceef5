"""A service that sends without end: the calls beside it do not notice."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import trustme
from hearing import spacing_since
from voice import Voice, mock_options, voice

from aiconvai.audio import tone, ulaw_encode
from aiconvai.mock import ElevenLabsMockThread, MockOptions
from aiconvai.rig.asterisk import Asterisk
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER, HOST
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.bench.far_end import FarEnd
from aiconvai.rig.caller import Call, Caller

__all__ = ["mock_options", "voice"]

pytestmark = pytest.mark.alone

SECONDS = 6
SPEECH = ulaw_encode(tone(700.0, 2.0, 8000))
FLOODS = 4
SHOW = "aiconvai show call"


@contextmanager
def _flooding_service(kind: str, certificate: Path | None = None) -> Iterator[str]:
    """Its URL."""
    command = [sys.executable, str(Path(__file__).with_name("flooding_service.py")), kind]
    command += [str(certificate)] if certificate else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"{'wss' if certificate else 'ws'}://127.0.0.1:{process.stdout.readline().strip()}/"
        finally:
            process.stdin.close()


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.fault("service.floods")
def test_call_beside_a_flood_keeps_its_pace(voice: Voice, tls: bool, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(voice.asterisk.directory / "flood-ca.pem"))
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "flood.pem"))
    program = repository_root() / "build" / "tests" / "far_end" / "far_end"
    with (
        _flooding_service("scores", tmp_path / "flood.pem" if tls else None) as url,
        FarEnd(program, speech=SPEECH) as far_end,
    ):
        endpoint = f"ws://127.0.0.1:{far_end.ws_port}/v1/convai/conversation"
        voice.agent("talk", conversation_endpoint=endpoint, agent_id="stream-20-0", audio_frames_buffer_ms=20)
        voice.agent("flood", conversation_url=url, tls_ca_file="/aiconvai/flood-ca.pem")
        voice.dialplan("exten => 100,1,AIConvAI(talk)\nexten => 200,1,AIConvAI(flood)")
        voice.apply()
        for _ in range(FLOODS):
            voice.call("200")
        voice.event("AIConvAIReady", Agent="flood")
        spacing_ms = _spacing_ms(voice.call("100"))
        flood, *_ = [name for name in voice.asterisk.channels() if "flood" in voice.asterisk.cli(f"{SHOW} {name}")]
        received = re.search(r"VAD scores (\d+)", voice.asterisk.cli(f"{SHOW} {flood}"))
    assert received is not None
    assert int(received.group(1)) > SECONDS * 10_000, "it does flood"
    _check_spacing(spacing_ms)


def _spacing_ms(call: Call) -> npt.NDArray[np.float64]:
    """Between the packets that the call hears from now on."""
    call.wait_for_sound()
    call.wait_heard(50)
    since = time.monotonic()
    call.wait_heard(len(call.heard) + SECONDS * 50, timeout=SECONDS + 5)
    return spacing_since(call, since)


def _check_spacing(spacing_ms: npt.NDArray[np.float64]) -> None:
    early, late = np.percentile(spacing_ms, [1, 99])
    assert early > 5
    assert late < 40


@contextmanager
def _manager_that_does_not_read(asterisk: Asterisk) -> Iterator[None]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((HOST, asterisk.ami_port))
        connection.sendall(f"Action: Login\r\nUsername: {AMI_USER}\r\nSecret: {AMI_SECRET}\r\n\r\n".encode())
        yield


@pytest.mark.fault("service.floods")
def test_call_beside_a_flood_of_transcripts_keeps_its_pace(
    make_asterisk: Callable[..., Asterisk], app_module: Path
) -> None:
    """Each is an event for managers, one of which does not read. What is too much is dropped and counted."""
    program = repository_root() / "build" / "tests" / "far_end" / "far_end"
    asterisk = make_asterisk(module=app_module, module_config="[general]\n")
    with (
        _flooding_service("transcripts") as url,
        FarEnd(program, speech=SPEECH) as far_end,
        Caller(asterisk.sip_port) as caller,
        ElevenLabsMockThread(MockOptions()) as mock,
        _manager_that_does_not_read(asterisk),
    ):
        voice = Voice(asterisk, caller, mock)
        # This manager is of the process that hears.
        asterisk.ami.action("Filter", Operation="Add", Filter="!Event: AIConvAITranscript")
        endpoint = f"ws://127.0.0.1:{far_end.ws_port}/v1/convai/conversation"
        voice.agent("talk", conversation_endpoint=endpoint, agent_id="stream-20-0", audio_frames_buffer_ms=20)
        voice.agent("flood", conversation_url=url)
        voice.dialplan("exten => 100,1,AIConvAI(talk)\nexten => 200,1,AIConvAI(flood)")
        voice.apply()
        for _ in range(FLOODS):
            voice.call("200")
        voice.event("AIConvAIReady", Agent="flood")
        talking = voice.call("100")
        spacing_ms = _spacing_ms(talking)
        stats = asterisk.cli("aiconvai show stats")
        talking.hangup()
        end = voice.event("AIConvAIEnd", Agent="talk")
        assert end["EventsDropped"] == "0", "the flood of one call is not the loss of another"
    told, dropped = (re.search(rf"Events {what}: +(\d+)", stats) for what in ("told", "dropped"))
    assert told is not None
    assert dropped is not None
    assert int(told.group(1)) + int(dropped.group(1)) > SECONDS * 1000, "it does flood"
    _check_spacing(spacing_ms)
