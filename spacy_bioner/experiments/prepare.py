"""What runs need before they start: corpora as .spacy files, and encoders.

The folders of what is made carry a digest of what it is made of, so that nothing stale is used.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import spacy
import srsly
from spacy.schemas import ConfigSchemaInit, ConfigSchemaNlp, ConfigSchemaTraining
from spacy.util import load_config

from spacy_bioner.corpora.convert import convert
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.encoders.make_encoder import make_encoder
from spacy_bioner.errors import ConfigError, in_one_line
from spacy_bioner.experiments.grid import CONFIG, ENCODER, Grid, Row
from spacy_bioner.experiments.run import DONE, Run, digest

Parts = dict[str, Path]
Tell = Callable[[str], None]
_SECTIONS: dict[str, Any] = {
    "training": ConfigSchemaTraining,
    "nlp": ConfigSchemaNlp,
    "initialize": ConfigSchemaInit,
}
_LONGEST_NAME = 180  # bytes, so that there is room for what is put around it


def prepare_runs(
    grid: Grid,
    out: Path,
    *,
    gpu: int = -1,
    threads: int = 1,
    keep_models: bool = False,
    tell: Tell = lambda message: None,
) -> list[Run]:
    """All runs of a grid: corpora that are not .spacy files are converted into `out`, and
    encoders made there, unless that was done before. All paths are absolute. Seed by seed, so
    that a grid which is stopped has whole tables of fewer seeds.

    Raises ConfigError if a run was done with other settings or files, or if two would be
    kept in one folder.
    """
    out = out.resolve()
    corpora: dict[tuple[str, str], Parts] = {}
    runs: list[Run] = []
    for row in grid.rows():
        settings = grid.settings_of(row)
        config, encoder = settings.pop(CONFIG).resolve(), settings.pop(ENCODER)
        lang = _language_of(config, settings)
        if (row.corpus, lang) not in corpora:
            corpora[row.corpus, lang] = _corpus(grid, out, row.corpus, lang, tell)
        parts = corpora[row.corpus, lang]
        overrides = {**settings, "paths.train": str(parts["train"]), "paths.dev": str(parts["dev"])}
        if encoder:
            path = _encoder(out, row.corpus, encoder, grid.encoders[encoder], parts, tell)
            overrides["paths.encoder"] = str(path)
        used = [config, parts["test"], *_paths_of(config, overrides)]
        same: dict[str, Any] = {"config": str(config), "overrides": overrides}
        same |= {"test": str(parts["test"]), "keep_model": keep_models}
        same |= {"gpu": gpu, "threads": threads}
        same |= {"fingerprint": fingerprint(settings, used)}
        folders = {seed: str(run_folder(out, row, seed)) for seed in grid.seeds}
        runs += [Run(folder=folder, seed=seed, **same) for seed, folder in folders.items()]
    _check_folders(runs)
    _check_done(runs, tell)
    return sorted(runs, key=lambda run: grid.seeds.index(run.seed))


def _config_of(config: Path, overrides: dict[str, Any]) -> dict[str, Any]:
    """The config that a run is trained with. Raises ConfigError if it cannot be read."""
    try:
        return dict(load_config(config, overrides=overrides, interpolate=False).interpolate())
    except ValueError as error:
        raise ConfigError(f"{config}: {in_one_line(error)}") from None


def _language_of(config: Path, settings: dict[str, Any]) -> str:
    _check_names(config, settings)
    return str(_config_of(config, settings)["nlp"]["lang"])


def _check_names(config: Path, settings: dict[str, Any]) -> None:
    """Raise ConfigError for a setting that spaCy would take and never look at."""
    known = {name: _fields_of(schema) for name, schema in _SECTIONS.items()}
    known["paths"] = set(_config_of(config, {}).get("paths", {}))
    for setting in settings:
        section, _, rest = setting.partition(".")
        name = rest.split(".")[0]
        if section in known and name not in known[section]:
            raise ConfigError(
                f"{setting}: [{section}] has no {name!r} (in {config.name}). It has "
                f"{', '.join(sorted(known[section]))}."
            )


def _fields_of(schema: Any) -> set[str]:
    """Of a schema of spaCy's, which is one of pydantic 2, or of pydantic 1 in older releases."""
    return set(getattr(schema, "model_fields", None) or schema.__fields__)


