from __future__ import annotations

import torch

from spacy_bioner.networks.training.rotation import angles, rotate


def test_the_gradient_is_that_of_differences() -> None:
    torch.manual_seed(0)
    qkv = torch.randn(5, 3, 2, 4, dtype=torch.float64, requires_grad=True)
    cosines, sines = (each.double() for each in angles(4, 100.0, torch.arange(5)))
    assert torch.autograd.gradcheck(lambda each: rotate(each, cosines, sines), (qkv,))


def test_products_of_queries_and_keys_depend_on_their_distance_alone() -> None:
    torch.manual_seed(0)
    row = torch.randn(1, 3, 1, 8)
    cosines, sines = angles(8, 100.0, torch.arange(12))
    turned = rotate(row.expand(12, 3, 1, 8), cosines, sines)
    query, key, value = turned[:, 0, 0], turned[:, 1, 0], turned[:, 2, 0]
    scores = query @ key.T
    for distance in range(-5, 6):
        same = torch.diagonal(scores, distance)
        torch.testing.assert_close(same, same[:1].expand_as(same), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(scores[0, 0], scores[0, 1])
    assert torch.equal(value, row[0, 2, 0].expand(12, 8))
