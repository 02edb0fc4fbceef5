"""A receptionist's side of a conversation: what is said and done next. No I/O.

It answers what it knows, asks where one of two things is meant, says so where it has not understood, and never guesses.
Twice in a row not understood, it puts the caller through to somebody, where the call has a tool for it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiconvai.local.minds.receptionist.form import MOST_TRIES, Form
from aiconvai.local.minds.receptionist.intents import Intent, Intents, Then, filled, is_filled
from aiconvai.local.minds.receptionist.matching import Understanding
from aiconvai.local.minds.receptionist.transfers import ToolUse, transfer_to

MOST_TOPICS = 6
"""That are told where nothing was understood."""
MISSES = 2
"""In a row, after which the caller is put through."""
GOODBYE = "goodbye"
"""The intent of callers who want nothing more."""

_FIRST = re.compile(r"\b(?:first|former|1st)\b", re.IGNORECASE)
_SECOND = re.compile(r"\b(?:second|latter|2nd|last one|other one)\b", re.IGNORECASE)
_NEITHER = re.compile(r"^\W*(?:no|nope|neither|none)\b|\b(?:neither|none of)\b", re.IGNORECASE)
_CANCELS = re.compile(
    r"\b(?:never ?mind|forget (?:it|that|about it)|cancel that|stop (?:it|that|this))\b", re.IGNORECASE
)
_FILLER = re.compile(
    r"\W*(?:(?:yes|yeah|yep|ok|okay|all right|alright|right|well|so|and|oh|ah|u+[hm]+|h*m+|mhm|you)\b\W*)+",
    re.IGNORECASE,
)
"""Said while thinking or listening; there is no intent in it."""
_NO = re.compile(r"\W*(?:no|nope)(?:\W+(?:thanks|thank you))?\W*", re.IGNORECASE)
"""To "anything else?"."""
_CONTENT_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(frozen=True, slots=True)
class Plan:
    """Said first, then done."""

    says: tuple[str, ...] = ()
    hangs_up: bool = False
    use: ToolUse | None = None
    done: str = ""
    """Said where the tool has succeeded; {result} is what it gave."""
    failed: str = ""
    """Said where it has not."""


class Dialogue:
    """Of one call."""

    def __init__(self, intents: Intents, tools: Sequence[Mapping[str, Any]], variables: Mapping[str, str]) -> None:
        """`tools`, `variables`: the call's."""
        self._intents = intents
        self._tools = tools
        self._values = {**intents.variables, **variables}
        topics = [self._filled(one.title) for one in intents.intents if one.is_topic][:MOST_TOPICS]
        self._values["topics"] = " and ".join(filter(None, (", ".join(topics[:-1]), *topics[-1:])))
        self._form: Form | None = None
        self._between: tuple[Intent, Intent] | None = None
        """The caller was asked which of the two is meant."""
        self._misses = 0
        self._said: tuple[str, ...] = ()
        """Last, for callers who want to hear it again."""

    @property
    def takes_digits(self) -> bool:
        """A number was asked for, which may be pressed."""
        return self._form is not None and self._form.takes_keys

    def usual_texts(self) -> list[str]:
        """That do not depend on what the caller says, the greeting first."""
        texts = map(self._filled, self._intents.said())
        return [text for text in texts if is_filled(text)]

    def greet(self, text: str | None) -> Plan:
        """`text`: instead of the file's greeting."""
        greeting = text if text is not None else self._intents.greeting
        return self._kept(Plan((self._filled(greeting),))) if greeting else Plan()

    def hear(self, said: str, understanding: Understanding) -> Plan:
        """What comes of it. `understanding`: of what was said, among the file's intents."""
        is_filler = _FILLER.fullmatch(said) is not None
        if is_filler:
            understanding = Understanding(())
        if self._form is not None:
            return self._kept(self._fill(self._form, said, understanding))
        if self._between is not None:
            if is_filler:
                return self._kept(self._ask_between(*self._between))
            return self._kept(self._resolve(*self._between, said, understanding))
        goodbye = self._named(GOODBYE) if _NO.fullmatch(said) else None
        if goodbye is not None:
            return self._kept(self._begin(goodbye, said))
        if is_filler:
            return self._kept(Plan((self._filled(self._intents.what_else),)))
        return self._kept(self._act_on(said, understanding))

    def foresee(self, said: str, understanding: Understanding) -> Plan:
        """What would come of it; all stays as it is."""
        trial = copy.copy(self)
        if self._form is not None:
            trial._form = replace(self._form, values=dict(self._form.values))
        return trial.hear(said, understanding)

    def enter(self, digits: str) -> Plan:
        """A number that was pressed, while `takes_digits`."""
        if self._form is None:
            return Plan()
        return self._kept(self._go_on(self._form) if self._form.take(digits) else self._ask_again(self._form))

    def choose(self, keys: str) -> Plan:
        """Keys, which are nothing where no intent has them; # after them only ends them."""
        wanted = (keys, keys.rstrip("#"))
        intent = next((one for one in self._intents.intents if one.keys in wanted), None)
        return self._kept(self._begin(intent, "")) if intent is not None else Plan()

    def _act_on(self, said: str, understanding: Understanding) -> Plan:
        match understanding.intents:
            case [intent]:
                return self._begin(intent, said)
            case [first, second]:
                return self._ask_between(first, second)
            case _:
                return self._miss()

    def _ask_between(self, first: Intent, second: Intent) -> Plan:
        self._forget()
        self._between = first, second
        titles = {"first": self._filled(first.title), "second": self._filled(second.title)}
        return Plan((self._filled(self._intents.ask_between, titles),))

    def _named(self, name: str) -> Intent | None:
        return next((one for one in self._intents.intents if one.name == name), None)

    def _resolve(self, first: Intent, second: Intent, said: str, understanding: Understanding) -> Plan:
        """An answer to which of the two is meant; or something else."""
        self._between = None
        chosen = _chosen(first, second, said)
        if chosen is None and _NEITHER.search(said):
            self._forget()
            return Plan((self._filled(self._intents.what_else),))
        if chosen is None and understanding.intents and understanding.intents[0] in (first, second):
            # As close as they are, the question has been asked once.
            chosen = understanding.intents[0]
        return self._begin(chosen, said) if chosen is not None else self._act_on(said, understanding)

    def _begin(self, intent: Intent, said: str) -> Plan:
        self._forget()
        then = intent.then
        if then is not None and then.repeat:
            return Plan(self._said)
        if then is not None and (then.person or then.transfer or then.tool) and self._use(then, {}) is None:
            # Not asked for what could not be done, nor told that it is.
            return Plan((self._filled(self._intents.cannot if then.tool else self._intents.nobody_there),))
        return self._go_on(Form.begun(intent, said))

    def _go_on(self, form: Form) -> Plan:
        """With the next question, or with the answer."""
        if form.open_slot is not None:
            self._form = form
            return Plan((self._filled(form.open_slot.question, form.values),))
        self._forget()
        intent, then = form.intent, form.intent.then
        answer = self._filled(intent.answer, form.values) if intent.answer else ""
        if then is None:
            return Plan((answer,))
        if then.person and not answer:
            answer = self._filled(self._intents.putting_through)
        return Plan(
            (answer,) if answer else (),
            hangs_up=then.hangup,
            use=self._use(then, form.values),
            done=self._filled(then.say or "", form.values),
            failed=self._filled(self._intents.cannot if then.tool else self._intents.nobody_there),
        )

    def _use(self, then: Then, values: Mapping[str, str]) -> ToolUse | None:
        """None: the call has no such tool, or none is wanted."""
        if then.person:
            return self._to_a_person()
        if then.transfer is not None:
            return transfer_to(self._tools, then.transfer)
        if then.tool is None or not any(tool.get("name") == then.tool for tool in self._tools):
            return None
        return ToolUse(then.tool, {name: self._filled(value, values) for name, value in then.parameters.items()})

    def _to_a_person(self) -> ToolUse | None:
        return transfer_to(self._tools, self._intents.person)

    def _fill(self, form: Form, said: str, understanding: Understanding) -> Plan:
        """An answer to the form's question; or something else, which the caller may want at any time."""
        if _CANCELS.search(said):
            self._forget()
            return Plan((self._filled(self._intents.what_else),))
        wanted = understanding.intents[0] if len(understanding.intents) == 1 else None
        if wanted is not None and understanding.is_certain and not wanted.is_topic and wanted.then is not None:
            return self._ask(form) if wanted.then.repeat else self._begin(wanted, said)
        if form.take(said):
            return self._go_on(form)
        if wanted is form.intent or form.tries >= MOST_TRIES:
            return self._ask_again(form)
        if wanted is not None and wanted.then is None and not wanted.slots:
            # Asked in between: answered, and the question again.
            return Plan((self._filled(wanted.answer or ""), *self._ask(form).says))
        if wanted is not None:
            return self._begin(wanted, said)
        return self._ask_again(form)

    def _ask(self, form: Form) -> Plan:
        return self._go_on(form)

    def _ask_again(self, form: Form) -> Plan:
        if form.tries >= MOST_TRIES:
            self._forget()
            self._misses = MISSES - 1
            return self._miss()
        return Plan((self._filled(self._intents.again), *self._ask(form).says))

    def _miss(self) -> Plan:
        self._misses += 1
        person = self._to_a_person() if self._misses >= MISSES else None
        if person is None:
            return Plan((self._filled(self._intents.not_understood),))
        self._forget()
        text = self._filled(self._intents.putting_through)
        return Plan((text,), use=person, failed=self._filled(self._intents.nobody_there))

    def _forget(self) -> None:
        """What was asked; and that something was not understood."""
        self._form = self._between = None
        self._misses = 0

    def _kept(self, plan: Plan) -> Plan:
        self._said = plan.says or self._said
        return plan

    def _filled(self, text: str, values: Mapping[str, str] | None = None) -> str:
        return filled(text, {**self._values, **(values or {})})


def _chosen(first: Intent, second: Intent, said: str) -> Intent | None:
    """By its place, or by words of one's title that the other has not; None: by neither."""
    is_first, is_second = _FIRST.search(said) is not None, _SECOND.search(said) is not None
    if is_first != is_second:
        return first if is_first else second
    words = {word.lower() for word in _CONTENT_WORD.findall(said)}
    titles = [{word.lower() for word in _CONTENT_WORD.findall(one.title)} for one in (first, second)]
    of_first, of_second = len(words & (titles[0] - titles[1])), len(words & (titles[1] - titles[0]))
    if of_first == of_second:
        return None
    return first if of_first > of_second else second
