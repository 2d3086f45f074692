"""A grid: which training runs there are. Read from a small YAML file."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import signature
from pathlib import Path
from typing import Any

import srsly

from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.errors import ConfigError

Settings = dict[str, Any]
PARTS = ("train", "dev", "test")
# Keys of an axis value that are no settings of the config.
CONFIG, ENCODER = "config", "encoder"
_KEYS = {"about", "config", "settings", "axes", "base", "seeds", "corpora", "encoders", "encoder"}


_OF_THE_GRID = {
    **dict.fromkeys(("training.seed", "system.seed"), "--seeds"),
    **dict.fromkeys(("paths.train", "paths.dev"), "--corpus"),
    CONFIG: "another grid",
    ENCODER: "--encoder NAME=FOLDER",
}

# What an encoder that is made for a grid may be given.
_FORM = signature(make_encoder).parameters.keys() - {"texts", "out", "force", "sources"}
_NUMBERS = _FORM - {"architecture", "dropout", "feed_forward"}


@dataclass(frozen=True)
class Row:
    """One row of the table: a system on a corpus, trained once a seed.

    corpus: its name in the grid. values: of each axis, by the axis' name.
    """

    corpus: str
    values: dict[str, str]

    @property
    def name(self) -> str:
        return ",".join(f"{axis}={value}" for axis, value in self.values.items()) or "only"


@dataclass(frozen=True)
class Grid:
    """What a grid file says.

    name: the file's, without its ending. about: what the grid is for.
    config: the training config that settings change, unless an axis value names another.
    settings: of all runs, dotted names as on the command line of `spacy train`.
    axes: by name, the values of each by name, and the settings that a value means; the
        keys `config` and `encoder` of a value choose another config or encoder.
    base: the value of each axis in the row that others are compared with.
    seeds: of the runs of each row. corpora: by name, paths of train, dev and test.
    encoders: by name, the arguments of `make-encoder` for each, or {path: ...} of one.
    encoder: the one that all runs use, "" for none.
    forced: settings of all runs that hold whatever an axis says.
    """

    name: str
    config: Path
    axes: dict[str, dict[str, Settings]]
    base: dict[str, str]
    seeds: tuple[int, ...]
    corpora: dict[str, dict[str, Path]]
    settings: Settings = field(default_factory=dict)
    encoders: dict[str, Settings] = field(default_factory=dict)
    encoder: str = ""
    about: str = ""
    forced: Settings = field(default_factory=dict)

    def rows(self) -> list[Row]:
        """All rows: corpora, then axes in the order of the file, the last changing fastest."""
        points = itertools.product(*self.axes.values())
        values = [dict(zip(self.axes, point, strict=True)) for point in points]
        return [Row(corpus, point) for corpus in self.corpora for point in values]

    def settings_of(self, row: Row) -> Settings:
        """The settings that a row is trained with; of two for the same name the later holds."""
        chosen = [self.axes[axis][value] for axis, value in row.values.items()]
        merged: Settings = {CONFIG: self.config, ENCODER: self.encoder, **self.settings}
        for settings in chosen:
            merged |= settings
        return merged | self.forced

    def with_changes(
        self,
        *,
        settings: Mapping[str, Any] | None = None,
        seeds: Sequence[int] = (),
        corpora: Mapping[str, dict[str, Path]] | None = None,
        encoders: Mapping[str, Path] | None = None,
    ) -> Grid:
        """The same grid with further settings, other seeds, corpora or ready encoders.

        settings: they hold whatever the grid's own say. Raises ConfigError for one that is
        the grid's to give, and for an encoder that the grid does not name.
        """
        for name, instead in _OF_THE_GRID.items():
            if name in (settings or {}):
                raise ConfigError(f"{name} cannot be set for all runs: give {instead}")
        for name in encoders or {}:
            if name not in self.encoders:
                raise ConfigError(
                    f"grid {self.name!r} has no encoder {name!r}, only {list(self.encoders)}"
                )
        ready = {name: {"path": str(path)} for name, path in (encoders or {}).items()}
        return replace(
            self,
            forced=self.forced | dict(settings or {}),
            seeds=tuple(seeds) or self.seeds,
            corpora=dict(corpora) if corpora else self.corpora,
            encoders=self.encoders | ready,
        )


def read_grid(path: Path) -> Grid:
    """Read a grid file; paths of configs and corpora in it are relative to its folder.

    Raises ConfigError, naming the file, for what is missing, unknown or does not fit.
    """
    path = path.resolve()
    try:
        data = srsly.read_yaml(path)
    except (ValueError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as a grid ({error})") from None
    try:
        return _parse(path, data)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise ConfigError(f"{path}: not a grid: {reason}. See docs/experiments.md.") from None


def _parse(path: Path, data: dict[str, Any]) -> Grid:
    unknown = set(data) - _KEYS
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}, known are {sorted(_KEYS)}")
    axes = {
        str(axis): {str(name): _settings(path, value) for name, value in values.items()}
        for axis, values in data["axes"].items()
    }
    base = {str(axis): str(value) for axis, value in data["base"].items()}
    if {axis: base.get(axis) in values for axis, values in axes.items()} != dict.fromkeys(
        base, True
    ):
        raise ValueError(f"base is {base}, which is not one value of each axis")
    seeds = tuple(int(seed) for seed in data["seeds"])
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds are {list(seeds)}: give one or more, each once")
    encoders = {str(name): _encoder(value) for name, value in data.get("encoders", {}).items()}
    grid = Grid(
        name=path.stem,
        config=path.parent / data["config"],
        axes=axes,
        base=base,
        seeds=seeds,
        corpora={str(n): parts_of(path.parent, v) for n, v in data["corpora"].items()},
        settings=_settings(path, data.get("settings", {})),
        encoders=encoders,
        encoder=str(data.get("encoder") or ""),
        about=str(data.get("about", "")).strip(),
    )
    _check(grid)
    return grid


def _encoder(value: Mapping[str, Any]) -> Settings:
    unknown = set(value) - (_FORM | {"path"})
    if unknown or ("path" in value and len(value) > 1):
        raise ValueError(
            f"an encoder has a path, or what `make-encoder` takes ({', '.join(sorted(_FORM))}), "
            f"got {sorted(value)}"
        )
    for name in sorted(_NUMBERS & value.keys()):
        if not isinstance(value[name], int):
            raise ValueError(f"an encoder's {name} is a whole number, got {value[name]!r}")
    return dict(value)


def _settings(path: Path, values: dict[str, Any] | None) -> Settings:
    settings = {str(name): value for name, value in (values or {}).items()}
    if CONFIG in settings:
        settings[CONFIG] = path.parent / settings[CONFIG]
    return settings


def parts_of(folder: Path, value: Mapping[str, str]) -> dict[str, Path]:
    """Paths of train, dev and test, relative ones from a folder; test is dev if not given."""
    unknown = set(value) - set(PARTS)
    if unknown or "train" not in value or "dev" not in value:
        raise ValueError(f"a corpus has train, dev and test, got {sorted(value)}")
    parts = {name: (folder / value[name]).resolve() for name in PARTS if name in value}
    return {"test": parts["dev"], **parts}


def _check(grid: Grid) -> None:
    for row in grid.rows():
        settings = grid.settings_of(row)
        if not settings[CONFIG].is_file():
            raise ValueError(f"there is no config {settings[CONFIG]}")
        encoder = settings[ENCODER]
        if encoder and encoder not in grid.encoders:
            raise ValueError(f"encoder {encoder!r} is none of encoders: {list(grid.encoders)}")
