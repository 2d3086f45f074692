from __future__ import annotations

import numpy as np
import pytest
import torch
import torchcrf
from hypothesis import given, settings
from hypothesis import strategies as st

from spacy_bioner.crf import get_backend, packed, viterbi
from spacy_bioner.crf.forward_backward import SCORES_PER_CHUNK, forward_backward
from spacy_bioner.crf.scores import CrfScores
from spacy_bioner.tags import UNKNOWN, TagScheme
from tests.crf import brute_force
from tests.crf.conftest import make_scores

LENGTHS = np.array([3, 0, 1, 4, 2, 1, 5])


def random_batch(scheme, rng, lengths=LENGTHS, scale=2.0):
    """Emissions (N, T) and legal gold tags (N,)."""
    emissions = scale * rng.normal(size=(lengths.sum(), len(scheme.tags)))
    n_tags = len(scheme.tags)
    free = CrfScores.constrained(
        *map(np.zeros, (n_tags, n_tags, (n_tags, n_tags))), scheme.constraints
    )
    tags = packed.best_paths(rng.normal(size=emissions.shape), lengths, free)
    return emissions, tags


def sentences(lengths):
    ends = np.cumsum(lengths)
    return [slice(end - n, end) for n, end in zip(lengths, ends, strict=True)]


def no_mask(emissions):
    return np.ones(emissions.shape, dtype=bool)


def test_log_partition_equals_enumeration(scheme, rng):
    scores, (emissions, _) = make_scores(scheme, rng), random_batch(scheme, rng)
    found = forward_backward(emissions, LENGTHS, scores).log_partition
    for b, at in enumerate(sentences(LENGTHS)):
        expected = brute_force.log_partition(emissions[at], scores) if LENGTHS[b] else 0.0
        assert found[b] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_marginals_equal_enumeration(scheme, rng, scale):
    scores, (emissions, _) = make_scores(scheme, rng), random_batch(scheme, rng, scale=scale)
    found = packed.marginals(emissions, LENGTHS, scores)
    for at in sentences(LENGTHS):
        if at.stop > at.start:
            expected = brute_force.marginals(emissions[at], scores)
            np.testing.assert_allclose(found[at], expected, atol=1e-9)


@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_best_paths_equal_enumeration(scheme, rng, backend, scale):
    scores, (emissions, _) = make_scores(scheme, rng), random_batch(scheme, rng, scale=scale)
    found = get_backend(backend).best_paths(emissions, LENGTHS, scores)
    for at in sentences(LENGTHS):
        if at.stop > at.start:
            assert tuple(found[at]) == brute_force.best_path(emissions[at], scores)[0]


def test_loss_equals_enumeration(scheme, rng):
    scores, (emissions, tags) = make_scores(scheme, rng), random_batch(scheme, rng)
    found = packed.loss_and_gradient(emissions, tags, no_mask(emissions), LENGTHS, scores).loss
    for b, at in enumerate(sentences(LENGTHS)):
        if LENGTHS[b]:
            gold = dict(brute_force.all_paths(emissions[at], scores))[tuple(tags[at])]
            expected = brute_force.log_partition(emissions[at], scores) - gold
            assert found[b] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
def test_partial_loss_equals_enumeration(scheme, rng, backend):
    scores, (emissions, tags) = make_scores(scheme, rng), random_batch(scheme, rng)
    tags[[0, 4, 5, 11, 12]] = UNKNOWN
    allowed = np.concatenate([scheme.allowed(tags[at]) for at in sentences(LENGTHS)])
    found = get_backend(backend).loss_and_gradient(emissions, tags, allowed, LENGTHS, scores)
    for b, at in enumerate(sentences(LENGTHS)):
        if LENGTHS[b]:
            agreeing = brute_force.log_partition(emissions[at], scores, allowed[at])
            expected = brute_force.log_partition(emissions[at], scores) - agreeing
            assert found.loss[b] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("hidden", [[], [1, 2, 9]])
