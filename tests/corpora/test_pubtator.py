from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from bioc import pubtator as bioc
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers.pubtator import fits_pubtator, read_pubtator
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.writers.pubtator import KEEPS, write_pubtator
from spacy_bioner.corpora.writing_log import WriteLog, stripped
from spacy_bioner.errors import CorpusError

odd_texts = st.text(st.sampled_from("ab |\t頭🙂\x00\x0b\u2028\ufeff\n\r"), min_size=1, max_size=16)
odd_fields = st.text(st.sampled_from("aB |;-\t\n頭\u00a0"), max_size=4)
odd_labels = odd_fields.filter(str.strip)
plain_fields = st.text(st.sampled_from("aB|;頭"), max_size=3)
plain_texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=9
)


@st.composite
def mentions(draw, text, labels=odd_labels, fields=odd_fields):
    start = draw(st.integers(0, len(text) - 1))
    end = draw(st.integers(start + 1, len(text)))
    pieces = draw(st.sampled_from([(), ((start, start + 1), (end - 1, end))]))
    return Entity(
        start,
        end,
        draw(labels),
        pieces if start + 1 < end - 1 else (),
        draw(st.sampled_from(["", "T1", "x"])),
        draw(fields),
        draw(fields),
        draw(st.sampled_from(["", "composite", "part"])),
    )


def in_order(entities) -> tuple[Entity, ...]:
    return tuple(sorted(entities, key=lambda e: (e.start, e.end)))


@st.composite
def any_documents(draw):
    """Documents with all that they may hold, and sections that may fit."""
    text = draw(odd_texts)
    end, cut = len(text), draw(st.integers(0, len(text)))
    title, whole = Section(0, cut, "title"), Section(0, end, "title")
    abstract = Section(min(cut + 1, end), end, "abstract")
    sections = draw(st.sampled_from([(), (title, abstract), (title,), (whole,), (abstract,)]))
    entities = in_order(draw(st.lists(mentions(text), max_size=3)))
    id = draw(st.sampled_from(["", "7", "PMC 1.2", "頭"]))
    return Document(text, entities, id, sections=sections)


def sections_of(title: str, abstract: str) -> tuple[Section, ...]:
    end = len(title) + 1 + len(abstract)
    both = (Section(0, len(title), "title"), Section(len(title) + 1, end, "abstract"))
    return both if abstract else both[:1]


@st.composite
def sayable_documents(draw):
    """Documents of which PubTator can say all."""
    title, abstract = draw(plain_texts.filter(bool)), draw(plain_texts)
    text = f"{title}\n{abstract}" if abstract else title
    found = draw(st.lists(mentions(text, plain_fields.filter(bool), plain_fields), max_size=3))
    kept = [stripped(entity, KEEPS) for entity in found]
    kept = [e if e.role == "composite" else replace(e, role="") for e in kept]
    kept = [replace(e, note="a|b") if e.role else e for e in kept]
    return Document(text, in_order(kept), "12", sections=sections_of(title, abstract))


def written(documents, folder):
    """What comes back, read strictly, of Documents that were written, and the losses."""
    path, log = folder.mktemp("pubtator") / "a.pubtator", WriteLog()
    write_pubtator(documents, path, log=log)
    return list(read_pubtator(path, log=ReadLog(strict=True))), log.losses


@given(st.lists(any_documents(), min_size=1, max_size=3))
@example([Document("\x0ba", (Entity(0, 2, "X"),), sections=sections_of("", "a"))])
def test_written_document_comes_back_or_a_loss_is_named(tmp_path_factory, docs):
    found, losses = written(docs, tmp_path_factory)
    for n, (document, back) in enumerate(zip(docs, found, strict=True), 1):
        assert back.id == (document.id or str(n))
        places = [(e.start, e.end) for e in document.entities]
        assert [(e.start, e.end) for e in back.entities] == places
        pairs = list(zip(back.text, document.text, strict=True))
        assert all(a == b or (a.isspace() and b.isspace()) for a, b in pairs)
        if not losses:
            assert replace(back, id=document.id, sections=document.sections) == document
            assert set(document.sections) <= set(back.sections)


@given(st.lists(sayable_documents(), min_size=1, max_size=3))
def test_what_pubtator_can_say_comes_back_without_loss(tmp_path_factory, docs):
    assert written(docs, tmp_path_factory) == (docs, {})


@st.composite
def documents_of_words(draw):
    """Documents that bioc reads as they are: no outer blanks, and a concept for each mention."""
    words = st.lists(st.text(st.sampled_from("ab頭🙂é-;"), min_size=1, max_size=4), max_size=4)
    title, abstract = " ".join(["T", *draw(words)]), " ".join(draw(words))
    text = f"{title}\n{abstract}" if abstract else title
    starts = [i for i in range(len(text)) if i == 0 or text[i - 1].isspace()]
    ends = [i for i in range(1, len(text) + 1) if i == len(text) or text[i].isspace()]
    spans = [(a, b) for a in starts for b in ends if a < b]
    chosen = in_order(
        Entity(*draw(st.sampled_from(spans)), "X", concept=draw(st.sampled_from(["D1", "-1"])))
        for _ in range(draw(st.integers(0, 3)))
    )
    return Document(text, chosen, "12", sections=sections_of(title, abstract))


def told_by_bioc(path: Path) -> list[tuple[object, ...]]:
    """Ids, texts and mentions as bioc reads them."""
    with path.open(encoding="utf-8") as file:
        documents = bioc.load(file)
    return [
        (d.pmid, d.text, *((a.start, a.end, a.type, a.id.strip(), a.text) for a in d.annotations))
        for d in documents
    ]


