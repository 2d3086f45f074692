"""The network that is trained: an encoder with its masked-language head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import cross_entropy

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
    for name in _HEADS[config.model_type]:
        if not hasattr(model, name):
            raise EncoderError(
                f"{directory}: its {config.model_type} has a head of another form (no {name!r}), "
                "which cannot be pretrained here."
            )
    return model.float()


class MaskedLoss(torch.nn.Module):
    """Cross entropy at the hidden tokens alone: the head never sees the others.

    vocabulary_weights: ids of the parameters with a row for each token of the vocabulary.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.trunk = model.base_model
        tables = (model.get_input_embeddings(), model.get_output_embeddings())
        self.vocabulary_weights = {id(table.weight) for table in tables if table is not None}
        parts = [getattr(model, name) for name in _HEADS[model.config.model_type]]
        self.head = parts[0] if len(parts) == 1 else torch.nn.Sequential(*parts)

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
        return cross_entropy(scores, wanted), (scores.argmax(-1) == wanted).sum()

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
