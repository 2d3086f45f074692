"""What the encoder gives the pipeline: hidden states of each document, padded no further."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from thinc.api import get_array_module
from thinc.types import Ragged
from transformers.modeling_outputs import BaseModelOutput


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
