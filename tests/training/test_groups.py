"""Sections `[training.optimizer.groups.NAME]`."""

from typing import Any

import pytest

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.groups import ParameterGroup, parse_group


def test_a_group_is_what_its_section_says() -> None:
    settings = {"pattern": "crf_*", "rate_scale": 0, "weight_decay": 0.5}
    assert parse_group("crf", settings) == ParameterGroup("crf", "crf_*", 0, 0.5)
    assert parse_group("crf", {"pattern": "*"}) == ParameterGroup("crf", "*", 1.0, None)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rate_scale": 2.0}, r"groups.crf\].*needs a pattern"),
        ({"pattern": "*", "rate": 2.0}, r"groups.crf\].*'rate'"),
        ({"pattern": 3}, r"groups.crf\] pattern must be text, got 3"),
        ({"pattern": "*", "rate_scale": -1.0}, r"groups.crf\] rate_scale .* got -1.0"),
        ({"pattern": "*", "rate_scale": "fast"}, r"groups.crf\] rate_scale .* got 'fast'"),
        ({"pattern": "*", "rate_scale": float("nan")}, r"rate_scale .* got nan"),
        ({"pattern": "*", "weight_decay": float("inf")}, r"weight_decay .* got inf"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_group("crf", wrong)
