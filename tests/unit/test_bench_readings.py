"""What the benchmark reads from the kernel, from Asterisk and from perf."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import cast

import pytest

from aiconvai.rig.asterisk import Asterisk, ManagerClient, Message
from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.bench import paths
from aiconvai.rig.bench.channel_statistics import ChannelPackets, parse
from aiconvai.rig.bench.connection_parts import parts_of
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.machine import busiest, process_times, used_by_others
from aiconvai.rig.bench.module_counters import LostAudio, module_calls, parse_call
from aiconvai.rig.bench.process_usage import ProcessUsage, ThreadUsage, context_switches, read_usage, used
from aiconvai.rig.bench.socket_drops import parse as parse_drops
from aiconvai.rig.bench.socket_drops import socket_drops
from aiconvai.rig.bench.system_calls import parse as parse_perf

ROOT = Path(__file__).parents[2]

CHANNEL_STATISTICS = """
                                             ...........Receive......... .........Transmit..........
 BridgeId ChannelId ........ UpTime.. Codec.   Count    Lost Pct  Jitter   Count    Lost Pct  Jitter RTT....
 ===========================================================================================================

          anonymous-00000000 00:00:05 ulaw      247       3    1   0.000    245       0    0   0.001   0.000
 7a8b9c   anonymous-0000000f 00:02:05 ulaw       12K      0    0   0.000     11K      0    0   0.001   0.000

Objects found: 2
"""

CALL = """\
Channel:            PJSIP/anonymous-00000001 (1763725200.1)
From the caller:    123 frames, 19680 bytes, level -20.1 dBFS; 2 frames refused
To the service:     123 chunks, 19680 bytes; 0 bytes waiting, 160 dropped
Queue:              3 chunks, 60 ms; 1 underruns, 320 bytes over the limit
"""

UDP = """\
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   99: 0100007F:1770 00000000:0000 07 00000000:00034000 00:00000000 00000000     0        0 1729287 2 00000000d4 8521
  101: 0100007F:1772 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1729288 2 000000002c 0
