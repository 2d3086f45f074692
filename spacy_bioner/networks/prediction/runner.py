"""Which form an encoder predicts in."""

from __future__ import annotations

import copy

import torch

from spacy_bioner.networks.prediction import bert, modernbert
from spacy_bioner.networks.prediction.onnx_encoder import OnnxEncoder
from spacy_bioner.networks.prediction.packed_linear import can_pack, pack_linears


def build_runner(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    """An encoder of `transformers` as it predicts, with weights of `dtype`, without a pooler.

    Where weights have that type already they are shared, as far as their order allows.
    """
    if isinstance(module, OnnxEncoder):
        return module
    with torch.no_grad():
        return _build(module, dtype).eval()


def _build(module: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    is_packed = next(module.parameters()).device.type == "cpu" and can_pack()
    if is_packed and modernbert.is_known(module.config):
        return modernbert.FusedModernBert(module, dtype)
    if is_packed and bert.is_known(module.config):
        return bert.FusedBert(module, dtype)
    shared = {id(p): p for p in module.parameters() if p.dtype == dtype}
    runner: torch.nn.Module = copy.deepcopy(module, shared)
    for parameter in runner.parameters():  # not the buffers: rotary frequencies stay exact
        parameter.data = parameter.data.to(dtype)
    if getattr(runner, "pooler", None) is not None:
        runner.pooler = None  # type: ignore[assignment]
    if is_packed:
        pack_linears(runner)
    return runner
