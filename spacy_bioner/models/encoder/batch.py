"""What the encoder gives the pipeline: hidden states of each document, padded no further."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from thinc.api import get_array_module
from thinc.types import Ragged
from transformers.modeling_outputs import BaseModelOutput

from spacy_bioner.models.encoder.windows import Ints2d, Windows, place_windows
from spacy_bioner.models.encoder.wordpieces import Pieces, Splitter


class Layout:
    """How a document is laid out in rows of wordpieces, with special ones around each.

    ids (k, l): all k windows are of one length, so none is padded.
    """

    def __init__(self, pieces: Pieces, splitter: Splitter, window: int, overlap: int) -> None:
        special = len(splitter.before) + len(splitter.after)
        self.pieces, self.splitter = pieces, splitter
        self.windows = place_windows(len(pieces.ids), window - special, overlap)
        self.ids = self._with_special(self.windows)

    def _with_special(self, windows: Windows) -> Ints2d:
        rows = windows.rows(self.pieces.ids)
        before, after = (
            np.tile(np.array(special, dtype=np.int64), (len(rows), 1))
            for special in (self.splitter.before, self.splitter.after)
        )
        return np.concatenate([before, rows, after], axis=1)

    def alignment(self) -> Ragged:
        """Which of the flattened wordpieces (k * l) make up each token."""
        before, after = len(self.splitter.before), len(self.splitter.after)
        places = self.windows.places(self.pieces.wordpieces, before, after)
        lengths: Any = self.pieces.lengths.astype("int32")
        return Ragged(cast(Any, places.astype("int32")), lengths)

    def strings(self) -> list[list[str]]:
        before, after = (
            self.splitter.strings(s) for s in (self.splitter.before, self.splitter.after)
        )
        starts, length = self.windows.starts.tolist(), self.windows.length
        return [[*before, *self.pieces.strings[s : s + length], *after] for s in starts]

    def data(self, states: Any) -> TransformerData:
        """spacy-transformers' record of the document, with hidden states (k, l, width)."""
        rows, length = self.ids.shape
        wordpieces = WordpieceBatch(
            strings=self.strings(),
            input_ids=self.ids,
            attention_mask=np.ones((rows, length), dtype="float32"),
            lengths=[length] * rows,
            token_type_ids=None,
        )
        output = BaseModelOutput(last_hidden_state=states)
        return TransformerData(wordpieces=wordpieces, model_output=output, align=self.alignment())


class EncodedBatch(FullTransformerBatch):  # type: ignore[misc]
    """The documents of a batch, each with its own hidden states and no common padding."""

    def __init__(self, docs: Sequence[Doc], doc_data: list[TransformerData]) -> None:
        self.spans = [[doc[:]] if len(doc) else [] for doc in docs]
        self.cached_doc_data = doc_data

    @staticmethod
    def unsplit_by_doc(arrays: list[list[Any]]) -> list[Any]:
        """The gradient of each document's hidden states, of those that have tokens."""
        return [tensors[0] for tensors in arrays]

    @property
    def wordpieces(self) -> WordpieceBatch:
        return self._padded.wordpieces

    @property
    def model_output(self) -> BaseModelOutput:
        return self._padded.model_output

    @property
    def align(self) -> Ragged:
        return self._padded.align

    @cached_property
    def _padded(self) -> TransformerData:
        """All rows in one array, for annotation setters that want them so."""
        filled = [data for data in self.doc_data if len(data.wordpieces)]
        if not filled:
            return TransformerData.empty()
        longest = max(data.wordpieces.input_ids.shape[1] for data in filled)
        ids, mask, states, aligned, start = [], [], [], [], 0
        for data in filled:
            rows, length = data.wordpieces.input_ids.shape
            pad = ((0, 0), (0, longest - length))
            ids.append(np.pad(data.wordpieces.input_ids, pad))
            mask.append(np.pad(data.wordpieces.attention_mask, pad))
            hidden = data.model_output.last_hidden_state
            states.append(get_array_module(hidden).pad(hidden, (*pad, (0, 0))))
            row, column = np.divmod(data.align.dataXd, length)
            aligned.append((start + row) * longest + column)
            start += rows
        wordpieces = WordpieceBatch(
            strings=[row for data in filled for row in data.wordpieces.strings],
            input_ids=np.concatenate(ids),
            attention_mask=np.concatenate(mask),
            lengths=[n for data in filled for n in data.wordpieces.lengths],
            token_type_ids=None,
        )
        lengths = np.concatenate([data.align.lengths for data in filled])
        output = BaseModelOutput(last_hidden_state=get_array_module(states[0]).concatenate(states))
        return TransformerData(wordpieces, output, Ragged(np.concatenate(aligned), lengths))
