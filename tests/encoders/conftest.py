"""Small encoders of each architecture, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spacy_bioner.encoders.make_encoder import EncoderSummary, make_encoder

SMALL = {"layers": 2, "width": 16, "heads": 2, "max_length": 32, "vocab_size": 900}
TEXTS = [
    "病人服用 metformin 與 aspirin 後血糖下降。",
    "The patient took metformin 500 mg and aspirin daily; COVID-19 was negative.",
    "IFNβ 與維生素Ｄ，體溫38℃，々〇𠮷⼀豈㐀。",
]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return list(TEXTS)


@pytest.fixture(scope="session")
def make_small() -> Callable[..., EncoderSummary]:
    def make(out: Path, **settings: object) -> EncoderSummary:
        texts = settings.pop("texts", TEXTS)
        return make_encoder(texts, out, **(SMALL | settings))

    return make


@pytest.fixture(scope="session", params=["bert", "roberta", "bart", "modernbert"])
def summary(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    make_small: Callable[..., EncoderSummary],
) -> EncoderSummary:
    out = tmp_path_factory.mktemp("encoders") / request.param
    return make_small(out, architecture=request.param, sources=["a corpus"])
