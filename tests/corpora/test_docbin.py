from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, DocBin, Span

from spacy_bioner.corpora.alignment import Change
from spacy_bioner.corpora.docbin import Placement, document_to_doc, documents_to_docbin
from spacy_bioner.corpora.document import Document, Entity, Section
from spacy_bioner.corpora.readers.spacy_docbin import read_spacy_docbin
from spacy_bioner.corpora.tagged import unit_offsets
from spacy_bioner.errors import ConfigError

MISSING, INSIDE, OUTSIDE, BEGIN = range(4)


def entities(doc):
    return [Entity(e.start_char, e.end_char, e.label_) for e in doc.ents]


def test_mentions_become_entities_and_the_rest_is_outside(zh):
    document = Document("他頭痛。", (Entity(1, 3, "SYMP"),), "a-1", "FT")
    doc, alignment = document_to_doc(document, zh)
    assert [token.ent_iob for token in doc] == [OUTSIDE, BEGIN, INSIDE, OUTSIDE]
    assert entities(doc) == list(document.entities)
    assert alignment.changes == ()
    assert doc.user_data == {"id": "a-1", "genre": "FT"}


def test_document_without_mentions_is_all_outside(zh):
    doc, _ = document_to_doc(Document("他好。"), zh)
    assert [token.ent_iob for token in doc] == [OUTSIDE] * 3
    assert doc.has_annotation("ENT_IOB")


def test_mention_off_token_boundaries_is_unknown_and_reported(en):
    document = Document("The cyclooxygenase inhibitor", (Entity(9, 28, "CHEM"),), "a-1")
    doc, alignment = document_to_doc(document, en)
    assert [token.ent_iob for token in doc] == [OUTSIDE, MISSING, MISSING]
    why = "it does not begin and end at token boundaries"
    change = Change("a-1", Entity(9, 28, "CHEM"), "oxygenase inhibitor", None, why)
    assert alignment.changes == (change,)
    assert str(change) == f"a-1 9-28 CHEM 'oxygenase inhibitor': dropped, {why}"


def test_longest_of_overlapping_mentions_is_kept(zh):
    mentions = Entity(0, 2, "BODY"), Entity(0, 4, "SYMP"), Entity(3, 6, "TIME")
    doc, alignment = document_to_doc(Document("膝蓋腫痛三週。", mentions), zh)
    assert entities(doc) == [mentions[1]]
    assert [token.ent_iob for token in doc][4:] == [MISSING, MISSING, OUTSIDE]
    assert [c.entity for c in alignment.changes] == [mentions[0], mentions[2]]
    assert {c.reason for c in alignment.changes} == {"it overlaps '膝蓋腫痛' (SYMP)"}


def test_first_of_equal_mentions_is_kept(zh):
    mentions = Entity(0, 2, "B"), Entity(0, 2, "A")
    doc, alignment = document_to_doc(Document("頭痛", mentions), zh)
    assert entities(doc) == [mentions[0]]
    assert [c.entity for c in alignment.changes] == [mentions[1]]


def test_longer_mention_off_boundaries_does_not_displace_a_fitting_one(en):
    mentions = Entity(0, 6, "A"), Entity(0, 9, "A")
    doc, alignment = document_to_doc(Document("severe headache", mentions), en)
    assert entities(doc) == [mentions[0]]
    assert [token.ent_iob for token in doc] == [BEGIN, MISSING]
    assert [c.entity for c in alignment.changes] == [mentions[1]]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("糖 尿", ["糖", "尿"]),
        ("糖  尿", ["糖", " ", "尿"]),
        (" 糖 ", [" ", "糖"]),
        ("糖\u3000尿", ["糖", "\u3000", "尿"]),
        ("糖\t\t尿", ["糖", "\t\t", "尿"]),
        ("e\u0301", ["e", "\u0301"]),
        ("👩\u200d👧", ["👩", "\u200d", "👧"]),
        ("𠮷", ["𠮷"]),
    ],
)
def test_chinese_tokenizer_keeps_odd_characters(zh, text, tokens):
    doc, _ = document_to_doc(Document(text), zh)
    assert [token.text for token in doc] == tokens
    assert doc.text == text


def test_mention_with_a_blank_inside_is_kept(zh):
    doc, alignment = document_to_doc(Document("維生素 D。", (Entity(0, 5, "SUPP"),)), zh)
    assert [e.text for e in doc.ents] == ["維生素 D"]
    assert alignment.changes == ()


