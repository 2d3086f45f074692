from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.cli.find_threshold import find_threshold
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.cli.selection import run_selection
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.calibration import calibrate, outcomes
from spacy_bioner.pipeline.selection import select, uncertainty
from tests.pipeline import pipelines
from tests.pipeline.pipelines import SENTENCES, TEXTS

NAME = "bert_crf_ner"


@pytest.fixture
def nlp(trained_cnn: Language, tmp_path: Path) -> Language:
    trained_cnn.to_disk(tmp_path / "model")
    return spacy.load(tmp_path / "model")


@pytest.fixture
def examples(nlp: Language) -> list[Example]:
    """The corpus, and a sentence in which the gold is not what the model finds."""
    found = pipelines.examples(nlp)
    wrong = nlp.make_doc(TEXTS[0])
    wrong.set_ents([])
    return [*found, Example(nlp.make_doc(TEXTS[0]), wrong)]


def ents(nlp: Language) -> list[list[tuple[int, int, str]]]:
    return [[(e.start, e.end, e.label_) for e in doc.ents] for doc in nlp.pipe(TEXTS)]


def test_one_temperature_fits_better_and_changes_no_entity(nlp, examples):
    before = ents(nlp)
    fit = calibrate(nlp, NAME, examples)
    assert fit.loss_after < fit.loss_before
    assert fit.temperature > 1  # the model is sure of what is wrong
    assert ents(nlp) == before
    for other in (fit.temperature * 1.1, fit.temperature / 1.1):
        nlp.get_pipe(NAME).cfg["temperature"] = other
        again = calibrate(nlp, NAME, examples)
        assert again.loss_before > fit.loss_after
        assert again.temperature == pytest.approx(fit.temperature, rel=0.01)


def test_a_temperature_is_not_kept_for_new_weights(nlp):
    nlp.get_pipe(NAME).cfg["temperature"] = 5.0
    pipelines.initialized(nlp)
    assert nlp.get_pipe(NAME).cfg["temperature"] == 1.0


def test_temperatures_by_label_fit_no_worse_and_are_saved(nlp, examples, tmp_path):
    single = calibrate(nlp, NAME, examples)
    fit = calibrate(nlp, NAME, examples, by_label=True)
    assert fit.loss_after <= single.loss_after + 1e-6
    assert set(fit.temperature) == {"", *nlp.get_pipe(NAME).labels}
    nlp.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert again.get_pipe(NAME).cfg["temperature"] == pytest.approx(fit.temperature)
    assert ents(again) == ents(nlp)


def test_outcomes_tell_right_from_wrong(nlp, examples):
    found = outcomes(nlp, NAME, examples)
    gold = sum(len(entities) for _, entities in SENTENCES)
    assert found.gold == gold
    assert sum(found.right) == gold
    assert len(found.right) == gold + 2
    assert not nlp.get_pipe(NAME).decoding.scores


def test_outcomes_are_of_all_that_is_found_whatever_the_threshold(nlp, examples):
    expected = outcomes(nlp, NAME, examples)
    nlp.get_pipe(NAME).decoding = replace(nlp.get_pipe(NAME).decoding, threshold=1.0)
    assert not any(ents(nlp))
    assert outcomes(nlp, NAME, examples) == expected
    assert nlp.get_pipe(NAME).decoding.threshold == 1.0


def test_outcomes_leave_out_what_is_not_annotated(nlp):
    reference = nlp.make_doc(TEXTS[1])  # the model finds DISE 0-3, SYMP 3-5 and DRUG 5-6
    disease = Span(reference, 0, 3, "DISE")
    reference.set_ents([disease], outside=[Span(reference, 5, 6)], default="missing")
    found = outcomes(nlp, NAME, [Example(nlp.make_doc(TEXTS[1]), reference)])
    assert (found.labels, found.right, found.gold) == (["DRUG"], [False], 0)
    reference.set_ents([disease])
    reference.user_data["labelled_types"] = ["DISE", "SYMP"]
    found = outcomes(nlp, NAME, [Example(nlp.make_doc(TEXTS[1]), reference)])
    assert (found.labels, found.right, found.gold) == (["DISE", "SYMP"], [True, False], 1)


def test_outcomes_leave_out_an_entity_whose_beginning_is_not_annotated(nlp):
    reference = nlp.make_doc(TEXTS[1])  # the model finds DISE 0-3, SYMP 3-5 and DRUG 5-6
    values = [(2, 0)] * 3 + [(0, 0), (1, nlp.vocab.strings["SYMP"]), (2, 0)]
    reference.from_array(["ENT_IOB", "ENT_TYPE"], np.array(values, dtype="uint64"))
    found = outcomes(nlp, NAME, [Example(nlp.make_doc(TEXTS[1]), reference)])
    assert (found.labels, found.right, found.gold) == (["DRUG"], [False], 0)


def test_calibration_refuses_what_cannot_work(nlp, examples):
    with pytest.raises(ConfigError, match="no component 'ner', only"):
        calibrate(nlp, "ner", examples)
    with pytest.raises(ConfigError, match="no entity to calibrate on"):
        calibrate(nlp, NAME, [Example(nlp.make_doc("頭痛"), nlp.make_doc("頭痛"))])


def test_uncertainty_is_higher_for_what_the_model_does_not_know(nlp):
    component = nlp.get_pipe(NAME)
    lattice = component.lattice([nlp.make_doc(TEXTS[2]), nlp.make_doc("糖頭病藥痛尿服阿用病")])
    for measure in ("entropy", "least-confident", "expected-f1"):
        known, unknown = uncertainty(lattice, measure)
        assert 0 <= known < unknown <= (1 if measure == "expected-f1" else np.inf)
    with pytest.raises(ConfigError, match="cannot select by 'luck'"):
        uncertainty(lattice, "luck")


