"""Against thinc's own layers, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest
from thinc.api import Gelu, Linear, Mish, Relu, fix_random_seed

from spacy_bioner.models.dense import build_dense

THEIRS = {"gelu": Gelu, "linear": Linear, "mish": Mish, "relu": Relu}
INPUTS = np.random.default_rng(0).normal(size=(9, 6)).astype("float32") * 2
GRADIENT = np.random.default_rng(1).normal(size=(9, 4)).astype("float32")


@pytest.mark.parametrize("activation", THEIRS)
def test_is_the_layer_of_thinc(activation: str) -> None:
    fix_random_seed(0)
    theirs = THEIRS[activation](nO=4)
    theirs.initialize(X=INPUTS)
    fix_random_seed(0)
    ours = build_dense(4, activation)
    ours.initialize(X=INPUTS)
    np.testing.assert_array_equal(ours.get_param("W"), theirs.get_param("W"))
    np.testing.assert_allclose(ours.predict(INPUTS), theirs.predict(INPUTS), atol=1e-4)
    (y, back), (their_y, their_back) = (m.begin_update(INPUTS) for m in (ours, theirs))
    np.testing.assert_allclose(y, their_y, atol=1e-4)
    np.testing.assert_allclose(back(GRADIENT), their_back(GRADIENT.copy()), atol=1e-3)
    for name in ("W", "b"):
        np.testing.assert_allclose(ours.get_grad(name), theirs.get_grad(name), atol=2e-3)


@pytest.mark.parametrize("activation", THEIRS)
def test_gradient_is_that_of_finite_differences(activation: str) -> None:
    fix_random_seed(0)
    model = build_dense(4, activation)
    model.initialize(X=INPUTS)
    _, back = model.begin_update(INPUTS)
    d_inputs, step = back(GRADIENT), 1e-2
    for i, j in ((0, 0), (4, 3), (8, 5)):
        change = np.zeros_like(INPUTS)
        change[i, j] = step
        up, down = model.predict(INPUTS + change), model.predict(INPUTS - change)
        expected = ((up - down) * GRADIENT).sum() / (2 * step)
        assert d_inputs[i, j] == pytest.approx(expected, abs=1e-2)


def test_gradients_of_two_batches_add_up() -> None:
    model = build_dense(4, "gelu")
    model.initialize(X=INPUTS)
    for _ in range(2):
        model.begin_update(INPUTS)[1](GRADIENT)
    twice = model.get_grad("W").copy()
    model.set_grad("W", np.zeros_like(twice))
    model.begin_update(INPUTS)[1](GRADIENT)
    np.testing.assert_allclose(twice, 2 * model.get_grad("W"), rtol=1e-5)


def test_takes_a_batch_without_rows() -> None:
    model = build_dense(4, "gelu")
    model.initialize(X=INPUTS)
    outputs, back = model.begin_update(INPUTS[:0])
    assert outputs.shape == (0, 4)
    assert back(outputs).shape == (0, 6)
