"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from spacy_bioner.errors import ConfigError, OutputExistsError


def check_outputs(paths: Sequence[Path], force: bool) -> None:
    """Raise OutputExistsError if one exists and force is not given.

    Raises ConfigError if a path is a folder.
    """
    for path in paths:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder. Name a file.")
        if path.exists() and not force:
            raise OutputExistsError(path)


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write all files under temporary names beside them, then rename them all.

    Missing folders are made. On any failure no temporary file is left, and unless a
    rename itself fails no output is touched. Raises OSError where the disk refuses.
    """
    temporary = {path: _temporary_name(path) for path in contents}
    try:
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary[path].write_bytes(data)
        for path, name in temporary.items():
            os.replace(name, path)
    finally:
        for name in temporary.values():
            name.unlink(missing_ok=True)


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.part")
