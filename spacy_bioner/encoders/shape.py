"""The form and size of an encoder, checked before anything is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from spacy_bioner.errors import EncoderError

Architecture = Literal["bert", "roberta", "bart", "modernbert"]


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """Form and size of an encoder; raises EncoderError where they cannot work.

    layers: for BART half of them are encoder, half decoder.
    width: numbers in a token's vector. feed_forward: those inside a layer.
    max_length: longest input in wordpieces, its special tokens included.
    dropout: share of the numbers dropped in training, from 0 up to 1.
    """

    architecture: Architecture
    layers: int
    width: int
    heads: int
    feed_forward: int
    max_length: int
    dropout: float

    def __post_init__(self) -> None:
        if self.architecture not in get_args(Architecture):
            known = ", ".join(get_args(Architecture))
            raise EncoderError(f"unknown architecture {self.architecture!r}. Known: {known}.")
        for name in ("layers", "width", "heads", "feed_forward"):
            if getattr(self, name) < 1:
                raise EncoderError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if self.max_length < 3:
            raise EncoderError(
                f"max_length is {self.max_length}; it must be at least 3, for one "
                "wordpiece between two special tokens."
            )
        if not 0 <= self.dropout < 1:
            raise EncoderError(f"dropout is {self.dropout}; it must be from 0 up to 1.")
        if self.width % self.heads:
            raise EncoderError(f"width {self.width} is not divisible by heads {self.heads}.")
        if self.architecture == "modernbert" and self.width // self.heads % 2:
            raise EncoderError(
                f"width {self.width} over heads {self.heads} is {self.width // self.heads}; for "
                "modernbert it must be even, as pairs of numbers are rotated."
            )
        if self.architecture == "bart" and self.layers % 2:
            raise EncoderError(
                f"layers is {self.layers}; for bart it must be even, as half of them are "
                "encoder and half decoder."
            )
