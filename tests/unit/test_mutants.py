"""Mutants of a small source, of which it is known what comes of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from mutant_sources import Sources, compile_mutants

ROOT = Path(__file__).parents[2]
CODE = """\
#include <stdbool.h>
#include <stdlib.h>
static int calls;
static const int table[2] = {3, 4};
int larger(int a, int b)
{
	if (a > b)
		return a;
	return b;
}
void count(void)
{
	calls++;
}
int counted(void)
{
	void *memory = malloc(sizeof(int) * 4);

	count();
	free(memory);
	return calls;
}
bool both(bool a, bool b)
{
	return a && b;
}
int nobody_asks(int a)
{
	switch (a) {
	case 1:
		return table[0];
	default:
		break;
	}
	return a;
}
int sum_to(int n)
{
	int sum = 0;

	for (int i = 1; i <= n; i++)
		sum += i;
	return sum;
}
int most(int a, int b)
{
	return a > b ? a : b;
}
"""
TESTS = """\
import ctypes, os
code = ctypes.CDLL(os.environ["SMALL_LIBRARY"])
def test_larger(): assert (code.larger(1, 2), code.larger(2, 1), code.larger(2, 2)) == (2, 2, 2)
def test_counted(): assert code.counted() == 1
def test_both(): assert [code.both(a, b) & 1 for a in (0, 1) for b in (0, 1)] == [0, 0, 0, 1]
def test_most(): assert (code.most(1, 2), code.most(2, 1), code.most(2, 2)) == (2, 2, 2)
def test_sum(): assert (code.sum_to(3), code.sum_to(0)) == (6, 0)
"""
RUN = """\
import json, sys
from pathlib import Path
from mutant_runs import run_mutants
from mutant_sources import Mutant
folder = Path(sys.argv[1])
mutants = [Mutant(**row) for row in json.loads((folder / "mutants.json").read_text())]
came = {}
def note(mutant, verdict, test, seconds): came[mutant.number] = [verdict, test.rpartition("::")[2]]
broken = run_mutants([str(folder / "test_small.py")], folder / "libsmall.so", mutants, len(mutants),
    folder / "reached.json", note, patience=0.5)
(folder / "came.json").write_text(json.dumps([came, broken]))
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sources]:
    folder = tmp_path_factory.mktemp("mutants")
    (folder / "small.c").write_text(CODE)
    (folder / "test_small.py").write_text(TESTS)
    return folder, compile_mutants(
        [(folder / "small.c", "small.c", [])], folder / "sources", folder / "libsmall.so", []
    )


def test_every_place_that_may_change_is_found(small: tuple[Path, Sources]) -> None:
    """No case label, no table, no sizeof, nothing that nobody could notice, and no opposite twice."""
    _, sources = small
    assert [(one.line, one.change, one.becomes) for one in sources.mutants] == [
        (7, "comparison", ">="),
        (7, "comparison", "<="),
        (8, "return", "0, or 1 for 0"),
        (9, "return", "0, or 1 for 0"),
        (13, "assignment", "removed"),
        (17, "arithmetic", "/"),
        (17, "constant", "4 + 1"),
        (17, "constant", "4 - 1"),
        (19, "call", "removed"),
        (21, "return", "0, or 1 for 0"),
        (25, "return", "negated"),
        (25, "logic", "||"),
        (31, "return", "0, or 1 for 0"),
        (31, "constant", "0 + 1"),
        (35, "return", "0, or 1 for 0"),
        (39, "constant", "0 + 1"),
        (41, "constant", "1 + 1"),
        (41, "constant", "1 - 1"),
        (41, "comparison", "<"),
        (41, "comparison", ">"),
        (41, "assignment", "removed"),
        (42, "assignment", "removed"),
        (43, "return", "0, or 1 for 0"),
        (47, "return", "0, or 1 for 0"),
        (47, "comparison", "<="),
    ]
    assert sources.left_out == {
        "gives memory back": 1,
        "a switch ends there anyway": 1,
        "the larger of two that are the same": 1,
    }


def test_each_mutant_meets_the_tests_that_reach_it(small: tuple[Path, Sources]) -> None:
    folder, sources = small
    rows = [asdict(one) for one in sources.mutants]
    (folder / "mutants.json").write_text(json.dumps(rows))
    environment = os.environ | {
        "SMALL_LIBRARY": str(folder / "libsmall.so"),
        "PYTHONPATH": str(ROOT / "tests" / "helpers"),
    }
    command = [sys.executable, "-c", RUN, str(folder)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    came, broken = json.loads((folder / "came.json").read_text())
    assert broken == []
    verdicts = {(one.line, one.change, one.becomes): tuple(came[str(one.number)]) for one in sources.mutants}
    # Of two that are the same either is the larger; more memory, or less that is still enough, is noticed by nobody.
    survived = {
        (7, "comparison", ">="),
        (17, "arithmetic", "/"),
        (17, "constant", "4 + 1"),
        (17, "constant", "4 - 1"),
        # The sum that begins with nothing is not changed by adding it.
        (41, "constant", "1 - 1"),
    }
    assert {place for place, verdict in verdicts.items() if verdict == ("survived", "")} == survived
    asked_by_nobody = {place for place, verdict in verdicts.items() if verdict == ("not reached", "")}
    assert {line for line, _, _ in asked_by_nobody} == {31, 35}
    assert verdicts[41, "assignment", "removed"] == ("endless", "test_sum")
    assert verdicts[19, "call", "removed"] == verdicts[13, "assignment", "removed"] == ("killed", "test_counted")
    assert verdicts[25, "logic", "||"] == ("killed", "test_both")
    assert {verdict for verdict, _ in verdicts.values()} == {"killed", "survived", "not reached", "endless"}
