"""What happens in calls, as one kind of thing whatever told it: a manager's connection or the journal.

Every event is a model whose fields have the headers' names as aliases. Headers that no model knows are kept
(`model_extra`), and so is an event that none knows: a newer module than this is understood as far as it goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

PREFIX = "AIConvAI"

_MOST = 2**31 - 1
"""That a column of a database has room for; of milliseconds 24 days."""
Count = Annotated[int, Field(ge=0, le=_MOST)]
Milliseconds = Annotated[float, Field(ge=0, le=_MOST)]
Moment = Annotated[float, Field(ge=0, le=1e11)]
"""Seconds since 1970, up to a year that a calendar has."""


class UnreadableEventError(ValueError):
    """An event that says something else than its kind does; the message names the event, the header and the value."""


class CallEvent(BaseModel):
    """Something that happened in a conversation."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, coerce_numbers_to_str=True)

    record: str = Field(alias="Record", min_length=1)
    """Names the conversation, and no other one of that Asterisk."""
    time: Moment = Field(alias="Time")
    """When, in seconds since 1970."""
    agent: str = Field(alias="Agent")
    conversation_id: str = Field("", alias="ConversationID")
    """What the service calls it; empty until it has said so."""

    @property
    def when(self) -> datetime:
        """`time`, in UTC."""
        return datetime.fromtimestamp(self.time, UTC)


class _OfChannel(CallEvent):
    """Tells what the channel is, too: the first and the last event do in the journal, to managers all of them."""

    unique_id: str = Field("", alias="Uniqueid")
    linked_id: str = Field("", alias="Linkedid")
    channel: str = Field("", alias="Channel")
    caller_number: str = Field("", alias="CallerIDNum")
    caller_name: str = Field("", alias="CallerIDName")
    extension: str = Field("", alias="Exten")


class Started(_OfChannel):
    """The application has begun; no service is there yet."""

    line_format: str = Field(alias="LineFormat")
    recording: str = Field("", alias="Recording")
    """With what the names of its files begin; empty: it is not recorded."""
    recorded_ms: Count = Field(0, alias="RecordedMs")
    """For so long it has been recorded already."""


class Lookup(CallEvent):
    """Somebody is to say what is known of the caller; the agent waits for it."""

    place: str = Field("", alias="Runner")
    """With what a program beside Asterisk finds it; empty: whoever knows answers."""
    timeout_ms: Count = Field(alias="TimeoutMs")


class Ready(CallEvent):
    """The service is there."""

    ready_ms: Milliseconds = Field(alias="ReadyMs")


class Transcript(CallEvent):
    """What the caller or the agent said."""

    role: Literal["caller", "agent"] = Field(alias="Role")
    text: str = Field(alias="Text")
    final: bool = Field(alias="Final")
    correction: bool = Field(False, alias="Correction")
    """What the agent got to say before the caller interrupted: in place of what it was to say."""
    turn: Count = Field(alias="Turn")
    """In the order in which it was spoken, in which it need not come."""
    spoken_ms: Count = Field(alias="SpokenMs")


class Interruption(CallEvent):
    """The caller has interrupted the agent."""

    heard_ms: Count = Field(alias="HeardMs")


class Answer(CallEvent):
    """The agent is heard, after the caller was."""

    latency_ms: Count = Field(alias="LatencyMs")


class _OfTool(CallEvent):
    """Says of which call of which tool it is."""

    id: str = Field(alias="ToolCallID")
    name: str = Field(alias="ToolName")


class ToolCall(_OfTool):
    """The agent calls a tool."""

    parameters: str = Field("", alias="Parameters")
    """JSON, as the service wrote it."""
    run: str = Field("", alias="Run")
    """Who answers it."""
    place: str = Field("", alias="Runner")
    """With what a program beside Asterisk runs it; empty: whoever knows the tool answers."""
    schema_text: str = Field("", alias="Schema")
    """JSON Schema of its parameters, where `place` is set."""
    timeout_ms: Count = Field(10_000, alias="TimeoutMs")
    """After which the agent is told that it did not answer."""


