"""Wordpieces of lone characters without the tokenizer, beside the tokenizer's on whole texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy_transformers.align import get_alignment_via_offset_mapping
from tokenizers import AddedToken
from tokenizers.implementations import BertWordPieceTokenizer
from tokenizers.pre_tokenizers import PreTokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from spacy_bioner.models.encoder.lone_characters import NONE, LoneCharacters
from spacy_bioner.models.encoder.wordpieces import Splitter
from tests.models.encoder.test_wordpieces import byte_level

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PIECES = [*"頭痛血壓高，。、()-.", *"ae1", "##a", "##e", "##1", "##痛", "##，", "か", "が"]
# ideographs that are unknown or are decomposed, marks that join what stands before them,
# symbols, spaces and controls, special tokens' names
ODD = [
    "\u0301",
    "\u3099",
    "\ufa19",
    "𠀀",
    "龘",
    "½",
    "①",
    "+",
    "\u200b",
    "\x07",
    "\u3000",
]
NAMES = ["[MASK]", "[UNK]", "<藥>", "é", "É", "ﬁ"]
TEXTS = st.lists(st.sampled_from([*PIECES, *ODD, *NAMES, " ", "\n"]) | st.text(max_size=4)).map(
    "".join
)


@cache
def of_bert(*added: AddedToken, **settings: bool) -> Splitter:
    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *PIECES])}
    tokenizer = BertWordPieceTokenizer(vocabulary, **settings)
    tokenizer.add_special_tokens([AddedToken("<藥>"), *added])
    return Splitter(PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer))


def assert_as_whole(splitter: Splitter, texts: list[str], lang: str = "zh") -> None:
    docs = [spacy.blank(lang)(text) for text in texts]
    for doc, pieces in zip(docs, splitter.split(docs), strict=True):
        encoding = splitter.tokenizer(
            doc.text, add_special_tokens=False, return_offsets_mapping=True
        )
        assert pieces.ids.tolist() == encoding["input_ids"]
        if len(doc):
            offsets = np.array(encoding["offset_mapping"], dtype=int).reshape(-1, 2)
            theirs = get_alignment_via_offset_mapping([doc[:]], offsets[None])
            np.testing.assert_array_equal(pieces.wordpieces, theirs.dataXd)
            np.testing.assert_array_equal(pieces.lengths, theirs.lengths)


@pytest.mark.parametrize(
    "settings",
    [
        {"lowercase": True},
        {"lowercase": False},
        {"lowercase": False, "strip_accents": True, "clean_text": False},
    ],
    ids=str,
)
@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_wordpieces_are_those_of_whole_texts(settings: dict[str, bool], texts: list[str]) -> None:
    splitter = of_bert(**settings)
    assert splitter._lone.are_known
    assert_as_whole(splitter, texts)


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_they_are_too_where_tokens_are_words(texts: list[str]) -> None:
    assert_as_whole(of_bert(lowercase=True), [f"血壓，高血壓高血壓 {text}" for text in texts], "en")


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_those_of_encoders_made_here_are_too(made: Splitter, texts: list[str]) -> None:
    assert made._lone.are_known
    assert_as_whole(made, texts)


@pytest.fixture(scope="module")
def made(encoder: Path) -> Splitter:
    return Splitter(AutoTokenizer.from_pretrained(encoder))


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (AddedToken("DRUG", single_word=True), "高血壓高血壓頭DRUG痛"),
        (AddedToken("a;e", normalized=True), "a\u037ee高高高高高高高高"),
    ],
    ids=["single word", "normalized"],
)
def test_special_tokens_are_found_where_the_tokenizer_finds_them(
    token: AddedToken, text: str
) -> None:
    assert_as_whole(of_bert(token, lowercase=True), [text])


def test_tokens_that_are_added_later_are_found() -> None:
    splitter = of_bert.__wrapped__(lowercase=True)
    text = "頭(痛)高血壓"
    assert_as_whole(splitter, [text])
    splitter.tokenizer.add_special_tokens({"additional_special_tokens": ["(痛)"]})
    assert_as_whole(splitter, [text])


def test_what_is_known_to_be_alone() -> None:
    lone = LoneCharacters(of_bert(lowercase=True).backend)
    doc = spacy.blank("zh")("頭，龘a[]藥+か")
    ids = lone.wordpieces([doc]).tolist()
    known = of_bert(lowercase=True).backend.token_to_id
    # a bracket or 藥 could begin or continue a special token's name
    assert ids == [known("頭"), known("，"), known("[UNK]"), *[NONE] * 6]


def test_tokenizers_of_another_kind_know_none() -> None:
    doc = spacy.blank("zh")("頭痛，")
    custom = of_bert.__wrapped__()
    custom.backend.pre_tokenizer = PreTokenizer.custom(SimpleNamespace(pre_tokenize=print))
    for splitter in (Splitter(byte_level()), of_bert(handle_chinese_chars=False), custom):
        assert set(LoneCharacters(splitter.backend).wordpieces([doc]).tolist()) == {NONE}
