"""How a document is laid out in windows, and the record of it that spacy-transformers keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from thinc.types import Ragged
from transformers.modeling_outputs import BaseModelOutput

from spacy_bioner.models.encoder.windows import Ints1d, Ints2d, place_windows
from spacy_bioner.models.encoder.wordpieces import Pieces, Splitter


@dataclass(frozen=True)
class Layout:
    """Rows of wordpieces, and where the tokens are in them.

    ids (k, l): all k windows are of one length, so none is padded. lengths (t,): how
    many wordpieces each token has; places (m,): where they are in the flattened ids.
    """

    ids: Ints2d
    lengths: Ints1d
    places: Ints1d
    splitter: Splitter

    @classmethod
    def of(cls, pieces: Pieces, splitter: Splitter, window: int, overlap: int) -> Layout:
        """window: longest row, the special wordpieces among them."""
        before, after = splitter.before, splitter.after
        if len(pieces.ids) + len(before) + len(after) <= window:
            row = [*before, *pieces.ids.tolist(), *after] or [splitter.padding]
            ids = np.array([row], dtype=np.int64)
            return cls(ids, pieces.lengths, pieces.wordpieces + len(before), splitter)
        windows = place_windows(len(pieces.ids), window - len(before) - len(after), overlap)
        rows = windows.rows(pieces.ids)
        special = (np.tile(np.array(s, dtype=np.int64), (len(rows), 1)) for s in (before, after))
        ids = np.concatenate([next(special), rows, next(special)], axis=1)
        places = windows.places(pieces.wordpieces, len(before), len(after))
        return cls(ids, pieces.lengths, places, splitter)

    def parts(self, n_rows: int) -> Iterator[Layout]:
        """The document in parts of about so many rows, each with whole tokens.

        The row in which a part ends is in the next one again.
        """
        if len(self.ids) <= n_rows or not len(self.places):
            yield self
            return
        width, ends = self.ids.shape[1], np.cumsum(self.lengths)
        starts = ends - self.lengths
        first_row = self.places[np.minimum(starts, len(self.places) - 1)] // width
        token = 0
        while token < len(self.lengths):
            row = int(first_row[token])
            stop = int(np.searchsorted(first_row, row + n_rows))
            stop = max(stop, token + 1)
            places = self.places[starts[token] : ends[stop - 1]]
            last = int(places.max()) // width + 1 if len(places) else row + 1
            yield Layout(
                self.ids[row:last], self.lengths[token:stop], places - row * width, self.splitter
            )
            token = stop


class LayoutData(TransformerData):  # type: ignore[misc]
    """The record of a document, with hidden states (k, l, width).

    What spacy-transformers keeps in it is made when somebody asks for it: a document of
    fifty tokens is read in less time than that takes.
    """

    def __init__(self, layout: Layout, states: Any) -> None:
        self.layout, self.states = layout, states

    def __reduce__(self) -> tuple[type[TransformerData], tuple[Any, ...]]:
        return TransformerData, (self.wordpieces, self.model_output, self.align)

    @cached_property
    def wordpieces(self) -> WordpieceBatch:
        return LazyWordpieces(self.layout.ids, self.layout.splitter)

    @cached_property
    def model_output(self) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=self.states)

    @cached_property
    def align(self) -> Ragged:
        places, lengths = (x.astype("int32") for x in (self.layout.places, self.layout.lengths))
        return Ragged(cast(Any, places), cast(Any, lengths))


class LazyWordpieces(WordpieceBatch):  # type: ignore[misc]
    """Wordpieces of rows without padding, whose strings are looked up when asked for."""

    def __init__(self, ids: Ints2d, splitter: Splitter) -> None:
        self.input_ids = ids
        self.attention_mask = np.ones(ids.shape, dtype="float32")
        self.lengths = [ids.shape[1]] * len(ids)
        self.token_type_ids = None
        self._splitter = splitter

    def __reduce__(self) -> tuple[type[WordpieceBatch], tuple[Any, ...]]:
        """Pickled and copied with the strings, for a tokenizer does not belong in a document."""
        numbers = self.input_ids, self.attention_mask, self.lengths, self.token_type_ids
        return WordpieceBatch, (self.strings, *numbers)

    @property
    def strings(self) -> list[list[str]]:
        return [self._splitter.strings(row) for row in self.input_ids.tolist()]

    def __len__(self) -> int:
        return len(self.input_ids)

    def __getitem__(self, index: Any) -> LazyWordpieces:
        rows = slice(index, index + 1) if isinstance(index, int) else index
        return LazyWordpieces(self.input_ids[rows], self._splitter)
