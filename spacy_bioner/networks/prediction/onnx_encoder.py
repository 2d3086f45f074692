"""An encoder that onnxruntime runs, in place of torch's, for prediction alone."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import torch
from transformers import PretrainedConfig
from transformers.modeling_outputs import BaseModelOutput

from spacy_bioner.errors import EncoderError

# Its fused form of a sum and a layer norm takes several times as long as the two.
_LEFT_OUT = ["SkipLayerNormFusion"]
_INSTALL = "install onnxruntime: pip install 'spacy_bioner[onnx]'"


class OnnxEncoder(torch.nn.Module):
    """Looks to a shim like a transformer of `transformers`; its only weight is an ONNX file.

    config: the transformer's, with `onnx`: the file's sha256, and the version of
    onnxruntime that it was made with.
    """

    def __init__(self, config: PretrainedConfig, file: bytes = b"") -> None:
        super().__init__()
        self.config = config
        self.register_buffer("file", torch.frombuffer(bytearray(file or b"\0"), dtype=torch.uint8))
        self._session: Any = None
        self._process = 0

    @classmethod
    def from_config(cls, config: PretrainedConfig) -> OnnxEncoder:
        """Without its file, which `load_state_dict` brings."""
        return cls(config)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> Any:
        """Takes the file and opens it. Raises EncoderError if it is damaged or cannot be run."""
        if "file" not in state_dict:
            raise EncoderError(
                'precision = "int8" asks for an encoder that `spacy bioner optimize` has '
                "written, and this pipeline has none: load it with its own precision"
            )
        self.file = state_dict["file"]
        self._session = None
        self._open()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> BaseModelOutput:
        """ids and mask (b, l) -> last_hidden_state (b, l, width)."""
        self.open()
        inputs = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        (states,) = self._session.run(None, inputs)
        return BaseModelOutput(last_hidden_state=torch.from_numpy(states))

    def open(self) -> None:
        """Makes a session where there is none in this process: it does not outlive a fork."""
        if self._session is None or self._process != os.getpid():
            self._open()

    def _open(self) -> None:
        made = self.config.onnx
        file = np.asarray(self.file).tobytes()
        if hashlib.sha256(file).hexdigest() != made["sha256"]:
            raise EncoderError(
                "the ONNX file in this pipeline is damaged or cut off: copy the pipeline again"
            )
        self._session, self._process = open_session(file, made["onnxruntime"]), os.getpid()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_session": None}


def open_session(file: bytes, made_with: str) -> Any:
    """Raises EncoderError where onnxruntime is missing, or does not know what is in the file."""
    try:
        import onnxruntime
    except ImportError:
        raise EncoderError(f"this pipeline's encoder is in ONNX: {_INSTALL}") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # each thread runs a bucket of its own
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # it would keep one for each new shape, for ever
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            file, options, providers=["CPUExecutionProvider"], disabled_optimizers=_LEFT_OUT
        )
    except Exception as error:
        raise EncoderError(
            f"onnxruntime {onnxruntime.__version__} cannot run this pipeline's encoder, which was "
            f"made with {made_with} ({str(error).splitlines()[0][:200]}): install that version"
        ) from None
