from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from spacy.training import Example
from thinc.api import set_dropout_rate

from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline.regularization import Regularization, backpropagate
from tests.pipeline.pipelines import (
    BILSTM,
    GOLD,
    build,
    examples,
    found_in,
    gradients,
    initialized,
    train,
)


def test_without_dropout_r_drop_is_the_plain_loss_twice() -> None:
    nlp = initialized(build(BILSTM))
    pipe = nlp.get_pipe("bert_crf_ner")
    bilstm = next(node for node in pipe.model.walk() if node.shims).shims[0]._model
    for module in bilstm.modules():
        if isinstance(module, type(bilstm)) or hasattr(module, "p"):
            vars(module).update({key: 0.0 for key in ("p", "dropout") if key in vars(module)})
    data = examples(nlp)
    docs, get_loss = [example.predicted for example in data], partial(pipe.get_loss, data)
    set_dropout_rate(pipe.model, 0.0)
    plain = backpropagate(pipe.model.begin_update, docs, get_loss)
    once = gradients(pipe.model)
    twice = Regularization(r_drop=3.0).backpropagate(pipe.model, docs, get_loss)
    assert twice == pytest.approx(2 * plain, rel=1e-5)
    for key, gradient in gradients(pipe.model).items():
        np.testing.assert_allclose(gradient, 3 * once[key], rtol=1e-3, atol=1e-4)


def test_r_drop_counts_how_far_apart_two_passes_are() -> None:
    nlp = initialized(build(BILSTM))
    pipe = nlp.get_pipe("bert_crf_ner")
    data = examples(nlp)
    docs, get_loss = [example.predicted for example in data], partial(pipe.get_loss, data)
    losses = []
    for weight in (1e-9, 100.0):
        set_dropout_rate(pipe.model, 0.5)
        losses.append(Regularization(r_drop=weight).backpropagate(pipe.model, docs, get_loss))
    assert losses[1] > losses[0]


def test_training_with_r_drop_learns() -> None:
    nlp = train(initialized(build(BILSTM, r_drop=0.5, adversarial=0.1)), drop=0.1)
    assert found_in(nlp) == GOLD


def test_r_drop_below_0_is_refused() -> None:
    nlp = build(BILSTM, r_drop=-1.0)
    with pytest.raises(ConfigError, match=r"r_drop = -1\.0: must not be below 0"):
        nlp.initialize(lambda: list[Example](examples(nlp)))
