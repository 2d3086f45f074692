"""Documents and near-valid JSON for the tests of formats with spans."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.reading import HEAD_BYTES, read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writing_log import Feature, WriteLog, stripped
from spacy_bioner.errors import CorpusError

DATA = Path(__file__).parents[1] / "data"
SOUND_CASES = [
    path
    for path in sorted(DATA.glob("*/*"))
    if path.suffix != ".expected" and not path.name.startswith("error")
]

letters = st.one_of(
    st.characters(exclude_categories=["Cs"]), st.sampled_from(["a", " ", "\n", "\0", "頭", "🙂"])
)
strings = st.text(letters, max_size=4)
labels = st.text(letters, min_size=1, max_size=4).filter(str.strip)


@st.composite
def spans(draw, length, apart=0):
    """Spans in order, not empty, with at least so many characters between two."""
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=8)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return tuple(
        pair for i, pair in enumerate(pairs) if i == 0 or pair[0] - pairs[i - 1][1] >= apart
    )


@st.composite
def entities(draw, length):
    start = draw(st.integers(0, length - 1))
    end = draw(st.integers(start + 1, length))
    fragments = draw(spans(length, apart=1))
    if draw(st.booleans()) and len(fragments) > 1:
        start, end = fragments[0][0], fragments[-1][1]
    else:
        fragments = ()
    more = [draw(strings), draw(strings), draw(strings)]
    role = draw(st.sampled_from(["", "composite", "part"]))
    return Entity(start, end, draw(labels), fragments, *more, role)


@st.composite
def documents(draw):
    """Documents that hold all that a Document can, with mentions that overlap and repeat."""
    text = draw(st.text(letters, min_size=1, max_size=14))
    found = draw(st.lists(entities(len(text)), max_size=4))
    return Document(
        text,
        tuple(sorted(found, key=lambda e: (e.start, e.end))),
        id=draw(st.text(letters, min_size=1, max_size=4)),
        genre=draw(strings),
        tokens=draw(st.none() | spans(len(text))),
        source=draw(strings),
        sections=tuple(Section(*span, draw(strings)) for span in draw(spans(len(text)))),
        sentences=draw(st.none() | spans(len(text))),
    )


def kept(document: Document, keeps: frozenset[Feature]) -> Document:
    """The document without what a format that keeps these features cannot say."""
    return replace(
        document,
        entities=tuple(stripped(entity, keeps) for entity in document.entities),
        genre=document.genre if Feature.GENRE in keeps else "",
        source=document.source if Feature.SOURCE in keeps else "",
        tokens=document.tokens if Feature.TOKENS in keeps else None,
        sections=document.sections if Feature.SECTIONS in keeps else (),
        sentences=document.sentences if Feature.SENTENCES in keeps else None,
    )


def head_of(path: Path) -> bytes:
    return path.read_bytes()[:HEAD_BYTES] if path.is_file() else b""


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 20)
    | st.floats()
    | st.sampled_from(["", "a", "\0", "text", "labels", "reject", "\ud800", 10**30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@st.composite
def damaged(draw, value):
    """A JSON value of which some parts were replaced or removed."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(value))
        if not places:
            break
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            holder[key] = draw(json_values)
        else:
            del holder[key]
    return value


def _places(value):
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


@st.composite
def damaged_bytes(draw, values, as_list=False):
    """A file of damaged values, one a line or in a list, at times cut or in wrong bytes."""
    values = [draw(damaged(value)) if draw(st.booleans()) else value for value in values]
    lines = [json.dumps(value, ensure_ascii=draw(st.booleans())) for value in values]
    text = f"[{','.join(lines)}]" if as_list else "\n".join(lines)
    content = bytearray(text.encode("utf-8", errors="surrogatepass"))
    for place in draw(st.lists(st.integers(0, len(content)), max_size=1)):
        content[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(content[: draw(st.integers(0, len(content))) if draw(st.booleans()) else None])


def check_reader(read, path, content, strict):
    """Read any bytes: there must be sound Documents, or else a CorpusError."""
    path.write_bytes(content)
    found = []
    with suppress(CorpusError):
        for document in read(path, log=ReadLog(strict=strict)):
            found.append(document)  # noqa: PERF402
        assert found
    for document in found:
        check_document(document)


def check_document(document: Document) -> None:
    n = len(document.text)
    places = [(e.start, e.end) for e in document.entities]
    assert document.text
    assert places == sorted(places)
    for offsets in (document.tokens, document.sentences):
        flat = [offset for pair in offsets or () for offset in pair]
        assert flat == sorted(flat)
        assert all(0 <= start < end <= n for start, end in offsets or ())
    assert all(0 <= section.start <= section.end <= n for section in document.sections)
    strings = [document.text, document.id, document.genre, document.source]
    strings += [getattr(e, name) for e in document.entities for name in ("label", "id", "note")]
    for string in strings:
        assert isinstance(string, str)
        string.encode("utf-8")


def check_real_corpus(shared_data, tmp_path, format, suffix, write, keeps):
    """Write the real corpora and read them again, in the format that is detected."""
    for name in ("zh/healthner/test.json", "en/ncbi-disease/devel.tsv"):
        documents = list(read_corpus(shared_data / name))
        path = tmp_path / f"{documents[0].id}{suffix}"
        log = ReadLog()
        write(documents, path, log=WriteLog())
        again = list(read_corpus(path, log=log))
        assert again == [kept(document, keeps) for document in documents]
        assert not log.repairs
        assert not log.skipped
        assert list(read_corpus(path, format)) == again
