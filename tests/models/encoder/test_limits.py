from __future__ import annotations

from pathlib import Path

import pytest
from transformers import BertConfig, T5Config

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.encoder.bucketed_transformer import build_bucketed_transformer
from spacy_bioner.models.encoder.limits import check_fits

BERT = BertConfig(max_position_embeddings=512)


def test_window_beyond_the_limit_is_refused() -> None:
    check_fits(512, BERT, None)
    with pytest.raises(ConfigError, match=r"window = 513.*takes 512 at most: set window = 512"):
        check_fits(513, BERT, None)


def test_unknown_limit_is_refused_until_it_is_given() -> None:
    with pytest.raises(ConfigError, match=r"\(t5\) does not say.*model_max_length"):
        check_fits(256, T5Config(), None)
    check_fits(256, T5Config(), 512)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 4}, "too small"),
        ({"window": 64, "overlap": 33}, "half of window = 64"),
        ({"window": 64, "overlap": -1}, "from 0 to half"),
        ({"window": 65, "overlap": 16}, "takes 64 at most"),
        (
            {"window": 64, "overlap": 16, "tokenizer_config": {"model_max_length": 32}},
            "takes 32 at most",
        ),
        ({"window": 64, "overlap": 16, "precision": "half"}, "unknown precision"),
        (
            {"window": 64, "overlap": 16, "transformer_config": {"output_attentions": True}},
            "only the last layer",
        ),
    ],
)
def test_wrong_settings_are_refused_when_the_pipeline_is_made(
    settings: dict[str, object], message: str, encoder: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        build_bucketed_transformer(str(encoder), **settings)
