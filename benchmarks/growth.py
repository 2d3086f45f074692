"""How time and memory grow with the length of a document, and with the number of documents.

    python -m benchmarks.growth PIPELINE TEXTS.spacy [--plot docs/growth.svg]

Each point is measured in a process of its own. Long documents are the texts of the file end
to end, repeated to the length; many documents are the texts repeated, or with `--clauses`
what stands between their commas and stops, one after another through `nlp.pipe`, in a
`memory_zone` of 1,000 each. Printed as Markdown, with the slope of each curve on logarithmic
scales (1: time is in proportion).
"""

from __future__ import annotations

import itertools
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import minibatch

from benchmarks.heads import read_docs
from benchmarks.timing import use_threads
from spacy_bioner.optimization.worker import peak_memory

ZONE = 1000
CLAUSE = re.compile("[^,;.!?，、；。！？]+[,;.!?，、；。！？]*")
Point = tuple[int, float, int]  # tokens or documents, seconds, bytes


def long_document(nlp: Language, texts: list[Doc], tokens: int) -> Doc:
    """A document of so many tokens, which are those of the texts over and over."""
    words = [(token.text, bool(token.whitespace_)) for doc in texts for token in doc]
    repeated = list(itertools.islice(itertools.cycle(words), tokens))
    return Doc(nlp.vocab, words=[w for w, _ in repeated], spaces=[s for _, s in repeated])


def read_one(nlp: Language, texts: list[Doc], tokens: int) -> None:
    """Every component on one document; `nlp` would refuse one of a million characters."""
    doc = long_document(nlp, texts, tokens)
    for _, component in nlp.pipeline:
        doc = component(doc)
    assert len(doc.ents) > 0


def read_many(nlp: Language, texts: list[Doc], documents: int) -> None:
    """The texts through `nlp.pipe`, over and over, keeping nothing."""
    _read(nlp, [doc.text for doc in texts], documents)


def read_clauses(nlp: Language, texts: list[Doc], documents: int) -> None:
    """Short documents in the same way."""
    parts = [part.strip() for doc in texts for part in CLAUSE.findall(doc.text)]
    _read(nlp, [part for part in parts if part], documents)


def _read(nlp: Language, texts: list[str], documents: int) -> None:
    stream: Iterator[str] = itertools.cycle(texts)
    found = 0
    for part in minibatch(itertools.islice(stream, documents), ZONE):
        with nlp.memory_zone():
            found += sum(len(doc.ents) for doc in nlp.pipe(part))
    assert found > 0


def measured(
    work: Callable[[Language, list[Doc], int], None],
    pipeline: Path,
    file: Path,
    threads: int,
    n: int,
) -> Point:
    use_threads(threads)
    nlp = spacy.load(pipeline)
    texts = read_docs(file, nlp.lang, 2000)
    list(nlp.pipe([doc.text for doc in texts[:64]]))  # warms up
    start = time.perf_counter()
    work(nlp, texts, n)
    return n, time.perf_counter() - start, peak_memory()


def slope(points: list[Point]) -> float:
    """Of time over size, on logarithmic scales, by least squares over the upper half."""
    upper = points[min(len(points) // 2, len(points) - 2) :]
    sizes, seconds = (np.log([point[i] for point in upper]) for i in (0, 1))
    return float(np.polyfit(sizes, seconds, 1)[0])


def curve(work: Any, sizes: list[int], pipeline: Path, file: Path, threads: int) -> list[Point]:
    context = multiprocessing.get_context("spawn")
    points = []
    for size in sizes:
        with context.Pool(1) as pool:
            points.append(pool.apply(partial(measured, work, pipeline, file, threads), (size,)))
    return points


def table(name: str, points: list[Point]) -> list[str]:
    rows = [f"| {n:,} | {s:.1f} | {1e6 * s / n:,.0f} | {m / 1e6:,.0f} |" for n, s, m in points]
    head = [f"| {name} | seconds | microseconds each | peak memory, MB |", "|---|---|---|---|"]
    grows = [f"Slope: {slope(points):.2f}", ""] if len(points) > 1 else []
    return [*head, *rows, "", *grows]


def svg(curves: dict[str, list[Point]]) -> str:
    """Seconds over size, both logarithmic, as a drawing that GitHub shows."""
    width, height, margin = 560, 340, 50
    every = [np.log10(point[:2]) for points in curves.values() for point in points]
    low, high = np.floor(np.min(every, axis=0)), np.ceil(np.max(every, axis=0))

    def place(size: float, seconds: float) -> tuple[float, float]:
        x, y = (np.log10([size, seconds]) - low) / (high - low)
        return margin + x * (width - 2 * margin), height - margin - y * (height - 2 * margin)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
    ]
    for power in range(int(low[0]), int(high[0]) + 1):
        x, y = place(10.0**power, 10.0 ** low[1])
        lines.append(
            f'<text x="{x:.0f}" y="{y + 18:.0f}" text-anchor="middle">{10**power:,}</text>'
        )
    for power in range(int(low[1]), int(high[1]) + 1):
        x, y = place(10.0 ** low[0], 10.0**power)
        lines.append(
            f'<text x="{x - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>'
            f'<path d="M{x:.0f} {y:.0f}H{width - margin}" stroke="#ddd"/>'
        )
    for (name, points), colour in zip(curves.items(), ("#06c", "#c40"), strict=False):
        path = " ".join("{:.1f},{:.1f}".format(*place(n, s)) for n, s, _ in points)
        x, y = place(*points[-1][:2])
        lines.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<text x="{x:.0f}" y="{y - 8:.0f}" fill="{colour}" text-anchor="end">{name}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


def main(
    pipeline: Path,
    texts: Path,
    tokens: str = "1000,10000,100000,1000000",
    documents: str = "1000,10000,100000,1000000",
    threads: int = 1,
    plot: Path | None = None,
    clauses: bool = False,
) -> None:
    """tokens, documents: the sizes to measure, separated by commas; empty for none."""
    many = ("short documents", read_clauses) if clauses else ("documents", read_many)
    works = {"tokens in one document": (read_one, tokens), many[0]: (many[1], documents)}
    curves = {}
    for name, (work, sizes) in works.items():
        if sizes:
            wanted = [int(size) for size in sizes.split(",")]
            curves[name] = curve(work, wanted, pipeline, texts, threads)
            print("\n".join(table(name, curves[name])), flush=True)
    if plot:
        plot.write_text(svg(curves), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
