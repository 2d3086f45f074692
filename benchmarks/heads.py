"""Linear heads for the peers' taggers, fitted on the states of one encoder that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import fix_random_seed

Entity = tuple[int, int, str]
LENGTH = 512


def read_docs(path: Path, lang: str, limit: int = 0) -> list[Doc]:
    docs = list(DocBin().from_disk(path).get_docs(spacy.blank(lang).vocab))
    return docs[:limit] if limit else docs


def labels_of(docs: Sequence[Doc]) -> list[str]:
    return sorted({entity.label_ for doc in docs for entity in doc.ents})


def encoder_pipeline(encoder: Path, lang: str, precision: str = "float32") -> Language:
    """Our transformer alone, on an encoder's directory."""
    nlp = spacy.blank(lang)
    model = {
        "@architectures": "spacy_bioner.BucketedTransformer.v1",
        "name": str(encoder),
        "precision": precision,
        "window": 128,
        "overlap": 32,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize(lambda: [])
    return nlp


def token_states(nlp: Language, docs: Sequence[Doc], pooling: str) -> np.ndarray:
    """(N, width): of every token the mean of its wordpieces' states, or that of the first."""
    found = []
    for doc in nlp.pipe([doc.copy() for doc in docs]):
        data = doc._.trf_data
        states = data.model_output.last_hidden_state
        rows = states.reshape(-1, states.shape[-1])[data.align.dataXd]
        lengths = data.align.lengths
        out = np.zeros((len(doc), states.shape[-1]), dtype="float32")
        starts = np.cumsum(lengths) - lengths
        filled = lengths > 0
        if pooling == "first":
            out[filled] = rows[starts[filled]]
        else:
            out[filled] = np.add.reduceat(rows, starts[filled]) / lengths[filled, None]
        found.append(out)
    return np.concatenate(found)


def bio_names(labels: Sequence[str]) -> list[str]:
    return ["O", *(f"{prefix}-{label}" for label in labels for prefix in "BI")]


def bio_tags(docs: Sequence[Doc], labels: Sequence[str]) -> np.ndarray:
    """Indices into `bio_names`."""
    tags = [np.zeros(len(doc), dtype=np.int64) for doc in docs]
    for doc, row in zip(docs, tags, strict=True):
        for entity in doc.ents:
            label = labels.index(entity.label_)
            row[entity.start : entity.end] = 2 + 2 * label
            row[entity.start] = 1 + 2 * label
    return np.concatenate(tags)


def bioul_tags(docs: Sequence[Doc], label: str) -> np.ndarray:
    """Of one label: 0 outside, 1 inside, 2 first, 3 last, 4 single (as EDS-NLP has them)."""
    tags = [np.zeros(len(doc), dtype=np.int64) for doc in docs]
    for doc, row in zip(docs, tags, strict=True):
        for entity in doc.ents:
            if entity.label_ == label:
                row[entity.start : entity.end] = 1
                row[entity.start], row[entity.end - 1] = 2, 3
                if len(entity) == 1:
                    row[entity.start] = 4
    return np.concatenate(tags)


def fit_linear(states: np.ndarray, tags: np.ndarray, n_tags: int, steps: int = 400) -> Any:
    """Weights (n_tags, width) and biases of a softmax over tags, by Adam on random batches."""
    fix_random_seed(0)
    layer = torch.nn.Linear(states.shape[1], n_tags)
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.01)
    inputs, targets = torch.from_numpy(states), torch.from_numpy(tags)
    for _ in range(steps):
        batch = torch.randint(len(inputs), (2048,))
        loss = torch.nn.functional.cross_entropy(layer(inputs[batch]), targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return layer.requires_grad_(False)


def spans_of_tags(tags: Sequence[str]) -> list[Entity]:
    """Entities of BIO tags, in tokens; an I- that continues nothing begins one."""
    spans: list[Entity] = []
    for i, tag in enumerate(tags):
        label = tag[2:]
        if tag.startswith("I-") and spans and spans[-1][1] == i and spans[-1][2] == label:
            spans[-1] = (spans[-1][0], i + 1, label)
        elif label:
            spans.append((i, i + 1, label))
    return spans
