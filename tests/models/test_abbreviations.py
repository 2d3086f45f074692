"""Abbreviations: what is one, what it stands for, and where it stands."""

from __future__ import annotations

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from spacy_bioner.models.abbreviations import find_abbreviations

ALPHANUMERIC = {"nlp": {"tokenizer": {"@tokenizers": "spacy_bioner.AlphanumericTokenizer.v1"}}}
NLP = spacy.blank("en", config=ALPHANUMERIC)
PIECES = ["ab", "aB c", "(", ")", "(AB)", "-", ";", ". ", "\n", " ", "5-", "a b"]


def found(text: str, nlp: spacy.Language = NLP) -> dict[str, str]:
    doc = nlp(text)
    return {
        doc[slice(*each.short[0])].text: doc[slice(*each.long)].text
        for each in find_abbreviations(doc)
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("acute kidney injury (AKI) is rare", {"AKI": "acute kidney injury"}),
        ("injury of the kidneys (AKI)", {}),  # no word begins with its first letter
        ("he had liver cirrhosis (LC), diabetes (DM)", {"LC": "liver cirrhosis"}),
        ("given folic acid ( FA; 5 mg)", {"FA": "folic acid"}),
        ("given folic acid (FA, daily) twice", {"FA": "folic acid"}),
        ("5-azacytidine (5-AZ)-induced", {"5-AZ": "5-azacytidine"}),
        ("Folic acid. Another (FA)", {}),  # not of this sentence
        ("fumes of acid (fa)", {"fa": "fumes of acid"}),
        ("a b c d e f alpha g h i j k beta (AB)", {}),  # 4 words at most
        ("xalpha beta (AB)", {}),  # not at the beginning of a word
        ("post-atrial block (AB)", {"AB": "post-atrial block"}),
        ("in 2019 (20)", {}),  # no letter
        ("alpha beta (A)", {}),  # too short
        ("alpha beta gamma (A B G)", {}),  # three words
        ("(AB) alpha beta", {}),
        ("alpha (2 mg) beta (AB)", {}),  # a list
        ("alpha beta (AB) and acid base (AB)", {"AB": "alpha beta"}),
        ("", {}),
    ],
)
def test_short_and_long_forms(text: str, expected: dict[str, str]) -> None:
    assert found(text) == expected


def test_it_is_found_wherever_it_stands() -> None:
    doc = NLP("5-AZ was 5-azacytidine (5-AZ), and not 5 AZ or 5-AZT; 5-AZ-induced")
    (each,) = find_abbreviations(doc)
    assert [doc[start:end].text for start, end in each.short] == ["5-AZ"] * 3
    assert [doc[start].idx for start, _ in each.short] == [0, 24, 54]


def test_forms_within_tokens_are_passed_over() -> None:
    words = ["folic", "acid", "(", "FA)-like"]
    doc = Doc(NLP.vocab, words=words, spaces=[True, True, False, False])
    assert find_abbreviations(doc) == []


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3)).map("".join))
def test_letters_of_the_short_form_are_in_the_long_one_in_order(text: str) -> None:
    doc = NLP(text)
    for each in find_abbreviations(doc):
        short = {doc[start:end].text for start, end in each.short}
        assert len(short) == 1
        letters = iter(doc[slice(*each.long)].text)
        wanted = [c for c in short.pop().lower() if c.isalnum()]
        assert all(any(letter.lower() == c for letter in letters) for c in wanted)
        assert each.long[1] <= max(start for start, _ in each.short)