"""


def test_channel_statistics_are_read() -> None:
    assert parse(CHANNEL_STATISTICS) == {
        "anonymous-00000000": ChannelPackets(247, 3, 245),
        "anonymous-0000000f": ChannelPackets(12000, 0, 11000),
    }


def test_what_a_call_lost_is_read() -> None:
    assert parse_call(CALL) == LostAudio(refused_frames=2, dropped_bytes=160, overflow_bytes=320)


class OneCallEnded:
    """An Asterisk, and its manager, that list two calls, of which one has ended when it is asked for."""

    def position(self) -> int:
        return 0

    def action(self, name: str) -> None:
        assert name == "AIConvAIList"

    def wait_for(self, name: str, *, since: int) -> None:
        assert (name, since) == ("AIConvAIListComplete", 0)

    def events(self, name: str, *, since: int) -> list[Message]:
        assert (name, since) == ("AIConvAICall", 0)
        levels = (("UplinkLevel", "-20.0"), ("DownlinkLevel", "-21.0"))
        return [
            Message((("Channel", f"PJSIP/a-{number}"), ("Uniqueid", f"1.{number}"), ("Underruns", number), *levels))
            for number in ("1", "2")
        ]

    def cli(self, command: str) -> str:
        return CALL if command.endswith(" 1.1") else "No call '1.2' is with an agent; see 'aiconvai show calls'"


def test_a_call_that_ended_while_it_was_counted_is_not_counted() -> None:
    both = OneCallEnded()
    counted = module_calls(cast(Asterisk, both), cast(ManagerClient, both))
    assert (counted.calls, counted.underruns, counted.dropped_bytes) == (1, 1, 160)


def test_another_text_of_a_call_is_an_error() -> None:
    with pytest.raises(BenchError, match="over the limit"):
        parse_call(CALL.replace("over the limit", "gone"))


def test_dropped_datagrams_are_read() -> None:
    assert parse_drops(UDP) == {1729287: 8521, 1729288: 0}


def test_datagrams_that_do_not_fit_are_counted() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full:
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        full.bind(("127.0.0.1", 0))
        ours = ProcessReader(os.getpid())
        assert socket_drops(ours) == 0
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(b"x" * 1000, full.getsockname())
        assert socket_drops(ours) > 50


def test_counts_of_perf_are_read() -> None:
    assert parse_perf("12345,,raw_syscalls:sys_enter,1001234567,100.00,,\n") == 12345
    assert parse_perf("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n") == 0, "it never ran"
    assert parse_perf("<not supported>,,raw_syscalls:sys_enter,0,100.00,,\n") is None
    assert parse_perf("event syntax error: 'raw_syscalls:sys_enter'\n") is None


def test_parts_of_a_connection_that_are_told_are_taken() -> None:
    event = Message((("Event", "AIConvAIEnd"), ("ReadyMs", "12"), ("ConnectMs", "9")))
    assert parts_of(event) == {"ConnectMs": 9.0, "ReadyMs": 12.0}


def test_threads_are_summed_and_the_busiest_is_told() -> None:
    before = ProcessUsage({1: ThreadUsage(1_000_000_000, 0)}, 100)
    after = ProcessUsage({1: ThreadUsage(1_500_000_000, 100_000_000), 2: ThreadUsage(2_000_000_000, 0)}, 350)
    found = used(before, after)
    assert (found.ran, found.waited, found.busiest_thread) == pytest.approx((2.5, 0.1, 2.0))


def test_what_an_ended_thread_used_is_not_lost() -> None:
    before = ProcessUsage({1: ThreadUsage(0, 0), 2: ThreadUsage(0, 0)}, 0)
    after = ProcessUsage({1: ThreadUsage(500_000_000, 0)}, 3 * os.sysconf("SC_CLK_TCK"))
    assert used(before, after).ran == pytest.approx(3.0)


def test_this_process_uses_what_it_burns() -> None:
    """What the scheduler says is what the thread's own clock says."""
    before, began = read_usage(os.getpid()), time.thread_time()
    while time.thread_time() - began < 0.05:
        pass
    after = read_usage(os.getpid())
    assert used(before, after).ran >= 0.049
    assert threading.get_native_id() in after.threads


def test_waiting_switches_the_context() -> None:
    before = context_switches(os.getpid())
    time.sleep(0.001)
    assert context_switches(os.getpid()) > before


def test_a_process_that_is_gone_is_said_to_be() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError, match="is gone"):
        read_usage(pid)


def test_an_ended_process_counts_once() -> None:
    """The compiler (7) has ended and is its parent's; 0.5 s of it were before."""
    before = {(2, "make"): 1.0, (7, "compiler"): 0.5, (8, "asterisk"): 0.0}
    after = {(2, "make"): 3.5, (8, "asterisk"): 9.0}
    assert used_by_others(before, after, {8}) == pytest.approx(2.0)


def test_the_busiest_process_is_named_and_ours_are_not() -> None:
    before = {(1, "init"): 5.0, (7, "compiler"): 1.0, (8, "asterisk"): 0.0}
    after = {(1, "init"): 5.1, (7, "compiler"): 3.5, (8, "asterisk"): 9.0, (9, "new one"): 0.5}
    assert busiest(before, after, {8}) == "compiler (7) 2.5 s, new one (9) 0.5 s, init (1) 0.1 s"


def test_this_process_is_among_the_processes() -> None:
    assert os.getpid() in {pid for pid, _ in process_times()}


WHERE = paths.Where(
    paths.FarEndPorts(ws=1001, wss=1002, audiosocket=1003),
    paths.FarEndPorts(ws=2001, wss=2002, audiosocket=2003, host="198.18.0.2"),
    3001,
    {"gateway-20": 4001, "gateway-20-prompt": 4002},
)


