"""A tiny encoder and a pipeline on it, made once; tests do not change these."""

from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.encoders.make_encoder import make_encoder
from tests.pipeline.pipelines import TEXTS


def make_tiny_encoder(out: Path) -> Path:
    settings = {"layers": 2, "width": 16, "heads": 2, "max_length": 32, "vocab_size": 700}
    make_encoder(TEXTS, out, min_frequency=1, **settings)
    return out


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_encoder(tmp_path_factory.mktemp("training") / "tiny")
