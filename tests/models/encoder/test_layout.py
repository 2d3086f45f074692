from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.models.encoder.pipelines import SENTENCES, bucketed_model, build, token_vectors


@pytest.fixture
def bare(encoder: Path, tmp_path: Path) -> Path:
    """The encoder with a tokenizer that adds no special wordpieces."""
    out = tmp_path / "bare"
    shutil.copytree(encoder, out)
    tokenizer = json.loads((out / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["post_processor"] = None
    (out / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    return out


@pytest.mark.parametrize("text", ["\u200b", " \n "])
def test_documents_without_any_wordpiece_have_vectors_of_zeros(bare: Path, text: str) -> None:
    nlp = build(bucketed_model(bare))
    assert not token_vectors(nlp(text)).any()
    one, other = nlp.pipe([SENTENCES[0], text])
    assert token_vectors(one).any()
    assert not token_vectors(other).any()
