"""A transformer as an ONNX file whose matrix products are in int8."""

from __future__ import annotations

import hashlib
import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from spacy_bioner.errors import ConfigError
from spacy_bioner.networks.prediction import modernbert
from spacy_bioner.networks.prediction.exported_modernbert import ExportedModernBert
from spacy_bioner.networks.prediction.onnx_encoder import OnnxEncoder

_OPSET = 17
# Node names of the products that int8 hurts most: the second of each feed-forward block.
SENSITIVE = ("/output/dense/MatMul", "/mlp/Wo/MatMul", "/fc2/MatMul", "/ffn/lin2/MatMul")
_BUT = "/attention/"


class _States(torch.nn.Module):
    """A transformer's hidden states alone, as torch's exporter wants it."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
        states: torch.Tensor = output.last_hidden_state
        return states


class NothingToSpareError(ConfigError):
    """An encoder of whose products none is known as sensitive."""


def make_int8_encoder(transformer: Any, *, spare_sensitive: bool = False) -> OnnxEncoder:
    """A transformer of `transformers` as an encoder for onnxruntime, with int8 weights.

    Weights are quantised by channel, activations while it runs (dynamic quantisation).
    spare_sensitive: leave the second product of each feed-forward block in float32.
    Raises ConfigError where onnx or onnxruntime is missing, or where it is not known which
    products these are.
    """
    onnxruntime, quantize_dynamic = _libraries()
    with TemporaryDirectory() as folder:
        plain, quantised = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        export(transformer, plain)
        _quietly(
            quantize_dynamic,
            plain,
            quantised,
            per_channel=True,
            nodes_to_exclude=_sensitive(plain) if spare_sensitive else [],
            extra_options={"MatMulConstBOnly": True, "DefaultTensorType": 1},
        )
        file = quantised.read_bytes()
    config = type(transformer.config).from_dict(transformer.config.to_dict())
    config.onnx = {
        "sha256": hashlib.sha256(file).hexdigest(),
        "onnxruntime": onnxruntime.__version__,
        "opset": _OPSET,
    }
    return OnnxEncoder(config, file)


def _libraries() -> tuple[Any, Callable[..., Any]]:
    try:
        import onnx  # noqa: F401 (torch's exporter needs it)
        import onnxruntime
        from onnxruntime.quantization import quantize_dynamic
    except ImportError as error:
        raise ConfigError(
            f"int8 needs onnx and onnxruntime ({error}): pip install 'spacy_bioner[onnx]'"
        ) from None
    return onnxruntime, quantize_dynamic


def export(transformer: Any, path: Path) -> None:
    """Writes an encoder of `transformers`: ids and mask (b, l) -> states (b, l, width), float32."""
    is_known = modernbert.is_known(transformer.config)
    form = ExportedModernBert(transformer) if is_known else _States(transformer)
    ids = torch.full((2, 9), 1)
    axes = {0: "rows", 1: "wordpieces"}
    _quietly(
        torch.onnx.export,
        form.eval(),
        (ids, torch.ones_like(ids)),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["states"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "states": axes},
        opset_version=_OPSET,
        custom_opsets={"com.microsoft": 1} if is_known else None,
        dynamo=False,
    )


def _sensitive(path: Path) -> list[str]:
    import onnx

    names: Sequence[str] = [node.name for node in onnx.load(path).graph.node]
    found = [name for name in names if name.endswith(SENSITIVE) and _BUT not in name]
    if not found:
        raise NothingToSpareError(
            "which products of this kind of encoder int8 hurts most is not known, so none can be "
            "left in float32."
        )
    return found


def _quietly(function: Callable[..., Any], *args: Any, **settings: Any) -> Any:
    """What these libraries warn about is their own business."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(*args, **settings)
    finally:
        logging.disable(before)
