from __future__ import annotations

import os
from pathlib import Path

import pytest

from spacy_bioner.directories import check_may_stand, written_whole
from spacy_bioner.errors import ConfigError, OutputExistsError


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def is_album(path: Path) -> bool:
    return (path / "album").is_file()


@pytest.fixture
def album(tmp_path: Path) -> Path:
    path = tmp_path / "holidays"
    path.mkdir()
    (path / "album").write_text("old", encoding="utf-8")
    return path


@pytest.mark.parametrize("force", [False, True])
def test_a_new_or_empty_place_may_be_taken(tmp_path: Path, force: bool) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty", target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "not" / "yet")
    for name in ("new", "empty", "link", "dangling"):
        check_may_stand(tmp_path / name, "an album", is_album, force=force)


def test_one_of_the_kind_is_replaced_with_force_alone(album: Path) -> None:
    check_may_stand(album, "an album", is_album, force=True)
    with pytest.raises(OutputExistsError, match="holidays: already exists"):
        check_may_stand(album, "an album", is_album, force=False)


@pytest.mark.parametrize("force", [False, True])
def test_nothing_else_is_replaced(tmp_path: Path, album: Path, force: bool) -> None:
    with pytest.raises(ConfigError, match="album: is a file"):
        check_may_stand(album / "album", "an album", is_album, force=force)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "own.txt").touch()
    (tmp_path / "link").symlink_to(tmp_path / "notes", target_is_directory=True)
    for name in ("notes", "link"):
        with pytest.raises(ConfigError, match=f"{name}: holds files and is not an album"):
            check_may_stand(tmp_path / name, "an album", is_album, force=force)


def test_a_place_where_nothing_may_stand_is_told_of_at_once(
    tmp_path: Path, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(ConfigError, match=r"a file is a file\. Name another path for an album"):
        check_may_stand(tmp_path / "a file" / "new", "an album", is_album, force=False)
    monkeypatch.setattr(os, "access", lambda path, mode: path != tmp_path)
    for place in (tmp_path / "new", tmp_path / "deep" / "new", album):
        with pytest.raises(ConfigError, match="nothing may be written in"):
            check_may_stand(place, "an album", is_album, force=True)


def test_the_working_directory_and_a_disk_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in (Path(), tmp_path, Path("/")):
        with pytest.raises(ConfigError, match="cannot be replaced"):
            check_may_stand(place, "an album", is_album, force=True)


def test_what_came_to_stand_there_meanwhile_stays(tmp_path: Path) -> None:
    thesis = tmp_path / "new" / "thesis.txt"
    with pytest.raises(OutputExistsError), written_whole(thesis.parent):
        (_new_folder(thesis.parent) / thesis.name).touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["new", "thesis.txt"]


def test_a_directory_appears_whole_and_replaces_what_was_there(album: Path) -> None:
    with written_whole(album) as folder:
        (folder / "new").touch()
        assert (album / "album").exists()
    assert [path.name for path in album.iterdir()] == ["new"]
    assert [path.name for path in album.parent.iterdir()] == ["holidays"]


def test_where_the_body_fails_what_was_there_stays(album: Path) -> None:
    with pytest.raises(FileNotFoundError), written_whole(album) as folder:
        (folder / "no such folder" / "new").touch()
    assert [path.name for path in album.iterdir()] == ["album"]
    assert [path.name for path in album.parent.iterdir()] == ["holidays"]


def test_a_link_keeps_leading_to_what_is_written(tmp_path: Path, album: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(album, target_is_directory=True)
    with written_whole(link) as folder:
        (folder / "new").touch()
    assert link.is_symlink()
    assert [path.name for path in album.iterdir()] == ["new"]
