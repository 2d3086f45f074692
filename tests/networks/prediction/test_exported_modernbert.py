"""The form that is exported against that of `transformers`, in torch and in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from transformers import ModernBertConfig

from spacy_bioner.networks.prediction.exported_modernbert import ExportedModernBert
from spacy_bioner.optimization.onnx_export import export
from tests.networks.tiny import MODERN, encoder

FORMS: dict[str, dict[str, Any]] = {
    "global": {"global_attn_every_n_layers": 1},
    "local": {"global_attn_every_n_layers": 2, "local_attention": 8},
    "biases": {"attention_bias": True, "mlp_bias": True, "norm_bias": True},
}


def batch(length: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.randint(2, 60, (4, length), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    for row, n in enumerate((length, length, 12, 1)):
        mask[row, n:] = 0
    return ids, mask


@pytest.fixture(params=FORMS)
def module(request: pytest.FixtureRequest) -> Any:
    return encoder(ModernBertConfig(**MODERN, **FORMS[request.param]))


@pytest.mark.parametrize("length", [23, 64])
def test_states_are_those_of_transformers(module: Any, length: int, tmp_path: Path) -> None:
    ids, mask = batch(length)
    with torch.inference_mode():
        expected = module(ids, attention_mask=mask).last_hidden_state
        found = ExportedModernBert(module).eval()(ids, mask)
    read = mask == 1
    torch.testing.assert_close(found[read], expected[read], atol=2e-5, rtol=2e-5)
    export(module, tmp_path / "encoder.onnx")
    run = onnxruntime.InferenceSession(tmp_path / "encoder.onnx").run
    (exported,) = run(None, {"input_ids": ids.numpy(), "attention_mask": mask.numpy()})
    np.testing.assert_allclose(exported[read], expected[read], atol=2e-5, rtol=2e-5)


def test_rotations_are_one_operator_each(module: Any, tmp_path: Path) -> None:
    export(module, tmp_path / "encoder.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "encoder.onnx").graph.node]
    assert kinds.count("RotaryEmbedding") == 2 * module.config.num_hidden_layers
    assert "Neg" not in kinds
