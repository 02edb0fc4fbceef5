"""What the README and docs/ have for Asterisk, Asterisk takes: dialplan, its configuration files, its commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from docs_blocks import Block, blocks, commands

from aiconvai.rig.asterisk import Asterisk, build_module
from aiconvai.rig.asterisk.configuration import ari_files, ari_modules
from aiconvai.rig.asterisk.ports import free_port

VERSION = 22
DIALPLAN = [one for one in blocks("ini") if one.title in ("extensions.conf", "extensions_custom.conf")]
FOR_DIALPLAN = (
    "app_amd.so", "app_waitforsilence.so", "app_audiosocket.so", "res_audiosocket.so", "chan_audiosocket.so",
    "func_uuid.so", "func_curl.so", "res_curl.so", "func_cdr.so", "func_dialplan.so", "res_clioriginate.so",
)  # fmt: skip
FUNCTIONS_OF_FILES = {"ODBC_BOOKING": "func_odbc.conf names it"}
OLDER = {"Macro": "tests/integration/test_kin.py has it, on Asterisk 16"}
"""Applications that this Asterisk has no more."""
NOT_TRIED = {"module load app_aiconvai.so": "it is loaded", "core restart when convenient": "it would be gone"}
"""Commands that the pages have, and why they are not typed here."""
_PRIORITY = re.compile(r"^(?:exten|\s*same)\s*=>", re.MULTILINE)


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    files = ari_files(free_port())
    (ari,) = blocks("ini", title="ari.conf")
    files |= {"ari.conf": ari.text, "amd.conf": "[general]\n"}
    with Asterisk(
        VERSION,
        module=build_module(VERSION),
        module_config="[sales]\nagent_id = x\n",
        modules=[*ari_modules(VERSION), *FOR_DIALPLAN],
        extra_files=files,
    ) as one:
        yield one


def test_every_dialplan_is_loaded(asterisk: Asterisk) -> None:
    """All at once, each in contexts of its own; every application is one that there is."""
    assert len(DIALPLAN) > 8
    texts = []
    for number, block in enumerate(DIALPLAN):
        text = block.text if block.text.startswith("[") else f"[context]\n{block.text}"
        texts.append(re.sub(r"^\[([\w-]+)\]", rf"[docs{number}-\1]", text, flags=re.MULTILINE))
    before = asterisk.log_position()
    asterisk.set_dialplan("\n".join(texts))
    for block, text in zip(DIALPLAN, texts, strict=True):
        contexts = re.findall(r"^\[([\w-]+)\]", text, re.MULTILINE)
        shown = [asterisk.cli(f"dialplan show {name}") for name in contexts]
        there = sum(int(one) for text in shown for one in re.findall(r"\((\d+) priorit", text))
        assert there == len(_PRIORITY.findall(block.text)), (str(block), shown)
    assert [line for line in asterisk.log_since(before).splitlines() if "WARNING" in line or "ERROR" in line] == []


@pytest.mark.parametrize("block", DIALPLAN, ids=str)
def test_every_application_and_function_is_there(asterisk: Asterisk, block: Block) -> None:
    applications = re.findall(r"(?:=> ?n(?:\(\w+\))?|,1),(\w+)\(", block.text)
    assert applications
    for name in {*applications, *re.findall(r"\?(\w+)\(", block.text)} - OLDER.keys():
        assert f"Info about Application '{name}'" in asterisk.cli(f"core show application {name}")
    for name in {*re.findall(r"\$\{([A-Z_]+)\(", block.text)} - FUNCTIONS_OF_FILES.keys():
        assert f"Info about Function '{name}'" in asterisk.cli(f"core show function {name}")


def test_a_user_of_the_manager_is_one(asterisk: Asterisk) -> None:
    usual = (asterisk.directory / "etc/manager.conf").read_text()
    for block in blocks("ini", title="manager.conf"):
        users = [one for one in re.findall(r"^\[([\w-]+)\]", block.text, re.MULTILINE) if one != "general"]
        own = block.text[block.text.index(f"[{users[0]}]") :]
        asterisk.write_config("manager.conf", f"{usual}\n{own}")
        asterisk.cli("manager reload")
        for user in users:
            shown = asterisk.cli(f"manager show user {user}")
            for right, given in re.findall(r"^\s*(read|write) = (\S+)", block.text, re.MULTILINE):
                (has,) = re.findall(rf"{right} perm: (\S+)", shown)
                assert set(has.split(",")) == set(given.split(",")), str(block)
    asterisk.write_config("manager.conf", usual)
    asterisk.cli("manager reload")


def test_a_user_of_ari_is_one(asterisk: Asterisk) -> None:
    (block,) = blocks("ini", title="ari.conf")
    (user,) = (one for one in re.findall(r"^\[(\w+)\]", block.text, re.MULTILINE) if one != "general")
    assert re.search(rf"^No\s+No\s+{user}$", asterisk.cli("ari show users"), re.MULTILINE)


@pytest.mark.parametrize("block", blocks("ini", title="pjsip.conf"), ids=str)
def test_an_endpoint_is_one(asterisk: Asterisk, block: Block) -> None:
    usual = (asterisk.directory / "etc/pjsip.conf").read_text()
    # Its port is the rig's own, and a transport is not made anew while Asterisk runs.
    own = re.sub(r"^\[transport.*?(?=^\[)", "", block.text, flags=re.MULTILINE | re.DOTALL)
    own = re.sub(r"^transport = .*\n", "", own, flags=re.MULTILINE)
    before = asterisk.log_position()
    asterisk.write_config("pjsip.conf", f"{usual}\n{own}")
    asterisk.cli("module reload res_pjsip.so")
    for name in re.findall(r"^\[([\w-]+)\]\ntype = endpoint", own, re.MULTILINE):
        assert "Unable to find" not in asterisk.cli(f"pjsip show endpoint {name}")
    assert "ERROR" not in asterisk.log_since(before)
    asterisk.write_config("pjsip.conf", usual)
    asterisk.cli("module reload res_pjsip.so")


@pytest.mark.parametrize(
    "typed", sorted({one.words[2] for one in commands() if one.words[:2] == ("asterisk", "-rx")} - NOT_TRIED.keys())
)
def test_a_command_is_one_of_asterisks(asterisk: Asterisk, typed: str) -> None:
    assert "No such command" not in asterisk.cli(typed)
    assert shlex.split(typed)
