"""Services that do everything a service must not do, while two calls and the command line must not notice it.

Every test is a case: a service, a place in its conversation, and what comes there. Cases are played several at a time;
each test then says what came of its own, and the first of those that were played together what came of all else.

By default every kind comes at every place once, at one of the services. `-k "deep and tool_open and gemini"` chooses of
all cases; AICONVAI_HOSTILE=N plays another rotation, =every all kinds at all places of all services, =all those with
each of their endings. AICONVAI_HOSTILE_AT_ONCE=1 plays one at a time;
AICONVAI_HOSTILE_ONLY=TEXT of a case the attacks with that in their names. build/hostile-VERSION.json has the counts.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest
from hearing import check_pace
from listener import Listener
from watchdog import CallSeen, Watchdog

from aiconvai.audio import tone
from aiconvai.mock import ElevenLabsAgent, ElevenLabsMockThread, MockOptions, parse_scenario
from aiconvai.mock.hostile import FORGED, Case, HostileProcess, Kind, Outcome, Place, all_cases, chosen
from aiconvai.mock.hostile.places import BEFORE_ANNOUNCEMENT, OPEN_TOOL
from aiconvai.mock.hostile.tools import BUILTIN, NOBODY, NOWHERE, SUBROUTINE
from aiconvai.rig.asterisk import Asterisk, AsteriskCrashed, LeakCheck
from aiconvai.rig.asterisk.images import repository_root
from aiconvai.rig.caller import Caller

pytestmark = [pytest.mark.alone, pytest.mark.timeout(0)]

AT_ONCE = int(os.environ.get("AICONVAI_HOSTILE_AT_ONCE", "6"))
TOGETHER = 1 if AT_ONCE == 1 else 4 * AT_ONCE
"""Cases between two looks at what is left behind."""
ANSWER_SECONDS = 1.0
LONGEST_CASE_SECONDS = 25.0
MEMORY_KB = 96 * 1024
"""How much more Asterisk may hold after all of it: what its allocator does not give back."""
STATUSES = frozenset({"COMPLETED", "CALLER_HANGUP", "TIMEOUT", "UNAVAILABLE", "LOST"})

FAULTS = {
    Kind.DEEP: pytest.mark.fault("service.hostile-deep"),
    Kind.LONG: pytest.mark.fault("service.hostile-long"),
    Kind.MANY: pytest.mark.fault("service.hostile-many"),
    Kind.WRONG_TYPE: pytest.mark.fault("service.hostile-wrong-type"),
    Kind.WRONG_ORDER: pytest.mark.fault("service.hostile-wrong-order"),
    Kind.WRONG_TIME: pytest.mark.fault("service.hostile-wrong-time"),
    Kind.FOREIGN_ID: pytest.mark.fault("service.hostile-foreign-id"),
    Kind.TOOLS: pytest.mark.fault("service.hostile-tools"),
}

_HONEST = "honest_agent"
_HONEST_TALK = "steps: [{tone: {seconds: 550, hz: 1000}}, {wait: 3000}]"
_FIRST_EXTENSION = 70000
_LEFT = f'"Left: ${{{FORGED}}}${{GLOBAL({FORGED})}}${{TOOL_RESULT}}${{TOOL_ARG_number}}"'
"""What no call may leave behind."""
_DIALPLAN = f"""\
exten => honest,1,AIConvAI({_HONEST})
exten => _7XXXX,1,AIConvAI(hostile_${{EXTEN}},c)
 same => n,UserEvent(Hostile,Extension: ${{EXTEN}},Status: ${{AICONVAI_STATUS}},"Reason: ${{AICONVAI_REASON}}",{_LEFT})
 same => n,Hangup()

[hostile]
exten => {SUBROUTINE},1,Set(TOOL_RESULT=${{TOOL_ARG_number}})
 same => n,Return()
