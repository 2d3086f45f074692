"""Memory that calls of the same thread reuse.

The system takes longer to hand out fresh pages than the CRF takes to compute on them.
"""

from __future__ import annotations

import threading

import numpy as np

from spacy_bioner.crf.scores import Floats2d

_MOST_KEPT = 2_000_000  # values; what a long sentence takes beyond is given back


class Scratch(threading.local):
    """One growing array."""

    values = np.empty(0)

    def rows(self, n_rows: int, n_columns: int) -> Floats2d:
        """An array (n_rows, n_columns) that holds anything, good until the next call."""
        size = n_rows * n_columns
        if size > _MOST_KEPT:
            return np.empty((n_rows, n_columns))
        if size > len(self.values):
            self.values = np.empty(size)
        return self.values[:size].reshape(n_rows, n_columns)


SCRATCH = Scratch()
