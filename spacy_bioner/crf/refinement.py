"""A lattice whose tags are split further, to say what a mask of tags at tokens cannot.

Each refined tag stands for one tag of the CRF and has its scores; what it may follow, and
at which tokens it may stand, is its own. Sums and best paths over the refined lattice are
those of the CRF over the paths that remain. With O split in two, for instance, an O that
only follows another O forbids that an entity ends before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spacy_bioner.crf.scores import Bools1d, Bools2d, CrfScores, Floats2d, Ints1d, Posterior


@dataclass(frozen=True)
class Refinement:
    """R refined tags over T tags.

    base (R,): the tag that each stands for; start (R,), end (R,), transitions (R, R):
    where each may stand, beside what the CRF itself excludes.
    """

    base: Ints1d
    start: Bools1d
    end: Bools1d
    transitions: Bools2d

    def scores(self, scores: CrfScores) -> CrfScores:
        """The scores of the refined tags."""
        return CrfScores.constrained(
            scores.start[self.base],
            scores.end[self.base],
            scores.transitions[np.ix_(self.base, self.base)],
            (self.start, self.end, self.transitions),
        )

    def emissions(self, emissions: Floats2d, allowed: Bools2d) -> Floats2d:
        """Emissions (N, R), -inf where `allowed` (N, R) says no."""
        return np.where(allowed, emissions[:, self.base], -np.inf)

    def fold(self, posterior: Posterior) -> Posterior:
        """The posterior of the tags themselves, from that of the refined ones."""
        onto = np.zeros((len(self.base), int(self.base.max()) + 1))  # (R, T)
        onto[np.arange(len(self.base)), self.base] = 1.0
        return Posterior(
            posterior.log_partition,
            posterior.marginals @ onto,
            onto.T @ posterior.expected_transitions @ onto,
        )
