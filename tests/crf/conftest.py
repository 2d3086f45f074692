from __future__ import annotations

import numpy as np
import pytest

from spacy_bioner.crf.scores import CrfScores
from spacy_bioner.tags import TagScheme


def make_scores(scheme: TagScheme, rng: np.random.Generator, scale: float = 1.0) -> CrfScores:
    n = len(scheme.tags)
    values = (rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, n)))
    return CrfScores.constrained(*(scale * v for v in values), scheme.constraints)


@pytest.fixture(params=["BIO", "BILUO"])
def scheme(request: pytest.FixtureRequest) -> TagScheme:
    return TagScheme(("A", "B"), request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
