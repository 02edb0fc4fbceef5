"""Runs a test's service and its client in a network namespace of their own, in which IPv6 leads nowhere.

    python in_namespace.py PROGRAM     begun by `unshare`; prints what the program counted

The service's name has more IPv6 addresses than are kept of one, and one IPv4 address.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario

NAME = "dual.example"
IPV4 = "192.0.2.2"
ADDRESSES = [f"2001:db8::{number:x}" for number in range(16, 28)]
CLOSING = "steps: [{tone: {seconds: 0.1}}, {close: 1000}]"


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _prepare(hosts: str) -> None:
    _run("ip", "link", "set", "lo", "up")
    # A cable whose other end nobody listens at.
    _run("ip", "link", "add", "nowhere", "type", "veth", "peer", "name", "elsewhere")
    _run("ip", "link", "set", "nowhere", "up")
    _run("ip", "link", "set", "elsewhere", "up")
    _run("ip", "address", "add", f"{IPV4}/24", "dev", "nowhere")
    _run("ip", "address", "add", "2001:db8::2/64", "dev", "nowhere", "nodad")
    for address in ADDRESSES:
        # Somebody is said to be there, so that packets are sent, and swallowed.
        _run("ip", "neighbour", "add", address, "lladdr", "02:00:00:00:00:01", "dev", "nowhere")
    _run("mount", "--bind", hosts, "/etc/hosts")


def main() -> None:
    with tempfile.NamedTemporaryFile("w") as hosts:
        hosts.write("".join(f"{address} {NAME}\n" for address in (*ADDRESSES, IPV4)))
        hosts.flush()
        _prepare(hosts.name)
        agents = {"close": ElevenLabsAgent(scenario=parse_scenario(CLOSING))}
        with ElevenLabsMockThread(MockOptions(agents=agents, host=IPV4, public_host=NAME)) as mock:
            endpoint = f"--endpoint={mock.conversation_endpoint}"
            _run(sys.argv[1], endpoint, "--agent=close", "--lines=4", "--loops=1", "--seconds=3")


if __name__ == "__main__":
    main()
