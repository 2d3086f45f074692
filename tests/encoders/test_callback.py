from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from spacy.util import load_config, load_model_from_config, registry

from spacy_bioner.encoders.callback import check_encoders, is_local
from spacy_bioner.errors import EncoderError

ROOT = Path(__file__).resolve().parents[2]


def test_check_names_a_missing_directory(tmp_path):
    missing = str(tmp_path / "none")
    config = load_config(ROOT / "configs" / "mini_crf.cfg", {"paths.encoder": missing})
    nlp = load_model_from_config(config, auto_fill=True)
    with pytest.raises(EncoderError, match="there is no such encoder directory"):
        check_encoders(nlp)


def test_check_finds_a_transformer_within_another_layer(tmp_path):
    nlp = spacy.blank("zh")
    nlp.add_pipe("tok2vec")
    own = {"@architectures": "spacy_bioner.BucketedTok2Vec.v1", "name": str(tmp_path / "none")}
    nlp.get_pipe_config("tok2vec")["model"]["embed"] = own
    with pytest.raises(EncoderError, match="none: there is no such encoder directory"):
        check_encoders(nlp)


def test_check_leaves_names_of_a_hub_alone():
    nlp = load_model_from_config(load_config(ROOT / "configs" / "bert_crf.cfg"), auto_fill=True)
    check_encoders(nlp)


def test_names_are_told_from_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "encoder").mkdir()
    assert is_local("encoder/mini")
    assert is_local("./mini")
    assert is_local(str(tmp_path))
    assert not is_local("bert-base-chinese")
    assert not is_local("hfl/chinese-macbert-base")


def test_check_is_found_by_its_registered_name():
    assert registry.callbacks.get("spacy_bioner.check_encoder.v1")() is check_encoders
