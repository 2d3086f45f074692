from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.pretraining.checkpoint import RunFolder
from spacy_bioner.encoders.pretraining.command import main
from spacy_bioner.encoders.pretraining.network import load_masked_model
from spacy_bioner.encoders.pretraining.pretrain import pretrain_encoder
from spacy_bioner.encoders.pretraining.settings import PretrainingSettings, rate_at
from spacy_bioner.errors import EncoderError, OutputExistsError
from tests.encoders.pretraining.test_optimizers import has_muon

SHAPE = {"layers": 1, "width": 16, "heads": 2, "max_length": 32}
SMALL = {"length": 32, "batch_size": 8, "learn_rate": 5e-3, "precision": "float32"}


def settings(**changes: Any) -> PretrainingSettings:
    return PretrainingSettings(**{**SMALL, "steps": 30, **changes})


def log_of(out: Path) -> list[dict[str, float]]:
    lines = (out.with_name(out.name + ".pretraining") / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_hidden_words_are_learnt(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "encoder"
    shape = {**SHAPE, "layers": 2, "width": 64}
    training = settings(steps=900, evaluate_every=100, batch_size=16, learn_rate=3e-3)
    made = pretrain_encoder([texts], out, training, shape=shape)
    scores = [entry["held_out_loss"] for entry in log_of(out) if "held_out_loss" in entry]
    assert made.held_out_loss == scores[-1] < 0.7 * scores[0]
    assert made.held_out_accuracy > 0.3
    tokenizer = AutoTokenizer.from_pretrained(out)
    assert AutoModel.from_pretrained(out).config.hidden_dropout_prob == 0.1
    assert tokenizer.model_max_length == 32
    card = (out / "README.md").read_text(encoding="utf-8")
    assert f"{made.held_out_loss:.3f}" in card
    assert "| texts | 1 |" in card


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert"])
def test_training_goes_on_from_an_encoder(texts: Path, tmp_path: Path, architecture: str) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    shape = {**SHAPE, "architecture": architecture}
    before = pretrain_encoder([texts], first, settings(), shape=shape)
    after = pretrain_encoder([texts], second, settings(steps=60), init=first)
    assert after.held_out_loss < before.held_out_loss
    names = [
        AutoModelForMaskedLM.from_pretrained(path).state_dict().keys() for path in (first, second)
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_half_takes_half_the_room_and_the_same_weights_rounded(
    texts: Path, tmp_path: Path, architecture: str
) -> None:
    shape = {**SHAPE, "architecture": architecture}
    for name, half in (("whole", False), ("half", True)):
        pretrain_encoder([texts], tmp_path / name, settings(), shape=shape, half=half)
    whole, half_ = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "half"))
    assert {weights.dtype for weights in half_.values()} == {torch.float16}
    assert whole.keys() == half_.keys()
    for name, weights in whole.items():
        assert torch.equal(weights.half(), half_[name])


def test_dropout_is_off_while_pretraining_and_back_in_what_is_written(
    texts: Path, tmp_path: Path
) -> None:
    out, shape = tmp_path / "encoder", {**SHAPE, "architecture": "modernbert", "dropout": 0.2}
    pretrain_encoder([texts], out, settings(), shape=shape)
    config = AutoModel.from_pretrained(out).config
    assert (config.mlp_dropout, config.attention_dropout, config.embedding_dropout) == (0.2,) * 3
    loaded = load_masked_model(out, dropout=0.0).config
    assert (loaded.mlp_dropout, loaded.attention_dropout, loaded.embedding_dropout) == (0.0,) * 3


COMMAND = [
    *("--layers", "1", "--width", "16", "--heads", "2", "--max-length", "32"),
    *("--length", "32", "--batch-size", "4", "--steps", "300", "--dropout", "0.1"),
    *("--checkpoint-minutes", "0.005", "--evaluate-every", "100"),
]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", pytest.param("muon", marks=has_muon)])
def test_a_killed_run_ends_like_one_that_was_not(
    texts: Path, tmp_path: Path, optimizer: str
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    command = [*COMMAND, "--optimizer", optimizer]
    assert main([str(texts), str(whole), *command]) == 0
    call = [sys.executable, "-m", "spacy_bioner.encoders.pretraining", str(texts), str(broken)]
    process = subprocess.Popen([*call, *command])
    state = tmp_path / "broken.pretraining" / "state.pt"
    while not state.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not broken.exists()
    assert main([str(texts), str(broken), *command]) == 0
    one, other = (load_file(path / "model.safetensors") for path in (whole, broken))
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name
    curves = [[(e["step"], e["loss"]) for e in log_of(p) if "loss" in e] for p in (whole, broken)]
    assert curves[0] == curves[1]


@pytest.mark.slow
def test_it_runs_where_spacy_is_not_installed(texts: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('spacy', 'thinc', 'spacy_transformers', 'typer', 'srsly'):\n"
        "    sys.modules[name] = None\n"
        "from spacy_bioner.encoders.pretraining.command import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    call = [sys.executable, "-c", code, str(texts), str(tmp_path / "out"), *COMMAND, "--steps", "3"]
    assert subprocess.run(call, check=False).returncode == 0
    assert (tmp_path / "out" / "model.safetensors").exists()


def test_terms_of_a_lexicon_and_accumulation_are_taken(texts: Path, tmp_path: Path) -> None:
    lexicon = tmp_path / "terms.txt"
    lexicon.write_text("阿斯匹靈\n頭痛\n", encoding="utf-8")
    made = pretrain_encoder(
        [texts], tmp_path / "out", settings(steps=3, accumulate=2), shape=SHAPE, lexicon=lexicon
    )
    assert made.steps == 3


def test_a_run_with_other_settings_is_not_gone_on_with(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    pretrain_encoder([texts], out, settings(steps=2), shape=SHAPE)
    work = tmp_path / "out.pretraining"
    torch.save({"identity": {"steps": 5}}, work / "state.pt")
    with pytest.raises(EncoderError, match=r"other settings .*steps.*--fresh"):
        pretrain_encoder([texts], out, settings(steps=2), shape=SHAPE, force=True)
    (work / "state.pt").write_bytes(b"half a file")
    with pytest.raises(EncoderError, match="cannot be read"):
        pretrain_encoder([texts], out, settings(steps=2), shape=SHAPE, force=True)
    assert (
        pretrain_encoder([texts], out, settings(steps=2), shape=SHAPE, force=True, fresh=True).steps
        == 2
    )


def test_a_run_of_another_form_or_text_is_not_gone_on_with(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, training = tmp_path / "out", settings(steps=2, checkpoint_minutes=0.0)
    wide = {**SHAPE, "width": 32}
    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "finish", lambda folder: None)
        pretrain_encoder([texts], out, training, shape=SHAPE)
    with pytest.raises(EncoderError, match=r"other settings \(encoder to begin with\)"):
        pretrain_encoder([texts], out, training, shape=wide, force=True)
    kept = texts.read_text(encoding="utf-8")
    texts.write_text(kept + "換了一句話。\n", encoding="utf-8")
    with pytest.raises(EncoderError, match=r"other settings \(encoder to begin with, text\)"):
        pretrain_encoder([texts], out, training, shape=SHAPE, force=True)
    texts.write_text(kept, encoding="utf-8")
    assert pretrain_encoder([texts], out, training, shape=SHAPE, force=True).steps == 2
    pretrain_encoder([texts], out, training, shape=wide, force=True)
    assert AutoModel.from_pretrained(out).config.hidden_size == 32


def test_command_refuses_a_form_for_an_encoder_that_has_one(
    texts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([str(texts), str(tmp_path / "out"), "--init", "x", "--width", "5", "--steps", "1"])
    assert "--width: an encoder given by --init keeps its form" in capsys.readouterr().err


@pytest.mark.parametrize("device", ["nowhere", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(texts: Path, tmp_path: Path, device: str) -> None:
    with pytest.raises(EncoderError, match=f"--device {device}: torch has no such device"):
        pretrain_encoder([texts], tmp_path / "out", settings(), shape=SHAPE, device=device)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    with pytest.raises(EncoderError, match=r"empty\.txt: no text at all"):
        pretrain_encoder([tmp_path / "empty.txt"], tmp_path / "out", settings(), shape=SHAPE)


def test_nothing_is_overwritten_without_force(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make_encoder(["甲狀腺", "甲狀腺"], out, **SHAPE)
    with pytest.raises(OutputExistsError, match="--force"):
        pretrain_encoder([texts], out, settings(), shape=SHAPE)


def test_too_long_blocks_are_refused(texts: Path, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="takes at most 32 wordpieces"):
        pretrain_encoder([texts], tmp_path / "out", settings(length=33, steps=1), shape=SHAPE)
    longer = {**SHAPE, "max_length": 33}
    pretrain_encoder([texts], tmp_path / "out", settings(length=33, steps=1), shape=longer)


def test_bart_is_refused(texts: Path, tmp_path: Path) -> None:
    shape = {**SHAPE, "architecture": "bart", "layers": 2}
    with pytest.raises(EncoderError, match="a bart cannot be pretrained by masking"):
        pretrain_encoder([texts], tmp_path / "out", settings(), shape=shape)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": None}, "by steps or by minutes; neither"),
        ({"minutes": 3.0}, "by steps or by minutes; both"),
        ({"accumulate": 3}, "accumulate is 3"),
        ({"mask_rate": 0.0}, "mask_rate is 0.0"),
        ({"seed": -1}, "seed is -1"),
        ({"precision": "float16"}, "precision is float16"),
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        settings(**changes)


def test_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "absent.txt"), str(tmp_path / "out"), "--steps", "1"]) == 1
    assert capsys.readouterr().err == (
        f"error: {tmp_path / 'absent.txt'}: there is no such file or folder.\n"
    )


def test_spacy_bioner_hands_its_options_on(texts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["pretrain-encoder", str(texts), str(out), *COMMAND, "--steps", "2"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert (out / "model.safetensors").exists()
    assert CliRunner().invoke(app, arguments).exit_code == 1, "it is there already"


def test_rate_rises_and_falls_in_straight_lines() -> None:
    given = settings(warmup=0.2, learn_rate=1.0)
    assert [rate_at(share, given) for share in (0, 0.1, 0.2, 0.6, 1.0, 1.1)] == [
        *(0, 0.5, 1.0, 0.5, 0, 0)
    ]
