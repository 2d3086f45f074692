"""What the writers of tagged files write is what their readers read, or was counted."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.alignment import sentence_tokens
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.readers.character_tags import read_character_tags
from spacy_bioner.corpora.readers.conll import read_conll
from spacy_bioner.corpora.readers.healthner import read_healthner
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.tag_schemes import SCHEMES
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writers.character_tags import write_character_tags
from spacy_bioner.corpora.writers.conll import write_conll
from spacy_bioner.corpora.writers.healthner import write_healthner
from spacy_bioner.corpora.writing_log import Feature, WriteLog

NAMES = ["conll", "character_tags", "healthner"]
# Losses of whole mentions: one is gone for each that is counted.
GONE = {
    "overlapping mentions dropped",
    "mentions that do not fit the tokens",
    "mentions of white space left out",
}
# What is no loss, or of nothing that the reader gives.
HARMLESS = {"ids of documents not kept", "sources not kept"}


def losses(log):
    return {loss.what: loss.count for loss in log.losses.values()}


@st.composite
def documents(draw):
    """Any text in any tokens, with any mentions and sentences."""
    text = draw(st.text(st.sampled_from("ab-#_頭\ufeff \t\n\r\u3000\u2028\x00𠮷"), max_size=10))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)))) | {0, len(text)})
    tokens = [
        span for span in pairwise(cuts) if not text[slice(*span)].isspace() or draw(st.booleans())
    ]
    marks = draw(st.none() | st.just(tuple(pairwise(cuts[::2]))))
    edges = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(edges, edges), max_size=4)) if text else []
    labels = st.sampled_from(["BODY", "O", "B-x", "i", "a b", ""])
    entities = [Entity(a, b, draw(labels)) for a, b in sorted(spans) if a < b]
    if draw(st.booleans()):
        known = {offset for span in tokens for offset in span}
        entities = [entity for entity in entities if {entity.start, entity.end} <= known]
    return Document(
        text,
        tuple(entities),
        "d",
        draw(st.sampled_from(["", "FT", "news"])),
        draw(st.sampled_from([tuple(tokens), tuple((i, i + 1) for i in range(len(text)))])),
        sentences=marks,
    )


def comparable(document, name):
    """What a reader of the format gives of a document from which nothing was lost."""
    tokens, keeps = document.tokens, WRITERS[name].keeps
    by_sentence = ()
    if Feature.SENTENCES in keeps:
        by_sentence = tuple(sentence_tokens(document.sentences or (), tokens))
    entities = sorted(map(tuple_of, document.entities))
    genre = document.genre if Feature.GENRE in keeps else ""
    return document.text, entities, tokens, by_sentence, genre


def tuple_of(entity):
    return entity.start, entity.end, entity.label


@pytest.mark.parametrize(
    ("name", "write"),
    [
        *((name, WRITERS[name].write) for name in NAMES),
        ("conll", partial(write_conll, scheme="BIOES")),
        ("character_tags", partial(write_character_tags, unit="tokens")),
        ("character_tags", partial(write_character_tags, unit="characters")),
    ],
)
@given(several=st.lists(documents(), min_size=1, max_size=3))
def test_what_is_not_read_back_was_counted(tmp_path_factory, name, write, several):
    path, log = tmp_path_factory.getbasetemp() / f"any.{name}", WriteLog()
    write(several, path, log=log)
    lost = losses(log)
    left_out = sum(n for what, n in lost.items() if what.startswith("documents without"))
    if left_out == len(several):
        assert path.read_bytes() == b""
        return
    found = list(READERS[name].read(path, log=ReadLog(strict=True)))
    assert len(found) == len(several) - left_out
    mentions = sum(len(document.entities) for document in found)
    gone = sum(n for what, n in lost.items() if what in GONE)
    if not left_out:
        assert mentions == sum(len(document.entities) for document in several) - gone
    if lost.keys() <= HARMLESS:
        assert [comparable(d, name) for d in found] == [comparable(d, name) for d in several]


@given(st.lists(documents().filter(lambda d: d.text), min_size=1, max_size=3))
def test_words_and_characters_of_healthner_say_the_same(tmp_path_factory, several):
    path = tmp_path_factory.mktemp("any") / "a.json"
    write_healthner(several, path)
    strict = ReadLog(strict=True)
    by_character = list(read_healthner(path, log=strict))
    by_word = list(read_healthner(path, labels="word", log=strict))
    assert [(d.text, d.entities) for d in by_character] == [(d.text, d.entities) for d in by_word]
    assert [d.text for d in by_character] == [d.text for d in several]


@pytest.fixture(scope="module")
def real_corpora(shared_data):
    """The Documents of each file."""
    health = shared_data / "zh" / "healthner" / "test.json"
    tagged = [*shared_data.glob("zh/multiner-health-2023/*.txt"), *shared_data.glob("en/*/*.tsv")]
    corpora = {health: list(read_healthner(health))}
    return corpora | {path: list(read_character_tags(path)) for path in sorted(tagged)}


def renamed(documents_, **fields):
    """Documents without their ids, and with other fields as given."""
    return [replace(document, id="", **fields) for document in documents_]


@pytest.mark.realdata
@pytest.mark.parametrize("scheme", SCHEMES)
def test_real_corpora_come_back_from_conll(real_corpora, tmp_path, scheme):
    step = 1 if scheme == "BIO" else 5
    for number, corpus in enumerate(real_corpora.values()):
        documents_ = corpus[::step]
        out, log = tmp_path / f"{number}.conll", WriteLog()
        write_conll(documents_, out, log=log, scheme=scheme)
        found = read_conll(out, log=ReadLog(strict=True))
        assert renamed(found) == renamed(documents_, genre="")
        assert losses(log).keys() <= {"ids of documents not kept", "genres not kept"}


@pytest.mark.realdata
def test_real_corpora_come_back_from_character_tags(real_corpora, tmp_path):
    for number, (path, documents_) in enumerate(real_corpora.items()):
        out = tmp_path / str(number) / path.name
        out.parent.mkdir()
        write_character_tags(documents_, out)
        found = list(read_character_tags(out, log=ReadLog(strict=True)))
        if path.suffix != ".json":
            assert found == documents_
        else:
            assert renamed(found) == renamed(documents_, genre="")


@pytest.mark.realdata
def test_real_corpora_come_back_from_healthner(real_corpora, tmp_path):
    for number, (path, documents_) in enumerate(real_corpora.items()):
        out = tmp_path / f"{number}.json"
        write_healthner(documents_, out)
        by_character = list(read_healthner(out, log=ReadLog(strict=True)))
        by_word = list(read_healthner(out, labels="word", log=ReadLog(strict=True)))
        if path.suffix == ".tsv":  # its tokens have blanks between them
            documents_ = [replace(d, tokens=None) for d in documents_]
            by_character = [replace(d, tokens=None) for d in by_character]
        assert by_character == documents_
        pairs = zip(by_word, documents_, strict=True)
        assert all((a.text, a.entities, a.id) == (b.text, b.entities, b.id) for a, b in pairs)


@pytest.mark.realdata
def test_real_healthner_words_come_back(shared_data, tmp_path):
    path = shared_data / "zh" / "healthner" / "test.json"
    documents_ = list(read_healthner(path, labels="word"))
    write_healthner(documents_, tmp_path / "a.json")
    assert list(read_healthner(tmp_path / "a.json")) == documents_
