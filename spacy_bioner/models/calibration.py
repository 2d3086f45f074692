"""Temperatures that make a CRF's probabilities true on data that it was not trained on.

Guo et al. 2017, "On Calibration of Modern Neural Networks", for a single one; scores of
a whole lattice are divided by it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log, sqrt
from typing import Any

from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.crf.packed import loss_and_gradient
from spacy_bioner.models.lattice import Lattice, Temperature
from spacy_bioner.tags import Bools2d, Ints1d, TagScheme

LOWEST, HIGHEST = 0.05, 20.0
_GOLDEN = (sqrt(5) - 1) / 2
_TOLERANCE = 1e-3  # of the temperature's logarithm
_SWEEPS = 2


def negative_log_likelihood(
    crf: Model[Any, Any],
    emissions: Ragged,
    scheme: TagScheme,
    tags: Ints1d,
    allowed: Bools2d,
    temperature: Temperature,
) -> float:
    """Mean negative log likelihood of sentences at a temperature.

    tags (N,), allowed (N, T): what is known, see `spacy_bioner.crf.packed`.
    """
    lattice = Lattice.of(crf, emissions, scheme, temperature=temperature)
    loss = loss_and_gradient(lattice.emissions, tags, allowed, lattice.lengths, lattice.scores).loss
    return float(loss.mean())


def fit_temperature(
    crf: Model[Any, Any],
    emissions: Ragged,
    scheme: TagScheme,
    tags: Ints1d,
    allowed: Bools2d,
    *,
    by_label: bool = False,
) -> Temperature:
    """The temperature, from 0.05 to 20, under which the sentences are most likely.

    by_label: one for each entity label, one after the other in two rounds, beginning
    with the best single one. The likelihood has a single maximum in the inverse of the
    single temperature, which golden-section search finds.
    """

    def loss(temperature: Temperature) -> float:
        return negative_log_likelihood(crf, emissions, scheme, tags, allowed, temperature)

    single = _minimum(loss)
    if not by_label:
        return single
    found = {"": single, **dict.fromkeys(scheme.labels, single)}
    for _ in range(_SWEEPS):
        for label in found:
            found[label] = _minimum(lambda value, name=label: loss({**found, name: value}))  # type: ignore[misc]
    return found


def _minimum(loss: Callable[[float], float]) -> float:
    """Where a function of a temperature with one minimum is lowest (Kiefer 1953)."""
    low, high = log(LOWEST), log(HIGHEST)
    inner = [high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)]
    values = [loss(exp(x)) for x in inner]
    while high - low > _TOLERANCE:
        if values[0] < values[1]:
            high, inner = inner[1], [inner[1] - _GOLDEN * (inner[1] - low), inner[0]]
            values = [inf, values[0]]
        else:
            low, inner = inner[0], [inner[1], inner[0] + _GOLDEN * (high - inner[0])]
            values = [values[1], inf]
        new = values.index(inf)
        values[new] = loss(exp(inner[new]))
    return exp((low + high) / 2)
