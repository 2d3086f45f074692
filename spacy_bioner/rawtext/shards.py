"""Text shards: plain or compressed files, one paragraph a line, each with a weight."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
import re
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO

from spacy_bioner.errors import ConfigError, CorpusError

_OPENERS: dict[str, Callable[..., IO[str]]] = {
    ".txt": open,
    ".xz": lzma.open,
    ".gz": gzip.open,
    ".bz2": bz2.open,
}
MANIFEST = "MANIFEST.tsv"
NOT_GIVEN = "not given"  # where a repository or licence is unknown
_UNDECODED = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Shard:
    """A file of text and how often a pass reads it.

    weight: 2.0 reads every part twice in a pass, 0.25 a quarter of it.
    """

    path: Path
    weight: float = 1.0

    @property
    def name(self) -> str:
        """The file's name up to its first dot."""
        return self.path.name.split(".")[0]


def find_shards(inputs: Sequence[Path], weights: Mapping[str, float]) -> list[Shard]:
    """Return the shards among files and folders, in the order given, without those of weight 0.

    A folder's are in order of name; a file that is named twice is one shard.

    inputs: paths, or patterns such as text/*.xz of some.
    weights: by the shard's name (the file's name up to its first dot); 1.0 if not there.

    Raises CorpusError if an input is missing or of another kind; ConfigError if a weight is of
    no shard or negative, or nothing is left.
    """
    paths: dict[Path, Path] = {}
    for source in inputs:
        for path in _files(source):
            paths.setdefault(path.resolve(), path)
    shards = [Shard(path, weights.get(Shard(path).name, 1.0)) for path in paths.values()]
    if unknown := sorted(set(weights) - {shard.name for shard in shards}):
        raise ConfigError(
            f"weights are given for {', '.join(unknown)}, but there are no such shards."
        )
    for shard in shards:
        if not 0 <= shard.weight < float("inf"):
            raise ConfigError(f"{shard.path}: weight {shard.weight:g} is no number of 0 or more.")
    kept = [shard for shard in shards if shard.weight > 0]
    if not kept:
        raise ConfigError("there is no shard of text with a weight above 0.")
    return kept


def _files(source: Path) -> list[Path]:
    if source.is_dir():
        return _files_in(source)
    _check_link(source)
    if not source.exists():
        return _matches(source)
    if source.suffix.lower() not in _OPENERS:
        raise CorpusError(
            f"is not text of a known kind. Known are {', '.join(_OPENERS)}, one paragraph a line.",
            source,
        )
    return [source]


def _files_in(folder: Path) -> list[Path]:
    there = sorted(folder.iterdir())
    texts = [path for path in there if path.suffix.lower() in _OPENERS]
    for path in texts:
        _check_link(path)
    found = [path for path in texts if path.is_file()]
    if not found:
        raise CorpusError(f"this folder has no {', '.join(_OPENERS)} files.", folder)
    inner = [path.name for path in there if path.is_dir()]
    if inner:
        warnings.warn(
            f"{folder}: folders in it are not read ({', '.join(inner)}). Name them too.",
            stacklevel=5,
        )
    other = [path.name for path in there if path.is_file() and not _is_known(path)]
    if other:
        warnings.warn(
            f"{folder}: only {', '.join(_OPENERS)} are read, not {', '.join(other)}.", stacklevel=5
        )
    return found


def _is_known(path: Path) -> bool:
    """Whether it is a text, or tells of texts, as a manifest and a file of weights do."""
    return path.suffix.lower() in {".tsv", ".md", *_OPENERS} or path.name.startswith(".")


def _check_link(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise CorpusError("is a link to what is not there.", path)


def _matches(pattern: Path) -> list[Path]:
    """The shards whose paths a pattern of the shell describes."""
    found = [Path(path) for path in sorted(glob(str(pattern)))]
    if not found:
        raise CorpusError("there is no such file or folder.", pattern)
    return [path for match in found for path in _files(match)]


def read_weights(path: Path) -> dict[str, float]:
    """Read lines of `name TAB weight`; lines that begin with # and empty ones are passed over.

    Raises CorpusError if there is no such file, or at a line that is neither.
    """
    if not path.is_file():
        raise CorpusError("there is no such file of weights of shards.", path)
    weights: dict[str, float] = {}
    for number, line in enumerate(_read_text(path).split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, weight = line.strip().partition("\t")
        try:
            weights[name.strip()] = float(weight)
        except ValueError:
            raise CorpusError(f"{line!r} is not `name TAB weight`.", path, number) from None
    return weights


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CorpusError("is not UTF-8.", path) from None


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a shard that are not blank, stripped.

    Raises CorpusError if the file is not UTF-8 or its compression is broken.
    """
    read = 0
    # bytes that are not UTF-8 become half surrogates, so that their line is known
    how = {"encoding": "utf-8-sig", "errors": "surrogateescape"}
    try:
        with _OPENERS[path.suffix.lower()](path, "rt", **how) as file:
            for line in file:
                read += 1
                if _UNDECODED.search(line):
                    raise CorpusError("is not UTF-8.", path, read)
                if text := line.strip():
                    yield text
    except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
        if not path.is_file() or isinstance(error, PermissionError):
            raise
        what = "read" if path.suffix.lower() == ".txt" else "decompressed"
        raise CorpusError(f"cannot be {what}: {error}.", path, read + 1) from None


def read_manifest(shards: Sequence[Shard]) -> dict[Path, tuple[str, str]]:
    """Return (repository, licence) by path of the shard, from the MANIFEST.tsv beside it.

    Its first line names the columns `source`, `repo` and `licence`. Where there is no
    manifest, or a shard is not in it, nothing is known of the shard's licence. Raises
    CorpusError where a column is missing, or it is not UTF-8.
    """
    known: dict[tuple[Path, str], tuple[str, str]] = {}
    for folder in {shard.path.parent for shard in shards}:
        if not (folder / MANIFEST).is_file():
            continue
        lines = _read_text(folder / MANIFEST).rstrip("\n").split("\n")
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval=""):
            try:
                given = (row["repo"] or NOT_GIVEN, row["licence"] or NOT_GIVEN)
                known[folder, row["source"]] = given
            except KeyError as error:
                raise CorpusError(f"has no column {error}.", folder / MANIFEST, 1) from None
    named = {shard.path: known.get((shard.path.parent, shard.name)) for shard in shards}
    return {path: given for path, given in named.items() if given is not None}
