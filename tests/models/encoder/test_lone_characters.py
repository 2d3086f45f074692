"""Wordpieces of lone characters without the tokenizer, beside the tokenizer's on whole texts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy_transformers.align import get_alignment_via_offset_mapping
from tokenizers import AddedToken
from tokenizers.implementations import BertWordPieceTokenizer
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
def of_bert(**settings: bool) -> Splitter:
    vocabulary = {piece: i for i, piece in enumerate([*SPECIAL, *PIECES])}
    tokenizer = BertWordPieceTokenizer(vocabulary, **settings)
    tokenizer.add_special_tokens([AddedToken("<藥>")])
    return Splitter(PreTrainedTokenizerFast(tokenizer_object=tokenizer._tokenizer))


def assert_as_whole(splitter: Splitter, texts: list[str]) -> None:
    docs = [spacy.blank("zh")(text) for text in texts]
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
def test_those_of_our_encoders_are_too(shipped: Splitter, texts: list[str]) -> None:
    assert shipped._lone.are_known
    assert_as_whole(shipped, texts)


@pytest.fixture(scope="module")
def shipped(encoder: Path) -> Splitter:
    return Splitter(AutoTokenizer.from_pretrained(encoder))


def test_what_is_known_to_be_alone() -> None:
    lone = LoneCharacters(of_bert(lowercase=True).backend)
    doc = spacy.blank("zh")("頭，龘a[]藥+か")
    ids = lone.wordpieces([doc]).tolist()
    known = of_bert(lowercase=True).backend.token_to_id
    # a bracket or 藥 could begin or continue a special token's name
    assert ids == [known("頭"), known("，"), known("[UNK]"), *[NONE] * 6]


def test_tokenizers_of_another_kind_know_none() -> None:
    doc = spacy.blank("zh")("頭痛，")
    for splitter in (Splitter(byte_level()), of_bert(handle_chinese_chars=False)):
        assert set(LoneCharacters(splitter.backend).wordpieces([doc]).tolist()) == {NONE}
