"""Characters that are a wordpiece of their own, whatever stands beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from spacy_bioner.models.word_table import WordTable

NONE = -1


class LoneCharacters:
    """Knows the wordpieces of ideographs and punctuation without a tokenizer's help.

    BERT's tokenizers put a space around each of them before anything else, so that what a
    text is split into there does not depend on what comes before or after. With a tokenizer
    of another kind no character is known to be alone.

    backend: a `tokenizers.Tokenizer`.
    """

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        steps = json.loads(backend.to_str())
        self.are_known = _is_of_bert(steps)
        # a special token's name in a text is found before anything is split
        self._excluded = {c for added in steps["added_tokens"] for c in added["content"]}
        self._table = WordTable(self._of_words)

    def wordpieces(self, docs: Sequence[Doc]) -> NDArray[np.int64]:
        """Return of each of n tokens (n,) the id of its wordpiece, NONE if it may not be alone."""
        if not self.are_known:
            return np.full(sum(map(len, docs)), NONE, dtype=np.int64)
        return self._table.numbers(docs)

    def _of_words(self, words: list[str]) -> list[int]:
        asked = [word for word in words if self._may_be_alone(word)]
        # by itself, and between letters: the same wordpiece where nothing joins it to them
        texts = [f"{word} a{word}a" for word in asked]
        encodings = self._backend.encode_batch(texts, add_special_tokens=False)
        found = {w: e.ids[0] for w, e in zip(asked, encodings, strict=True) if _is_alone(e)}
        return [found.get(word, NONE) for word in words]

    def _may_be_alone(self, word: str) -> bool:
        is_in_kind = "\u3400" <= word <= "\u9fff" or category(word[:1] or " ").startswith("P")
        return len(word) == 1 and is_in_kind and word not in self._excluded


def _is_alone(encoding: Any) -> bool:
    offsets, ids = encoding.offsets, encoding.ids
    return bool(offsets == [(0, 1), (2, 3), (3, 4), (4, 5)] and ids[0] == ids[2])


def _is_of_bert(steps: dict[str, Any]) -> bool:
    normalizer, splitter = steps["normalizer"] or {}, steps["pre_tokenizer"] or {}
    if splitter.get("type") == "Sequence":
        # those after the first can but split further
        splitter = next(iter(splitter["pretokenizers"]), {})
    return (
        steps["model"]["type"] == "WordPiece"
        and normalizer.get("type") == "BertNormalizer"
        and normalizer["handle_chinese_chars"]
        and splitter.get("type") == "BertPreTokenizer"
    )