def test_selection_takes_the_most_uncertain_and_no_text_twice():
    texts = ["一二三四", "一二三四", "五六七八", "一二三五"]
    assert select([1, 4, 2, 3], texts, 2, 0.0) == [1, 3]
    assert select([1, 4, 2, 3], texts, 2, 0.9) == [1, 2]
    assert select([1, 1, 1, 1], texts, 9, 0.5) == [0, 2, 3]
    with pytest.raises(ConfigError, match="count must be 1 or more"):
        select([1.0], ["a"], 0, 0.5)


def test_find_threshold_tries_thresholds_of_the_component(nlp, examples, tmp_path):
    dev = tmp_path / "dev.spacy"
    DocBin(docs=[example.reference for example in examples]).to_disk(dev)
    best, score, tried = find_threshold(
        tmp_path / "model", dev, NAME, "threshold", "ents_f", n_trials=3
    )
    # the entities of the sentence with the wrong gold are as sure as the others: at 1 all go
    assert list(tried) == [0.0, 0.5, 1.0]
    assert tried[0.0] == score > tried[1.0] == 0.0
    assert best == 0.0


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_commands_write_a_calibrated_model_and_a_selection(nlp, examples, tmp_path):
    dev = tmp_path / "dev.spacy"
    DocBin(docs=[example.reference for example in examples]).to_disk(dev)
    output = run("calibrate", tmp_path / "model", dev, tmp_path / "calibrated")
    assert "temperature: " in output
    assert "| all | after |" in output
    assert spacy.load(tmp_path / "calibrated").get_pipe(NAME).cfg["temperature"] != 1.0
    texts = tmp_path / "raw.txt"
    texts.write_text("".join(f"{text}\n\n" for text in TEXTS), encoding="utf-8")
    arguments = ["--count", "2", "--by", "least-confident"]
    run("select", tmp_path / "calibrated", texts, tmp_path / "next.jsonl", *arguments)
    documents = list(read_corpus(tmp_path / "next.jsonl"))
    assert len(documents) == 2
    assert {d.text for d in documents} < set(TEXTS)
    notes = [e.note for d in documents for e in d.entities]
    assert notes
    assert all(np.float64(note.split()[1]) > 0 for note in notes)
    record = json.loads((tmp_path / "next.jsonl").read_text("utf-8").splitlines()[0])
    assert record["spans"][0]["note"].startswith("confidence ")


def test_random_choice_is_by_chance_alone(nlp, tmp_path):
    """Else texts unlike the others would be chosen for that."""
    texts = tmp_path / "raw.txt"
    alike = [f"病人頭痛{n}\n\n" for n in range(150)]
    texts.write_text("".join(alike) + "".join(f"{chr(0x4E00 + 9 * n)}\n\n" for n in range(50)))
    chosen = []
    for seed in range(5):
        out = tmp_path / f"{seed}.jsonl"
        arguments = ["--count", "20", "--by", "random", "--seed", str(seed)]
        run("select", tmp_path / "model", texts, out, *arguments)
        chosen += [document.text for document in read_corpus(out)]
    assert 5 < sum("頭痛" not in text for text in chosen) < 45  # 25 by chance, ± 4


def test_select_takes_the_settings_of_a_format(nlp, tmp_path):
    texts = tmp_path / "raw.txt"
    texts.write_text(f"{TEXTS[0]}\n", encoding="utf-8")
    out = tmp_path / "next.conll"
    run("select", tmp_path / "model", texts, out, "--count", "1", "--to", "conll:scheme=BIOES")
    assert re.search(r"\bE-DRUG", out.read_text(encoding="utf-8"))


def test_sentences_of_files_of_one_name_keep_ids_of_their_own(nlp, tmp_path):
    files = [tmp_path / ward / "notes.txt" for ward in ("a", "b", "c")]
    for path in files:
        path.parent.mkdir()
        path.write_text(f"頭痛{path.parent.name}。\n", encoding="utf-8")
    settings = {"by": "random", "count": 3, "diversity": 0.0, "seed": 0}
    out = tmp_path / "out.jsonl"
    run_selection(nlp, NAME, files, out, "prodigy", "auto", False, settings)
    assert len({document.id for document in read_corpus(out)}) == len(files)


@Language.component("upper_case_is_a_gene")
def upper_case_is_a_gene(doc: Doc) -> Doc:
    """A function, which has no `pipe`, and whose label the model does not know."""
    doc.set_ents([Span(doc, t.i, t.i + 1, "GENE") for t in doc if t.is_upper], default="outside")
    return doc


def test_components_before_may_be_functions_and_set_entities(nlp, examples, tmp_path):
    nlp.add_pipe("upper_case_is_a_gene", first=True)
    assert calibrate(nlp, NAME, examples).loss_after > 0
    assert nlp.pipe_names == ["upper_case_is_a_gene", NAME]
    nlp.get_pipe(NAME).decoding = replace(nlp.get_pipe(NAME).decoding, preset="respect")
    (tmp_path / "notes.txt").write_text("頭痛X\n", encoding="utf-8")
    settings = {"by": "entropy", "count": 1, "diversity": 0.0, "seed": 0}
    out = tmp_path / "out.jsonl"
    run_selection(nlp, NAME, [tmp_path / "notes.txt"], out, "prodigy", "auto", False, settings)
    (document,) = read_corpus(out)
    notes = {entity.label: entity.note for entity in document.entities}
    assert notes["GENE"] == ""
    assert all(note.startswith("confidence") for label, note in notes.items() if label != "GENE")
