"""A sample of texts that are too many to keep."""

from __future__ import annotations

import heapq
import math
from hashlib import blake2b


class Reservoir:
    """Draws `count` of the texts offered, each text once at most, in one pass.

    A text of weight 2 is drawn about twice as often as one of weight 1 (Efraimidis and
    Spirakis 2006, "Weighted random sampling with a reservoir", algorithm A-Res). Chance is a
    hash of seed and text, so that a text offered again with the same weight has the same rank
    again, and only the texts drawn have to be remembered. Raises ValueError for a count below 1.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        if count < 1:
            raise ValueError(f"the sample must have 1 text or more, got {count}")
        self.count = count
        self.offered = 0
        self._key = str(seed).encode()
        self._ranked: list[tuple[float, int, str]] = []  # a heap: the next to go first
        self._drawn: set[str] = set()

    def offer(self, text: str, weight: float = 1.0) -> None:
        """weight: above 0."""
        self.offered += 1
        entry = (self._rank(text, weight), -self.offered, text)
        if text in self._drawn or (self._is_full and entry < self._ranked[0]):
            return
        if self._is_full:
            self._drawn.remove(heapq.heappop(self._ranked)[2])
        heapq.heappush(self._ranked, entry)
        self._drawn.add(text)

    @property
    def _is_full(self) -> bool:
        return len(self._ranked) == self.count

    def _rank(self, text: str, weight: float) -> float:
        """log of u ** (1 / weight), u in (0, 1]; the highest are drawn."""
        digest = blake2b(text.encode("utf-8", "replace"), digest_size=7, key=self._key).digest()
        return math.log((int.from_bytes(digest) + 1) / 2**56) / weight

    def texts(self) -> list[str]:
        """Those drawn, in the order in which they were offered."""
        return [text for _, _, text in sorted(self._ranked, key=lambda entry: -entry[1])]
