"""What changes the weights in pretraining: AdamW, or Muon for the matrices inside."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Linear, Parameter

from spacy_bioner.encoders.pretraining.network import MaskedLoss
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.errors import EncoderError

_BETAS, _EPS = (0.9, 0.98), 1e-6


class Optimizers:
    """Optimizers that step as one, each for weights of its own."""

    def __init__(self, parts: list[torch.optim.Optimizer]) -> None:
        self._parts = parts

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        rate: float = self._parts[0].param_groups[0]["lr"]
        return rate

    def step(self, rate: float) -> None:
        """Make an update at a learning rate, and forget the gradients."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = rate
            part.step()
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> list[dict[str, Any]]:
        """Return the optimizers' states, in order."""
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, states: list[dict[str, Any]]) -> None:
        """Bring the optimizers to such states."""
        for part, state in zip(self._parts, states, strict=True):
            part.load_state_dict(state)


def check_optimizer(settings: PretrainingSettings) -> None:
    """Raise EncoderError if this version of torch lacks the optimizer."""
    if settings.optimizer == "muon" and not hasattr(torch.optim, "Muon"):
        raise EncoderError(
            f"torch {torch.__version__} has no Muon. Install torch 2.9 or later, or take "
            "--optimizer adamw."
        )


def build_optimizers(network: MaskedLoss, settings: PretrainingSettings) -> Optimizers:
    """Return what the settings ask for: AdamW for all weights, or Muon beside it.

    Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) makes the update of a
    matrix orthogonal. It takes the weights of the linear layers, as they are stored (ModernBERT
    has queries, keys and values in one); embeddings, the scores of the vocabulary, norms and
    biases stay with AdamW. Its steps are scaled to the size of AdamW's
    (Liu et al. 2025, https://arxiv.org/abs/2502.16982), so that one rate suits both.
    Raises EncoderError if this version of torch has no Muon.
    """
    if settings.optimizer == "adamw":
        return Optimizers([_adamw(list(network.parameters()), settings)])
    check_optimizer(settings)
    inner = _inner_matrices(network)
    ids = {id(matrix) for matrix in inner}
    muon = torch.optim.Muon(
        inner, lr=0.0, weight_decay=settings.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    rest = [parameter for parameter in network.parameters() if id(parameter) not in ids]
    return Optimizers([_adamw(rest, settings), muon])


def _adamw(parameters: list[Parameter], settings: PretrainingSettings) -> torch.optim.Optimizer:
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, betas=_BETAS, eps=_EPS, fused=True)


def _inner_matrices(network: MaskedLoss) -> list[torch.Tensor]:
    """Weights of linear layers, save the one that scores the vocabulary."""
    linear = [module.weight for module in network.modules() if isinstance(module, Linear)]
    outer = network.vocabulary_weights
    return [weight for weight in linear if weight.requires_grad and id(weight) not in outer]
