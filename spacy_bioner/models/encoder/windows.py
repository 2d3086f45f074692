"""Where a long text is cut into windows, and which window speaks for which wordpiece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints1d: TypeAlias = NDArray[np.int64]
Ints2d: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Windows of one length over the wordpieces of a document.

    starts (k,): the first wordpiece of each; length: wordpieces in each of them;
    ends (k,): each window speaks for the wordpieces from the end of the one before to
    its own, so that every wordpiece is taken from the window where it is most central.
    """

    starts: Ints1d
    length: int
    ends: Ints1d

    def rows(self, wordpieces: Ints1d) -> Ints2d:
        """(n,) -> (k, length): the wordpieces in each window."""
        rows: Ints2d = wordpieces[self.starts[:, None] + np.arange(self.length)]
        return rows

    def places(self, wordpieces: Ints1d, before: int, after: int) -> Ints1d:
        """Where each wordpiece (m,) is in the flattened rows, with special ones around each."""
        window = np.searchsorted(self.ends, wordpieces, side="right")
        width = before + self.length + after
        places: Ints1d = window * width + before + wordpieces - self.starts[window]
        return places


def place_windows(n_wordpieces: int, size: int, overlap: int) -> Windows:
    """As few windows of at most `size` as cover the wordpieces, none longer than needed.

    A text that fits has a single window. In others each overlaps the next by at least
    `overlap`, which must be less than `size`.
    """
    if n_wordpieces <= size:
        return Windows(np.zeros(1, dtype=np.int64), n_wordpieces, np.array([n_wordpieces]))
    count = -((overlap - n_wordpieces) // (size - overlap))
    length = -(-(n_wordpieces + (count - 1) * overlap) // count)
    starts = np.arange(count) * (n_wordpieces - length) // (count - 1)
    ends = (starts[1:] + starts[:-1] + length) // 2
    return Windows(starts, length, np.append(ends, n_wordpieces))
