"""A torch encoder between thinc and its optimizer: rows of wordpieces in, hidden states out."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import srsly
import torch
import transformers
from spacy_transformers.data_classes import HFObjects
from spacy_transformers.layers.hf_shim import HFShim
from thinc.api import torch2xp, xp2torch
from transformers import (
    AutoModel,
    BertConfig,
    ModernBertConfig,
    RobertaConfig,
    XLMRobertaConfig,
)

from spacy_bioner.errors import ConfigError, EncoderError
from spacy_bioner.models.encoder.buckets import Bucket, BucketSizes
from spacy_bioner.models.encoder.precision import check_precision, choose_precision
from spacy_bioner.models.encoder.update import begin_update, can_update
from spacy_bioner.models.workers import leave_cores_to_others
from spacy_bioner.networks.bfloat16 import multiplies_tiles
from spacy_bioner.networks.prediction.onnx_encoder import OnnxEncoder
from spacy_bioner.networks.prediction.runner import build_runner
from spacy_bioner.networks.threads import on_threads

# Encoders for which vectors of wordpieces are the same input as their ids.
_TAKE_VECTORS = (BertConfig, ModernBertConfig, RobertaConfig, XLMRobertaConfig)


class EncoderShim(HFShim):  # type: ignore[misc]
    """Holds a transformer of the library `transformers` in float32, and runs it.

    precision: "auto", "float32" or "bfloat16". For prediction a copy of the
    weights is made and kept until they change; training multiplies in bfloat16 and keeps
    weights, gradients and sums in float32, without a gradient scaler.

    An optimised pipeline has bfloat16 weights here, or with "int8" an OnnxEncoder: such
    encoders predict and do not train.
    """

    def __init__(self, objects: HFObjects, precision: str) -> None:
        model_cls = OnnxEncoder if precision == "int8" else AutoModel
        super().__init__(objects, model_cls=model_cls)
        self.precision = check_precision(precision)
        self._runner: torch.nn.Module | None = None

    def set_objects(self, objects: HFObjects) -> None:
        """Takes an encoder that is loaded, with its tokenizer."""
        self._runner = None
        own = self._hfmodel
        own.tokenizer, own.transformer = objects.tokenizer, objects.transformer
        own.vocab_file_contents = objects.vocab_file_contents
        self._model = objects.transformer

    def encode(
        self, buckets: Sequence[Bucket], receive: Callable[[int, torch.Tensor], None]
    ) -> None:
        """Hidden states (b, l, width) of each bucket, without a gradient, given to `receive`.

        receive: takes the number of a bucket and its states, in the encoder's own precision, on
        a CPU on the thread that computed them. What it does not keep that thread has for its
        next bucket.
        """
        leave_cores_to_others()
        _ = self.runner  # made once, and not on each thread

        def run(index: int) -> None:
            receive(index, self._states(buckets[index]))

        indices = range(len(buckets))
        for _ in on_threads(run, indices) if self.device.type == "cpu" else map(run, indices):
            pass

    def _states(self, bucket: Bucket) -> torch.Tensor:
        with torch.inference_mode():
            output = self.runner(input_ids=bucket.ids, attention_mask=bucket.mask)
            states: torch.Tensor = output.last_hidden_state
        return states

    @property
    def bucket_sizes(self) -> BucketSizes:
        """What fits a core's cache, or fills a GPU. Where a wordpiece takes little time, a call of
        the encoder is worth more of them.

        torch makes a plan for each new shape on a CPU, onnxruntime does not, and keeps what lies
        between its products in float32.
        """
        if self.device.type != "cpu":
            return BucketSizes(largest=32768, multiple=4)
        if self.precision == "int8":
            return BucketSizes(largest=512, multiple=1)
        if self.precision != "float32" and multiplies_tiles(self.device.type):
            return BucketSizes(largest=2048, multiple=4, overhead=96, few_shapes=True)
        return BucketSizes(largest=1024, multiple=4, few_shapes=True)

    @property
    def runner(self) -> torch.nn.Module:
        """The encoder as it predicts, in the chosen precision; kept until the weights change."""
        if self._runner is None:
            dtype = choose_precision(self.precision, self.device)
            self._runner = build_runner(self._model, dtype)
        return self._runner

    def begin_update(
        self, inputs: Sequence[Bucket]
    ) -> tuple[list[torch.Tensor], Callable[[Sequence[torch.Tensor]], None]]:
        """Hidden states of each bucket, and what takes their gradients back to the weights."""
        self._require_trainable()
        self._runner = None
        self._model.train()
        dtype = choose_precision(self.precision, self.device)
        if can_update(self._model, inputs, self.device):
            return begin_update(self._model, inputs, dtype)
        kind, enabled = self.device.type, dtype != torch.float32
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=enabled):
            outputs = [
                self._model(**given, attention_mask=bucket.mask).last_hidden_state
                for given, bucket in zip(self._to_read(inputs), inputs, strict=True)
            ]

        def backprop(gradients: Sequence[torch.Tensor]) -> None:
            same = [g.to(output.dtype) for g, output in zip(gradients, outputs, strict=True)]
            torch.autograd.backward(outputs, same)

        return outputs, backprop

    def _to_read(self, buckets: Sequence[Bucket]) -> list[dict[str, torch.Tensor]]:
        """What each call of the encoder reads: ids, or the vectors of all buckets, looked up once.

        The gradient of each lookup is as large as the whole table.
        """
        if type(self._model.config) not in _TAKE_VECTORS:
            return [{"input_ids": bucket.ids} for bucket in buckets]
        ids = torch.cat([bucket.ids.reshape(-1) for bucket in buckets])
        vectors = self._model.get_input_embeddings()(ids)
        parts = vectors.split([bucket.ids.numel() for bucket in buckets])
        return [
            {"inputs_embeds": part.view(*bucket.ids.shape, -1)}
            for part, bucket in zip(parts, buckets, strict=True)
        ]

    def _require_trainable(self) -> None:
        dtypes = {parameter.dtype for parameter in self._model.parameters()}
        if dtypes != {torch.float32}:
            raise ConfigError(
                "this encoder was optimised for prediction and cannot be trained: train the "
                "pipeline that it was made from, or freeze it (frozen_components and "
                "annotating_components)"
            )

    def finish_update(self, optimizer: Any) -> None:
        """A step with the gradients, which are then gone.

        thinc's own wraps each weight's memory anew at every step, and keeps all the wrappers.
        """
        for name, parameter in self._model.named_parameters():
            if parameter.grad is None:
                continue
            self._runner = None
            before, gradient = torch2xp(parameter.data), torch2xp(parameter.grad)
            after, _ = optimizer((self.id, name), before, gradient)
            if after is not before:
                parameter.data.copy_(xp2torch(after, device=parameter.device))
            parameter.grad = None  # the next one is taken as it is, and not added to zeros

    @contextmanager
    def use_params(self, params: Any) -> Iterator[None]:
        self._runner = None
        with super().use_params(self._completed(params)):
            yield
        self._runner = None

    def _completed(self, params: Any) -> Any:
        """The parameters with those of the encoder that no gradient reached, as its pooler's.

        Averages lack them, and a state that lacks some cannot be loaded.
        """
        own = {f"pytorch_{self.id}_{name}": v for name, v in self._model.state_dict().items()}
        if not own.keys() & params.keys():
            return params
        return {**{key: torch2xp(value) for key, value in own.items()}, **params}

    def to_device(self, device_type: str, device_id: int) -> None:
        self._runner = None
        super().to_device(device_type, device_id)

    def from_bytes(self, bytes_data: bytes) -> EncoderShim:
        is_onnx = "onnx" in srsly.msgpack_loads(bytes_data)["config"]
        if is_onnx and self.precision != "int8":
            raise EncoderError(
                f'this pipeline\'s encoder is in int8, and precision = "{self.precision}" was '
                'asked for: load it with "int8", or load the pipeline that it was made from'
            )
        with warnings.catch_warnings():
            # spacy-transformers would go on with weights that do not fit
            warnings.filterwarnings("error", message="Error loading saved torch state_dict")
            try:
                super().from_bytes(bytes_data)
            except UserWarning:
                raise EncoderError(
                    "the saved weights are damaged, or do not fit the encoder of transformers "
                    f"{transformers.__version__}: copy the pipeline again, or install the "
                    "version that it was made with"
                ) from None
        # made here, so that processes forked later share it
        self._runner = None
        if self._hfmodel.transformer is not None:
            _ = self.runner
        return self

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_runner": None}  # packed weights cannot be pickled

    def __deepcopy__(self, memo: dict[int, Any]) -> EncoderShim:
        objects = copy.deepcopy(self._hfmodel, memo)
        copied = EncoderShim(objects, self.precision)
        memo[id(self)] = copied
        return copied