def _corpus(grid: Grid, out: Path, name: str, lang: str, tell: Tell) -> Parts:
    """The parts as .spacy files, tokenised for a language."""
    made = {}
    for part, path in grid.corpora[name].items():
        if not path.exists():
            raise ConfigError(f"{path}: no such file, of corpus {name!r} in grid {grid.name!r}")
        made[part] = path
        if path.suffix != ".spacy":
            files = [path, *(ann for ann in [path.with_suffix(".ann")] if ann.is_file())]
            what = _named(name, {"lang": lang}, files)
            made[part] = out / "corpora" / what / f"{part}.spacy"
        if not made[part].exists():
            nlp = spacy.blank(lang)
            report = convert([path], made[part], nlp=nlp)
            tell(report.render(limit=0))
    return made


def _encoder(
    out: Path, corpus: str, name: str, form: dict[str, Any], parts: Parts, tell: Tell
) -> Path:
    """The folder of an encoder, made from the training texts unless it is given or there."""
    if "path" in form:
        path = Path(form["path"]).resolve()
        if not path.is_dir():
            raise ConfigError(f"{path}: no such folder, for the encoder {name!r}")
        return path
    path = out / "encoders" / _safe(corpus) / _named(name, form, [parts["train"]])
    if not path.exists():
        texts = (document.text for document in read_corpus(parts["train"], "spacy"))
        made = make_encoder(texts, path, sources=[corpus], **form)
        tell(f"{path}: {made.architecture} with {made.parameters:,} random weights")
    return path


def _paths_of(config: Path, overrides: dict[str, Any]) -> list[Path]:
    """What a config names that is there: data, encoders, vectors, lexicons, labels.

    Under [paths] any name may be one, elsewhere one with a folder or an ending.
    """
    settings = _config_of(config, overrides)
    named = set(_strings_in(settings.get("paths", {})))
    named |= {value for value in _strings_in(settings) if Path(value).name != value or "." in value}
    return [Path(value) for value in sorted(named) if os.path.exists(value)]


def _strings_in(settings: dict[str, Any]) -> Iterator[str]:
    for value in settings.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _strings_in(value)


def run_folder(out: Path, row: Row, seed: int) -> Path:
    """Where a run of a row is kept, named for people."""
    return out / _safe(row.corpus) / f"{_safe(row.name)},seed={seed}"


def _named(name: str, settings: dict[str, Any], files: list[Path]) -> str:
    """The folder's name for what is made of these settings and files."""
    what = hashlib.sha256(fingerprint(settings, files).encode()).hexdigest()[:8]
    return f"{_safe(name)}-{what}"


def _safe(name: str) -> str:
    return re.sub(r"[^\w.,=+-]", "_", name)


def fingerprint(settings: dict[str, Any], files: list[Path]) -> str:
    """Of all that decides a run's scores beside its seed."""
    return str(srsly.json_dumps([settings, [_digest(path) for path in files]], sort_keys=True))


@cache
def _digest(path: Path) -> str:
    return digest(path)[:16]


def _check_folders(runs: list[Run]) -> None:
    taken = {run.folder: run for run in runs}
    for run in runs:
        if taken[run.folder] is not run:
            raise ConfigError(
                f"two rows of the grid would be kept in {run.folder}: give their values, or "
                "corpora, names that differ in letters, digits or one of .,=+-"
            )
        folder = Path(run.folder)
        if len(folder.name.encode()) > _LONGEST_NAME:
            raise ConfigError(f"{folder.name}: is too long a name for a folder: shorten the values")
        if folder.is_dir() and not run.is_done and any(folder.iterdir()):
            raise ConfigError(
                f"{folder}: holds files, and no run that is done. Give another --out, or remove it."
            )


def _check_done(runs: list[Run], tell: Tell) -> None:
    """Raise ConfigError for a run that was done with something else; tell of models not kept."""
    if gone := sum(run.is_done and run.keep_model and not run.model.is_dir() for run in runs):
        tell(f"{gone} of the runs that are done kept no model: to have it, remove their folders")
    for run in runs:
        if run.is_done:
            before = srsly.read_json(Path(run.folder) / DONE)["fingerprint"]
            if before != run.fingerprint:
                raise ConfigError(
                    f"{run.folder}: was done with other settings, config, corpus or encoder. "
                    "Give another --out, or remove that folder to do it again."
                )
