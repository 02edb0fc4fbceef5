"""Fixtures of the integration tests: a real Asterisk of each version, a caller, and a watch over what is
left behind.

plain_asterisk, plain_caller    Asterisk without the module, for tests of the rig itself
asterisk, caller                Asterisk with the module built from this tree
make_asterisk                   further instances with a configuration of their own, stopped after the test
app_module                      the path of the module built for the version under test
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from aiconvai.rig.asterisk import (
    VERSIONS,
    Asterisk,
    AsteriskVersion,
    BuildError,
    ContainerError,
    LeakCheck,
    build_module,
    ensure_image,
)
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.awake import processors_awake
from aiconvai.rig.caller import Caller

_HERE = Path(__file__).parent
_LOG_LINES = 150

_running: list[Asterisk] = []
_log_positions: dict[str, int] = {}
_checks: dict[str, LeakCheck] = {}
"""Of each running Asterisk, the last one that found nothing."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Make the images and the module before any test's clock runs: the first time that takes minutes."""
    mine = [item for item in session.items if _HERE in item.path.parents]
    if not mine or session.config.option.collectonly:
        return
    console = Console(stderr=True)
    wanted = any("app_module" in getattr(item, "fixturenames", ()) for item in mine)
    try:
        for version in _versions_to_build():
            ensure_image(version, console=console)
            if wanted and _has_module():
                build_module(version, console=console)
    except (BuildError, ContainerError) as error:
        pytest.exit(str(error), returncode=1)


def _versions_to_build() -> tuple[AsteriskVersion, ...]:
    """Test processes that begin with different ones build them at the same time; who comes second waits."""
    first = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % len(VERSIONS)
    return (*VERSIONS[first:], *VERSIONS[:first])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what each Asterisk logged during the test."""
    report = yield
    if report.failed:
        for asterisk in _running:
            lines = asterisk.log_since(_log_positions.get(asterisk.name, 0)).splitlines()
            report.sections.append(
                (f"log of Asterisk {asterisk.version} ({asterisk.name})", "\n".join(lines[-_LOG_LINES:]))
            )
    return report


@pytest.fixture(scope="session", autouse=True)
def _awake() -> Iterator[None]:
    """Packets are looked at to the millisecond."""
    with processors_awake():
        yield


@pytest.fixture(scope="session", params=VERSIONS, ids=[f"asterisk{version}" for version in VERSIONS])
def asterisk_version(request: pytest.FixtureRequest) -> AsteriskVersion:
    """The version under test."""
    version: AsteriskVersion = request.param
    return version


@pytest.fixture(scope="session")
def app_module(asterisk_version: AsteriskVersion) -> Path:
    """app_aiconvai.so, built for the version under test."""
    if not _has_module():
        pytest.skip("this tree has no module to build")
    return build_module(asterisk_version)


@pytest.fixture(scope="session")
def plain_asterisk(asterisk_version: AsteriskVersion) -> Iterator[Asterisk]:
    """Asterisk without the module; it serves all tests of its version."""
    with Asterisk(asterisk_version) as asterisk:
        yield from _watched(asterisk)


@pytest.fixture(scope="session")
def asterisk(asterisk_version: AsteriskVersion, app_module: Path) -> Iterator[Asterisk]:
    """Asterisk with the module; it serves all tests of its version, which write and reload their
    configuration.
    """
    with Asterisk(asterisk_version, module=app_module, module_config="[general]\n") as asterisk:
        yield from _watched(asterisk)


@pytest.fixture(scope="module", autouse=True)
def _short_pauses() -> None:
    """The callers are in this process and stand still while its garbage is collected: what the files before have left
    is not looked at again. It makes the difference between 5 and 60 ms.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread, a file descriptor, a channel or a module reference behind in
    Asterisk.
    """
    for name in ("plain_asterisk", "asterisk"):
        if name in request.fixturenames:
            request.getfixturevalue(name)
    _log_positions.update({one.name: one.log_position() for one in _running})
    checks = {one.name: LeakCheck(one, after=_checks.pop(one.name, None)) for one in _running}
    yield
    for name, check in checks.items():
        check.verify()
        _checks[name] = check


@pytest.fixture
def plain_caller(plain_asterisk: Asterisk) -> Iterator[Caller]:
    """A caller of the plain Asterisk."""
    with Caller(plain_asterisk.sip_port) as caller:
        yield caller


@pytest.fixture
def caller(asterisk: Asterisk) -> Iterator[Caller]:
    """A caller of the Asterisk with the module."""
    with Caller(asterisk.sip_port) as caller:
        yield caller


@pytest.fixture
def make_asterisk(asterisk_version: AsteriskVersion) -> Iterator[Callable[..., Asterisk]]:
    """`make_asterisk(module=..., module_config=..., ...)`: another running instance, checked for leaks at
    the end.
    """
    with ExitStack() as stack:
        checks: list[LeakCheck] = []

        def make(**settings: Any) -> Asterisk:
            asterisk = stack.enter_context(Asterisk(asterisk_version, **settings))
            _warm_up(asterisk)
            checks.append(LeakCheck(asterisk))
            _running.append(asterisk)
            stack.callback(_running.remove, asterisk)
            return asterisk

        yield make
        for check in checks:
            check.verify()


def _has_module() -> bool:
    return (repository_root() / "app_aiconvai" / "asterisk" / "meson.build").is_file()


def _watched(asterisk: Asterisk) -> Iterator[Asterisk]:
    _warm_up(asterisk)
    _running.append(asterisk)
    yield asterisk
    _running.remove(asterisk)


def _warm_up(asterisk: Asterisk) -> None:
    """Bring about, before anything is counted, what Asterisk makes at its first call and keeps."""
    mark = asterisk.ami.position()
    # System() has Asterisk start the thread that serves channels whose own is busy; it then stays.
    asterisk.ami.action("Originate", Channel="Local/wait@default", Application="System", Data="true", Async="true")
    asterisk.ami.wait_for("Hangup", since=mark)
    # The first zone that a time is asked of, as the HTTP server asks GMT, starts a thread that watches its file.
    asterisk.ami.action("Getvar", Variable="STRFTIME(0,GMT,%Y)")
    check = LeakCheck(asterisk)
    with Caller(asterisk.sip_port) as caller:
        call = caller.call("echo").wait_answered()
        call.wait_heard(5)
        call.hangup()
    if asterisk.channels() != list(check.before.channels):
        check.verify()
