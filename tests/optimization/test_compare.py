from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from spacy.language import Language
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.errors import BionerError, ConfigError
from spacy_bioner.evaluation.scores import Scores
from spacy_bioner.optimization import compare as compare_module
from spacy_bioner.optimization import onnx_export, trials
from spacy_bioner.optimization.compare import Comparison, Measured, compare, require_small_loss
from spacy_bioner.optimization.compare import render as render_comparison
from spacy_bioner.optimization.onnx_export import NothingToSpareError
from spacy_bioner.optimization.worker import peak_memory
from tests.pipeline.pipelines import SENTENCES, with_entities

ENTITIES = (frozenset({(0, 2, "A"), (3, 5, "B")}), frozenset({(1, 4, "A")}))
ORIGINAL = Measured(2.0, (4.0, 6.0, 5.0), 1000, 10**9, 2 * 10**6, ENTITIES, Scores(8, 10, 10))
FEWER = (frozenset({(0, 2, "A")}), frozenset({(1, 4, "A")}))
FASTER = replace(
    ORIGINAL, seconds=(2.0, 2.0, 2.0), entities=FEWER, scores=Scores(7, 9, 10), size=10**6
)


def test_speedup_is_the_median_of_ratios_and_agreement_an_f1() -> None:
    both = Comparison(ORIGINAL, FASTER)
    assert both.speedup == 2.5
    assert both.agreement == pytest.approx(2 * 2 / (3 + 2))
    assert both.loss == pytest.approx(100 * (16 / 20 - 14 / 19))


def test_nothing_found_by_either_is_full_agreement() -> None:
    none = replace(ORIGINAL, entities=(frozenset(),), scores=Scores(0, 0, 0))
    assert Comparison(none, none).agreement == 1.0
    assert Comparison(none, none).loss == 0.0


def test_loss_above_the_limit_is_refused() -> None:
    both = Comparison(ORIGINAL, FASTER)
    require_small_loss(both, both.loss + 0.01, "int8")
    with pytest.raises(ConfigError, match=r"falls by 6.32 points, more than --max-loss 0.3"):
        require_small_loss(both, 0.3, "int8")
    with pytest.raises(ConfigError, match=r"written\. Allow a larger loss"):
        require_small_loss(both, 0.3, "bfloat16")


def test_table_shows_both() -> None:
    lines = render_comparison(Comparison(ORIGINAL, FASTER)).splitlines()
    assert ["words", "a", "second", "200", "500"] in [line.split() for line in lines]
    assert ["size", "on", "disk,", "MB", "2.0", "1.0"] in [line.split() for line in lines]
    assert len({len(line) for line in lines}) == 1


def test_peak_memory_is_that_of_a_python_with_libraries() -> None:
    assert 10**7 < peak_memory() < 10**11


def test_reasons_are_the_error_and_not_what_is_printed_after_it() -> None:
    trace = "Traceback\n  File x\nspacy.errors.ConfigError: wrong\n  at [nlp]\n"
    assert compare_module._reason(1, trace) == "spacy.errors.ConfigError: wrong at [nlp]"
    assert compare_module._reason(1, "") == "failed"
    assert "signal 9" in compare_module._reason(-9, "  warnings.warn(msg)")


def test_failure_of_a_process_is_told(tmp_path: Path) -> None:
    with pytest.raises(BionerError, match="nowhere"):
        compare(tmp_path / "nowhere", tmp_path / "nowhere", tmp_path / "dev.spacy", 1)


@pytest.fixture
def dev(trained: Language, tmp_path: Path) -> Path:
    docs = [with_entities(trained.make_doc(text), entities) for text, entities in SENTENCES]
    DocBin(docs=docs, store_user_data=True).to_disk(tmp_path / "dev.spacy")
    return tmp_path / "dev.spacy"


@pytest.mark.slow
@pytest.mark.parametrize("trained", ["stock"], indirect=True)
def test_command_writes_a_pipeline_that_finds_the_same(
    trained: Language, dev: Path, tmp_path: Path
) -> None:
    trained.to_disk(tmp_path / "model")
    command = ["optimize", str(tmp_path / "model"), str(tmp_path / "new"), "--dev", str(dev)]
    result = CliRunner().invoke(app, [*command, "--precision", "int8", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    assert "entity agreement, %                       100.00" in result.output
    assert compare(tmp_path / "model", tmp_path / "new", dev, 1).agreement == 1.0
    again = CliRunner().invoke(app, command)
    assert again.exit_code == 1
    assert "already exists. Give --force" in again.output
    twice = CliRunner().invoke(app, ["optimize", str(tmp_path / "new"), *command[2:], "--force"])
    assert twice.exit_code == 1
    assert "optimised already" in twice.output
    assert (tmp_path / "new").exists()


def test_command_refuses_gold_that_says_nothing(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path / "model")
    dev = tmp_path / "dev.spacy"
    DocBin(docs=[trained.make_doc("頭痛")]).to_disk(dev)
    command = ["optimize", str(tmp_path / "model"), str(tmp_path / "new"), "--dev", str(dev)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1
    assert "has no entity, so that F1 would say nothing" in result.output


def test_command_writes_nothing_where_too_much_is_lost(
    trained: Language, dev: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained.to_disk(tmp_path / "model")
    monkeypatch.setattr(trials, "compare", lambda *given: Comparison(ORIGINAL, FASTER))
    command = ["optimize", str(tmp_path / "model"), str(tmp_path / "new"), "--dev", str(dev)]
    result = CliRunner().invoke(app, [*command, "--precision", "int8"])
    assert result.exit_code == 1
    assert "int8, the sensitive products in float32" in result.output
    assert "nothing was written" in result.output
    assert not (tmp_path / "new").exists()

    def refuse(path: Path) -> list[str]:
        raise NothingToSpareError("which products is not known")

    monkeypatch.setattr(onnx_export, "_sensitive", refuse)
    with pytest.warns(UserWarning, match="which products is not known"):
        result = CliRunner().invoke(app, [*command, "--precision", "int8"])
    assert "F1 falls by 6.32 points" in result.output
