"""Encoders to go on from that are not as this package writes them, and runs begun twice."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.pretraining.checkpoint import RunFolder
from spacy_bioner.encoders.pretraining.pretrain import pretrain_encoder
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings
from spacy_bioner.errors import CorpusError, EncoderError

SETTINGS: dict[str, Any] = {"length": 32, "batch_size": 8, "precision": "float32"}


def settings(**changes: Any) -> PretrainingSettings:
    return PretrainingSettings(**{**SETTINGS, "steps": 2, **changes})


@pytest.fixture
def encoder(texts: Path, tmp_path: Path) -> Path:
    path = tmp_path / "encoder"
    lines = texts.read_text(encoding="utf-8").splitlines()
    make_encoder(lines, path, layers=3, width=16, heads=2, max_length=32)
    return path


def tokens_of(out: Path) -> int:
    (stored,) = (out.with_name(out.name + ".pretraining") / "tokens").glob("*.npy")
    return len(np.load(stored))


def test_a_tokenizer_that_cuts_and_pads_does_neither(
    texts: Path, encoder: Path, tmp_path: Path
) -> None:
    pretrain_encoder([texts], tmp_path / "whole", settings(), init=encoder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=4)
    tokenizer.save_pretrained(encoder)
    pretrain_encoder([texts], tmp_path / "cut", settings(), init=encoder)
    assert tokens_of(tmp_path / "cut") == tokens_of(tmp_path / "whole")


def test_a_tokenizer_without_a_limit_has_that_of_the_model(
    texts: Path, encoder: Path, tmp_path: Path
) -> None:
    path = encoder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config["model_max_length"]
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(EncoderError, match="takes at most 32 wordpieces"):
        pretrain_encoder([texts], tmp_path / "out", settings(length=33), init=encoder)
    pretrain_encoder([texts], tmp_path / "out", settings(), init=encoder)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| longest input | 32 wordpieces" in card


def test_a_slow_tokenizer_is_refused(
    texts: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = partial(transformers.AutoTokenizer.from_pretrained, use_fast=False)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", load)
    with pytest.raises(EncoderError, match=r"its tokenizer has no tokenizer\.json"):
        pretrain_encoder([texts], tmp_path / "out", settings(), init=encoder)


def damage(encoder: Path, name: str) -> None:
    path = encoder / name
    if name.endswith(".safetensors"):
        path.write_bytes(path.read_bytes()[:5])
    elif name == "config.json":
        path.write_text(json.dumps({"layers": 3}))
    else:
        path.write_text('{"model": "\n"}')


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_encoder_is_told_of_in_a_line(
    texts: Path, encoder: Path, tmp_path: Path, name: str
) -> None:
    damage(encoder, name)
    with pytest.raises(EncoderError, match=r"encoder: cannot be loaded, .*damaged file \(.+\)$"):
        pretrain_encoder([texts], tmp_path / "out", settings(), init=encoder)


def test_a_tokenizer_without_ends_is_refused(
    texts: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = partial(transformers.AutoTokenizer.from_pretrained, cls_token=None)
    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", load)
    with pytest.raises(EncoderError, match="its tokenizer has no cls token"):
        pretrain_encoder([texts], tmp_path / "out", settings(), init=encoder)


def test_a_run_is_thrown_away_when_the_new_one_can_begin(
    texts: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, state = tmp_path / "out", tmp_path / "out.pretraining" / "state.pt"
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", lambda folder: None)
        pretrain_encoder([texts], out, settings(), init=encoder)
    again: dict[str, Any] = {"force": True, "fresh": True}
    with pytest.raises(EncoderError, match="no such encoder directory"):
        pretrain_encoder([texts], out, settings(), init=tmp_path / "absent", **again)
    with pytest.raises(EncoderError, match="takes at most 32 wordpieces"):
        pretrain_encoder([texts], out, settings(length=64), init=encoder, **again)
    broken, short = tmp_path / "broken.txt", tmp_path / "short.txt"
    broken.write_bytes("頭痛\n".encode() * 50 + b"\xff\n")
    short.write_text("頭痛\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="is not UTF-8"):
        pretrain_encoder([broken], out, settings(), init=encoder, **again)
    with pytest.raises(EncoderError, match="the text is too short"):
        pretrain_encoder([short], out, settings(), init=encoder, **again)
    assert state.exists()
    assert pretrain_encoder([texts], out, settings(steps=1), init=encoder, **again).steps == 1
    tokens = sorted(path.name.split(".")[0] for path in (state.parent / "tokens").iterdir())
    assert tokens == ["texts"]


def test_a_run_from_an_encoder_with_other_heads_is_not_gone_on_with(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "finish", lambda folder: None)
    out = tmp_path / "out"
    shape = {"layers": 1, "width": 16, "heads": 2, "max_length": 32}
    pretrain_encoder([texts], out, settings(), shape=shape)
    with pytest.raises(EncoderError, match=r"other settings \(encoder to begin with\)"):
        pretrain_encoder([texts], out, settings(), shape={**shape, "heads": 1}, force=True)


def test_a_run_of_another_depth_is_not_gone_on_with(
    texts: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "finish", lambda folder: None)
    out = tmp_path / "out"
    pretrain_encoder([texts], out, settings(), init=encoder, shape={"layers": 4})
    with pytest.raises(EncoderError, match=r"other settings \(layers\)"):
        pretrain_encoder([texts], out, settings(), init=encoder, shape={"layers": 5}, force=True)


def test_a_run_that_begins_anew_has_a_log_of_its_own(
    texts: Path, encoder: Path, tmp_path: Path
) -> None:
    out, log = tmp_path / "out", tmp_path / "out.pretraining" / "log.jsonl"
    for _ in range(2):
        pretrain_encoder([texts], out, settings(steps=50), init=encoder, force=True)
        entries = [json.loads(line) for line in log.read_text().splitlines()]
        assert [entry["step"] for entry in entries if "loss" in entry] == [50]
        assert len(entries) == 2


def test_a_run_that_ended_is_logged_once_when_it_is_gone_on_with(
    texts: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunFolder, "finish", lambda folder: None)
    out, log = tmp_path / "out", tmp_path / "out.pretraining" / "log.jsonl"
    made = [pretrain_encoder([texts], out, settings(), init=encoder, force=True) for _ in range(2)]
    assert made[0] == made[1]
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [made[0].steps]


def test_a_manifest_that_cannot_be_read_is_told_of_before_training(
    texts: Path, encoder: Path, tmp_path: Path
) -> None:
    (texts.parent / "MANIFEST.tsv").write_text("source\trepo\ntexts\tme/it\n")
    with pytest.raises(CorpusError, match="has no column 'licence'"):
        pretrain_encoder([texts], tmp_path / "out", settings(), init=encoder)
    assert not (tmp_path / "out.pretraining").exists()
