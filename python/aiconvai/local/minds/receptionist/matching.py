"""Which intent a caller means, of those that there are; or that it is none, or one of two.

Two votes are added up. One is a classifier's, which has learnt the difference between the intents and everything else:
kernel ridge regression (Saunders, Gammerman and Vovk, 1998) with the Gaussian kernel, on the intents' examples, answers
and labels, and on other_topics.txt, which is what people ask others. The other vote is how close the nearest of an
intent's sentences are.

The numbers below were chosen with tests/local/data/receptionist_tuning.yaml. A quarter less or a third more of any of
them changes at most 2 of its 60 answers, but of `_ALSO_ON_TOPIC`: it weighs what is not understood against what is
understood and should not be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt

from aiconvai.local.minds.receptionist.embeddings import SentenceEmbeddings, Vectors
from aiconvai.local.minds.receptionist.intents import Intent

THRESHOLD = -0.2
"""Below it an intent is not meant. The classifier alone gives 1 to an intent's examples, and -1 to other topics."""
MARGIN = 0.11
"""Two that are closer are asked about."""
SMALL_TALK_SCORE = -0.15
"""Added for what is no topic: it is said in few ways, and much that is said is a little like it."""
CERTAIN = 0.85
"""A cosine with an example: it was said nearly as it stands there."""
_WIDTH = 1.5
"""Of the kernel: exp(_WIDTH * (cosine - 1))."""
_RIDGE = 0.2
_NEAREST = 3
"""Sentences of an intent, whose cosines' mean is its second vote."""
_NEARNESS = 0.3
"""What the second vote counts."""
_ALSO_ON_TOPIC = 0.45
"""A cosine: what is as near to an intent is no other topic in that business."""

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """How much an intent is what was said."""

    intent: Intent
    score: float
    likeness: float
    """The cosine with the example that is nearest."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """Of what a caller has said."""

    ranking: tuple[Match, ...]
    """The best first."""

    @property
    def intents(self) -> list[Intent]:
        """None, the one that is meant, or two of which it is one."""
        if not self.ranking or (self.ranking[0].score < THRESHOLD and not self.is_certain):
            return []
        best, *others = self.ranking
        if others and not self.is_certain and best.score - others[0].score < MARGIN:
            return [best.intent, others[0].intent]
        return [best.intent]

    @property
    def is_certain(self) -> bool:
        """It is nearly word for word an example of the best one."""
        return bool(self.ranking) and self.ranking[0].likeness >= CERTAIN


class Matcher:
    """Any thread may call it."""

    def __init__(self, embeddings: SentenceEmbeddings, intents: Sequence[Intent]) -> None:
        """Reads all their sentences, at some 2 ms each."""
        self._embeddings = embeddings
        self._intents = list(intents)
        own = [embeddings.embed([*one.examples, one.title, *([one.answer] if one.answer else [])]) for one in intents]
        self._ends = np.cumsum([len(vectors) for vectors in own])
        self._examples = [len(one.examples) for one in intents]
        sentences = np.concatenate(own)
        others = embeddings.embed(_other_topics())
        others = others[(others @ sentences.T).max(axis=1) < _ALSO_ON_TOPIC]
        self._sentences: Vectors = np.concatenate([sentences, others])
        self._weights = _ridge_regression(self._sentences, self._ends)

    def understand(self, said: str) -> Understanding:
        """Of a sentence; takes some 4 ms."""
        if not any(sign.isalnum() for sign in said):
            return Understanding(())
        cosines = (self._sentences @ self._embeddings.embed([said])[0]).astype(np.float64)
        votes = _kernel(cosines) @ self._weights
        matches = []
        for number, (intent, near) in enumerate(zip(self._intents, np.split(cosines, self._ends)[:-1], strict=True)):
            score = votes[number] - votes[-1] + _NEARNESS * np.sort(near)[-_NEAREST:].mean()
            likeness = near[: self._examples[number]].max()
            matches.append(Match(intent, float(score + (0 if intent.is_topic else SMALL_TALK_SCORE)), float(likeness)))
        # What was said as an example has it comes first, whatever else is like it.
        matches.sort(
            key=lambda match: (match.likeness if match.likeness >= CERTAIN else 0.0, match.score), reverse=True
        )
        return Understanding(tuple(matches))


def _kernel(cosines: npt.NDArray[np.floating]) -> _Floats:
    return np.exp(_WIDTH * (cosines.astype(np.float64) - 1.0))


def _ridge_regression(sentences: Vectors, ends: npt.NDArray[np.integer]) -> _Floats:
    """[sentences, intents + 1] weights of the kernel; the last column is of other topics, which come after the intents'
    sentences. `ends`: where each intent's end.
    """
    owners = np.searchsorted(ends, np.arange(len(sentences)), side="right")
    targets = np.eye(len(ends) + 1)[owners]
    kernel = _kernel(sentences @ sentences.T)
    return np.asarray(np.linalg.solve(kernel + _RIDGE * np.eye(len(sentences)), targets), np.float64)


def _other_topics() -> list[str]:
    return (resources.files(__package__ or "") / "other_topics.txt").read_text(encoding="utf-8").splitlines()
