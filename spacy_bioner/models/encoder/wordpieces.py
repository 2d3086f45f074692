"""From a document to the wordpieces of its whole text, and which of them make up each token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from string import ascii_lowercase, digits
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX
from spacy.tokens import Doc, Span

from spacy_bioner.errors import EncoderError
from spacy_bioner.models.encoder.lone_characters import NONE, LoneCharacters
from spacy_bioner.models.encoder.windows import Ints1d, Ints2d

# Tokens tokenised in one go: what this takes is given back before the next.
_SEGMENT = 4096
# Tokens of a text for each stretch between its lone characters: one with fewer is read whole,
# which is faster then.
_TOKENS_PER_STRETCH = 5
# Some of which any tokenizer knows with the blank before it, if it takes that in.
_WORDS = " ".join(["of", "the", "and", *ascii_lowercase, *digits])


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
        self._size = 0
        # whether the offsets of a wordpiece take in the blank before it, which is none of its word
        self._takes_blanks = False
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
        size = self.backend.get_vocab_size(with_added_tokens=True)
        if size != self._size:  # tokens were added since
            self._lone, self._size = LoneCharacters(self.backend), size
            pairs = self.backend.encode(_WORDS, add_special_tokens=False).offsets
            self._takes_blanks = any(_WORDS[a] == " " and b - a > 1 for a, b in pairs)

    def strings(self, ids: Sequence[int]) -> list[str]:
        return [self.backend.id_to_token(i) or "" for i in ids]

    def split(self, docs: Sequence[Doc]) -> list[Pieces]:
        """The wordpieces of each document, of its text as a whole and without a limit."""
        if not docs:
            return []
        self._whole()
        words = _Words.of(docs)
        alone = self._lone.wordpieces(docs)
        firsts, _ = words.stretches(alone == NONE)
        n_stretches = np.bincount(words.owners[firsts], minlength=len(docs))
        alone[(_TOKENS_PER_STRETCH * n_stretches > words.lengths)[words.owners]] = NONE
        parts = list(_parts(docs, words, words.stretches(alone == NONE)))
        texts = [text for _, _, text in parts]
        encodings = self.backend.encode_batch(texts, add_special_tokens=False) if texts else []
        text = "".join(doc.text for doc in docs) if self._takes_blanks else None
        return _pieces(words, alone, parts, encodings, text)


@dataclass(frozen=True)
class _Words:
    """The tokens of some documents, as if these stood one behind the other in one text.

    lengths (d,) and firsts (d + 1,): how many tokens each has, and which of all n is its first.
    starts, owners (n,): first character and document of each token.
    """

    lengths: Ints1d
    firsts: Ints1d
    starts: Ints1d
    owners: Ints1d

    @classmethod
    def of(cls, docs: Sequence[Doc]) -> _Words:
        lengths = np.array([len(doc) for doc in docs], dtype=np.int64)
        firsts = np.append(0, np.cumsum(lengths))
        sizes = [doc[-1].idx + len(doc[-1].text_with_ws) if len(doc) else 0 for doc in docs]
        owners = np.repeat(np.arange(len(docs)), lengths)
        starts = np.concatenate([doc.to_array([IDX]).reshape(-1) for doc in docs])
        bases = np.append(0, np.cumsum(sizes))[owners]
        return cls(lengths, firsts, starts.astype(np.int64) + bases, owners)

    def stretches(self, chosen: NDArray[np.bool_]) -> tuple[Ints1d, Ints1d]:
        """Chosen tokens (n,) that stand together in a document.

        Of each such stretch (s,): the first token, and how many there are.
        """
        begins = chosen.copy()
        begins[1:] &= ~(chosen[:-1] & (self.owners[1:] == self.owners[:-1]))
        number = np.cumsum(begins)[chosen] - 1  # of its stretch, for each chosen token
        return np.flatnonzero(begins), np.bincount(number)


def _parts(
    docs: Sequence[Doc], words: _Words, stretches: tuple[Ints1d, Ints1d]
) -> Iterator[tuple[int, int, str]]:
    """Parts of stretches: the stretch's first token, where in it the part begins, and its text."""
    for first, length in zip(*(each.tolist() for each in stretches), strict=True):
        owner = int(words.owners[first])
        start = first - int(words.firsts[owner])
        for place, text in segments(docs[owner][start : start + length]):
            yield first, place, text


