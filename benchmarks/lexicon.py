"""What a model loses where its lexicon, or the script of the text, does not fit.

    python -m benchmarks.lexicon MODEL GOLD.spacy [--limit 800]

Prints precision, recall and F1, as Markdown, of a pipeline with LexiconFeatures on GOLD as it
is; with the words of its lexicon spelt backwards; with a lexicon of which no word occurs; and,
where opencc-python-reimplemented is installed, with all characters, and with every other one,
brought from traditional into simplified script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example

Words = dict[str, int]


def lexicon_node(nlp: Language) -> Any:
    nodes = nlp.get_pipe("bert_crf_ner").model.walk()
    return next(node for node in nodes if node.name == "lexicon_features")


@contextmanager
def lexicon_of(nlp: Language, change: Callable[[Words], Words]) -> Iterator[None]:
    """Within the block the pipeline's lexicon is another."""
    node = lexicon_node(nlp)
    before = dict(node.attrs)
    words = dict(zip(before["terms"].split("\n"), before["counts"], strict=True))
    changed = dict(sorted(change(words).items()))
    node.attrs.update(terms="\n".join(changed), counts=list(changed.values()))
    try:
        yield
    finally:
        node.attrs.update(before)


def rewritten(nlp: Language, gold: Doc, write: Callable[[int, str], str]) -> Doc:
    """The same document with each token written otherwise, if that is as long."""
    old = [token.text for token in gold]
    new = [write(i, text) for i, text in enumerate(old)]
    words = [b if len(a) == len(b) else a for a, b in zip(old, new, strict=True)]
    doc = Doc(nlp.vocab, words, [bool(token.whitespace_) for token in gold])
    doc.set_ents([Span(doc, e.start, e.end, e.label_) for e in gold.ents])
    return doc


def show(name: str, nlp: Language, docs: Sequence[Doc]) -> None:
    inputs = (rewritten(nlp, doc, lambda i, text: text) for doc in docs)
    examples = [Example(new, doc) for new, doc in zip(inputs, docs, strict=True)]
    for example in examples:
        example.predicted.ents = []
    scores = nlp.evaluate(examples)
    figures = " | ".join(f"{100 * scores[key]:.1f}" for key in ("ents_p", "ents_r", "ents_f"))
    print(f"| {name} | {figures} |", flush=True)


def main(model: Path, gold: Path, limit: int = 800) -> None:
    nlp = spacy.load(model)
    docs = list(islice(DocBin().from_disk(gold).get_docs(nlp.vocab), limit))
    print("| | P | R | F1 |\n| --- | --: | --: | --: |")
    show("as it is", nlp, docs)
    with lexicon_of(nlp, lambda words: {word[::-1]: n for word, n in words.items()}):
        show("words spelt backwards", nlp, docs)
    with lexicon_of(nlp, lambda words: {"[no word]": 1}):
        show("no word occurs", nlp, docs)
    try:
        import opencc
    except ImportError:
        print("opencc-python-reimplemented is not installed: nothing is simplified")
        return
    simplify = opencc.OpenCC("t2s").convert
    half = [rewritten(nlp, d, lambda i, t: t if i % 2 else simplify(t)) for d in docs]
    show("every other character simplified", nlp, half)
    show("all simplified", nlp, [rewritten(nlp, d, lambda i, t: simplify(t)) for d in docs])


if __name__ == "__main__":
    typer.run(main)
