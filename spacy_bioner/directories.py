"""Directories that appear whole or not at all."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(out: Path) -> Iterator[Path]:
    """Give a temporary directory beside `out` that becomes `out` if the body succeeds.

    What was at `out` is replaced then, and kept if the body fails.
    """
    place = out.resolve()
    temporary = _sibling(place)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        _move_into_place(temporary, place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
