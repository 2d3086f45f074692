from __future__ import annotations

from types import SimpleNamespace

import spacy
from hypothesis import example, given
from hypothesis import strategies as st
from spacy.lang.zh import ChineseTokenizer, Segmenter
from spacy.tokens import Doc

from spacy_bioner.pipeline.tokenizer import CharacterTokenizer, tokenizer_of_language

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
