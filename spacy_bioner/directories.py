"""Directories that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from spacy_bioner.errors import ConfigError, OutputExistsError


def check_may_stand(out: Path, kind: str, is_one: Callable[[Path], bool], *, force: bool) -> None:
    """Check that a directory of a kind may be written at `out`.

    It may where nothing or an empty directory stands and, with force, in the place of one
    of its kind: what else users keep in directories is not ours to delete.

    kind: in words, as "a pipeline". is_one: whether a directory is of that kind.

    Raises OutputExistsError for one of the kind without force, ConfigError for other things and
    where nothing may be written.
    """
    _check_place(out.resolve(), kind)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise ConfigError(f"{out}: is a file. Name a directory, for {kind}.")
    if not is_one(out):
        raise ConfigError(
            f"{out}: holds files and is not {kind}, so it is not replaced. Name a new path."
        )
    if not force:
        raise OutputExistsError(out)


def _check_place(place: Path, kind: str) -> None:
    if place == Path.cwd() or os.path.ismount(place):
        raise ConfigError(
            f"{place}: is the working directory, or where a disk begins, and cannot be replaced. "
            f"Name a directory in it, for {kind}."
        )
    parent = next(folder for folder in place.parents if folder.exists())
    if not parent.is_dir():
        raise ConfigError(f"{place}: {parent} is a file. Name another path for {kind}.")
    if not os.access(parent, os.W_OK):
        raise ConfigError(f"{place}: nothing may be written in {parent}. Name another path.")


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """Give a temporary directory beside `out` that becomes `out` if the body succeeds.

    What was at `out` is replaced then, and kept if the body fails. Raises OutputExistsError where
    something has come to stand there meanwhile.
    """
    place = out.resolve()
    was_free = not _holds_something(place)
    temporary = _sibling(place)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        if was_free and _holds_something(place):
            raise OutputExistsError(out)
        _move_into_place(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _holds_something(place: Path) -> bool:
    return any(place.iterdir()) if place.is_dir() else place.exists()


def _sibling(out: Path) -> Path:
    return out.with_name(f".{out.name}.{secrets.token_hex(4)}.tmp")


def _move_into_place(temporary: Path, out: Path) -> None:
    if not out.exists():
        temporary.rename(out)
        return
    replaced = _sibling(out)
    out.rename(replaced)
    try:
        temporary.rename(out)
    except OSError:
        replaced.rename(out)
        raise
    shutil.rmtree(replaced)
