"""What to annotate next: the learning curve of `select` against choice at random.

    python -m benchmarks.selection TRAIN.spacy DEV.spacy [--start 10000] [--budget 10000]

A model is trained on sentences of TRAIN drawn at random; then, in each of two rounds, more
sentences are taken from the rest, either the ones that `spacy bioner select` would give or
at random, and a new model is trained on all that are there. Each round takes as many
characters for both, because that, and not the number of sentences, is an annotator's work.
TRAIN and DEV come from `spacy bioner convert`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Annotated

import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc

from benchmarks.training_runs import micro_scores, read_docs, sample_of, trained_on
from spacy_bioner.pipeline.selection import select, uncertainty

_AT_ONCE = 256


def up_to(budget: int, order: Iterable[int], docs: Sequence[Doc]) -> list[int]:
    """The first indices of an order, until their documents have so many characters."""
    taken: list[int] = []
    characters = 0
    for index in order:
        if characters >= budget:
            break
        taken.append(index)
        characters += len(docs[index].text)
    return taken


def least_sure(
    nlp: Language, pool: Sequence[Doc], measure: str, diversity: float, budget: int
) -> list[int]:
    """Indices of the pool in the order in which `select` takes them, as far as the budget goes."""
    component, scores = nlp.get_pipe("bert_crf_ner"), []
    texts = [doc.text for doc in pool]
    for i in range(0, len(pool), _AT_ONCE):
        docs = [nlp.make_doc(text) for text in texts[i : i + _AT_ONCE]]
        scores += uncertainty(component.lattice(docs), measure).tolist()
    count = max(1, len(pool) // 10)
    while True:
        ranked = select(scores, texts, count, diversity)
        if count >= len(pool) or sum(len(texts[i]) for i in ranked) >= budget:
            return ranked
        count = min(2 * count, len(pool))


def curve(
    docs: Sequence[Doc],
    test: Sequence[Doc],
    labels: Sequence[str],
    settings: dict[str, int],
    seed: int,
    measures: Sequence[str],
    diversity: float,
) -> dict[str, list[float]]:
    """F1 after the start and each round, by the way of choosing."""
    order = random.Random(seed).sample(range(len(docs)), len(docs))
    start = up_to(settings["start"], order, docs)
    training = {"epochs": settings["epochs"], "seed": seed, "batch": 8}
    first = trained_on([docs[i] for i in start], labels, **training)
    result = {measure: [micro_scores(first, test)[2]] for measure in measures}
    for measure in measures:
        chosen, nlp = list(start), first
        for number in range(settings["rounds"]):
            rest = [i for i in order if i not in set(chosen)]
            pool = [docs[i] for i in rest]
            if measure == "random":
                ranked = random.Random(1000 * seed + number).sample(range(len(rest)), len(rest))
            else:
                ranked = least_sure(nlp, pool, measure, diversity, settings["budget"])
            chosen += [rest[i] for i in up_to(settings["budget"], ranked, pool)]
            nlp = trained_on([docs[i] for i in chosen], labels, **training)
            result[measure].append(micro_scores(nlp, test)[2])
    return result


def main(
    train: Path,
    dev: Path,
    start: Annotated[int, typer.Option(help="Characters of the first model.")] = 10_000,
    budget: Annotated[int, typer.Option(help="Characters a round.")] = 10_000,
    rounds: int = 2,
    pool: Annotated[int, typer.Option(help="Sentences of TRAIN to choose from; 0: all.")] = 3000,
    measures: Annotated[str, typer.Option(help="Ways of choosing.")] = "random,entropy",
    diversity: float = 0.5,
    epochs: int = 10,
    seeds: int = 3,
) -> None:
    """Print F1 on DEV after the start and each round as Markdown."""
    torch.set_num_threads(1)
    nlp, ways = spacy.blank("zh"), measures.split(",")
    docs, test = sample_of(read_docs(train, nlp), pool, 0), read_docs(dev, nlp)
    labels = sorted({entity.label_ for doc in docs for entity in doc.ents})
    settings = {"start": start, "budget": budget, "epochs": epochs, "rounds": rounds}
    sizes = [start + budget * number for number in range(rounds + 1)]
    print(f"pool of {len(docs):,} sentences, {epochs} epochs, F1 on {len(test):,} sentences\n")
    print("| chosen by | seed | " + " | ".join(f"{size:,} characters" for size in sizes) + " |")
    print("| --- | --: |" + " --: |" * len(sizes))
    curves: dict[str, list[list[float]]] = {way: [] for way in ways}
    for seed in range(seeds):
        for way, scores in curve(docs, test, labels, settings, seed, ways, diversity).items():
            curves[way].append(scores)
            print(row(way, str(seed), scores), flush=True)
    for way, of_seeds in curves.items():
        print(row(way, "mean", [mean(scores) for scores in zip(*of_seeds, strict=True)]))


def row(way: str, seed: str, scores: Sequence[float]) -> str:
    return f"| {way} | {seed} | " + " | ".join(f"{score:.1f}" for score in scores) + " |"


if __name__ == "__main__":
    typer.run(main)
