"""Installing: that an Asterisk finds what was installed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aiconvai.rig.asterisk import AsteriskVersion
from aiconvai.rig.asterisk.engine import container_engine
from aiconvai.rig.asterisk.images import IMAGES, ensure_image, repository_root

ROOT = repository_root()

# Asterisk as its package configures it, but for the modules: the others would take this machine's ports.
_RUN_INSTALLED = """\
set -eu
meson install -C /build --no-rebuild >/tmp/install.log
cp /etc/asterisk/aiconvai.conf.sample /etc/asterisk/aiconvai.conf
printf '[modules]\\nautoload=no\\nload=app_aiconvai.so\\n' >/etc/asterisk/modules.conf
asterisk -f >/tmp/asterisk.log 2>&1 &
tries=0
until asterisk -rx 'core waitfullybooted' 2>/dev/null | grep -q 'fully booted'; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || { cat /tmp/asterisk.log; exit 1; }
    sleep 0.1
done
for command in 'module show like app_aiconvai' 'core show application AIConvAI' 'manager show command AIConvAIList' \\
        'aiconvai reload' 'core show settings'; do
    echo "## $command"
    asterisk -rx "$command"
done
asterisk -rx 'core stop now'
wait
"""


def _in_image(version: AsteriskVersion, build: Path, script: str, *arguments: str) -> str:
    """Run a script in a container of the image that has the sources and a build directory; its output."""
    engine = container_engine()
    command = engine.command(
        "run", "--rm", "--network=none", *engine.limit_arguments(), *arguments,
        f"--volume={ROOT}:/src:ro", f"--volume={build}:/build", ensure_image(version), "sh", "-c", script,
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def build_directory(app_module: Path) -> Path:
    """Where the module of the version under test was built."""
    return next(parent for parent in app_module.parents if (parent / "build.ninja").is_file())


def test_warnings_are_errors_where_the_module_is_built(build_directory: Path) -> None:
    """With the compiler and the headers of each version's distribution."""
    options = json.loads((build_directory / "meson-info" / "intro-buildoptions.json").read_text())
    values = {option["name"]: option["value"] for option in options}
    assert values["werror"] is True
    assert int(values["warning_level"]) >= 2


def test_files_are_installed_where_asterisk_looks(
    asterisk_version: AsteriskVersion, build_directory: Path, tmp_path: Path
) -> None:
    script = "DESTDIR=/target meson install -C /build --no-rebuild"
    _in_image(asterisk_version, build_directory, script, f"--volume={tmp_path}:/target")
    installed = {f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*") if path.is_file()}
    image = IMAGES[asterisk_version]
    assert installed >= {
        f"{image.module_directory}/app_aiconvai.so",
        f"{image.data_directory}/documentation/thirdparty/app_aiconvai-en_US.xml",
        "/etc/asterisk/aiconvai.conf.sample",
    }
    sample = (tmp_path / "etc/asterisk/aiconvai.conf.sample").read_text()
    assert sample == (ROOT / "configs" / "aiconvai.conf.sample").read_text()


def test_installed_module_loads_and_is_documented(asterisk_version: AsteriskVersion, build_directory: Path) -> None:
    output = _in_image(asterisk_version, build_directory, _RUN_INSTALLED)
    answers = dict(part.split("\n", 1) for part in output.split("## ")[1:])
    assert "Running" in answers["module show like app_aiconvai"]
    assert "Connect the caller with a conversational AI agent." in answers["core show application AIConvAI"]
    assert "List the calls that are with an agent." in answers["manager show command AIConvAIList"]
    assert answers["aiconvai reload"].strip().endswith("Loaded 0 agents from aiconvai.conf")
    assert IMAGES[asterisk_version].module_directory in answers["core show settings"]
