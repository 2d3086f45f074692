from __future__ import annotations

import numpy as np
import pytest
import torch
from spacy.util import registry
from thinc.api import NumpyOps, Ragged

from spacy_bioner.crf import packed
from spacy_bioner.models.bilstm import build_bilstm_encoder
from spacy_bioner.models.crf_layer import build_crf_layer, crf_loss, set_constraints
from spacy_bioner.models.pack_tokens import build_pack_tokens
from spacy_bioner.models.softmax import softmax_loss
from spacy_bioner.tags import TagScheme

OPS = NumpyOps()
LENGTHS = [3, 0, 5, 1]


def vectors(width=4):
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, width)).astype("float32") for n in LENGTHS]


def emissions(n_tags):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(sum(LENGTHS), n_tags)).astype("float32")
    return Ragged(scores, OPS.asarray1i(LENGTHS))


def test_pack_tokens_skips_empty_documents_of_width_zero():
    rows = vectors()
    rows[1] = np.zeros((0, 0), dtype="float32")
    output, backprop = build_pack_tokens()(rows, True)
    assert output.dataXd.shape == (9, 4)
    gradients = backprop(output)
    assert [g.shape for g in gradients] == [(3, 4), (0, 0), (5, 4), (1, 4)]
    np.testing.assert_array_equal(gradients[2], rows[2])


def test_bilstm_of_a_document_does_not_depend_on_its_batch():
    model = build_bilstm_encoder(4, 3, depth=2)
    together = model.predict(vectors())
    for alone, row in zip(together, vectors(), strict=True):
        np.testing.assert_allclose(alone, model.predict([row])[0], atol=1e-6)


def test_bilstm_gradient_equals_finite_differences():
    model = build_bilstm_encoder(4, 3, depth=1, dropout=0.0)
    rows = vectors()
    output, backprop = model.begin_update(rows)
    gradient = backprop([np.ones_like(y) for y in output])
    rows[2][1, 2] += 1e-2
    above = sum(float(y.sum()) for y in model.predict(rows))
    rows[2][1, 2] -= 2e-2
    slope = (above - sum(float(y.sum()) for y in model.predict(rows))) / 2e-2
    assert gradient[2][1, 2] == pytest.approx(slope, abs=1e-3)


def test_bilstm_survives_bytes():
    model, other = build_bilstm_encoder(4, 3), build_bilstm_encoder(4, 3)
    other.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(model.predict(vectors())[0], other.predict(vectors())[0])


def test_softmax_loss_equals_torch_cross_entropy():
    scores = emissions(5)
    tags = np.array([0, 4, 2, 1, 1, -1, 3, 0, 2])
    loss, gradient = softmax_loss(build_crf_layer(5), scores, tags)
    inputs = torch.tensor(scores.dataXd, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        inputs, torch.tensor(tags), ignore_index=-1, reduction="sum"
    )
    expected.backward()
    assert loss.sum() == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(gradient.dataXd, inputs.grad, atol=1e-6)


def test_crf_layer_keeps_parameters_and_constraints_through_bytes():
    scheme = TagScheme(("A", "B"))
    model = build_crf_layer(len(scheme.tags))
    model.initialize()
    set_constraints(model, *scheme.constraints)
    model.set_param("crf_start", np.arange(5, dtype="float32"))
    other = build_crf_layer().from_bytes(model.to_bytes())
    np.testing.assert_array_equal(other.get_param("crf_start"), np.arange(5))
    np.testing.assert_array_equal(
        other.attrs["allowed_transitions"], scheme.constraints.transitions
    )


def test_crf_loss_adds_to_the_gradient_of_its_parameters():
    scheme = TagScheme(("A", "B"))
    model = build_crf_layer(len(scheme.tags))
    model.initialize()
    set_constraints(model, *scheme.constraints)
    scores, tags = emissions(5), np.array([1, 2, 0, 0, 3, 4, 0, 1, 0])
    known = np.ones(scores.dataXd.shape, dtype=bool)
    for times in (1, 2):
        crf_loss(model, scores, tags, known)
        expected = packed.loss_and_gradient(
            scores.dataXd, tags, known, np.array(LENGTHS), _zero_scores(scheme)
        )
        np.testing.assert_allclose(
            model.get_grad("crf_transitions"), times * expected.transitions, atol=1e-5
        )


def _zero_scores(scheme):
    from spacy_bioner.crf import CrfScores

    n = len(scheme.tags)
    return CrfScores.constrained(np.zeros(n), np.zeros(n), np.zeros((n, n)), scheme.constraints)


def test_architectures_are_found_by_their_registered_names():
    for name in ("spacy_bioner.CrfTagger.v1", "spacy_bioner.BiLstmEncoder.v1"):
        assert registry.architectures.get(name) is not None
