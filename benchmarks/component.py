"""The component against spaCy's `ner` on the same given vectors: ratios of time in one run.

    python -m benchmarks.component [--corpus assets/sample/dev.json] [--width 256]

Token vectors are random and ready on each Doc, so that only what comes after an
encoder is timed: update (without an optimizer's step), and predict with set_annotations.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
import typer
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Model

from benchmarks.timing import ratio
from spacy_bioner.corpora.docbin import document_to_doc
from spacy_bioner.corpora.reading import read_corpus


@spacy.registry.architectures("benchmarks.GivenVectors.v1")
def build_given_vectors(width: int) -> Model[list[Doc], Any]:
    """A tok2vec layer that reads doc.tensor, (n, width)."""
    return Model("given_vectors", _forward, dims={"nO": width})


def _forward(model: Model[list[Doc], Any], docs: list[Doc], is_train: bool) -> Any:
    return [doc.tensor for doc in docs], lambda gradients: []


def build(factory: str, model: dict[str, Any], examples: list[Example]) -> Any:
    nlp = spacy.blank("zh")
    component = nlp.add_pipe(factory, config={"model": model})
    nlp.initialize(lambda: examples)
    return component


def load_examples(corpus: Path, width: int) -> list[Example]:
    nlp, rng = spacy.blank("zh"), np.random.default_rng(0)
    examples = []
    for document in read_corpus(corpus):
        reference, _ = document_to_doc(document, nlp)
        predicted = nlp.make_doc(document.text)
        predicted.tensor = rng.normal(size=(len(predicted), width)).astype("float32")
        examples.append(Example(predicted, reference))
    return examples


def build_both(examples: list[Example], width: int) -> tuple[Any, Any]:
    """spaCy's `ner` and ours, on the same vectors and with the same hidden width."""
    vectors = {"@architectures": "benchmarks.GivenVectors.v1", "width": width}
    theirs = {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 64,
        "maxout_pieces": 2,
        "use_upper": False,
        "tok2vec": vectors,
    }
    ours = {"@architectures": "spacy_bioner.CrfTagger.v1", "hidden_width": 64, "tok2vec": vectors}
    return build("ner", theirs, examples), build("bert_crf_ner", ours, examples)


def update(component: Any, batches: list[list[Example]]) -> None:
    for batch in batches:
        component.update(batch)


def predict(component: Any, batches: list[list[Example]]) -> None:
    for batch in batches:
        docs = [example.predicted for example in batch]
        for doc in docs:  # entities already set would steer spaCy's `ner`
            doc.set_ents([], default="missing")
        component.set_annotations(docs, component.predict(docs))


def main(
    corpus: Path = Path("assets/sample/dev.json"),
    width: int = 256,
    batch: int = 16,
    repeats: int = 5,
) -> None:
    """Print how many times as fast as spaCy's `ner` the component is, as Markdown."""
    torch.set_num_threads(1)
    examples = load_examples(corpus, width)
    theirs, ours = build_both(examples, width)
    batches = [examples[i : i + batch] for i in range(0, len(examples), batch)]
    print("| step | times as fast as `ner` | ms a batch |")
    print("|---|---|---|")
    for step in (update, predict):
        faster, seconds = ratio(
            partial(step, theirs, batches), partial(step, ours, batches), repeats
        )
        print(f"| {step.__name__} | {faster:.2f} | {1e3 * seconds / len(batches):.2f} |")


if __name__ == "__main__":
    typer.run(main)
