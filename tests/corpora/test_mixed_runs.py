"""Runs of Latin letters and digits within Chinese text stay whole, whatever the format."""

from __future__ import annotations

import pytest

from spacy_bioner.corpora.checks.runs import CutRuns
from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.sentences import find_sentences
from spacy_bioner.corpora.writers import WRITERS
from spacy_bioner.corpora.writers.prodigy import write_prodigy

TEXT = "他接種COVID-19疫苗，每日服50µg的Ｂ１２與1.5mg葉酸。"
MENTIONS = (Entity(3, 11, "DISE"), Entity(17, 21, "CHEM"), Entity(22, 25, "SUPP"))
TOKENS = ("他", "接種", "COVID-19", "疫苗", "，", "每日服", "50µg", "的Ｂ１２", "與", "1.5mg葉酸。")


@pytest.mark.parametrize("format", ["spacy", *WRITERS])
@pytest.mark.parametrize("words", [False, True])
def test_text_and_mentions_come_back(tmp_path, zh, format, words):
    ends = [sum(map(len, TOKENS[: n + 1])) for n in range(len(TOKENS))]
    tokens = tuple((end - len(token), end) for end, token in zip(ends, TOKENS, strict=True))
    fitting = tuple(e for e in MENTIONS if not words or (e.start, e.end) in tokens)
    source, out = tmp_path / "a.jsonl", tmp_path / "out.spacy"
    write_prodigy([Document(TEXT, fitting, "a", tokens=tokens if words else None)], source)
    convert([source], out, nlp=zh, to=format)
    (found,) = read_corpus(out, format)
    assert found.text == TEXT
    assert [(e.start, e.end, e.label) for e in found.entities] == [
        (e.start, e.end, e.label) for e in fitting
    ]
    if words and format in ("conll", "character_tags", "prodigy"):
        assert [TEXT[start:end] for start, end in found.tokens] == list(TOKENS)


def test_no_sentence_ends_within_a_run():
    assert find_sentences(TEXT) == [(0, len(TEXT))]


@pytest.mark.parametrize(
    ("start", "end", "run"),
    [(3, 8, "COVID-19"), (19, 21, "50µg"), (22, 24, "Ｂ１２"), (28, 31, "1.5mg")],
)
def test_boundary_that_cuts_a_run_is_reported(start, end, run):
    check = CutRuns()
    check.add("train", Document(TEXT, MENTIONS))
    assert list(check.findings()) == []
    check.add("train", Document(TEXT, (Entity(start, end, "X"),)))
    (finding,) = check.findings()
    assert repr(run) in finding.message
