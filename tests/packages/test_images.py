"""The images: what is in them, and what is not."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from aiconvai.rig.asterisk.engine import ContainerError, container_engine
from aiconvai.rig.asterisk.images import ensure_base, repository_root
from images import RECIPES, build

BUILD_TOOLS = ("gcc", "meson", "ninja", "pip")
MEGABYTES = {"asterisk": 400, "serve": 600, "gateway": 600, "local": 1500, "mock": 650}
"""More than this is a mistake."""

pytestmark = pytest.mark.timeout(1800)


def run(image: str, script: str, *arguments: str) -> str:
    engine = container_engine()
    command = ["run", "--rm", *engine.run_arguments(), *arguments, "--entrypoint", "sh", image, "-c", script]
    return engine.call(*command)


@pytest.fixture(scope="module")
def images() -> dict[str, str]:
    """Their tags, by name: of this tree."""
    return {name: build(name) for name in RECIPES}


@pytest.fixture(params=RECIPES)
def name(request: pytest.FixtureRequest) -> str:
    given: str = request.param
    return given


def test_it_runs_as_nobody_of_importance_and_is_checked(images: dict[str, str], name: str) -> None:
    config = json.loads(container_engine().call("image", "inspect", images[name]))[0]
    assert config["Config"]["User"] in ("asterisk", "aiconvai")
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert config["Size"] < MEGABYTES[name] * 1e6
    assert run(images[name], "id -u").strip() == "506"


def test_it_has_no_tools_of_builds_and_no_configuration(images: dict[str, str], name: str) -> None:
    found = run(images[name], "; ".join(f"command -v {tool} || true" for tool in BUILD_TOOLS))
    assert found == ""
    assert run(images[name], "find /config /source /etc/asterisk /etc/aiconvai -type f 2>/dev/null || true") == ""


def test_no_key_is_in_it(images: dict[str, str], name: str) -> None:
    config = json.loads(container_engine().call("image", "inspect", images[name]))[0]
    said = [one.partition("=")[0] for one in config["Config"]["Env"]]
    assert not [one for one in said if "KEY" in one or "SECRET" in one or "PASSWORD" in one]
    assert run(images[name], "find / -xdev -name '.env*' -o -xdev -name aiconvai.conf 2>/dev/null || true") == ""


def test_what_is_wrong_with_a_configuration_is_said(images: dict[str, str], tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "aiconvai.conf").write_text("[sales]\nprovider = openai\napi_key = ${API_KEY}\n")
    engine = container_engine()
    mounted = f"--volume={tmp_path}:/config:ro"

    def refused(*arguments: str) -> str:
        with pytest.raises(ContainerError) as raised:
            engine.call("run", "--rm", *engine.run_arguments(), *arguments, images["gateway"])
        return str(raised.value)

    assert "entrypoint: /config: expected a folder with the configuration; mount one there" in refused()
    assert "entrypoint: /config/aiconvai.conf: ${API_KEY}: expected a value" in refused(mounted, "--env=API_KEY=")
    assert "${API_KEY}: a semicolon, quotation mark or backslash" in refused(mounted, "--env=API_KEY=sk-1;2")
    assert "${API_KEY}: its value has several lines" in refused(mounted, "--env=API_KEY=sk-1\nprovider = gemini")
    kept = engine.call(
        "run", "--rm", *engine.run_arguments(), mounted, "--env=API_KEY=sk-1&2", images["gateway"],
        "sh", "-c", "cat /etc/aiconvai/aiconvai.conf; stat -c %a /etc/aiconvai/aiconvai.conf",
    )  # fmt: skip
    assert kept == "[sales]\nprovider = openai\napi_key = sk-1&2\n600\n"


@pytest.mark.timeout(600)
def test_compose_itself_takes_the_files() -> None:
    """docker compose, which judges them by its schema."""
    engine = container_engine()
    folder = repository_root() / "packaging" / "compose"
    script = """
        set -e
        apt-get update -q >/dev/null && apt-get install -q -y --no-install-recommends docker-compose >/dev/null
        cp -r /compose /tmp
        for file in /tmp/compose/*/compose.yaml; do
            cd "$(dirname "$file")"
            sed 's/=$/=secret/' .env.sample >.env
            docker-compose config --quiet && echo "$file is taken"
        done
        docker-compose version --short
    """
    command = engine.command(
        "run", "--rm", *engine.run_arguments(), f"--volume={folder}:/compose:ro", ensure_base("forky"), "sh", "-c",
        script,
    )  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    *taken, version = done.stdout.splitlines()
    assert len(taken) == len(list(folder.glob("*/compose.yaml")))
    assert int(version.lstrip("v").partition(".")[0]) >= 2
