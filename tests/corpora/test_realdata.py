from __future__ import annotations

import pytest

from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.docbin import Placement
from spacy_bioner.corpora.readers import read_character_tags, read_healthner
from spacy_bioner.corpora.reading import detect_format, read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.stats import corpus_statistics

pytestmark = pytest.mark.realdata

MULTINER = "zh/multiner-health-2023/MultiNER-Health_truth_{}.txt"


@pytest.mark.parametrize(
    ("name", "format", "sentences", "characters", "entities", "repairs"),
    [
        ("zh/healthner/test.json", "healthner", 2531, 121_284, 7305, 0),
        (MULTINER.format("FT"), "character_tags", 2035, 149_276, 10_849, 4),
        (MULTINER.format("SM"), "character_tags", 2208, 98_317, 8292, 0),
        (MULTINER.format("WA"), "character_tags", 2381, 92_498, 9761, 0),
    ],
)
def test_chinese_corpora_count_as_published(
    shared_data, name, format, sentences, characters, entities, repairs
):
    path, log = shared_data / name, ReadLog()
    total = corpus_statistics(read_corpus(path, log=log)).total
    assert detect_format(path) == format
    assert (total.sentences, total.characters, total.tokens) == (
        sentences,
        characters,
        characters,
    )
    assert (total.entities, len(log.repairs)) == (entities, repairs)


@pytest.mark.parametrize(
    ("name", "entities"),
    [
        ("bc5cdr/train.tsv", 9385),
        ("bc5cdr/devel.tsv", 9593),
        ("ncbi-disease/train.tsv", 5134),
        ("ncbi-disease/devel.tsv", 787),
    ],
)
def test_english_corpora_count_as_published(shared_data, name, entities):
    documents = list(read_character_tags(shared_data / "en" / name, log=ReadLog(strict=True)))
    assert sum(len(d.entities) for d in documents) == entities
    assert all(" " in d.text for d in documents[:10])


def test_words_and_characters_of_healthner_agree(shared_data):
    path = shared_data / "zh" / "healthner" / "test.json"
    pairs = zip(read_healthner(path), read_healthner(path, labels="word"), strict=True)
    assert all(by_character.entities == by_word.entities for by_character, by_word in pairs)


@pytest.mark.parametrize("genre", ["FT", "SM", "WA"])
def test_chinese_tokenizer_loses_no_mention(shared_data, tmp_path, zh, genre):
    path, out = shared_data / MULTINER.format(genre), tmp_path / "out.spacy"
    report = convert([path], out, nlp=zh)
    (receipt,) = report.parts.values()
    assert receipt.changes == ()
    assert list(read_corpus(out)) == list(read_corpus(path))


def test_corpus_tokens_of_english_survive_conversion(shared_data, tmp_path, en):
    path, out = shared_data / "en" / "ncbi-disease" / "devel.tsv", tmp_path / "out.spacy"
    convert([path], out, nlp=en, placement=Placement("corpus"))
    assert [(d.text, d.entities, d.tokens) for d in read_corpus(out)] == [
        (d.text, d.entities, d.tokens) for d in read_corpus(path)
    ]
