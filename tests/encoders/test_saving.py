from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.saving import keep_older_names
from spacy_bioner.errors import EncoderError

ANGLES = ("global_rope_theta", "local_rope_theta")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def as_transformers_5_writes_it(directory: Path) -> None:
    """The two files in which its words are others, as version 5.24 wrote them."""
    config = read(directory / "config.json")
    thetas = [config.pop(name) for name in ANGLES]
    kinds = ("full_attention", "sliding_attention")
    config["rope_parameters"] = {
        kind: {"rope_theta": theta, "rope_type": "default"}
        for kind, theta in zip(kinds, thetas, strict=True)
    }
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokenizer = read(directory / "tokenizer_config.json")
    tokenizer["tokenizer_class"] = "TokenizersBackend"
    (directory / "tokenizer_config.json").write_text(json.dumps(tokenizer), encoding="utf-8")


def test_what_transformers_5_wrote_is_read_by_4(tmp_path: Path) -> None:
    form: dict[str, Any] = {"architecture": "modernbert", "layers": 2, "width": 32, "heads": 2}
    old, new = tmp_path / "old", tmp_path / "new"
    make_encoder(["糖尿病人服藥後頭痛。"] * 3, old, **form)
    shutil.copytree(old, new)
    as_transformers_5_writes_it(new)
    keep_older_names(new)
    assert [read(new / "config.json")[name] for name in ANGLES] == [200.0, 10_000.0]
    ids = [AutoTokenizer.from_pretrained(path)("頭痛。糖尿病")["input_ids"] for path in (old, new)]
    assert ids[0] == ids[1]
    with torch.no_grad():
        inputs = torch.tensor([ids[0] * 4])
        states = [AutoModel.from_pretrained(p).eval()(inputs).last_hidden_state for p in (old, new)]
    torch.testing.assert_close(states[1], states[0])


def test_what_cannot_be_written_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokenizers raise an Exception of no kind where the disk is full."""

    def fill_the_disk(*_: Any) -> None:
        raise Exception("No space left on device (os error 28)")

    monkeypatch.setattr(PreTrainedTokenizerFast, "save_pretrained", fill_the_disk)
    with pytest.raises(EncoderError, match=r"encoder: cannot be written \(No space left"):
        make_encoder(["頭痛。"] * 3, tmp_path / "encoder", layers=1, width=16, heads=2)
    assert not list(tmp_path.iterdir())


def test_words_that_are_there_are_kept(tmp_path: Path) -> None:
    directory = tmp_path / "encoder"
    make_encoder(["頭痛。"] * 3, directory, layers=1, width=16, heads=2)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    keep_older_names(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
