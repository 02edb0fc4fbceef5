"""How the module is built that all these tests load, which is as anybody builds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiconvai.inspect_module import Verdict, inspect_module

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", [16, 22])
def test_the_module_is_hardened_and_exports_nothing(version: int) -> None:
    module = ROOT / "build" / f"asterisk-{version}" / "app_aiconvai" / "asterisk" / "app_aiconvai.so"
    # Which Asterisk would load it is no matter here.
    checks = {one.name: one for one in inspect_module(module, module).checks}
    looked_at = {"RELRO", "BIND_NOW", "stack", "writable code", "exported names", "text relocations", "stack protector",
                 "FORTIFY", "run path"}  # fmt: skip
    assert looked_at <= checks.keys()
    assert {name: checks[name].detail for name in looked_at if checks[name].verdict is not Verdict.GOOD} == {}
