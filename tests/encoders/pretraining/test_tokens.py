"""Texts as tokens: which of them begin a word, and what the vocabulary is learnt from."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from spacy_bioner.encoders.pretraining import tokens
from spacy_bioner.encoders.pretraining.tokens import first_lines, starts_of, tokenize_shards
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.rawtext.shards import Shard


@pytest.fixture
def cuts_at_blanks() -> PreTrainedTokenizerFast:
    """As XLM-R's: a stretch without blanks is a word, of a character or a few letters a piece."""
    pieces = ["<unk>", "</s>", "▁", *"患者服用後頭痛緩解。", "met", "formin", "for", "m", "in"]
    model = models.Unigram([(piece, -float(len(pieces))) for piece in pieces], unk_id=0)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", sep_token="</s>")


def begins(
    text: str, folder: Path, tokenizer: PreTrainedTokenizerFast, lexicon: Lexicon | None = None
) -> list[str]:
    """The tokens that begin a word."""
    path = folder / "text.txt"
    path.write_text(text + "\n", encoding="utf-8")
    (stream,) = tokenize_shards([Shard(path)], tokenizer, folder / "tokens", lexicon)
    found = tokenizer.convert_ids_to_tokens(tokens.ids_of(stream.values).tolist())
    return [
        token for token, is_start in zip(found, starts_of(stream.values), strict=True) if is_start
    ]


def test_a_sentence_of_chinese_is_not_one_word(
    tmp_path: Path, cuts_at_blanks: PreTrainedTokenizerFast
) -> None:
    assert begins("患者metformin頭痛", tmp_path, cuts_at_blanks)[-6:] == [
        *("▁", "者", "met"),  # the mark of a word's beginning and 患 are one word
        *("頭", "痛"),
        "</s>",
    ]
    assert begins("metformin met", tmp_path, cuts_at_blanks) == ["▁", "▁", "</s>"]


def test_terms_of_a_lexicon_are_words_whatever_the_tokenizer_cuts(
    tmp_path: Path, cuts_at_blanks: PreTrainedTokenizerFast
) -> None:
    found = begins("患者頭痛緩解", tmp_path, cuts_at_blanks, Lexicon.of(["頭痛", "患者"]))
    assert found == ["▁", "頭", "緩", "解", "</s>"]


def test_bytes_of_a_character_are_one_word(tmp_path: Path) -> None:
    """As RoBERTa's: what is not in the vocabulary is a token a byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = {piece: number for number, piece in enumerate([*letters, "</s>"])}
    tokenizer = Tokenizer(models.BPE(pieces, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, sep_token="</s>")
    assert len(begins("有頭痛", tmp_path, fast)) == 3 + 1
    assert len(begins("有頭痛", tmp_path, fast, Lexicon.of(["頭痛"]))) == 2 + 1


def test_a_damaged_file_of_tokens_is_made_anew(
    tmp_path: Path, cuts_at_blanks: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = begins("患者頭痛", tmp_path, cuts_at_blanks)
    (stored,) = (tmp_path / "tokens").iterdir()
    shard = [Shard(tmp_path / "text.txt")]
    for damaged in (stored.read_bytes()[:-3], b""):
        stored.write_bytes(damaged)
        (stream,) = tokenize_shards(shard, cuts_at_blanks, tmp_path / "tokens")
        assert starts_of(stream.values).sum() == len(whole)
    stored.unlink()

    def fill_the_disk(file: IO[bytes], values: Any) -> None:
        file.write(b"a part")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        tokenize_shards(shard, cuts_at_blanks, tmp_path / "tokens")
    assert not list((tmp_path / "tokens").iterdir())


def test_short_streams_keep_no_file_open(
    tmp_path: Path, cuts_at_blanks: PreTrainedTokenizerFast, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("患者頭痛\n" * 10, encoding="utf-8")
    kinds = []
    for mapped in (1000, 10):
        monkeypatch.setattr(tokens, "_MAPPED", mapped)
        (stream,) = tokenize_shards([Shard(path)], cuts_at_blanks, tmp_path / "tokens")
        kinds.append(type(stream.values).__name__)
    assert kinds == ["ndarray", "memmap"]


def test_the_vocabulary_is_learnt_from_texts_by_their_length(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.txt", tmp_path / "packed.txt.xz"
    plain.write_text("a" * 9 + "\n" + ("b" * 9 + "\n") * 999)
    with lzma.open(packed, "wt") as file:
        file.write(("c" * 9 + "\n") * 1000)
    lines = list(
        first_lines(
            [
                Shard(plain),
                Shard(packed),
            ],
            900,
        )
    )
    assert [sum(line[0] in kind for line in lines) for kind in ("ab", "c")] == [50, 50]
    lines = list(first_lines([Shard(plain), Shard(packed, 3.0)], 900))
    assert [sum(line[0] in kind for line in lines) for kind in ("ab", "c")] == [25, 75]
