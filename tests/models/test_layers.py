"""One table drives every layer: config -> initialise -> forward -> backward -> bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from thinc.api import Model, fix_random_seed
from thinc.types import Ragged

from spacy_bioner.errors import ConfigError
from spacy_bioner.models.crf_layer import END, START, TRANSITIONS, crf_loss
from spacy_bioner.models.crf_tagger import build_crf_tagger, set_n_tags
from spacy_bioner.models.pack_tokens import build_pack_tokens
from spacy_bioner.models.softmax import softmax_best_tags, softmax_loss
from tests.pipeline.pipelines import BILSTM, CNN, TEXTS

WIDTH, TAGS = 16, 5
LENGTHS = (4, 1, 0, 6)


def vectors(width: int = WIDTH, lengths: tuple[int, ...] = LENGTHS) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=(n, width)).astype("float32") for n in lengths]


def ragged(width: int = TAGS, lengths: tuple[int, ...] = LENGTHS) -> Ragged:
    return Ragged(np.concatenate(vectors(width, lengths)), np.array(lengths, dtype="int32"))


def docs() -> list[Any]:
    nlp = spacy.blank("zh")
    return [nlp(text) for text in [*TEXTS, "", " "]]


def resolve(group: str, name: str, **settings: Any) -> Callable[[], Model[Any, Any]]:
    return lambda: registry.resolve({"model": {group: name, **settings}})["model"]


def tagger(tok2vec: dict[str, Any], **settings: Any) -> Callable[[], Model[Any, Any]]:
    name = "spacy_bioner.CrfTagger.v1"
    return resolve("@architectures", name, tok2vec=tok2vec, nO=TAGS, hidden_width=8, **settings)


@dataclass(frozen=True)
class Layer:
    """build: from a config; inputs: one batch; width: of the output's rows."""

    build: Callable[[], Model[Any, Any]]
    inputs: Callable[[], Any]
    width: int


BILSTM_LAYER = "spacy_bioner.BiLstmEncoder.v1"
LAYERS = {
    "tagger": Layer(tagger(CNN), docs, TAGS),
    "tagger_relu": Layer(tagger(CNN, activation="relu"), docs, TAGS),
    "tagger_pytorch_crf": Layer(tagger(CNN, backend="pytorch-crf"), docs, TAGS),
    "tagger_bilstm": Layer(tagger(BILSTM), docs, TAGS),
    "bilstm": Layer(
        resolve("@architectures", BILSTM_LAYER, width=WIDTH, hidden_width=6), vectors, 12
    ),
    "pack_tokens": Layer(build_pack_tokens, vectors, WIDTH),
    "crf": Layer(resolve("@layers", "spacy_bioner.LinearChainCrf.v1", nO=TAGS), ragged, TAGS),
}


def rows(values: Any) -> np.ndarray:
    """All rows of a list of arrays or a Ragged."""
    return values.dataXd if isinstance(values, Ragged) else np.concatenate(values)


def n_rows(inputs: Any) -> int:
    return sum(inputs.lengths) if isinstance(inputs, Ragged) else sum(len(x) for x in inputs)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layer_runs_from_config_to_bytes(layer: Layer) -> None:
    fix_random_seed(0)
    model, inputs = layer.build(), layer.inputs()
    model.initialize(X=inputs)
    outputs, backprop = model.begin_update(inputs)
    assert rows(outputs).shape == (n_rows(inputs), layer.width)
    assert rows(outputs).dtype == np.float32
    gradient = backprop(outputs)
    if not isinstance(inputs, Ragged) and isinstance(inputs[0], np.ndarray):
        assert [d.shape for d in gradient] == [x.shape for x in inputs]
    model.finish_update(lambda key, weights, gradient: (weights, gradient))

    fix_random_seed(1)
    other = layer.build()
    other.initialize(X=inputs)
    other.from_bytes(model.to_bytes())
    np.testing.assert_array_equal(rows(model.predict(inputs)), rows(other.predict(inputs)))


@pytest.mark.parametrize("name", LAYERS)
def test_layer_takes_batches_without_tokens(name: str) -> None:
    layer = LAYERS[name]
    model, inputs = layer.build(), layer.inputs()
    model.initialize(X=inputs)
    if isinstance(inputs, Ragged):
        none = ragged(lengths=(0, 0))
    else:
        none = [x[:0] if isinstance(x, np.ndarray) else spacy.blank("zh")("") for x in inputs]
    outputs, backprop = model.begin_update(none)
    assert n_rows(outputs) == 0
    if not name.startswith("tagger"):  # thinc's own layers have no way back
        backprop(outputs)


