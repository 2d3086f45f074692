"""The configs are complete, agree with one another, and build; the project runs them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.cli.init_config import fill_config
from spacy.tokens import Doc
from spacy.training.initialize import init_nlp
from spacy.util import load_config, load_model_from_config

from spacy_bioner.corpora.docbin import documents_to_docbin
from spacy_bioner.corpora.readers import read_healthner
from spacy_bioner.encoders.make_encoder import make_encoder

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.cfg"))
PROJECT = srsly.read_yaml(ROOT / "project.yml")
MISSING = "(missing)"

# Settings that `init fill-config` adds and that say nothing: defaults, or given by the language.
DEFAULTS = {
    "components.bert_crf_ner.model.nO",
    "components.bert_crf_ner.scorer.@scorers",
    "components.ner.model.nO",
    "components.ner.scorer.@scorers",
    "nlp.after_creation",
    "nlp.after_pipeline_creation",
    "nlp.before_creation",
    "nlp.disabled",
    "nlp.tokenizer.@tokenizers",
    "nlp.tokenizer.segmenter",
    "initialize.tokenizer",
    "initialize.tokenizer.pkuseg_model",
    "initialize.tokenizer.pkuseg_user_dict",
    "nlp.vectors.@vectors",
    "training.optimizer.learn_rate.lowest_rate",
    "training.optimizer.no_decay",
}
# What sets ULMFiT's way of fine-tuning apart.
ULMFIT_SETTINGS = {
    "training.before_update",
    "training.before_update.@callbacks",
    "training.before_update.start",
    "training.before_update.steps",
    "training.optimizer.layer_decay",
    *(
        f"training.optimizer.learn_rate.{name}"
        for name in ("@schedules", "max_rate", "num_steps", "cut_frac", "ratio", "warmup_rate")
    ),
    *(
        f"training.optimizer.learn_rate.{name}"
        for name in ("learn_rate", "warmup_steps", "decay_every", "decay_factor")
    ),
}
# What the small system on a CPU has of its own.
MINI_SETTINGS = {
    "components.bert_crf_ner.threshold",
    "paths.encoder",
    "components.transformer.model.window",
    "components.transformer.model.overlap",
    "components.transformer.model.tokenizer_config.model_max_length",
    "training.max_epochs",
    "training.max_steps",
    "training.optimizer.layer_decay",
    "training.optimizer.learn_rate.warmup_rate",
    "training.optimizer.learn_rate.learn_rate",
    "training.optimizer.learn_rate.warmup_steps",
    "training.optimizer.learn_rate.decay_every",
    "training.optimizer.learn_rate.decay_factor",
    "training.optimizer.groups.crf.rate_scale",
    "training.optimizer.use_averages",
}


def settings(section: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values; an empty section counts as a value."""
    for key, value in section.items():
        if isinstance(value, dict) and value:
            yield from settings(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def differences(one: dict[str, Any], other: dict[str, Any]) -> set[str]:
    a, b = dict(settings(one)), dict(settings(other))
    return {key for key in a.keys() | b.keys() if a.get(key, MISSING) != b.get(key, MISSING)}


def named(name: str) -> dict[str, Any]:
    return load_config(ROOT / "configs" / f"{name}.cfg")


def recogniser(path: Path) -> str:
    """The component that finds entities in the pipeline of a config."""
    return "ner" if path.stem == "stock_ner" else "bert_crf_ner"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some sentences of the sample corpus that have every type between them."""
    path = tmp_path_factory.mktemp("corpus") / "few.spacy"
    documents = list(read_healthner(ROOT / "assets/sample/dev.json"))[:60]
    documents_to_docbin(documents, spacy.blank("zh"))[0].to_disk(path)
    return path


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "tiny"
    make_encoder(
        ["病人服用 metformin。"], path, layers=1, width=16, heads=2, max_length=512, vocab_size=900
    )
    return path


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_is_complete(path: Path, tmp_path: Path) -> None:
    before, after = fill_config(tmp_path / "filled.cfg", path, silent=True)
    assert differences(before, after) <= DEFAULTS
    filled = dict(settings(after))
    assert all(filled[key] == value for key, value in settings(before) if value != {})


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_builds_a_pipeline_without_its_encoder(path: Path) -> None:
    nlp = load_model_from_config(load_config(path), auto_fill=True)
    assert nlp.pipe_names[-1] == recogniser(path)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_initialises_and_predicts(path: Path, corpus: Path, encoder: Path) -> None:
    overrides: dict[str, Any] = {"paths.train": str(corpus), "paths.dev": str(corpus)}
    config = load_config(path)
    if "encoder" in config["paths"]:
        overrides["paths.encoder"] = str(encoder)
    nlp = init_nlp(load_config(path, overrides=overrides))
    assert len(nlp.get_pipe(recogniser(path)).labels) == 10
    doc = nlp("膝蓋腫痛，服用 aspirin。")
    assert isinstance(doc, Doc)
    assert doc.has_annotation("ENT_IOB")


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_config_hashes_alike_whatever_the_process_has_made_before(path: Path) -> None:
    models = [
        load_model_from_config(load_config(path), auto_fill=True).get_pipe(recogniser(path)).model
        for _ in range(2)
    ]
    one, other = ([node.attrs.get("seed") for node in model.walk()] for model in models)
    assert one == other


@pytest.mark.parametrize(
    ("lang", "tokens"), [("en", ["Aspirin", "膝蓋", "."]), ("zh", [*"Aspirin", "膝", "蓋", "."])]
)
@pytest.mark.parametrize(
    "path", [path for path in CONFIGS if path.stem != "words_crf"], ids=lambda path: path.stem
)
def test_config_takes_the_tokenizer_of_its_language(
    path: Path, lang: str, tokens: list[str]
) -> None:
    config = load_config(path, overrides={"nlp.lang": lang})
    nlp = load_model_from_config(config, auto_fill=True)
    assert [token.text for token in nlp.make_doc("Aspirin 膝蓋.")] == tokens


def test_words_are_cut_at_each_sign() -> None:
    (path,) = (path for path in CONFIGS if path.stem == "words_crf")
    nlp = load_model_from_config(load_config(path), auto_fill=True)
    assert [token.text for token in nlp.make_doc("(METH)-2")] == ["(", "METH", ")", "-", "2"]


def test_softmax_config_differs_in_its_loss_only() -> None:
    assert differences(named("bert_crf"), named("bert_softmax")) == {"components.bert_crf_ner.loss"}


def test_mini_config_differs_in_size_rates_and_threshold_only() -> None:
    assert differences(named("bert_crf"), named("mini_crf")) == MINI_SETTINGS


def test_ulmfit_config_differs_in_rates_and_unfreezing_only() -> None:
    assert differences(named("bert_crf"), named("ulmfit_crf")) == ULMFIT_SETTINGS


def test_stock_config_differs_in_its_component_only() -> None:
    found = differences(named("bert_crf"), named("stock_ner"))
    others = {key for key in found if not key.startswith(("components.ner", "components.bert_crf"))}
    groups = {key for key in others if key.startswith("training.optimizer.groups")}
    assert others - groups == {"nlp.pipeline"}


def test_cnn_config_differs_in_its_embedding_only() -> None:
    found = differences(named("bilstm_crf"), named("cnn_bilstm_crf"))
    prefix = "components.bert_crf_ner.model.tok2vec."
    assert {key.removeprefix(prefix).split(".")[0] for key in found} == {"embed", "encode"}


@pytest.mark.parametrize("name", ["cnn_bilstm_crf", "words_crf"])
def test_an_lstm_is_as_wide_as_the_words_and_filters_below_it(name: str) -> None:
    model = named(name).interpolate()["components"]["bert_crf_ner"]["model"]
    tok2vec = model["tok2vec"]["embed"].get("layer", model["tok2vec"])
    embed, encode = (tok2vec[part] for part in ("embed", "encode"))
    parts = embed.get("parts", {"words": embed})
    lexicons = [part for part in parts.values() if "lexicon" in part]
    assert all((part["vector_width"], part["bits"]) == (0, True) for part in lexicons)
    words, vectors = parts["words"], parts.get("vectors", {"vector_width": 0})["vector_width"]
    embedding = words["words"].get("layer", words["words"])
    of_words = embedding["width"] + words["filters"]
    assert encode["width"] == 4 * len(lexicons) + vectors + of_words


@pytest.mark.parametrize("command", PROJECT["commands"], ids=lambda command: command["name"])
def test_project_command_lists_its_config(command: dict[str, Any]) -> None:
    dependencies = [name for name in command["deps"] if name.startswith("configs/")]
    assert dependencies
    words = {word for line in command["script"] for word in line.split()}
    assert {word for word in words if word.startswith("configs/")} <= set(dependencies)


@pytest.mark.parametrize("command", PROJECT["commands"], ids=lambda command: command["name"])
def test_project_command_names_configs_that_exist(command: dict[str, Any]) -> None:
    known = {f"configs/{path.name}" for path in CONFIGS} | {"configs/${vars.config}.cfg"}
    assert {name for name in command["deps"] if name.startswith("configs/")} <= known
    assert (ROOT / "configs" / f"{PROJECT['vars']['config']}.cfg") in CONFIGS


@pytest.mark.parametrize("variable", ["metrics", "rocling_metrics"])
def test_project_makes_the_directories_of_metrics(variable: str) -> None:
    """`spacy evaluate` does not make the directory of its output."""
    assert f"${{vars.{variable}}}" in PROJECT["directories"]


def test_project_workflows_name_commands() -> None:
    commands = {command["name"] for command in PROJECT["commands"]}
    assert {name for workflow in PROJECT["workflows"].values() for name in workflow} <= commands