def _pieces(
    words: _Words,
    alone: Ints1d,
    parts: Sequence[tuple[int, int, str]],
    encodings: Sequence[Any],
    text: str | None,
) -> list[Pieces]:
    """Of each document: those of lone characters, alone (n,), and of the text between them.

    parts: as `_parts` gives them, with the encoding of each. text: that of all documents, if
    white space at the edges of wordpieces is to be left out.
    """
    lone = np.flatnonzero(alone != NONE)
    anchors, offsets = _places(words, parts, encodings)
    offsets = offsets if text is None else without_blanks(offsets, text)
    ids = np.fromiter(chain.from_iterable(each.ids for each in encodings), dtype=np.int64)
    if len(lone):
        order = np.argsort(np.append(lone, anchors), kind="stable")
        beside = words.starts[lone][:, None] + np.arange(2)  # one character each
        anchors, ids = np.append(lone, anchors)[order], np.append(alone[lone], ids)[order]
        offsets = np.concatenate([beside, offsets])[order]
    tokens, wordpieces = align(words.starts, offsets)
    per_token = np.bincount(tokens, minlength=len(words.starts))
    # where each document begins and ends: among its wordpieces, its tokens, and pairs of these
    pieces = np.searchsorted(anchors, words.firsts).tolist()
    first = words.firsts.tolist()
    bounds = np.searchsorted(tokens, first).tolist()
    return [
        Pieces(
            ids[pieces[i] : pieces[i + 1]],
            tokens[bounds[i] : bounds[i + 1]] - first[i],
            wordpieces[bounds[i] : bounds[i + 1]] - pieces[i],
            per_token[first[i] : first[i + 1]],
        )
        for i in range(len(words.lengths))
    ]


def _places(
    words: _Words, parts: Sequence[tuple[int, int, str]], encodings: Sequence[Any]
) -> tuple[Ints1d, Ints2d]:
    """Of each wordpiece (n,) of the parts: the token at which its part begins, and its offsets."""
    counts = [len(encoding) for encoding in encodings]
    anchors = np.repeat(np.array([first for first, _, _ in parts], dtype=np.int64), counts)
    shifts = np.repeat(np.array([start for _, start, _ in parts], dtype=np.int64), counts)
    # pair by pair: as many tuples at once would set off Python's garbage collector
    pairs = chain.from_iterable(each.offsets for each in encodings)
    offsets = np.fromiter(chain.from_iterable(pairs), dtype=np.int64).reshape(-1, 2)
    return anchors, offsets + (words.starts[anchors] + shifts)[:, None]


def without_blanks(offsets: Ints2d, text: str) -> Ints2d:
    """Offsets (n, 2) into a text without white space at their edges, unless that is all."""
    is_blank = np.array([character.isspace() for character in text], dtype=np.bool_)
    places = np.arange(len(text))
    # of each character: the next that is no blank, and the last one, itself where it is none
    after = np.where(is_blank, len(text), places)[::-1]
    after = np.minimum.accumulate(after)[::-1]
    before = np.maximum.accumulate(np.where(is_blank, -1, places))
    filled = offsets[:, 1] > offsets[:, 0]
    starts, ends = offsets.copy().T
    starts[filled] = after[offsets[filled, 0]]
    ends[filled] = before[offsets[filled, 1] - 1] + 1
    return np.where((starts < ends)[:, None], np.stack([starts, ends], axis=1), offsets)


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


def segments(span: Span, size: int = _SEGMENT) -> Iterator[tuple[int, str]]:
    """A span's text in parts of about `size` tokens, each with where in it that begins.

    A part ends where wordpieces end too: before a space, or between characters of which
    one is no letter or digit, or is one that is a word of its own. Where there is no
    such place for as many tokens again, it is cut there.
    """
    text, start, end = span.text_with_ws, 0, size
    while end < len(span):
        latest = min(end + size, len(span))
        cut = next((i for i in range(end, latest) if _may_cut(span, i)), latest)
        if cut == len(span):
            break
        stop = span[cut].idx - span.start_char - len(span[cut - 1].whitespace_)
        yield start, text[start:stop]
        start, end = stop, cut + size
    yield start, text[start:]


def _may_cut(span: Span, i: int) -> bool:
    """Whether no wordpiece reaches from token i - 1 to token i, as BERT's tokenizers make them.

    Those of byte-level BPE may: at one place in thousands of tokens such a one is cut.
    """
    before, after = span[i - 1], span[i]
    return bool(before.whitespace_) or not (_in_word(before.text[-1:]) and _in_word(after.text[:1]))


def _in_word(character: str) -> bool:
    # tokenizers take ideographs one by one
    return character.isalnum() and not "\u3400" <= character <= "\u9fff"