class ToolDone(_OfTool):
    """The agent was told what a tool answered."""

    result: str = Field(alias="Result")
    error: bool = Field(alias="Error")


class ToolCancelled(_OfTool):
    """Nobody waits for the answer of a tool any more."""


class Keys(CallEvent):
    """The caller pressed keys; none are told where they are secret."""

    keys: str = Field("", alias="Keys")
    secret: bool = Field(False, alias="Secret")


class _Stretch(CallEvent):
    """Something that begins, and ends after so long."""

    state: Literal["begun", "ended"] = Field(validation_alias=AliasChoices("Pause", "Hold", "Listening", "state"))
    lasted_ms: Count = Field(0, alias="LastedMs")


class Pause(_Stretch):
    """The agent is silent until it is known whether it is interrupted."""

    interrupted: bool = Field(False, alias="Interrupted")


class Hold(_Stretch):
    """Somebody has put the other one on hold."""


class Listening(_Stretch):
    """The caller speaks with somebody else, and the agent hears it."""

    destination: str = Field("", alias="Destination")


class Echo(CallEvent):
    """The agent's voice comes back by the line."""

    delay_ms: int = Field(alias="EchoDelayMs")
    return_db: float = Field(alias="EchoReturnDb")


class StateEntered(CallEvent):
    """The conversation is in another state of the agent's prompts."""

    state: str = Field(alias="State")


class HandOver(CallEvent):
    """Another agent has the call."""

    next_agent: str = Field(alias="NextAgent")


class Failover(HandOver):
    """Another agent has it, because this one could not."""

    reason: str = Field("", alias="Reason")


class Problem(CallEvent):
    """Something went wrong, and the call goes on."""

    message: str = Field(alias="Message")


class Trouble(Problem):
    """Why the call is silent or goes badly."""

    trouble: str = Field(alias="Trouble")
    """Of which kind it is."""


class Ended(_OfChannel):
    """The conversation is over."""

    status: str = Field(alias="Status")
    reason: str = Field("", alias="Reason")
    transfer: str = Field("", alias="Transfer")
    duration_ms: Count = Field(alias="DurationMs")
    ready_ms: Count = Field(0, alias="ReadyMs")
    first_audio_ms: Count = Field(0, alias="FirstAudioMs")
    answers: Count = Field(0, alias="Answers")
    answer_ms: Count = Field(0, alias="AnswerMs")
    """The mean of them."""
    slowest_answer_ms: Count = Field(0, alias="SlowestAnswerMs")
    interruptions: Count = Field(0, alias="Interruptions")
    reconnects: Count = Field(0, alias="Reconnects")


class Unknown(CallEvent):
    """One that this program does not know; its headers are in `model_extra`."""

    event: str = Field(alias="Event")


MODELS: dict[str, type[CallEvent]] = {
    "Start": Started,
    "Lookup": Lookup,
    "Ready": Ready,
    "Transcript": Transcript,
    "Interruption": Interruption,
    "Answer": Answer,
    "ToolCall": ToolCall,
    "ToolDone": ToolDone,
    "ToolCancelled": ToolCancelled,
    "Keys": Keys,
    "Pause": Pause,
    "Hold": Hold,
    "Listening": Listening,
    "Echo": Echo,
    "State": StateEntered,
    "HandOver": HandOver,
    "Failover": Failover,
    "Trouble": Trouble,
    "Error": Problem,
    "End": Ended,
}
"""By the events' names without `PREFIX`."""


def read_event(headers: Mapping[str, str]) -> CallEvent | None:
    """The event with these headers; None where it is none of ours. Raises `UnreadableEventError`."""
    name = headers.get("Event", "")
    if not name.startswith(PREFIX):
        return None
    model = MODELS.get(name.removeprefix(PREFIX), Unknown)
    left_out = {"Privilege"} if model is Unknown else {"Event", "Privilege"}
    given = {key: value for key, value in headers.items() if key not in left_out}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UnreadableEventError(f"{name}: {place}: {first['msg']}, got {first['input']!r:.200}") from None
