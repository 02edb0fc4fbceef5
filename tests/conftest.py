"""For all tests: what is run again, what takes so long that it is asked for, and what is noted of faults.

A test that fails where the machine stood still is run once more, and the summary has both.

What a caller hears who had no processor himself says nothing of the module, nor does an event loop that was to be asked
every 10 ms and was asked after 200. One that fails on a machine that was on time has failed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from punctuality import Punctuality
from reliability import record_fault

_punctuality = Punctuality()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--endurance", action="store_true", help="run those that take minutes, too: make reliability")
    parser.addoption("--record-faults", action="store_true", help="note in docs/reliability.json what faults led to")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those that take long come first, those that take very long when they are asked for."""
    if not config.option.endurance:
        kept = [item for item in items if item.get_closest_marker("endurance") is None]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1, condition=lambda: _punctuality.was_late))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """What makes an Asterisk may take all the time it wants."""
    _punctuality.begin()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call() -> None:
    """From here on the machine is to be on time."""
    _punctuality.begin()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure how late the machine was, and note what came of a fault."""
    report = yield
    if report.when == "call" and not report.skipped and item.config.option.record_faults:
        _record(item, report.outcome)
    if report.failed:
        report.sections.append(("punctuality", f"the machine was up to {_punctuality.latest_ms:.0f} ms late"))
    return report


def _record(item: pytest.Item, outcome: str) -> None:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    version = str(parameters.get("asterisk_version", "-"))
    test = item.nodeid.partition("[")[0]
    for marker in item.iter_markers("fault"):
        for name in marker.args:
            record_fault(name, test, version, outcome)


@pytest.fixture(scope="session", autouse=True)
def _punctual() -> Iterator[None]:
    with _punctuality:
        yield
