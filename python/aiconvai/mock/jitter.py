"""Delays of a jittery network, the same for the same seed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

Distribution = Literal["uniform", "exponential"]


class Jitter(BaseModel):
    """How late the chunks of one utterance come: each by itself, and none before the one it follows, as TCP delivers.

    `uniform` delays lie between 0 and `ms`. `exponential` ones have the same mean; most are smaller, a few much larger.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    ms: float = Field(default=0.0, ge=0.0)
    distribution: Distribution = "uniform"
    seed: int = Field(default=0, ge=0)

    def arrivals_ms(self, count: int, chunk_ms: float) -> npt.NDArray[np.float64]:
        """When each of `count` chunks comes, one being due every `chunk_ms`, the first at 0."""
        random = np.random.default_rng(self.seed)
        if self.distribution == "uniform":
            delays = random.uniform(0.0, self.ms, count)
        else:
            delays = random.exponential(self.ms / 2, count)
        arrivals: npt.NDArray[np.float64] = np.maximum.accumulate(np.arange(count) * chunk_ms + delays)
        return arrivals


NO_JITTER = Jitter()
