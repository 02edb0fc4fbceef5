"""A mind without a language model, for the questions that a business is asked. No network; the same words get the same
answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiconvai.local.minds.receptionist.dialogue import Dialogue, Plan
from aiconvai.local.minds.receptionist.embeddings import SentenceEmbeddings
from aiconvai.local.minds.receptionist.intents import Intents, filled, read_intents
from aiconvai.local.minds.receptionist.matching import Matcher, Understanding
from aiconvai.local.minds.sentences import sentences_of
from aiconvai.local.parts import Act, CallFacts, HangUp, Mind, PartError, Say, Talk

LONGEST_RESULT = 1_000
"""Characters of a tool's result that are said."""


class Receptionist(Mind):
    """For all calls."""

    def __init__(
        self, intents: Path | None = None, *, model: Path | None = None, vocabulary: Path | None = None
    ) -> None:
        """`intents`: a file in YAML; None: receptionist.yaml of this package, which explains what is in one. `model`,
        `vocabulary`: see `SentenceEmbeddings`.
        """
        self._file = intents
        self._model = model
        self._vocabulary = vocabulary
        self._thread = ThreadPoolExecutor(1, "receptionist")
        """Compares what was said, a few ms each, for all calls."""
        self._ready: tuple[Intents, Matcher] | None = None

    def __str__(self) -> str:
        return f"the receptionist of {self._file or 'its own example'}"

    async def open(self) -> None:
        """Reads the file, the model and all examples. Raises `PartError`."""
        self._ready = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def begin(self, call: CallFacts) -> ReceptionistTalk:
        if self._ready is None:
            raise PartError("the receptionist is not open yet: open it before calls begin")
        return ReceptionistTalk(*self._ready, self._thread, call)

    def usual_sentences(self) -> Sequence[str]:
        """The greeting, and answers that depend on no call."""
        if self._ready is None:
            return ()
        texts = Dialogue(self._ready[0], (), {}).usual_texts()
        return [sentence for text in texts for sentence in sentences_of(text)]

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _load(self) -> tuple[Intents, Matcher]:
        intents = read_intents(self._file)
        return intents, Matcher(SentenceEmbeddings(self._model, self._vocabulary), intents.intents)


class ReceptionistTalk(Talk):
    """Of the call it takes the first message, the variables and the tools; there is no use for a prompt."""

    def __init__(self, intents: Intents, matcher: Matcher, thread: ThreadPoolExecutor, call: CallFacts) -> None:
        self._matcher = matcher
        self._thread = thread
        self._call = call
        self._dialogue = Dialogue(intents, call.tools, call.variables)

    def greeting(self) -> AsyncGenerator[Act, None]:
        """The call's first message, or the file's greeting."""
        return self._carry_out(self._dialogue.greet(self._call.first_message))

    async def answer(self, said: str) -> AsyncGenerator[Act, None]:
        """See `Talk`."""
        understanding = await self._understand(said)
        async for act in self._carry_out(self._dialogue.hear(said, understanding)):
            yield act

    async def prepare(self, said: str) -> str | None:
        """See `Talk`."""
        understanding = await self._understand(said)
        plan = self._dialogue.foresee(said, understanding)
        return next((sentence for text in plan.says for sentence in sentences_of(text)), None)

    def discard(self) -> None:
        """There is nothing that goes on."""

    def pressed(self, keys: str) -> AsyncGenerator[Act, None]:
        """The number that was asked for, or the key of an intent. Others are nothing to it."""
        if self._dialogue.takes_digits:
            return self._carry_out(self._dialogue.enter(keys))
        return self._carry_out(self._dialogue.choose(keys))

    def cut(self, heard: str) -> None:
        """Nothing depends on it: what was said can be heard again."""

    def know(self, text: str) -> None:
        """There is nothing that could make use of it."""

    async def _understand(self, said: str) -> Understanding:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._matcher.understand, said)

    async def _carry_out(self, plan: Plan) -> AsyncGenerator[Act, None]:
        for text in plan.says:
            for sentence in sentences_of(text):
                yield Say(sentence)
        if plan.use is not None:
            outcome = await self._call.run_tool(plan.use.tool, plan.use.arguments)
            text = plan.failed if outcome.is_error else filled(plan.done, {"result": outcome.text[:LONGEST_RESULT]})
            for sentence in sentences_of(text):
                yield Say(sentence)
        if plan.hangs_up:
            yield HangUp()
