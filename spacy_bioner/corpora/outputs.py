"""Output files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from spacy_bioner.errors import ConfigError, OutputExistsError


def check_outputs(paths: Sequence[Path], force: bool) -> None:
    """Raise OutputExistsError if a file, or a folder with something in it, exists.

    With force a file may be replaced. A folder is only taken if it is empty: what
    users keep in folders is not ours to delete. Raises ConfigError for a path named twice.
    """
    for path in paths:
        if paths.count(path) > 1:
            raise ConfigError(f"{path}: would be written twice. Name each output once.")
        if path.is_dir() and any(path.iterdir()):
            raise ConfigError(f"{path}: is a folder with files in it. Name a new path.")
        if path.is_file() and not force:
            raise OutputExistsError(path)


@contextmanager
def new_outputs(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Temporary paths beside the given ones, renamed to them if the block succeeds.

    The block makes a file or a folder at each. Missing parent folders are made. If
    anything fails, what was written is removed, and unless a rename itself fails no
    output is touched. Raises OSError where the disk refuses.
    """
    temporary = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
    try:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        for name, path in zip(temporary, paths, strict=True):
            if path.is_dir():
                path.rmdir()
            os.replace(name, path)
    finally:
        for name in temporary:
            if name.is_dir():
                shutil.rmtree(name, ignore_errors=True)
            name.unlink(missing_ok=True)
