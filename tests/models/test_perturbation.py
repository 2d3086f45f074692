from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from spacy.training import Example
from thinc.api import fix_random_seed, noop

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.perturbation import perturbable, perturbed, points_of
from spacy_bioner.pipeline.regularization import backpropagate
from tests.pipeline.pipelines import (
    BILSTM,
    CNN,
    GOLD,
    build,
    examples,
    found_in,
    gradients,
    initialized,
    train,
)


def test_inputs_move_along_the_gradient_by_the_size_asked_for() -> None:
    model = perturbable("any", noop(), {"nO": None})
    vectors = [np.ones((2, 3), dtype="float32"), np.zeros((0, 3), dtype="float32")]
    gradient = [np.full((2, 3), 5.0, dtype="float32"), np.zeros((0, 3), dtype="float32")]
    _, backprop = model.begin_update(vectors)
    backprop(gradient)
    with perturbed(model, 0.5):
        moved, _ = model.begin_update(vectors)
        assert np.array_equal(model.predict(vectors)[0], vectors[0]), "never in prediction"
    difference = moved[0] - vectors[0]
    assert np.linalg.norm(difference) == pytest.approx(0.5)
    assert np.all(difference > 0)
    assert np.array_equal(model.begin_update(vectors)[0][0], vectors[0])


def test_the_second_pass_has_a_higher_loss_and_adds_its_gradient() -> None:
    fix_random_seed(0)
    nlp = initialized(build(BILSTM))
    pipe = nlp.get_pipe("bert_crf_ner")
    data = examples(nlp)
    docs = [example.predicted for example in data]
    get_loss = partial(pipe.get_loss, data)
    plain = backpropagate(pipe.model.begin_update, docs, get_loss)
    once = gradients(pipe.model)
    with perturbed(pipe.model, 0.5):
        harder = backpropagate(pipe.model.begin_update, docs, get_loss)
    assert harder > plain
    both = gradients(pipe.model)
    assert any(not np.allclose(2 * once[key], both[key]) for key in once)


def test_adversarial_training_learns() -> None:
    nlp = train(initialized(build(BILSTM, adversarial=0.5)))
    assert found_in(nlp) == GOLD
    assert all(point.offset is None for point in points_of(nlp.get_pipe("bert_crf_ner").model))


@pytest.mark.parametrize(("tok2vec", "size"), [(CNN, 0.5), (BILSTM, -1.0)])
def test_what_cannot_be_perturbed_is_refused(tok2vec: dict[str, object], size: float) -> None:
    nlp = build(tok2vec, adversarial=size)
    with pytest.raises(ConfigError, match="adversarial = "):
        nlp.initialize(lambda: list[Example](examples(nlp)))
