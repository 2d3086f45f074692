"""The sample corpus: reproducible, consistent, and hard enough to test learning."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SAMPLE = Path(__file__).resolve().parents[2] / "assets" / "sample"
SPLITS = ("train", "dev", "test")
TYPES = {"BODY", "SYMP", "INST", "EXAM", "CHEM", "DISE", "DRUG", "SUPP", "TREAT", "TIME"}
Record = dict[str, Any]
Corpus = dict[str, list[Record]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return {
        split: [
            json.loads(line)
            for line in (SAMPLE / f"{split}.json").read_text(encoding="utf-8").splitlines()
        ]
        for split in SPLITS
    }


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sample_generate", SAMPLE / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    return module


def mentions(records: list[Record]) -> list[tuple[str, str]]:
    return [
        (word, label)
        for record in records
        for word, label in zip(record["word"], record["word_label"], strict=True)
        if label != "O"
    ]


def frame_pattern(text: str) -> re.Pattern[str]:
    """Match the sentences a frame can have made."""
    literals = re.split(r"\{[^}]+\}", re.sub(r"\s", "", text))
    return re.compile(".+?".join(re.escape(part) for part in literals))


def character_labels(record: Record) -> list[str]:
    """Work out the BIO labels from the word labels."""
    found = []
    for word, label in zip(record["word"], record["word_label"], strict=True):
        start, rest = ("O", "O") if label == "O" else (f"B-{label}", f"I-{label}")
        found += [start] + [rest] * (len(word) - 1)
    return found


def test_generate_reproduces_the_files(tmp_path: Path, generate: ModuleType) -> None:
    generate.write_corpus(generate.make_corpus(2022), tmp_path)
    for split in SPLITS:
        made = (tmp_path / f"{split}.json").read_bytes()
        assert made == (SAMPLE / f"{split}.json").read_bytes()


def test_generate_leaves_no_temporary_file(tmp_path: Path, generate: ModuleType) -> None:
    generate.write_corpus(generate.make_corpus(1), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"{s}.json" for s in SPLITS}


def test_generate_varies_with_the_seed(generate: ModuleType) -> None:
    assert generate.make_corpus(1) != generate.make_corpus(2)


@pytest.mark.parametrize(("split", "least"), [("train", 1300), ("dev", 320), ("test", 320)])
def test_corpus_is_large_enough(corpus: Corpus, split: str, least: int) -> None:
    assert len(corpus[split]) >= least


@pytest.mark.parametrize("split", SPLITS)
def test_corpus_has_every_type(corpus: Corpus, split: str) -> None:
    assert {label for _, label in mentions(corpus[split])} == TYPES


@pytest.mark.parametrize("split", SPLITS)
def test_corpus_has_every_genre(corpus: Corpus, split: str) -> None:
    assert {record["genre"] for record in corpus[split]} == {"ft", "sm", "wa"}


def test_corpus_repeats_no_sentence(corpus: Corpus) -> None:
    sentences = [record["sentence"] for split in SPLITS for record in corpus[split]]
    assert len(sentences) == len(set(sentences))


def test_corpus_repeats_no_id(corpus: Corpus) -> None:
    ids = [record["id"] for split in SPLITS for record in corpus[split]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("split", SPLITS)
def test_corpus_keeps_sentences_between_10_and_90_characters(corpus: Corpus, split: str) -> None:
    assert all(10 <= len(record["sentence"]) <= 90 for record in corpus[split])


@pytest.mark.parametrize("split", SPLITS)
def test_record_joins_to_its_sentence(corpus: Corpus, split: str) -> None:
    for record in corpus[split]:
        assert "".join(record["word"]) == record["sentence"]
        assert record["character"] == list(record["sentence"])


@pytest.mark.parametrize("split", SPLITS)
def test_record_labels_agree(corpus: Corpus, split: str) -> None:
    for record in corpus[split]:
        assert record["character_label"] == character_labels(record)


@pytest.mark.parametrize("split", SPLITS)
def test_record_labels_are_legal_bio(corpus: Corpus, split: str) -> None:
    for record in corpus[split]:
        previous = "O"
        for label in record["character_label"]:
            if label.startswith("I-"):
                assert previous[2:] == label[2:]
            previous = label


@pytest.mark.parametrize("split", ["dev", "test"])
def test_mentions_are_partly_unseen_in_train(corpus: Corpus, split: str) -> None:
    seen = {word for word, _ in mentions(corpus["train"])}
    words = [word for word, _ in mentions(corpus[split])]
    assert 0.2 <= sum(word not in seen for word in words) / len(words) <= 0.5


def test_mentions_of_every_type_are_partly_unseen(corpus: Corpus) -> None:
    seen = {word for word, _ in mentions(corpus["train"])}
    unseen = {label for word, label in mentions(corpus["test"]) if word not in seen}
    assert unseen == TYPES


def test_frames_held_out_are_absent_from_train(corpus: Corpus, generate: ModuleType) -> None:
    patterns = [frame_pattern(frame.text) for frame in generate.load_frames("held")]
    for record in corpus["train"]:
        assert not any(pattern.search(record["sentence"]) for pattern in patterns)


def test_frames_held_out_are_in_test(corpus: Corpus, generate: ModuleType) -> None:
    patterns = [frame_pattern(frame.text) for frame in generate.load_frames("held")]
    texts = [record["sentence"] for record in corpus["test"]]
    found = [pattern for pattern in patterns if any(map(pattern.search, texts))]
    assert len(found) >= 20


def test_words_differ_in_type_by_context(corpus: Corpus) -> None:
    labels: dict[str, set[str]] = defaultdict(set)
    for word, label in (pair for split in SPLITS for pair in mentions(corpus[split])):
        labels[word].add(label)
    assert sum(len(found) > 1 for found in labels.values()) >= 5


def test_words_are_mentions_only_in_some_contexts(corpus: Corpus) -> None:
    records = [record for split in SPLITS for record in corpus[split]]
    named = {word for word, _ in mentions(records)}
    plain = {
        word
        for record in records
        for word, label in zip(record["word"], record["word_label"], strict=True)
        if label == "O"
    }
    assert len(named & plain) >= 5


@pytest.mark.parametrize("split", SPLITS)
def test_sentences_partly_have_no_entity(corpus: Corpus, split: str) -> None:
    empty = [record for record in corpus[split] if not mentions([record])]
    assert 0.08 <= len(empty) / len(corpus[split]) <= 0.2


@pytest.mark.parametrize("split", SPLITS)
def test_drugs_include_latin_names(corpus: Corpus, split: str) -> None:
    drugs = {word for word, label in mentions(corpus[split]) if label == "DRUG"}
    assert any(re.fullmatch(r"[A-Za-z]{4,}", word) for word in drugs)


@pytest.mark.parametrize("split", SPLITS)
def test_numbers_occur_within_and_outside_mentions(corpus: Corpus, split: str) -> None:
    words: dict[bool, str] = {True: "", False: ""}
    for record in corpus[split]:
        for word, label in zip(record["word"], record["word_label"], strict=True):
            words[label != "O"] += word
    assert re.search(r"\d", words[True])
    assert re.search(r"\d", words[False])
