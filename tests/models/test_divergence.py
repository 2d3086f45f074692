from __future__ import annotations

import numpy as np
import torch
from thinc.api import noop
from thinc.types import Ragged

from spacy_bioner.models.divergence import symmetric_divergence


def test_value_and_gradients_are_those_of_torch() -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([3, 0, 4], dtype="int32")
    first, second = rng.normal(size=(2, 7, 5)).astype("float32")
    value, d_first, d_second = symmetric_divergence(
        noop(), Ragged(first, lengths), Ragged(second, lengths)
    )
    p, q = (torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in (first, second))
    log_p, log_q = p.log_softmax(-1), q.log_softmax(-1)
    kl = torch.nn.KLDivLoss(reduction="sum", log_target=True)
    expected = (kl(log_q, log_p) + kl(log_p, log_q)) / 2
    expected.backward()
    assert np.isclose(value, expected.item())
    np.testing.assert_allclose(d_first.dataXd, p.grad.numpy(), atol=1e-6)
    np.testing.assert_allclose(d_second.dataXd, q.grad.numpy(), atol=1e-6)


def test_readings_that_agree_are_not_apart() -> None:
    emissions = Ragged(np.full((2, 3), 1e3, dtype="float32"), np.array([2], dtype="int32"))
    value, d_first, d_second = symmetric_divergence(noop(), emissions, emissions)
    assert value == 0
    assert not d_first.dataXd.any()
    assert not d_second.dataXd.any()