def test_gradient_equals_finite_differences(scheme, rng, hidden):
    scores, (emissions, tags) = make_scores(scheme, rng), random_batch(scheme, rng)
    tags[hidden] = UNKNOWN
    allowed = np.concatenate([scheme.allowed(tags[at]) for at in sentences(LENGTHS)])

    def loss():
        return packed.loss_and_gradient(emissions, tags, allowed, LENGTHS, scores).loss.sum()

    found = packed.loss_and_gradient(emissions, tags, allowed, LENGTHS, scores)
    for array, gradient in [
        (emissions, found.emissions),
        (scores.start, found.start),
        (scores.end, found.end),
        (scores.transitions, found.transitions),
    ]:
        for index in map(tuple, np.argwhere(np.isfinite(array))):
            kept = array[index]
            array[index] = kept + 1e-5
            above = loss()
            array[index] = kept - 1e-5
            slope = (above - loss()) / 2e-5
            array[index] = kept
            assert gradient[index] == pytest.approx(slope, abs=1e-6)


@pytest.mark.parametrize("n", [1, 2, 60, 4000])
def test_loss_and_gradient_equal_pytorch_crf_in_float64(rng, n):
    n_tags = 21
    emissions = 3 * rng.normal(size=(n, n_tags))
    tags = rng.integers(n_tags, size=n)
    values = (rng.normal(size=n_tags), rng.normal(size=n_tags), rng.normal(size=(n_tags, n_tags)))
    module = torchcrf.CRF(n_tags).double()
    for parameter, value in zip(module.parameters(), values, strict=True):
        parameter.data = torch.from_numpy(value)
    inputs = torch.from_numpy(emissions)[:, None].requires_grad_()
    loss = -module(inputs, torch.from_numpy(tags)[:, None])
    loss.backward()
    found = packed.loss_and_gradient(
        emissions, tags, no_mask(emissions), np.array([n]), CrfScores.constrained(*values)
    )
    assert found.loss[0] == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(found.emissions, inputs.grad[:, 0], atol=1e-10)
    np.testing.assert_allclose(found.start, module.start_transitions.grad, atol=1e-10)
    np.testing.assert_allclose(found.end, module.end_transitions.grad, atol=1e-10)
    if n > 1:
        np.testing.assert_allclose(found.transitions, module.transitions.grad, atol=1e-8)


def test_backends_agree_on_a_batch(scheme, rng):
    scores, (emissions, tags) = make_scores(scheme, rng), random_batch(scheme, rng)
    ours, theirs = (
        get_backend(name).loss_and_gradient(emissions, tags, no_mask(emissions), LENGTHS, scores)
        for name in ("packed", "pytorch-crf")
    )
    for field in ("loss", "emissions", "start", "end", "transitions"):
        np.testing.assert_allclose(getattr(ours, field), getattr(theirs, field), atol=1e-9)


@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
def test_backend_takes_an_empty_batch(scheme, rng, backend):
    scores, empty = make_scores(scheme, rng), np.zeros((0, len(scheme.tags)))
    none = np.zeros(0, dtype=np.int64)
    for lengths in (none, np.array([0, 0])):
        gradient = get_backend(backend).loss_and_gradient(empty, none, empty > 0, lengths, scores)
        assert gradient.loss.tolist() == [0.0] * len(lengths)
        assert get_backend(backend).best_paths(empty, lengths, scores).shape == (0,)


def test_extreme_scores_stay_finite_over_long_sentences(rng):
    scheme = TagScheme(tuple("ABCDEFGHIJ"))
    scores = make_scores(scheme, rng, scale=30.0)
    emissions = rng.choice([-1e3, 0.0, 1e3], size=(4000, len(scheme.tags)))
    tags = packed.best_paths(emissions, np.array([4000]), scores)
    found = packed.loss_and_gradient(emissions, tags, emissions > 0, np.array([4000]), scores)
    assert np.isfinite(found.emissions).all()
    np.testing.assert_allclose(found.emissions.sum(axis=1), 0.0, atol=1e-9)
    assert found.loss[0] >= 0


def test_forbidden_tags_have_no_probability(scheme, rng):
    emissions, _ = random_batch(scheme, rng)
    scores = make_scores(scheme, rng)
    probability = packed.marginals(emissions, LENGTHS, scores)
    firsts = (np.cumsum(LENGTHS) - LENGTHS)[LENGTHS > 0]
    assert (probability[firsts][:, ~scheme.constraints.start] == 0).all()


