from __future__ import annotations

import pytest
import torch

from spacy_bioner.networks.masks import additive_mask, beyond_reach
from spacy_bioner.networks.prediction import attention
from spacy_bioner.networks.prediction.attention import attend, padded


@pytest.mark.parametrize("longest", [512, 5])
@pytest.mark.parametrize("reach", [None, 2])
@pytest.mark.parametrize("has_padding", [False, True])
def test_attend_is_torchs_attention(
    has_padding: bool, reach: int | None, longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "LONGEST_ROW", longest)
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 4, 2, 7, 8).unbind(0)
    mask = torch.ones(4, 7, dtype=torch.int64)
    if has_padding:
        mask[1, 3:] = 0
    added = additive_mask(mask, 2, torch.float32)
    assert (added is None) is not has_padding
    places = torch.arange(7)
    near = (places[:, None] - places).abs() <= (7 if reach is None else reach)
    seen = (mask == 1)[:, None, None, :] & near
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, seen)
    near_added = beyond_reach(added, reach, 7, torch.float32)
    found = attend(query, key, value, near_added, n_rows=30)
    assert found.shape == (30, 16)
    meant = (seen.any(-1).expand(4, 2, 7).transpose(1, 2).unsqueeze(-1)).expand(4, 7, 2, 8)
    kept = meant.reshape(28, 16)
    wanted = expected.transpose(1, 2).reshape(28, 16)
    torch.testing.assert_close(found[:28][kept], wanted[kept])
    assert not found[28:].any()


@pytest.mark.parametrize("rows", [1, 63, 64, 65])
def test_padded_adds_zeros_up_to_a_multiple(rows: int) -> None:
    values = torch.ones(rows, 3)
    found = padded(values)
    assert len(found) == (64 if rows <= 64 else 128)
    assert torch.equal(found[:rows], values)
    assert not found[rows:].any()
