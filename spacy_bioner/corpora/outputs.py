"""Output files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from spacy_bioner.errors import ConfigError, OutputExistsError


def check_outputs(
    paths: Sequence[Path], force: bool, *, makes_folder: Callable[[Path], bool] = lambda _: False
) -> None:
    """Raise OutputExistsError if a file exists and force is not given.

    makes_folder: whether a path becomes a folder, and not a file. A folder is only taken if
    it is empty, for a folder: what users keep in folders is not ours to delete.

    Raises ConfigError for a path named twice or within another, and for what stands there
    that is not what is to be written.
    """
    times, resolved = Counter(paths), {path.resolve(): path for path in paths}
    for path in paths:
        if times[path] > 1:
            raise ConfigError(f"{path}: would be written twice. Name each output once.")
        around = next(filter(None, map(resolved.get, path.resolve().parents)), None)
        if around is not None:
            raise ConfigError(f"{path}: lies in {around}, which is written too. Name another path.")
        _check_place(path, is_folder=makes_folder(path))
        if path.is_file() and not force:
            raise OutputExistsError(path)


def _check_place(path: Path, *, is_folder: bool) -> None:
    """Raise ConfigError if what stands at a path is not what is to be written there."""
    if path.name in ("", ".."):
        raise ConfigError(f"{path}: would be replaced. Name a new path in it.")
    if file := next((parent for parent in path.parents if parent.is_file()), None):
        raise ConfigError(f"{file}: is a file. Name a folder.")
    if path.is_dir() and any(path.iterdir()):
        raise ConfigError(f"{path}: is a folder with files in it. Name a new path.")
    if path.is_dir() and not is_folder:
        raise ConfigError(f"{path}: is a folder. Name a file.")
    if path.exists() and not path.is_dir() and (is_folder or not path.is_file()):
        what = "is a file. Name a folder." if path.is_file() else "is no file. Name a new path."
        raise ConfigError(f"{path}: {what}")


@contextmanager
def new_outputs(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Temporary paths beside the given ones, renamed to them if the block succeeds.

    The block makes a file or a folder at each. Missing parent folders are made. If
    anything fails, what was written is removed, those folders too, and unless a rename
    itself fails no output is touched. Raises OSError where the disk refuses.
    """
    token = secrets.token_hex(4)
    temporary = [path.with_name(f".{path.name}.{token}.part") for path in paths]
    made = _missing_parents(paths)
    try:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        for name, path in zip(temporary, paths, strict=True):
            if path.is_dir():
                path.rmdir()
            os.replace(name, path)
    except BaseException:
        for name in temporary:
            _remove(name)
        for folder in reversed(made):
            with suppress(OSError):  # something else may be in it by now
                folder.rmdir()
        raise


def _missing_parents(paths: Sequence[Path]) -> list[Path]:
    """The folders around the paths that do not exist, outer ones before inner ones."""
    around = {parent for path in paths for parent in path.parents if not parent.exists()}
    return sorted(around, key=lambda folder: len(folder.parts))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
