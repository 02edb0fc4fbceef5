"""nginx with TLS, before a page of ours, as a page of the docs has it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import trustme

from aiconvai.rig.asterisk.ports import free_port

_SECONDS = 10.0
_USUAL_PAGE = "127.0.0.1:8070"
_CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
{block}
    }}
}}
"""


class NginxServer:
    """A context manager; https://localhost:`port` then, for whom `trust` says whom to trust."""

    def __init__(self, folder: Path, block: str, page: int) -> None:
        """`block`: what stands in the server; `page`: the port of the page behind it."""
        self.port = free_port()
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost")
        for number, pem in enumerate(certificate.cert_chain_pems):
            pem.write_to_path(folder / "chain.pem", append=number > 0)
        certificate.private_key_pem.write_to_path(folder / "key.pem")
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        assert _USUAL_PAGE in block
        block = block.replace(_USUAL_PAGE, f"127.0.0.1:{page}")
        self._configuration = folder / "nginx.conf"
        self._configuration.write_text(_CONFIGURATION.format(folder=folder, port=self.port, block=block))
        self._log = folder / "nginx.log"

    @property
    def address(self) -> str:
        return f"https://localhost:{self.port}"

    def __enter__(self) -> Self:
        command = ["/usr/sbin/nginx", "-e", "stderr", "-c", self._configuration]
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + _SECONDS
        while not self._listens():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        assert self._process.wait(10) == 0
