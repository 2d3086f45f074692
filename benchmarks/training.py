"""Time of a training step, and what it leads to: ours against stock spaCy, on one encoder.

    python -m benchmarks.training ENCODER TRAIN.spacy DEV.spacy --lang zh [--threads 2]

Every system begins with the encoder's weights and is updated on the same batches of sentences
in the same order, one step of each in turn: spaCy's `ner` on spacy-transformers with spaCy's
Adam, and ours in float32 and bfloat16 with LayerwiseAdam. The encoder's weights learn too.
Printed as Markdown: median of the ratios of stock's time for a step to the system's, and F1
on DEV after the last step, for each seed.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import spacy
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed, minibatch
from thinc.api import Adam
from tqdm import tqdm

from benchmarks import systems
from benchmarks.heads import read_docs
from spacy_bioner.training.layerwise_adam import build_layerwise_adam

STOCK = "spaCy `ner`, spacy-transformers"


@dataclass
class Trained:
    """A pipeline in training, and how long its steps took."""

    nlp: Language
    optimizer: Any
    examples: list[Example]
    seconds: list[float] = field(default_factory=list)

    def step(self, indices: list[int], clock: Any) -> None:
        batch = [self.examples[i] for i in indices]
        start = clock()
        self.nlp.update(batch, sgd=self.optimizer, drop=0.1)
        self.optimizer.step_schedules()
        self.seconds.append(clock() - start)

    def f1(self, docs: list[Doc]) -> float:
        examples = [Example(self.nlp.make_doc(doc.text), doc) for doc in docs]
        return 100 * float(self.nlp.evaluate(examples)["ents_f"])


def build(setting: systems.Setting, name: str, rate: float, seed: int) -> Trained:
    fix_random_seed(seed)
    nlp = spacy.blank(setting.lang)
    if name == STOCK:
        transformer, factory = systems.stock_transformer(setting.encoder), "ner"
        head, optimizer = systems.STOCK_NER, Adam(rate, L2=0.01, grad_clip=1.0, use_averages=False)
    else:
        precision = name.split(", ")[1]
        transformer = systems.bucketed_transformer(setting.encoder, precision)
        factory, head = "bert_crf_ner", systems.OUR_NER
        crf = {"crf": {"pattern": "crf_*", "rate_scale": 10.0, "weight_decay": 0.0}}
        optimizer = build_layerwise_adam(rate, layer_decay=1.0, groups=crf)
    nlp.add_pipe("transformer", config={"model": transformer})
    nlp.add_pipe(factory, config={"model": head})
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in setting.train]
    nlp.initialize(lambda: examples)
    return Trained(nlp, optimizer, examples)


def batches(count: int, size: int, steps: int, seed: int) -> list[list[int]]:
    """Which sentences are in each batch: each once before any comes again."""
    rng = random.Random(seed)
    order = (i for _ in range(1 + steps * size // count) for i in rng.sample(range(count), count))
    return list(islice(minibatch(order, size), steps))


def train(
    setting: systems.Setting, names: list[str], rate: float, batch: int, seed: int, clock: Any
) -> dict[str, Trained]:
    trained = {name: build(setting, name, rate, seed) for name in names}
    plan = batches(len(setting.train), batch, setting.steps, seed)
    for indices in tqdm(plan, desc=f"seed {seed}", unit="step"):
        for system in trained.values():
            system.step(indices, clock)
    return trained


def main(
    encoder: Path,
    train_file: Path,
    dev_file: Path,
    lang: str = "zh",
    steps: int = 200,
    batch: int = 16,
    rate: float = 3e-4,
    seeds: int = 3,
    dev_limit: int = 500,
    threads: int = 1,
    cpu_time: bool = False,
) -> None:
    """cpu_time: count the process's time, not the clock's."""
    torch.set_num_threads(threads)
    clock = time.process_time if cpu_time else time.perf_counter
    names = [STOCK, "ours, float32", "ours, bfloat16"]
    setting = systems.Setting(encoder, lang, read_docs(train_file, lang), steps)
    dev = read_docs(dev_file, lang, dev_limit)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    scores: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(seeds):
        for name, system in train(setting, names, rate, batch, seed, clock).items():
            seconds[name] += system.seconds[1:]
            scores[name].append(system.f1(dev))
    kind = "processor time" if cpu_time else "time"
    print(f"{steps} steps of {batch} sentences, {seeds} seeds, {threads} threads, {kind}\n")
    print("| system | times as fast as stock spaCy | ms a step | F1, mean | F1 of each seed |")
    print("|---|---|---|---|---|")
    for name in names:
        ratio = median(a / b for a, b in zip(seconds[STOCK], seconds[name], strict=True))
        each = ", ".join(f"{score:.2f}" for score in scores[name])
        step = 1e3 * median(seconds[name])
        print(f"| {name} | {ratio:.2f} | {step:.0f} | {mean(scores[name]):.2f} | {each} |")


if __name__ == "__main__":
    typer.run(main)
