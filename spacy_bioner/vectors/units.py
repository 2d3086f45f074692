"""What a text is made of: characters, n-grams of neighbouring characters, words.

In a table of vectors a character or a word stands under itself, an n-gram under its
characters joined by "|".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from spacy_bioner.lexicon import Lexicon

NGRAM_JOINER = "|"
_MOST_REMEMBERED = 1_000_000  # stretches between blanks
# The units of one stretch of text without blanks, in order.
Units = Callable[[str], Iterator[str]]


def characters(text: str) -> Iterator[str]:
    """Yield each character."""
    return iter(text)


def ngram_key(gram: str) -> str:
    """Return what the vector of an n-gram stands under."""
    return NGRAM_JOINER.join(gram)


def ngrams(n: int) -> Units:
    """Return a function that yields the overlapping n-grams of a text, as keys."""

    def units(text: str) -> Iterator[str]:
        return (ngram_key(text[i : i + n]) for i in range(len(text) - n + 1))

    return units


def tokens(tokenize: Callable[[str], list[str]]) -> Units:
    """Return a function that yields a text's tokens in lower case, and remembers those of texts."""

    @lru_cache(maxsize=_MOST_REMEMBERED)
    def found(text: str) -> tuple[str, ...]:
        return tuple(token.lower() for token in tokenize(text))

    return lambda text: iter(found(text))


def words(lexicon: Lexicon) -> Units:
    """Return a function that yields the lexicon's words, and single characters between them."""

    def units(text: str) -> Iterator[str]:
        done = 0
        for _, start, end in lexicon.segment(text):
            yield from text[done:start]
            yield text[start:end]
            done = end
        yield from text[done:]

    return units
