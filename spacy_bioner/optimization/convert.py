"""A pipeline with its encoder in another form: the same components, vocabulary and settings."""

from __future__ import annotations

import copy
import tempfile
from typing import Any

import torch
from spacy.language import Language
from spacy.util import load_model_from_config
from spacy_transformers import Transformer
from spacy_transformers.data_classes import HFObjects

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.encoder.bucketed_transformer import BucketedTransformer, set_transformer
from spacy_bioner.networks.limit import encoder_limit
from spacy_bioner.optimization.onnx_export import make_int8_encoder

FORMS = ("float32", "bfloat16", "int8")
_SMALLER = ("bfloat16", "int8")
# The encoder's name in what is written here.
_MADE = "optimized"
_WINDOW, _OVERLAP = 256, 64
# Documents, and their padded tokens, among which rows of like length are found.
_DOCUMENTS, _TOKENS = 512, 262144


def optimized(nlp: Language, form: str, *, spare_sensitive: bool = False) -> Language:
    """A new pipeline, of which the transformer predicts in bfloat16 or int8.

    The given one stays as it is. Its transformer may be of spacy-transformers or of this
    package; "float32" changes the architecture alone. spare_sensitive: see `make_int8_encoder`.
    Raises ConfigError if the form is unknown or the pipeline has not one transformer.
    """
    if form not in FORMS:
        raise ConfigError(f"unknown precision {form!r}: use one of {list(FORMS)}")
    name = transformer_name(nlp)
    objects = nlp.get_pipe(name).model.layers[0].shims[0]._hfmodel
    config = nlp.config.copy()
    config["components"][name]["model"] = _settings(nlp, name, form)
    component = config["components"][name]
    component["max_batch_items"] = max(component["max_batch_items"], _TOKENS)
    config["nlp"]["batch_size"] = max(config["nlp"]["batch_size"] or 0, _DOCUMENTS)
    new = load_model_from_config(config, auto_fill=True)
    tokenizer, vocabulary = copy.deepcopy(objects.tokenizer), objects.vocab_file_contents
    encoder = _converted(objects.transformer, form, spare_sensitive)
    set_transformer(new.get_pipe(name).model, HFObjects(tokenizer, encoder, vocabulary))
    # Now that the encoder is there: rulers read their patterns with the components before them.
    # By way of a folder: from bytes spaCy's rulers lose their phrases.
    with tempfile.TemporaryDirectory() as folder:
        nlp.to_disk(folder, exclude=[name])
        new.from_disk(folder, exclude=[name])
    return new


def transformer_name(nlp: Language) -> str:
    """The name of the pipeline's transformer, which has to be trained and in torch."""
    names = [name for name, pipe in nlp.pipeline if isinstance(pipe, Transformer)]
    if len(names) != 1:
        raise ConfigError(
            f"this pipeline has {len(names)} components `transformer` ({', '.join(nlp.pipe_names)})"
            ": only those with a single one can be optimised. Of an ensemble optimise the members, "
            "and join them then; without a transformer there is nothing to optimise"
        )
    transformer = nlp.get_pipe(names[0]).model.transformer
    dtypes = {p.dtype for p in transformer.parameters()} if transformer is not None else set()
    settings = nlp.config["components"][names[0]]["model"]
    is_made_here = settings.get("name") == _MADE and settings.get("precision") in _SMALLER
    if is_made_here or dtypes != {torch.float32}:
        raise ConfigError(
            f"the encoder of {names[0]!r} is not in float32, or not to be: it is optimised "
            "already, or not trained: give the pipeline that `spacy train` wrote"
        )
    return str(names[0])


def _settings(nlp: Language, name: str, form: str) -> dict[str, Any]:
    model = nlp.get_pipe(name).model
    if isinstance(model, BucketedTransformer):
        window, overlap = model.window, model.overlap
    else:
        limit = encoder_limit(model.transformer.config, model.tokenizer.model_max_length)
        window = min(limit or _WINDOW, _WINDOW)
        overlap = min(_OVERLAP, window // 4)
    return {
        "@architectures": "spacy_bioner.BucketedTransformer.v1",
        "name": _MADE,
        "window": window,
        "overlap": overlap,
        "precision": form,
        "tokenizer_config": nlp.config["components"][name]["model"].get("tokenizer_config", {}),
        "transformer_config": {},
    }


def _converted(transformer: torch.nn.Module, form: str, spare_sensitive: bool) -> torch.nn.Module:
    if form == "int8":
        return make_int8_encoder(transformer, spare_sensitive=spare_sensitive)
    return copy.deepcopy(transformer).to(getattr(torch, form))
