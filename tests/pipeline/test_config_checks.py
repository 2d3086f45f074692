from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from spacy_bioner.errors import ConfigError
from spacy_bioner.pipeline import config_checks
from spacy_bioner.pipeline.config_checks import check_training_config

SOUND: dict[str, Any] = {
    "components": {
        "transformer": {
            "factory": "transformer",
            "model": {
                "@architectures": "spacy-transformers.TransformerModel.v3",
                "mixed_precision": False,
                "get_spans": {"window": 30, "stride": 20},
                "tokenizer_config": {"model_max_length": 32},
            },
        },
        "bert_crf_ner": {
            "factory": "bert_crf_ner",
            "model": {
                "@architectures": "any",
                "tok2vec": {"@architectures": "spacy-transformers.TransformerListener.v1"},
            },
        },
    },
    "training": {
        "accumulate_gradient": 1,
        "frozen_components": [],
        "annotating_components": [],
        "optimizer": {"@optimizers": "Adam.v1", "use_averages": False},
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    config = deepcopy(SOUND)
    *sections, name = path.split(".")
    section = config
    for each in sections:
        section = section[each]
    section[name] = value
    return config


def check(config: dict[str, Any]) -> None:
    check_training_config(config, "bert_crf_ner")


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_checks, "get_current_ops", lambda: None)
    monkeypatch.setattr(config_checks, "CupyOps", type(None))


def test_check_passes_a_sound_config() -> None:
    check(SOUND)


@pytest.mark.parametrize("config", [{}, {"components": {"ner": {"source": "somewhere"}}}])
def test_check_passes_a_config_with_sections_left_out(config: dict[str, Any]) -> None:
    check(config)


def test_check_refuses_mixed_precision_without_gpu() -> None:
    with pytest.raises(ConfigError, match="mixed_precision = true needs a GPU"):
        check(changed("components.transformer.model.mixed_precision", True))


@pytest.mark.usefixtures("on_gpu")
def test_check_passes_mixed_precision_on_gpu() -> None:
    check(changed("components.transformer.model.mixed_precision", True))


@pytest.mark.usefixtures("on_gpu")
def test_check_refuses_mixed_precision_with_accumulated_gradients() -> None:
    config = changed("components.transformer.model.mixed_precision", True)
    config["training"]["accumulate_gradient"] = 2
    with pytest.raises(ConfigError, match="accumulate_gradient above 1"):
        check(config)


def test_check_refuses_a_window_longer_than_the_input() -> None:
    with pytest.raises(ConfigError, match=r"window = 31 .*model_max_length = 32"):
        check(changed("components.transformer.model.get_spans.window", 31))


def test_check_passes_span_getters_without_window() -> None:
    check(changed("components.transformer.model.get_spans", {"@span_getters": "doc_spans"}))


def test_check_refuses_a_frozen_transformer_that_does_not_annotate() -> None:
    config = changed("training.frozen_components", ["transformer"])
    with pytest.raises(ConfigError, match="add it to annotating_components"):
        check(config)


def test_check_passes_a_frozen_transformer_that_annotates() -> None:
    config = changed("training.frozen_components", ["transformer"])
    config["training"]["annotating_components"] = ["transformer"]
    check(config)


@pytest.mark.parametrize(
    "tok2vec",
    [
        {"@architectures": "spacy.HashEmbedCNN.v2"},
        {"@architectures": "spacy-transformers.TransformerListener.v1", "upstream": "other"},
    ],
)
def test_check_passes_a_frozen_transformer_that_the_tagger_does_not_hear(
    tok2vec: dict[str, Any],
) -> None:
    config = changed("training.frozen_components", ["transformer"])
    config["components"]["bert_crf_ner"]["model"]["tok2vec"] = tok2vec
    check(config)


def test_check_refuses_a_tagger_that_annotates_without_its_transformer() -> None:
    config = changed("training.annotating_components", ["bert_crf_ner"])
    with pytest.raises(ConfigError, match="zero vectors"):
        check(config)


def test_check_refuses_averages() -> None:
    with pytest.raises(ConfigError, match="use_averages = true"):
        check(changed("training.optimizer.use_averages", True))


def test_check_reads_transformers_within_other_layers() -> None:
    own = {"@architectures": "spacy-transformers.Tok2VecTransformer.v3", "mixed_precision": True}
    config = changed("components.bert_crf_ner.model.tok2vec", own)
    with pytest.raises(ConfigError, match=r"\[components.bert_crf_ner.model.tok2vec\] mixed_prec"):
        check(config)


def test_check_passes_averages_of_all_weights() -> None:
    config = changed("training.optimizer.use_averages", True)
    config["training"]["optimizer"]["@optimizers"] = "spacy_bioner.LayerwiseAdam.v1"
    with pytest.raises(ConfigError, match="use_averages = true"):
        check(config)
    model = config["components"]["transformer"]["model"]
    model["@architectures"] = "spacy_bioner.BucketedTransformer.v1"
    check(config)


def test_check_passes_averages_without_transformer() -> None:
    config = changed("training.optimizer.use_averages", True)
    del config["components"]["transformer"]
    check(config)
