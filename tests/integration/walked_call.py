"""One call that goes the way of a walk of the model, on a real Asterisk and is compared with it all the time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from call_model import Call as ModelCall
from call_model import Leaving, Model, Options, Service, Stage, Step, Tool
from call_model.plan import GOES_ON, UTTERANCE, PlannedStep, with_options
from walked_service import Door, Doors, run, say

from aiconvai.audio import Samples, decode, rms_dbfs
from aiconvai.mock.threaded import ThreadedConversation
from aiconvai.rig.asterisk import Asterisk, Message
from aiconvai.rig.caller import Call, Caller
from aiconvai.speech import speak

KINDS = {
    "elevenlabs": (Service("elevenlabs"), Options()),
    "elevenlabs-confirmed": (Service("elevenlabs"), Options(confirmed=True)),
    "websocket": (Service("websocket"), Options()),
    "websocket-confirmed": (Service("websocket"), Options(confirmed=True)),
    "gemini": (Service("gemini", has_errors=False, hears_while_asked=False, texts_interrupt=True), Options()),
    "twilio": (
        Service("twilio", has_tools=False, has_context=False, has_errors=False, announces=False),
        Options(confirmed=True),
    ),
}
"""Of calls that are walked: the service, and the options."""

AUDIBLE_DBFS = -45.0
SECONDS = 4.0
"""What comes of an event has come by then, however busy the machine is."""
LATE = 0.9
"""Seconds behind the plan after which what runs out may have done so before: the walk says nothing then."""

DIALPLAN = """\
exten => _walk-.,1,AIConvAI(${EXTEN},c)
 same => n,UserEvent(Walked,Agent: ${EXTEN},Next: here,Status: ${AICONVAI_STATUS},Transfer: ${AICONVAI_TRANSFER})
 same => n,Hangup()
exten => elsewhere,1,UserEvent(Walked,Channel: ${CHANNEL},Next: elsewhere,Status: ${AICONVAI_STATUS})
 same => n,Hangup()
exten => desk,1,UserEvent(Walked,Channel: ${CHANNEL},Next: desk,Status: ${AICONVAI_STATUS})
 same => n,Hangup()
exten => h,1,UserEvent(Walked,Channel: ${CHANNEL},Next: hangup,Status: ${AICONVAI_STATUS})

[walked-tools]
exten => look,1,Set(GO=)
 same => n,Set(LEFT=200)
 same => n(again),Wait(0.1)
 same => n,Set(LEFT=$[${LEFT} - 1])
 same => n,GotoIf($["${GO}" = "" & ${LEFT} > 0]?again)
 same => n,Set(TOOL_RESULT=found)
 same => n,Return()
