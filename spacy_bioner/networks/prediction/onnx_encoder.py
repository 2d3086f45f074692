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
from spacy_bioner.networks.process_lock import ProcessLock

# Its fused form of a sum and a layer norm takes several times as long as the two.
_LEFT_OUT = ["SkipLayerNormFusion"]
# Sessions are opened for threads until the file has been read so often, in bytes; each takes two
# to three times the file's size.
_MOST_BYTES = 2**29
_INSTALL = "install onnxruntime: pip install 'spacy_bioner[onnx]'"
_LOCK = ProcessLock()


class OnnxEncoder(torch.nn.Module):
    """Looks to a shim like a transformer of `transformers`; its only weight is an ONNX file.

    config: the transformer's, with `onnx`: the file's sha256, and the version of
    onnxruntime that it was made with.

    Threads that run it at once have a session each, up to `_MOST_BYTES` of them, and share these
    beyond that. A session has one store of memory, which threads that share it pass back and
    forth: on cores that share no cache that takes half as long again.
    """

    def __init__(self, config: PretrainedConfig, file: bytes = b"") -> None:
        super().__init__()
        self.config = config
        self.register_buffer("file", torch.frombuffer(bytearray(file or b"\0"), dtype=torch.uint8))
        self._forget()

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
        if state_dict["file"].device.type != "cpu":
            raise EncoderError(
                "this pipeline's encoder is int8 for a CPU, and spaCy is set to use a GPU: load "
                "the pipeline without it, or the one that was optimised"
            )
        self.file = state_dict["file"]
        self._forget()
        self._idle.append(self._open())

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> BaseModelOutput:
        """ids and mask (b, l) -> last_hidden_state (b, l, width)."""
        inputs = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        session, is_own = self._take()
        try:
            (states,) = session.run(None, inputs)
        finally:
            if is_own:
                self._idle.append(session)
        return BaseModelOutput(last_hidden_state=torch.from_numpy(states))

    def _take(self) -> tuple[Any, bool]:
        """A session, and whether no other thread has it: one that is idle, or new, or in use
        where there can be no more. None outlives a fork."""
        with _LOCK:
            if self._process != os.getpid():
                self._forget()
            if self._idle:
                return self._idle.pop(), True
            if not self._opened or (len(self._opened) + 1) * len(self.file) <= _MOST_BYTES:
                return self._open(), True
            self._turn += 1
            return self._opened[self._turn % len(self._opened)], False

    def _forget(self) -> None:
        self._opened: list[Any] = []
        self._idle: list[Any] = []  # of these, those that no thread is using
        self._turn, self._process = 0, os.getpid()

    def _open(self) -> Any:
        made = self.config.onnx
        file = np.asarray(self.file).tobytes()
        if hashlib.sha256(file).hexdigest() != made["sha256"]:
            raise EncoderError(
                "the ONNX file in this pipeline is damaged or cut off: copy the pipeline again"
            )
        session = open_session(file, made["onnxruntime"])
        self._opened.append(session)
        return session

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": [], "_idle": [], "_process": 0}


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
