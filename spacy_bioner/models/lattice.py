"""All tag paths of a batch under a CRF layer, as far as masks leave them, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.crf import CrfScores
from spacy_bioner.crf.entropy import path_entropies
from spacy_bioner.crf.forward_backward import forward_backward
from spacy_bioner.crf.k_best import k_best
from spacy_bioner.crf.packed import best_paths, path_scores
from spacy_bioner.crf.refinement import Refinement
from spacy_bioner.crf.runs import TagChain, TagRuns, run_probabilities
from spacy_bioner.models.crf_layer import crf_scores
from spacy_bioner.tags import Bools1d, Bools2d, Ints1d, Spans, TagScheme

Floats1d = NDArray[np.float64]
Floats2d = NDArray[np.float64]
# One temperature for all tags, or one for each entity label (and "" for O).
Temperature = float | Mapping[str, float]


@dataclass(frozen=True)
class Lattice:
    """Emissions (N, R), lengths (B,) and scores over R tags of which each stands for one of T.

    base (R,): the tag of the scheme that each stands for; it is its own index but for
    those beyond T.
    """

    scheme: TagScheme
    emissions: Floats2d
    lengths: Ints1d
    scores: CrfScores
    base: Ints1d

    @classmethod
    def of(
        cls,
        crf: Model[Any, Any],
        emissions: Ragged,
        scheme: TagScheme,
        *,
        temperature: Temperature = 1.0,
        allowed: Bools2d | None = None,
        joined: Bools1d | None = None,
    ) -> Lattice:
        """The lattice of a batch.

        temperature: scores are divided by it. allowed (N, T): False for tags that are
        excluded at a token. joined (N,): True where no entity may begin or end between
        a token and the one before it.
        """
        values = np.asarray(crf.ops.to_numpy(emissions.dataXd), dtype=np.float64)
        lengths = np.asarray(crf.ops.to_numpy(emissions.lengths), dtype=np.int64)
        values, scores = _cooled(values, crf_scores(crf), scheme, temperature)
        base = np.arange(len(scheme.tags))
        if allowed is not None:
            values = np.where(allowed, values, -np.inf)
        if joined is not None and joined.any():
            return _with_joined_tokens(scheme, values, lengths, scores, joined)
        return cls(scheme, values, lengths, scores, base)

    def best_tags(self) -> Ints1d:
        """Tag ids (N,) of the best path of each sentence."""
        return self.base[best_paths(self.emissions, self.lengths, self.scores)]

    def spans(self, tags: Ints1d) -> Spans:
        return self.scheme.spans(tags, self.lengths)

    def span_log_probabilities(self, spans: Spans) -> Floats1d:
        """Log probability (S,) that exactly each span, with its label, is an entity."""
        offset = (np.cumsum(self.lengths) - self.lengths)[spans.sentence]
        tags = self.scheme.span_tags(spans.start + offset, spans.end + offset, spans.label)
        found, _ = run_probabilities(self.emissions, self.lengths, self.scores, TagRuns(*tags))
        return found

    def chain(self) -> TagChain:
        """The steps from tag to tag as a Markov chain; their tags are those of `emissions`."""
        return TagChain.of(self.emissions, self.lengths, self.scores)

    def marginals(self) -> Floats2d:
        """Probability (N, T) of each tag at each token."""
        found = forward_backward(self.emissions, self.lengths, self.scores).marginals
        n_tags = len(self.scheme.tags)
        result = found[:, :n_tags].copy()
        for refined in range(n_tags, len(self.base)):
            result[:, self.base[refined]] += found[:, refined]
        return result

    def log_partitions(self) -> Floats1d:
        return forward_backward(self.emissions, self.lengths, self.scores).log_partition

    def k_best(self, k: int) -> list[tuple[NDArray[np.int64], Floats1d]]:
        """For each sentence its k best paths, (k, n) tag ids, and their probabilities (k,)."""
        found = k_best(self.emissions, self.lengths, self.scores, k)
        best = np.concatenate([paths[0] for paths, _ in found])
        worth = path_scores(self.emissions, best, self.lengths, self.scores)
        of_best = worth - self.log_partitions()
        return [
            (self.base[paths], np.exp(log_probability - costs))
            for (paths, costs), log_probability in zip(found, of_best, strict=True)
        ]

    def best_path_log_probabilities(self) -> Floats1d:
        """Log probability (B,) of the best path of each sentence; 0 for empty ones."""
        best = best_paths(self.emissions, self.lengths, self.scores)
        worth = path_scores(self.emissions, best, self.lengths, self.scores)
        return worth - self.log_partitions()

    def entropies(self) -> Floats1d:
        """Entropy (B,) of the paths of each sentence in nats."""
        return path_entropies(self.emissions, self.lengths, self.scores)


def _cooled(
    emissions: Floats2d, scores: CrfScores, scheme: TagScheme, temperature: Temperature
) -> tuple[Floats2d, CrfScores]:
    """Emissions and scores divided by the temperature of the tag that they lead into."""
    if not isinstance(temperature, Mapping):
        by_tag = np.full(len(scheme.tags), 1 / temperature)
    else:
        by_tag = np.array([1 / temperature.get(tag[2:], 1.0) for tag in scheme.tags])
    return emissions * by_tag, CrfScores(
        scores.start * by_tag, scores.end * by_tag, scores.transitions * by_tag
    )


def _with_joined_tokens(
    scheme: TagScheme, emissions: Floats2d, lengths: Ints1d, scores: CrfScores, joined: Bools1d
) -> Lattice:
    """The lattice in which no entity begins or ends before a joined token.

    Masks forbid beginnings there, and, in BILUO, ends at the token before. In BIO an
    entity ends where O follows: at joined tokens a second O, which only O may precede,
    stands in its place.
    """
    n_tags, inner = len(scheme.tags), scheme.within
    first_of_sentence = np.zeros(len(joined), dtype=np.bool_)
    first_of_sentence[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
    joined = joined & ~first_of_sentence
    before = np.append(joined[1:], False)
    masked = np.where(joined[:, None] & ~inner.start, -np.inf, emissions)
    if scheme.name == "BILUO":
        masked = np.where(before[:, None] & ~inner.end, -np.inf, masked)
    base = np.append(np.arange(n_tags), 0)
    transitions = np.ones((n_tags + 1, n_tags + 1), dtype=np.bool_)
    transitions[:, n_tags] = base == 0
    refinement = Refinement(base, base >= 0, base >= 0, transitions)
    standing = np.ones((len(joined), n_tags + 1), dtype=np.bool_)
    standing[:, 0], standing[:, n_tags] = ~joined, joined
    values = refinement.emissions(masked, standing)
    return Lattice(scheme, values, lengths, refinement.scores(scores), base)
