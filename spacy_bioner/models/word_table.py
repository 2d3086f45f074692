"""Numbers that words have by their spelling, looked up by their hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.tokens import Doc

_MOST_REMEMBERED = 1_000_000
_AT_ONCE = 2**16


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
        orths = np.concatenate([np.zeros(0, "uint64"), *(doc.to_array(ORTH) for doc in docs)])
        try:
            return _looked_up(self._known, orths)
        except KeyError:
            return _looked_up(self._learn(docs), orths)

    def _learn(self, docs: Sequence[Doc]) -> dict[int, int]:
        """The numbers of all these documents' words, and of more."""
        known = self._known if len(self._known) < _MOST_REMEMBERED else {}
        words: dict[int, str] = {}
        for doc in docs:
            distinct, strings = np.unique(doc.to_array(ORTH)).tolist(), doc.vocab.strings
            words.update((orth, strings[orth]) for orth in distinct if orth not in known)
        known.update(zip(words, self._numbers_of(list(words.values())), strict=True))
        self._known = known
        return known


def _looked_up(known: dict[int, int], orths: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The numbers of words (n,), some at a time, as Python's own integers take much room."""
    found = np.empty(len(orths), dtype=np.int64)
    for start in range(0, len(orths), _AT_ONCE):
        some = orths[start : start + _AT_ONCE].tolist()
        found[start : start + _AT_ONCE] = np.fromiter(map(known.__getitem__, some), np.int64)
    return found
