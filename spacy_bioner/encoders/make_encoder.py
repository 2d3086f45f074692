"""Makes an untrained encoder: a local Hugging Face directory of a wanted form and size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy_bioner.encoders.directory import check_may_write
from spacy_bioner.encoders.model_card import model_card
from spacy_bioner.encoders.random_model import make_random_model
from spacy_bioner.encoders.saving import save_encoder
from spacy_bioner.encoders.shape import Architecture, EncoderShape
from spacy_bioner.encoders.tokenizer import make_tokenizer, special_tokens
from spacy_bioner.encoders.vocabulary import Vocabulary, learn_vocabulary
from spacy_bioner.errors import EncoderError


@dataclass(frozen=True, slots=True)
class EncoderSummary:
    """What was made.

    path: the directory. parameters: number of weights. vocab_size: number of tokens.
    characters_left_out: distinct characters of the texts that the vocabulary had no
    room for, and that the encoder reads as unknown. texts: number of texts read.
    """

    path: Path
    architecture: Architecture
    parameters: int
    vocab_size: int
    characters_left_out: int
    texts: int


def make_encoder(
    texts: Iterable[str],
    out: Path,
    *,
    architecture: Architecture = "bert",
    layers: int = 4,
    width: int = 256,
    heads: int = 4,
    feed_forward: int | None = None,
    max_length: int = 512,
    vocab_size: int = 8000,
    min_frequency: int = 2,
    dropout: float = 0.1,
    seed: int = 0,
    force: bool = False,
    sources: Sequence[str] = (),
) -> EncoderSummary:
    """Write an encoder with random weights and a vocabulary learnt from the texts.

    The texts are read once. Equal texts, settings and seed give equal files.
    out: directory to make, whole or not at all; with force an encoder there is replaced.
    layers: for bart half of them are encoder, half decoder. width: numbers in a token's
    vector. feed_forward: those inside a layer; if not given 4 * width, for modernbert, which
    has a gate beside them, 2 * width. max_length: longest input in wordpieces. vocab_size:
    most tokens in the vocabulary. min_frequency: least occurrences of a wordpiece.
    sources: names for the model card.

    Raises EncoderError for a shape, seed or vocab_size that cannot work and for no or empty
    texts; OutputExistsError if `out` exists and `force` is not given.
    """
    if feed_forward is None:
        feed_forward = (2 if architecture == "modernbert" else 4) * width
    shape = EncoderShape(architecture, layers, width, heads, feed_forward, max_length, dropout)
    if not 0 <= seed < 2**32:
        raise EncoderError(f"seed is {seed}; it must be from 0 up to 2**32.")
    check_may_write(out, force=force)
    specials = special_tokens(architecture).in_order
    vocabulary = learn_vocabulary(texts, specials, vocab_size, min_frequency)
    parameters = _write(out, shape, vocabulary, seed, sources)
    return _summary(out, shape, vocabulary, parameters)


def _summary(
    out: Path, shape: EncoderShape, vocabulary: Vocabulary, parameters: int
) -> EncoderSummary:
    return EncoderSummary(
        path=out,
        architecture=shape.architecture,
        parameters=parameters,
        vocab_size=len(vocabulary.tokens),
        characters_left_out=vocabulary.characters_left_out,
        texts=vocabulary.texts,
    )


def _write(
    out: Path, shape: EncoderShape, vocabulary: Vocabulary, seed: int, sources: Sequence[str]
) -> int:
    """Write all files of the encoder and return its number of parameters."""
    tokenizer = make_tokenizer(vocabulary.tokens, shape.architecture, shape.max_length)
    model = make_random_model(shape, len(vocabulary.tokens), seed)
    parameters: int = model.num_parameters()
    card = model_card(shape, vocabulary, parameters=parameters, seed=seed, sources=sources)
    save_encoder(out, tokenizer, model, card)
    return parameters
