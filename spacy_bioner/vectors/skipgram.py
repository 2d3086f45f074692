"""Skip-gram vectors (Mikolov et al. 2013) of the units of texts, by gensim."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spacy_bioner.errors import VectorsError
from spacy_bioner.rawtext.shards import Shard, read_lines
from spacy_bioner.vectors.units import Units

_LONGEST_LINE = 10_000  # gensim cuts lines with more units


@dataclass(frozen=True, slots=True)
class SkipGram:
    """Settings of the training; raises VectorsError where they cannot work.

    width: numbers in a vector. window: units to each side that are guessed.
    epochs: passes over the text. min_count: rarer units get no vector. jobs: threads;
    only with one are vectors of equal seeds equal.
    """

    width: int = 64
    window: int = 5
    epochs: int = 2
    min_count: int = 5
    jobs: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {**dict.fromkeys(self.__slots__, 1), "seed": 0}.items():
            if getattr(self, name) < least:
                raise VectorsError(f"{name} is {getattr(self, name)}; it must be at least {least}.")
        if self.seed >= 2**32 - 1:  # gensim is given the next number
            raise VectorsError(f"seed is {self.seed}; it must be below 2**32 - 1.")


@dataclass(frozen=True, slots=True)
class UnitVectors:
    """Vectors, the most frequent unit first. data: (U, width) float32. counts: (U,)."""

    keys: tuple[str, ...]
    data: NDArray[np.float32]
    counts: NDArray[np.int64]

    def only(self, wanted: Set[str], rows: int) -> UnitVectors:
        """Return the vectors of these units alone, of the `rows` most frequent."""
        kept = [row for row, key in enumerate(self.keys) if key in wanted][:rows]
        return UnitVectors(
            tuple(self.keys[row] for row in kept), self.data[kept], self.counts[kept]
        )


def write_units(shards: Sequence[Shard], units: Units, path: Path, seed: int) -> None:
    """Write the units of all shards, blanks between them, a stretch of text a line.

    A line of a shard is written as often as the shard's weight says; a fraction is drawn.
    """
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as file:
        for shard in tqdm(shards, desc="reading", unit="shard", disable=None):
            for line in read_lines(shard.path):
                for _ in range(int(shard.weight + rng.random())):
                    _write_line(line.split(), units, file.write)


def _write_line(stretches: Iterable[str], units: Units, write: Callable[[str], object]) -> None:
    found = [unit for stretch in stretches for unit in units(stretch)]
    for begin in range(0, len(found), _LONGEST_LINE):
        write(" ".join(found[begin : begin + _LONGEST_LINE]) + "\n")


def _why_none(least: int, rows: int | None, settings: SkipGram) -> str:
    """Why no unit is left, of those that occur `least` times or more."""
    if least <= settings.min_count:
        return f"no unit occurs {settings.min_count} times: there is too little text."
    return (
        f"the most frequent units are more than the {rows} wanted, all equally frequent, so that "
        "none is left. Ask for more rows."
    )


def train_skipgram(path: Path, rows: int | None, settings: SkipGram) -> UnitVectors:
    """Train vectors of the `rows` most frequent units, or all, of a file by `write_units`.

    Needs the package `gensim`; raises VectorsError where it is not installed, or if no
    unit is frequent enough.
    """
    try:
        from gensim.models import Word2Vec
    except ImportError:
        raise VectorsError("making vectors needs the package gensim: pip install gensim") from None
    model = Word2Vec(
        vector_size=settings.width,
        window=settings.window,
        min_count=settings.min_count,
        max_final_vocab=rows,
        sg=1,
        negative=5,
        sample=1e-4,
        workers=settings.jobs,
        epochs=settings.epochs,
        seed=settings.seed + 1,
    )
    model.build_vocab(corpus_file=str(path))
    if not len(model.wv):
        raise VectorsError(_why_none(model.effective_min_count, rows, settings))
    words = model.corpus_total_words
    model.train(
        corpus_file=str(path),
        total_examples=model.corpus_count,
        total_words=words,
        epochs=settings.epochs,
    )
    keys = tuple(model.wv.index_to_key)
    counts = np.array([model.wv.get_vecattr(key, "count") for key in keys], dtype=np.int64)
    return UnitVectors(keys, model.wv.vectors.astype(np.float32), counts)
