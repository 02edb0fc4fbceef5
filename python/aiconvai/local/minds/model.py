"""A mind that is a language model at an endpoint: it speaks sentence by sentence while the model writes, and its tools
are the call's.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiconvai.local.minds.chat_draft import ChatDraft
from aiconvai.local.minds.chat_endpoint import ChatEndpoint
from aiconvai.local.minds.chat_history import WAS_INTERRUPTED, ChatHistory, Reply
from aiconvai.local.minds.chat_reply import ToolCall, as_sentence
from aiconvai.local.minds.sentences import SentenceCutter, sentences_of
from aiconvai.local.parts import Act, CallFacts, HangUp, Mind, PartError, Say, Talk

TELEPHONE_PROMPT = (
    "You speak with somebody on the telephone. What you write is spoken, and what the caller says is recognised from"
    " speech: expect words that were heard wrong, and ask where something makes no sense. Answer in one to three short"
    " sentences, as people speak: no Markdown, no lists, no emoji. Write numbers, prices and times as they are"
    " spoken of. Ask one question at a time. Say what you know only; if you do not know something, say so."
    f" {WAS_INTERRUPTED} marks where the caller interrupted you; never write it yourself."
)
"""What a model is told before all else, where it is told nothing else."""
END_CALL: Mapping[str, Any] = {
    "name": "end_call",
    "description": "Ends the phone call. Say goodbye before; the caller hears it to its end.",
    "parameters": {"type": "object", "properties": {}},
}
"""The mind's own tool, where the call has none of that name."""
MOST_ROUNDS = 6
"""In which a model may call tools before it has to answer."""
MOST_VARIABLES = 50
LONGEST_VARIABLE = 500
"""Characters."""
_NAMES_SHOWN = 8

_log = logging.getLogger(__name__)


class LanguageModel(Mind):
    """For all calls."""

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None = None,
        prompt: str = TELEPHONE_PROMPT,
        options: Mapping[str, Any] | None = None,
        is_early: bool = True,
    ) -> None:
        """`url`: of an endpoint that speaks OpenAI's chat completions, up to /v1. `key`: None: it wants none.
        `prompt`: comes before each call's own. `options`: fields of the requests besides, such as temperature.
        `is_early`: it writes before it is known that the caller has finished.
        """
        self._endpoint = ChatEndpoint(url, model, key=key, options=options)
        self._prompt = prompt
        self._is_early = is_early

    def __str__(self) -> str:
        return f"{self._endpoint.model} at {self._endpoint.url}"

    async def open(self) -> None:
        """Sees that the endpoint and the model are there, and has the model loaded. Raises `PartError`."""
        await self._endpoint.open([END_CALL])

    def begin(self, call: CallFacts) -> LanguageModelTalk:
        return LanguageModelTalk(self._endpoint, self._prompt, call, is_early=self._is_early)

    def usual_sentences(self) -> Sequence[str]:
        """Nobody knows what a model is going to say."""
        return ()

    async def close(self) -> None:
        await self._endpoint.close()


