"""spaCy's own .spacy files (https://spacy.io/api/docbin) as Documents."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from spacy_bioner.corpora.docbin import SPANS_KEY
from spacy_bioner.corpora.document import Document, Entity, Offsets, Section
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import open_corpus
from spacy_bioner.errors import CorpusError

_MISSING = 0  # https://spacy.io/api/token#attributes, ent_iob


def read_spacy_docbin(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the documents of a .spacy file, with spaCy's tokens.

    Entities are those of doc.ents, and of doc.spans["sc"] where it has others. Id, genre,
    source, sections, sentences and labelled_types are what `document_to_doc` stored, else
    `<stem>-<n>` and nothing. Docs without text are counted in the log as skipped.

    Raises CorpusError if the file is not a DocBin or holds no document with text.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    empty = True
    for document in _documents(path):
        if document.text:
            empty = False
            yield document
        else:
            file_log.skip("documents without text", f"document {document.id!r}")
    if empty:
        raise file_log.error("no documents: the DocBin is empty. Check the path.")


def _documents(path: Path) -> Iterator[Document]:
    with open_corpus(path) as file:
        data = file.read()
    try:
        for n, doc in enumerate(DocBin().from_bytes(data).get_docs(Vocab()), 1):
            yield _document(doc, f"{path.stem}-{n}")
    except Exception as error:  # zlib, msgpack, numpy and Doc each fail in ways of their own
        raise CorpusError(
            f"not a DocBin, or a damaged one ({type(error).__name__}). "
            "Write it again with spaCy 3.",
            path,
        ) from error


def _document(doc: Doc, default_id: str) -> Document:
    data = doc.user_data
    sentences, types = data.get("sentences"), data.get("labelled_types")
    sections = tuple(Section(int(s), int(e), str(n)) for s, e, n in data.get("sections", ()))
    _check_order([(section.start, section.end) for section in sections], len(doc.text))
    _check_order(sentences or (), len(doc.text))
    return Document(
        text=doc.text,
        entities=tuple(_entities(doc)),
        id=str(data.get("id", default_id)),
        genre=str(data.get("genre", "")),
        tokens=tuple((token.idx, token.idx + len(token)) for token in doc),
        source=str(data.get("source", "")),
        sections=sections,
        sentences=None if sentences is None else tuple((int(s), int(e)) for s, e in sentences),
        unannotated=_unannotated(doc),
        labelled_types=None if types is None else tuple(map(str, types)),
    )


def _unannotated(doc: Doc) -> Offsets:
    """The stretches of tokens whose annotation is missing."""
    runs = groupby(doc, key=lambda token: token.ent_iob == _MISSING)
    stretches = [list(tokens) for is_missing, tokens in runs if is_missing]
    return tuple((s[0].idx, s[-1].idx + len(s[-1])) for s in stretches)


def _check_order(spans: Sequence[Sequence[int]], length: int) -> None:
    """Raise ValueError unless spans lie within a text of this length, in order and apart."""
    flat = [0, *(offset for start, end in spans for offset in (start, end)), length]
    if any(before > after for before, after in pairwise(flat)):
        raise ValueError("sections or sentences out of order, or past the text")


def _entities(doc: Doc) -> list[Entity]:
    """doc.ents, and what doc.spans["sc"] holds beyond them."""
    ents = [_entity(span) for span in doc.ents]
    more = [_entity(span) for span in doc.spans.get(SPANS_KEY, ())]
    for entity in ents:
        if entity in more:
            more.remove(entity)
    return sorted([*ents, *more], key=lambda e: (e.start, e.end))


def _entity(span: Span) -> Entity:
    return Entity(span.start_char, span.end_char, span.label_, id=span.id_, concept=span.kb_id_)


def fits_spacy_docbin(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of a compressed stream."""
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False
