"""A call that goes out while it goes on: what is known of it, and what came of it once it is over. Without any I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiconvai.serve.events import CallEvent, Ended, Ready, Started
from aiconvai.serve.outbound.door import Event, News
from aiconvai.serve.outbound.outcome import State, of_no_answer

MACHINE_REASON = "a machine answered"
"""With which the dialplan ends the conversation then."""
SETTLE_SECONDS = 2.0
"""In which the rest comes of what Asterisk and the conversation tell of a call's end, in whatever order."""
MISSED_SECONDS = 5.0
"""The same where this program was away: journals are read meanwhile."""
_NO_CONVERSATION = "it was answered, and no conversation began: see AICONVAI_REASON in Asterisk's log"
_NOT_KNOWN = "it was being called while this program, or Asterisk, was away, and nobody knows what came of it"


@dataclass(slots=True)
class GoingCall:
    """One of them. What changes it says when it is to be settled."""

    id: int
    list_id: int | None
    number: str
    agent: str
    variables: Mapping[str, str]
    channel_id: str
    attempts: int
    most_attempts: int
    begun: float
    ring_seconds: int
    state: State = State.CALLING
    answered: float | None = None
    asked: float = 0.0
    """When Asterisk was asked last whether the channel is there."""
    is_changed: bool = False
    """The store does not have all of it."""
    settle_at: float | None = None
    is_gone: bool = False
    is_missed: bool = False
    """It may have been answered and have ended while nobody listened."""
    is_cancelled: bool = False
    _is_machine: bool = False
    _is_refused: bool = False
    _cause: int | None = None
    _cause_text: str = ""
    _dial_reason: int | None = None
    _has_conversation: bool = False
    _is_over: bool = False
    """The conversation."""
    told: dict[str, str] = field(default_factory=dict)
    """Of the conversation, as the store's columns have it."""

    def take_news(self, news: News, now: float) -> None:
        """Of its channel."""
        match news.event:
            case Event.RINGING if self.state is State.CALLING:
                self.state, self.is_changed = State.RINGING, True
            case Event.ANSWERED:
                self._note_answer(now)
            case Event.MACHINE:
                self._note_answer(now)
                self._is_machine = True
            case Event.REFUSED:
                self._is_refused, self._dial_reason = True, news.reason
                self._settle(now)
            case Event.GONE:
                self.is_gone, self._cause, self._cause_text = True, news.cause, news.cause_text
                self._settle(now)
            case _:
                pass

    def note_missed(self, now: float) -> None:
        """The channel is not there any more, and nobody heard of its end."""
        self.is_gone = self.is_missed = True
        self._settle(now)

    def note_machine(self) -> None:
        """The agent says so."""
        self._is_machine = True

    def take_event(self, asterisk: str, event: CallEvent, now: float) -> None:
        """Of its conversation."""
        match event:
            case Started():
                self._note_answer(now)
                self._has_conversation, self._is_over = True, False
                self.told |= {"asterisk": asterisk, "record": event.record, "status": "", "reason": ""}
            case Ready():
                self.told["conversation_id"] = event.conversation_id
            case Ended():
                self.note_conversation(
                    asterisk=asterisk,
                    record=event.record,
                    conversation_id=event.conversation_id,
                    status=event.status,
                    reason=event.reason,
                )
                if self.is_gone:
                    self._settle(now)
            case _:
                return
        self.is_changed = True

    def note_conversation(self, **told: str) -> None:
        """That is over, as it is known."""
        self._has_conversation = self._is_over = True
        self.told |= told
        if told.get("reason") == MACHINE_REASON:
            self._is_machine = True

    @property
    def has_conversation(self) -> bool:
        return self._has_conversation

    def _note_answer(self, now: float) -> None:
        if self.state is not State.ANSWERED:
            self.state, self.answered, self.is_changed = State.ANSWERED, now, True

    def _settle(self, now: float) -> None:
        if self.is_gone and (self._is_over or (self.answered is None and self._is_refused)):
            self.settle_at = now
        elif self.is_missed:
            self.settle_at = now + MISSED_SECONDS
        elif self.settle_at is None:
            self.settle_at = now + SETTLE_SECONDS

    def result(self) -> tuple[State, str]:
        """Of this attempt, and a sentence."""
        if self._is_machine:
            return State.MACHINE, MACHINE_REASON
        if self._has_conversation:
            if not self._is_over:
                self.told |= {"status": "LOST", "reason": "its end was not told"}
            return State.ENDED, self.told["reason"]
        if self.is_missed and self._cause is None:
            return State.UNKNOWN, _NOT_KNOWN
        if self.answered is not None:
            return State.FAILED, _NO_CONVERSATION
        if self.is_cancelled:
            return State.CANCELLED, "it was cancelled"
        result = of_no_answer(self._dial_reason, self._cause)
        return result, self._cause_text or _WORDS.get(result, "")

    def columns(self) -> dict[str, Any]:
        """What the store is to have while it goes on."""
        return {"state": self.state, "answered": self.answered, **self.told}


_WORDS = {
    State.FAILED: "Asterisk could not call it: see its log",
    State.BUSY: "busy",
    State.NO_ANSWER: "nobody answered",
    State.CONGESTION: "the network, or the trunk, had no room",
}
