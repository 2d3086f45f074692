"""A transformer that encodes rows of like length together: the architecture for spaCy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import HFObjects, TransformerData
from spacy_transformers.layers import TransformerModel, split_trf_batch, trfs2arrays
from spacy_transformers.layers.transformer_model import huggingface_from_pretrained
from thinc.api import Model, chain
from thinc.types import Floats2d, Ragged

from spacy_bioner.errors import BionerError, ConfigError, EncoderError
from spacy_bioner.models.encoder.batch import EncodedBatch
from spacy_bioner.models.encoder.layout import Layout, LayoutData
from spacy_bioner.models.encoder.limits import check_directory, check_fits, check_window
from spacy_bioner.models.encoder.rows import Rows
from spacy_bioner.models.encoder.shim import EncoderShim
from spacy_bioner.models.encoder.streaming import LONGEST_KEPT, StreamedData
from spacy_bioner.models.encoder.wordpieces import Splitter
from spacy_bioner.models.types import Tok2Vec


def build_bucketed_transformer(
    name: str,
    window: int = 256,
    overlap: int = 64,
    precision: str = "auto",
    frozen: bool = False,
    tokenizer_config: dict[str, Any] = {},  # noqa: B006 (a config default, never changed)
    transformer_config: dict[str, Any] = {},  # noqa: B006
) -> BucketedTransformer:
    """Registered as `spacy_bioner.BucketedTransformer.v1`.

    For the `transformer` component, in place of `spacy-transformers.TransformerModel.v3`;
    listeners read its output as they read that. Documents are never cut off: one longer than
    a window is read in several.

    name: a local directory or a hub's name. window: wordpieces read at once, special ones
    among them; overlap: wordpieces that two windows of a long document share, each of
    which counts in the window where it is more central.
    precision: "auto": bfloat16 where the processor multiplies it, else float32;
        "float32"; "bfloat16": the same as auto, with a warning where there is none;
        "int8": by onnxruntime, only in pipelines that `spacy bioner optimize` has written.
    frozen: the weights stay as they are, and training takes the encoder as it predicts,
        without dropout and without a way back.
    tokenizer_config, transformer_config: given to `transformers`.

    Raises ConfigError if the window does not fit the encoder, as soon as that is known.
    """
    check_window(window, overlap)
    for setting in ("output_hidden_states", "output_attentions"):
        if transformer_config.get(setting):
            raise ConfigError(f"transformer_config.{setting}: only the last layer is kept here")
    check_directory(name, window, tokenizer_config)
    objects = HFObjects(None, None, None, dict(tokenizer_config), dict(transformer_config))
    shim = EncoderShim(objects, precision)
    return BucketedTransformer(name, shim, window, overlap, frozen=frozen)


def build_bucketed_tok2vec(
    name: str,
    pooling: Model[Ragged, Floats2d],
    grad_factor: float = 1.0,
    window: int = 256,
    overlap: int = 64,
    precision: str = "auto",
    frozen: bool = False,
    tokenizer_config: dict[str, Any] = {},  # noqa: B006
    transformer_config: dict[str, Any] = {},  # noqa: B006
) -> Tok2Vec:
    """Registered as `spacy_bioner.BucketedTok2Vec.v1`: an encoder of a component's own.

    What `nlp.replace_listeners` puts in a listener's place. For the settings see
    `spacy_bioner.BucketedTransformer.v1`; pooling and grad_factor are those of
    `spacy-transformers.TransformerListener.v1`.
    """
    encoder = build_bucketed_transformer(
        name, window, overlap, precision, frozen, tokenizer_config, transformer_config
    )
    return chain(chain(encoder, split_trf_batch()), trfs2arrays(pooling, grad_factor))


class BucketedTransformer(TransformerModel):  # type: ignore[misc]
    """Documents in, their hidden states out. See `build_bucketed_transformer`."""

    def __init__(
        self, name: str, shim: EncoderShim, window: int, overlap: int, *, frozen: bool
    ) -> None:
        # not TransformerModel's: it would make a shim of its own
        Model.__init__(
            self,
            "transformer",
            forward,
            init=init,
            layers=[Model("encoder", _hold, shims=[shim])],
            dims={"nO": None},
            attrs={
                "name": name,
                "set_transformer": set_transformer,
                "has_transformer": False,
                "replace_listener": replace_listener,
                "replace_listener_cfg": replace_listener_config,
            },
        )
        self.window, self.overlap, self.frozen = window, overlap, frozen
        self._splitter: Splitter | None = None

    @property
    def shim(self) -> EncoderShim:
        shim: EncoderShim = self.layers[0].shims[0]
        return shim

    @property
    def splitter(self) -> Splitter:
        """Of the encoder's tokenizer. Raises ConfigError where the window does not fit."""
        tokenizer = self.tokenizer
        if self._splitter is None or self._splitter.tokenizer is not tokenizer:
            limit = getattr(tokenizer, "model_max_length", None)
            check_fits(self.window, self.transformer.config, limit)
            self._splitter = Splitter(tokenizer)
        return self._splitter

    def layouts(self, docs: Sequence[Doc]) -> list[Layout]:
        """The windows of each document; none of them may be empty."""
        splitter = self.splitter
        pieces = splitter.split(docs)
        return [Layout.of(each, splitter, self.window, self.overlap) for each in pieces]

    def rows(self, layouts: Sequence[Layout]) -> Rows:
        """Their windows, in buckets."""
        shim, ids = self.shim, [layout.ids for layout in layouts]
        padding = self.splitter.padding
        return Rows(ids, padding, shim.device, shim.bucket_sizes, self.window)

    def encode_layouts(self, layouts: Sequence[Layout]) -> list[Any]:
        """Hidden states (k, l, width) of each, without a gradient."""
        rows = self.rows(layouts)
        states = rows.empty_states(self.ops, self.get_dim("nO"))
        self.shim.encode(list(rows.buckets()), partial(rows.fill, states))
        return states

    def from_bytes(self, bytes_data: bytes) -> BucketedTransformer:
        try:
            super().from_bytes(bytes_data)
        except BionerError:
            raise
        except ValueError as error:
            raise EncoderError(
                f"the saved encoder cannot be read ({error}): it may be cut off, or made for "
                "other settings. Copy the pipeline again"
            ) from None
        if self.attrs["has_transformer"]:
            self.transformer.requires_grad_(not self.frozen)
            _ = self.splitter
        return self

    def _copy(self, seen: dict[int, Any] | None = None) -> BucketedTransformer:
        shim, sizes = self.shim.copy(), (self.window, self.overlap)
        copied = BucketedTransformer(self.attrs["name"], shim, *sizes, frozen=self.frozen)
        copied.attrs["has_transformer"] = self.attrs["has_transformer"]
        if self.has_dim("nO"):
            copied.set_dim("nO", self.get_dim("nO"))
        return copied

    copy = _copy


