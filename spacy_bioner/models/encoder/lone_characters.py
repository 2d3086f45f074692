"""Characters that are a wordpiece of their own, whatever stands beside them."""

from __future__ import annotations

from collections import abc
from typing import Any
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, Sequence

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
        added = backend.get_added_tokens_decoder().values()
        # which of these is found can depend on what stands beside it
        self.are_known = _is_of_bert(backend) and not any(token.single_word for token in added)
        # a special token's name in a text is found before anything is split
        self._excluded = {character for token in added for character in token.content}
        self._table = WordTable(self._of_words)

    def wordpieces(self, docs: abc.Sequence[Doc]) -> NDArray[np.int64]:
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
        if len(word) != 1 or not is_in_kind:
            return False
        return self._excluded.isdisjoint(word + self._backend.normalizer.normalize_str(word))


def _is_alone(encoding: Any) -> bool:
    offsets, ids = encoding.offsets, encoding.ids
    return bool(offsets == [(0, 1), (2, 3), (3, 4), (4, 5)] and ids[0] == ids[2])


def _is_of_bert(backend: Any) -> bool:
    normalizer, splitter = backend.normalizer, backend.pre_tokenizer
    if isinstance(splitter, Sequence):
        splitter = _first_step(splitter)  # those after it can but split further
    return (
        isinstance(backend.model, WordPiece)
        and isinstance(normalizer, BertNormalizer)
        and normalizer.handle_chinese_chars
        and isinstance(splitter, BertPreTokenizer)
    )


def _first_step(splitter: Any) -> Any:
    try:
        return splitter[0]
    except (IndexError, TypeError):  # tokenizers before 0.21 do not say what is in it
        return None
