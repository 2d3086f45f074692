"""What the length of windows does to the entities of long documents.

    python -m benchmarks.windows PIPELINE TEXTS.spacy [--documents 10]

Texts are put end to end into long documents. Each is read as it is, and once more behind
other texts of about `--shift` tokens, so that every window begins elsewhere. Printed for several
windows: F1, and the share of entities that only one of the two readings finds. An encoder
reads well only at positions that it has been trained on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc

from benchmarks.heads import read_docs
from benchmarks.inference import f1

Found = list[tuple[int, int, str]]


def joined(nlp: Language, docs: Sequence[Doc]) -> Doc:
    """One document with the words of all."""
    tokens = [token for doc in docs for token in doc]
    spaces = [bool(token.whitespace_) for token in tokens]
    return Doc(nlp.vocab, words=[token.text for token in tokens], spaces=spaces)


def gold_entities(docs: Sequence[Doc]) -> Found:
    starts = itertools.accumulate(map(len, docs), initial=0)
    return [
        (start + e.start, start + e.end, e.label_)
        for start, doc in zip(starts, docs, strict=False)
        for e in doc.ents
    ]


def read(nlp: Language, doc: Doc, skip: int) -> Found:
    for _, component in nlp.pipeline:
        doc = component(doc)
    return [(e.start - skip, e.end - skip, e.label_) for e in doc.ents if e.start >= skip]


def main(pipeline: Path, texts: Path, documents: int = 10, shift: int = 50) -> None:
    """documents: long ones made of all the texts; shift: tokens put before each."""
    nlp = spacy.load(pipeline, config={"components.transformer.model.precision": "float32"})
    docs = read_docs(texts, nlp.lang)
    count = next(i for i, n in enumerate(itertools.accumulate(map(len, docs)), 1) if n >= shift)
    before, rest = docs[:count], docs[count:]
    size = len(rest) // documents
    parts = [rest[i * size : (i + 1) * size] for i in range(documents)]
    gold = [gold_entities(part) for part in parts]
    skip, model = sum(map(len, before)), nlp.get_pipe("transformer").model
    print("| window | overlap | F1 | entities changed by a shift, % |\n|---|---|---|---|")
    for window, overlap in ((64, 16), (64, 32), (128, 32), (256, 64), (512, 128)):
        model.window, model.overlap = window, overlap
        plain = [read(nlp, joined(nlp, part), 0) for part in parts]
        moved = [read(nlp, joined(nlp, [*before, *part]), skip) for part in parts]
        changed = sum(len(set(a) ^ set(b)) for a, b in zip(plain, moved, strict=True))
        total = sum(len(set(a) | set(b)) for a, b in zip(plain, moved, strict=True))
        scores = f"{100 * f1(plain, gold):.2f} | {100 * changed / total:.2f}"
        print(f"| {window} | {overlap} | {scores} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
