"""A tiny encoder and trained pipelines, made once; tests do not train these further."""

from __future__ import annotations

from pathlib import Path

import pytest
from spacy.language import Language

from spacy_bioner.encoders.make_encoder import make_encoder
from tests.pipeline.pipelines import (
    BILSTM,
    ODD_TEXTS,
    TEXTS,
    bucketed_config,
    build,
    build_on_transformer,
    initialized,
    train,
)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("encoder") / "tiny"
    texts = [text for text in [*TEXTS, *ODD_TEXTS.values()] if text.strip()]
    settings = {"layers": 1, "width": 16, "heads": 2, "max_length": 32, "vocab_size": 700}
    make_encoder(texts, out, min_frequency=1, **settings)
    return out


@pytest.fixture(scope="session")
def trained_cnn() -> Language:
    return train(initialized(build()))


@pytest.fixture(scope="session")
def trained_bilstm() -> Language:
    return train(initialized(build(BILSTM)))


@pytest.fixture(scope="session")
def trained_transformer(encoder: Path) -> Language:
    return train(initialized(build_on_transformer(encoder)))


@pytest.fixture(scope="session")
def trained_bucketed(encoder: Path) -> Language:
    return train(initialized(build_on_transformer(encoder, bucketed_config)))


@pytest.fixture(scope="session", params=["cnn", "bilstm", "transformer", "bucketed"])
def trained(request: pytest.FixtureRequest) -> Language:
    """Each kind of trained pipeline in turn. Not to be changed."""
    nlp: Language = request.getfixturevalue(f"trained_{request.param}")
    return nlp
