"""Events go into the store as they come."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from aiconvai.serve.store.store import Store
from aiconvai.serve.told import Told


class StoreSink:
    """What is known already changes nothing: it may be given again."""

    name = "database"

    def __init__(self, store: Store) -> None:
        self._store = store

    async def take(self, batch: Sequence[Told]) -> None:
        """Raises what a database raises."""
        for asterisk, group in groupby(batch, key=lambda told: told.asterisk):
            await self._store.keep(asterisk, [told.event for told in group])
