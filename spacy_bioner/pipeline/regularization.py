"""Passes over a batch beside the plain one, against learning it by heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spacy.pipeline.tok2vec import Tok2VecListener
from spacy.tokens import Doc
from spacy_transformers.layers import TransformerListener
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.divergence import symmetric_divergence
from spacy_bioner.models.perturbation import perturbed, points_of
from spacy_bioner.models.types import CrfTagger

_LISTENERS = (Tok2VecListener, TransformerListener)

GetLoss = Callable[[Ragged], tuple[float, Ragged]]


@dataclass(frozen=True, slots=True)
class Regularization:
    """Settings of training; each is off at 0, and makes a step take twice the time.

    adversarial: how far the encoder's inputs are moved along their gradient for a second
        pass over each batch (FGM, Miyato et al. 2017).
    r_drop: weight of the divergence between two passes with different dropout (R-Drop, Liang
        et al. 2021), beside the loss of both.
    """

    adversarial: float = 0.0
    r_drop: float = 0.0

    def check(self, name: str, model: CrfTagger) -> None:
        """Raises ConfigError for values that cannot work with the component's model."""
        for setting in ("adversarial", "r_drop"):
            value = getattr(self, setting)
            where = f"[components.{name}] {setting} = {value}"
            if value < 0:
                raise ConfigError(f"{where}: must not be below 0")
            if value and any(isinstance(node, _LISTENERS) for node in model.walk()):
                raise ConfigError(
                    f"{where} reads each batch twice, and a listener gives its vectors once: set "
                    "it to 0, or use spacy_bioner.BucketedTok2Vec.v1 in the listener's place"
                )
        if self.adversarial and not points_of(model):
            raise ConfigError(
                f"[components.{name}] adversarial = {self.adversarial} needs an encoder that "
                "perturbs its input, as spacy_bioner.BiLstmEncoder.v1 does: set it to 0"
            )

    def backpropagate(self, model: CrfTagger, docs: list[Doc], get_loss: GetLoss) -> float:
        """Adds the gradients of all passes to the model; returns the loss.

        With r_drop that is of both passes and their divergence; the adversarial pass is left out.
        """
        if self.r_drop:
            loss = _backpropagate_twice(model, docs, get_loss, self.r_drop)
        else:
            loss = backpropagate(model, docs, get_loss)
        if self.adversarial:
            with perturbed(model, self.adversarial):
                backpropagate(model, docs, get_loss)
        return loss


def backpropagate(model: CrfTagger, docs: list[Doc], get_loss: GetLoss) -> float:
    """Adds the gradient of the loss to the model and returns the loss."""
    emissions, backprop = model.begin_update(docs)
    loss, d_emissions = get_loss(emissions)
    backprop(d_emissions)
    return loss


def _backpropagate_twice(
    model: CrfTagger, docs: list[Doc], get_loss: GetLoss, weight: float
) -> float:
    (first, backprop_first), (second, backprop_second) = (model.begin_update(docs) for _ in "12")
    divergence, apart_first, apart_second = symmetric_divergence(model, first, second)
    total = weight * divergence
    for emissions, backprop, apart in (
        (first, backprop_first, apart_first),
        (second, backprop_second, apart_second),
    ):
        loss, gradient = get_loss(emissions)
        backprop(Ragged(gradient.dataXd + weight * apart.dataXd, gradient.lengths))
        total += loss
    return total