"""

_WORDS = {
    "AIConvAIReady": lambda _: "ready",
    "AIConvAIInterruption": lambda _: "interrupted",
    "AIConvAIPause": lambda event: "pause begun" if event["Pause"] == "begun" else "pause over",
    "AIConvAIToolCall": lambda _: "tool call",
    "AIConvAIToolDone": lambda _: "tool done",
    "AIConvAIToolCancelled": lambda _: "tool done",
    "AIConvAIKeys": lambda _: "keys",
    "AIConvAIHold": lambda event: "hold begun" if event["Hold"] == "begun" else "hold over",
    "AIConvAIError": lambda _: "error",
    "AIConvAIEnd": lambda event: f"ended {event['Status']}",
}  # type: dict[str, Callable[[Message], str]]


class Disagreement(AssertionError):
    """The module does not do what the model says."""


class Late(Exception):
    """The machine was too busy for this walk to say anything."""


@dataclass(frozen=True)
class Walk:
    """What is walked."""

    kind: str
    seed: str
    steps: tuple[PlannedStep, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.seed}: " + " ".join(step.event for step in self.steps)


@dataclass
class Result:
    """What came of a walk."""

    walk: Walk
    taken: int = 0
    """Steps that agreed."""
    problem: str = ""
    late: bool = False
    told: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def section(doors: Doors, agent: str, kind: str) -> dict[str, object]:
    """The section of aiconvai.conf of an agent for walks of that kind."""
    service, options = KINDS[kind]
    tools = {
        "tool_end_call": "builtin",
        "tool_transfer_call": "builtin",
        "transfer_to_desk": "default,desk,1",
        "tool_look": "gosub:walked-tools,look,1",
        "tool_ask": "ami",
    }
    given = {**doors.section(agent), "idle_audio": "none", "echo_guard": "off"}
    return {**given, **with_options(Model(service, options)), **(tools if service.has_tools else {})}


class WalkedCall:
    """A call to the agent's extension. `take_all` walks it to its end."""

    _speech: Samples | None = None

    def __init__(self, asterisk: Asterisk, caller: Caller, door: Door, agent: str, walk: Walk) -> None:
        self.asterisk, self.caller, self.door, self.agent, self.walk = asterisk, caller, door, agent, walk
        self.model = Model(*KINDS[walk.kind])
        self.result = Result(walk)
        self._position = asterisk.ami.position()
        self._expected: list[str] = []
        self._conversation: ThreadedConversation | None = None
        self._let_in: Callable[[int], None] | None = None
        self._seen = 0, 0
        """Messages and chunks that the service had after the last step."""
        self._hz = 900.0

    def take_all(self) -> Result:
        began = time.monotonic()
        self.call: Call = self.caller.call(self.agent).wait_answered()
        model_call = self.model.first()
        try:
            self._let_in = self.door.wait_for_knock(SECONDS)
            self.channel = self._event("AIConvAIStart")["Channel"]
            for planned in self.walk.steps:
                self._sleep_until(began + planned.begins)
                step = self.model.step(model_call, planned.event)
                self._take(planned.event, model_call, step)
                model_call = step.after
                self.result.taken += 1
            self._look_at_the_end(model_call)
        except Late:
            self.result.late = True
        except Exception as error:
            at = self.walk.steps[min(self.result.taken, len(self.walk.steps) - 1)].event
            self.result.problem = f"{model_call}\n-- {at}: {type(error).__name__}: {error}"
        finally:
            self._clean_up()
        self.result.told = self._told()
        self.result.errors = [event["Message"] for event in self._events() if event.event == "AIConvAIError"]
        return self.result

    def _clean_up(self) -> None:
        if self.call.alive:
            self.asterisk.ami.action("Setvar", check=False, Channel=self.channel, Variable="GO", Value="1")
            self.call.hangup()

    def _sleep_until(self, moment: float) -> None:
        left = moment - time.monotonic()
        if left < -LATE:
            raise Late
        time.sleep(max(0.0, left))

    # A step -------------------------------------------------------------------------------------------

    def _take(self, event: str, before: ModelCall, step: Step) -> None:
        # What time has brought about may have come before the plan looks.
        mark = self._seen if event.startswith("time.") else self._mark()
        self._expected += step.told
        if not event.startswith("time."):
            getattr(self, f"_{event.replace('.', '_')}")(before)
        elif event in ("time.attempt_over", "time.service_lost"):
            self._conversation = self._let_in = None
        self._wait_told()
        if before.tool is Tool.SUBROUTINE and step.after.tool is not Tool.SUBROUTINE:
            # Nobody waits for it any more; it is the dialplan's, and ends by itself.
            self.asterisk.ami.action("Setvar", check=False, Channel=self.channel, Variable="GO", Value="1")
        if not before.vanished:
            self._wait_got(step, mark)
        self._look_at_connection(step.after)
        if step.after.stage is not Stage.ENDED:
            self._wait_heard(step.after)
        self._seen = self._mark()

    def _mark(self) -> tuple[int, int]:
        if self._conversation is None:
            return 0, 0
        record = self._conversation.record
        return len(record.received), len(record.uplink)

    def _wait_told(self) -> None:
        """All that the model has so far, in its order, and nothing else."""
        wanted = self._expected
        self._poll(lambda: len(self._told()) >= len(wanted), lambda: f"told {self._told()}, expected {wanted}")
        told = self._told()[: len(wanted)]
        if told != wanted:
            raise Disagreement(f"told {told}, expected {wanted}")

    def _wait_got(self, step: Step, mark: tuple[int, int]) -> None:
        conversation = self._conversation
        if conversation is None:
            return
        record = conversation.record
        if record.violations:
            raise Disagreement(f"the service complains: {record.violations[0]}")
        if step.gets == "audio":
            self._poll(lambda: self._hears_caller(mark[1]), lambda: "the service did not hear the caller")
        elif step.gets == "message":
            self._poll(lambda: len(record.received) > mark[0], lambda: "the service got no message")
        elif step.gets == "close":
            self._poll(lambda: record.closed is not None, lambda: "the service's connection was not closed")

    def _hears_caller(self, first: int) -> bool:
        assert self._conversation is not None
        record = self._conversation.record
        heard = b"".join(chunk.data for chunk in list(record.uplink)[first:])
        return bool(heard) and rms_dbfs(decode(heard, record.input_format)) > AUDIBLE_DBFS

    def _look_at_connection(self, after: ModelCall) -> None:
        """One that broke, or was given up, is replaced: somebody asks again."""
        if after.stage is Stage.CONNECTING and self._let_in is None:
            self._let_in = self.door.wait_for_knock(SECONDS)

    def _wait_heard(self, after: ModelCall) -> None:
        if after.hears_agent:
            self.call.wait_for_sound(AUDIBLE_DBFS, SECONDS, since=time.monotonic())
        else:
            self.call.wait_for_silence(AUDIBLE_DBFS, 100, SECONDS, since=time.monotonic() - 0.1)

    # The caller ---------------------------------------------------------------------------------------

    def _caller_speaks(self, _: ModelCall) -> None:
        if WalkedCall._speech is None:
            WalkedCall._speech = speak("Wait, please stop talking now, I want to ask.", 8000)[: 8000 * 12 // 10]
        self.call.play(WalkedCall._speech).wait()

    def _caller_presses(self, _: ModelCall) -> None:
        self.call.send_dtmf("5")

    def _caller_holds(self, _: ModelCall) -> None:
        self.call.hold()

    def _caller_resumes(self, _: ModelCall) -> None:
        self.call.unhold()

    def _caller_hangs_up(self, _: ModelCall) -> None:
        self.call.hangup()

    # The service --------------------------------------------------------------------------------------

    @property
    def service(self) -> ThreadedConversation:
        assert self._conversation is not None
        return self._conversation

    def _answer_knock(self, status: int) -> None:
        assert self._let_in is not None
        self._let_in(status)
        self._let_in = None

    def _service_accepts(self, _: ModelCall) -> None:
        self._answer_knock(0)
        self._conversation = self.door.wait_inside(SECONDS)
        if not self.model.service.announces:
            self.door.announce()

    def _service_refuses(self, _: ModelCall) -> None:
        self._conversation = None
        self._answer_knock(503)

    def _service_refuses_for_good(self, _: ModelCall) -> None:
        self._conversation = None
        self._answer_knock(403)

    def _service_announces(self, _: ModelCall) -> None:
        self.door.announce()

    def _service_speaks(self, _: ModelCall) -> None:
        event_id = run(self.service, _end_utterance)
        self._hz = 900.0 + event_id % 5 * 100.0
        say(self.service, UTTERANCE, self._hz, event_id)

    def _service_goes_on(self, _: ModelCall) -> None:
        say(self.service, GOES_ON, self._hz, self.service.current_event_id)

    def _service_interrupts(self, _: ModelCall) -> None:
        self.service.interrupt()

    def _service_calls_tool(self, _: ModelCall) -> None:
        self._start_tool("ask")

    def _service_calls_subroutine(self, _: ModelCall) -> None:
        self._start_tool("look")

    def _service_hangs_up(self, _: ModelCall) -> None:
        self._start_tool("end_call")

    def _service_transfers(self, _: ModelCall) -> None:
        self._start_tool("transfer_call", destination="desk")

    def _start_tool(self, name: str, **parameters: Any) -> None:
        self.service.start_tool(name, parameters)

    def _service_errs(self, _: ModelCall) -> None:
        run(self.service, lambda live: live.fail("llm_timeout", "no answer", code=1011, close=False))

    def _service_closes(self, _: ModelCall) -> None:
        self._end_connection(lambda service: service.close(1000))

    def _service_fails(self, _: ModelCall) -> None:
        self._end_connection(lambda service: service.close(1011))

    def _service_breaks(self, _: ModelCall) -> None:
        self._end_connection(lambda service: service.drop())

    def _end_connection(self, act: Callable[[ThreadedConversation], None]) -> None:
        service, self._conversation = self.service, None
        act(service)

    def _service_vanishes(self, _: ModelCall) -> None:
        run(self.service, _vanish)

    # The operator and the dialplan --------------------------------------------------------------------

    def _act(self, action: str, **fields: str) -> None:
        self.asterisk.ami.action(action, Channel=self.channel, **fields)

    def _operator_says(self, before: ModelCall) -> None:
        answer = self.asterisk.ami.action("AIConvAIContext", check=False, Channel=self.channel, Text="It rains.")
        if (answer["Response"] == "Success") != (before.stage is Stage.OPEN):
            raise Disagreement(f"the manager was answered: {answer}")

    def _operator_answers(self, _: ModelCall) -> None:
        calls = [event for event in self._events() if event.event == "AIConvAIToolCall"]
        self._act("AIConvAIToolResult", ToolCallID=calls[-1]["ToolCallID"], Result="yes")

    def _operator_forbids(self, _: ModelCall) -> None:
        self._act("AIConvAIInterruptible", Interruptible="no")

    def _operator_allows(self, _: ModelCall) -> None:
        self._act("AIConvAIInterruptible", Interruptible="yes")

    def _operator_ends(self, _: ModelCall) -> None:
        self._act("AIConvAIEnd")

    def _operator_redirects(self, _: ModelCall) -> None:
        self._act("Redirect", Context="default", Exten="elsewhere", Priority="1")

    def _operator_hangs_up(self, _: ModelCall) -> None:
        self._act("Hangup")

    def _dialplan_returns(self, _: ModelCall) -> None:
        self._act("Setvar", Variable="GO", Value="1")

    # What is seen -------------------------------------------------------------------------------------

    def _events(self) -> list[Message]:
        """The module's of this call."""
        return [
            event
            for event in self.asterisk.ami.events(since=self._position)
            if event.get("Agent") == self.agent and str(event.event).startswith("AIConvAI")
        ]

    def _told(self) -> list[str]:
        return [_WORDS[event.event](event) for event in self._events() if event.event in _WORDS]

    def _event(self, name: str) -> Message:
        found: list[Message] = []

        def came() -> bool:
            found[:] = [event for event in self._events() if event.event == name]
            return bool(found)

        self._poll(came, lambda: f"no {name}")
        return found[0]

    def _look_at_the_end(self, last: ModelCall) -> None:
        """Where the dialplan went on, with which status; and that nothing more was told."""
        planned = self.walk.steps[-1].event
        before = self.model.first()
        for one in self.walk.steps[:-1]:
            before = self.model.step(before, one.event).after
        hung_up = planned in ("caller.hangs_up", "operator.hangs_up")
        transferred = before.leaving is Leaving.TRANSFERRING and not hung_up
        wanted = "hangup" if hung_up else "elsewhere" if planned == "operator.redirects" else None
        wanted = wanted or ("desk" if transferred and last.status == "COMPLETED" else "here")
        found: list[Message] = []

        def came() -> bool:
            found[:] = [
                event
                for event in self.asterisk.ami.events("UserEvent", since=self._position)
                if event.get("UserEvent") == "Walked" and event["Channel"] == self.channel
            ]
            return bool(found)

        self._poll(came, lambda: "the dialplan did not go on", seconds=25.0)
        went = found[0]["Next"], found[0]["Status"]
        if went != (wanted, last.status):
            raise Disagreement(f"the dialplan went on {went}, expected {(wanted, last.status)}")
        self.call.wait_ended(SECONDS)
        self._wait_told()
        if self._told() != self._expected:
            raise Disagreement(f"told {self._told()}, expected {self._expected}")

    def _poll(
        self, condition: Callable[[], bool], problem: Callable[[], str], seconds: float | None = None
    ) -> None:
        # What was said last is heard before the end is told.
        patience = seconds or (SECONDS + UTTERANCE * 2 if self._is_ending() else SECONDS + self._runs_out())
        deadline = time.monotonic() + patience
        while not condition():
            if time.monotonic() > deadline:
                raise Disagreement(f"{problem()}, within {patience:g} s")
            time.sleep(0.02)

    def _is_ending(self) -> bool:
        return bool(self._expected) and self._expected[-1].startswith("ended")

    def _runs_out(self) -> float:
        """How much later than planned what runs out may do so."""
        return 1.0


def _end_utterance(live: Any) -> int:
    """The service is done with what it said; returns the number of what it says next."""
    if live.current_event_id:
        live._end_utterance(live.current_event_id, None, interrupted=False)
    event_id: int = live.next_event_id()
    return event_id


def _vanish(live: Any) -> None:
    """With a last sign of life, so that it is known from when on there is none."""
    connection = live._connection
    connection.protocol.send_ping(b"last")
    connection.send_data()
    live.fall_silent()
