"""Training on incomplete annotation: unknown as unknown, against unknown read as O.

    python -m benchmarks.partial_labels TRAIN.spacy DEV.spacy [--sentences 2000] [--epochs 6]

Two corpora are made of the training sentences: one in which half of the tokens, drawn at
random, have no annotation; one in which each document is annotated for half of the types,
drawn at random. On each two systems are trained, which differ only in what is made of what
is not annotated; a third is trained on the whole annotation. TRAIN and DEV come from
`spacy bioner convert`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import spacy
import torch
import typer
from spacy.attrs import ENT_IOB, ENT_TYPE
from spacy.tokens import Doc

from benchmarks.training_runs import micro_scores, read_docs, sample_of, trained_on

_MISSING, _INSIDE, _OUTSIDE, _BEGIN = 0, 1, 2, 3  # Token.ent_iob


def without_tokens(doc: Doc, share: float, chance: random.Random, *, as_o: bool) -> Doc:
    """A copy in which this share of the tokens has no annotation, or O where `as_o`.

    With O, what is left of an entity begins anew after each gap.
    """
    copy = doc.copy()
    values = doc.to_array([ENT_IOB, ENT_TYPE])
    hidden = np.array([chance.random() < share for _ in doc], dtype=np.bool_)
    values[hidden, 0] = _OUTSIDE if as_o else _MISSING
    values[hidden, 1] = 0
    if as_o:
        after_gap = np.append(False, hidden[:-1]) & (values[:, 0] == _INSIDE)
        values[after_gap, 0] = _BEGIN
    copy.from_array([ENT_IOB, ENT_TYPE], values)
    return copy


def for_some_types(doc: Doc, types: Sequence[str], *, as_o: bool) -> Doc:
    """A copy that is annotated for these types only, and says so unless `as_o`."""
    copy = doc.copy()
    copy.set_ents([entity for entity in doc.ents if entity.label_ in types])
    if not as_o:
        copy.user_data["labelled_types"] = list(types)
    return copy


def corpora(docs: Sequence[Doc], labels: Sequence[str], seed: int) -> dict[str, list[Doc]]:
    """The training corpora by the name of what is trained on them."""
    result = {"all annotation": list(docs)}
    for name, as_o in (("unknown", False), ("O", True)):
        chance = random.Random(seed)
        result[f"half of the tokens, the rest {name}"] = [
            without_tokens(doc, 0.5, chance, as_o=as_o) for doc in docs
        ]
        chance = random.Random(seed)
        result[f"half of the types a document, the rest {name}"] = [
            for_some_types(doc, chance.sample(labels, len(labels) // 2), as_o=as_o) for doc in docs
        ]
    return result


def main(
    train: Path,
    dev: Path,
    sentences: Annotated[int, typer.Option(help="Of TRAIN, drawn by the seed; 0: all.")] = 2000,
    epochs: int = 6,
    seed: int = 0,
) -> None:
    """Print precision, recall and F1 on DEV as Markdown."""
    torch.set_num_threads(1)
    nlp = spacy.blank("zh")
    docs, test = sample_of(read_docs(train, nlp), sentences, seed), read_docs(dev, nlp)
    labels = sorted({entity.label_ for doc in docs for entity in doc.ents})
    print(f"{len(docs):,} training sentences, {epochs} epochs; F1 on {len(test):,} sentences\n")
    print("| trained on | P | R | F1 |\n| --- | --: | --: | --: |")
    for name, corpus in sorted(corpora(docs, labels, seed).items()):
        trained = trained_on(corpus, labels, epochs=epochs, seed=seed)
        scores = " | ".join(f"{score:.1f}" for score in micro_scores(trained, test))
        print(f"| {name} | {scores} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
