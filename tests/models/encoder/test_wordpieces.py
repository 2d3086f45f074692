from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc
from spacy.vocab import Vocab
from spacy_transformers.align import get_alignment_via_offset_mapping
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from spacy_bioner.errors import EncoderError
from spacy_bioner.models.encoder.wordpieces import Splitter, segments
from tests.models.encoder.pipelines import LATIN, LONG, ODD_TEXTS, SENTENCES


@pytest.fixture(scope="module")
def splitter(encoder: Path) -> Splitter:
    return Splitter(AutoTokenizer.from_pretrained(encoder))


MERGES = [("Ġ", "a"), ("Ġ", "c")]


def byte_level() -> PreTrainedTokenizerFast:
    """As of RoBERTa: a letter is a wordpiece, and a space is at the beginning of one."""
    pieces = ["<s>", "</s>", "<pad>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    pieces += ["".join(pair) for pair in MERGES]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, MERGES))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    special = [("</s>", 1), ("<s>", 0)]
    tokenizer.post_processor = processors.RobertaProcessing(*special, trim_offsets=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>")


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    if not piece.strip():
        return start, end
    return end - len(piece.lstrip()), start + len(piece.rstrip())


CASES = {
    **ODD_TEXTS,
    "sentence": SENTENCES[0],
    "latin": LATIN,
    "spaces": "a  b   c ",
    "nfc": "e\u0301te",
}


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    "text", [t for t in CASES.values() if t], ids=[n for n in CASES if CASES[n]]
)
@pytest.mark.parametrize("kind", ["wordpiece", "byte_level"])
def test_alignment_is_that_of_spacy_transformers(
    kind: str, text: str, lang: str, splitter: Splitter
) -> None:
    ours = splitter if kind == "wordpiece" else Splitter(byte_level())
    doc = spacy.blank(lang)(text)
    pieces = ours.split([doc])[0]
    encoding = ours.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    offsets = np.array(encoding["offset_mapping"]).reshape(-1, 2)
    assert pieces.ids.tolist() == encoding["input_ids"]
    strings = ours.tokenizer.convert_ids_to_tokens(encoding["input_ids"])
    assert ours.strings(pieces.ids.tolist()) == strings
    if kind == "byte_level":  # the blank before a word is none of it
        offsets = np.array([trimmed(text, *pair) for pair in offsets.tolist()])
    theirs = get_alignment_via_offset_mapping([doc[:]], offsets[None])
    np.testing.assert_array_equal(pieces.wordpieces, theirs.dataXd)
    np.testing.assert_array_equal(pieces.lengths, theirs.lengths)


def test_a_word_has_no_wordpiece_of_the_next_one() -> None:
    ours, doc = Splitter(byte_level()), spacy.blank("en")("no ab  cd")
    pieces = ours.split([doc, doc])[1]
    strings = ours.strings(pieces.ids.tolist())
    words = [
        [strings[i] for i in pieces.wordpieces[pieces.tokens == token].tolist()]
        for token in range(len(doc))
    ]
    assert strings == ["n", "o", "Ġa", "b", "Ġ", "Ġc", "d"]
    assert words == [["n", "o"], ["Ġa", "b", "Ġ"], [], ["Ġc", "d"]]


def test_special_wordpieces_are_those_of_the_tokenizer(splitter: Splitter) -> None:
    for ours in (splitter, Splitter(byte_level())):
        inner = ours.tokenizer("頭痛", add_special_tokens=False)["input_ids"]
        assert [*ours.before, *inner, *ours.after] == ours.tokenizer("頭痛")["input_ids"]
        assert ours.padding == ours.tokenizer.pad_token_id


@pytest.mark.parametrize("size", [20, 50, 400])
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("kind", ["wordpiece", "byte_level"])
def test_segments_have_the_wordpieces_of_the_whole(
    kind: str, lang: str, size: int, splitter: Splitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = splitter if kind == "wordpiece" else Splitter(byte_level())
    chinese, latin = LONG if lang == "zh" else LONG[:200], LATIN * (1 if lang == "zh" else 60)
    doc = spacy.blank(lang)(f"{chinese} {latin} 服用Metformin500mg後 {chinese}")
    whole = ours.split([doc])[0]
    found = list(segments(doc[:], size))
    assert len(found) > 2
    assert "".join(text for _, text in found) == doc.text
    monkeypatch.setattr(
        "spacy_bioner.models.encoder.wordpieces.segments", lambda span: segments(span, size)
    )
    parts = ours.split([doc])[0]
    assert parts.ids.tolist() == whole.ids.tolist()
    np.testing.assert_array_equal(parts.wordpieces, whole.wordpieces)
    np.testing.assert_array_equal(parts.tokens, whole.tokens)


def test_a_text_without_a_place_to_cut_is_cut_all_the_same() -> None:
    doc = Doc(Vocab(), words=list("a" * 50), spaces=[False] * 50)
    assert [len(text) for _, text in segments(doc[:], 10)] == [20, 20, 10]


def test_saved_truncation_and_padding_are_not_used(encoder: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    splitter = Splitter(tokenizer)
    tokenizer(["a", LONG], truncation=True, max_length=16, padding="max_length")
    doc = spacy.blank("zh")(SENTENCES[0])
    assert splitter.padding not in splitter.split([doc])[0].ids
    assert len(splitter.split([doc])[0].ids) > 16


def test_slow_tokenizer_is_refused() -> None:
    class SlowTokenizer:
        is_fast = False

    with pytest.raises(EncoderError, match=r"SlowTokenizer is no fast tokenizer.*use_fast"):
        Splitter(SlowTokenizer())


def test_threads_split_at_the_same_time(encoder: Path) -> None:
    splitter = Splitter(AutoTokenizer.from_pretrained(encoder))
    docs = [spacy.blank("zh")(text * 20) for text in SENTENCES]
    expected = [pieces.ids.tolist() for pieces in splitter.split(docs)]

    def split(_: int) -> list[list[int]]:
        return [pieces.ids.tolist() for pieces in splitter.split(docs)]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(split, range(200))) == [expected] * 200


def test_a_tokenizer_that_cuts_since_is_set_back(encoder: Path) -> None:
    splitter = Splitter(AutoTokenizer.from_pretrained(encoder))
    doc = spacy.blank("zh")(SENTENCES[0])
    (expected,) = splitter.split([doc])
    splitter.tokenizer(SENTENCES[0], truncation=True, max_length=4, padding="max_length")
    (found,) = splitter.split([doc])
    assert found.ids.tolist() == expected.ids.tolist()
