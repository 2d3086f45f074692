from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import spacy
from hypothesis import example, given
from hypothesis import strategies as st
from spacy.lang.zh import ChineseTokenizer, Segmenter
from spacy.tokens import Doc

from spacy_bioner.pipeline.tokenizer import (
    AlphanumericTokenizer,
    CharacterTokenizer,
    tokenizer_of_language,
)

SPACES = [" ", "  ", "\n", "\t ", "\u3000", "\x1c", "\u2028", "\u200b"]
TEXTS = st.lists(st.sampled_from([*"血壓a1，", *SPACES]) | st.text(max_size=3)).map("".join)
ZH = spacy.blank("zh")
THEIRS, OURS = ChineseTokenizer(ZH.vocab), tokenizer_of_language(ZH)


def tokens(doc: Doc) -> list[tuple[str, str, int]]:
    return [(token.text, token.whitespace_, token.idx) for token in doc]


@given(TEXTS)
@example("")
@example("  ")
@example(" 血 壓  a\n\n ")
def test_tokens_are_those_of_spacy(text: str) -> None:
    assert type(OURS) is CharacterTokenizer
    assert tokens(OURS(text)) == tokens(THEIRS(text))
    assert OURS(text).text == text


def test_another_segmenter_is_used_as_it_is() -> None:
    tokenizer = CharacterTokenizer(ZH.vocab)
    tokenizer.segmenter = Segmenter.jieba  # what a tokenizer read from disk may have
    tokenizer.jieba_seg = SimpleNamespace(cut=lambda text, cut_all: ["高血壓", "藥"])
    assert [token.text for token in tokenizer("高血壓藥")] == ["高血壓", "藥"]


def test_other_languages_have_their_own() -> None:
    english = spacy.blank("en")
    assert type(tokenizer_of_language(english)) is type(english.tokenizer)


ALPHANUMERIC = {"nlp": {"tokenizer": {"@tokenizers": "spacy_bioner.AlphanumericTokenizer.v1"}}}


@given(
    st.lists(st.sampled_from(["METH", "5", "-", "_", "e\u0301", *SPACES]) | st.text()).map("".join)
)
@example("")
@example("  ")
@example(" a  b\n\n ")
def test_letters_and_digits_stay_together_and_each_sign_is_alone(text: str) -> None:
    doc = AlphanumericTokenizer(ZH.vocab)(text)
    assert doc.text == text
    for token in doc:
        signs = [c for c in token.text if not c.isalnum() and not "\u0300" <= c <= "\u036f"]
        assert len(token) == 1 or not signs or token.is_space
    for before, after in pairwise(doc):
        both_are_runs = before.text[-1].isalnum() and after.text[0].isalnum()
        assert not both_are_runs or before.whitespace_ or before.text.isspace()


def test_names_in_brackets_and_before_hyphens_are_tokens(tmp_path: Path) -> None:
    nlp = spacy.blank("en", config=ALPHANUMERIC)
    nlp.to_disk(tmp_path)
    for made in (nlp, spacy.load(tmp_path)):
        words = [token.text for token in made("(METH)-induced [3H]spiperone, cafe\u0301")]
        assert words == [
            *"(",
            "METH",
            *")-",
            "induced",
            *"[",
            "3H",
            *"]",
            "spiperone",
            ",",
            "cafe\u0301",
        ]
