"""Statistics of a corpus: the paper's Tables 1 (sentences) and 2 (entity types).

Feng, Chen and Wang 2022, ROCLING, pp. 316-320.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from spacy_bioner.corpora.document import Document, Entity

PERCENTILES = (5, 25, 75, 95)


@dataclass(frozen=True, slots=True)
class SentenceStatistics:
    """Counts over sentences (one document is one sentence, or one abstract).

    tokens: tokens of documents that have them, characters of the others. Lengths are
    in the same unit; percentiles (of PERCENTILES) interpolate linearly.
    """

    sentences: int
    without_entity: int
    characters: int
    tokens: int
    entities: int
    minimum: int
    mean: float
    median: float
    maximum: int
    percentiles: dict[int, float]


@dataclass(frozen=True, slots=True)
class TypeStatistics:
    """One entity type: `begin` and `inside` are its numbers of B and I tags."""

    label: str
    begin: int
    inside: int
    share: float

    @property
    def entities(self) -> int:
        return self.begin

    @property
    def inside_per_begin(self) -> float:
        return self.inside / self.begin


@dataclass(frozen=True, slots=True)
class CorpusStatistics:
    """Statistics of all sentences, of each genre, and of each type, most frequent first."""

    total: SentenceStatistics
    genres: dict[str, SentenceStatistics]
    types: tuple[TypeStatistics, ...]


@dataclass(slots=True)
class _Tally:
    lengths: array[int] = field(default_factory=lambda: array("q"))
    characters: int = 0
    entities: int = 0
    without_entity: int = 0

    def add(self, document: Document) -> None:
        unit = document.text if document.tokens is None else document.tokens
        self.lengths.append(len(unit))
        self.characters += len(document.text)
        self.entities += len(document.entities)
        self.without_entity += not document.entities

    def statistics(self) -> SentenceStatistics:
        lengths = np.array(self.lengths if self.lengths else [0])
        return SentenceStatistics(
            sentences=len(self.lengths),
            without_entity=self.without_entity,
            characters=self.characters,
            tokens=int(lengths.sum()),
            entities=self.entities,
            minimum=int(lengths.min()),
            mean=float(lengths.mean()),
            median=float(np.median(lengths)),
            maximum=int(lengths.max()),
            percentiles={p: float(np.percentile(lengths, p)) for p in PERCENTILES},
        )


def corpus_statistics(documents: Iterable[Document]) -> CorpusStatistics:
    """Count sentences, characters, tokens, entities, and the tags of each type.

    Reads the documents once and keeps none of them. An entity counts one B, and an I
    for each further token that it touches (character, where there are no tokens).
    """
    total, genres = _Tally(), dict[str, _Tally]()
    begin, inside = Counter[str](), Counter[str]()
    for document in documents:
        for tally in (total, genres.setdefault(document.genre, _Tally())):
            tally.add(document)
        starts_ends = _token_boundaries(document)
        for entity in document.entities:
            begin[entity.label] += 1
            inside[entity.label] += max(_tokens_of(entity, starts_ends), 1) - 1
    types = tuple(
        TypeStatistics(label, n, inside[label], n / begin.total())
        for label, n in sorted(begin.items(), key=lambda item: (-item[1], item[0]))
    )
    by_genre = {genre: genres[genre].statistics() for genre in sorted(genres)}
    return CorpusStatistics(total.statistics(), by_genre, types)


def _token_boundaries(document: Document) -> tuple[list[int], list[int]] | None:
    """Starts and ends of tokens; None where each character is a token."""
    tokens = document.tokens
    if not document.entities or tokens is None or len(tokens) == len(document.text):
        return None
    return [start for start, _ in tokens], [end for _, end in tokens]


def _tokens_of(entity: Entity, boundaries: tuple[list[int], list[int]] | None) -> int:
    if boundaries is None:
        return entity.end - entity.start
    starts, ends = boundaries
    return bisect_left(starts, entity.end) - bisect_right(ends, entity.start)


def render_statistics(corpora: Mapping[str, CorpusStatistics]) -> str:
    """Tables 1 and 2 as Markdown that also reads well as plain text, a row a corpus.

    corpora: statistics by the corpus' name, for instance of the training and the
    validation part, to be compared.
    """
    return "\n\n".join(
        [
            "Table 1. Sentences (length in tokens)",
            _table(_SENTENCE_COLUMNS, _sentence_rows(corpora)),
            "Table 2. Entity types",
            _table(_TYPE_COLUMNS, _type_rows(corpora)),
        ]
    )


_SENTENCE_COLUMNS = [
    *("corpus", "genre", "sentences", "no entity", "characters", "tokens", "entities", "min"),
    *(f"p{p}" for p in PERCENTILES if p < 50),
    *("median", "mean"),
    *(f"p{p}" for p in PERCENTILES if p >= 50),
    "max",
]
_TYPE_COLUMNS = ["corpus", "type", "entities", "share", "B", "I", "B:I"]


def _sentence_rows(corpora: Mapping[str, CorpusStatistics]) -> list[list[str]]:
    rows = []
    for name, corpus in corpora.items():
        total = [("all", corpus.total)] if len(corpus.genres) > 1 else []
        for genre, s in [*total, *corpus.genres.items()]:
            counts = [s.sentences, s.without_entity, s.characters, s.tokens, s.entities]
            low = [v for p, v in s.percentiles.items() if p < 50]
            high = [v for p, v in s.percentiles.items() if p >= 50]
            lengths = [s.minimum, *low, s.median, s.mean, *high, s.maximum]
            numbers = [*(f"{n:,}" for n in counts), *(_short(n) for n in lengths)]
            rows.append([name, genre or "-", *numbers])
    return rows


def _type_rows(corpora: Mapping[str, CorpusStatistics]) -> list[list[str]]:
    rows = []
    for name, corpus in corpora.items():
        begin = sum(t.begin for t in corpus.types)
        inside = sum(t.inside for t in corpus.types)
        total = [TypeStatistics("all", begin, inside, 1.0)] if corpus.types else []
        for t in [*corpus.types, *total]:
            counts = [f"{t.begin:,}", f"{t.inside:,}", f"1:{t.inside_per_begin:.2f}"]
            rows.append([name, t.label, f"{t.entities:,}", f"{t.share:.1%}", *counts])
    return rows


def _short(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first two columns aligned left and all others right."""
    widths = [max(3, *(len(row[i]) for row in [columns, *rows])) for i in range(len(columns))]
    rules = ["-" * w if i < 2 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    lines = [
        [c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(cells)]
        for cells in (list(zip(row, widths, strict=True)) for row in [columns, rules, *rows])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