def set_transformer(model: BucketedTransformer, objects: HFObjects) -> None:
    """Gives the model an encoder that is loaded. Raises ConfigError if the window is too long."""
    objects.transformer.requires_grad_(not model.frozen)
    model.shim.set_objects(objects)
    model.attrs["has_transformer"] = True
    model.set_dim("nO", objects.transformer.config.hidden_size)
    _ = model.splitter


def replace_listener(model: BucketedTransformer) -> Model[Any, Any]:
    return chain(model, split_trf_batch())


def replace_listener_config(encoder: dict[str, Any], listener: dict[str, Any]) -> dict[str, Any]:
    """The config of what takes a listener's place, for `nlp.replace_listeners`.

    listener: its settings, or those of a layer that it is in: spaCy gives those of
    `model.tok2vec` wherever it stands.
    """
    own = {"@architectures": "spacy_bioner.BucketedTok2Vec.v1"}
    settings = next(_with_pooling(listener))
    return encoder | own | {key: settings[key] for key in ("pooling", "grad_factor")}


def _with_pooling(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "pooling" in settings:
        yield settings
    for inner in settings.values():
        if isinstance(inner, dict):
            yield from _with_pooling(inner)


def _hold(model: Model[Any, Any], bucket: Any, is_train: bool) -> Any:
    raise NotImplementedError("this layer only holds the shim, which `forward` uses")


def init(model: BucketedTransformer, X: Any = None, Y: Any = None) -> None:
    if model.shim.precision == "int8":
        raise ConfigError(
            '"int8" is no precision to begin with: train with another, then run '
            "`spacy bioner optimize`"
        )
    if not model.attrs["has_transformer"]:
        settings = model._init_tokenizer_config, model._init_transformer_config
        try:
            objects = huggingface_from_pretrained(model.attrs["name"], *settings)
        except OSError as error:
            raise EncoderError(
                f"{model.attrs['name']}: no encoder's directory, and no name that a model hub in "
                "reach has: name one in the config, as by --paths.encoder"
            ) from error
        _widen(objects.transformer)
        set_transformer(model, objects)


def _widen(transformer: Any) -> None:
    """To float32, as it is trained, what a directory may hold in less."""
    transformer.float()
    transformer.config.torch_dtype = torch.float32


def forward(
    model: BucketedTransformer, docs: Sequence[Doc], is_train: bool
) -> tuple[EncodedBatch, Callable[[list[Any]], Sequence[Doc]]]:
    layouts = model.layouts([doc for doc in docs if len(doc)])
    if model.frozen or not is_train:
        return EncodedBatch(docs, _by_document(docs, _records(model, layouts))), lambda _: docs
    rows = model.rows(layouts)
    outputs, backprop_encoder = model.shim.begin_update(list(rows.buckets()))
    states = rows.empty_states(model.ops, model.get_dim("nO"))
    for bucket, output in enumerate(outputs):
        rows.fill(states, bucket, output)

    def backprop(d_states: list[Any]) -> Sequence[Doc]:
        backprop_encoder(rows.gradients(d_states, outputs))
        return docs

    records = [LayoutData(layout, each) for layout, each in zip(layouts, states, strict=True)]
    return EncodedBatch(docs, _by_document(docs, records)), backprop


def _records(model: BucketedTransformer, layouts: Sequence[Layout]) -> list[TransformerData]:
    """Of documents with tokens; of a long one the states are computed when they are read."""
    short = [layout for layout in layouts if len(layout.ids) <= LONGEST_KEPT]
    states = iter(model.encode_layouts(short))
    return [
        LayoutData(layout, next(states))
        if len(layout.ids) <= LONGEST_KEPT
        else StreamedData(layout, model.encode_layouts)
        for layout in layouts
    ]


def _by_document(docs: Sequence[Doc], records: Sequence[TransformerData]) -> list[TransformerData]:
    """The record of each document; an empty one for a document without tokens."""
    filled = iter(records)
    return [next(filled) if len(doc) else TransformerData.empty() for doc in docs]