class LanguageModelTalk(Talk):
    """What it remembers of a call is bounded; see `chat_history`."""

    def __init__(self, endpoint: ChatEndpoint, prompt: str, call: CallFacts, *, is_early: bool) -> None:
        self._endpoint = endpoint
        self._call = call
        self._names = [str(tool["name"]) for tool in call.tools]
        self._ends_itself = END_CALL["name"] not in self._names
        self._tools: Sequence[Mapping[str, Any]] = [*call.tools, END_CALL] if self._ends_itself else call.tools
        self._is_early = is_early
        self._history = ChatHistory(_system_prompt(prompt, call))
        self._draft: ChatDraft | None = None
        """What the model writes of a reply that may be asked for next."""

    async def greeting(self) -> AsyncGenerator[Act, None]:
        """The call's first message, as it is; the caller begins where it has none."""
        if self._call.first_message:
            reply = self._history.begin_reply()
            for sentence in sentences_of(self._call.first_message):
                reply.say(sentence)
                yield Say(sentence)

    async def answer(self, said: str) -> AsyncGenerator[Act, None]:
        """See `Talk`."""
        self._history.hear(said)
        async with aclosing(self._think()) as acts:
            async for act in acts:
                yield act

    async def prepare(self, said: str) -> str | None:
        """See `Talk`: the model begins to write."""
        self.discard()
        if not self._is_early:
            return None
        messages = self._history.messages_after(said)
        self._draft = ChatDraft(messages, self._endpoint.reply(messages, self._tools))
        return await self._draft.first_sentence()

    def discard(self) -> None:
        """See `Talk`."""
        if self._draft is not None:
            self._draft.close()
            self._draft = None

    def pressed(self, keys: str) -> AsyncGenerator[Act, None]:
        """The model is told which."""
        return self.answer(f"The caller pressed {keys}.")

    def cut(self, heard: str) -> None:
        """See `Talk`."""
        self._history.cut(heard)

    def know(self, text: str) -> None:
        """See `Talk`."""
        self._history.know(text)

    async def _think(self) -> AsyncGenerator[Act, None]:
        """Rounds of what the model says, and of tools that it calls, until it calls none. Raises `PartError`."""
        has_said = has_called = False
        for _ in range(MOST_ROUNDS):
            reply = self._history.begin_reply()
            calls: list[ToolCall] = []
            cutter = SentenceCutter(early=not has_said)
            async with self._reply() as parts:
                async for part in parts:
                    if isinstance(part, ToolCall):
                        calls.append(part)
                        continue
                    for sentence in cutter.feed(part):
                        reply.say(sentence)
                        yield Say(sentence)
            for sentence in cutter.end():
                reply.say(sentence)
                yield Say(sentence)
            has_said = has_said or bool(reply.text)
            ends = [call for call in calls if self._ends_itself and call.name == END_CALL["name"]]
            await self._run(reply, [call for call in calls if call not in ends])
            if ends:
                yield HangUp()
                return
            if not calls:
                break
            has_called = True
        else:
            _log.warning("%s: called tools in %d rounds, which is the most", self._endpoint.model, MOST_ROUNDS)
            has_called = False
        if not has_said and not has_called:
            raise PartError(f"the model {self._endpoint.model} at {self._endpoint.url} answered nothing")

    @asynccontextmanager
    async def _reply(self) -> AsyncGenerator[AsyncGenerator[str | ToolCall, None], None]:
        """Its parts: those of the draft where that is of the same request."""
        messages = self._history.messages()
        draft, self._draft = self._draft, None
        if draft is not None and not draft.is_of(messages):
            draft.close()
            draft = None
        try:
            parts = draft.parts() if draft is not None else self._endpoint.reply(messages, self._tools)
            async with aclosing(parts):
                yield parts
        finally:
            if draft is not None:
                draft.close()

    async def _run(self, reply: Reply, calls: Sequence[ToolCall]) -> None:
        """One after the other, in the model's order; where the caller interrupts, the model is told so of the rest."""
        outcomes: list[str] = []
        try:
            for call in calls:
                outcomes.append(await self._outcome(call))
        finally:
            lacking = ["The caller interrupted: what came of it is not known."] * (len(calls) - len(outcomes))
            reply.calls.extend(zip(calls, [*outcomes, *lacking], strict=True))

    async def _outcome(self, call: ToolCall) -> str:
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            arguments = None
        if not isinstance(arguments, dict):
            # Templates read them again with the next request.
            call.arguments = "{}"
            return "Error: the arguments are no JSON object."
        if call.name not in self._names:
            return f"Error: there is no tool {call.name}; there is {as_sentence(self._names, _NAMES_SHOWN)}."
        outcome = await self._call.run_tool(call.name, arguments)
        return f"Error: {outcome.text}" if outcome.is_error else outcome.text


def _system_prompt(prompt: str, call: CallFacts) -> str:
    parts = [prompt]
    if call.system_prompt:
        parts.append(call.system_prompt)
    if call.language:
        parts.append(f"The caller's language is {call.language} (ISO 639-1): speak it.")
    if call.variables:
        known = {name: value[:LONGEST_VARIABLE] for name, value in list(call.variables.items())[:MOST_VARIABLES]}
        parts.append(f"What is known of this call: {json.dumps(known, ensure_ascii=False)}")
    return "\n\n".join(parts)