def test_tokens_of_the_corpus_are_kept(en):
    words = ["COX-2", "inhibitor", "(", "NS", "-398", ")"]
    document = Document(" ".join(words), (Entity(18, 25, "C"),), tokens=unit_offsets(words, " "))
    doc, alignment = document_to_doc(document, en, Placement("corpus"))
    assert [token.text for token in doc] == words
    assert doc.text == document.text
    assert [e.text for e in doc.ents] == ["NS -398"]
    assert alignment.changes == ()


@given(st.text(min_size=1, max_size=20), st.data())
def test_tokens_of_the_corpus_always_spell_the_text(en, text, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    tokens = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    doc, _ = document_to_doc(Document(text, tokens=tokens), en, Placement("corpus"))
    assert doc.text == text
    assert {text[a:b] for a, b in tokens} <= {token.text for token in doc}


@given(st.text("頭痛 a\t\u3000", max_size=8), st.data())
def test_every_mention_is_kept_or_reported(zh, text, data):
    ends = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))
    pairs = {tuple(sorted(pair)) for pair in data.draw(st.lists(ends, max_size=4))}
    mentions = [Entity(start, end, "X") for start, end in sorted(pairs) if start < end]
    doc, alignment = document_to_doc(Document(text, tuple(mentions)), zh)
    assert sorted(map(str, entities(doc) + [c.entity for c in alignment.changes])) == sorted(
        map(str, mentions)
    )
    for token in doc:
        touched = any(m.start < token.idx + len(token) and token.idx < m.end for m in mentions)
        assert (token.ent_iob == OUTSIDE) == (not touched)


def test_tokens_of_the_corpus_must_be_there(en):
    with pytest.raises(ConfigError, match="document 'a' has no tokens: let the tokenizer decide"):
        document_to_doc(Document("pain", id="a"), en, Placement("corpus"))


def test_tokenizer_that_changes_the_text_is_refused(en):
    class Lower:
        max_length = 100

        def make_doc(self, text):
            return Doc(en.vocab, words=text.lower().split())

    with pytest.raises(ConfigError, match="document 'a': the tokenizer changes the text"):
        document_to_doc(Document("Severe pain", id="a"), Lower())


def test_text_beyond_the_limit_of_nlp_is_refused(zh):
    with pytest.raises(ConfigError, match=r"1,000,001 characters are more than nlp\.max_length"):
        document_to_doc(Document("痛" * 1_000_001), zh)


def test_receipt_counts_what_went_in_and_out(en):
    documents = [
        Document("headaches", (Entity(0, 8, "SYMP"),), "a-1"),
        Document("fever", (Entity(0, 5, "SYMP"),), "a-2"),
    ]
    _, receipt = documents_to_docbin(documents, en)
    assert (receipt.documents, receipt.mentions_in, receipt.mentions_out) == (2, 2, 1)
    assert receipt.labels == {"SYMP": 2}
    head = (
        "2 documents, 1 of 2 mentions kept (0 moved, 1 dropped): "
        "recall as annotated is at most 50.00%"
    )
    assert receipt.render() == (
        f"{head}\n  a-1 0-8 SYMP 'headache': dropped, it does not begin and end at token boundaries"
    )
    assert receipt.render(limit=0) == f"{head}\n  ... and 1 more"


def test_receipt_counts_documents_with_other_tokens(en):
    documents = [Document("a b", tokens=((0, 1), (2, 3))), Document("a-b", tokens=((0, 3),))]
    texts = [documents_to_docbin(documents, en, Placement(tokens)) for tokens in ("auto", "corpus")]
    assert [receipt.retokenised for _, receipt in texts] == [1, 0]
    assert texts[0][1].render() == (
        "2 documents, 0 of 0 mentions kept; 1 documents have other tokens than they came with"
    )


def test_grown_mention_lowers_the_ceiling_of_recall(en):
    document = Document("headaches, fever", (Entity(0, 8, "SYMP"), Entity(11, 16, "SYMP")), "a")
    docbin, receipt = documents_to_docbin([document], en, Placement(policy="expand"))
    (doc,) = docbin.get_docs(en.vocab)
    assert [e.text for e in doc.ents] == ["headaches", "fever"]
    assert (receipt.mentions_out, len(receipt.moved), receipt.recall_ceiling) == (2, 1, 0.5)
    assert "moved to 0-9, it was grown to whole tokens" in receipt.render()


