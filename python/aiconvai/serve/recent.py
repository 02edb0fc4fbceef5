"""What was seen of late: a set with a bound, which forgets what came first."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")


class Recent(Generic[K]):
    """The last `most` that were added."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: OrderedDict[K, None] = OrderedDict()

    def __contains__(self, key: K) -> bool:
        return key in self._keys

    def add(self, key: K) -> None:
        """One that is not among them."""
        self._keys[key] = None
        if len(self._keys) > self._most:
            self._keys.popitem(last=False)
