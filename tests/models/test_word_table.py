from __future__ import annotations

import pytest
import spacy

from spacy_bioner.models import word_table
from spacy_bioner.models.word_table import WordTable


def test_each_word_is_asked_for_once_and_whatever_vocabulary_it_is_in() -> None:
    asked: list[str] = []

    def numbers_of(words: list[str]) -> list[int]:
        asked.extend(words)
        return [ord(word) for word in words]

    table = WordTable(numbers_of)
    docs = [spacy.blank("zh")(text) for text in ("血壓", "壓", "", "藥血")]
    for _ in range(2):
        assert table.numbers(docs).tolist() == [ord(c) for c in "血壓壓藥血"]
    assert sorted(asked) == sorted("血壓藥")
    assert table.numbers([]).tolist() == []


def test_many_words_are_looked_up_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_table, "_AT_ONCE", 2)
    table = WordTable(lambda words: [ord(word) for word in words])
    text = "血壓藥高壓"
    assert table.numbers([spacy.blank("zh")(text)]).tolist() == [ord(c) for c in text]


def test_it_forgets_rather_than_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_table, "_MOST_REMEMBERED", 2)
    table, zh = WordTable(lambda words: [ord(word) for word in words]), spacy.blank("zh")
    for text in ("血壓藥", "高頭痛", "血壓藥"):
        assert table.numbers([zh(text)]).tolist() == [ord(c) for c in text]
        assert len(table._known) == 3