def test_discontinuous_mention_that_stays_where_it_is_counts_as_reachable(en):
    mention = Entity(0, 25, "D", ((0, 6), (18, 25)))
    _, receipt = documents_to_docbin([Document("breast and ovarian cancers", (mention,), "a")], en)
    assert receipt.mentions_out == 0
    document = Document("breast and ovarian cancer", (mention,), "a")
    _, receipt = documents_to_docbin([document], en)
    assert [c.reason for c in receipt.moved] == [
        "it is discontinuous; taken with what lies between"
    ]
    assert receipt.recall_ceiling == 1.0


def test_split_tokens_makes_every_mention_fit(en):
    document = Document("headaches in COX-2users", (Entity(0, 8, "S"), Entity(13, 18, "G")), "a")
    doc, alignment = document_to_doc(document, en, Placement(policy="split-tokens"))
    assert alignment.changes == ()
    assert doc.text == document.text
    assert [e.text for e in doc.ents] == ["headache", "COX-2"]


def test_spans_hold_what_ents_cannot(en):
    mentions = Entity(0, 11, "A"), Entity(0, 6, "B"), Entity(7, 11, "C")
    doc, alignment = document_to_doc(
        Document("severe pain", mentions), en, Placement(overlap="spans")
    )
    assert [e.label_ for e in doc.ents] == ["A"]
    assert [(s.text, s.label_) for s in doc.spans["sc"]] == [
        ("severe pain", "A"),
        ("severe", "B"),
        ("pain", "C"),
    ]
    assert alignment.changes == ()


def test_docbin_keeps_missing_annotation_and_what_is_known_of_the_document(en):
    mention = Entity(5, 13, "SYMP", id="T1", concept="MESH:D006261")
    document = Document(
        "mild headaches", (mention,), "a-1", "FT", None, "ann", (Section(0, 4, "t"),), ((0, 14),)
    )
    docbin, _ = documents_to_docbin([document], en)
    (doc,) = DocBin().from_bytes(docbin.to_bytes()).get_docs(en.vocab)
    assert [token.ent_iob for token in doc] == [OUTSIDE, MISSING]
    assert doc.user_data == {
        "id": "a-1",
        "genre": "FT",
        "source": "ann",
        "sections": ((0, 4, "t"),),
        "sentences": ((0, 14),),
    }


def test_partial_annotation_survives_a_docbin(en, tmp_path):
    docs = [en("Mild headaches and severe back pain") for _ in range(2)]
    docs[0].set_ents([Span(docs[0], 1, 2, "SYMP")], missing=[docs[0][3:5]], default="outside")
    docs[1].user_data["labelled_types"] = ["SYMP"]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "a.spacy")
    found = list(read_spacy_docbin(tmp_path / "a.spacy"))
    assert [document.unannotated for document in found] == [((19, 30),), ((0, 35),)]
    docbin, _ = documents_to_docbin(found, en)
    first, second = DocBin().from_bytes(docbin.to_bytes()).get_docs(en.vocab)
    assert [token.ent_iob for token in first] == [2, 3, 2, 0, 0, 2]
    assert second.user_data["labelled_types"] == ("SYMP",)
    assert {token.ent_iob for token in second} == {MISSING}


def test_mentions_of_one_span_that_differ_in_concept_survive(en, tmp_path):
    mentions = tuple(Entity(0, 6, "D", id=f"T{n}", concept=f"D{n}") for n in (1, 2))
    docbin, _ = documents_to_docbin([Document("severe", mentions)], en, Placement(overlap="spans"))
    docbin.to_disk(tmp_path / "a.spacy")
    (found,) = read_spacy_docbin(tmp_path / "a.spacy")
    assert found.entities == mentions


def test_ids_and_concepts_of_mentions_survive(en):
    mention = Entity(5, 14, "SYMP", id="T1", concept="MESH:D006261")
    docbin, _ = documents_to_docbin([Document("mild headaches", (mention,), "a-1")], en)
    (doc,) = DocBin().from_bytes(docbin.to_bytes()).get_docs(en.vocab)
    assert [(e.kb_id_, e.id_) for e in doc.ents] == [("MESH:D006261", "T1")]
