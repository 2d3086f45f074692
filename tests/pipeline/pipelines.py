"""Tiny pipelines and a corpus of three sentences for the tests beside this file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam, Model

from spacy_bioner.pipeline.bert_crf_ner import BertCrfNer

Entity = tuple[int, int, str]

SENTENCES: list[tuple[str, list[Entity]]] = [
    ("病人服用阿斯匹靈後頭痛。", [(4, 8, "DRUG"), (9, 11, "SYMP")]),
    ("糖尿病頭痛藥", [(0, 3, "DISE"), (3, 5, "SYMP"), (5, 6, "DRUG")]),
    ("今天天氣很好。", []),
]
TEXTS = [text for text, _ in SENTENCES]
ODD_TEXTS = {
    "empty": "",
    "space": " ",
    "spaces": " \n\t  ",
    "control": "\x00\x01\x07\x1b",
    "zero_width": "\u200b\ufeff\u200b",
    "zero_width_inside": "頭\u200b痛",
    "emoji": "👩‍⚕️頭痛🤕",
    "combining": "e\u0301\u0301 頭痛",
    "astral": "𠮷頭痛𠮷",
    "mixed": "服用Metformin500mg與IFNβ後COVID-19頭痛38℃",
}

CNN = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 16,
    "depth": 1,
    "embed_size": 300,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": False,
}
BILSTM = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 16,
        "attrs": ["ORTH"],
        "rows": [300],
        "include_static_vectors": False,
    },
    "encode": {
        "@architectures": "spacy_bioner.BiLstmEncoder.v1",
        "width": 16,
        "hidden_width": 8,
        "depth": 1,
        "dropout": 0.0,
    },
}
LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "upstream": "*",
    "pooling": {"@layers": "reduce_mean.v1"},
}
# As in configs/both_crf.cfg: the transformer is one part of what a BiLSTM reads.
LISTENING_BILSTM = {
    **BILSTM,
    "embed": {
        "@architectures": "spacy_bioner.SideBySide.v1",
        "width": 16,
        "parts": {"characters": BILSTM["embed"], "transformer": LISTENER},
    },
}


def tagger_config(tok2vec: dict[str, Any] = CNN, **settings: Any) -> dict[str, Any]:
    """Config of a small bert_crf_ner; `backend`, `activation` go to the model."""
    model: dict[str, Any] = {
        "@architectures": "spacy_bioner.CrfTagger.v1",
        "hidden_width": 16,
        "tok2vec": tok2vec,
    }
    for name in ("backend", "activation", "hidden_width"):
        if name in settings:
            model[name] = settings.pop(name)
    return {"model": model, **settings}


def transformer_config(encoder: Path) -> dict[str, Any]:
    spans = "spacy-transformers.strided_spans.v1"
    return {
        "max_batch_items": 4096,
        "model": {
            "@architectures": "spacy-transformers.TransformerModel.v3",
            "name": str(encoder),
            "get_spans": {"@span_getters": spans, "window": 24, "stride": 18},
            "tokenizer_config": {"use_fast": True, "model_max_length": 32},
            "transformer_config": {
                "hidden_dropout_prob": 0.0,
                "attention_probs_dropout_prob": 0.0,
            },
        },
    }


def bucketed_config(encoder: Path) -> dict[str, Any]:
    stock = transformer_config(encoder)
    model = {
        "@architectures": "spacy_bioner.BucketedTransformer.v1",
        "name": str(encoder),
        "window": 32,
        "overlap": 8,
        "precision": "float32",
        "transformer_config": stock["model"]["transformer_config"],
    }
    return {**stock, "model": model}


def with_entities(doc: Doc, entities: Iterable[Entity], default: str = "outside") -> Doc:
    doc.set_ents([Span(doc, s, e, label=label) for s, e, label in entities], default=default)
    return doc


def example(nlp: Language, text: str, entities: Iterable[Entity], default: str = "outside"):
    return Example(nlp.make_doc(text), with_entities(nlp.make_doc(text), entities, default))


def examples(nlp: Language, sentences: Sequence[Any] = SENTENCES) -> list[Example]:
    return [example(nlp, text, entities) for text, entities in sentences]


def unannotated(nlp: Language, text: str) -> Example:
    return Example(nlp.make_doc(text), nlp.make_doc(text))


def build(tok2vec: dict[str, Any] = CNN, **settings: Any) -> Language:
    """A blank zh pipeline with bert_crf_ner, not initialised."""
    fix_random_seed(0)
    nlp = spacy.blank("zh")
    nlp.add_pipe("bert_crf_ner", config=tagger_config(tok2vec, **settings))
    return nlp


def build_on_transformer(
    encoder: Path,
    config: Callable[[Path], dict[str, Any]] = transformer_config,
    tok2vec: dict[str, Any] = LISTENER,
    **settings: Any,
) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("zh")
    nlp.add_pipe("transformer", config=config(encoder))
    nlp.add_pipe("bert_crf_ner", config=tagger_config(tok2vec, **settings))
    return nlp


def initialized(nlp: Language) -> Language:
    nlp.initialize(lambda: examples(nlp))
    return nlp


def train(nlp: Language, steps: int = 40, rate: float = 0.02, **settings: Any) -> Language:
    optimizer = Adam(rate)
    for _ in range(steps):
        nlp.update(examples(nlp), sgd=optimizer, **settings)
    return nlp


def found(doc: Doc) -> list[Entity]:
    return [(entity.start, entity.end, entity.label_) for entity in doc.ents]


def found_in(nlp: Language, texts: Iterable[str] = TEXTS) -> list[list[Entity]]:
    return [found(doc) for doc in nlp.pipe(texts)]


def emissions(nlp: Language) -> np.ndarray:
    """Of TEXTS, with the components before bert_crf_ner run on them."""
    docs = [nlp.make_doc(text) for text in TEXTS]
    for name, pipe in nlp.pipeline:
        if name != "bert_crf_ner":
            docs = list(pipe.pipe(docs))
    found: np.ndarray = ner(nlp).model.predict(docs).dataXd
    return found


def gradients(model: Model) -> dict[tuple[int, str], np.ndarray]:
    """Gradients of all parameters, also those of torch modules."""
    result = {}
    for i, node in enumerate(model.walk()):
        for name in node.param_names:
            if node.has_grad(name):
                result[i, name] = np.array(node.get_grad(name))
        for shim in node.shims:
            for name, parameter in shim._model.named_parameters():
                if parameter.grad is not None:
                    result[i, name] = parameter.grad.detach().numpy().copy()
    return result


def randomize_crf(nlp: Language, seed: int = 0) -> None:
    """Gives the CRF's parameters values that matter."""
    crf = nlp.get_pipe("bert_crf_ner").model.get_ref("crf")
    random = np.random.default_rng(seed)
    for name in crf.param_names:
        shape = crf.get_param(name).shape
        crf.set_param(name, random.normal(size=shape).astype("float32"))


GOLD = [entities for _, entities in SENTENCES]
TOK2VECS = {"cnn": CNN, "bilstm": BILSTM}
TRANSFORMERS = {"transformer": transformer_config, "bucketed": bucketed_config}
ENCODERS = ["cnn", "bilstm", "transformer", "bucketed"]
LONG = "病人服用阿斯匹靈後頭痛。" * 8334  # 100,008 tokens


def build_with(kind: str, request: pytest.FixtureRequest, **settings: object) -> Language:
    if kind in TRANSFORMERS:
        encoder = request.getfixturevalue("encoder")
        return build_on_transformer(encoder, TRANSFORMERS[kind], **settings)
    return build(TOK2VECS[kind], **settings)


def ner(nlp: Language, name: str = "bert_crf_ner") -> BertCrfNer:
    component: BertCrfNer = nlp.get_pipe(name)
    return component