def test_bilstm_output_does_not_depend_on_the_batch() -> None:
    fix_random_seed(0)
    model = LAYERS["bilstm"].build()
    batch = vectors()
    together = model.predict(batch)
    for document, found in zip(batch, together, strict=True):
        np.testing.assert_allclose(model.predict([document])[0], found, atol=1e-6)
    reversed_batch = model.predict(batch[::-1])[::-1]
    for a, b in zip(together, reversed_batch, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_bilstm_reads_both_directions() -> None:
    model = LAYERS["bilstm"].build()
    (document,) = vectors(lengths=(5,))
    changed = document.copy()
    changed[2] += 1
    difference = np.abs(model.predict([document])[0] - model.predict([changed])[0]).sum(axis=1)
    assert (difference > 0).all()


def test_bilstm_parameters_have_no_dots() -> None:
    names = [
        name
        for node in LAYERS["bilstm"].build().walk()
        for shim in node.shims
        for name, _ in shim._model.named_parameters()
    ]
    assert names
    assert not any("." in name for name in names)


def test_pack_tokens_takes_empty_documents_of_width_zero() -> None:
    first, _, last = vectors(lengths=(2, 1, 3))
    empty = np.zeros((0, 0), dtype="float32")
    packed, backprop = build_pack_tokens().begin_update([empty, first, empty, last])
    np.testing.assert_array_equal(packed.dataXd, np.concatenate([first, last]))
    assert packed.lengths.tolist() == [0, 2, 0, 3]
    gradients = backprop(Ragged(2 * packed.dataXd, packed.lengths))
    assert [d.shape for d in gradients] == [(0, 0), (2, WIDTH), (0, 0), (3, WIDTH)]
    np.testing.assert_array_equal(gradients[3], 2 * last)


def test_set_n_tags_sizes_the_tagger() -> None:
    model = build_crf_tagger(registry.resolve({"m": CNN})["m"], hidden_width=0)
    set_n_tags(model, 7)
    model.initialize(X=docs())
    assert model.predict(docs()).dataXd.shape[1] == 7
    assert model.get_ref("crf").get_param(TRANSITIONS).shape == (7, 7)


def test_softmax_loss_equals_torch_cross_entropy() -> None:
    emissions = ragged()
    tags = np.array([0, 4, -1, 2, 3, 1, -1, 0, 0, 2, 4])
    loss, gradient = softmax_loss(build_pack_tokens(), emissions, tags)
    inputs = torch.tensor(emissions.dataXd, requires_grad=True)
    per_token = torch.nn.functional.cross_entropy(
        inputs, torch.tensor(tags), ignore_index=-1, reduction="none"
    )
    per_token.sum().backward()
    parts = per_token.detach().split(list(LENGTHS))
    np.testing.assert_allclose(loss, [float(part.sum()) for part in parts], rtol=1e-5)
    np.testing.assert_allclose(gradient.dataXd, inputs.grad, atol=1e-6)
    assert gradient.dataXd.dtype == np.float32


def test_softmax_best_tags_are_the_highest() -> None:
    emissions = ragged()
    best = softmax_best_tags(build_pack_tokens(), emissions)
    np.testing.assert_array_equal(best, torch.tensor(emissions.dataXd).argmax(dim=1))


@pytest.mark.parametrize("backend", ["packed", "pytorch-crf"])
def test_crf_loss_adds_to_the_gradients_of_its_parameters(backend: str) -> None:
    build = resolve("@layers", "spacy_bioner.LinearChainCrf.v1", nO=TAGS, backend=backend)
    model, emissions = build(), ragged()
    model.initialize()
    tags = np.arange(len(emissions.dataXd)) % TAGS
    known = np.ones(emissions.dataXd.shape, dtype=bool)

    def loss_at(name: str, index: tuple[int, ...], step: float) -> float:
        moved = model.copy()
        values = moved.get_param(name).copy()
        values[index] += step
        moved.set_param(name, values)
        return float(crf_loss(moved, emissions, tags, known)[0].sum())

    crf_loss(model, emissions, tags, known)
    once = {name: model.get_grad(name).copy() for name in (START, END, TRANSITIONS)}
    crf_loss(model, emissions, tags, known)
    for name, gradient in once.items():
        np.testing.assert_allclose(model.get_grad(name), 2 * gradient, rtol=1e-6)
        index = tuple(1 for _ in gradient.shape)
        slope = (loss_at(name, index, 0.01) - loss_at(name, index, -0.01)) / 0.02
        assert gradient[index] == pytest.approx(slope, abs=1e-3), name


def test_unknown_precision_of_the_bilstm_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown precision 'int8': use one of \['auto'"):
        resolve("@architectures", BILSTM_LAYER, width=WIDTH, hidden_width=6, precision="int8")()
