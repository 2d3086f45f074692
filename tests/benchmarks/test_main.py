"""Each benchmark runs to its end on a little data, and prints the rows of its table.

What the figures are is not looked at: a person runs a benchmark for that.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
import spacy
import typer

from benchmarks import (
    component,
    confidences,
    corpora,
    crf,
    growth,
    inference,
    ladder,
    lexicon,
    optimizer,
    partial_labels,
    pretraining,
    selection,
    systems,
    training,
    windows,
)
from benchmarks.heads import read_docs
from benchmarks.parts import PARTS

Printed = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


def table(text: str) -> dict[str, list[str]]:
    """The cells of each line that has some, by the first of them."""
    lines = [line.strip().strip("|").split("|") for line in text.splitlines() if "|" in line]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


def test_component(capsys: Printed) -> None:
    component.main(width=8, repeats=1)
    assert {"update", "predict"} <= table(capsys.readouterr().out).keys()


def test_confidences(capsys: Printed, bilstm: Path, gold: Path) -> None:
    confidences.main(bilstm, gold, gold)
    printed = capsys.readouterr().out
    assert {"exact probability", "mean CRF marginal"} <= table(printed).keys()
    assert "after, by type" in printed


def test_corpora(capsys: Printed) -> None:
    corpora.main(megabytes=0.05, formats="pubtator")
    assert {"pubtator"} <= table(capsys.readouterr().out).keys()


def test_crf(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crf, "SHAPES", [(3, 8)])
    crf.main(labels=2, repeats=1)
    assert "3x8" in table(capsys.readouterr().out)


def test_growth(capsys: Printed, bilstm: Path, gold: Path, tmp_path: Path) -> None:
    plot = tmp_path / "growth.svg"
    growth.main(bilstm, gold, tokens="200,400", documents="", plot=plot)
    assert {"200", "400"} <= table(capsys.readouterr().out).keys()
    assert plot.read_text(encoding="utf-8").startswith("<svg")


def test_growth_of_one_size_has_no_slope() -> None:
    assert not any("Slope" in line for line in growth.table("documents", [(100, 1.0, 10**6)]))


def test_growth_of_many_documents(bilstm: Path, gold: Path) -> None:
    nlp = spacy.load(bilstm)
    growth.read_many(nlp, read_docs(gold, "zh"), 80)
    growth.read_clauses(nlp, read_docs(gold, "zh"), 80)


def test_inference(
    capsys: Printed, tmp_path: Path, transformer: Path, encoder: Path, gold: Path
) -> None:
    folder = tmp_path / inference.digest_of(encoder, gold, "zh", 2000, 2)
    folder.mkdir()
    (folder / "prepare_ours").symlink_to(transformer)
    without = ["Hugging Face", "EDS-NLP", "flair", "batch_size", "threshold", "int8"]
    inference.main(encoder, gold, gold, folder=tmp_path, steps=2, rounds=1, without=without)
    printed = capsys.readouterr().out
    assert {inference.STOCK, "ours, float32", "ours, bfloat16"} <= table(printed).keys()
    assert "Pipeline over its encoder alone" in printed


def test_inference_prepares_anew_for_other_texts_or_settings(encoder: Path, gold: Path) -> None:
    digests = {
        inference.digest_of(encoder, gold, "zh", 2000, 2),
        inference.digest_of(encoder, gold, "en", 2000, 2),
        inference.digest_of(encoder, encoder / "config.json", "zh", 2000, 2),
        inference.digest_of(gold.parent, gold, "zh", 2000, 2),
    }
    assert len(digests) == 4


def test_inference_ends_where_a_system_dies(tmp_path: Path) -> None:
    chosen = {"broken": inference.System(systems.prepare_ours, systems.load_spacy)}
    with pytest.raises(SystemExit, match="broken: its process ended"):
        inference.run(chosen, tmp_path, [["頭痛"]], 1, False)


def test_inference_of_peers(tmp_path: Path, encoder: Path, gold: Path) -> None:
    docs = read_docs(gold, "zh", 4)
    setting = systems.Setting(encoder, "zh", docs, steps=2)
    for name, system in inference.all_systems("zh").items():
        if name.startswith("Hugging Face"):
            place = tmp_path / system.prepare.__name__
            if not place.exists():
                system.prepare(setting, place)
            find = system.ready(system.load(place), [doc.text for doc in docs])
            assert len(find()) == len(docs), name


def test_ladder(capsys: Printed, bilstm: Path, gold: Path, tmp_path: Path) -> None:
    runs, results = bilstm.parents[2], tmp_path / "ladder.csv"
    ladder.score([runs], train=gold, gold=[f"all={gold}"], table=results)
    ladder.show(results)
    assert "| random characters | 1 |" in capsys.readouterr().out


def test_ladder_says_where_there_is_no_pipeline(tmp_path: Path, gold: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(typer.BadParameter, match="no pipeline of a run here"):
            ladder.score([folder], train=gold, gold=[], table=tmp_path / "ladder.csv")


def test_lexicon(capsys: Printed, tmp_path: Path, gold: Path) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("頭痛\t3\n", encoding="utf-8")
    nlp = spacy.blank("zh")
    nlp.vocab.set_vector("頭痛", numpy.ones(8, "f"))
    layer = {"@architectures": "spacy_bioner.LexiconFeatures.v1", "vector_width": 8}
    model = {
        "@architectures": "spacy_bioner.CrfTagger.v1",
        "tok2vec": {**layer, "lexicon": str(words)},
    }
    nlp.add_pipe("bert_crf_ner", config={"model": model}).add_label("SYMP")
    nlp.initialize()
    nlp.to_disk(tmp_path / "model")
    lexicon.main(tmp_path / "model", gold, limit=5)
    expected = {"as it is", "words spelt backwards", "no word occurs"}
    assert expected <= table(capsys.readouterr().out).keys()


def test_optimizer(capsys: Printed) -> None:
    optimizer.main(repeats=1)
    assert optimizer.GRADIENTS.keys() <= table(capsys.readouterr().out).keys()


def test_partial_labels(capsys: Printed, gold: Path) -> None:
    partial_labels.main(gold, gold, sentences=10, epochs=1)
    assert "all annotation" in table(capsys.readouterr().out)


def test_parts(tmp_path: Path, transformer: Path, encoder: Path, gold: Path) -> None:
    stock = tmp_path / "stock"
    systems.prepare_stock(systems.Setting(encoder, "zh", read_docs(gold, "zh", 4), 2), stock)
    # in a process of its own, as it puts its watches into the libraries
    command = [sys.executable, "-m", "benchmarks.parts", stock, transformer, gold]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    found = table(run.stdout)
    timed = {name: float(of_ours) for name, (_, of_ours) in list(found.items())[2:]}
    assert timed.keys() == {*PARTS, "together"}
    assert min(timed[part] for part in ("wordpieces", "encoder", "tagger", "together")) > 0


def test_pretraining(capsys: Printed, text: Path) -> None:
    pretraining.main([text], layers=1, width=64, steps=1, rounds=1)
    assert "ratio" in capsys.readouterr().out


def test_selection(capsys: Printed, gold: Path) -> None:
    selection.main(gold, gold, start=200, budget=200, rounds=1, epochs=1, seeds=1)
    assert {"random", "entropy"} <= table(capsys.readouterr().out).keys()


def test_selection_ranks_as_many_as_the_budget_takes(bilstm: Path, gold: Path) -> None:
    nlp, docs = spacy.load(bilstm), read_docs(gold, "zh")
    budget = sum(len(doc.text) for doc in docs) // 2
    ranked = selection.least_sure(nlp, docs, "entropy", 0.5, budget)
    assert len(selection.up_to(budget, ranked, docs)) > len(docs) // 10
    assert sum(len(docs[i].text) for i in ranked) >= budget


def test_training(capsys: Printed, encoder: Path, gold: Path) -> None:
    training.main(encoder, gold, gold, steps=2, batch=4, seeds=1)
    assert {training.STOCK, "ours, bfloat16"} <= table(capsys.readouterr().out).keys()


def test_windows(capsys: Printed, transformer: Path, gold: Path) -> None:
    windows.main(transformer, gold, documents=2, shift=20)
    assert {"64", "128", "512"} <= table(capsys.readouterr().out).keys()
