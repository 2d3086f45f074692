"""spaCy's own .spacy files (https://spacy.io/api/docbin) as Documents."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

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
    `<stem>-<n>` and nothing; sentences are also read from the tokens that begin one. Counted
    in the log as skipped: docs without text, other groups of spans, categories, tags and
    dependencies, and what else stands in user_data under a name of ours.

    Raises CorpusError if the file is not a DocBin or holds no document with text.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    empty = True
    for document in _documents(path, file_log):
        if document.text:
            empty = False
            yield document
        else:
            file_log.skip("documents without text", f"document {document.id!r}")
    if empty:
        raise file_log.error("no documents: the DocBin is empty. Check the path.")


def _documents(path: Path, log: FileLog) -> Iterator[Document]:
    with open_corpus(path) as file:
        data = file.read()
    try:
        for n, doc in enumerate(DocBin().from_bytes(data).get_docs(Vocab()), 1):
            yield _document(doc, f"{path.stem}-{n}", log)
    except Exception as error:  # zlib, msgpack, numpy and Doc each fail in ways of their own
        raise CorpusError(
            f"not a DocBin, or a damaged one ({type(error).__name__}). "
            "Write it again with spaCy 3.",
            path,
        ) from error


def _document(doc: Doc, default_id: str, log: FileLog) -> Document:
    id = _string(doc.user_data.get("id")) or default_id
    data = _ours(doc.user_data, id, log)
    sections = tuple(Section(int(s), int(e), str(n)) for s, e, n in data.get("sections") or ())
    sentences = data.get("sentences")
    if sentences is None and len(doc) and doc.has_annotation("SENT_START"):
        sentences = [(sent.start_char, sent.end_char) for sent in doc.sents]
    _check_order([(section.start, section.end) for section in sections], len(doc.text))
    _check_order(sentences or (), len(doc.text))
    _count_others(doc, id, log)
    types = data.get("labelled_types")
    return Document(
        text=doc.text,
        entities=tuple(_entities(doc)),
        id=id,
        genre=_string(data.get("genre")),
        tokens=tuple((token.idx, token.idx + len(token)) for token in doc),
        source=_string(data.get("source")),
        sections=sections,
        sentences=None if sentences is None else tuple((int(s), int(e)) for s, e in sentences),
        unannotated=_unannotated(doc),
        labelled_types=None if types is None else tuple(map(str, types)),
    )


def _string(value: Any) -> str:
    return "" if value is None else str(value)


_ENTRIES = {"sections": 3, "sentences": 2}  # lists of so many values each


def _ours(data: dict[Any, Any], id: str, log: FileLog) -> dict[Any, Any]:
    """What `document_to_doc` may have stored; other values under its names are counted."""
    ours = dict(data)
    for name, size in _ENTRIES.items():
        value = data.get(name)
        if value is not None and not (
            isinstance(value, (list, tuple))
            and all(isinstance(entry, (list, tuple)) and len(entry) == size for entry in value)
        ):
            log.skip(f"{name} of another form in user_data", f"document {id!r}")
            del ours[name]
    return ours


_ANNOTATION = ("TAG", "POS", "MORPH", "LEMMA", "DEP")


def _count_others(doc: Doc, id: str, log: FileLog) -> None:
    """Count the annotation that a Document cannot hold."""
    which = f"document {id!r}"
    for key, group in doc.spans.items():
        if key != SPANS_KEY and len(group):
            log.skip("other groups of spans", f"{key!r} of {which}")
    if doc.cats:
        log.skip("documents with categories", which)
    if len(doc) and any(doc.has_annotation(name) for name in _ANNOTATION):
        log.skip("documents with tags, lemmas or dependencies", which)


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
    more = defaultdict[tuple[int, int, str], list[Entity]](list)
    for span in doc.spans.get(SPANS_KEY, ()):
        more[span.start_char, span.end_char, span.label_].append(_entity(span))
    ents = [_same(_entity(span), more) for span in doc.ents]
    others = (entity for entities in more.values() for entity in entities)
    return sorted([*ents, *others], key=lambda e: (e.start, e.end))


def _same(entity: Entity, more: dict[tuple[int, int, str], list[Entity]]) -> Entity:
    """The entity, taken out of the others where it stands there too, with its concept or id."""
    equal = more.get((entity.start, entity.end, entity.label))
    if not equal:
        return entity
    other = equal.pop(equal.index(entity) if entity in equal else 0)
    return entity if entity.concept or entity.id else other


def _entity(span: Span) -> Entity:
    return Entity(span.start_char, span.end_char, span.label_, id=span.id_, concept=span.kb_id_)


def fits_spacy_docbin(path: Path, head: bytes) -> bool:
    """Whether the first bytes are those of a compressed stream."""
    try:
        return bool(zlib.decompressobj().decompress(head, 1))
    except zlib.error:
        return False
