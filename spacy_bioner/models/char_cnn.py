"""Words by their characters: a convolution over each word and the maximum of each filter."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray
from spacy.attrs import ORTH
from spacy.tokens import Doc
from thinc.api import (
    ArgsKwargs,
    Model,
    PyTorchWrapper_v2,
    chain,
    concatenate,
    list2ragged,
    ragged2list,
    torch2xp,
    xp2torch,
)
from thinc.types import Floats2d, Ragged

from spacy_bioner.errors import ConfigError

Embed: TypeAlias = Model[list[Doc], list[Floats2d]]
Words = tuple[Any, Any, Any]  # characters (W, C), the word of each token (N,), lengths (B,)
_NONE = 0
_LONGEST = 256  # every word takes as much memory as the longest


class CharacterCnn(torch.nn.Module):
    """Rows of characters (W, C), _NONE past the end of a word, and the word of each token
    (N,) -> (N, filters).

    Its parameters' names have no dots: optimizers read dotted names as a transformer's.
    """

    def __init__(self, rows: int, width: int, filters: int, window: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.embeddings = torch.nn.Parameter(torch.empty(rows, width))
        self.kernel = torch.nn.Parameter(torch.empty(filters, width, window))
        self.bias = torch.nn.Parameter(torch.zeros(filters))
        bound = (3 / width) ** 0.5  # as Ma and Hovy draw them
        torch.nn.init.uniform_(self.embeddings, -bound, bound)
        torch.nn.init.xavier_uniform_(self.kernel)

    def forward(self, characters: torch.Tensor, word_of: torch.Tensor) -> torch.Tensor:
        functional = torch.nn.functional
        known = characters != _NONE  # (W, C)
        vectors = functional.embedding(characters, self.embeddings)  # (W, C, width)
        # `training` alone is set by other threads too, when their prediction ends
        learns = self.training and torch.is_grad_enabled()
        vectors = functional.dropout(vectors, self.dropout, learns)
        vectors = (vectors * known.unsqueeze(-1)).transpose(1, 2)
        sides = self.kernel.shape[2] // 2
        features = functional.conv1d(vectors, self.kernel, self.bias, padding=sides)
        features = features.masked_fill(~known.unsqueeze(1), -torch.inf)  # (W, filters, C)
        return features.amax(dim=2)[word_of]


def build_character_cnn_embed(
    words: Embed,
    width: int = 30,
    filters: int = 30,
    window: int = 3,
    rows: int = 2000,
    dropout: float = 0.5,
) -> Embed:
    """Registered as `spacy_bioner.CharacterCnnEmbed.v1`, for `spacy.Tok2Vec.v2`'s `embed`.

    A vector for each token: that of `words`, and what a convolution over its characters
    finds (Ma and Hovy 2016), so of `words`' width plus `filters`.
    words: an embedding layer such as `spacy.MultiHashEmbed.v2`. width: of a character's vector.
    window: characters that a filter sees, odd. rows: of the table of characters, which
    are told apart by their code points modulo rows - 1. dropout: of the characters'
    vectors; spaCy's [training] dropout does not reach it.

    Raises ConfigError for an even window or fewer than 2 rows.
    """
    if window < 1 or window % 2 == 0 or rows < 2:
        raise ConfigError(
            f"CharacterCnnEmbed needs an odd window and 2 or more rows, got {window} and {rows}"
        )
    cnn = CharacterCnn(rows, width, filters, window, dropout)
    wrapped = PyTorchWrapper_v2(cnn, convert_inputs=to_torch, convert_outputs=to_ragged)
    spell: Any = Model("spell_words", spell_words, attrs={"rows": rows})
    both = concatenate(chain(words, list2ragged()), chain(spell, wrapped))
    return cast(Embed, chain(both, ragged2list()))


def spell_words(
    model: Model[list[Doc], Words], docs: list[Doc], is_train: bool
) -> tuple[Words, Callable[[Any], list[Doc]]]:
    """The characters of each distinct word, and which word each token is."""
    orths = [doc.to_array(ORTH).reshape(-1) for doc in docs]
    lengths = np.array([len(orth) for orth in orths], dtype=np.int32)
    every = np.concatenate(orths) if orths else np.zeros(0, dtype=np.uint64)
    distinct, word_of = np.unique(every, return_inverse=True)
    strings = docs[0].vocab.strings if docs else {}
    characters = spell([strings[orth] for orth in distinct.tolist()], model.attrs["rows"])
    xp = model.ops
    arrays = xp.asarray(characters), xp.asarray(word_of.reshape(-1)), xp.asarray1i(lengths)
    return arrays, lambda gradient: docs


def spell(words: list[str], rows: int) -> NDArray[np.int64]:
    """(W, C): rows of the characters' table, _NONE past the end of a word; of a word with more
    than _LONGEST characters, as a sequence of bases is one, the first of them."""
    longest = min(max(map(len, words), default=1), _LONGEST)
    characters = np.full((len(words), longest), _NONE, dtype=np.int64)
    for row, word in zip(characters, words, strict=True):
        row[: len(word)] = [1 + ord(character) % (rows - 1) for character in word[:longest]]
    return characters


def to_torch(
    model: Model[Words, Ragged], words: Words, is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], Any]]:
    characters, word_of, _ = words
    args = (xp2torch(characters), xp2torch(word_of))
    return ArgsKwargs(args=args, kwargs={}), lambda gradient: words


def to_ragged(
    model: Model[Words, Ragged], inputs_and_output: tuple[Words, torch.Tensor], is_train: bool
) -> tuple[Ragged, Callable[[Ragged], ArgsKwargs]]:
    (_, _, lengths), features = inputs_and_output

    def to_gradient(d_features: Ragged) -> ArgsKwargs:
        gradient: Any = xp2torch(cast(Floats2d, d_features.dataXd))
        return ArgsKwargs(args=((features,),), kwargs={"grad_tensors": gradient})

    return Ragged(cast(Floats2d, torch2xp(features.detach())), lengths), to_gradient
