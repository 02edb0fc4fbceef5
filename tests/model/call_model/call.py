"""What a call with an agent is: its states, what may happen in each, and what comes of that.

The words are those of docs/architecture.md. No time is counted here: what runs out does so in the order in which
`TIME` has it, and only the first of what is running may (`Model.events`). The engine and the module are compared with
this, so that it says what is right and not how it is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum


class Stage(Enum):
    """Where the conversation stands with its service."""

    BETWEEN = "between attempts"
    CONNECTING = "connecting"
    STARTING = "starting"
    OPEN = "open"
    ENDED = "ended"


class Agent(Enum):
    """What the caller hears of the agent."""

    SILENT = "silent"
    SPEAKING = "speaking"
    PAUSED = "paused"
    """Until it is known whether the caller interrupts it."""
    INTERRUPTED = "interrupted"
    """Silent, and what still comes of that utterance is not heard either."""


class Tool(Enum):
    """Whom the agent waits for."""

    NONE = "none"
    OPERATOR = "operator"
    SUBROUTINE = "subroutine"


class Leaving(Enum):
    """How the agent has ended the conversation, once it has said what it has to say."""

    NO = "no"
    HANGING_UP = "hanging up"
    TRANSFERRING = "transferring"


@dataclass(frozen=True)
class Call:
    """A state of a call."""

    stage: Stage = Stage.CONNECTING
    again: bool = False
    """The connection is a new one of a conversation that was open."""
    failed: int = 0
    """Attempts for this connection that failed."""
    losses: int = 0
    """Connections of this conversation that broke and were replaced."""
    agent: Agent = Agent.SILENT
    spoke: bool = False
    """The service has said something on this connection."""
    void: bool = False
    """The service takes what is being said for interrupted; it is heard since the caller did not mean it."""
    tool: Tool = Tool.NONE
    hold: bool = False
    forbidden: bool = False
    """The operator does not let the caller interrupt the agent."""
    key: bool = False
    """One that the caller pressed waits for the service."""
    vanished: bool = False
    """Nothing comes from the service, which has not said goodbye."""
    leaving: Leaving = Leaving.NO
    status: str = ""
    """With which the dialplan goes on."""

    @property
    def hears_agent(self) -> bool:
        """Whether the caller may hear the agent; otherwise it is the idle audio."""
        return self.agent is Agent.SPEAKING and not self.hold and self.stage is not Stage.ENDED

    def __str__(self) -> str:
        """In words."""
        if self.stage is Stage.ENDED:
            return f"ended {self.status}"
        words = [("reopening, " if self.again else "") + self.stage.value]
        if self.failed:
            words.append(f"{self.failed} failed")
        if self.losses:
            words.append(f"{self.losses} lost")
        if self.agent is not Agent.SILENT:
            words.append(f"agent {self.agent.value}")
        if self.tool is not Tool.NONE:
            words.append(f"tool of {self.tool.value}")
        flags = ("void", "hold", "forbidden", "key", "vanished")
        words += [flag for flag in flags if getattr(self, flag)]
        if self.leaving is not Leaving.NO:
            words.append(self.leaving.value)
        return ", ".join(words)


@dataclass(frozen=True)
class Step:
    """What comes of an event."""

    after: Call
    told: tuple[str, ...] = ()
    """The events, in their order."""
    gets: str = ""
    """What the service must get: `audio`, `message`, `close`; `nothing` where it must not get what happened."""
    keeps: bool = False
    """What was queued of the agent is heard to its end, though the call is over."""


@dataclass(frozen=True)
class Service:
    """What services differ in, as far as a call notices."""

    name: str = "any"
    has_tools: bool = True
    has_interruptions: bool = True
    has_context: bool = True
    has_errors: bool = True
    """It may say that something is wrong, and go on."""
    texts_interrupt: bool = False
    """A text of ours is a turn of the caller's, which interrupts the agent."""
    announces: bool = True
    """It confirms the conversation, and not only the connection."""
    hears_while_asked: bool = True
    """It takes the caller's audio while it waits for a tool; otherwise it has all of it after that."""
    speaks_while_asked: bool = True
    """It goes on while it waits for a tool."""


@dataclass(frozen=True)
class Options:
    """Of the agent, as in aiconvai.conf."""

    attempts: int = 2
    """max_connection_attempts"""
    reconnects: int = 1
    """reconnect_attempts"""
    confirmed: bool = False
    """interruption = confirmed, and not service"""


