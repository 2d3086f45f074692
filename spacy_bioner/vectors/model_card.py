"""The card of a table of vectors: what it is and what it was learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from spacy_bioner.rawtext.shards import NOT_GIVEN, Shard
from spacy_bioner.vectors.skipgram import SkipGram

_CARD = """\
# Vectors learnt from raw text

A blank spaCy pipeline whose table of vectors was made by `spacy bioner make-vectors` of
spacy_bioner: skip-gram (gensim), {width} numbers a row in half precision, window {window},
{epochs} passes, units that occur at least {min_count} times, seed {seed}. The rows of each
kind are scaled to a mean square of 1.

| kind | rows | stands under |
|---|---|---|
{kinds}

## Learnt from

Weight: how often the text was read.

| text | weight | source | licence |
|---|---|---|---|
{sources}
"""
_KEYS = {
    "characters": "the character",
    "bigrams": "its characters, joined by a vertical bar",
    "trigrams": "its characters, joined by vertical bars",
    "words": "the word; `words.tsv` says how often each occurs",
    "tokens": "the token in lower case",
}


def vectors_card(
    rows: Mapping[str, int],
    settings: SkipGram,
    shards: Sequence[Shard],
    licences: Mapping[Path, tuple[str, str]],
    terms: str | None,
) -> str:
    """Return the card, in Markdown.

    rows: number by kind. licences: (repository, licence) by path of the shard. terms: file of the
    words asked for.
    """
    card = _CARD.format(
        width=settings.width,
        window=settings.window,
        epochs=settings.epochs,
        min_count=settings.min_count,
        seed=settings.seed,
        kinds="\n".join(f"| {kind} | {n:,} | {_KEYS[kind]} |" for kind, n in rows.items()),
        sources="\n".join(_row(shard, licences) for shard in shards),
    )
    return card if terms is None else f"{card}\nThe words are those of `{terms}` that occur.\n"


def _row(shard: Shard, licences: Mapping[Path, tuple[str, str]]) -> str:
    repository, licence = licences.get(shard.path, (NOT_GIVEN, NOT_GIVEN))
    return f"| {shard.name} | {shard.weight:g} | {repository} | {licence} |"
