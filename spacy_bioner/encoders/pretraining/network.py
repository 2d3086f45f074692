"""The network that is trained: an encoder with its masked-language head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from spacy_bioner.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Parts of a masked-language model, by model type, that turn states into scores, in turn.
_HEADS = {
    "bert": ("cls",),
    "roberta": ("lm_head",),
    "xlm-roberta": ("lm_head",),
    "camembert": ("lm_head",),
    "deberta-v2": ("cls",),
    "modernbert": ("head", "decoder"),
}

# Above this many tokens in a block the attention of `transformers` is used, which keeps no scores.
LONGEST_BLOCK = 256

# Names that configs have for shares of dropout inside the network.
DROPOUTS = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "embedding_dropout",
    "attention_dropout",
    "mlp_dropout",
)


def load_masked_model(directory: Path, dropout: float) -> PreTrainedModel:
    """Load an encoder directory with a masked-language head, in float32.

    A head that the directory lacks begins with random weights. dropout: that of the
    network in memory. Raises EncoderError for a model of another kind, such as BART,
    whose decoder such training leaves untouched.
    """
    from transformers import AutoConfig, AutoModelForMaskedLM
    from transformers.utils import logging

    config = AutoConfig.from_pretrained(directory)
    if config.model_type not in _HEADS:
        known = ", ".join(_HEADS)
        raise EncoderError(
            f"{directory}: a {config.model_type} cannot be pretrained by masking here. "
            f"Known are {known}."
        )
    for name in DROPOUTS:
        if hasattr(config, name):
            setattr(config, name, dropout)
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # it would warn of the new head, which is meant
    try:
        model: PreTrainedModel = AutoModelForMaskedLM.from_pretrained(directory, config=config)
    finally:
        logging.set_verbosity(verbosity)
    return model.float()


class PretrainingLoss(torch.nn.Module):
    """Cross entropy at the hidden tokens alone: the head never sees the others.

    detection: weight of the loss of replaced-token detection (ELECTRA, Clark et al. 2020,
    https://arxiv.org/abs/2003.10555) that training adds. The encoder is its own generator: what
    it draws from its guesses stands in the hidden places, and it reads the block once more, to
    say of every token whether it is the one that was there. 0: no second reading.
    """

    def __init__(self, model: PreTrainedModel, detection: float = 0.0) -> None:
        super().__init__()
        self.trunk = model.base_model
        parts = [getattr(model, name) for name in _HEADS[model.config.model_type]]
        self.head = parts[0] if len(parts) == 1 else torch.nn.Sequential(*parts)
        self.detection = detection
        if detection:
            width = model.config.hidden_size
            self.detector = torch.nn.Sequential(
                torch.nn.Linear(width, width), torch.nn.GELU(), torch.nn.Linear(width, 1)
            )

    def forward(
        self, inputs: torch.Tensor, positions: torch.Tensor, targets: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss and the number of tokens guessed right.

        inputs: (B, L) ids. positions: (B, K) columns. targets: (B, K) ids.
        """
        states = self._states(inputs)  # (B, L, W)
        index = positions.unsqueeze(-1).expand(-1, -1, states.shape[-1])  # (B, K, W)
        scores = self.head(states.gather(1, index)).float().flatten(0, 1)  # (B K, V)
        wanted = targets.flatten()  # (B K,)
        loss = cross_entropy(scores, wanted)
        if self.detection and self.training:
            guesses = drawn(scores.detach()).view_as(targets)  # (B, K)
            text = inputs.scatter(1, positions, targets)  # (B, L), as it was
            loss = loss + self.detection * self._missed(text, inputs.scatter(1, positions, guesses))
        return loss, (scores.argmax(-1) == wanted).sum()

    def _missed(self, text: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
        """Mean cross entropy of whether tokens (B, L) that are read are those of the text."""
        scores = self.detector(self._states(read)).float().squeeze(-1)  # (B, L)
        return binary_cross_entropy_with_logits(scores, (read != text).float())

    def _states(self, inputs: torch.Tensor) -> torch.Tensor:
        """Hidden states (B, L, W) of ids (B, L) without padding."""
        from spacy_bioner.networks.training.form import form_of

        form = form_of(self.trunk.config) if self._may_have_form(inputs) else None
        if form is None:
            states: torch.Tensor = self.trunk(input_ids=inputs).last_hidden_state
            return states
        autocasts = torch.is_autocast_enabled("cpu")
        kind = torch.get_autocast_dtype("cpu") if autocasts else torch.float32
        generator = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        vectors = self.trunk.get_input_embeddings()(inputs.flatten())
        with torch.autocast("cpu", enabled=False):
            weights = form.weights(self.trunk, kind)
            mask = torch.ones_like(inputs)
            found = form.states(weights, self.trunk.config, vectors, [mask], generator)
        return found.view(*inputs.shape, -1)

    def _may_have_form(self, inputs: torch.Tensor) -> bool:
        return (
            self.training
            and inputs.device.type == "cpu"
            and inputs.shape[1] <= LONGEST_BLOCK
            and not torch.compiler.is_compiling()
        )


def drawn(scores: torch.Tensor) -> torch.Tensor:
    """A token (N,) for each row of scores (N, V), drawn by its probability.

    By the inverse of the distribution function: one random number a row, where
    `torch.multinomial` takes one a token of the vocabulary.
    """
    sums = scores.softmax(-1).cumsum(-1)  # (N, V)
    places = torch.rand(len(sums), 1, device=sums.device) * sums[:, -1:]
    return torch.searchsorted(sums, places).squeeze(-1).clamp(max=sums.shape[-1] - 1)


def parameter_groups(model: torch.nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the parameters in two groups: matrices, which decay, and the rest, which do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
