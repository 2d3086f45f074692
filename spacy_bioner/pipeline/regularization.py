"""Passes over a batch beside the plain one, against learning it by heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from spacy.tokens import Doc
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.divergence import symmetric_divergence
from spacy_bioner.models.perturbation import perturbed, points_of
from spacy_bioner.models.types import CrfTagger
from spacy_bioner.pipeline.shared_vectors import Pass, passes

GetLoss = Callable[[Ragged], tuple[float, Ragged]]
Divergence = Callable[[Ragged, Ragged], tuple[float, Ragged, Ragged]]


@dataclass(frozen=True, slots=True)
class Regularization:
    """Settings of training; each is off at 0, and makes a step compute the tagger twice.

    A transformer that the tagger listens to is computed once: all passes read its vectors.

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
            if value < 0:
                raise ConfigError(f"[components.{name}] {setting} = {value}: must not be below 0")
        if self.adversarial and not points_of(model):
            raise ConfigError(
                f"[components.{name}] adversarial = {self.adversarial} needs an encoder that "
                "perturbs its input, as spacy_bioner.BiLstmEncoder.v1 does: set it to 0"
            )

    def backpropagate(self, model: CrfTagger, docs: list[Doc], get_loss: GetLoss) -> float:
        """Adds the gradients of all passes to the model; returns the loss.

        With r_drop that is of both passes and their divergence; the adversarial pass is left out.
        """
        with passes(model) as begin_pass:
            if self.r_drop:
                divergence = partial(symmetric_divergence, model)
                loss = _backpropagate_twice(begin_pass, docs, get_loss, divergence, self.r_drop)
            else:
                loss = backpropagate(begin_pass, docs, get_loss)
            if self.adversarial:
                with perturbed(model, self.adversarial):
                    backpropagate(begin_pass, docs, get_loss)
        return loss


def backpropagate(begin_pass: Pass, docs: list[Doc], get_loss: GetLoss) -> float:
    """Adds the gradient of the loss to the model and returns the loss."""
    emissions, backprop = begin_pass(docs)
    loss, d_emissions = get_loss(emissions)
    backprop(d_emissions)
    return loss


def _backpropagate_twice(
    begin_pass: Pass, docs: list[Doc], get_loss: GetLoss, divergence: Divergence, weight: float
) -> float:
    (first, backprop_first), (second, backprop_second) = (begin_pass(docs) for _ in "12")
    distance, apart_first, apart_second = divergence(first, second)
    total = weight * distance
    for emissions, backprop, apart in (
        (first, backprop_first, apart_first),
        (second, backprop_second, apart_second),
    ):
        loss, gradient = get_loss(emissions)
        backprop(Ragged(gradient.dataXd + weight * apart.dataXd, gradient.lengths))
        total += loss
    return total
