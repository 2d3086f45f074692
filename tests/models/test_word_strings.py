from __future__ import annotations

import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_bioner.models.word_strings import WordStrings

ENGLISH, CHINESE = spacy.blank("en"), spacy.blank("zh")
SHARED = WordStrings()


@given(st.text(max_size=40))
def test_words_and_text_are_those_of_the_tokens(text: str) -> None:
    for nlp in (ENGLISH, CHINESE):
        doc = nlp.make_doc(text)
        for strings in (SHARED, WordStrings()):
            assert strings.words(doc) == [token.text for token in doc]
            assert strings.text(doc) == doc.text


def test_spaces_are_those_of_the_document() -> None:
    doc = Doc(ENGLISH.vocab, ["a", " ", "b", "c"], spaces=[True, False, False, True])
    assert SHARED.text(doc) == doc.text == "a  bc "


def test_words_of_another_vocabulary_are_found() -> None:
    strings = WordStrings()
    assert strings.words(spacy.blank("en").make_doc("one two")) == ["one", "two"]
    assert strings.words(spacy.blank("en").make_doc("two three")) == ["two", "three"]


def test_too_many_words_are_forgotten(monkeypatch) -> None:
    monkeypatch.setattr("spacy_bioner.models.word_strings._MOST_REMEMBERED", 2)
    strings = WordStrings()
    for text in ("a b c", "d e", "a d"):
        assert strings.words(ENGLISH.make_doc(text)) == text.split()
    assert sorted(strings._known.values()) == ["a", "d"]
