"""The encoder's path does not outlive training."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy import registry

from spacy_bioner.training.callbacks import scrub_encoder_paths
from tests.pipeline.pipelines import TEXTS, build_on_transformer, examples, initialized
from tests.training.conftest import make_tiny_encoder


def test_saved_pipeline_loads_without_the_encoder_directory(tmp_path: Path) -> None:
    encoder = make_tiny_encoder(tmp_path / "secret" / "tiny")
    nlp = initialized(build_on_transformer(encoder))
    nlp.config["paths"]["encoder"] = str(encoder)
    callback = registry.resolve({"c": {"@callbacks": "spacy_bioner.scrub_encoder_path.v1"}})["c"]
    assert callback(nlp) is nlp
    nlp.to_disk(tmp_path / "saved")
    shutil.rmtree(tmp_path / "secret")

    loaded = spacy.load(tmp_path / "saved")
    assert loaded.config["components"]["transformer"]["model"]["name"] == "tiny"
    assert loaded.config["paths"]["encoder"] == "tiny"
    for path in (tmp_path / "saved").rglob("*.cfg"):
        assert str(tmp_path) not in path.read_text(encoding="utf-8")
    for text in TEXTS:
        expected, found = (
            [row for batch in p(text)._.trf_data.model_output.values() for row in batch]
            for p in (nlp, loaded)
        )
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "scrubbed"),
    [
        ("bert-base-chinese", "bert-base-chinese"),
        ("hfl/chinese-roberta-wwm-ext", "hfl/chinese-roberta-wwm-ext"),
        ("/home/someone/encoder/tiny", "tiny"),
        ("./encoder/tiny", "tiny"),
        ("../tiny", "tiny"),
        ("work/encoder/tiny", "tiny"),
        ("${paths.encoder}", "${paths.encoder}"),
    ],
)
def test_paths_are_replaced_and_hub_names_kept(name: str, scrubbed: str, encoder: Path) -> None:
    nlp = build_on_transformer(encoder)
    nlp.get_pipe_config("transformer")["model"]["name"] = name
    scrub_encoder_paths(nlp)
    assert nlp.get_pipe_config("transformer")["model"]["name"] == scrubbed


def test_paths_within_a_tagger_and_of_disabled_pipes_are_replaced(encoder: Path) -> None:
    nlp = build_on_transformer(encoder)
    nlp.initialize(lambda: examples(nlp))
    nlp.replace_listeners("transformer", "bert_crf_ner", ["model.tok2vec"])
    nlp.disable_pipe("transformer")
    scrub_encoder_paths(nlp)
    assert str(encoder) not in nlp.config.to_str()
    for name in nlp.component_names:
        assert str(encoder) not in str(nlp.get_pipe_config(name))


def test_directory_of_two_parts_is_not_taken_for_a_hub_name(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "encoder" / "mini").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    nlp = build_on_transformer(encoder)
    nlp.config["paths"]["encoder"] = "encoder/mini"
    scrub_encoder_paths(nlp)
    assert nlp.config["paths"]["encoder"] == "mini"


def test_pipeline_without_transformer_is_left_alone() -> None:
    nlp = spacy.blank("zh")
    nlp.add_pipe("sentencizer")
    before = nlp.config.to_str()
    assert scrub_encoder_paths(nlp).config.to_str() == before
