"""Averages of all weights, torch's included, by LayerwiseAdam's use_averages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from spacy.language import Language

from spacy_bioner.training.layerwise_adam import LayerwiseAdam, build_layerwise_adam
from tests.pipeline.pipelines import (
    BILSTM,
    bucketed_config,
    build,
    build_on_transformer,
    examples,
    initialized,
)


def parameters(nlp: Language) -> dict[tuple[int, str], np.ndarray]:
    result = {}
    for i, node in enumerate(node for _, pipe in nlp.pipeline for node in pipe.model.walk()):
        for name in node.param_names:
            if node.has_param(name):
                result[i, name] = np.array(node.get_param(name))
        for shim in node.shims:
            for name, parameter in shim._model.named_parameters():
                result[i, name] = parameter.detach().numpy().copy()
    return result


def optimizer() -> LayerwiseAdam:
    groups: dict[str, Any] = {"crf": {"pattern": "crf_*", "rate_scale": 2.0}}
    return build_layerwise_adam(0.01, use_averages=True, groups=groups)


@pytest.mark.parametrize("encoder_kind", ["bilstm", "bucketed"])
def test_averages_are_those_of_every_weight(encoder_kind: str, encoder: Path) -> None:
    bilstm = encoder_kind == "bilstm"
    nlp = initialized(build(BILSTM) if bilstm else build_on_transformer(encoder, bucketed_config))
    sgd = optimizer()
    means: dict[tuple[int, str], np.ndarray] = {}
    for step in range(1, 6):
        nlp.update(examples(nlp), sgd=sgd)
        sgd.step_schedules()
        for key, value in parameters(nlp).items():
            # spaCy hands a transformer's gradient to the optimizer an update later
            updates = step - ("." in key[1])
            past = (1 + updates) / (10 + updates)
            means[key] = value if updates < 2 else past * means[key] + (1 - past) * value
    last = parameters(nlp)
    with nlp.use_params(sgd.averages):
        within = parameters(nlp)
    for key in last:
        np.testing.assert_allclose(within[key], means[key], rtol=1e-4, atol=1e-6, err_msg=str(key))
        np.testing.assert_array_equal(parameters(nlp)[key], last[key])
    assert any(np.abs(within[key] - last[key]).max() > 1e-4 for key in last)


def test_names_of_thinc_do_not_reach_torch_modules() -> None:
    sgd = optimizer()
    for name in ("E", "b", "crf_start", "weight_ih_l0", "encoder.layer.0.bias"):
        sgd((7, name), np.ones(3, dtype="float32"), np.ones(3, dtype="float32"))
    sgd.step_schedules()
    assert {key for key in sgd.averages if isinstance(key, str)} == {
        "pytorch_7_weight_ih_l0",
        "pytorch_7_encoder.layer.0.bias",
    }
