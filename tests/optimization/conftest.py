from __future__ import annotations

from pathlib import Path

import pytest
from spacy.language import Language

from spacy_bioner.encoders.make_encoder import make_encoder
from tests.pipeline.pipelines import (
    TEXTS,
    bucketed_config,
    build_on_transformer,
    initialized,
    train,
    transformer_config,
)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoder") / "tiny"
    settings = {"layers": 1, "width": 16, "heads": 2, "max_length": 32, "vocab_size": 700}
    make_encoder(TEXTS, out, min_frequency=1, **settings)
    return out


@pytest.fixture(scope="session", params=["bucketed", "stock"])
def trained(request: pytest.FixtureRequest, encoder: Path) -> Language:
    """On our transformer, and on that of spacy-transformers. Not to be changed."""
    config = bucketed_config if request.param == "bucketed" else transformer_config
    return train(initialized(build_on_transformer(encoder, config)))
