from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from thinc.api import NumpyOps
from thinc.types import Ragged

from spacy_bioner.models.candidates import candidate_spans
from spacy_bioner.models.crf_layer import build_crf_layer, set_constraints
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.tags import Spans, TagScheme
from tests.models.test_lattice import CASES, LENGTHS, entities, make, masks_of


def every_span(lengths: list[int], n_labels: int) -> Iterator[tuple[int, int, int, int]]:
    for b, n in enumerate(lengths):
        for start in range(n):
            for end in range(start + 1, n + 1):
                yield from ((b, start, end, label) for label in range(n_labels))


def rows(spans: Spans) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in spans), strict=True))


@pytest.mark.parametrize("floor", [1e-6, 0.01, 0.1, 0.4])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("name", "which"), CASES)
def test_candidates_are_those_that_enumeration_finds(
    name: str, which: str, seed: int, floor: float
) -> None:
    lattice, sentences = make(name, seed=seed, **masks_of(which, name))
    expected = [
        row
        for row in every_span(LENGTHS.tolist(), 2)
        if sum(p for path, p in sentences[row[0]] if row[1:] in entities(lattice.scheme, path))
        >= floor
    ]
    assert rows(candidate_spans(lattice, floor)) == expected


def lattice_of(values: np.ndarray, lengths: list[int], name: str) -> Lattice:
    scheme = TagScheme(("A", "B"), name)
    layer = build_crf_layer(len(scheme.tags))
    layer.initialize()
    set_constraints(layer, *scheme.constraints)
    emissions = Ragged(values.astype("float32"), NumpyOps().asarray1i(lengths))
    return Lattice.of(layer, emissions, scheme)


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
@pytest.mark.parametrize("scale", [1.0, 300.0, 3000.0])
def test_large_scores_lose_no_candidate(name: str, scale: float) -> None:
    lengths, n_tags = [12, 9], len(TagScheme(("A", "B"), name).tags)
    lattice = lattice_of(np.random.default_rng(0).normal(size=(21, n_tags)) * scale, lengths, name)
    every = list(every_span(lengths, 2))
    exact = np.exp(lattice.span_log_probabilities(Spans(*np.array(every).T)))
    expected = {row for row, p in zip(every, exact, strict=True) if p >= 0.01}
    found = rows(candidate_spans(lattice, 0.01))
    assert expected <= set(found)
    assert expected
    assert len(found) <= 2 * len(expected) + 2


@pytest.mark.parametrize("name", ["BIO", "BILUO"])
def test_no_token_has_more_than_the_floor_permits(name: str) -> None:
    n, floor = 400, 0.01
    lattice = lattice_of(np.zeros((n, len(TagScheme(("A", "B"), name).tags))), [n], name)
    found = candidate_spans(lattice, floor)
    assert len(found.start) < n / floor
    assert len(found.start) > n


@pytest.mark.parametrize("floor", [0.0, -1.0, 1.5])
def test_a_floor_that_is_no_probability_is_refused(floor: float) -> None:
    lattice, _ = make()
    with pytest.raises(ValueError, match="the floor of candidates must be in"):
        candidate_spans(lattice, floor)
