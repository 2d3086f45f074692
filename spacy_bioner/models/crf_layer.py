"""The node that holds the CRF's parameters, and the functions that use them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from thinc.api import Model
from thinc.types import Ragged

from spacy_bioner.crf import BACKENDS, CrfScores, get_backend
from spacy_bioner.crf.packed import Refined, loss_and_gradient, marginals
from spacy_bioner.crf.scores import Bools2d, Floats1d, Floats2d, Ints1d
from spacy_bioner.errors import ConfigError

# The names that optimizers see: unlike every other parameter's.
START, END, TRANSITIONS = "crf_start", "crf_end", "crf_transitions"
_ALLOWED = ("allowed_start", "allowed_end", "allowed_transitions")


def build_crf_layer(nO: int | None = None, backend: str = "packed") -> Model[Ragged, Ragged]:
    """A linear-chain CRF over T = nO tags (Lafferty et al. 2001).

    The layer passes emissions through; its parameters (start (T,), end (T,) and
    transitions (T, T), zero at first) serve `crf_loss` and `crf_best_paths`.

    backend: "packed", or "pytorch-crf" for comparison. Raises ConfigError if unknown.
    """
    if backend not in BACKENDS:
        raise ConfigError(f"unknown CRF backend {backend!r}: use one of {list(BACKENDS)}")
    return Model(
        "linear_chain_crf",
        forward,
        init=init,
        dims={"nO": nO},
        params={START: None, END: None, TRANSITIONS: None},
        attrs={"backend": backend, **dict.fromkeys(_ALLOWED)},
    )


def forward(
    model: Model[Ragged, Ragged], emissions: Ragged, is_train: bool
) -> tuple[Ragged, Callable[[Ragged], Ragged]]:
    return emissions, lambda d_emissions: d_emissions


def init(model: Model[Ragged, Ragged], X: Any = None, Y: Any = None) -> None:
    n_tags = model.get_dim("nO")
    model.set_param(START, model.ops.alloc1f(n_tags))
    model.set_param(END, model.ops.alloc1f(n_tags))
    model.set_param(TRANSITIONS, model.ops.alloc2f(n_tags, n_tags))


def set_constraints(model: Model[Any, Any], start: Any, end: Any, transitions: Bools2d) -> None:
    """Which tags may start (T,), end (T,) and follow one another (T, T); saved with the model."""
    for name, allowed in zip(_ALLOWED, (start, end, transitions), strict=True):
        model.attrs[name] = np.asarray(allowed, dtype=np.bool_)


def crf_scores(model: Model[Any, Any]) -> CrfScores:
    """The layer's parameters in float64, -inf where the constraints forbid."""
    start, end, transitions = (
        model.ops.to_numpy(model.get_param(name)) for name in (START, END, TRANSITIONS)
    )
    masks = [model.attrs[name] for name in _ALLOWED]
    allowed = None if masks[0] is None else (masks[0], masks[1], masks[2])
    return CrfScores.constrained(start, end, transitions, allowed)


def crf_loss(
    model: Model[Any, Any],
    emissions: Ragged,
    tags: Ints1d,
    allowed: Bools2d,
    refined: Refined | None = None,
) -> tuple[Floats1d, Ragged]:
    """Loss of each sentence (B,) and the gradient of the sum with respect to the emissions.

    Adds the gradient of the layer's own parameters to what they hold.
    tags (N,), negative where unknown; allowed (N, T), refined: see
    spacy_bioner.crf.packed, which takes over from other backends where there is `refined`.
    """
    values, lengths = model.ops.to_numpy(emissions.dataXd), _lengths(model, emissions)
    if refined:
        found = loss_and_gradient(values, tags, allowed, lengths, crf_scores(model), refined)
    else:
        backend = get_backend(model.attrs["backend"])
        found = backend.loss_and_gradient(values, tags, allowed, lengths, crf_scores(model))
    for name, gradient in (
        (START, found.start),
        (END, found.end),
        (TRANSITIONS, found.transitions),
    ):
        model.inc_grad(name, model.ops.asarray(gradient, dtype="float32"))
    d_emissions = model.ops.asarray(found.emissions, dtype="float32")
    return found.loss, Ragged(d_emissions, emissions.lengths)


def crf_marginals(model: Model[Any, Any], emissions: Ragged) -> Floats2d:
    """Probability (N, T) of each tag at each token, over all paths that the constraints permit."""
    values = model.ops.to_numpy(emissions.dataXd)
    return marginals(values, _lengths(model, emissions), crf_scores(model))


def crf_best_paths(model: Model[Any, Any], emissions: Ragged) -> Ints1d:
    """Tag ids (N,) of the best path of each sentence."""
    return get_backend(model.attrs["backend"]).best_paths(
        model.ops.to_numpy(emissions.dataXd), _lengths(model, emissions), crf_scores(model)
    )


def _lengths(model: Model[Any, Any], emissions: Ragged) -> Ints1d:
    return np.asarray(model.ops.to_numpy(emissions.lengths), dtype=np.int64)