def test_every_path_is_configured() -> None:
    text = paths.module_configuration(WHERE, {"talk": "talk-30"}, network_threads=2)
    dialplan, gateway = paths.dialplan(WHERE, paths.ALL), paths.gateway_agents(WHERE)
    assert text.startswith("[general]\nnetwork_threads=2\n")
    for path in paths.ALL:
        has_agent = path.agent is not None and not path.members
        assert (f"[{path.extension}]" in text) == (has_agent and not path.door)
        assert (f"[{path.extension}]" in gateway) == (has_agent and bool(path.door))
        assert (f"exten => {path.extension},1," in dialplan) == (path is not paths.ECHO)
    assert "[talk]\nagent_id=talk-30\nconversation_endpoint=ws://127.0.0.1:1001/v1/convai/conversation\naudio_f" in text
    assert "conversation_endpoint=wss://127.0.0.1:1002/v1/convai/conversation\ntls_ca_file=" in text
    assert "signed_url_endpoint=https://localhost:1002/v1/convai/conversation/get-signed-url\napi_key=" in text
    assert "AudioSocket(5c9f6e1c-7f5e-4d37-9d43-2f8f1f2c1c55,127.0.0.1:4001)" in dialplan
    assert "Stasis(bench,gateway-rtp-20)" in dialplan
    early = [path for path in paths.ALL if not path.keeps_early and path.agent is not None]
    measured = [path for path in early if not path.door]
    assert text.count("connect_audio_limit_ms=0") == len(measured) == 9
    assert "AudioSocket(5c9f6e1c-7f5e-4d37-9d43-2f8f1f2c1c55,127.0.0.1:1003)" in dialplan
    clients = paths.websocket_client_configuration(WHERE)
    assert "uri = ws://127.0.0.1:1001/media" in clients
    assert "uri = ws://198.18.0.2:2001/media" in clients
    assert "[silent]\nagent_id=silent\nconversation_endpoint=ws://127.0.0.1:3001/\n" in text


def test_echoes_of_which_the_round_trip_is_measured_come_at_once() -> None:
    text = paths.module_configuration(WHERE, {})
    dialplan = paths.dialplan(WHERE, paths.ALL)
    for path in paths.PATHS:
        measured = paths.prompt(path)
        assert measured.at_once == (path is not paths.ECHO)
        assert not path.at_once
    assert "[echo-20-prompt]\nagent_id=echo\nconversation_endpoint=ws://198.18.0.2:2001/" in text
    assert "exten => audiosocket-prompt,1,Answer()\n same => n,AudioSocket(" in dialplan
    assert ",198.18.0.2:2003)" in dialplan
    assert "Dial(WebSocket/far_end_at_once/c(ulaw),10)" in dialplan


def test_services_as_people_live_with_them() -> None:
    text = paths.module_configuration(WHERE, {})
    for path in paths.DEFAULTS:
        assert path.service is not None
        section = text.partition(f"[{path.extension}]\n")[2].partition("\n[")[0]
        assert "wss://127.0.0.1:1002" in section
        assert "audio_f" not in section
        assert f"agent_id=stream-{path.chunk_ms}-0" in section
    assert {path.chunk_ms for path in paths.DEFAULTS} == {20, 40, 240}


def test_every_service_has_a_path() -> None:
    definition = json.loads((ROOT / "configs" / "options.json").read_text(encoding="utf-8"))
    providers = next(one["values"] for one in definition["options"] if one["name"] == "provider")
    # local is websocket by another name.
    assert paths.ALL_SERVICES.providers() == set(providers) - {"local"}
    text = paths.module_configuration(WHERE, {})
    for path in paths.SERVICES:
        assert path.service is not None
        assert f"[{path.extension}]\nprovider={path.service.provider}\nconversation_url=ws://127.0.0.1:1001/" in text
        assert path.providers() == {path.service.provider}
    assert "/v1/realtime?agent_id=stream-20-0\naudio_frames_buffer_ms=20\n" in text
    assert "/agent?agent_id=stream-20-0\naudio_format=ulaw_8000\naudio_frames_buffer_ms=20\n" in text
    dialplan = paths.dialplan(WHERE, [paths.ALL_SERVICES])
    for turn, path in enumerate(paths.SERVICES):
        assert f"exten => services-{turn},1,Goto({path.extension},1)\n" in dialplan
    assert paths.CHUNKS_20.providers() == set()
