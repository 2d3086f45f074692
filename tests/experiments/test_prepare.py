"""What decides whether something is made, or done, anew."""

from __future__ import annotations

from pathlib import Path

import pytest
import srsly
from spacy.util import load_config, set_dot_to_object

from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments import prepare
from spacy_bioner.experiments.grid import read_grid
from spacy_bioner.experiments.prepare import prepare_runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("named", ["paths.vectors", "components.bert_crf_ner.model.lexicon"])
def test_a_changed_file_is_noticed(grid_file: Path, tmp_path: Path, named: str) -> None:
    (tmp_path / "vectors").mkdir()
    words = tmp_path / "vectors" / "words.tsv"
    words.write_text("頭痛\n", encoding="utf-8")
    config = load_config(ROOT / "configs/bilstm_crf.cfg", interpolate=False)
    set_dot_to_object(config, named, str(words.parent if "vectors" in named else words))
    config.to_disk(tmp_path / "a.cfg")
    data = srsly.read_yaml(grid_file) | {"config": str(tmp_path / "a.cfg")}
    srsly.write_yaml(grid_file.with_name("named.yml"), data)
    grid = read_grid(grid_file.with_name("named.yml"))
    before = prepare_runs(grid, tmp_path / "out")[0].fingerprint
    prepare._digest.cache_clear()
    words.write_text("頭痛\n發燒\n", encoding="utf-8")
    assert prepare_runs(grid, tmp_path / "out")[0].fingerprint != before


def test_a_corpus_is_tokenised_anew_for_another_language(grid_file: Path, tmp_path: Path) -> None:
    folders = set()
    for lang in ("zh", "en"):
        config = load_config(ROOT / "configs/bilstm_crf.cfg", interpolate=False)
        config["nlp"]["lang"] = lang
        config.to_disk(tmp_path / f"{lang}.cfg")
        data = srsly.read_yaml(grid_file) | {"config": str(tmp_path / f"{lang}.cfg")}
        srsly.write_yaml(grid_file.with_name(f"{lang}.yml"), data)
        runs = prepare_runs(read_grid(grid_file.with_name(f"{lang}.yml")), tmp_path / "out")
        folders.add(runs[0].test)
    assert len(folders) == 2


def test_rows_of_one_folder_are_refused(grid_file: Path, tmp_path: Path) -> None:
    axis = {name: {"training.dropout": rate} for name, rate in (("p<0.5", 0.1), ("p>0.5", 0.9))}
    data = srsly.read_yaml(grid_file) | {"axes": {"s": axis}, "base": {"s": "p<0.5"}}
    srsly.write_yaml(grid_file.with_name("twice.yml"), data)
    with pytest.raises(ConfigError, match="two rows of the grid would be kept in"):
        prepare_runs(read_grid(grid_file.with_name("twice.yml")), tmp_path)


def test_the_language_of_a_setting_holds_for_the_corpus(grid_file: Path, tmp_path: Path) -> None:
    grid = read_grid(grid_file)
    ours, other = grid, grid.with_changes(settings={"nlp.lang": "en"})
    tests = {prepare_runs(each, tmp_path / "out")[0].test for each in (ours, other)}
    assert len(tests) == 2


def test_what_no_run_left_is_not_replaced_by_one(grid_file: Path, tmp_path: Path) -> None:
    grid = read_grid(grid_file)
    folder = Path(prepare_runs(grid, tmp_path / "out")[0].folder)
    folder.mkdir(parents=True)
    prepare_runs(grid, tmp_path / "out")
    (folder / "notes.txt").touch()
    with pytest.raises(ConfigError, match="holds files, and no run that is done"):
        prepare_runs(grid, tmp_path / "out")


def test_models_that_are_gone_are_told(grid_file: Path, tmp_path: Path) -> None:
    grid, told = read_grid(grid_file), []
    runs = prepare_runs(grid, tmp_path, keep_models=True, tell=told.append)
    told.clear()  # of the corpus
    for run in runs[:2]:
        Path(run.folder).mkdir(parents=True)
        srsly.write_json(Path(run.folder) / "done.json", {"fingerprint": run.fingerprint})
    runs[0].model.mkdir()
    prepare_runs(grid, tmp_path, tell=told.append)
    assert not told
    prepare_runs(grid, tmp_path, keep_models=True, tell=told.append)
    assert [line.split(":")[0] for line in told] == ["1 of the runs that are done kept no model"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"foo.bar": 1}, r"\.cfg: .*foo"),
        ({"bar": 1}, r"\.cfg: .*bar"),
        ({"training.max_stepz": 1}, r"training\.max_stepz: \[training\] has no 'max_stepz'"),
        ({"nlp.batch_sizes": 1}, r"\[nlp\] has no 'batch_sizes'"),
        ({"paths.encoderr": 1}, r"\[paths\] has no 'encoderr' \(in bilstm_crf.cfg\)"),
    ],
)
def test_settings_that_no_config_has_are_refused(
    grid_file: Path, tmp_path: Path, settings: dict[str, int], message: str
) -> None:
    grid = read_grid(grid_file).with_changes(settings=settings)
    with pytest.raises(ConfigError, match=message):
        prepare_runs(grid, tmp_path / "out")


def test_names_too_long_for_a_folder_are_refused(grid_file: Path, tmp_path: Path) -> None:
    axis = {"病" * 90: {"training.dropout": 0.1}}
    data = srsly.read_yaml(grid_file) | {"axes": {"s": axis}, "base": {"s": "病" * 90}}
    srsly.write_yaml(grid_file.with_name("long.yml"), data)
    with pytest.raises(ConfigError, match="is too long a name for a folder"):
        prepare_runs(read_grid(grid_file.with_name("long.yml")), tmp_path)
