"""Which part of which shard is read at which step: blocks of equal length, in seeded order."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spacy_bioner.encoders.pretraining.tokens import TokenStream, ids_of, starts_of
from spacy_bioner.errors import EncoderError

_HELD_OUT_SHARE = 0.005
_HELD_OUT_LEAST = 16  # of a text with at least _FEW blocks
_HELD_OUT_MOST = 256
_FEW = 160


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows of tokens without padding: start token, `length - 2` tokens of text, end token.

    ids: (B, L). starts: (B, L), whether a token begins a word.
    """

    ids: NDArray[np.int64]
    starts: NDArray[np.bool_]


class BlockReader:
    """Cuts the streams into blocks, holds some out, and gives the rest step by step.

    Streams of fewer than 160 blocks and of the same weight, as a note a file gives, are one
    text, of which less than a block is left over. Each text's beginning is held out: 0.5 % of
    it, 16 blocks at least, of a small one a tenth; up to 256 blocks of that, drawn from all
    texts, are what is measured on.

    A step's blocks follow from the seed and the step's number alone, so that training can
    begin anew at any step. A pass reads each block as often as its shard's weight says
    (the fraction is drawn anew for each pass), in an order drawn for the pass.

    length: tokens in a block, its start and end included.

    Raises EncoderError if the text does not fill one block for training and one held out.
    """

    def __init__(
        self, streams: Sequence[TokenStream], length: int, start_id: int, end_id: int, seed: int
    ) -> None:
        self._inside = length - 2
        self._texts, weights = _texts_of(streams, self._inside)
        self._ends = (start_id, end_id)
        self._seed = seed
        train, held_out = [], []
        for index, text in enumerate(self._texts):
            n = len(text) // self._inside
            apart = max(round(n * _HELD_OUT_SHARE), min(_HELD_OUT_LEAST, -(-n // 10)))
            places = np.stack([np.full(n, index), np.arange(n) * self._inside], axis=1)
            train.append(places[apart:])
            held_out.append(places[:apart])
        self._train = np.concatenate(train)
        self._weights = np.array(weights)[self._train[:, 0]]
        self._held_out = self._sample_held_out(np.concatenate(held_out))
        if not len(self._train) or not len(self._held_out):
            raise EncoderError(
                f"the text is too short: it has to fill at least two blocks of {length} tokens."
            )
        for text, weight in zip(self._texts, weights, strict=True):
            if len(text) // self._inside < 2:
                _warn_unread(streams, weight, length)
        self._pass = -1
        self._order = np.zeros(0, dtype=np.int64)
        self._pass_sizes: list[int] = []

    def _sample_held_out(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        order = np.random.default_rng(self._seed).permutation(len(places))
        return places[np.sort(order[:_HELD_OUT_MOST])]

    def _load_pass(self, number: int) -> None:
        rng = np.random.default_rng((self._seed, 1, number))
        times = np.floor(self._weights + rng.random(len(self._weights))).astype(np.int64)
        self._order = rng.permutation(np.repeat(np.arange(len(self._train)), times))
        self._pass = number

    def _rows(self, first: int, count: int) -> NDArray[np.int64]:
        """Return the places of the blocks `first` to `first + count` of the endless order."""
        found: list[NDArray[np.int64]] = []
        number = 0
        while count:
            size = self._pass_size(number)
            if first < size:
                if self._pass != number:
                    self._load_pass(number)
                taken = self._order[first : first + count]
                found.append(self._train[taken])
                first, count = first + len(taken), count - len(taken)
            first -= size
            number += 1
        return np.concatenate(found)

    def _pass_size(self, number: int) -> int:
        while len(self._pass_sizes) <= number:
            self._load_pass(len(self._pass_sizes))
            if not len(self._order) and len(self._pass_sizes) > 100 and not any(self._pass_sizes):
                raise EncoderError("the weights are so low that no block is ever read.")
            self._pass_sizes.append(len(self._order))
        return self._pass_sizes[number]

    def train(self, step: int, batch_size: int) -> Blocks:
        """Return the blocks of a step, counted from 0."""
        return self._read(self._rows(step * batch_size, batch_size))

    def held_out(self) -> Blocks:
        """Return the blocks that no step reads, at most 256."""
        return self._read(self._held_out)

    def _read(self, places: NDArray[np.int64]) -> Blocks:
        ids = np.empty((len(places), self._inside + 2), dtype=np.int64)
        starts = np.ones(ids.shape, dtype=np.bool_)
        ids[:, 0], ids[:, -1] = self._ends
        for row, (index, offset) in enumerate(places):
            values = self._texts[index][offset : offset + self._inside]
            ids[row, 1:-1] = ids_of(values)
            starts[row, 1:-1] = starts_of(values)
        return Blocks(ids, starts)


def _warn_unread(streams: Sequence[TokenStream], weight: float, length: int) -> None:
    names = [
        stream.shard.path.name
        for stream in streams
        if stream.shard.weight == weight and _is_short(stream, length - 2)
    ]
    warnings.warn(
        f"{', '.join(names)}: with weight {weight:g} too short for a block of {length} tokens to "
        "learn from and one held out, so not learnt from. Short files of one weight are joined.",
        stacklevel=3,
    )


def _is_short(stream: TokenStream, inside: int) -> bool:
    return len(stream.values) < _FEW * inside


def _texts_of(
    streams: Sequence[TokenStream], inside: int
) -> tuple[list[NDArray[np.uint32]], list[float]]:
    """The values of the streams, short ones of a weight joined, and the weight of each text."""
    texts: list[NDArray[np.uint32]] = []
    weights: list[float] = []
    short: dict[float, list[NDArray[np.uint32]]] = {}
    for stream in streams:
        if _is_short(stream, inside):
            short.setdefault(stream.shard.weight, []).append(stream.values)
        else:
            texts.append(stream.values)
            weights.append(stream.shard.weight)
    texts += [np.concatenate(parts) for parts in short.values()]
    return texts, [*weights, *short]
