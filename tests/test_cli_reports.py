"""The commands `report`, `compare` and `experiment` from their arguments to their files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span
from typer.testing import CliRunner

from spacy_bioner.cli import app
from spacy_bioner.evaluation.prediction import write_docs

TEXTS = ["病人服用阿斯匹靈後頭痛", "頭痛與發燒"]
GOLD = [[(4, 8, "DRUG"), (9, 11, "SYMP")], [(0, 2, "SYMP"), (3, 5, "SYMP")]]
POOR = [[(4, 7, "DRUG"), (9, 11, "SYMP")], [(0, 2, "DISE")]]


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def docs_of(mentions: list[list[tuple[int, int, str]]]) -> list[Doc]:
    nlp = spacy.blank("zh")
    docs = [nlp.make_doc(text) for text in TEXTS]
    for number, (doc, spans) in enumerate(zip(docs, mentions, strict=True)):
        doc.set_ents([Span(doc, *span) for span in spans])
        doc.user_data["id"] = f"note-{number}"
    return docs


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    made = {}
    for name, mentions in (("gold", GOLD), ("poor", POOR), ("perfect", GOLD)):
        made[name] = tmp_path / f"{name}.spacy"
        DocBin(docs=docs_of(mentions), store_user_data=True).to_disk(made[name])
    return made


def test_report_writes_page_metrics_and_card(files: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, output = run("report", files["gold"], files["poor"], out, "--train", files["gold"])
    assert code == 0, output
    assert output.startswith("P 33.33  R 25.00  F1 28.57 (95 %: ")
    assert sorted(path.name for path in out.iterdir()) == [
        *("metrics.json", "model-card.md", "report.html"),
    ]
    figures = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    assert figures["ents_f"] == pytest.approx(2 / 7)
    assert figures["tables"]["seen in training"]["with this type"]["gold"] == 4
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "note-0" in page
    assert "boundary right" in page


def test_report_is_not_overwritten_without_force(files: dict[str, Path], tmp_path: Path) -> None:
    arguments = ("report", files["gold"], files["poor"], tmp_path / "out")
    assert run(*arguments)[0] == 0
    code, output = run(*arguments)
    assert (code, output.count("\n")) == (1, 1)
    assert "report.html: already exists. Give --force" in output
    assert run(*arguments, "--force")[0] == 0


def test_report_runs_a_pipeline(files: dict[str, Path], tmp_path: Path) -> None:
    nlp = spacy.blank("zh")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "SYMP", "pattern": [{"ORTH": "頭"}, {"ORTH": "痛"}]}])
    nlp.to_disk(tmp_path / "ruler")
    code, output = run("report", files["gold"], tmp_path / "ruler", tmp_path / "out")
    assert code == 0, output
    assert output.startswith("P 100.00  R 50.00")
    figures = json.loads((tmp_path / "out/metrics.json").read_text(encoding="utf-8"))
    assert figures["speed"]["words"] == sum(map(len, TEXTS))
    assert "entity_ruler" in (tmp_path / "out/model-card.md").read_text(encoding="utf-8")


def test_compare_tells_the_difference(files: dict[str, Path], tmp_path: Path) -> None:
    names = ("--names", "one,other")
    code, output = run(
        "compare", files["gold"], files["poor"], files["perfect"], tmp_path / "out", *names
    )
    assert code == 0, output
    assert output.splitlines()[:2] == ["one: F1 28.57", "other: F1 100.00"]
    assert "difference +71.43" in output
    assert "F1 of other" in (tmp_path / "out/comparison.html").read_text(encoding="utf-8")


def test_predictions_of_other_documents_are_refused(files: dict[str, Path], tmp_path: Path) -> None:
    docs = docs_of(POOR)
    write_docs(docs[:1], tmp_path / "short.spacy")
    write_docs(docs[::-1], tmp_path / "mixed.spacy")
    for name, message in (("short", "2 documents in the gold data but 1"), ("mixed", "number 1")):
        code, output = run("report", files["gold"], tmp_path / f"{name}.spacy", tmp_path / "out")
        assert code == 1
        assert message in output
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["absent.spacy", "absent"])
def test_missing_system_is_one_line(files: dict[str, Path], tmp_path: Path, name: str) -> None:
    code, output = run("report", files["gold"], tmp_path / name, tmp_path / "out")
    assert (code, output.count("\n")) == (1, 1)
    assert name in output


def test_what_is_wrong_with_names_and_logs_is_said_before_a_system_runs(
    files: dict[str, Path], tmp_path: Path
) -> None:
    absent = tmp_path / "absent"
    code, output = run("report", files["gold"], absent, tmp_path / "out", "--log", files["gold"])
    assert code == 1
    assert "not the log of a training" in output
    code, output = run("compare", files["gold"], absent, absent, tmp_path / "out", "--names", "one")
    assert code == 2
    assert "write it as FIRST,SECOND" in output


def test_a_file_that_is_no_docbin_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "broken.spacy").write_text("x")
    code, output = run("report", files["gold"], tmp_path / "broken.spacy", tmp_path / "out")
    assert code == 1
    assert "not a .spacy file, or a damaged one" in output


def test_confidences_are_kept_with_predictions(tmp_path: Path) -> None:
    docs = docs_of(POOR)
    for doc in docs:
        doc.spans["bioner"] = list(doc.ents)
        doc.spans["bioner"].attrs["scores"] = [0.5] * len(doc.ents)
    write_docs(docs, tmp_path / "found.spacy")
    write_docs(docs_of(GOLD), tmp_path / "gold.spacy")
    run("report", tmp_path / "gold.spacy", tmp_path / "found.spacy", tmp_path / "out")
    figures = json.loads((tmp_path / "out/metrics.json").read_text(encoding="utf-8"))
    assert figures["reliability"]["overall"]["confidence"] == 0.5


def test_unknown_grid_and_empty_folder_are_one_line(tmp_path: Path) -> None:
    code, output = run("experiment", "run", "nothing")
    assert code == 1
    assert "no such grid; in grids/ are" in output
    code, output = run("experiment", "table", tmp_path)
    assert code == 1
    assert "no runs of a grid here" in output


def test_a_gpu_that_is_not_there_is_refused_before_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("thinc.util.has_gpu", False)
    code, output = run("experiment", "run", "table3-small", "--gpu-id", "0", "--out", tmp_path)
    assert code == 1
    assert "--gpu-id 0: torch finds no GPU here" in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "table3-small", "--seeds", "0,x"), "write whole numbers"),
        (("run", "table3-small", "--seeds", "0,0"), "give each seed once"),
        (("table", "absent", "--samples", "0"), "--samples"),
    ],
)
def test_wrong_numbers_of_experiments_are_refused(arguments: tuple[str, ...], message: str) -> None:
    code, output = run("experiment", *arguments)
    assert code == 2
    assert message in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "table3-small", "--set", "config=a.cfg"), "config cannot be set for all runs"),
        (("run", "table3-small", "--set", "encoder=a"), "encoder cannot be set for all runs"),
    ],
)
def test_what_is_not_to_be_set_is_refused(arguments: tuple[str, ...], message: str) -> None:
    code, output = run("experiment", *arguments)
    assert code == 1
    assert message in output


@pytest.mark.parametrize("command", ["run", "table"])
def test_help_of_experiments_teaches(command: str) -> None:
    code, output = run("experiment", command, "--help")
    assert code == 0
    assert "spacy bioner experiment" in output
