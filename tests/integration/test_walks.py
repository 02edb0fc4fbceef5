"""Calls that go any way the model knows, on a real Asterisk: what is told, heard and decided is what the model says.

`make walks` takes others, for as long as it is told to; those that failed are kept in tests/model/seeds.json.
"""

from __future__ import annotations

from itertools import islice

import pytest

from aiconvai.rig.asterisk import Asterisk
from walks import Walks, kept_walks, walks_of

AT_ONCE = 3
SEED = "c"


def test_a_few_walks(asterisk: Asterisk) -> None:
    """The same ones each time, and beside them those that failed last."""
    walks_at_once = [*islice(walks_of(SEED), AT_ONCE), *kept_walks()[:AT_ONCE]]
    with Walks(asterisk, 2 * AT_ONCE) as walks:
        walks.take(walks_at_once)
        assert walks.counts.problems == []


@pytest.mark.endurance
@pytest.mark.timeout(1800)
def test_walks_that_failed_once(asterisk: Asterisk) -> None:
    kept = kept_walks()
    with Walks(asterisk, AT_ONCE) as walks:
        for first in range(0, len(kept), AT_ONCE):
            walks.take(kept[first : first + AT_ONCE])
        assert walks.counts.problems == []