def test_illegal_gold_is_refused(rng):
    scheme = TagScheme(("A",))
    scores = make_scores(scheme, rng)
    with pytest.raises(ValueError, match="break the constraints"):
        packed.loss_and_gradient(
            np.zeros((2, 3)), np.array([0, 2]), np.ones((2, 3), bool), np.array([2]), scores
        )


@settings(deadline=None, max_examples=40)
@given(
    lengths=st.lists(st.integers(0, 12), min_size=1, max_size=40),
    seed=st.integers(0, 2**32 - 1),
    scale=st.sampled_from([0.0, 1.0, 30.0, 1e3]),
)
def test_results_do_not_depend_on_the_batch(lengths, seed, scale):
    rng = np.random.default_rng(seed)
    scheme = TagScheme(("A", "B", "C"))
    scores = make_scores(scheme, rng)
    lengths = np.array(lengths)
    emissions, tags = random_batch(scheme, rng, lengths, scale)
    together = packed.loss_and_gradient(emissions, tags, no_mask(emissions), lengths, scores)
    paths = packed.best_paths(emissions, lengths, scores)
    best = packed.path_scores(emissions, paths, lengths, scores)
    steps = np.zeros_like(together.transitions)
    for b, at in enumerate(sentences(lengths)):
        alone = packed.loss_and_gradient(
            emissions[at], tags[at], no_mask(emissions[at]), lengths[b : b + 1], scores
        )
        assert together.loss[b] == pytest.approx(alone.loss[0], abs=1e-7)
        np.testing.assert_allclose(together.emissions[at], alone.emissions, atol=1e-9)
        steps += alone.transitions
        path = packed.best_paths(emissions[at], lengths[b : b + 1], scores)
        score = packed.path_scores(emissions[at], path, lengths[b : b + 1], scores)
        assert best[b] == pytest.approx(score[0], abs=1e-9)
    np.testing.assert_allclose(together.transitions, steps, atol=1e-9)


@pytest.mark.parametrize("empty", [0, 3])
@pytest.mark.parametrize("spread", [2.0, 200.0])
def test_batch_of_several_chunks_and_of_sentences_that_underflow(scheme, rng, empty, spread):
    n_tags = len(scheme.tags)
    lengths = np.array([SCORES_PER_CHUNK // n_tags, 0, 7, SCORES_PER_CHUNK // n_tags] + empty * [0])
    scores, (emissions, tags) = make_scores(scheme, rng), random_batch(scheme, rng, lengths)
    short = sentences(lengths)[2]
    emissions[short] = spread * rng.normal(size=(7, n_tags))
    together = packed.loss_and_gradient(emissions, tags, no_mask(emissions), lengths, scores)
    steps = np.zeros_like(together.transitions)
    for b, at in enumerate(sentences(lengths)):
        alone = packed.loss_and_gradient(
            emissions[at], tags[at], no_mask(emissions[at]), lengths[b : b + 1], scores
        )
        steps += alone.transitions
        assert together.loss[b] == pytest.approx(alone.loss[0], rel=1e-9)
        np.testing.assert_allclose(together.emissions[at], alone.emissions, atol=1e-9)
    np.testing.assert_allclose(together.transitions, steps, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize(("tokens", "scores_at_once"), [(1, 2**22), (40, 2**22), (8192, 1)])
def test_paths_do_not_depend_on_how_many_are_sought_at_once(
    scheme, rng, monkeypatch, tokens, scores_at_once
):
    lengths = rng.integers(0, 30, size=25)
    scores, (emissions, _) = make_scores(scheme, rng), random_batch(scheme, rng, lengths)
    expected = packed.best_paths(emissions, lengths, scores)
    monkeypatch.setattr(viterbi, "_TOKENS_AT_ONCE", tokens)
    monkeypatch.setattr(viterbi, "_SCORES_AT_ONCE", scores_at_once)
    np.testing.assert_array_equal(packed.best_paths(emissions, lengths, scores), expected)
