from __future__ import annotations

from pathlib import Path

import pytest
from spacy.language import Language

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.encoders.shape import Architecture
from tests.pipeline.pipelines import (
    TEXTS,
    bucketed_config,
    build_on_transformer,
    initialized,
    train,
    transformer_config,
)


def tiny(out: Path, architecture: Architecture) -> Path:
    settings = {"layers": 1, "width": 16, "heads": 2, "max_length": 32, "vocab_size": 700}
    make_encoder(TEXTS, out, architecture=architecture, min_frequency=1, **settings)
    return out


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("encoder") / "bert", "bert")


@pytest.fixture(scope="session", params=["bucketed", "bucketed modernbert", "stock"])
def trained(
    request: pytest.FixtureRequest, encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Language:
    """On our transformer, and on that of spacy-transformers. Not to be changed."""
    config = transformer_config if request.param == "stock" else bucketed_config
    if "modernbert" in request.param:
        encoder = tiny(tmp_path_factory.mktemp("encoder") / "modernbert", "modernbert")
    return train(initialized(build_on_transformer(encoder, config)))
