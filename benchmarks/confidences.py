"""Are confidences true, and do they tell right entities from wrong ones?

    python -m benchmarks.confidences MODEL DEV.spacy TEST.spacy

Prints, as Markdown: how confidences and outcomes agree on TEST before and after calibration
on DEV; the same on one half of TEST after calibration on the other, for where the texts to
come are not like DEV; and the precision that remains at each recall when entities are left
out from the least confident on, by the exact probability of the entity, by the mean
probability of its tags under the CRF, and by the mean softmax probability of its tags under
the same emissions. MODEL is any trained pipeline with a CRF.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
import typer
from spacy.language import Language
from spacy.training import Corpus, Example

from spacy_bioner.evaluation.reliability import (
    area_under_precision_recall,
    precision_at_recall,
    reliability_by_type,
    render_reliability,
)
from spacy_bioner.pipeline.calibration import calibrate, outcomes

NAME = "bert_crf_ner"
RECALLS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]
_AT_ONCE = 128


def reliabilities(nlp: Language, dev: Sequence[Example], test: Sequence[Example]) -> str:
    """The table of TEST before and after calibration on DEV."""
    nlp.get_pipe(NAME).cfg["temperature"] = 1.0
    parts: dict[str, Any] = {}
    for part, by_label in (("before", None), ("after", False), ("after, by type", True)):
        if by_label is not None:
            calibrate(nlp, NAME, dev, by_label=by_label)
            if not by_label:
                print(f"temperature: {nlp.get_pipe(NAME).cfg['temperature']:.3f}\n")
        found = outcomes(nlp, NAME, test)
        parts[part] = reliability_by_type(found.confidences, found.right, found.labels)
    nlp.get_pipe(NAME).cfg["temperature"] = 1.0
    return render_reliability(parts)


def measured(nlp: Language, examples: Sequence[Example]) -> tuple[dict[str, list[float]], Any]:
    """Confidences of the same entities by each measure, and whether they are right."""
    component = nlp.get_pipe(NAME)
    measures: dict[str, list[float]] = {}
    right: list[bool] = []
    for i in range(0, len(examples), _AT_ONCE):
        batch = examples[i : i + _AT_ONCE]
        docs = list(nlp.pipe(example.predicted.copy() for example in batch))
        lattice, emissions = component.lattice(docs), component.model.predict(docs).dataXd
        tags = lattice.best_tags()
        spans = lattice.spans(tags)
        here = np.arange(len(tags))
        softmax = np.exp(emissions - emissions.max(axis=1, keepdims=True))
        softmax /= softmax.sum(axis=1, keepdims=True)
        start = (np.cumsum(lattice.lengths) - lattice.lengths)[spans.sentence] + spans.start
        end = start + spans.end - spans.start
        for name, values in (
            ("mean CRF marginal", lattice.marginals()[here, tags]),
            ("mean softmax probability", softmax[here, tags]),
        ):
            sums = np.append(0.0, np.cumsum(values))
            measures.setdefault(name, []).extend((sums[end] - sums[start]) / (end - start))
        exact = np.exp(lattice.span_log_probabilities(spans))
        measures.setdefault("exact probability", []).extend(exact)
        columns = (values.tolist() for values in spans)
        for b, first, last, label in zip(*columns, strict=True):
            gold = {(e.start_char, e.end_char, e.label_) for e in batch[b].reference.ents}
            span = docs[b][first:last]
            right.append((span.start_char, span.end_char, component.labels[label]) in gold)
    return measures, np.array(right)


def main(model: Path, dev: Path, test: Path) -> None:
    """Print the tables."""
    torch.set_num_threads(1)
    nlp = spacy.load(model)
    dev_examples, test_examples = (list(Corpus(path)(nlp)) for path in (dev, test))
    print(f"### TEST, calibrated on DEV ({len(dev_examples):,} sentences)\n")
    print(reliabilities(nlp, dev_examples, test_examples))
    print("\n### Every second sentence of TEST, calibrated on the others\n")
    print(reliabilities(nlp, test_examples[::2], test_examples[1::2]))
    gold = sum(len(example.reference.ents) for example in test_examples)
    measures, right = measured(nlp, test_examples)
    print(f"\n### Precision at recall on TEST ({len(right):,} entities found, {gold:,} gold)\n")
    print("| by | area | " + " | ".join(f"{recall:.1f}" for recall in RECALLS) + " |")
    print("| --- |" + " --: |" * (len(RECALLS) + 1))
    for name in sorted(measures):
        area = area_under_precision_recall(measures[name], right, gold)
        cells = [
            "" if value is None else f"{value:.3f}"
            for value in precision_at_recall(measures[name], right, gold, RECALLS)
        ]
        print(f"| {name} | {area:.4f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    typer.run(main)