"""


@dataclass
class Result:
    """A case that was played."""

    case: Case
    status: str = ""
    reason: str = ""
    outcome: Outcome | None = None
    problem: str = ""


class Stage:
    """One Asterisk with its watchdog and the hostile services."""

    def __init__(self, asterisk: Asterisk, mock: ElevenLabsMockThread, cases: list[Case]) -> None:
        self.asterisk = asterisk
        self.mock = mock
        self.cases = cases
        self.results: dict[Case, Result] = {}
        self.verdicts: list[str] = []
        """What was wrong beside the cases themselves, not told yet."""
        self.counts: dict[str, Any] = {"asked": 0, "slowest_answer_ms": 0.0, "echo_packets": 0, "echo_lost": 0}
        self._stack = ExitStack()
        self._begin()

    # Setting up -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        # Asterisk has a thread for each manager: ours is there before anything is counted.
        self.asterisk.ami.action("Ping")
        self._configure({})
        self.asterisk.set_dialplan(_DIALPLAN)
        self.watchdog = self._stack.enter_context(
            Watchdog(self.asterisk.sip_port, self.asterisk.control_socket, _HONEST)
        )
        honest = self.mock.conversations[-1].record.id
        ids = [*self.watchdog.channels, *self.watchdog.unique_ids, honest]
        seconds = 60.0 + LONGEST_CASE_SECONDS * len(self.cases)
        self.hostile = self._stack.enter_context(
            HostileProcess(seconds, ids, os.environ.get("AICONVAI_HOSTILE_ONLY", ""))
        )
        # What the rig's own client hears it reads in this process, where it would hold up the callers.
        self.asterisk.ami.action("Events", EventMask="off")
        self.listener = self._stack.enter_context(Listener(self.asterisk.ami_port, FORGED))
        self.caller = self._stack.enter_context(Caller(self.asterisk.sip_port, record=False))
        self._configure(
            {f"hostile_{self._extension(case)}": self._section(case) for case in self.cases if case not in self.results}
        )
        self._cut_off = 0
        self._rss_kb = self.asterisk.process.rss_kb()

    def _configure(self, hostile: dict[str, dict[str, Any]]) -> None:
        sections = {
            "general": {},
            "prompt-hostile": {"system_instruction": "You are hostile.", "state_greeting": "Greet."},
            _HONEST: self.mock.settings("honest"),
            NOBODY: {
                "agent_id": "nobody",
                "conversation_endpoint": "ws://127.0.0.1:1/",
                "max_connection_attempts": 1,
            },
            **hostile,
        }
        text = "\n".join(
            f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())
            for name, options in sections.items()
        )
        self.asterisk.write_config("aiconvai.conf", text)
        answer = self.asterisk.cli("aiconvai reload")
        assert "Loaded" in answer, answer

    def _section(self, case: Case) -> dict[str, Any]:
        much = case.kind in (Kind.DEEP, Kind.LONG, Kind.MANY)
        options: dict[str, Any] = {
            **self.hostile.settings(case),
            "call_duration_limit_seconds": 1 if case.place is Place.ENDING else 10 if much else 3,
            "connection_timeout_seconds": 2,
            "handshake_timeout_seconds": 10 if much else 2,
            "max_connection_attempts": 1,
            "reconnect_attempts": 0,
            "tool_timeout_ms": 1000,
        }
        if case.place in BEFORE_ANNOUNCEMENT:
            # What the service said is told once more, as the reason why another agent takes the call.
            options["failover"] = NOBODY
        if case.provider == "openai_live":
            answers = f"gosub:hostile,{SUBROUTINE},1" if case.place is Place.TOOL_RESULT else "ami"
            return {**options, "tool_delegation": answers}
        if case.provider == "twilio":
            return options
        tools = {
            **{f"tool_{name}": "builtin" for name in BUILTIN},
            f"tool_{SUBROUTINE}": f"gosub:hostile,{SUBROUTINE},1",
            f"tool_{OPEN_TOOL}": "ami",
            f"transfer_to_{NOWHERE}": "missing,1,1",
            "hand_over_to": NOBODY,
            "prompts": "hostile",
        }
        return {**options, **tools}

    def _extension(self, case: Case) -> int:
        return _FIRST_EXTENSION + self.cases.index(case)

    # Playing --------------------------------------------------------------------------------------

    def result(self, case: Case) -> Result:
        """What came of a case, which is played with those after it if it was not yet."""
        if case not in self.results:
            left = self.cases[self.cases.index(case) :]
            self._play_together([one for one in left if one not in self.results][:TOGETHER])
        return self.results[case]

    def _play_together(self, cases: list[Case]) -> None:
        log_position = self.asterisk.log_position()
        self.watchdog.look()
        check = LeakCheck(self.asterisk)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            results = list(pool.map(self._play, cases))
        self.results |= {result.case: result for result in results}
        problems: list[str] = []
        for look in (
            self.asterisk.check_alive,
            check.verify,
            self._look_at_calls,
            self._look_at_memory,
            lambda: self._look_for_forgeries(log_position),
        ):
            try:
                look()
            except AsteriskCrashed as crash:
                problems.append(str(crash)[:4000])
                break
            except (AssertionError, LookupError, OSError) as error:
                problems.append(f"{type(error).__name__}: {error}")
        if problems:
            running = [f"{one.provider} {one.case}: {one.attacks[-1:]}" for one in self.hostile.running()]
            played = "; ".join(f"{one.provider} {one.name}" for one in cases)
            self.verdicts.append("\n".join([*problems, f"running: {running}", f"played: {played}"]))

    def _play(self, case: Case) -> Result:
        result = Result(case)
        extension = str(self._extension(case))
        call = self.caller.call(extension)
        try:
            call.wait_answered()
            call.play(tone(1700.0, 2.0, 8000, -12.0))
            ended = self.listener.wait_for("Hostile", extension, LONGEST_CASE_SECONDS)
            result.status, result.reason = ended["Status"], ended["Reason"]
            call.wait_ended()
            (result.outcome,) = self.hostile.wait_ended(case, LONGEST_CASE_SECONDS)
        except (OSError, RuntimeError, ValueError) as error:  # A TimeoutError is an OSError.
            result.problem = f"{type(error).__name__}: {error}"
            with contextlib.suppress(TimeoutError):
                call.hangup()
        return result

    # Looking --------------------------------------------------------------------------------------

    def _look_at_calls(self) -> None:
        seen = self.watchdog.look()
        answers = seen.answers
        self.counts["asked"] += answers.asked
        self.counts["slowest_answer_ms"] = max(self.counts["slowest_answer_ms"], answers.slowest_seconds * 1000)
        self.counts["echo_packets"] += seen.echo.heard
        self.counts["echo_lost"] = seen.echo.lost
        for name, call in (("echo", seen.echo), ("honest", seen.honest)):
            slip = float(np.max(np.abs(np.cumsum(call.spacing_ms - 20.0)), initial=0.0))
            key = f"{name}_largest_slip_ms"
            self.counts[key] = max(self.counts.get(key, 0.0), slip)
        problems = [*_problems("Echo()", seen.echo), *_problems("the honest agent", seen.honest), *answers.problems]
        if answers.slowest_seconds > ANSWER_SECONDS:
            problems.append(f"{answers.slowest_command!r} was answered after {answers.slowest_seconds:.2f} s")
        self.counts["watchdog_latest_ms"] = max(self.counts.get("watchdog_latest_ms", 0.0), seen.latest_ms)
        assert not problems, f"{'; '.join(problems)}; the watchdog itself was up to {seen.latest_ms:.0f} ms late"

    def _look_at_memory(self) -> None:
        grown = self.asterisk.process.rss_kb() - self._rss_kb
        self.counts["grown_kb"] = grown
        self.counts["most_grown_kb"] = max(self.counts.get("most_grown_kb", 0), grown)
        assert grown < MEMORY_KB, f"Asterisk holds {grown} KiB more than before"

    def _look_for_forgeries(self, log_position: int) -> None:
        told = self.listener.told()
        self.counts["events"], self.counts["event_bytes"] = told.count, told.bytes
        forged = list(told.forged)
        left = [str(event) for event in told.events if event.get("Left")]
        cut_off, self._cut_off = told.cut_off - self._cut_off, told.cut_off
        assert not cut_off, f"Asterisk cut off a manager's client that reads all the time, {cut_off} times"
        lines = self.asterisk.log_since(log_position).split("\n")
        forged += [line[:500] for line in lines if line.startswith((FORGED, "[2030-01-01")) or "\x1b" in line]
        assert not forged, f"forged: {forged[:3]!r}"
        assert not left, f"left behind: {left[:3]!r}"

    def recover(self) -> None:
        """Another Asterisk for the cases that are left, where this one has died."""
        if self.asterisk.process.alive():
            return
        with contextlib.suppress(Exception):
            self._stack.close()  # Calls that died with it cannot be hung up.
        self.asterisk.kill()
        self.asterisk.start()
        self._begin()

    def close(self) -> None:
        """Everything as it was."""
        if self.asterisk.process.alive():
            self.asterisk.ami.action("Events", EventMask="on")
        self._stack.close()

    def report(self) -> dict[str, Any]:
        """What was played and what came of it, in numbers."""
        results = list(self.results.values())
        outcomes = [result.outcome for result in results if result.outcome is not None]

        def count(what: list[str]) -> dict[str, int]:
            return dict(sorted(Counter(what).items()))

        return {
            "asterisk": self.asterisk.version,
            "cases": len(results),
            "attacks": sum(len(outcome.attacks) for outcome in outcomes),
            "bytes": sum(outcome.bytes for outcome in outcomes),
            "messages": sum(outcome.messages for outcome in outcomes),
            "by_status": count([result.status or "none" for result in results]),
            "by_kind": count([result.case.kind for result in results]),
            "by_place": count([result.case.place for result in results]),
            "by_provider": count([result.case.provider for result in results]),
            **self.counts,
            "results": [{**asdict(result), "case": f"{result.case.provider} {result.case.name}"} for result in results],
        }


def _problems(name: str, call: CallSeen) -> Iterator[str]:
    if not call.alive:
        yield f"the call with {name} has ended"
    if call.heard < call.sent * 0.98 - 25:
        yield f"{name}: {call.sent} packets sent, {call.heard} heard"
    try:
        check_pace(call.spacing_ms)
    except AssertionError as error:
        yield f"{name}: {error}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The cases that were asked for."""
    if "case" not in metafunc.fixturenames:
        return
    wanted = os.environ.get("AICONVAI_HOSTILE") or ("every" if metafunc.config.option.keyword else "0")
    rotation = int(wanted) if wanted.isdecimal() else 0
    if wanted == "all":
        cases = [replace(case, number=number) for case in all_cases() for number in range(case.count())]
    elif wanted == "every":
        cases = list(all_cases(rotation))
    else:
        cases = chosen(rotation)
    names = [f"{case.kind}-{case.place}-{case.provider}-{case.number}" for case in cases]
    metafunc.parametrize(
        "case", [pytest.param(case, marks=FAULTS[case.kind], id=name) for case, name in zip(cases, names, strict=True)]
    )


