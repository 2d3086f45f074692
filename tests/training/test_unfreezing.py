"""Which blocks learn when, seen from the weights that change and those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.training import Example
from thinc.api import PyTorchWrapper

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.errors import ConfigError
from spacy_bioner.training.blocks import Depth, block_of, distance_from_classifier
from spacy_bioner.training.layerwise_adam import build_layerwise_adam
from spacy_bioner.training.unfreezing import build_gradual_unfreezing, set_learning_blocks
from tests.pipeline.pipelines import (
    LISTENER,
    SENTENCES,
    build,
    build_on_transformer,
    initialized,
    tagger_config,
)


@pytest.fixture(scope="module", params=["bert", "roberta", "bart", "modernbert"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("encoder") / request.param
    sizes = {"layers": 2, "width": 16, "heads": 2, "max_length": 64, "vocab_size": 700}
    texts = [text for text, _ in SENTENCES]
    make_encoder(texts, path, architecture=request.param, min_frequency=1, **sizes)
    return path


BUCKETED = {"@architectures": "spacy_bioner.BucketedTransformer.v1", "window": 32, "overlap": 8}


@pytest.fixture(params=["spacy-transformers", "bucketed"])
def nlp(request: pytest.FixtureRequest, encoder: Path) -> Language:
    if request.param == "spacy-transformers":
        return initialized(build_on_transformer(encoder))
    pipeline = spacy.blank("zh")
    model = {**BUCKETED, "name": str(encoder), "precision": "float32"}
    pipeline.add_pipe("transformer", config={"max_batch_items": 4096, "model": model})
    pipeline.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    return initialized(pipeline)


def weights(nlp: Language) -> dict[str, np.ndarray]:
    model = nlp.get_pipe("transformer").model
    (shim,) = [shim for node in model.walk() for shim in node.shims]
    return {name: p.detach().numpy().copy() for name, p in shim._model.named_parameters()}


def distances_that_change(nlp: Language, optimizer: Any) -> set[int]:
    """Distances from the classifier of the blocks that one update changes."""
    before = weights(nlp)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"entities": ents}) for text, ents in SENTENCES
    ]
    nlp.update(examples, sgd=False, drop=0.0)
    for _, component in nlp.pipeline:  # as spaCy's training does
        component.finish_update(optimizer)
    optimizer.step_schedules()
    after = weights(nlp)
    changed = [name for name in before if not np.array_equal(before[name], after[name])]
    depth = Depth.of(before)
    return {distance_from_classifier(block_of(name, depth), depth) for name in changed}


def test_blocks_join_one_by_one_from_the_last(nlp: Language) -> None:
    unfreeze, optimizer = build_gradual_unfreezing(steps=2), build_layerwise_adam(0.01)
    for step in range(8):
        unfreeze(nlp, {"step": step, "epoch": 0})
        learning = distances_that_change(nlp, optimizer)
        assert learning == set(range(1, min(step // 2, 3) + 1)), step


def test_an_epoch_a_block_and_blocks_at_the_start(nlp: Language) -> None:
    unfreeze, optimizer = build_gradual_unfreezing(start=1), build_layerwise_adam(0.01)
    for epoch, learning in enumerate([{1}, {1, 2}, {1, 2, 3}]):
        for step in range(2):
            unfreeze(nlp, {"step": 2 * epoch + step, "epoch": epoch})
            assert distances_that_change(nlp, optimizer) == learning


def test_what_is_frozen_again_keeps_still(nlp: Language) -> None:
    optimizer = build_layerwise_adam(0.01, weight_decay=0.1)
    for blocks, learning in ((3, {1, 2, 3}), (1, {1}), (0, set()), (2, {1, 2})):
        set_learning_blocks(nlp, blocks)
        assert distances_that_change(nlp, optimizer) == learning


def test_the_rest_of_the_pipeline_learns_from_the_start(nlp: Language) -> None:
    output = nlp.get_pipe("bert_crf_ner").model.get_ref("output_layer")
    before = output.get_param("W").copy()
    build_gradual_unfreezing(steps=5)(nlp, {"step": 0, "epoch": 0})
    assert distances_that_change(nlp, build_layerwise_adam(0.01)) == set()
    assert not np.array_equal(before, output.get_param("W"))


def test_it_comes_from_a_config() -> None:
    block = {"@callbacks": "spacy_bioner.gradual_unfreezing.v1", "steps": 3, "start": 1}
    unfreeze = registry.resolve({"before_update": block})["before_update"]
    assert (unfreeze.steps, unfreeze.start) == (3, 1)


def test_a_pipeline_without_transformer_is_refused() -> None:
    for nlp in (spacy.blank("zh"), initialized(build())):
        with pytest.raises(ConfigError, match="found no transformer"):
            build_gradual_unfreezing()(nlp, {"step": 0, "epoch": 0})


def test_another_model_of_torch_is_named(nlp: Language) -> None:
    class Other(TrainablePipe):
        def __init__(self) -> None:
            self.model = PyTorchWrapper(torch.nn.Sequential(torch.nn.Linear(2, 2)))

    Language.component("other_model_of_torch", func=Other())
    nlp.add_pipe("other_model_of_torch")
    with pytest.raises(ConfigError, match=r"before_update: .* in the pipeline, a Sequential\."):
        set_learning_blocks(nlp, 0)


def test_numbers_below_zero_are_refused() -> None:
    with pytest.raises(ConfigError, match="-1"):
        build_gradual_unfreezing(steps=-1)


def test_a_transformer_that_is_set_not_to_learn_is_refused(tmp_path: Path) -> None:
    texts = [text for text, _ in SENTENCES]
    sizes = {"layers": 2, "width": 16, "heads": 2, "max_length": 64, "vocab_size": 700}
    make_encoder(texts, tmp_path / "bert", min_frequency=1, **sizes)
    pipeline = spacy.blank("zh")
    model = {**BUCKETED, "name": str(tmp_path / "bert"), "frozen": True}
    pipeline.add_pipe("transformer", config={"max_batch_items": 4096, "model": model})
    pipeline.add_pipe("bert_crf_ner", config=tagger_config(LISTENER))
    with pytest.raises(ConfigError, match="a transformer that does not learn at all"):
        set_learning_blocks(initialized(pipeline), 0)
