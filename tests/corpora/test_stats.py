from __future__ import annotations

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.stats import corpus_statistics, render_statistics
from spacy_bioner.corpora.tagged import unit_offsets

CHINESE = [
    Document("他頭痛。", (Entity(1, 3, "SYMP"),), genre="FT"),
    Document("她膝蓋腫痛。", (Entity(1, 3, "BODY"), Entity(3, 5, "SYMP")), genre="SM"),
    Document("好。", genre="SM"),
]


def test_characters_count_where_there_are_no_tokens():
    statistics = corpus_statistics(CHINESE)
    total = statistics.total
    assert (total.sentences, total.without_entity) == (3, 1)
    assert (total.characters, total.tokens, total.entities) == (12, 12, 3)
    assert (total.minimum, total.mean, total.median, total.maximum) == (2, 4, 4, 6)
    assert [s.entities for s in statistics.genres.values()] == [1, 2]
    assert [(t.label, t.begin, t.inside) for t in statistics.types] == [
        ("SYMP", 2, 2),
        ("BODY", 1, 1),
    ]
    assert statistics.types[0].share == 2 / 3


def test_begin_and_inside_count_tokens():
    words = ["severe", "back", "pain", "."]
    document = Document(" ".join(words), (Entity(0, 16, "D"),), tokens=unit_offsets(words, " "))
    statistics = corpus_statistics([document])
    assert (statistics.types[0].begin, statistics.types[0].inside) == (1, 2)
    assert (statistics.total.tokens, statistics.total.characters) == (4, 18)


def test_render_shows_both_tables():
    assert render_statistics({"toy": corpus_statistics(CHINESE)}).split("\n") == [
        "Table 1. Sentences (length in tokens)",
        "",
        "| corpus | genre | sentences | no entity | characters | tokens | entities | min |  p5 "
        "| p25 | median | mean | p75 | p95 | max |",
        "| ------ | ----- | --------: | --------: | ---------: | -----: | -------: | --: | --: "
        "| --: | -----: | ---: | --: | --: | --: |",
        "| toy    | all   |         3 |         1 |         12 |     12 |        3 |   2 | 2.2 "
        "|   3 |      4 |    4 |   5 | 5.8 |   6 |",
        "| toy    | FT    |         1 |         0 |          4 |      4 |        1 |   4 |   4 "
        "|   4 |      4 |    4 |   4 |   4 |   4 |",
        "| toy    | SM    |         2 |         1 |          8 |      8 |        2 |   2 | 2.2 "
        "|   3 |      4 |    4 |   5 | 5.8 |   6 |",
        "",
        "Table 2. Entity types",
        "",
        "| corpus | type | entities |  share |   B |   I |    B:I |",
        "| ------ | ---- | -------: | -----: | --: | --: | -----: |",
        "| toy    | SYMP |        2 |  66.7% |   2 |   2 | 1:1.00 |",
        "| toy    | BODY |        1 |  33.3% |   1 |   1 | 1:1.00 |",
        "| toy    | all  |        3 | 100.0% |   3 |   3 | 1:1.00 |",
    ]


def test_corpus_without_documents_or_entities_renders():
    for documents in ([], [Document("好。")]):
        assert "Table 2" in render_statistics({"toy": corpus_statistics(documents)})
