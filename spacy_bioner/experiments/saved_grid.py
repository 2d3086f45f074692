"""The grid that lies beside its runs, so that a folder of runs explains itself."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from spacy_bioner.corpora.outputs import new_outputs
from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments.grid import Grid

GRID = "grid.json"


def save_grid(grid: Grid, out: Path) -> Grid:
    """Write the grid, with all its paths and changes, as `out`/grid.json, and return it.

    Where the one that lies there is the same but for its seeds, those of both are written.
    """
    grid = replace(grid, seeds=tuple(dict.fromkeys([*_seeds_there(grid, out), *grid.seeds])))
    with new_outputs([out / GRID]) as (part,):
        # not srsly, which reads and writes 0.3 as 0.30000000000000004
        part.write_text(json.dumps(_plain(asdict(grid)), indent=2), encoding="utf8")
    return grid


def _seeds_there(grid: Grid, out: Path) -> tuple[int, ...]:
    try:
        there = load_grid(out)
    except ConfigError:
        return ()
    same = _plain(asdict(replace(there, seeds=grid.seeds))) == _plain(asdict(grid))
    return there.seeds if same else ()


def load_grid(out: Path) -> Grid:
    """Read what `save_grid` wrote. Raises ConfigError if there is nothing, or it is damaged."""
    path = out / GRID
    if not path.is_file():
        raise ConfigError(f"{out}: no runs of a grid here. `experiment run` makes them.")
    try:
        data = json.loads(path.read_text(encoding="utf8"))
    except ValueError as error:
        raise ConfigError(f"{path}: is damaged ({error}). Run the grid again to mend it.") from None
    corpora = {
        name: {part: Path(file) for part, file in parts.items()}
        for name, parts in data["corpora"].items()
    }
    data |= {"config": Path(data["config"]), "seeds": tuple(data["seeds"]), "corpora": corpora}
    return Grid(**data)


def _plain(value: Any) -> Any:
    """Paths as strings, at any depth."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
