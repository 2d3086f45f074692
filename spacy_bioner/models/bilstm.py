"""A bidirectional LSTM as a layer of thinc."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import torch
from thinc.api import (
    ArgsKwargs,
    Model,
    PyTorchWrapper_v2,
    chain,
    list2ragged,
    ragged2list,
    torch2xp,
    xp2torch,
)
from thinc.types import Floats2d, Ragged

from spacy_bioner.models.encoder.precision import FLOATS, check_precision
from spacy_bioner.models.perturbation import perturbable
from spacy_bioner.models.sentence_lstm import SentenceLstm

Encoder: TypeAlias = Model[list[Floats2d], list[Floats2d]]


def build_bilstm_encoder(
    width: int,
    hidden_width: int,
    depth: int = 2,
    dropout: float = 0.4,
    precision: str = "auto",
) -> Encoder:
    """Registered as `spacy_bioner.BiLstmEncoder.v1`, for `spacy.Tok2Vec.v2`'s `encode`.

    (n, width) a document -> (n, 2 * hidden_width), by `depth` layers of
    `hidden_width` in each direction (Lample et al. 2016). dropout is applied to
    the input and between layers; spaCy's [training] dropout does not reach it.
    Its input is what [components.NAME] adversarial perturbs. What is computed for a
    document does not depend on the others in its batch.

    precision, of prediction on a CPU: "auto": bfloat16 where an x86 processor multiplies it, else
        float32; "float32"; "bfloat16": the same as auto, with a warning where there is none.
        Training, sums and what comes out are in float32.

    Raises ConfigError for another precision.
    """
    lstm = SentenceLstm(width, hidden_width, depth, dropout, check_precision(precision, FLOATS))
    wrapped = PyTorchWrapper_v2(lstm, convert_inputs=to_torch, convert_outputs=to_ragged)
    layer = chain(list2ragged(), wrapped, ragged2list())
    return perturbable("bilstm_encoder", layer, {"nI": width, "nO": 2 * hidden_width})


def to_torch(
    model: Model[Ragged, Ragged], ragged: Ragged, is_train: bool
) -> tuple[ArgsKwargs, Callable[[ArgsKwargs], Ragged]]:
    vectors = xp2torch(ragged.dataXd, requires_grad=is_train)
    lengths = [int(n) for n in ragged.lengths if n]

    def from_torch(gradient: ArgsKwargs) -> Ragged:
        return Ragged(cast(Floats2d, torch2xp(gradient.args[0])), ragged.lengths)

    return ArgsKwargs(args=(vectors, lengths), kwargs={}), from_torch


def to_ragged(
    model: Model[Ragged, Ragged],
    inputs_and_output: tuple[Ragged, torch.Tensor],
    is_train: bool,
) -> tuple[Ragged, Callable[[Ragged], ArgsKwargs]]:
    ragged, encoded = inputs_and_output

    def to_gradient(d_encoded: Ragged) -> ArgsKwargs:
        gradient: Any = xp2torch(cast(Floats2d, d_encoded.dataXd))
        return ArgsKwargs(args=((encoded,),), kwargs={"grad_tensors": gradient})

    output = cast(Floats2d, torch2xp(encoded.detach()))
    return Ragged(output, ragged.lengths), to_gradient
