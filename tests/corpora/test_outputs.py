from __future__ import annotations

import os
from pathlib import Path

import pytest

from spacy_bioner.corpora.outputs import check_outputs, new_outputs
from spacy_bioner.errors import ConfigError, OutputExistsError


def is_folder(path: Path) -> bool:
    return path.suffix == ""


def test_new_paths_and_empty_folders_may_be_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    paths = [tmp_path / "empty", tmp_path / "new.txt", tmp_path / "new" / "deeper"]
    check_outputs(paths, force=False, makes_folder=is_folder)


def test_a_file_is_replaced_with_force_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").touch()
    check_outputs([tmp_path / "a.txt"], force=True)
    with pytest.raises(OutputExistsError):
        check_outputs([tmp_path / "a.txt"], force=False)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.txt", "a.txt"], "would be written twice"),
        (["out", "out/report.txt"], "report.txt: lies in .*out, which is written too"),
        (["out/../out2", "out2/report.txt"], "lies in"),
        (["file"], "is a file. Name a folder"),
        (["file/report.html"], "file: is a file. Name a folder"),
        (["empty.txt"], "is a folder. Name a file"),
        (["full"], "is a folder with files in it"),
        (["pipe"], "is no file. Name a new path"),
        (["pipe.txt"], "is no file. Name a new path"),
        (["."], "would be replaced"),
        ([".."], "would be replaced"),
    ],
)
def test_nothing_else_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("empty.txt").mkdir()
    Path("full").mkdir()
    Path("full/notes").touch()
    os.mkfifo("pipe")
    os.mkfifo("pipe.txt")
    with pytest.raises(ConfigError, match=message):
        check_outputs([Path(name) for name in names], force=True, makes_folder=is_folder)


def test_outputs_appear_together(tmp_path: Path) -> None:
    outputs = [tmp_path / "new" / "a.txt", tmp_path / "b"]
    with new_outputs(outputs) as (a, b):
        a.write_text("a", encoding="utf-8")
        b.mkdir()
        assert not any(path.exists() for path in outputs)
    assert outputs[0].read_text(encoding="utf-8") == "a"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "new"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    outputs = [tmp_path / "new" / "deep" / "a.txt", tmp_path / "there" / "b"]
    with pytest.raises(FileNotFoundError), new_outputs(outputs) as (_, b):
        (b / "no such folder" / "c").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_what_a_killed_run_left_is_not_in_the_way(tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        with new_outputs([tmp_path / "a.txt"]) as (path,):
            path.open("x").close()
            names.add(path.name)
    assert len(names) == 2
