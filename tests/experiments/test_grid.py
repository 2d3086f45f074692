"""Grid files: what they mean, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import srsly
from spacy.util import load_config

from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments.grid import CONFIG, ENCODER, Row, read_grid
from spacy_bioner.experiments.saved_grid import load_grid, save_grid
from spacy_bioner.pipeline.settings import Decoding

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "grids").glob("*.yml"))
GRID: dict[str, Any] = {
    "config": "some.cfg",
    "settings": {"training.max_steps": 5, "training.dropout": 0.3},
    "axes": {
        "k": {"1": {"training.optimizer.layer_decay": 1.0}, "2": {"training.dropout": 0.5}},
        "system": {"one": None, "other": {"config": "other.cfg", "encoder": "tiny"}},
    },
    "base": {"k": "1", "system": "one"},
    "seeds": [0, 7],
    "corpora": {"x": {"train": "t.spacy", "dev": "d.spacy"}},
    "encoders": {"tiny": {"layers": 1}},
}


def write(folder: Path, **changes: Any) -> Path:
    for name in ("some.cfg", "other.cfg"):
        (folder / name).touch()
    path = folder / "mine.yml"
    srsly.write_yaml(path, {k: v for k, v in {**GRID, **changes}.items() if v is not None})
    return path


def test_rows_are_all_combinations_the_last_axis_fastest(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path))
    values = [("1", "one"), ("1", "other"), ("2", "one"), ("2", "other")]
    assert grid.rows() == [Row("x", {"k": k, "system": s}) for k, s in values]
    assert (grid.name, grid.seeds) == ("mine", (0, 7))
    assert grid.rows()[1].name == "k=1,system=other"


def test_settings_of_a_row_are_merged_the_later_ones_hold(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path))
    settings = grid.settings_of(Row("x", {"k": "2", "system": "other"}))
    assert settings == {
        CONFIG: tmp_path / "other.cfg",
        ENCODER: "tiny",
        "training.max_steps": 5,
        "training.dropout": 0.5,
    }


def test_test_part_is_the_development_part_where_there_is_none(tmp_path: Path) -> None:
    parts = read_grid(write(tmp_path)).corpora["x"]
    assert parts["test"] == parts["dev"] == tmp_path / "d.spacy"


def test_changes_from_the_command_line(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path))
    changed = grid.with_changes(
        settings={"training.max_steps": 9}, seeds=[3], encoders={"tiny": Path("ready")}
    )
    settings = [changed.settings_of(row)["training.max_steps"] for row in changed.rows()]
    assert set(settings) == {9}  # also where an axis says otherwise
    assert changed.seeds == (3,)
    assert changed.encoders == {"tiny": {"path": "ready"}}
    assert grid.with_changes() == grid
    with pytest.raises(ConfigError, match=r"training\.seed cannot be set .* give --seeds"):
        grid.with_changes(settings={"training.seed": 1})
    with pytest.raises(ConfigError, match=r"paths\.train cannot be set .* give --corpus"):
        grid.with_changes(settings={"paths.train": "x"})
    with pytest.raises(ConfigError, match="no encoder 'huge', only"):
        grid.with_changes(encoders={"huge": Path("x")})


def test_grid_is_saved_and_loaded(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path))
    save_grid(grid, tmp_path / "runs")
    loaded = load_grid(tmp_path / "runs")
    assert [loaded.rows(), loaded.seeds, loaded.base] == [grid.rows(), grid.seeds, grid.base]
    assert loaded.corpora == grid.corpora


def test_seeds_of_a_grid_saved_before_stay(tmp_path: Path) -> None:
    grid = read_grid(write(tmp_path))
    save_grid(grid, tmp_path)
    assert save_grid(grid.with_changes(seeds=[9, 7]), tmp_path).seeds == (0, 7, 9)
    assert load_grid(tmp_path).seeds == (0, 7, 9)
    other = grid.with_changes(seeds=[4], settings={"training.dropout": 0.5})
    assert save_grid(other, tmp_path).seeds == (4,)


def test_no_encoder_is_none_or_null_or_empty(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(path.read_text(encoding="utf8") + "encoder: null\n", encoding="utf8")
    assert read_grid(path).encoder == read_grid(write(tmp_path, encoder="")).encoder == ""


def test_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no runs of a grid here"):
        load_grid(tmp_path)
    (tmp_path / "grid.json").write_text('{"na')
    with pytest.raises(ConfigError, match=r"grid\.json: is damaged"):
        load_grid(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"axis": {}}, r"unknown keys \['axis'\]"),
        ({"config": None}, "config is missing"),
        ({"config": "absent.cfg"}, "there is no config .*absent.cfg"),
        ({"base": {"k": "1"}}, "not one value of each axis"),
        ({"base": {"k": "3", "system": "one"}}, "not one value of each axis"),
        ({"seeds": []}, "give one or more"),
        ({"seeds": [1, 1]}, "each once"),
        ({"encoder": "huge"}, "encoder 'huge' is none of"),
        ({"corpora": {"x": {"train": "t"}}}, "train, dev and test"),
        ({"axes": ["k"]}, "not a grid"),
        ({"encoders": {"small": {"layer": 2}}}, r"make-encoder.*layers.*got \['layer'\]"),
        ({"encoders": {"own": {"path": "x", "layers": 2}}}, "an encoder has a path, or"),
        ({"encoders": {"small": {"layers": "many"}}}, "layers is a whole number, got 'many'"),
    ],
)
def test_wrong_grids_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read_grid(write(tmp_path, **changes))
    assert "mine.yml" in str(error.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_grid_changes_settings_that_its_configs_have(path: Path) -> None:
    grid = read_grid(path)
    for row in grid.rows():
        settings = grid.settings_of(row)
        config = load_config(settings.pop(CONFIG))
        encoder = settings.pop(ENCODER)
        assert not encoder or "encoder" in config["paths"]
        for name in settings:
            section = config
            for part in name.split(".")[:-1]:
                assert part in section, f"{row.name}: {name}"
                section = section[part]
            new = name.startswith("components.transformer.model.tokenizer_config.")
            assert new or name.split(".")[-1] in section, f"{row.name}: {name}"


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_settings_of_a_shipped_row_can_be_had_together(path: Path) -> None:
    names = {field.name for field in fields(Decoding)}
    grid = read_grid(path)
    for row in grid.rows():
        settings = grid.settings_of(row)
        config, _ = load_config(settings.pop(CONFIG)), settings.pop(ENCODER)
        given = config["components"].get("bert_crf_ner", {})
        own = "components.bert_crf_ner."
        given |= {n.removeprefix(own): v for n, v in settings.items() if n.startswith(own)}
        if "loss" in given:
            decoding = Decoding(**{name: given[name] for name in names})
            decoding.check("bert_crf_ner", given["loss"])


@pytest.mark.parametrize(("name", "rows"), [("table3", 10), ("table4", 9), ("related", 6)])
def test_shipped_grids_have_the_rows_of_the_paper_and_five_seeds(name: str, rows: int) -> None:
    grid, small = (read_grid(ROOT / "grids" / f"{n}.yml") for n in (name, f"{name}-small"))
    assert [row.values for row in grid.rows()] == [row.values for row in small.rows()]
    assert len(grid.rows()) == rows
    assert (len(grid.seeds), len(small.seeds)) == (5, 5)
    assert grid.base == small.base
