"""From a document to the wordpieces of its whole text, and which of them make up each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from spacy.attrs import IDX
from spacy.tokens import Doc

from spacy_bioner.errors import EncoderError
from spacy_bioner.models.encoder.windows import Ints1d

# Tokens tokenised in one go: what this takes is given back before the next.
_SEGMENT = 4096


@dataclass(frozen=True)
class Pieces:
    """The wordpieces of a text, without special ones.

    ids (n,). Token tokens[i] (m,) holds wordpiece wordpieces[i] (m,),
    sorted by token; a wordpiece that spans two tokens is in both. lengths (t,): how many
    wordpieces each token has; 0 for one without any.
    """

    ids: Ints1d
    tokens: Ints1d
    wordpieces: Ints1d
    lengths: Ints1d


class Splitter:
    """A fast tokenizer of `transformers`, as far as an encoder needs it.

    before, after: ids of the special wordpieces around every window; padding: the id that
    pads. Raises EncoderError for a tokenizer without character offsets.
    """

    def __init__(self, tokenizer: Any) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise EncoderError(
                f"{type(tokenizer).__name__} is no fast tokenizer, so it does not tell which "
                "characters a wordpiece comes from: set tokenizer_config.use_fast = true, or "
                "give the encoder's directory a tokenizer.json"
            )
        self.tokenizer, self.backend = tokenizer, tokenizer.backend_tokenizer
        self._whole()
        sample = self.backend.encode("a")
        special = np.array(sample.special_tokens_mask, dtype=bool)
        first = int(np.argmin(special)) if not special.all() else len(special)
        last = len(special) - int(np.argmin(special[::-1])) if first < len(special) else first
        self.before: list[int] = sample.ids[:first]
        self.after: list[int] = sample.ids[last:]
        self.padding: int = tokenizer.pad_token_id or 0

    def _whole(self) -> None:
        """A saved tokenizer may cut or pad: neither is wanted here.

        Nothing is set that is so already: a tokenizer cannot be changed while another thread
        encodes with it.
        """
        if self.backend.truncation is not None:
            self.backend.no_truncation()
        if self.backend.padding is not None:
            self.backend.no_padding()

    def strings(self, ids: Sequence[int]) -> list[str]:
        return [self.backend.id_to_token(i) or "" for i in ids]

    def split(self, docs: Sequence[Doc]) -> list[Pieces]:
        """The wordpieces of each document, of its text as a whole and without a limit."""
        if not docs:
            return []
        self._whole()
        parts = [list(segments(doc)) for doc in docs]
        texts = [text for part in parts for _, text in part]
        encodings = self.backend.encode_batch(texts, add_special_tokens=False)
        return _pieces(docs, parts, encodings)


def _pieces(
    docs: Sequence[Doc], parts: Sequence[Sequence[tuple[int, str]]], encodings: Sequence[Any]
) -> list[Pieces]:
    """Of all documents together, as if they stood one behind the other in one text."""
    sizes = [part[-1][0] + len(part[-1][1]) for part in parts]
    bases = np.cumsum([0, *sizes[:-1]])
    starts = np.concatenate(
        [doc.to_array([IDX]).astype(np.int64) + base for doc, base in zip(docs, bases, strict=True)]
    )
    shifts = [base + start for base, part in zip(bases, parts, strict=True) for start, _ in part]
    lengths = [len(encoding) for encoding in encodings]
    # pair by pair: as many tuples at once would set off Python's garbage collector
    pairs = chain.from_iterable(each.offsets for each in encodings)
    offsets = np.fromiter(chain.from_iterable(pairs), dtype=np.int64)
    offsets = offsets.reshape(-1, 2) + np.repeat(np.array(shifts), lengths)[:, None]
    ids = np.fromiter(chain.from_iterable(each.ids for each in encodings), dtype=np.int64)
    tokens, wordpieces = align(starts, offsets)
    per_token = np.bincount(tokens, minlength=len(starts))
    counts = np.cumsum([len(part) for part in parts])
    # where each document begins and ends: among its wordpieces, its tokens, and pairs of these
    pieces = np.append(0, np.cumsum(lengths))[np.append(0, counts)].tolist()
    first = np.append(0, np.cumsum([len(doc) for doc in docs])).tolist()
    bounds = np.searchsorted(tokens, first).tolist()
    return [
        Pieces(
            ids[pieces[i] : pieces[i + 1]],
            tokens[bounds[i] : bounds[i + 1]] - first[i],
            wordpieces[bounds[i] : bounds[i + 1]] - pieces[i],
            per_token[first[i] : first[i + 1]],
        )
        for i in range(len(docs))
    ]


def align(starts: Ints1d, offsets: Ints1d) -> tuple[Ints1d, Ints1d]:
    """Pairs of a token and a wordpiece that share a character, (m,) each, sorted by token.

    starts (t,): where each token begins; it reaches to the next, so a space belongs to the
    token before it. offsets (n, 2): of the wordpieces, the end exclusive.
    """
    filled = np.flatnonzero(offsets[:, 1] > offsets[:, 0])
    first = np.searchsorted(starts, offsets[filled, 0], side="right") - 1
    last = np.searchsorted(starts, offsets[filled, 1] - 1, side="right") - 1
    counts = last - first + 1
    wordpieces = np.repeat(filled, counts)
    within = np.arange(len(wordpieces)) - np.repeat(np.cumsum(counts) - counts, counts)
    tokens = np.repeat(first, counts) + within
    order = np.argsort(tokens, kind="stable")
    return tokens[order], wordpieces[order]


def segments(doc: Doc, size: int = _SEGMENT) -> Iterator[tuple[int, str]]:
    """A document's text in parts of about `size` tokens, each with where it begins.

    A part ends where wordpieces end too: before a space, or between characters of which
    one is no letter or digit, or is one that is a word of its own. Where there is no
    such place for as many tokens again, it is cut there.
    """
    text, start, end = doc.text, 0, size
    while end < len(doc):
        latest = min(end + size, len(doc))
        cut = next((i for i in range(end, latest) if _may_cut(doc, i)), latest)
        if cut == len(doc):
            break
        stop = doc[cut].idx - len(doc[cut - 1].whitespace_)
        yield start, text[start:stop]
        start, end = stop, cut + size
    yield start, text[start:]


def _may_cut(doc: Doc, i: int) -> bool:
    """Whether no wordpiece reaches from token i - 1 to token i."""
    before, after = doc[i - 1], doc[i]
    return bool(before.whitespace_) or not (_in_word(before.text[-1:]) and _in_word(after.text[:1]))


def _in_word(character: str) -> bool:
    # tokenizers take ideographs one by one
    return character.isalnum() and not "\u3400" <= character <= "\u9fff"
