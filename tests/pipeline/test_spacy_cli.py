"""spaCy's own commands, run as a user would run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_bioner.corpora.convert import convert

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "bilstm_crf.cfg"
TOK2VEC = "components.bert_crf_ner.model.tok2vec"
SMALL = {
    f"{TOK2VEC}.embed.width": "16",
    f"{TOK2VEC}.embed.rows": "[500]",
    f"{TOK2VEC}.encode.hidden_width": "8",
    f"{TOK2VEC}.encode.depth": "1",
    "components.bert_crf_ner.model.hidden_width": "16",
    "training.max_steps": "4",
    "training.eval_frequency": "2",
}


def run(*arguments: str | Path) -> str:
    """Output of `python -m spacy ...`, which must succeed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, "-m", "spacy", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def read(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("zh").vocab))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("corpus")
    lines = (ROOT / "assets" / "sample" / "dev.json").read_text("utf-8").splitlines()[:40]
    few = directory / "few.json"
    few.write_text("\n".join(lines) + "\n", encoding="utf-8")
    out = directory / "few.spacy"
    convert([few], out, nlp=spacy.blank("zh"))
    return out


@pytest.fixture(scope="module")
def overrides(corpus: Path) -> list[str]:
    settings = {"paths.train": str(corpus), "paths.dev": str(corpus), **SMALL}
    return [word for name, value in settings.items() for word in (f"--{name}", value)]


@pytest.fixture(scope="module")
def model(overrides: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("training")
    run("train", CONFIG, "--output", out, *overrides)
    return out / "model-last"


def test_train_writes_a_pipeline_that_loads(model: Path) -> None:
    nlp = spacy.load(model)
    assert nlp.get_pipe("bert_crf_ner").labels
    assert nlp("病人服用阿斯匹靈。").has_annotation("ENT_IOB")


def test_evaluate_writes_scores(model: Path, corpus: Path, tmp_path: Path) -> None:
    run("evaluate", model, corpus, "--output", tmp_path / "metrics.json")
    metrics = json.loads((tmp_path / "metrics.json").read_text("utf-8"))
    assert 0.0 <= metrics["ents_f"] <= 1.0
    assert metrics["ents_per_type"]


def test_apply_annotates_a_text_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("病人服用阿斯匹靈。\n\n今天頭痛。\n", "utf-8")
    run("apply", model, tmp_path / "texts.txt", tmp_path / "out.spacy")
    docs = read(tmp_path / "out.spacy")
    assert docs
    assert all(doc.has_annotation("ENT_IOB") for doc in docs if doc.text.strip())


def test_benchmark_speed_reports_words_per_second(model: Path, corpus: Path) -> None:
    output = run("benchmark", "speed", model, corpus, "--batches", "30", "--warmup", "1")
    assert "words/s" in output


def test_init_labels_writes_the_labels(overrides: list[str], tmp_path: Path) -> None:
    run("init", "labels", CONFIG, tmp_path, *overrides)
    labels = json.loads((tmp_path / "bert_crf_ner.json").read_text("utf-8"))
    assert labels == sorted(set(labels))
    assert labels


def test_train_takes_labels_from_a_file(corpus: Path, overrides: list[str], tmp_path: Path) -> None:
    config = spacy.util.load_config(CONFIG)
    labels = {"@readers": "spacy.read_labels.v1", "path": str(tmp_path / "bert_crf_ner.json")}
    config["initialize"]["components"]["bert_crf_ner"] = {"labels": labels}
    config.to_disk(tmp_path / "config.cfg")
    known = {entity.label_ for doc in read(corpus) for entity in doc.ents}
    (tmp_path / "bert_crf_ner.json").write_text(json.dumps([*sorted(known), "UNHEARD"]))
    run("train", tmp_path / "config.cfg", "--output", tmp_path / "out", *overrides)
    assert "UNHEARD" in spacy.load(tmp_path / "out" / "model-last").get_pipe("bert_crf_ner").labels


def test_init_fill_config_leaves_a_complete_config_alone(tmp_path: Path) -> None:
    run("init", "fill-config", CONFIG, tmp_path / "filled.cfg")
    filled = spacy.util.load_config(tmp_path / "filled.cfg")
    assert filled["components"]["bert_crf_ner"]["loss"] == "crf"


def test_init_fill_config_completes_a_config_without_settings(tmp_path: Path) -> None:
    config = spacy.util.load_config(CONFIG)
    for name in ("loss", "scheme"):
        del config["components"]["bert_crf_ner"][name]
    config.to_disk(tmp_path / "short.cfg")
    run("init", "fill-config", tmp_path / "short.cfg", tmp_path / "filled.cfg")
    filled = spacy.util.load_config(tmp_path / "filled.cfg")
    assert filled["components"]["bert_crf_ner"]["scheme"] == "BIO"


def test_debug_config_accepts_the_config_once_filled(overrides: list[str], tmp_path: Path) -> None:
    run("init", "fill-config", CONFIG, tmp_path / "filled.cfg")
    run("debug", "config", tmp_path / "filled.cfg", *overrides)


def test_debug_config_accepts_the_config_as_shipped(overrides: list[str]) -> None:
    run("debug", "config", CONFIG, *overrides)
