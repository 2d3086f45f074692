from __future__ import annotations

import pytest

from spacy_bioner.encoders.vocabulary import Vocabulary, learn_vocabulary
from spacy_bioner.errors import EncoderError

SPECIALS = ("[PAD]", "[UNK]")


def learn(texts: list[str], size: int = 2000, min_frequency: int = 1) -> Vocabulary:
    return learn_vocabulary(texts, SPECIALS, size, min_frequency)


def smallest_size() -> int:
    """The least size, which has room for no character but those always kept."""
    return len(learn(["a"]).tokens)


def test_learn_vocabulary_begins_with_the_special_tokens() -> None:
    assert learn(["糖"]).tokens[:2] == SPECIALS


def test_learn_vocabulary_holds_no_token_twice() -> None:
    tokens = learn(["metformin metformin 糖尿病"]).tokens
    assert len(tokens) == len(set(tokens))


def test_learn_vocabulary_always_keeps_latin_greek_and_full_width() -> None:
    tokens = set(learn(["糖"]).tokens)
    assert {"Z", "##z", "9", "##9", "~", "β", "##β", "Ａ", "##Ａ", "，", "µ", "±"} <= tokens


def test_learn_vocabulary_gives_chinese_characters_no_inner_form() -> None:
    tokens = learn(["糖尿病々〇"]).tokens
    assert {"糖", "尿", "病", "々", "〇"} <= set(tokens)
    assert not any(token.endswith("糖") for token in tokens if token != "糖")


def test_learn_vocabulary_gives_kana_an_inner_form() -> None:
    assert {"ビ", "##ビ"} <= set(learn(["ビタ"]).tokens)


def test_learn_vocabulary_learns_words_that_are_frequent_enough() -> None:
    tokens = learn(["aspirin aspirin ibuprofen"], min_frequency=2).tokens
    assert "aspirin" in tokens
    assert "ibuprofen" not in tokens


def test_learn_vocabulary_never_exceeds_its_size() -> None:
    size = smallest_size() + 3
    assert len(learn(["糖尿病 aspirin metformin"], size).tokens) == size


def test_learn_vocabulary_keeps_the_most_frequent_characters() -> None:
    learnt = learn(["糖糖糖尿尿病"], smallest_size() + 2)
    assert learnt.tokens.count("糖") == learnt.tokens.count("尿") == 1
    assert "病" not in learnt.tokens


def test_learn_vocabulary_counts_the_characters_left_out() -> None:
    assert learn(["糖糖糖尿尿病ビ"], smallest_size() + 2).characters_left_out == 2


def test_learn_vocabulary_learns_no_wordpiece_of_a_character_left_out() -> None:
    tokens = learn(["糖糖 aкa aкa"], smallest_size() + 1).tokens
    assert not any("к" in token for token in tokens)


def test_learn_vocabulary_says_which_size_would_do() -> None:
    with pytest.raises(EncoderError, match=str(smallest_size())):
        learn(["糖"], 10)
