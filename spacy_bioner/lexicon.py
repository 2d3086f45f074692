"""Terms found in text by an Aho-Corasick automaton."""

from __future__ import annotations

import hashlib
import lzma
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.errors import CorpusError, LexiconError


def normalized(text: str) -> str:
    """In lower case and without blanks."""
    return "".join(text.split()).lower()


class Lexicon:
    """A set of terms, each with its frequency.

    terms: in order, without doubles. counts: (T,) how often each is met; 1 where unknown.

    Finding terms needs the package `ahocorasick_rs`; raises LexiconError where it is not
    installed, or if there is no term.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        if not counts:
            raise LexiconError("the lexicon has no term.")
        self.terms = tuple(sorted(counts))
        self.counts = np.array([counts[term] for term in self.terms], dtype=np.int64)

    @classmethod
    def of(cls, terms: Iterable[str]) -> Lexicon:
        """Take terms whose frequencies are not known."""
        return cls(dict.fromkeys(terms, 1))

    @classmethod
    def from_file(cls, path: Path, *, shortest: int = 1) -> Lexicon:
        """Read a UTF-8 file with `term`, or `term TAB count`, a line, plain or in .xz.

        Counts of a term that stands there more than once are added up.
        shortest: terms of fewer characters are passed over. Raises CorpusError at a line
        whose count is no whole number, for other encodings and broken files, LexiconError if
        no term is left, or there is no file.
        """
        if not path.is_file():
            raise LexiconError(
                f"{path}: no such file of terms. (The words.tsv of a config is written by "
                "`make-vectors --lexicon`; --paths.lexicon names another.)"
            )
        counts: dict[str, int] = {}
        for number, line in enumerate(_lines(path), 1):
            term, _, count = line.partition("\t")
            if len(term := term.strip()) < max(1, shortest):
                continue
            counts[term] = counts.get(term, 0) + _count(count, path, number)
        if not counts:
            raise LexiconError(f"{path}: has no term of {shortest} characters or more.")
        return cls(counts)

    def normalized(self) -> Lexicon:
        """The terms in lower case and without blanks; of those equal then counts are added up."""
        counts: dict[str, int] = {}
        for term, count in zip(self.terms, self.counts.tolist(), strict=True):
            counts[normalized(term)] = counts.get(normalized(term), 0) + count
        return Lexicon(counts)

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same terms."""
        return hashlib.sha256("\n".join(self.terms).encode()).hexdigest()[:16]

    @cached_property
    def _any(self) -> _Automaton:
        return _Automaton(self.terms, longest=False)

    @cached_property
    def _longest(self) -> _Automaton:
        return _Automaton(self.terms, longest=True)

    def find(self, text: str) -> NDArray[np.int64]:
        """Return all occurrences, overlapping ones too: (M, 3) of term, start and end."""
        return self._any.find(text)

    def segment(self, text: str) -> NDArray[np.int64]:
        """Return occurrences that do not overlap, leftmost first, then longest: (M, 3)."""
        return self._longest.find(text)


def _lines(path: Path) -> list[str]:
    opened = lzma.open if path.suffix == ".xz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            return file.read().split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"is not UTF-8 ({error}).", path) from None
    except (EOFError, lzma.LZMAError) as error:
        raise CorpusError(f"cannot be decompressed ({error}).", path) from None


def _count(text: str, path: Path, line: int) -> int:
    """The count of a term, 1 where it has none."""
    if not text:
        return 1
    if not text.strip().isdecimal() or int(text) >= 2**40:
        raise CorpusError(f"{text!r} is not a count.", path, line)
    return int(text)


class _Automaton:
    def __init__(self, terms: tuple[str, ...], *, longest: bool) -> None:
        try:
            from ahocorasick_rs import AhoCorasick, MatchKind
        except ImportError:
            raise LexiconError(
                "a lexicon needs the package ahocorasick_rs: pip install ahocorasick_rs"
            ) from None
        kind = MatchKind.LeftmostLongest if longest else MatchKind.Standard
        self._automaton = AhoCorasick(terms, matchkind=kind)
        self._overlapping = not longest

    def find(self, text: str) -> NDArray[np.int64]:
        found = self._automaton.find_matches_as_indexes(text, overlapping=self._overlapping)
        return np.array(found, dtype=np.int64).reshape(-1, 3)
