"""A test that fails where the machine stood still is run once more, and the summary has both.

What a caller hears who had no processor himself says nothing of the module, nor does an event loop that was to be asked
every 10 ms and was asked after 200. One that fails on a machine that was on time has failed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from punctuality import Punctuality

_punctuality = Punctuality()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that take long come first."""
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
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure how late the machine was."""
    report = yield
    if report.failed:
        report.sections.append(("punctuality", f"the machine was up to {_punctuality.latest_ms:.0f} ms late"))
    return report


@pytest.fixture(scope="session", autouse=True)
def _punctual() -> Iterator[None]:
    with _punctuality:
        yield
