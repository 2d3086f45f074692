from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from thinc.api import NumpyOps
from thinc.types import Ragged

from spacy_bioner.models.crf_layer import build_crf_layer, crf_scores, set_constraints
from spacy_bioner.models.lattice import Lattice
from spacy_bioner.tags import TagScheme
from tests.crf import brute_force

LENGTHS = np.array([4, 0, 1, 3])
N = int(LENGTHS.sum())


def make(name="BIO", labels=("A", "B"), seed=0, **masks):
    """A lattice, and for each sentence the (path, probability) of all that it leaves."""
    scheme, rng = TagScheme(labels, name), np.random.default_rng(seed)
    layer = build_crf_layer(len(scheme.tags))
    layer.initialize()
    for param in layer.param_names:
        shape = layer.get_param(param).shape
        layer.set_param(param, rng.normal(size=shape).astype("float32"))
    set_constraints(layer, *scheme.constraints)
    values = rng.normal(size=(N, len(scheme.tags))).astype("float32")
    emissions = Ragged(values, NumpyOps().asarray1i(LENGTHS))
    return Lattice.of(layer, emissions, scheme, **masks), enumerate_paths(
        scheme, values.astype(float), crf_scores(layer), masks
    )


def entities(scheme, path):
    found = scheme.spans(np.array(path, dtype=np.int64), np.array([len(path)]))
    return frozenset(zip(*(values.tolist() for values in found[1:]), strict=True))


def enumerate_paths(scheme, values, scores, masks):
    """Independent of the lattice: paths are dropped by what their entities are."""
    sentences, offset = [], 0
    for n in LENGTHS:
        inside = slice(offset, offset + n)
        offset += n
        kept = []
        for path, score in brute_force.all_paths(values[inside], scores) if n else [((), 0.0)]:
            if "allowed" in masks and not masks["allowed"][inside][np.arange(n), list(path)].all():
                continue
            edges = {edge for s, e, _ in entities(scheme, path) for edge in (s, e)}
            joined = masks.get("joined", np.zeros(N, dtype=bool))[inside]
            if any(joined[t] for t in edges if 0 < t < n):
                continue
            kept.append((path, score))
        total = np.logaddexp.reduce([score for _, score in kept])
        sentences.append([(path, np.exp(score - total)) for path, score in kept])
    return sentences


def clamps(seed, n_tags):
    rng = np.random.default_rng(seed)
    allowed = rng.random((N, n_tags)) < 0.8
    allowed[:, 0] = True
    return {"allowed": allowed, "joined": rng.random(N) < 0.4}


CASES = [(name, which) for name in ("BIO", "BILUO") for which in ("free", "clamped", "joined")]


def masks_of(which, name, labels=("A", "B")):
    both = clamps(3, len(TagScheme(labels, name).tags))
    return {"free": {}, "clamped": both, "joined": {"joined": both["joined"]}}[which]


@pytest.mark.parametrize(("name", "which"), CASES)
def test_span_probabilities_equal_enumeration(name, which):
    lattice, sentences = make(name, **masks_of(which, name))
    expected, spans = [], []
    for b, n in enumerate(LENGTHS):
        for start in range(n):
            for end in range(start + 1, n + 1):
                for label in range(2):
                    spans.append((b, start, end, label))
                    has = [
                        p for path, p in sentences[b]
                        if (start, end, label) in entities(lattice.scheme, path)
                    ]  # fmt: skip
                    expected.append(sum(has))
    columns = type(lattice.spans(lattice.best_tags()))(*np.array(spans, dtype=np.int64).T)
    found = np.exp(lattice.span_log_probabilities(columns))
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("name", "which"), CASES)
def test_best_path_k_best_and_entropy_equal_enumeration(name, which):
    lattice, sentences = make(name, **masks_of(which, name))
    best, offset = lattice.best_tags(), 0
    log_probabilities, entropies = lattice.best_path_log_probabilities(), lattice.entropies()
    for b, (n, paths) in enumerate(zip(LENGTHS, lattice.k_best(4), strict=True)):
        ranked = sorted(sentences[b], key=lambda pair: -pair[1])
        assert tuple(best[offset : offset + n]) == ranked[0][0]
        offset += n
        assert [tuple(path) for path in paths[0]] == [path for path, _ in ranked[:4]]
        assert paths[1] == pytest.approx([p for _, p in ranked[:4]], abs=1e-9)
        assert np.exp(log_probabilities[b]) == pytest.approx(ranked[0][1], abs=1e-9)
        entropy = -sum(p * np.log(p) for _, p in ranked if p > 0)
        assert entropies[b] == pytest.approx(entropy, abs=1e-9)
        sets = {entities(lattice.scheme, path) for path in paths[0]}
        assert len(sets) == len(paths[0])


@pytest.mark.parametrize(("name", "which"), CASES)
def test_marginals_equal_enumeration(name, which):
    lattice, sentences = make(name, **masks_of(which, name))
    found, offset = lattice.marginals(), 0
    for b, n in enumerate(LENGTHS):
        expected = np.zeros((n, len(lattice.scheme.tags)))
        for path, p in sentences[b]:
            expected[np.arange(n), list(path)] += p
        assert found[offset : offset + n] == pytest.approx(expected, abs=1e-9)
        offset += n


def test_one_temperature_leaves_the_best_path_and_spreads_the_probability():
    cold, hot = make(temperature=0.5)[0], make(temperature=4.0)[0]
    assert cold.best_tags().tolist() == hot.best_tags().tolist()
    assert (cold.best_path_log_probabilities() >= hot.best_path_log_probabilities()).all()
    assert (cold.entropies() <= hot.entropies() + 1e-12).all()


def test_temperature_by_label_touches_its_tags_alone():
    plain, by_label = make()[0], make(temperature={"A": 2.0})[0]
    scheme = plain.scheme
    for tag, name in enumerate(scheme.tags):
        factor = 0.5 if name.endswith("-A") else 1.0
        assert by_label.emissions[:, tag] == pytest.approx(plain.emissions[:, tag] * factor)
        before, after = plain.scores.transitions[:, tag], by_label.scores.transitions[:, tag]
        finite = np.isfinite(before)
        assert after[finite] == pytest.approx(before[finite] * factor)


def test_no_entity_of_the_best_path_divides_a_joined_run():
    lattice, _ = make(**masks_of("joined", "BIO"))
    joined = masks_of("joined", "BIO")["joined"]
    offset = np.cumsum(LENGTHS) - LENGTHS
    spans = lattice.spans(lattice.best_tags())
    for b, start, end in zip(spans.sentence, spans.start, spans.end, strict=True):
        for edge in (start, end):
            assert edge in (0, LENGTHS[b]) or not joined[offset[b] + edge]
    assert [a <= b for a, b in pairwise(spans.sentence)].count(False) == 0
