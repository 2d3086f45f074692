"""Documents that hypothesis makes for BioC, and how they are written, read and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from spacy_bioner.corpora.bioc import KEEPS
from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writing_log import WriteLog, stripped
from spacy_bioner.errors import CorpusError

FORMS = ["bioc_xml", "bioc_json"]
LOST = {"sections": "sections not kept", "sentences": "sentence boundaries not kept"}

characters = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", max_codepoint=0x1F9FF
) | st.sampled_from(" \t\n\r<>&\"'頭𝛽")
texts = st.text(characters, max_size=8)
labels = st.text(characters, min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def mentions(draw, size, first=0):
    """One mention of up to three fragments, at `first` or later."""
    n = draw(st.integers(1, min(3, (size + 1) // 2)))
    cuts = sorted(draw(st.sets(st.integers(0, size), min_size=2 * n, max_size=2 * n)))
    pieces = [(first + a, first + b) for a, b in zip(cuts[::2], cuts[1::2], strict=True)]
    return Entity(
        pieces[0][0],
        pieces[-1][1],
        draw(labels),
        tuple(pieces) if n > 1 else (),
        *[draw(texts) for _ in range(3)],
        draw(st.sampled_from(["", "composite", "part"])),
    )


def entities(size, first=0):
    return st.lists(mentions(size, first), max_size=3) if size > 0 else st.just([])


def document(draw, text, found, sections=(), sentences=None):
    ordered = tuple(sorted(found, key=lambda entity: (entity.start, entity.end)))
    named = [draw(texts) for _ in range(3)]
    return Document(text, ordered, named[0], named[1], None, named[2], sections, sentences)


@st.composite
def any_documents(draw):
    """Sections, sentences and mentions anywhere in the text."""
    text = draw(st.text(characters, min_size=1, max_size=12))
    found = draw(entities(len(text)))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    sections = tuple(Section(a, b, draw(texts)) for a, b in spans if draw(st.booleans()))
    sentences = tuple(spans) if draw(st.booleans()) else None
    return document(draw, text, found, sections, sentences)


@st.composite
def well_made_documents(draw):
    """Sections and sentences as BioC has them, each mention within one."""
    text, sections, sentences, found = "", [], [], []
    divided = draw(st.booleans())
    for _ in range(draw(st.integers(1, 3))):
        gap = draw(st.integers(0, 3))
        text += (" " if not text else "\n") * (gap > 0) + " " * (gap - 1)
        start = len(text)
        for _ in range(draw(st.integers(1, 3)) if divided else 1):
            unit = draw(st.text(characters, min_size=1, max_size=9))
            text += " " * draw(st.integers(0, 2)) * divided
            sentences.append((len(text), len(text) + len(unit)))
            found += draw(entities(len(unit), len(text)))
            text += unit
        sections.append(Section(start, len(text), draw(labels)))
    return document(draw, text, found, tuple(sections), tuple(sentences) if divided else None)


def expected(original: Document, log: WriteLog) -> Document:
    """What should be read again: all that the log does not name as lost."""
    return replace(
        original,
        entities=tuple(stripped(entity, KEEPS) for entity in original.entities),
        sections=() if LOST["sections"] in log.losses else original.sections,
        sentences=None if LOST["sentences"] in log.losses else original.sentences,
    )


def written(form: str, documents, path: Path) -> WriteLog:
    log = WriteLog()
    WRITERS[form].write(documents, path, log=log)
    return log


def read(form: str, path: Path) -> list[Document]:
    log = ReadLog(strict=True)
    found = list(READERS[form].read(path, log=log))
    assert not log.skipped
    return found


def check_reading(form: str, path: Path, strict: bool) -> int:
    """Documents that are right, then at most a CorpusError of one line; the documents read."""
    found: list[Document] = []
    message = ""
    try:
        found.extend(READERS[form].read(path, log=ReadLog(strict=strict)))
    except CorpusError as error:
        message = str(error)
    assert "\n" not in message
    assert found or message
    for document in found:
        spans = [(s.start, s.end) for s in document.sections]
        for inner in (spans, document.sentences or ()):
            offsets = [offset for span in inner for offset in span]
            assert offsets == sorted(offsets)
            assert all(0 <= start < end <= len(document.text) for start, end in inner)
        order = [(entity.start, entity.end) for entity in document.entities]
        assert document.text.encode()
        assert order == sorted(order)
    return len(found)
