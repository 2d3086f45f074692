from __future__ import annotations

import warnings

import pytest
import torch

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.encoder.precision import check_precision, choose_precision
from spacy_bioner.networks import bfloat16

CPU = torch.device("cpu")


@pytest.fixture
def with_bfloat16(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    flags = frozenset({"avx2", "avx512_bf16"} if request.param else {"avx2", "avx512f"})
    monkeypatch.setattr(bfloat16, "cpu_flags", lambda: flags)
    return bool(request.param)


@pytest.mark.parametrize("with_bfloat16", [True, False], indirect=True)
def test_auto_takes_bfloat16_where_there_is_one_and_says_nothing(with_bfloat16: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chosen = choose_precision("auto", CPU)
        assert choose_precision("float32", CPU) == torch.float32
    assert chosen == (torch.bfloat16 if with_bfloat16 else torch.float32)


@pytest.mark.parametrize("with_bfloat16", [False], indirect=True)
def test_bfloat16_falls_back_with_a_message(with_bfloat16: bool) -> None:
    with pytest.warns(UserWarning, match=r"has no bfloat16.*float32 is used"):
        assert choose_precision("bfloat16", CPU) == torch.float32


def test_unknown_precision_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown precision 'float16'.*bfloat16"):
        check_precision("float16")
