"""One real Asterisk in a container: host network, loopback only, its own ports and files, nothing shared."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO

from aiconvai.audio import Samples, tone, write_wav
from aiconvai.rig.asterisk import control, sanitizers
from aiconvai.rig.asterisk.ami import ManagerClient
from aiconvai.rig.asterisk.configuration import AMI_SECRET, AMI_USER, CONTAINER_ROOT, InstanceSettings, render
from aiconvai.rig.asterisk.engine import ContainerError, container_engine
from aiconvai.rig.asterisk.images import (
    FORGOTTEN_EVENTFDS,
    IMAGES,
    LOOP_THREAD,
    MODULE_NAME,
    AsteriskVersion,
    Sanitizer,
    documentation_of,
    ensure_image,
)
from aiconvai.rig.asterisk.ports import HOST, PortLease
from aiconvai.rig.asterisk.process import ProcessReader
from aiconvai.rig.asterisk.sanitizers import SanitizerLog

_DIRECTORIES = ("etc", "modules", "lib", "spool", "run", "log", "sounds", "moh", "agi-bin", "core")
_ENGINE_SECONDS = 10.0

# The shell stays as the container's first process: as process 1, Asterisk would not die of its own signals.
_START = """\
#!/bin/sh
for module in {module_directory}/*.so; do
    [ -e "{root}/modules/${{module##*/}}" ] || ln -s "$module" {root}/modules/
