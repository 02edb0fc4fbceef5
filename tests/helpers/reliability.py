"""docs/reliability.json, what runs of faults, fuzzers, mutants, walks and soaks said, and docs/reliability.md of it.

The file is committed. Each run replaces what an earlier one of its kind said, and nothing else, so that a long run need
not be repeated for a short one.
"""

from __future__ import annotations

import datetime
import fcntl
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from faults import FAULTS, Fault

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "reliability.json"
PAGE = ROOT / "docs" / "reliability.md"

_ROOMS = {
    "service": "The AI service, and the way to it",
    "asterisk": "Inside Asterisk",
    "machine": "The machine",
    "beside": "What stands beside Asterisk",
    "security": "On purpose",
}

Results = dict[str, Any]
"""{"faults": {NAME: {TEST: {"versions": {"16": "passed"}, "date": "2026-12-01"}}},
"runs": {KIND: {"date": "2026-12-01", "columns": [...], "rows": [{...}, ...]}}}"""


def read_results(path: Path = RESULTS) -> Results:
    if not path.exists():
        return {"faults": {}, "runs": {}}
    found: Results = json.loads(path.read_text(encoding="utf-8"))
    return found


@contextmanager
def _changed(path: Path) -> Iterator[Results]:
    """The results, written back when the block ends; several test processes may do so at once."""
    lock_file = Path(tempfile.gettempdir()) / f"{path.name}.lock"
    with lock_file.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        results = read_results(path)
        yield results
        path.write_text(json.dumps(results, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def record_fault(name: str, test: str, version: str, outcome: str, path: Path = RESULTS) -> None:
    """What a test of the fault said: `passed` or `failed`; version is Asterisk's, or `-` where none has a part."""
    with _changed(path) as results:
        kept = results["faults"].setdefault(name, {}).setdefault(test, {"versions": {}})
        kept["versions"][version] = outcome
        kept["date"] = _today()


def record_run(kind: str, rows: list[Mapping[str, object]], path: Path = RESULTS) -> None:
    """The rows of a table that a long run made (`fuzz`, `soak`, `mutants`, `walks`, ...), in the order of its columns.

    Every row has the same keys, which become the table's head.
    """
    with _changed(path) as results:
        results["runs"][kind] = {"date": _today(), "rows": [dict(row) for row in rows], "columns": list(rows[0])}


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def page(results: Results) -> str:
    """docs/reliability.md, made of the table of faults, these results, and the texts of tools/reliability_page/."""
    said = results["faults"]
    tests = sum(len(found) for found in said.values())
    failed = sum(_failed(found) for found in said.values())
    parts = [
        _text("begin"),
        f"{len(FAULTS)} faults, {tests} tests, {failed} failed in their newest run.",
    ]
    for room, title in _ROOMS.items():
        rows = [fault for name, fault in sorted(FAULTS.items()) if name.startswith(f"{room}.")]
        parts.append(f"## {title}\n\n" + _fault_table(rows, said))
    parts.append(_text("runs"))
    for kind, run in sorted(results["runs"].items()):
        parts.append(_text(kind) + f"\n\nOf {run['date']}:\n\n" + _table(run["columns"], run["rows"]))
    parts.append(_text("end"))
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(name: str) -> str:
    path = ROOT / "tools" / "reliability_page" / f"{name}.md"
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def _failed(found: Mapping[str, Any]) -> int:
    return sum("failed" in test["versions"].values() for test in found.values())


def _fault_table(faults: list[Fault], said: Mapping[str, Any]) -> str:
    rows = [
        {
            "fault": fault.fault,
            "what the caller hears": fault.heard,
            "status": f"`{fault.status}`" if fault.status != "-" else "",
            "test": "<br>".join(_test(test, found) for test, found in sorted(said.get(fault.name, {}).items())),
        }
        for fault in faults
    ]
    return _table(["fault", "what the caller hears", "status", "test"], rows)


def _test(test: str, found: Mapping[str, Any]) -> str:
    versions = ", ".join(
        version if outcome == "passed" else f"{version}: {outcome}" for version, outcome in found["versions"].items()
    ).strip("-")
    file, function = test.split("::")
    return f"`{Path(file).name}` {function.removeprefix('test_').replace('_', ' ')}" + (
        f" ({versions})" if versions else ""
    )


def _table(columns: list[str], rows: list[dict[str, object]]) -> str:
    body = [[str(row.get(column, "")).replace("|", "\\|") for column in columns] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [columns, ["---"] * len(columns), *body])
