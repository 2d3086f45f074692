"""Makes an encoder deeper before it is trained further."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from spacy_bioner.errors import EncoderError

if TYPE_CHECKING:
    from transformers import PretrainedConfig, PreTrainedModel

_OF_A_LAYER = re.compile(r"(.*?\.layers?\.)(\d+)(\..*)")


def grow(model: PreTrainedModel, layers: int) -> PreTrainedModel:
    """Return the model with its upper layers once more on top, so that it has `layers`.

    Stacking (Gong et al. 2019, https://proceedings.mlr.press/v97/gong19a.html; Du et al.
    2024, https://arxiv.org/abs/2405.15319). The first layer is not repeated: ModernBERT's
    has a form of its own. Raises EncoderError for fewer layers than there are, for twice as
    many or more, and where layers of two kinds would change places.
    """
    own = model.config.num_hidden_layers
    if not own <= layers < 2 * own:
        raise EncoderError(
            f"the encoder has {own} layers and cannot be given {layers}: its upper layers are "
            f"repeated once, so from {own} to {2 * own - 1} are possible."
        )
    if layers == own:
        return model
    _check_kinds(model.config, layers - own)
    sources = [*range(own), *range(2 * own - layers, own)]
    grown: PreTrainedModel = type(model)(_config_of(model.config, sources))
    weights = model.state_dict()
    grown.load_state_dict({name: weights[_source(name, sources)] for name in grown.state_dict()})
    return grown


def _check_kinds(config: PretrainedConfig, added: int) -> None:
    """ModernBERT's layers are of two kinds, by their number, before its config names them."""
    every = getattr(config, "global_attn_every_n_layers", 1)
    if added % every and getattr(config, "layer_types", None) is None:
        raise EncoderError(
            f"one layer in {every} of the encoder reads the whole input: add a multiple of {every} "
            f"layers, not {added}."
        )


def _config_of(config: PretrainedConfig, sources: list[int]) -> PretrainedConfig:
    found = copy.deepcopy(config)
    found.num_hidden_layers = len(sources)
    kinds = getattr(config, "layer_types", None)
    if kinds is not None:
        found.layer_types = [kinds[source] for source in sources]
    return found


def _source(name: str, sources: list[int]) -> str:
    """Return the name of the weight that the weight `name` of the grown model begins with."""
    found = _OF_A_LAYER.fullmatch(name)
    return f"{found[1]}{sources[int(found[2])]}{found[3]}" if found else name
