"""LexiconFeatures without vectors, and of normalised words, against definitions written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from spacy.tokens import Doc
from spacy.vocab import Vocab

from spacy_bioner.errors import ConfigError
from spacy_bioner.lexicon import Lexicon, normalized
from spacy_bioner.models.lexicon_features import build_lexicon_features
from spacy_bioner.models.types import Tok2Vec

WORDS = st.sampled_from(["Heart", "failure", "ACE", "-", "5", "fu", "FU", "\n", "İ", "a"])
VOCAB = Vocab()


def features(tmp_path: Path, terms: list[str], docs: list[Doc], normalize: bool = True) -> Tok2Vec:
    path = tmp_path / "terms.txt"
    path.write_text("\n".join(terms), encoding="utf-8")
    model = build_lexicon_features(0, str(path), normalize=normalize)
    model.initialize(X=docs)
    return model


def written_out(doc: Doc, terms: set[str]) -> NDArray[np.float32]:
    """(n, 4): every run of tokens that begins and ends with a word is compared with every term."""
    bits = np.zeros((len(doc), 4), dtype=np.float32)
    words = [normalized(token.text) for token in doc]
    for i in range(len(doc)):
        for j in range(i, len(doc)):
            if not (words[i] and words[j] and "".join(words[i : j + 1]) in terms):
                continue
            if i == j:
                bits[i, 3] = 1
            else:
                bits[i, 0] = bits[j, 2] = 1
                bits[i + 1 : j, 1] = 1
    return bits


@given(words=st.lists(WORDS, max_size=8), spaces=st.lists(st.booleans(), min_size=8, max_size=8))
def test_bits_say_where_terms_are_whatever_their_case_and_blanks(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], spaces: list[bool]
) -> None:
    terms = ["heart failure", "5-FU", "ace", "Failure a", "fu 5", "i̇"]
    doc = Doc(VOCAB, words=words, spaces=spaces[: len(words)])
    model = features(tmp_path_factory.mktemp("terms"), terms, [doc])
    (found,) = model.predict([doc])
    np.testing.assert_array_equal(found, written_out(doc, set(map(normalized, terms))))


def test_case_counts_unless_terms_are_normalized(tmp_path: Path) -> None:
    doc = Doc(VOCAB, words=["ACE", "ace"])
    (as_it_is,) = features(tmp_path, ["ace"], [doc], normalize=False).predict([doc])
    (loose,) = features(tmp_path, ["ace"], [doc]).predict([doc])
    assert as_it_is[:, 3].tolist() == [0, 1]
    assert loose[:, 3].tolist() == [1, 1]


def test_a_model_keeps_its_terms_and_how_they_are_compared(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    doc = nlp("Heart failure")
    saved = features(tmp_path, ["heart FAILURE"], [doc]).to_bytes()
    model = build_lexicon_features(0, normalize=True).from_bytes(saved)
    assert model.predict([doc])[0].tolist() == [[1, 0, 0, 0], [0, 0, 1, 0]]


def test_counts_of_terms_that_become_equal_are_added_up() -> None:
    lexicon = Lexicon({"ACE": 2, "ace": 3, "a ce": 1, "b": 7}).normalized()
    assert dict(zip(lexicon.terms, lexicon.counts.tolist(), strict=True)) == {"ace": 6, "b": 7}


@pytest.mark.parametrize(("width", "bits"), [(0, False), (-1, True)])
def test_features_of_nothing_are_refused(width: int, bits: bool) -> None:
    with pytest.raises(ConfigError, match="vector_width = "):
        build_lexicon_features(width, bits=bits)
