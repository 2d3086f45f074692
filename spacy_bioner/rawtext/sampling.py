"""A sample of texts that are too many to keep."""

from __future__ import annotations

import heapq
import math
import random


class Reservoir:
    """Draws `count` of the texts offered, each text once at most, in one pass.

    A text of weight 2 is drawn about twice as often as one of weight 1 (Efraimidis and
    Spirakis 2006, "Weighted random sampling with a reservoir", algorithm A-Res). Equal
    texts in equal order give an equal sample.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        if count < 1:
            raise ValueError(f"the sample must have 1 text or more, got {count}")
        self.count = count
        self.offered = 0
        self._chance = random.Random(seed)
        self._drawn: list[tuple[float, int, str]] = []  # a heap: the next to go first
        self._seen: set[int] = set()

    def offer(self, text: str, weight: float = 1.0) -> None:
        """weight: above 0."""
        key = hash(text)
        if key in self._seen:
            return
        self._seen.add(key)
        self.offered += 1
        # log of u ** (1 / weight), u in (0, 1]
        rank = math.log(1.0 - self._chance.random()) / weight
        entry = (rank, -self.offered, text)
        if len(self._drawn) < self.count:
            heapq.heappush(self._drawn, entry)
        elif rank > self._drawn[0][0]:
            heapq.heapreplace(self._drawn, entry)

    def texts(self) -> list[str]:
        """Those drawn, in the order in which they were offered."""
        return [text for _, _, text in sorted(self._drawn, key=lambda entry: -entry[1])]
