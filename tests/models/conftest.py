from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.encoders.make_encoder import make_encoder
from tests.models.encoder.pipelines import TEXTS


@pytest.fixture(scope="session", params=["bert", "modernbert"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an encoder of two layers that takes 64 wordpieces, without dropout."""
    out = tmp_path_factory.mktemp("encoder") / request.param
    settings = {"layers": 2, "width": 16, "heads": 2, "max_length": 64, "vocab_size": 900}
    form = {"architecture": request.param, "dropout": 0.0}
    make_encoder(TEXTS, out, min_frequency=1, **form, **settings)
    return out
