"""The format of the Chinese HealthNER corpus: JSON lines, a Document each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from spacy_bioner.corpora.document import Document, Offsets
from spacy_bioner.corpora.tag_schemes import scheme_tags
from spacy_bioner.corpora.tagged import parse_tag, unit_offsets
from spacy_bioner.corpora.tagging import Mention, check_document, place_mentions, write_lines
from spacy_bioner.corpora.writing_log import Feature, WriteLog

KEEPS = frozenset({Feature.TOKENS, Feature.GENRE})


def write_healthner(
    documents: Iterable[Document], path: Path, *, log: WriteLog | None = None
) -> None:
    """Write each Document as an object in a line of its own.

    `character` holds the Document's tokens, if these join to its text and all mentions
    fit them, else its single characters; `character_label` their BIO tags. `word` holds
    the mentions and the stretches between them, `word_label` their types, or O; a type
    that would be read as a tag itself, such as O, has B- before it. The genre is written
    in lower case, as in the corpus; readers give it in upper case.

    Raises ConfigError for half a surrogate pair.
    Format: https://github.com/NYCU-NLP/Chinese-HealthNER-Corpus
    """
    log = log if log is not None else WriteLog()
    write_lines(_lines(documents, log), path)


def _lines(documents: Iterable[Document], log: WriteLog) -> Iterator[str]:
    for document in documents:
        check_document(document)
        if not document.text:
            log.lose("documents without text left out", document.id)
            continue
        log.compare(document, KEEPS)
        genre = document.genre.lower()
        log.lose("genres not kept in their case", document.id, genre.upper() != document.genre)
        record = {"id": document.id, "genre": genre, "sentence": document.text}
        yield f"{json.dumps(record | _units(document, log), ensure_ascii=False)}\n"


def _units(document: Document, log: WriteLog) -> dict[str, list[str]]:
    """The lists of an object: characters and words, each with their labels."""
    tokens = _characters(document)
    other_tokens = document.tokens is not None and document.tokens != tokens
    log.lose("token boundaries not kept", document.id, other_tokens)
    mentions = place_mentions(document, tokens, log)
    words = list(_words(mentions, len(tokens)))
    edges = [*(start for start, _ in tokens), len(document.text)]
    return {
        "word": [document.text[edges[first] : edges[end]] for first, end, _ in words],
        "word_label": [label for _, _, label in words],
        "character": [document.text[start:end] for start, end in tokens],
        "character_label": scheme_tags(len(tokens), mentions),
    }


def _characters(document: Document) -> Offsets:
    """The tokens, if they cover the text and no mention begins or ends within one."""
    tokens, text = document.tokens or (), document.text
    edges = [offset for token in tokens for offset in token]
    covered = all(start < end for start, end in tokens) and edges[1:-1:2] == edges[2::2]
    if not covered or not tokens or (edges[0], edges[-1]) != (0, len(text)):
        return unit_offsets(text)
    known = set(edges)
    fitting = all(known.issuperset((e.start, e.end)) for e in document.entities)
    return tokens if fitting else unit_offsets(text)


def _words(mentions: Sequence[Mention], size: int) -> Iterator[Mention]:
    """The mentions, with bare types, and what lies between them."""
    position = 0
    for first, end, label in mentions:
        if position < first:
            yield position, first, "O"
        yield first, end, f"B-{label}" if parse_tag(label) else label
        position = end
    if position < size:
        yield position, size, "O"
