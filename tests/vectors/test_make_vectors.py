from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import spacy
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.errors import ConfigError, CorpusError, OutputExistsError, VectorsError
from spacy_bioner.lexicon import Lexicon
from spacy_bioner.vectors import make_vectors as make_vectors_module
from spacy_bioner.vectors.make_vectors import VectorRows, make_vectors
from spacy_bioner.vectors.skipgram import SkipGram
from spacy_bioner.vectors.units import characters, ngrams, words

SETTINGS = SkipGram(width=8, epochs=3, min_count=2)


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    rng = random.Random(0)
    path = tmp_path / "texts.txt"
    lines = ["糖尿病人服藥 頭痛", "頭痛病人服藥", "血糖與血壓"]
    path.write_text("".join(rng.choice(lines) + "\n" for _ in range(300)), encoding="utf-8")
    return path


def test_units_of_a_text() -> None:
    assert list(characters("糖尿病")) == ["糖", "尿", "病"]
    assert list(ngrams(2)("糖尿病")) == ["糖|尿", "尿|病"]
    assert list(ngrams(3)("糖尿")) == []
    assert list(words(Lexicon.of(["糖尿病", "病人"]))("是糖尿病人")) == ["是", "糖尿病", "人"]


def test_vectors_are_found_by_character_ngram_and_word(texts: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "terms.txt"
    lexicon.write_text("糖尿病\n頭痛\n未見\n", encoding="utf-8")
    out = tmp_path / "vectors"
    made = make_vectors([texts], out, settings=SETTINGS, lexicon=lexicon)
    vocab = spacy.load(out).vocab
    for key in ("糖", "糖|尿", "糖尿病", "頭痛"):
        assert np.abs(vocab.vectors[vocab.strings.add(key)]).sum() > 0
    near, _, _ = vocab.vectors.most_similar(vocab["頭痛"].vector[None], n=3)
    assert all(vocab.strings[key] for key in near[0])
    assert not vocab.has_vector("未見")
    assert not vocab.has_vector("藥|頭"), "no n-gram spans a blank"
    assert vocab.vectors.shape[1] == 8
    table = dict(line.split("\t") for line in (out / "words.tsv").read_text("utf-8").splitlines())
    text = texts.read_text(encoding="utf-8")
    assert int(table["糖尿病"]) == text.count("糖尿病")
    assert made["characters"] == len(set(text) - {" ", "\n"})


def test_rows_are_the_most_frequent_units(texts: Path, tmp_path: Path) -> None:
    counted = Counter(texts.read_text(encoding="utf-8").replace("\n", "").replace(" ", ""))
    fourth = counted.most_common(4)[-1][1]
    kept = {unit for unit, count in counted.items() if count > fourth}
    rows = VectorRows(characters=4, bigrams=0, words=0)
    made = make_vectors([texts], tmp_path / "vectors", settings=SETTINGS, rows=rows)
    assert made == {"characters": len(kept)}
    vocab = spacy.load(tmp_path / "vectors").vocab
    assert {vocab.strings[key] for key in vocab.vectors} == kept


def test_rows_of_words_are_the_most_frequent_terms(texts: Path, tmp_path: Path) -> None:
    """The characters between the terms, which are more frequent, take none of them."""
    lexicon = tmp_path / "terms.txt"
    lexicon.write_text("糖尿病\n頭痛\n血糖\n", encoding="utf-8")
    text = texts.read_text(encoding="utf-8")
    for n in (1, 2, 3):
        rows, out = VectorRows(bigrams=0, words=n), tmp_path / f"vectors{n}"
        made = make_vectors([texts], out, rows=rows, settings=SETTINGS, lexicon=lexicon)
        assert made["words"] == n
        kept = [line.split("\t")[0] for line in (out / "words.tsv").read_text("utf-8").splitlines()]
        assert kept == sorted(["糖尿病", "頭痛", "血糖"], key=text.count, reverse=True)[:n]


def test_tokens_of_a_language_stand_in_lower_case(tmp_path: Path) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "vectors"
    texts.write_text("Aspirin (ASA) helps.\nNo aspirin today.\n" * 40, encoding="utf-8")
    rows = VectorRows(characters=0, bigrams=0, tokens=50)
    assert make_vectors([texts], out, rows=rows, settings=SETTINGS, lang="en") == {"tokens": 8}
    vocab = spacy.load(out).vocab
    expected = {"aspirin", "(", "asa", ")", "helps", ".", "no", "today"}
    known = {vocab.strings[key] for key in vocab.vectors.key2row}
    assert known == expected
    assert "ASA" not in vocab.strings, "what was read is not kept"


def test_terms_with_blanks_are_told_of(texts: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "terms.txt"
    lexicon.write_text("頭痛\nheart failure\n服藥 頭痛\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"2 terms of .*terms\.txt hold blanks"):
        make_vectors([texts], tmp_path / "out", settings=SETTINGS, lexicon=lexicon)


def test_terms_that_do_not_occur_are_refused(texts: Path, tmp_path: Path) -> None:
    (tmp_path / "terms.txt").write_text("未見\n", encoding="utf-8")
    with pytest.raises(VectorsError, match="no term of the lexicon occurs 2 times"):
        make_vectors([texts], tmp_path / "out", settings=SETTINGS, lexicon=tmp_path / "terms.txt")


@pytest.mark.parametrize("setting", ["width", "window", "epochs", "min_count", "jobs"])
def test_settings_below_one_are_refused(setting: str) -> None:
    with pytest.raises(VectorsError, match=f"{setting} is 0; it must be at least 1"):
        SkipGram(**{setting: 0})


def test_a_seed_that_nothing_can_begin_with_is_refused() -> None:
    with pytest.raises(VectorsError, match="seed is 4294967296; it must be below"):
        SkipGram(seed=2**32)


def test_equal_seeds_give_equal_vectors(texts: Path, tmp_path: Path) -> None:
    tables = []
    for name in ("a", "b"):
        make_vectors([texts], tmp_path / name, settings=SETTINGS)
        tables.append(spacy.load(tmp_path / name).vocab.vectors.data)
    np.testing.assert_array_equal(*tables)


def test_force_replaces_vectors_and_nothing_else(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "vectors"
    make_vectors([texts], out, settings=SETTINGS)
    make_vectors([texts], out, settings=SETTINGS, force=True)
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "own.txt").write_text("mine", encoding="utf-8")
    trained = spacy.load(out)
    trained.add_pipe("sentencizer")
    trained.to_disk(tmp_path / "trained")
    for path in (notes, tmp_path / "trained"):
        with pytest.raises(ConfigError, match="is not a table of vectors alone"):
            make_vectors([texts], path, settings=SETTINGS, force=True)
    assert (notes / "own.txt").exists()
    assert spacy.load(tmp_path / "trained").pipe_names == ["sentencizer"]


def test_a_manifest_that_cannot_be_read_is_told_of_before_training(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "MANIFEST.tsv").write_text("source\trepo\ntexts\tme/it\n")
    monkeypatch.setattr(make_vectors_module, "train_skipgram", lambda *_: pytest.fail("too late"))
    with pytest.raises(CorpusError, match="has no column 'licence'"):
        make_vectors([texts], tmp_path / "vectors", settings=SETTINGS)


def test_what_cannot_be_made_is_refused(texts: Path, tmp_path: Path) -> None:
    spacy.blank("zh").to_disk(tmp_path / "there")
    with pytest.raises(OutputExistsError):
        make_vectors([texts], tmp_path / "there", settings=SETTINGS)
    with pytest.raises(VectorsError, match="characters is -1; it must be at least 0"):
        VectorRows(characters=-1)
    with pytest.raises(VectorsError, match="spaCy knows no language 'qqq'"):
        make_vectors([texts], tmp_path / "none", lang="qqq")
    with pytest.raises(VectorsError, match="no kind of unit"):
        make_vectors([texts], tmp_path / "none", rows=VectorRows(0, 0, 0, 0))
    short = tmp_path / "short.txt"
    short.write_text("糖\n", encoding="utf-8")
    with pytest.raises(VectorsError, match="too little text"):
        make_vectors([short], tmp_path / "few", settings=SETTINGS)
    even = tmp_path / "even.txt"
    even.write_text("ab\n" * 50, encoding="utf-8")
    with pytest.raises(VectorsError, match=r"characters: the most frequent .* than the 1 wanted"):
        make_vectors([even], tmp_path / "few", rows=VectorRows(1, 0, 0, 0), settings=SETTINGS)
    with pytest.raises(VectorsError, match="seed is 4294967295; it must be below"):
        SkipGram(seed=2**32 - 1)
    assert not list(tmp_path.glob(".*.tmp"))


def test_command_makes_vectors_and_says_how_large_they_are(texts: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.tsv"
    weights.write_text("texts\t2\n", encoding="utf-8")
    out = tmp_path / "vectors"
    options = ["--width", "8", "--weights", str(weights), "--bigrams", "20"]
    result = CliRunner().invoke(app, ["make-vectors", str(texts), str(out), *options])
    assert result.exit_code == 0, result.output
    assert re.search(r"vectors of \d+ characters, \d+ bigrams; \d+\.\d MB", result.output)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| texts | 2 | not given | not given |" in card
    again = CliRunner().invoke(app, ["make-vectors", str(texts), str(out), *options])
    assert again.exit_code == 1
    assert "already exists" in again.output
