"""Adversarial training (FGM, Miyato et al. 2017): inputs moved along their own gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from thinc.api import Model
from thinc.types import Floats2d

ListOfVectors = list[Floats2d]


class PerturbationPoint:
    """Hands vectors to a layer; remembers their gradient, and adds to them what it is told to."""

    def __init__(self) -> None:
        self.gradient: ListOfVectors | None = None
        self.offset: ListOfVectors | None = None

    def __reduce__(self) -> tuple[type[PerturbationPoint], tuple[()]]:
        return PerturbationPoint, ()

    def forward(self, model: Model[Any, Any], vectors: ListOfVectors, is_train: bool) -> Any:
        if is_train and self.offset is not None:
            vectors = [rows + more for rows, more in zip(vectors, self.offset, strict=True)]
        output, backprop_layer = model.layers[0](vectors, is_train)

        def backprop(d_output: Any) -> ListOfVectors:
            gradient: ListOfVectors = backprop_layer(d_output)
            self.gradient = gradient
            return gradient

        return output, backprop


def perturbable(name: str, layer: Model[Any, Any], dims: dict[str, int | None]) -> Model[Any, Any]:
    """Return a layer, from (n, width) a document, whose input training may perturb."""
    return Model(name, PerturbationPoint().forward, layers=[layer], dims=dims)


def points_of(model: Model[Any, Any]) -> list[PerturbationPoint]:
    """Return the places in a model where inputs may be perturbed."""
    owners = (getattr(node._func, "__self__", None) for node in model.walk())
    return [owner for owner in owners if isinstance(owner, PerturbationPoint)]


@contextmanager
def perturbed(model: Model[Any, Any], size: float) -> Iterator[None]:
    """Within the block inputs are moved by `size` along the gradient of the last update.

    The gradient of each document is scaled to the norm `size`.
    """
    points = points_of(model)
    for point in points:
        point.offset = [_scaled(rows, size) for rows in point.gradient or []]
    try:
        yield
    finally:
        for point in points:
            point.offset = point.gradient = None


def _scaled(rows: Floats2d, size: float) -> Floats2d:
    norm = float((rows * rows).sum()) ** 0.5
    return rows * (size / norm) if norm else rows
