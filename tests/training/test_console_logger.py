"""What stands above spaCy's training table."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from spacy.language import Language
from thinc.api import Model, PyTorchWrapper

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.console_logger import build_console_logger
from tests.pipeline.pipelines import build_on_transformer, initialized

OPTIMIZER: dict[str, Any] = {
    "@optimizers": "spacy_bioner.LayerwiseAdam.v1",
    "learn_rate": 4e-5,
    "groups": {"crf": {"pattern": "crf_*", "rate_scale": 30.0, "weight_decay": 0.0}},
}


def start(nlp: Language, **settings: Any) -> list[str]:
    """Lines that setting the logger up writes."""
    out = StringIO()
    build_console_logger(progress_bar=None, **settings)(nlp, out, StringIO())
    return out.getvalue().splitlines()


@pytest.fixture
def nlp(encoder: Path) -> Language:
    nlp = initialized(build_on_transformer(encoder))
    nlp.config["training"]["optimizer"] = OPTIMIZER
    return nlp


def n_values(model: Model[Any, Any]) -> int:
    """Counted apart from the package's own code."""
    count = 0
    for node in model.walk():
        count += sum(node.get_param(name).size for name in node.param_names)
        count += sum(p.numel() for shim in node.shims for p in shim._model.parameters())
    return count


def test_table_lists_groups_and_sums_to_the_model(nlp: Language) -> None:
    table = [line.split() for line in start(nlp) if line]
    table = table[: next(i for i, row in enumerate(table) if row[0] == "all") + 1]
    header, *rows, total = table
    assert header == ["parameters", "of", "rate", "decay", "values"]
    sizes = [int(row[-1].replace(",", "")) for row in rows]
    expected = sum(n_values(component.model) for _, component in nlp.pipeline)
    assert sum(sizes) == int(total[-1].replace(",", "")) == expected
    rates = {" ".join(row[:-3]): float(row[-3]) for row in rows}
    assert rates == {
        "group crf": pytest.approx(30 * 4e-5, rel=1e-2),
        "classifier": pytest.approx(4e-5, rel=1e-2),
        "encoder layer 1": pytest.approx(4e-5 / 1.2, rel=1e-2),
        "encoder layer 0": pytest.approx(4e-5 / 1.2**2, rel=1e-2),
        "embeddings": pytest.approx(4e-5 / 1.2**3, rel=1e-2),
    }
    assert {row[-2] for row in rows} == {"0", "0.01"}


def test_groups_that_fit_nothing_are_named(nlp: Language) -> None:
    groups = {**OPTIMIZER["groups"], "mistyped": {"pattern": "crf-*"}}
    nlp.config["training"]["optimizer"] = {**OPTIMIZER, "groups": groups}
    lines = [line for line in start(nlp) if "fits no parameter" in line]
    assert lines == ["group mistyped fits no parameter: its pattern is 'crf-*'"]


def test_a_group_of_a_frozen_transformer_has_no_wrong_pattern(nlp: Language) -> None:
    groups = {**OPTIMIZER["groups"], "transformer": {"pattern": "*.*"}}
    nlp.config["training"]["optimizer"] = {**OPTIMIZER, "groups": groups}
    for node in nlp.get_pipe("transformer").model.walk():
        for shim in node.shims:
            shim._model.requires_grad_(False)
    assert not any("fits no parameter" in line for line in start(nlp))
    assert not any(line.startswith("group transformer") for line in start(nlp))


def test_frozen_components_are_not_listed(nlp: Language) -> None:
    nlp.config["training"]["frozen_components"] = ["transformer"]
    assert not any(line.startswith(("encoder", "embeddings")) for line in start(nlp))


def test_other_optimizers_have_no_table(nlp: Language) -> None:
    nlp.config["training"]["optimizer"] = {"@optimizers": "Adam.v1", "learn_rate": 0.001}
    assert not any(line.startswith("parameters of") for line in start(nlp))


def test_log_goes_to_a_file_as_well(nlp: Language, tmp_path: Path) -> None:
    start(nlp, output_file=tmp_path / "log.jsonl")
    assert (tmp_path / "log.jsonl").exists()


@pytest.mark.parametrize(("steps", "warns"), [([0], True), ([0, 200], False), ([], False)])
def test_training_without_an_evaluation_says_that_model_best_is_untrained(
    nlp: Language, steps: list[int], warns: bool
) -> None:
    errors = StringIO()
    log, end = build_console_logger(progress_bar=None)(nlp, StringIO(), errors)
    losses = dict.fromkeys(nlp.pipe_names, 0.0)
    scores = {"score": 0.0, "other_scores": {}, "losses": losses, "epoch": 0, "words": 1}
    for step in steps:
        log({**scores, "step": step})
        log(None)
    end()
    assert ("model-best is the pipeline as it was before" in errors.getvalue()) is warns
    assert ("no more than 200 updates" in errors.getvalue()) is warns


class Odd:
    """A component whose torch module has names of no known transformer."""

    def __init__(self) -> None:
        module = torch.nn.ModuleDict({"albert_layer_groups": torch.nn.Linear(2, 2)})
        self.model = PyTorchWrapper(module)

    def __call__(self, doc: Any) -> Any:
        return doc


@Language.factory("test_training_odd")
def make_odd(nlp: Language, name: str) -> Odd:
    return Odd()


def test_unknown_name_stops_training_before_the_first_step() -> None:
    nlp = spacy.blank("zh")
    nlp.config["training"]["optimizer"] = OPTIMIZER
    nlp.add_pipe("test_training_odd")
    with pytest.raises(ConfigError, match=r"'albert_layer_groups\.weight'"):
        start(nlp)
