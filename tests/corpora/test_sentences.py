from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.sentences import cut_document, find_sentences, join_documents
from spacy_bioner.corpora.writing_log import WriteLog
from spacy_bioner.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("他頭痛。很痛！", ["他頭痛。", "很痛！"]),
        ("他說：「好痛。」就走了", ["他說：「好痛。」", "就走了"]),
        ("一行\n\n 又一行 ", ["一行", "又一行"]),
        ("He took 3.5 mg. It helped.", ["He took 3.5 mg.", "It helped."]),
        ("E. coli was found.", ["E. coli was found."]),
        ("Pain? None.", ["Pain?", "None."]),
        ("", []),
        (" \n", []),
    ],
)
def test_sentences_end_where_the_rule_says(text, sentences):
    assert [text[start:end] for start, end in find_sentences(text)] == sentences


@given(st.text("a。.! \nB」", max_size=30))
def test_sentences_hold_all_but_white_space(text):
    spans = find_sentences(text)
    flat = [offset for span in spans for offset in span]
    assert flat == sorted(flat)
    inside = {i for start, end in spans for i in range(start, end)}
    assert all(text[i].isspace() for i in range(len(text)) if i not in inside)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)


def test_no_cut_is_made_within_a_mention():
    text = "Vit. B is low. He is ill."
    document = Document(text, (Entity(0, 6, "CHEM"),), "a")
    assert [piece.text for piece in cut_document(document)] == ["Vit. B is low.", "He is ill."]
    assert next(d.text for d in cut_document(replace(document, entities=()))) == "Vit."


@st.composite
def documents(draw):
    text = draw(st.text("a。. \nB", min_size=1, max_size=30))
    ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pairs = sorted(tuple(sorted(pair)) for pair in draw(st.lists(ends, max_size=4)))
    mentions = [Entity(a, b, "X") for a, b in pairs if a < b]
    mentions += [Entity(a, b, "Y", ((a, a + 1), (b - 1, b))) for a, b in pairs if b - a > 2]
    mentions.sort(key=lambda e: (e.start, e.end))
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    sections = tuple(
        Section(a, b, draw(st.sampled_from(["title", "body"])))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False)
    )
    id = draw(st.sampled_from(["a", "b@1-2", ""]))
    marks = sorted(draw(st.sets(st.integers(0, len(text)), max_size=6)))
    sentences = draw(st.none() | st.just(tuple(zip(marks[::2], marks[1::2], strict=False))))
    return Document(text, tuple(mentions), id, "FT", sections=sections, sentences=sentences)


def test_text_that_no_sentence_holds_is_a_piece_of_its_own():
    text = "One. Two. Three."
    document = Document(text, id="a", sentences=((0, 4), (10, 16)))
    assert [piece.text for piece in cut_document(document)] == ["One.", "Two.", "Three."]


def test_partial_annotation_is_cut_and_joined():
    text, log = "He is ill. Very.", WriteLog()
    document = Document(text, id="a", unannotated=((3, 10), (11, 15)), labelled_types=("D",))
    pieces = list(cut_document(document, log))
    assert [piece.unannotated for piece in pieces] == [((3, 10),), ((0, 4),)]
    (joined,) = join_documents(pieces)
    assert (joined.unannotated, joined.labelled_types) == (document.unannotated, ("D",))


@given(documents())
def test_joined_pieces_give_back_all_mentions_and_offsets(document):
    log = WriteLog()
    (joined,) = join_documents(cut_document(document, log))
    counts = {loss.what: loss.count for loss in log.losses.values()}
    assert joined.entities == document.entities
    assert (joined.id, joined.genre) == (document.id, document.genre)
    assert joined.text.split() == document.text.split()
    assert len(joined.text) == len(document.text)
    changed = sum(a != b for a, b in zip(joined.text, document.text, strict=True))
    assert changed == counts.get("line breaks and tabs between pieces, blanks once joined", 0)
    lost = set(document.sections) - set(joined.sections)
    assert len(lost) == counts.get("sections that joined pieces do not have", 0)


def test_sections_go_on_from_piece_to_piece():
    text = "Pain. \nIt hurts. A lot."
    sections = (Section(0, 5, "title"), Section(7, 23, "abstract"))
    document = Document(text, id="a", sections=sections)
    pieces = list(cut_document(document))
    assert [piece.sections for piece in pieces] == [
        (Section(0, 5, "title"),),
        (Section(0, 9, "abstract"),),
        (Section(0, 6, "abstract"),),
    ]
    (joined,) = join_documents(pieces)
    assert joined.sections == sections


def test_document_of_white_space_is_one_piece():
    document = Document(" \n", id="a")
    assert list(cut_document(document)) == [Document(" \n", id="a@0-2")]


def test_other_documents_pass_a_join_as_they_are():
    whole, piece = Document("He is ill.", id="me@home"), Document("It", id="a@0-2")
    joined = Document("It", id="a", sentences=((0, 2),))
    assert list(join_documents([whole, piece, whole])) == [whole, joined, whole]
    assert list(join_documents([])) == []


def test_documents_of_which_none_is_a_piece_are_not_joined():
    with pytest.raises(ConfigError, match="no document is a piece to join"):
        list(join_documents([Document("He is ill.", id="me@home")]))


def test_pieces_are_joined_in_any_order():
    document = Document("One. Two. Three.", (Entity(5, 8, "N"),), "a", tokens=((0, 4), (5, 9)))
    pieces = list(cut_document(document))
    assert list(join_documents(pieces[::-1])) == list(join_documents(pieces))


def test_pieces_that_stand_apart_are_refused():
    names = ["A@0-21", "B@0-9", "A@11-21"]
    pieces = [Document("pain", id=name) for name in names]
    with pytest.raises(ConfigError, match="document 'A': other documents stand between"):
        list(join_documents(pieces))


def test_pieces_that_overlap_are_refused():
    pieces = [Document("one", id="a@0-9"), Document("two", id="a@2-9")]
    with pytest.raises(ConfigError, match="the pieces of document 'a' overlap"):
        list(join_documents(pieces))
