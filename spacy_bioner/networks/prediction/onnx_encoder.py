"""An encoder that onnxruntime runs, in place of torch's, for prediction alone."""

from __future__ import annotations

import hashlib
import os
from collections import deque
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

    Threads that run it at once have a session each. One for all has one store of memory, which
    they pass back and forth: on cores that share no cache that takes half as long again.
    """

    def __init__(self, config: PretrainedConfig, file: bytes = b"") -> None:
        super().__init__()
        self.config = config
        self.register_buffer("file", torch.frombuffer(bytearray(file or b"\0"), dtype=torch.uint8))
        # those that no thread is using
        self._sessions: deque[Any] = deque()
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
        self._sessions = deque([self._open()])
        self._process = os.getpid()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> BaseModelOutput:
        """ids and mask (b, l) -> last_hidden_state (b, l, width)."""
        inputs = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        session = self._take()
        (states,) = session.run(None, inputs)
        self._sessions.append(session)
        return BaseModelOutput(last_hidden_state=torch.from_numpy(states))

    def _take(self) -> Any:
        """A session that no other thread is using. None outlives a fork."""
        if self._process != os.getpid():
            self._sessions, self._process = deque(), os.getpid()
        try:
            return self._sessions.pop()
        except IndexError:
            return self._open()

    def _open(self) -> Any:
        made = self.config.onnx
        file = np.asarray(self.file).tobytes()
        if hashlib.sha256(file).hexdigest() != made["sha256"]:
            raise EncoderError(
                "the ONNX file in this pipeline is damaged or cut off: copy the pipeline again"
            )
        return open_session(file, made["onnxruntime"])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_sessions": deque(), "_process": 0}


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
