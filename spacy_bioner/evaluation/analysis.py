"""Where scores come from: types taken for others, mentions seen in training, lengths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from spacy_bioner.evaluation.cases import Case, Mention, overlapping
from spacy_bioner.evaluation.scores import Scores, scores_by

OUTSIDE = "O"
SEEN, OTHER_TYPE, NEVER = "with this type", "with another type", "never"
_LENGTHS = (1, 2, 3, 4, 6, 10)
_SENTENCES = (10, 20, 40, 80, 160, 320)
_FREQUENCIES = (0, 1, 4, 16, 64)


@dataclass(frozen=True)
class Confusion:
    """labels: the types, then O, or (O) where a type has that name.

    counts (L + 1, L + 1): gold in rows, found in columns.
    A row of a type holds each of its gold mentions once, under the type of the found
    mention that shares most tokens with it (of equals the first), or under O; the row O holds the
    found mentions that overlap none of the gold.
    """

    labels: tuple[str, ...]
    counts: NDArray[np.int64]


def confusion(cases: Sequence[Case]) -> Confusion:
    """Which types are taken for which."""
    names = sorted({m.label for case in cases for m in (*case.gold, *case.found)})
    index, outside = {label: n for n, label in enumerate(names)}, len(names)
    counts = np.zeros((outside + 1, outside + 1), dtype=np.int64)
    for group in (group for case in cases for group in overlapping(case.gold, case.found)):
        for mention in set(group.gold):
            best = _closest(mention, group.found)
            counts[index[mention.label], index[best.label] if best else outside] += 1
        for mention in set(group.found):
            if _closest(mention, group.gold) is None:
                counts[outside, index[mention.label]] += 1
    return Confusion((*names, OUTSIDE if OUTSIDE not in index else f"({OUTSIDE})"), counts)


def _closest(mention: Mention, others: Iterable[Mention]) -> Mention | None:
    best = max(others, key=lambda other: shared_tokens(mention, other), default=None)
    return best if best is not None and shared_tokens(mention, best) > 0 else None


def shared_tokens(one: Mention, other: Mention) -> int:
    """Tokens that lie in both; 0 or less where they do not overlap."""
    return min(one.end, other.end) - max(one.start, other.start)


class TrainingMentions:
    """How often each text was annotated in training, and with which types.

    White space and case count as they are.
    """

    def __init__(self, docs: Iterable[Doc]) -> None:
        self._types: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for doc in docs:
            for entity in doc.ents:
                self._types[entity.text][entity.label_] += 1

    def familiarity(self, text: str, label: str) -> str:
        """SEEN, OTHER_TYPE or NEVER."""
        types = self._types.get(text)
        if not types:
            return NEVER
        return SEEN if label in types else OTHER_TYPE

    def frequency(self, text: str) -> int:
        """How often the text was annotated, with any type."""
        return self._types[text].total() if text in self._types else 0


def by_familiarity(cases: Sequence[Case], training: TrainingMentions) -> dict[str, Scores]:
    """Scores of mentions that training has with this type, with another, and never."""
    found = scores_by(cases, lambda case, m: training.familiarity(case.text_of(m), m.label))
    return {name: found[name] for name in (SEEN, OTHER_TYPE, NEVER) if name in found}


def by_frequency(cases: Sequence[Case], training: TrainingMentions) -> dict[str, Scores]:
    """Scores by how often the text of a mention is a mention in training."""
    return _binned(cases, _FREQUENCIES, lambda case, m: training.frequency(case.text_of(m)))


def by_length(cases: Sequence[Case]) -> dict[str, Scores]:
    """Scores by the number of tokens of a mention."""
    return _binned(cases, _LENGTHS, lambda _, m: m.end - m.start)


def by_document_length(cases: Sequence[Case]) -> dict[str, Scores]:
    """Scores by the number of tokens of the document (sentence, where these are sentences)."""
    return _binned(cases, _SENTENCES, lambda case, _: len(case.tokens))


def _binned(
    cases: Sequence[Case], tops: Sequence[int], size: Callable[[Case, Mention], int]
) -> dict[str, Scores]:
    """Scores by bins of a number, in order; each bin is named for what it holds."""
    names = bin_names(tops)
    edges = np.array(tops)
    number = scores_by(cases, lambda case, m: f"{np.searchsorted(edges, size(case, m)):02d}")
    return {names[int(key)]: scores for key, scores in number.items()}


def bin_names(tops: Sequence[int]) -> list[str]:
    """Names of the bins with these largest members, and of one for all above."""
    names, low = [], min(tops[0], 1)
    for top in tops:
        names.append(str(top) if low == top else f"{low} to {top}")
        low = top + 1
    return [*names, f"{low} and more"]
