"""How soon after the answer an agent who greets is heard, and where the time until then goes."""

from __future__ import annotations

import time

from aiconvai.rig.bench.connection_parts import parts_of
from aiconvai.rig.bench.errors import BenchError
from aiconvai.rig.bench.paths import CallPath
from aiconvai.rig.bench.results import FirstAudio, Problem, SetUp
from aiconvai.rig.bench.stage import Stage
from aiconvai.rig.bench.statistics import distribution
from aiconvai.rig.bench.validity import LEAST_LEVEL_DBFS, caller_problems
from aiconvai.rig.caller import Call, Caller

_HEARD_SECONDS = 5.0
_PAUSE_SECONDS = 0.1


def measure(stage: Stage, path: CallPath, calls: int) -> tuple[tuple[FirstAudio, SetUp], list[Problem]]:
    """In so many calls, one after another, to one of `paths.GREETINGS`."""
    asterisk = stage.asterisk
    what = f"first audio, {path.name}, Asterisk {asterisk.version}"
    delays: list[float] = []
    parts: dict[str, list[float]] = {}
    done: list[Call] = []
    with stage.manager() as ami, Caller(asterisk.sip_port) as caller:
        for _ in range(calls):
            since = ami.position()
            call = caller.call(path.extension).wait_answered()
            assert call.answered is not None
            heard = call.wait_for_sound(LEAST_LEVEL_DBFS, _HEARD_SECONDS)
            delays.append((heard - call.answered) * 1000)
            call.hangup()
            done.append(call)
            ended = ami.wait_for("AIConvAIEnd", since=since)
            for name, milliseconds in parts_of(ended).items():
                parts.setdefault(name, []).append(milliseconds)
            time.sleep(_PAUSE_SECONDS)
    if not delays:
        raise BenchError(f"{what}: no calls")
    found = (
        FirstAudio(
            asterisk=asterisk.version,
            connection=path.name,
            delays_ms=[round(one, 3) for one in delays],
            summary=distribution(delays),
        ),
        SetUp(
            asterisk=asterisk.version,
            connection=path.name,
            parts={name: distribution(values) for name, values in parts.items()},
        ),
    )
    return found, caller_problems(done, what)
