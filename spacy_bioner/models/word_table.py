"""Numbers that words have by their spelling, looked up by their hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.tokens import Doc

_MOST_REMEMBERED = 1_000_000


class WordTable:
    """Asks what the numbers of words are, and remembers them.

    After a million words it forgets all and begins anew. Threads and vocabularies may share it.

    numbers_of: from words, each once, to their numbers, which depend on the words alone.
    """

    def __init__(self, numbers_of: Callable[[list[str]], list[int]]) -> None:
        self._numbers_of = numbers_of
        self._known: dict[int, int] = {}

    def numbers(self, docs: Sequence[Doc]) -> NDArray[np.int64]:
        """Return the number of each of the documents' n tokens, (n,)."""
        orths = [doc.to_array(ORTH).tolist() for doc in docs]
        every = list(chain.from_iterable(orths))
        try:
            return _looked_up(self._known, every)
        except KeyError:
            return _looked_up(self._learn(docs, orths), every)

    def _learn(self, docs: Sequence[Doc], orths: Sequence[list[int]]) -> dict[int, int]:
        """The numbers of all these words, and of more."""
        known = self._known if len(self._known) < _MOST_REMEMBERED else {}
        words: dict[int, str] = {}
        for doc, hashes in zip(docs, orths, strict=True):
            strings = doc.vocab.strings
            words.update((orth, strings[orth]) for orth in set(hashes).difference(known))
        known.update(zip(words, self._numbers_of(list(words.values())), strict=True))
        self._known = known
        return known


def _looked_up(known: dict[int, int], orths: list[int]) -> NDArray[np.int64]:
    return np.fromiter(map(known.__getitem__, orths), dtype=np.int64, count=len(orths))
