"""Long documents cut into sentences, and put together again, with no offset lost."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TypeVar

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError

# A sentence ends after these marks (and closing quotes or brackets), or with the line.
_END = re.compile(
    r"(?:[。！？；!?…]+[」』”’）】\"')\]]*|\.[\"')\]]*(?=\s+[^\s\da-z]))|(?=\n)|$", re.MULTILINE
)
_PIECE_ID = re.compile(r"(.*)@(\d+)-(\d+)", re.DOTALL)


def find_sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of the sentences of a text, white space around them left out.

    A sentence ends after 。！？；!?… and the quotes and brackets that close it, after a
    full stop that white space and no lower-case letter or digit follows, and at the end
    of a line. This is a rule for cutting long texts, no model of language: "Dr. Smith" is cut.
    """
    found, start = [], 0
    for match in _END.finditer(text):
        found += _without_outer_space(text, start, match.end())
        start = match.end()
    return found


def _without_outer_space(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The stretch without white space around it; none where it is white space only."""
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return []
    first = start + piece.index(stripped[0])
    return [(first, first + len(stripped))]


def cut_document(document: Document, log: WriteLog | None = None) -> Iterator[Document]:
    """The sentences of a document as Documents of their own.

    Where Document.sentences is given these are taken, else `find_sentences` is asked.
    No cut is made within a mention or a token: the sentences it lies in stay together. Text
    that lies in no sentence is a piece of its own.
    The id of each piece says what it was cut from, `<id>@<start>-<length of the text>`,
    so that every format that keeps ids keeps it; `join_documents` reads it. A piece has those
    sections that it lies in, as far as it does. A document of white space only is one piece.

    Counted in the log, for a join does not restore them: line breaks and tabs between
    pieces, and sections that begin or end with white space, or follow another of their name.
    """
    log = log if log is not None else WriteLog()
    sentences = document.sentences
    if sentences is None:
        sentences = tuple(find_sentences(document.text))
    spans = _keep_mentions_whole(sentences, document) or [(0, len(document.text))]
    pieces = list(zip((start for start, _ in spans), _pieces(document, spans), strict=True))
    log.lose(
        "sections that joined pieces do not have", document.id, _lost_sections(document, pieces)
    )
    edges = [0, *(offset for span in spans for offset in span), len(document.text)]
    between = (document.text[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
    breaks = sum(len(text) - text.count(" ") for text in between)
    log.lose("line breaks and tabs between pieces, blanks once joined", document.id, breaks)
    yield from (piece for _, piece in pieces)


def _keep_mentions_whole(
    sentences: Sequence[tuple[int, int]], document: Document
) -> list[tuple[int, int]]:
    """Sentences, and text between them, joined where a mention or a token lies in both."""
    text = document.text
    edges = [0, *(offset for sentence in sentences for offset in sentence), len(text)]
    spans = [*sentences, *((e.start, e.end) for e in document.entities)]
    for gap in zip(edges[::2], edges[1::2], strict=True):
        spans += _without_outer_space(text, *gap)
    spans += ((s, e) for s, e in document.tokens or () if not text[s:e].isspace())
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


_Item = TypeVar("_Item")


def _pieces(document: Document, spans: Sequence[tuple[int, int]]) -> Iterator[Document]:
    """What of the document lies in each span; a mention or token lies in one, or in none."""
    tokens = _dealt(spans, document.tokens or (), lambda t: (t[0], t[0] + 1))
    entities = _dealt(spans, document.entities, lambda e: (e.start, e.end))
    sections = _dealt(spans, document.sections, lambda s: (s.start, s.end))
    unannotated = _dealt(spans, document.unannotated, lambda stretch: stretch)
    for i, (start, end) in enumerate(spans):
        yield Document(
            document.text[start:end],
            tuple(_moved(e, -start) for e in entities[i]),
            f"{document.id}@{start}-{len(document.text)}",
            document.genre,
            None
            if document.tokens is None
            else tuple((s - start, e - start) for s, e in tokens[i]),
            document.source,
            tuple(
                Section(max(s.start - start, 0), min(s.end, end) - start, s.name)
                for s in sections[i]
            ),
            unannotated=tuple(
                (max(s, start) - start, min(e, end) - start) for s, e in unannotated[i]
            ),
            labelled_types=document.labelled_types,
        )


def _dealt(
    spans: Sequence[tuple[int, int]],
    items: Iterable[_Item],
    place: Callable[[_Item], tuple[int, int]],
) -> list[list[_Item]]:
    """For each span, which are in order and apart, the items that have some of it."""
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    dealt: list[list[_Item]] = [[] for _ in spans]
    for item in items:
        start, end = place(item)
        for i in range(bisect_right(ends, start), bisect_left(starts, end)):
            dealt[i].append(item)
    return dealt


def _joined_sections(pieces: Iterable[tuple[int, Document]]) -> tuple[Section, ...]:
    """The sections of pieces at these offsets; what goes on in the next piece is one."""
    joined, goes_on = list[Section](), False
    for start, piece in pieces:
        for number, section in enumerate(piece.sections):
            name, end = section.name, start + section.end
            if number == section.start == 0 and goes_on and joined[-1].name == name:
                joined[-1] = Section(joined[-1].start, end, name)
            else:
                joined.append(Section(start + section.start, end, name))
        goes_on = bool(piece.sections) and piece.sections[-1].end == len(piece.text)
    return tuple(joined)


def _lost_sections(document: Document, pieces: Iterable[tuple[int, Document]]) -> int:
    return len(set(document.sections) - set(_joined_sections(pieces)))


def _moved(entity: Entity, by: int) -> Entity:
    fragments = tuple((start + by, end + by) for start, end in entity.fragments)
    return replace(entity, start=entity.start + by, end=entity.end + by, fragments=fragments)


def join_documents(pieces: Iterable[Document]) -> Iterator[Document]:
    """Put together what `cut_document` has cut; other Documents pass as they are.

    Pieces of one document must follow one another, in any order. What lay between two
    sentences is blanks in the joined text, so that every offset is that of the original.

    Raises ConfigError if two pieces overlap or do not fit into the length of the original, if
    those of one document stand apart, and if there are documents and none is a piece.
    """
    seen, joined = False, set[str]()
    for key, group in groupby(pieces, key=cut_from):
        seen = True
        if key is None:
            yield from group
            continue
        if key[0] in joined:
            raise ConfigError(
                f"document {key[0]!r}: other documents stand between its pieces. Sort them by id."
            )
        joined.add(key[0])
        yield _join(key[0], key[1], list(group))
    if seen and not joined:
        raise ConfigError(
            "no document is a piece to join: the ids of pieces end in @<start>-<length>. The "
            "formats conll and character_tags keep no ids: cut into another."
        )


def cut_from(document: Document) -> tuple[str, int] | None:
    """Id and length of the document that a piece was cut from; None for other documents."""
    match = _PIECE_ID.fullmatch(document.id)
    return (match[1], int(match[3])) if match else None


def _start_of(piece: Document) -> int:
    match = _PIECE_ID.fullmatch(piece.id)
    return int(match[2]) if match else 0


def _join(id: str, length: int, pieces: list[Document]) -> Document:
    text, entities, tokens = "", list[Entity](), list[tuple[int, int]]()
    sentences, unannotated = list[tuple[int, int]](), list[tuple[int, int]]()
    for piece in sorted(pieces, key=_start_of):
        start = _start_of(piece)
        if start < len(text) or start + len(piece.text) > length:
            raise ConfigError(
                f"the pieces of document {id!r} overlap or are longer than it was. Join each "
                "piece once, as it was cut."
            )
        text += " " * (start - len(text)) + piece.text
        entities += (_moved(entity, start) for entity in piece.entities)
        tokens += ((s + start, e + start) for s, e in piece.tokens or ())
        unannotated += ((s + start, e + start) for s, e in piece.unannotated)
        sentences.append((start, len(text)))
    return Document(
        text + " " * (length - len(text)),
        tuple(entities),
        id,
        pieces[0].genre,
        tuple(tokens) if all(piece.tokens is not None for piece in pieces) else None,
        pieces[0].source,
        _joined_sections((_start_of(piece), piece) for piece in sorted(pieces, key=_start_of)),
        tuple(sentences),
        tuple(unannotated),
        pieces[0].labelled_types,
    )
