"""Pipelines of a transformer alone, ours and spacy-transformers', on the same encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc

from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.models.encoder.bucketed_transformer import BucketedTransformer
from tests.pipeline.pipelines import LISTENER, ODD_TEXTS, initialized, tagger_config

ROOT = Path(__file__).resolve().parents[3]
SENTENCES = [document.text for document in read_corpus(ROOT / "assets/sample/dev.json")][:80]
LATIN = "Naloxone reverses the antihypertensive effect of clonidine, e.g. in 5-HT rats."
TEXTS = [*SENTENCES, LATIN, *(text for text in ODD_TEXTS.values() if text.strip())]
LONG = "".join(SENTENCES)


def stock_model(encoder: Path, window: int = 60, stride: int = 60) -> dict[str, Any]:
    spans = "spacy-transformers.strided_spans.v1"
    return {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(encoder),
        "tokenizer_config": {"use_fast": True, "model_max_length": 64},
        "get_spans": {"@span_getters": spans, "window": window, "stride": stride},
    }


def bucketed_model(encoder: Path, **settings: Any) -> dict[str, Any]:
    return {
        "@architectures": "spacy_bioner.BucketedTransformer.v1",
        "name": str(encoder),
        "window": 64,
        "overlap": 16,
        "precision": "float32",
        **settings,
    }


def build(model: dict[str, Any], lang: str = "zh") -> Language:
    nlp = spacy.blank(lang)
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize(lambda: [])
    return nlp


def encoder_of(nlp: Language) -> BucketedTransformer:
    model: BucketedTransformer = nlp.get_pipe("transformer").model
    return model


def token_vectors(doc: Doc) -> np.ndarray:
    """The mean (n, width) of the wordpiece vectors of each token; zeros without any."""
    data = doc._.trf_data
    states = data.model_output.last_hidden_state
    rows = states.reshape(-1, states.shape[-1])[data.align.dataXd]
    ends = np.cumsum(data.align.lengths)
    parts = np.split(rows, ends[:-1])
    return np.array([p.mean(axis=0) if len(p) else np.zeros(states.shape[-1]) for p in parts])


def on_bucketed(encoder: Path, **settings: Any) -> Language:
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config={"model": bucketed_model(encoder, **settings)})
    nlp.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    return initialized(nlp)


def encoder_weights(nlp: Language) -> dict[str, torch.Tensor]:
    state = encoder_of(nlp).transformer.state_dict()
    return {name: value.clone() for name, value in state.items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> bool:
    return any(not torch.equal(before[name], after[name]) for name in before)
