from __future__ import annotations

import pytest
import torch

from spacy_bioner.networks.prediction.packed_linear import (
    PackedLinear,
    can_pack,
    pack_linears,
)

pytestmark = pytest.mark.skipif(not can_pack(), reason="this torch has no packed weights")


@pytest.mark.parametrize("rows", [1, 7, 1024, 3000])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("bias", [True, False])
def test_packed_linear_is_the_linear(rows: int, dtype: torch.dtype, bias: bool) -> None:
    torch.manual_seed(0)
    linear = torch.nn.Linear(48, 80, bias=bias).to(dtype)
    inputs = torch.randn(rows, 48).to(dtype)
    close = 1e-5 if dtype == torch.float32 else 2e-2
    with torch.inference_mode():
        expected = torch.nn.functional.linear(inputs.double(), linear.weight.double())
        expected += linear.bias.double() if bias else 0
        found = PackedLinear(linear.weight, linear.bias)(inputs)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, atol=close, rtol=close)


def test_all_linears_of_a_module_are_packed() -> None:
    inner = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.GELU())
    module = torch.nn.ModuleDict({"inner": inner, "outer": torch.nn.Linear(8, 2)})
    pack_linears(module)
    assert type(module["outer"]) is PackedLinear
    assert [type(child) for child in inner] == [PackedLinear, torch.nn.GELU]
