"""The grid that lies beside its runs, so that a folder of runs explains itself."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import srsly

from spacy_bioner.corpora.outputs import new_outputs
from spacy_bioner.errors import ConfigError
from spacy_bioner.experiments.grid import Grid

GRID = "grid.json"


def save_grid(grid: Grid, out: Path) -> None:
    """Write the grid, with all its paths and changes, as `out`/grid.json."""
    with new_outputs([out / GRID]) as (part,):
        srsly.write_json(part, _plain(asdict(grid)))


def load_grid(out: Path) -> Grid:
    """Read what `save_grid` wrote. Raises ConfigError if there is nothing, or it is damaged."""
    path = out / GRID
    if not path.is_file():
        raise ConfigError(f"{out}: no runs of a grid here. `experiment run` makes them.")
    try:
        data = srsly.read_json(path)
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
