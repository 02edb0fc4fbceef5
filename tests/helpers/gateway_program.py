"""`aiconvai gateway`, as an administrator runs it, on ports of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import time
import tomllib
import uuid
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from aiconvai.rig.asterisk.ports import free_port
from aiconvai.serve.access import Role, Tokens
from aiconvai.serve.store.store import Store
from aiconvai.serve.users import Users

PASSWORD = "correct horse battery"
_SECONDS = 20.0
_SETTLED_SECONDS = 0.5
"""After which what is closed on one side is closed on the other one, too."""


class GatewayProgram:
    """One of them. `start` and `stop`."""

    def __init__(self, folder: Path, agents: str, gateway: str = "", more: str = "") -> None:
        """`agents`: aiconvai.conf. `gateway`: lines of [gateway]; `more`: of the rest of serve.toml."""
        self.folder = folder
        self.page = free_port()
        self.config = folder / "serve.toml"
        self.agents = folder / "aiconvai.conf"
        self.agents.write_text(agents)
        usual = "" if "audiosocket" in gateway else "[gateway.audiosocket.usual]\nport = 0\n"
        self.config.write_text(
            f'data = "{folder}/data"\n[page]\nport = {self.page}\n'
            f'[gateway]\naiconvai_conf = "{self.agents}"\n{gateway}\n{usual}\n{more}\n'
        )
        self._prepare()

    def _prepare(self) -> None:
        (self.folder / "data").mkdir(mode=0o700)
        self.token: str = self._with_store(lambda store: Tokens(store).issue("test", Role.ADMIN))
        self.ports: list[int] = []
        self.process: subprocess.Popen[str] | None = None
        self.log = self.folder / "gateway.log"

    def user(self, name: str, role: Role) -> None:
        """Who logs in with `PASSWORD`."""
        self._with_store(lambda store: Users(store).create(name, PASSWORD, role))

    def _with_store(self, work: Callable[[Store], Coroutine[Any, Any, Any]]) -> Any:
        """As the commands do, without the seconds that they take to begin."""

        async def run() -> Any:
            store = Store(f"sqlite:///{self.folder}/data/calls.db")
            await store.open()
            done = await work(store)
            await store.close()
            return done

        # Where a browser is driven a loop runs in this thread already.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, run()).result()

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        given = [sys.executable, "-m", "aiconvai", command, "--config", str(self.config), *arguments]
        return subprocess.run(given, capture_output=True, text=True, timeout=60, check=False)

    def start(self) -> None:
        command = [sys.executable, "-m", "aiconvai", "gateway", "--config", str(self.config)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        self.ports = []
        while (line := self.process.stdout.readline()) and not line.startswith("http"):
            found = re.fullmatch(r"AudioSocket at .*:(\d+)\n", line)
            assert found is not None, line
            self.ports.append(int(found[1]))
        assert line, self.log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code

    def reload(self, agents: str) -> None:
        """Calls that come from now on are answered by these."""
        assert self.process is not None
        before = self.log.read_text().count(" agents\n")
        self.agents.write_text(agents)
        self.process.send_signal(signal.SIGHUP)
        self.until_logged(" agents\n", before + 1)

    def until_logged(self, words: str, times: int = 1) -> str:
        """The log, as soon as it has `words` so often: what happens is told by another thread than the one it
        happens on."""
        deadline = time.monotonic() + _SECONDS
        while (log := self.log.read_text()).count(words) < times:
            assert time.monotonic() < deadline, log
            time.sleep(0.02)
        return log

    def setup_token(self) -> str:
        """By which the first user is made; once, where there is none."""
        assert self.process is not None
        assert self.process.stdout is not None
        found = re.search(r"/setup\?token=(\S+)", self.process.stdout.readline())
        assert found is not None
        return found[1]

    @property
    def address(self) -> str:
        """Of the page."""
        return f"http://127.0.0.1:{self.page}"

    @property
    def port(self) -> int:
        return self.ports[0]

    def get(self, path: str, **query: Any) -> Any:
        return self.request("GET", path, params=query).json()

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, f"{self.address}{path}", headers=headers, **more)

    def register(self, agent: str, **more: Any) -> str:
        """A call that is about to come. Its UUID."""
        identity = str(uuid.uuid4())
        answer = self.request("POST", "/api/gateway/calls", json={"uuid": identity, "agent": agent, **more})
        assert answer.status_code == 201, answer.text
        return identity

    def until(self, path: str, condition: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + _SECONDS
        while not condition(answer := self.get(path)):
            assert time.monotonic() < deadline, answer
            time.sleep(0.05)
        return answer

    def over(self, conversation: str) -> Any:
        """The call of that conversation, once it is over. The last one that is told of may be the one before: the
        service hears of a conversation before the page does.
        """

        def own(calls: Any) -> Any:
            return next((one for one in calls if one["conversation_id"] == conversation), None)

        return own(self.until("/api/live", lambda calls: (own(calls) or {}).get("ended")))

    def nothing_is_left_of(self, come_and_go: Callable[[], None]) -> None:
        """Calls that have come and gone leave neither descriptors nor threads."""
        before = self._settled(None)
        come_and_go()
        after = self._settled(before)
        if after != before:
            # Pools of threads and of connections to the database grow once; what is left behind is left every time.
            before = after
            come_and_go()
            after = self._settled(before)
        assert after == before

    def _settled(self, wanted: tuple[int, int] | None) -> tuple[int, int]:
        """Descriptors and threads, once all calls are over and nothing changes any more, or it is as wanted."""
        self.until("/api/live", lambda calls: all(one["ended"] for one in calls))
        deadline, last = time.monotonic() + _SECONDS, self._held()
        while time.monotonic() < deadline:
            time.sleep(_SETTLED_SECONDS)
            now = self._held()
            if now == wanted or (wanted is None and now == last):
                return now
            last = now
        return last

    def _held(self) -> tuple[int, int]:
        assert self.process is not None
        process = Path(f"/proc/{self.process.pid}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))


class ImportedProgram(GatewayProgram):
    """One whose files `aiconvai config import` has written."""

    def __init__(self, folder: Path, files: Mapping[str, str], agents: Mapping[str, Mapping[str, str]]) -> None:
        """`files`: those of the earlier system. `agents`: options of agents that it could not have said."""
        self.folder = folder / "imported"
        self.folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        paths = [str(folder / name) for name in files]
        command = [sys.executable, "-m", "aiconvai", "config", "import", *paths, "-d", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        self.told = done.stdout
        self.config, self.agents = self.folder / "serve.toml", self.folder / "aiconvai.conf"
        text = self.agents.read_text()
        for name, options in agents.items():
            assert f"[{name}]\n" in text
            lines = "".join(f"{key} = {value}\n" for key, value in options.items())
            text = text.replace(f"[{name}]\n", f"[{name}]\n{lines}")
        self.agents.write_text(text)
        toml = self.config.read_text()
        self.page = int(tomllib.loads(toml).get("page", {}).get("port", 0)) or free_port()
        page = "" if "[page]" in toml else f"[page]\nport = {self.page}\n"
        self.config.write_text(f'data = "{self.folder}/data"\n{toml}\n{page}')
        self._prepare()

    @property
    def dialplan(self) -> str:
        return (self.folder / "extensions_aiconvai.conf").read_text()
