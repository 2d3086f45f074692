"""The linear-chain CRF as pure numerics: no spaCy, no thinc."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from spacy_bioner.crf.scores import (
    Bools2d,
    CrfGradient,
    CrfScores,
    Floats2d,
    Ints1d,
    Posterior,
)

__all__ = ["BACKENDS", "Backend", "CrfGradient", "CrfScores", "Posterior", "get_backend"]

BACKENDS = {"packed": "spacy_bioner.crf.packed", "pytorch-crf": "spacy_bioner.crf.torchcrf"}


class Backend(Protocol):
    """What computes with a CRF. See spacy_bioner.crf.packed for each function."""

    def best_paths(self, emissions: Floats2d, lengths: Ints1d, scores: CrfScores) -> Ints1d: ...

    def loss_and_gradient(
        self,
        emissions: Floats2d,
        tags: Ints1d,
        allowed: Bools2d,
        lengths: Ints1d,
        scores: CrfScores,
    ) -> CrfGradient: ...


def get_backend(name: str) -> Backend:
    """The backend of this name. Raises ValueError if there is none."""
    if name not in BACKENDS:
        raise ValueError(f"unknown CRF backend {name!r}: use one of {list(BACKENDS)}")
    return cast(Backend, import_module(BACKENDS[name]))