def told(documents) -> list[tuple[object, ...]]:
    return [
        (d.id, d.text, *((e.start, e.end, e.label, e.concept, _mention(d, e)) for e in d.entities))
        for d in documents
    ]


def _mention(document: Document, entity: Entity) -> str:
    return document.text[entity.start : entity.end].replace("\n", " ")


@given(st.lists(documents_of_words(), min_size=1, max_size=3))
def test_bioc_reads_what_is_written(tmp_path_factory, docs):
    path = tmp_path_factory.mktemp("bioc") / "a.pubtator"
    write_pubtator(docs, path)
    assert told_by_bioc(path) == told(docs)


columns = st.sampled_from(["1", "2", "0", "4", "99", "-1", "x", "", " ", "Rash", "ash", "9" * 5000])
lines = st.one_of(
    st.sampled_from(
        ["1|t|Rash now", "1|a|All over", "2|t|Flu", "1|t|", "1|a|", "|t|", "", " ", "a"]
    ),
    st.lists(columns, min_size=1, max_size=8).map("\t".join),
    st.tuples(columns, columns).map(lambda pair: f"1\t{pair[0]}\t{pair[1]}\tRash\tSign"),
)
files = st.one_of(
    st.binary(max_size=60),
    st.tuples(st.lists(lines, max_size=6), st.sampled_from(["\n", "\r\n"]), st.booleans()).map(
        lambda made: (made[1].join([*made[0], ""] if made[2] else made[0])).encode()
    ),
    st.lists(lines, max_size=5).map(lambda made: "\n".join(["1|t|Rash now", *made]).encode()),
)


@settings(max_examples=300)
@given(content=files, strict=st.booleans())
def test_reader_gives_documents_or_a_corpus_error(tmp_path_factory, content, strict):
    path = tmp_path_factory.getbasetemp() / "fuzz.pubtator"
    path.write_bytes(content)
    assert fits_pubtator(path, content) in (True, False)
    found: list[Document] = []
    with suppress(CorpusError):
        found.extend(read_pubtator(path, log=ReadLog(strict=strict)))
        assert found
    for document in found:
        assert "" not in (document.text, document.id, *(e.label for e in document.entities))
        assert in_order(document.entities) == document.entities
        assert all(e.label != "Sign" or _mention(document, e) == "Rash" for e in document.entities)


@pytest.mark.parametrize(
    ("head", "fits"),
    [
        (b"1|t|Rash", True),
        (b"\xef\xbb\xbf\r\n \nPMC1|t|", True),
        ("頭|t|".encode(), True),
        (b"", False),
        (b"|t|Rash", False),
        (b"1|a|Rash", False),
        (b"word O\n1|t|Rash", False),
        (b"1\t0\t4\tx|t|y", False),
        ("1|t|Rash".encode("utf-16"), False),
        (b"\xff\x00|", False),
    ],
)
def test_format_is_told_by_the_first_line(head, fits):
    assert fits_pubtator(Path("a"), head) is fits


def test_documents_come_one_at_a_time(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1|t|Rash\n\n2|t|Flu\n\nbroken\n")
    assert [d.id for d in islice(read_pubtator(path), 2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("line", "found"),
    [("1\t0\t4\tRash \tSign", "'Rash '"), ("1\t0\t4\tRash\tSign ", "'Sign '")],
)
def test_slips_are_refused_when_strict(tmp_path, line, found):
    path = tmp_path / "a.txt"
    path.write_text(f"1|t|Rash\n{line}\n")
    assert len(list(read_pubtator(path))) == 1
    with pytest.raises(CorpusError, match=f":2: {found}: .*white space.* strict"):
        list(read_pubtator(path, log=ReadLog(strict=True)))


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "documents", "mentions", "composites", "relations", "repairs"),
    [
        ("bc5cdr/CDR_TrainingSet.PubTator.txt", 500, 9385, 89, 1038, 0),
        ("bc5cdr/CDR_DevelopmentSet.PubTator.txt", 500, 9591, 89, 1012, 0),
        ("ncbi-disease/NCBIdevelopset_corpus.txt", 100, 787, 0, 0, 0),
        ("ncbi-disease/NCBItrainset_corpus.txt", 593, 5145, 0, 0, 1),
    ],
)
def test_corpora_count_as_published_and_as_bioc_reads_them(
    shared_data, name, documents, mentions, composites, relations, repairs
):
    path, log = shared_data / "en" / name, ReadLog()
    found = list(read_pubtator(path, log=log))
    entities = [e for d in found for e in d.entities]
    assert (len(found), len(entities)) == (documents, mentions)
    assert sum(e.role == "composite" for e in entities) == composites
    assert sum(skipped.count for skipped in log.skipped.values()) == relations
    assert len(log.repairs) == repairs
    # bioc strips lines, and takes a mention's text as the file has it, here with two blanks.
    mended = {repair.found: repair.read_as for repair in log.repairs}
    by_bioc = [
        (id, text, *((*rest, mended.get(mention, mention)) for *rest, mention in mentions))
        for id, text, *mentions in told_by_bioc(path)
    ]
    assert [(id, text.rstrip(" "), *rest) for id, text, *rest in told(found)] == by_bioc


@pytest.mark.realdata
def test_corpus_comes_back_without_loss(shared_data, tmp_path_factory):
    path = shared_data / "en" / "bc5cdr" / "CDR_DevelopmentSet.PubTator.txt"
    documents = list(read_pubtator(path))
    assert written(documents, tmp_path_factory) == (documents, {})
