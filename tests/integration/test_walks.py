"""Calls that go any way the model knows, on a real Asterisk: what is told, heard and decided is what the model says."""

from __future__ import annotations

from itertools import islice

import pytest
from walks import Walks, kept_walks, walks_of

from aiconvai.rig.asterisk import Asterisk

AT_ONCE = 3
SEED = "suite"


def test_a_few_walks(asterisk: Asterisk) -> None:
    """The same ones each time; `make walks` takes others."""
    with Walks(asterisk, AT_ONCE) as walks:
        walks.take(islice(walks_of(SEED), AT_ONCE))
        assert walks.counts.problems == []


@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_walks_that_failed_once(asterisk: Asterisk) -> None:
    kept = kept_walks()
    with Walks(asterisk, AT_ONCE) as walks:
        for first in range(0, len(kept), AT_ONCE):
            walks.take(kept[first : first + AT_ONCE])
        assert walks.counts.problems == []
