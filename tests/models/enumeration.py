"""An oracle that enumerates all sets of entities of a sentence, each as a path of tags.

It knows neither lattices nor masks: what is known of a sentence is a test of entity sets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np

Entity = tuple[int, int, int]  # start, end (exclusive), label
EntitySet = frozenset[Entity]


@cache
def entity_sets(n: int, n_labels: int) -> tuple[EntitySet, ...]:
    """All sets of entities that do not overlap, in a sentence of n tokens."""
    return tuple(frozenset(found) for found in _entity_sets(0, n, n_labels))


def _entity_sets(start: int, n: int, n_labels: int) -> Iterator[tuple[Entity, ...]]:
    if start == n:
        yield ()
        return
    yield from _entity_sets(start + 1, n, n_labels)
    for end in range(start + 1, n + 1):
        for label in range(n_labels):
            for rest in _entity_sets(end, n, n_labels):
                yield ((start, end, label), *rest)


def tag_path(entities: EntitySet, n: int, scheme) -> list[int]:
    tags = ["O"] * n
    for start, end, label in entities:
        inner = ["I"] * (end - start - 1)
        prefixes = ["B", *inner]
        if scheme.name == "BILUO":
            prefixes = ["U"] if end - start == 1 else ["B", *inner[1:], "L"]
        for t, prefix in zip(range(start, end), prefixes, strict=True):
            tags[t] = f"{prefix}-{scheme.labels[label]}"
    return [scheme.tags.index(tag) for tag in tags]


@cache
def tag_paths(n: int, scheme) -> np.ndarray:
    """(P, n): the path of each set, in the order of `entity_sets`."""
    return np.array([tag_path(found, n, scheme) for found in entity_sets(n, len(scheme.labels))])


class Enumeration:
    """Entity sets of one sentence, emissions (n, T), with their probabilities."""

    def __init__(self, scheme, emissions, scores, keep: Callable[[EntitySet], bool]) -> None:
        n = len(emissions)
        every = entity_sets(n, len(scheme.labels))
        kept = [i for i, found in enumerate(every) if keep(found)]
        self.sets = [every[i] for i in kept]
        self.paths = tag_paths(n, scheme)[kept]
        worth = scores.start[self.paths[:, 0]] + scores.end[self.paths[:, -1]]
        worth = worth + emissions[np.arange(n), self.paths].sum(axis=1)
        worth += scores.transitions[self.paths[:, :-1], self.paths[:, 1:]].sum(axis=1)
        self.log_partition = float(np.logaddexp.reduce(worth))
        self.probabilities = np.exp(worth - self.log_partition)
        self.n_tags = len(scheme.tags)

    def probability(self, test: Callable[[EntitySet], bool]) -> float:
        passed = np.array([test(found) for found in self.sets])
        return float(self.probabilities[passed].sum())

    def marginals(self) -> np.ndarray:
        """(n, T)"""
        n = self.paths.shape[1]
        result = np.zeros((n, self.n_tags))
        for t in range(n):
            result[t] = np.bincount(self.paths[:, t], self.probabilities, minlength=self.n_tags)
        return result

    def entropy(self) -> float:
        p = self.probabilities[self.probabilities > 0]
        return float(-(p * np.log(p)).sum())

    def best(self, k: int) -> tuple[list[EntitySet], np.ndarray]:
        order = np.argsort(-self.probabilities)[:k]
        return [self.sets[i] for i in order], self.probabilities[order]


def every_span(n: int, n_labels: int) -> list[Entity]:
    return [(s, e, k) for s in range(n) for e in range(s + 1, n + 1) for k in range(n_labels)]