TIME = (
    "time.next_attempt",
    "time.decides",
    "time.heard",
    "time.leaves",
    "time.attempt_over",
    "time.service_lost",
    "time.tool_over",
    "time.limit",
)
"""What runs out, from the shortest to the longest."""

CALLER = ("caller.speaks", "caller.presses", "caller.holds", "caller.resumes", "caller.hangs_up")
SERVICE = (
    "service.accepts",
    "service.refuses",
    "service.refuses_for_good",
    "service.announces",
    "service.speaks",
    "service.goes_on",
    "service.interrupts",
    "service.calls_tool",
    "service.calls_subroutine",
    "service.hangs_up",
    "service.transfers",
    "service.errs",
    "service.closes",
    "service.fails",
    "service.breaks",
    "service.vanishes",
)
OPERATOR = (
    "operator.says",
    "operator.answers",
    "operator.forbids",
    "operator.allows",
    "operator.ends",
    "operator.redirects",
    "operator.hangs_up",
)
DIALPLAN = ("dialplan.returns",)
EVENTS = (*CALLER, *SERVICE, *OPERATOR, *DIALPLAN, *TIME)


class Model:
    """The calls with a service of that kind and an agent with those options."""

    def __init__(self, service: Service = Service(), options: Options = Options()) -> None:
        self.service = service
        self.options = options

    def first(self) -> Call:
        """The state in which a call begins."""
        return Call()

    def events(self, call: Call) -> tuple[str, ...]:
        """What may happen in that state; the reverse of it is that nothing happens, not that it is an error."""
        if call.stage is Stage.ENDED:
            return ()
        possible = [name for name in EVENTS if name not in TIME and self._may_happen(call, name)]
        due = next((name for name in TIME if self._runs(call, name)), None)
        return (*possible, *([due] if due else []))

    def step(self, call: Call, event: str) -> Step:
        """What comes of an event that may happen."""
        take: Callable[[Call], Step] = getattr(self, "_" + event.replace(".", "_"))
        return take(call)

    # What may happen ----------------------------------------------------------------------------------

    def _may_happen(self, call: Call, event: str) -> bool:
        who, _, what = event.partition(".")
        is_heard = call.agent in (Agent.SPEAKING, Agent.PAUSED)
        if self.service.texts_interrupt and is_heard and event in ("caller.presses", "operator.says"):
            # What then happens is that the service interrupts.
            return False
        if who == "service":
            return not call.vanished and self._service_may(call, what)
        if who == "dialplan":
            return call.tool is Tool.SUBROUTINE
        if who == "operator":
            return {
                "says": self.service.has_context,
                "answers": call.tool is Tool.OPERATOR,
                "forbids": not call.forbidden and self.service.has_interruptions,
                "allows": call.forbidden,
            }.get(what, True)
        return {"holds": not call.hold, "resumes": call.hold, "presses": not call.key}.get(what, True)

    def _service_may(self, call: Call, what: str) -> bool:
        service, is_open = self.service, call.stage is Stage.OPEN
        if what in ("accepts", "refuses", "refuses_for_good"):
            return call.stage is Stage.CONNECTING
        if what == "announces":
            return call.stage is Stage.STARTING
        if what in ("closes", "breaks"):
            return call.stage in (Stage.STARTING, Stage.OPEN)
        asked = call.tool is not Tool.NONE
        may_speak = is_open and (service.speaks_while_asked or not (asked or call.leaving is not Leaving.NO))
        calls = is_open and service.has_tools and not asked and call.leaving is Leaving.NO
        said = call.spoke and call.agent is not Agent.SILENT
        interrupts = service.has_interruptions and call.spoke and call.agent is Agent.SPEAKING
        return {
            "speaks": may_speak,
            "goes_on": may_speak and said,
            "interrupts": may_speak and interrupts,
            "calls_tool": calls,
            "calls_subroutine": calls,
            "hangs_up": calls,
            "transfers": calls,
            "errs": is_open and service.has_errors,
        }.get(what, is_open)

    def _runs(self, call: Call, what: str) -> bool:
        is_open = call.stage is Stage.OPEN
        speaks = call.agent is Agent.SPEAKING and not call.hold
        return {
            "time.next_attempt": call.stage is Stage.BETWEEN,
            "time.decides": call.agent is Agent.PAUSED,
            "time.heard": speaks,
            "time.leaves": is_open and call.leaving is not Leaving.NO and not speaks,
            "time.attempt_over": call.stage in (Stage.CONNECTING, Stage.STARTING),
            "time.service_lost": is_open and call.vanished,
            "time.tool_over": is_open and call.tool is not Tool.NONE,
            "time.limit": True,
        }[what]

    # The caller ---------------------------------------------------------------------------------------

    def _caller_speaks(self, call: Call) -> Step:
        """For long enough to mean it."""
        if call.stage is not Stage.OPEN or call.hold:
            return Step(call, gets="nothing")
        waits = call.tool is not Tool.NONE and not self.service.hears_while_asked
        gets = "nothing" if waits else "audio"
        if call.agent is Agent.PAUSED:
            return Step(replace(call, agent=Agent.INTERRUPTED), ("interrupted", "pause over"), gets)
        return Step(call, gets=gets)

    def _caller_presses(self, call: Call) -> Step:
        if call.stage is Stage.OPEN:
            # Who has ended the conversation is not asked for another answer.
            return Step(call, ("keys",), "message" if call.leaving is Leaving.NO else "")
        return Step(replace(call, key=True), gets="nothing")

    def _caller_holds(self, call: Call) -> Step:
        return Step(replace(call, hold=True), ("hold begun",))

    def _caller_resumes(self, call: Call) -> Step:
        return Step(replace(call, hold=False), ("hold over",))

    def _caller_hangs_up(self, call: Call) -> Step:
        return self._leave(call, "CALLER_HANGUP")

    # The service --------------------------------------------------------------------------------------

    def _service_accepts(self, call: Call) -> Step:
        if self.service.announces:
            return Step(replace(call, stage=Stage.STARTING), gets="message")
        return self._service_announces(call)

    def _service_refuses(self, call: Call) -> Step:
        return self._attempt_failed(call)

    def _service_refuses_for_good(self, call: Call) -> Step:
        return self._end(call, self._unreachable(call))

    def _service_announces(self, call: Call) -> Step:
        after = replace(call, stage=Stage.OPEN, again=False, failed=0, key=False, spoke=False)
        return Step(after, ("ready", "keys") if call.key else ("ready",), "message" if call.key else "")

    def _service_speaks(self, call: Call) -> Step:
        """Something new: it does not go on with what it takes for interrupted."""
        told: tuple[str, ...] = ()
        if call.agent is Agent.PAUSED:
            told = ("interrupted", "pause over")
        elif call.void and not call.forbidden:
            told = ("interrupted",)
        return Step(replace(call, agent=Agent.SPEAKING, spoke=True, void=False), told)

    def _service_goes_on(self, call: Call) -> Step:
        """With what it says; of what was interrupted nothing more is heard."""
        return Step(call)

    def _service_interrupts(self, call: Call) -> Step:
        """It says that the caller does."""
        if call.forbidden:
            return Step(call)
        if self.options.confirmed:
            return Step(replace(call, agent=Agent.PAUSED, void=False), ("pause begun",))
        return Step(replace(call, agent=Agent.INTERRUPTED), ("interrupted",))

    def _service_calls_tool(self, call: Call) -> Step:
        return self._asks(call, ("tool call",), tool=Tool.OPERATOR)

    def _service_calls_subroutine(self, call: Call) -> Step:
        return self._asks(call, ("tool call",), tool=Tool.SUBROUTINE)

    def _service_hangs_up(self, call: Call) -> Step:
        return self._asks(call, ("tool call", "tool done"), leaving=Leaving.HANGING_UP)

    def _service_transfers(self, call: Call) -> Step:
        return self._asks(call, ("tool call", "tool done"), leaving=Leaving.TRANSFERRING)

    def _asks(
        self, call: Call, told: tuple[str, ...], *, tool: Tool = Tool.NONE, leaving: Leaving = Leaving.NO
    ) -> Step:
        """An agent that acts has understood the caller, who has interrupted it."""
        agent = call.agent
        if agent is Agent.PAUSED:
            agent, told = Agent.INTERRUPTED, ("interrupted", "pause over", *told)
        return Step(replace(call, agent=agent, tool=tool, leaving=leaving), told)

    def _service_errs(self, call: Call) -> Step:
        return Step(call, ("error",))

    def _service_closes(self, call: Call) -> Step:
        """As it does when all is said."""
        if call.stage is Stage.STARTING:
            return self._end(call, self._unreachable(call))
        return self._end(call, "COMPLETED", keeps=True)

    def _service_fails(self, call: Call) -> Step:
        return self._lost(call)

    def _service_breaks(self, call: Call) -> Step:
        return self._attempt_failed(call) if call.stage is Stage.STARTING else self._lost(call)

    def _service_vanishes(self, call: Call) -> Step:
        return Step(replace(call, vanished=True))

    # The operator and the dialplan --------------------------------------------------------------------

    def _operator_says(self, call: Call) -> Step:
        return Step(call, gets="message" if call.stage is Stage.OPEN else "nothing")

    def _operator_answers(self, call: Call) -> Step:
        return Step(replace(call, tool=Tool.NONE), ("tool done",), "message")

    def _operator_forbids(self, call: Call) -> Step:
        """From now on, so that the agent goes on where it was about to be interrupted."""
        if call.agent is Agent.PAUSED:
            return Step(replace(call, agent=Agent.SPEAKING, void=True, forbidden=True), ("pause over",))
        return Step(replace(call, forbidden=True))

    def _operator_allows(self, call: Call) -> Step:
        return Step(replace(call, forbidden=False))

    def _operator_ends(self, call: Call) -> Step:
        return self._leave(call, "COMPLETED")

    def _operator_redirects(self, call: Call) -> Step:
        return self._leave(call, "COMPLETED")

    def _operator_hangs_up(self, call: Call) -> Step:
        return self._leave(call, "CALLER_HANGUP")

    def _dialplan_returns(self, call: Call) -> Step:
        return self._operator_answers(call)

    # Time ---------------------------------------------------------------------------------------------

    def _time_next_attempt(self, call: Call) -> Step:
        return Step(replace(call, stage=Stage.CONNECTING))

    def _time_decides(self, call: Call) -> Step:
        """It was no interruption: the agent goes on."""
        return Step(replace(call, agent=Agent.SPEAKING, void=True), ("pause over",))

    def _time_heard(self, call: Call) -> Step:
        return Step(replace(call, agent=Agent.SILENT, void=False))

    def _time_leaves(self, call: Call) -> Step:
        return self._leave(call, "COMPLETED", keeps=True)

    def _time_attempt_over(self, call: Call) -> Step:
        return self._attempt_failed(call)

    def _time_service_lost(self, call: Call) -> Step:
        return self._lost(call)

    def _time_tool_over(self, call: Call) -> Step:
        return Step(replace(call, tool=Tool.NONE), ("error", "tool done"), "message")

    def _time_limit(self, call: Call) -> Step:
        return self._leave(call, "TIMEOUT")

    # How it ends --------------------------------------------------------------------------------------

    def _unreachable(self, call: Call) -> str:
        return "LOST" if call.again else "UNAVAILABLE"

    def _attempt_failed(self, call: Call) -> Step:
        if call.failed + 1 >= self.options.attempts:
            return self._end(call, self._unreachable(call))
        return Step(replace(call, stage=Stage.BETWEEN, failed=call.failed + 1), ("error",))

    def _lost(self, call: Call) -> Step:
        """The connection of a conversation is gone. One that the agent has ended is over; others are taken up."""
        if call.leaving is not Leaving.NO:
            return self._end(call, "COMPLETED", keeps=True)
        if call.losses >= self.options.reconnects:
            return self._end(call, "LOST")
        told = ("error", *self._withdrawn(call))
        agent = Agent.SPEAKING if call.agent in (Agent.SPEAKING, Agent.PAUSED) else Agent.SILENT
        after = replace(
            call,
            stage=Stage.BETWEEN,
            again=True,
            failed=0,
            losses=call.losses + 1,
            agent=agent,
            void=False,
            spoke=False,
            tool=Tool.NONE,
            vanished=False,
        )
        return Step(after, told)

    def _withdrawn(self, call: Call) -> tuple[str, ...]:
        """Nobody is there any more who could decide, or be answered."""
        paused = ("pause over",) if call.agent is Agent.PAUSED else ()
        return (*paused, *(("tool done",) if call.tool is not Tool.NONE else ()))

    def _end(self, call: Call, status: str, *, keeps: bool = False, gets: str = "") -> Step:
        over = Call(stage=Stage.ENDED, status=status)
        return Step(over, (*self._withdrawn(call), f"ended {status}"), gets, keeps)

    def _leave(self, call: Call, status: str, *, keeps: bool = False) -> Step:
        """We end it: the service is told, as far as there is one."""
        gets = "close" if call.stage in (Stage.CONNECTING, Stage.STARTING, Stage.OPEN) else ""
        return self._end(call, status, keeps=keeps, gets=gets)
