"""Which texts to annotate next: those that the model is least sure of, and not all alike."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.lattice import Lattice

MEASURES = ("entropy", "least-confident", "expected-f1", "random")
_DIMENSIONS = 512  # of the hashed character bigrams by which texts are compared
_POOL = 20  # as many times the wanted number of texts are looked at for diversity

Floats = NDArray[np.float64]


def uncertainty(lattice: Lattice, measure: str) -> Floats:
    """How unsure the model is of the entities of each document, (B,).

    measure: "entropy" of all entity sets, in nats; "least-confident": minus the log
    probability of the best set (Culotta and McCallum 2005); "expected-f1": one minus the F1
    that the entities found can expect, twice the sum of their probabilities over their
    number and the expected number of entities, one added to both, so that where nothing
    is found and nothing expected all is right. Raises ConfigError for another measure.
    """
    if measure == "entropy":
        return lattice.entropies()
    if measure == "least-confident":
        return -lattice.best_path_log_probabilities()
    if measure == "expected-f1":
        return _expected_error(lattice)
    raise ConfigError(f"cannot select by {measure!r}: use one of {list(MEASURES)}")


def _expected_error(lattice: Lattice) -> Floats:
    spans = lattice.spans(lattice.best_tags())
    n = len(lattice.lengths)
    probabilities = np.exp(lattice.span_log_probabilities(spans))
    hits = np.bincount(spans.sentence, probabilities, minlength=n)
    found = np.bincount(spans.sentence, minlength=n)
    begins = np.array([tag[0] in "BU" for tag in lattice.scheme.tags])
    at_token = lattice.marginals()[:, begins].sum(axis=1)
    sentence = np.repeat(np.arange(n), lattice.lengths)
    expected = np.bincount(sentence, at_token, minlength=n)
    expected_f1: Floats = (2 * hits + 1) / (found + expected + 1)
    return 1 - expected_f1


def select(
    scores: Sequence[float], texts: Sequence[str], count: int, diversity: float
) -> list[int]:
    """Indices of `count` texts, the most uncertain first, the same text once.

    Each next text is the one with the highest rank by score less its likeness to
    those that were chosen (maximal marginal relevance, Carbonell and Goldstein 1998);
    diversity weighs likeness, from 0 to 1. Likeness is the cosine of character bigram counts.
    Raises ConfigError for a count below 1 or a diversity outside of 0 to 1.
    """
    if count < 1 or not 0 <= diversity <= 1:
        raise ConfigError(
            f"count must be 1 or more and diversity from 0 to 1, got {count} and {diversity}"
        )
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    first: dict[str, int] = {}
    for i in order.tolist():
        first.setdefault(texts[i], i)
    pool = list(first.values())[: _POOL * count]
    if diversity == 0:
        return pool[:count]
    vectors = np.array([_bigrams(texts[i]) for i in pool])
    # (1 - diversity) * rank from 1 down to 0, less diversity * likeness
    worth = (1 - diversity) * np.linspace(1, 0, len(pool))
    likeness = np.zeros(len(pool))
    chosen: list[int] = []
    for _ in range(min(count, len(pool))):
        value = worth - diversity * likeness
        value[chosen] = -np.inf
        best = int(value.argmax())
        chosen.append(best)
        np.maximum(likeness, vectors @ vectors[best], out=likeness)
    return [pool[i] for i in chosen]


def _bigrams(text: str) -> Floats:
    """Counts of hashed character bigrams, of length 1 as a vector."""
    vector = np.zeros(_DIMENSIONS)
    for i in range(len(text)):
        vector[crc32(text[i : i + 2].encode("utf-8", "replace")) % _DIMENSIONS] += 1
    norm = float(np.sqrt((vector**2).sum()))
    return vector / norm if norm else vector
