"""Numbers that words have by their spelling, looked up by their hashes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.strings import StringStore
from spacy.tokens import Doc

_MOST_REMEMBERED = 1_000_000


class WordTable:
    """Asks once for each word what its number is, and remembers it.

    number_of: from a word to its number.
    """

    def __init__(self, number_of: Callable[[str], int]) -> None:
        self._number_of = number_of
        self._known: dict[int, int] = {}

    def numbers(self, docs: Sequence[Doc]) -> NDArray[np.int64]:
        """Return the number of each of the documents' n tokens, (n,)."""
        known = self._known
        found: list[int] = []
        for doc in docs:
            strings, orths = doc.vocab.strings, doc.to_array([ORTH]).reshape(-1).tolist()
            found += [known[o] if o in known else self._ask(strings, o) for o in orths]
        return np.array(found, dtype=np.int64)

    def _ask(self, strings: StringStore, orth: int) -> int:
        number = self._number_of(strings[orth])
        if len(self._known) < _MOST_REMEMBERED:
            self._known[orth] = number
        return number
