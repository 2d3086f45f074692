from __future__ import annotations

import pytest
import torch

from spacy_bioner.networks.training.dropout import dropout


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_kept(rate: float, dtype: torch.dtype) -> None:
    values = torch.ones(1000, 301, dtype=dtype)
    dropped = dropout(values, rate, generator())
    assert dropped.dtype == dtype
    found, n = dropped.float(), values.numel()
    deviation = (rate * (1 - rate) / n) ** 0.5
    assert (found == 0).float().mean().item() == pytest.approx(rate, abs=5 * deviation)
    assert found.max().item() == pytest.approx(1 / (1 - rate), rel=1e-2)
    assert len(found.unique()) == 2


def test_places_are_dropped_independently() -> None:
    dropped = (dropout(torch.ones(4000, 8), 0.3, generator()) == 0).float()
    together = dropped.T @ dropped / len(dropped)  # (8, 8): the four of one draw among them
    expected = torch.full((8, 8), 0.09).fill_diagonal_(0.3)
    torch.testing.assert_close(together, expected, atol=0.04, rtol=0)


def test_the_gradient_goes_where_the_values_went() -> None:
    values = torch.rand(50, 7, requires_grad=True)
    found = dropout(values, 0.4, generator())
    found.sum().backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), found.detach())


def test_the_generator_decides() -> None:
    values = torch.ones(9, 9)
    first, again = (dropout(values, 0.5, generator(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, dropout(values, 0.5, generator(2)))


def test_a_rate_of_zero_changes_nothing() -> None:
    values = torch.rand(3, 3)
    assert dropout(values, 0.0, generator()) is values


def test_a_rate_of_one_leaves_nothing() -> None:
    assert not dropout(torch.rand(3, 3), 1.0, generator()).any()
