"""Puts the engine and the gateway's library, with their declarations, into a wheel.

They are built with meson, or are those beside AICONVAI_ENGINE. What they need in turn is put in by `auditwheel`
afterwards (packaging/wheel).
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FILES = ("libaiconvai_engine.so", "engine_cdef.h", "libaiconvai_gateway.so", "gateway_cdef.h")


class EngineInWheel(BuildHookInterface):
    """An editable installation finds them where the repository's build leaves them."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Hatchling's."""
        if version == "editable":
            return
        given = os.environ.get("AICONVAI_ENGINE")
        folder = Path(given).parent if given else self._build()
        for name in FILES:
            build_data["force_include"][str(folder / name)] = f"aiconvai/engine/{name}"
        # The code is Python, of any version, and no extension of it: what binds it to a system is the library.
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def _build(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(prefix="aiconvai-wheel-")
        folder = Path(self._folder.name)
        options = ["-Dmodule=disabled", "-Dnetwork=enabled", "-Dg722=enabled", "--buildtype=release", "-Dstrip=true"]
        subprocess.run(["meson", "setup", *options, str(folder)], cwd=self.root, check=True)
        subprocess.run(["meson", "compile", "-C", str(folder)], check=True)
        return folder / "app_aiconvai"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Hatchling's."""
        if (folder := getattr(self, "_folder", None)) is not None:
            folder.cleanup()