@pytest.fixture(autouse=True)
def no_leaks() -> None:
    """The stage looks itself, after all that it plays together."""


@pytest.fixture(scope="module")
def stage(asterisk: Asterisk, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """Ready for the cases that are going to be played."""
    version = request.getfixturevalue("asterisk_version")
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    cases = [
        item.callspec.params["case"]
        for item in items
        if item.path == request.path and item.callspec.params.get("asterisk_version") == version
    ]
    agent = ElevenLabsAgent(scenario=parse_scenario(_HONEST_TALK))
    with ElevenLabsMockThread(MockOptions(agents={"honest": agent})) as mock:
        made = Stage(asterisk, mock, cases)
        try:
            yield made
        finally:
            folder = repository_root() / "build"
            folder.mkdir(exist_ok=True)
            (folder / f"hostile-{version}.json").write_text(json.dumps(made.report(), indent=1), encoding="utf-8")
            made.close()


def test_nobody_else_notices_a_hostile_service(stage: Stage, case: Case) -> None:
    """Its call ends with a status and goes on in the dialplan, and nothing else happens."""
    result = stage.result(case)
    if stage.verdicts:
        verdict = stage.verdicts.pop(0)
        stage.recover()
        pytest.fail(verdict)
    assert result.problem == ""
    assert result.status in STATUSES, result.reason
    assert result.outcome is not None
    assert result.outcome.problem == ""
    assert result.outcome.reached, f"the place was not reached: {result.status}, {result.reason}"