done
ulimit -c unlimited
cd {root}/core
{environment} {under} asterisk -f -g -C {root}/etc/asterisk.conf
status=$?
echo $status > {root}/run/exit-status
exit $status
"""


class AsteriskError(RuntimeError):
    """Asterisk did not start, ended by itself, or did not do what was asked; the text quotes its log."""


class AsteriskCrashed(AsteriskError):
    """Asterisk died of a signal or a sanitizer stopped it; the text holds the report."""


class Asterisk:
    """A running Asterisk. A context manager; also `start()` and `stop()`.

    module           app_aiconvai.so to install and load, e.g. from build_module(); None for a plain Asterisk
    documentation    its XML documentation; found beside the module when not given
    module_config    text of aiconvai.conf, or {file name: text} for elevenlabs.conf and others
    extensions       dialplan text added to [default]; may open contexts of its own
    sounds           {name: WAV file, or 8 kHz samples}; Playback(${SOUNDS}/name)
    environment      variables of the asterisk process
    under            the command that runs it: valgrind and its options
    sanitizer        the module was built with it: its library is preloaded, its reports become failures
    modules          further modules to load, e.g. ("app_queue.so",)
    autoload         load everything the packages bring instead of the small set
    transmit_silence what Wait() and others do while nothing else is sent
    extra_files      {name in /etc/asterisk: text}; replaces or adds configuration files
    files            {path under /aiconvai: content}; e.g. certificates. Writable later through `directory`
    directory        where its files live; a temporary one, removed at the end, when not given
    """

    def __init__(
        self,
        version: AsteriskVersion = 22,
        *,
        module: Path | None = None,
        documentation: Path | None = None,
        module_config: str | Mapping[str, str] | None = None,
        extensions: str = "",
        sounds: Mapping[str, Path | Samples] | None = None,
        environment: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
        sanitizer: Sanitizer | None = None,
        modules: Sequence[str] = (),
        autoload: bool = False,
        verbose: int = 4,
        debug: int = 0,
        transmit_silence: bool = False,
        extra_files: Mapping[str, str] | None = None,
        files: Mapping[str, bytes] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.version = version
        self.module = module
        self.sanitizer = sanitizer
        self._documentation = documentation or (documentation_of(module) if module else None)
        self._environment = dict(environment or {})
        self._under = tuple(under)
        self._sounds = dict(sounds or {})
        self._files = dict(files or {})
        self._keep_directory = directory is not None
        self._wanted_directory = directory
        own = {"aiconvai.conf": module_config} if isinstance(module_config, str) else dict(module_config or {})
        self._settings_arguments = {
            "extensions": extensions,
            "modules": (*modules, MODULE_NAME) if module else tuple(modules),
            "autoload": autoload,
            "verbose": verbose,
            "debug": debug,
            "transmit_silence": transmit_silence,
            "extra_files": {**own, **(extra_files or {})},
        }
        self.forgotten_eventfds = 0
        """What libraries have forgotten to close: FORGOTTEN_EVENTFDS for each loop that unload_module() ended."""
        self.name = f"aiconvai-{version}-{uuid.uuid4().hex[:8]}"
        self._settings: InstanceSettings | None = None
        self._ports: PortLease | None = None
        self._container: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._directory: Path | None = None
        self._process: ProcessReader | None = None
        self._ami: ManagerClient | None = None
        self._sanitizer_log: SanitizerLog | None = None

    # Life -----------------------------------------------------------------------------------------

    def __enter__(self) -> Asterisk:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except AsteriskError:
            if error is None:
                raise

    def start(self, timeout: float = 30.0) -> Asterisk:
        """Start it and return when it is fully booted and, if given, the module is loaded. timeout in
        seconds.
        """
        if self._container is not None:
            raise AsteriskError(f"{self.name} runs already")
        tag = ensure_image(self.version)
        self._ports = PortLease()
        try:
            self._prepare_directory()
            self._launch(tag)
            self._wait_booted(timeout)
            self._process = ProcessReader(control.server_pid(self.control_socket))
            if self.module is not None and "Running" not in self._module_line(MODULE_NAME):
                raise AsteriskError(f"{self.module} was not loaded.{self._log_tail('aiconvai', lines=30)}")
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, timeout: float = 15.0) -> None:
        """Stop it in an orderly way (calls are hung up) and remove its files.

        Raises AsteriskCrashed when it had died, or dies while stopping, or a sanitizer reported something.
        """
        if self._container is None:
            return
        try:
            if self._ami is not None:
                self._ami.close()
                self._ami = None
            if self._container.poll() is None:
                with contextlib.suppress(control.ControlError):
                    control.run_command(self.control_socket, "core stop now")
                try:
                    self._container.wait(timeout)
                except subprocess.TimeoutExpired as expired:
                    raise AsteriskError(
                        f"{self.name} did not end within {timeout} s of 'core stop now'.{self._log_tail()}"
                    ) from expired
            self.check_alive(stopping=True)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it at once and remove its files; harmless when it does not run."""
        if self._ami is not None:
            self._ami.close()
            self._ami = None
        if self._container is not None:
            if self._container.poll() is None:
                with contextlib.suppress(ContainerError):
                    container_engine().call("kill", self.name)
                self._container.wait(_ENGINE_SECONDS)
            self._container = None
        if self._output is not None:
            self._output.close()
            self._output = None
        if self._ports is not None:
            self._ports.release()
            self._ports = None
        if self._directory is not None and not self._keep_directory:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None
            self._sanitizer_log = None
        self._process = None

    def check_alive(self, *, stopping: bool = False) -> None:
        """Raise AsteriskCrashed if Asterisk has died or a sanitizer has reported anything not yet raised."""
        if self._sanitizer_log is not None and (reports := self._sanitizer_log.new_reports()):
            text = "\n".join(reports)[:20000]
            raise AsteriskCrashed(f"{self.name}: {self.sanitizer} sanitizer:\n{text}")
        if self._container is None:
            return
        if self._process is not None and not self._process.alive():
            # The engine takes a moment to notice.
            self._container.wait(_ENGINE_SECONDS)
        if (status := self._container.poll()) is None:
            return
        if status == 0 and stopping:
            return
        reason = f"signal {status - 128}" if status > 128 else f"exit status {status}"
        raise AsteriskCrashed(f"{self.name} died: {reason}.{self._backtrace()}{self._log_tail()}{self._output_tail()}")

    # Where it is ----------------------------------------------------------------------------------

    @property
    def host(self) -> str:
        """The loopback address it listens on."""
        return HOST

    @property
    def sip_port(self) -> int:
        """SIP over UDP."""
        return self._lease().sip

    @property
    def ami_port(self) -> int:
        """Manager interface, TCP; user and secret are in aiconvai.rig.asterisk.configuration."""
        return self._lease().ami

    @property
    def directory(self) -> Path:
        """Its files on this machine, /aiconvai inside the container: etc, log, sounds, modules, spool."""
        if self._directory is None:
            raise AsteriskError(f"{self.name} does not run")
        return self._directory

    @property
    def control_socket(self) -> Path:
        """The socket of its command line."""
        return self.directory / "run" / "asterisk.ctl"

    @property
    def process(self) -> ProcessReader:
        """The asterisk process, as this machine's kernel sees it."""
        if self._process is None:
            raise AsteriskError(f"{self.name} does not run")
        return self._process

    @property
    def pid(self) -> int:
        """Process id on this machine."""
        return self.process.pid

    @property
    def ami(self) -> ManagerClient:
        """A logged-in manager connection, made at the first use and kept."""
        if self._ami is None:
            self._ami = ManagerClient(HOST, self.ami_port, AMI_USER, AMI_SECRET)
        return self._ami

    # What it does ---------------------------------------------------------------------------------

    def cli(self, command: str, timeout: float = 15.0) -> str:
        """Run a command of Asterisk's command line and return its output. timeout in seconds."""
        try:
            output = control.run_command(self.control_socket, command, timeout)
        except control.ControlError:
            self.check_alive()
            raise
        # One that dies of the command closes the connection as if it had answered.
        self.check_alive()
        return output

    def exact_version(self) -> str:
        """As it says it itself, such as 22.10.1."""
        return self.cli("core show version").split()[1].partition("~")[0].partition("+")[0]

    def write_config(self, name: str, text: str) -> None:
        """Replace a configuration file; it takes effect at the next reload."""
        path = self.directory / "etc" / name
        fresh = path.with_name(f".{name}.new")
        fresh.write_text(text, encoding="utf-8")
        # A rename, so that a reload never reads half a file; its new inode also counts as a change.
        fresh.replace(path)

    def set_dialplan(self, extensions: str) -> None:
        """Replace the text added to [default] by another one and reload the dialplan."""
        if self._settings is None:
            raise AsteriskError("the dialplan is set once Asterisk runs: call start() first")
        settings = replace(self._settings, extensions=extensions)
        self.write_config("extensions.conf", render(settings)["extensions.conf"])
        self.cli("dialplan reload")

    def reload(self, module: str | None = None) -> str:
        """`module reload NAME`, or everything without a name."""
        return self.cli(f"module reload {module}" if module else "core reload")

    def install_module(self, path: Path, name: str = MODULE_NAME) -> None:
        """Put a module where `module load` finds it."""
        fresh = self.directory / "modules" / f".{name}.new"
        shutil.copyfile(path, fresh)
        fresh.replace(self.directory / "modules" / name)

    def execute(self, *command: str, timeout: float = 60.0) -> str:
        """Run a program inside the container."""
        return container_engine().call("exec", self.name, *command, timeout=timeout)

    def backtraces(self) -> str:
        """Stacks of all threads of the running process, from gdb: for a test that finds it stuck."""
        script = "gdb -batch -nx -ex 'thread apply all bt' -p $(pgrep -x asterisk)"
        return self.execute("sh", "-c", script, timeout=120)

    # What it says ---------------------------------------------------------------------------------

    def log_text(self) -> str:
        """Everything in its log so far, all levels."""
        path = self.directory / "log" / "full"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def log_position(self) -> int:
        """A mark for wait_for_log and log_since: the log's present length in bytes."""
        path = self.directory / "log" / "full"
        return path.stat().st_size if path.exists() else 0

    def log_since(self, position: int) -> str:
        """The log from a mark on."""
        path = self.directory / "log" / "full"
        if not path.exists():
            return ""
        with path.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")

    def wait_for_log(self, pattern: str, timeout: float = 10.0, *, since: int = 0) -> re.Match[str]:
        """The first match of a regular expression in the log from a mark on; waits up to timeout seconds
        for it.
        """
        expression = re.compile(pattern, re.MULTILINE)
        found: list[re.Match[str]] = []

        def look() -> bool:
            match = expression.search(self.log_since(since))
            if match:
                found.append(match)
            return match is not None

        self._wait(look, timeout, f"no line matching {pattern!r} in the log")
        return found[0]

    # What it holds --------------------------------------------------------------------------------

    def threads(self) -> int:
        """Threads of the asterisk process."""
        return self.process.threads()

    def fds(self) -> int:
        """Open file descriptors of the asterisk process."""
        return self.process.fds()

    def rss_kb(self) -> int:
        """Resident memory of the asterisk process in KiB."""
        return self.process.rss_kb()

    def cpu_seconds(self) -> float:
        """Processor seconds the asterisk process has used, children excluded."""
        return self.process.cpu_seconds()

    def channels(self) -> list[str]:
        """Names of all channels."""
        lines = self.cli("core show channels concise").splitlines()
        return [line.split("!")[0] for line in lines if "!" in line]

    def hang_up_all(self, timeout: float = 15.0) -> None:
        """Hang up every channel there is, and wait until all are gone; timeout in seconds."""

        def gone() -> bool:
            if not self.channels():
                return True
            self.cli("channel request hangup all")
            return False

        self._wait(gone, timeout, "channels are still there although they were told to hang up")

    def module_use_count(self, name: str = MODULE_NAME) -> int | None:
        """A module's use count, or None when it is not loaded."""
        line = self._module_line(name)
        counted = re.search(r"\s(\d+)\s+(?:Running|Not Running)\b", line)
        return int(counted.group(1)) if counted else None

    def wait_unused(self, timeout: float = 5.0) -> None:
        """Wait until nothing uses the module: a channel's last reference goes a moment after the channel has left the
        list of channels. Raises AsteriskError where it is still used then.
        """
        self._wait(lambda: self.module_use_count() == 0, timeout, f"{MODULE_NAME} is still used")

    def unload_module(self, timeout: float = 5.0) -> None:
        """Unload the module once nothing uses it. Raises AsteriskError where it is still used then, or stays loaded."""
        self.wait_unused(timeout)
        loops = self.process.thread_names()[LOOP_THREAD]
        said = self.cli(f"module unload {MODULE_NAME}")
        if f"Unloaded {MODULE_NAME}" not in said or self.module_use_count() is not None:
            raise AsteriskError(f"{self.name}: {MODULE_NAME} is not used and stays loaded: {said}")
        self.forgotten_eventfds += loops * FORGOTTEN_EVENTFDS[self.version]

    # Inside ---------------------------------------------------------------------------------------

    def _lease(self) -> PortLease:
        if self._ports is None:
            raise AsteriskError(f"{self.name} does not run")
        return self._ports

    def _prepare_directory(self) -> None:
        ports = self._lease()
        image = IMAGES[self.version]
        if self._wanted_directory is None:
            # In the system's temporary directory: a socket's path must be shorter than 108 bytes.
            directory = Path(tempfile.mkdtemp(prefix="aiconvai-"))
            directory.chmod(0o755)
        else:
            directory = self._wanted_directory.absolute()
        self._directory = directory
        self._sanitizer_log = SanitizerLog(self.sanitizer, directory / "log") if self.sanitizer else None
        for name in _DIRECTORIES:
            (directory / name).mkdir(parents=True, exist_ok=True)
        self._settings = InstanceSettings(
            version=self.version,
            sip_port=ports.sip,
            ami_port=ports.ami,
            rtp_first=ports.rtp_first,
            rtp_last=ports.rtp_last,
            module_directory=image.module_directory,
            data_directory=image.data_directory,
            **self._settings_arguments,  # type: ignore[arg-type]
        )
        for name, text in render(self._settings).items():
            (directory / "etc" / name).write_text(text, encoding="utf-8")
        for relative, content in self._files.items():
            path = directory / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        beep = tone(440.0, 2.0, 8000, -20.0)
        write_wav(directory / "moh" / "tone.wav", beep, 8000)
        write_wav(directory / "sounds" / "tone.wav", beep, 8000)
        for name, sound in self._sounds.items():
            target = directory / "sounds" / f"{name}.wav"
            if isinstance(sound, Path):
                shutil.copyfile(sound, target)
            else:
                write_wav(target, sound, 8000)
        if self.module is not None:
            self.install_module(self.module)
        (directory / "start.sh").write_text(
            _START.format(
                root=CONTAINER_ROOT,
                module_directory=image.module_directory,
                environment=self._env(),
                under=shlex.join(self._under),
            ),
            encoding="utf-8",
        )

    def _env(self) -> str:
        variables = {name: shlex.quote(value) for name, value in self._environment.items()}
        if self.sanitizer:
            for name, own in sanitizers.environment(self.sanitizer, f"{CONTAINER_ROOT}/log").items():
                # The test's own options come last, where they win; a sanitizer's library must be the first.
                variables[name] = f"{own}:{variables[name]}" if name in variables else own
        return "env " + " ".join(f"{name}={value}" for name, value in variables.items()) if variables else ""

    def _launch(self, tag: str) -> None:
        engine = container_engine()
        mounts = [f"--volume={self.directory}:{CONTAINER_ROOT}"]
        if self._documentation is not None:
            place = f"{IMAGES[self.version].data_directory}/documentation/thirdparty/app_aiconvai-en_US.xml"
            mounts.append(f"--volume={self._documentation.absolute()}:{place}:ro")
        command = engine.command(
            "run", "--rm", f"--name={self.name}", *engine.run_arguments(), *mounts, tag,
            "/bin/sh", f"{CONTAINER_ROOT}/start.sh",
        )  # fmt: skip
        self._output = (self.directory / "log" / "output").open("wb")
        self._container = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # An interrupt at the terminal must reach the tests, which then stop Asterisk in order.
            start_new_session=True,
        )

    def _wait_booted(self, timeout: float) -> None:
        def booted() -> bool:
            self.check_alive()
            if not self.control_socket.exists():
                return False
            try:
                # Answers at once, and says so, when all modules are loaded.
                return "fully booted" in control.run_command(self.control_socket, "core waitfullybooted", timeout)
            except control.ControlError:
                # The socket exists a moment before it is listened on.
                return False

        self._wait(booted, timeout, "not fully booted")

    def _module_line(self, name: str) -> str:
        for line in self.cli(f"module show like {name}").splitlines():
            if line.startswith(name.removesuffix(".so")):
                return line
        return ""

    def _wait(self, condition: Callable[[], bool], timeout: float, problem: str) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            self.check_alive()
            if time.monotonic() > deadline:
                raise AsteriskError(
                    f"{self.name}: {problem} within {timeout} s.{self._log_tail()}{self._output_tail()}"
                )
            time.sleep(0.01)

    def _log_tail(self, word: str = "", lines: int = 25) -> str:
        chosen = [line for line in self.log_text().splitlines() if word in line][-lines:]
        return "\nLast lines of its log:\n" + "\n".join(chosen) if chosen else "\nIts log is empty."

    def _output_tail(self) -> str:
        path = self.directory / "log" / "output"
        text = path.read_text(encoding="utf-8", errors="replace")[-3000:] if path.exists() else ""
        return f"\nIts output:\n{text}" if text.strip() else ""

    def _backtrace(self) -> str:
        cores = sorted((self.directory / "core").glob("core*"), key=os.path.getmtime)
        if not cores:
            return ""
        engine = container_engine()
        core = f"{CONTAINER_ROOT}/core/{cores[-1].name}"
        script = f"gdb -batch -nx -ex bt -ex 'thread apply all bt 12' /usr/sbin/asterisk {core}"
        command = engine.command(
            "run", "--rm", *engine.run_arguments(), f"--volume={self.directory}:{CONTAINER_ROOT}",
            ensure_image(self.version), "sh", "-c", script,
        )  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        lines = [line for line in done.stdout.splitlines() if not line.startswith("[New LWP")]
        return "\nStack of the thread that died, then all:\n" + "\n".join(lines)[:12000]
