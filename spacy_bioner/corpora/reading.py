"""From any path to Documents: which files, in which format, read by which reader."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.format_settings import read_settings, split_format
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.readers.conll import conll_scheme
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.corpora.span_records import first_record
from spacy_bioner.corpora.text_lines import open_corpus
from spacy_bioner.errors import ConfigError, CorpusError

HEAD_BYTES = 1 << 16
_LONGEST_RECORD = 1 << 24  # bytes that are looked at to find out a format
_BLANK = b" \t\r\n\x0b\x0c"


def read_corpus(
    path: Path | str, format: str = "auto", *, log: ReadLog | None = None
) -> Iterator[Document]:
    """Read a file (or a brat folder) of any registered format.

    format: its name in READERS, perhaps with settings after it, as
    conll:tag_column=1,scheme=BIOES; "auto" judges it by the content. log: gathers repairs
    and what was skipped. Raises ConfigError for an unknown format name or setting,
    CorpusError where the file cannot be read.
    """
    name, given = split_format(format)
    if name == "auto":
        if given:
            raise ConfigError(f"format {format!r}: settings need the name of a format before them")
        name = detect_format(path)
    if name not in READERS:
        raise ConfigError(f"unknown format {name!r}: use auto or one of {list(READERS)}")
    read: Callable[..., Iterator[Document]] = READERS[name].read
    return read(path, log=log, **read_settings(name, given, READERS[name].settings))


def format_as_read(path: Path, format: str = "auto") -> str:
    """The format to write what was read from a file, with the tag scheme that it has.

    format: as for `read_corpus`.
    """
    name, given = split_format(format)
    if name == "auto":
        name = detect_format(path)
    if name != "conll":
        return name
    settings = read_settings(name, given, READERS[name].settings)
    scheme = settings.pop("scheme", "auto")
    settings.pop("joiner", None)
    return f"conll:scheme={conll_scheme(path, **settings) if scheme == 'auto' else scheme}"


def detect_format(path: Path | str) -> str:
    """Name of the reader for a path, judged by its first bytes.

    Raises CorpusError if it cannot be opened, is empty, or fits no format.
    """
    path = Path(path)
    head = b"" if path.is_dir() else _head(path)
    for name, reader in READERS.items():
        if reader.fits(path, head):
            return name
    if path.is_dir():
        raise CorpusError(
            "is a folder without .ann files, so no brat corpus. Name the files in it.", path
        )
    if not head.removeprefix(b"\xef\xbb\xbf").strip(_BLANK):
        raise CorpusError("no sentences: the file is empty. Check the path.", path)
    raise CorpusError(
        f"fits none of the known formats ({', '.join(READERS)}). "
        "Check that it is UTF-8, or name its format with --format.",
        path,
    )


def expand_inputs(inputs: Sequence[Path | str], format: str = "auto") -> list[Path]:
    """The files (and brat folders) that some paths, folders and glob patterns mean.

    A folder stands for the files in it, hidden ones left out, unless it is a brat
    corpus itself; a pattern that is no file's name for what it matches. All in order
    of name. A brat .ann file whose .txt is there too is left out: they are read as one.
    Raises ConfigError for no input and for a pattern or folder with nothing in it.
    """
    if not inputs:
        raise ConfigError("no input files: name at least one")
    found = [path for given in inputs for path in _expand(Path(given), format)]
    for path in found:
        check_name(path)
    if split_format(format)[0] not in ("auto", "brat"):
        return found
    there = set(found)
    return [p for p in found if p.suffix != ".ann" or p.with_suffix(".txt") not in there]


def _expand(given: Path, format: str) -> list[Path]:
    if not given.exists() and glob.has_magic(str(given)):
        found = sorted(map(Path, glob.glob(str(given), recursive=True)))
        if not found:
            raise ConfigError(f"{given}: no file matches this pattern")
        return [path for match in found for path in _expand(match, format)]
    if not given.is_dir() or _is_brat_folder(given, format):
        return [given]
    there = sorted(p for p in given.iterdir() if not p.name.startswith("."))
    for path in there:
        if path.is_symlink() and not path.exists():
            raise ConfigError(f"{path}: is a link to what is not there")
    found = [path for path in there if path.is_file()]
    if not found:
        raise ConfigError(f"{given}: no file in this folder")
    if inner := [path.name for path in there if path.is_dir()]:
        names = ", ".join(inner)
        warnings.warn(f"{given}: folders in it are not read ({names}). Name them.", stacklevel=3)
    return found


def check_name(path: Path) -> None:
    """Raise ConfigError for the name of a file, of which ids are made, that is not UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"the file name {str(path)!r} is not UTF-8. Rename the file.") from None


def _is_brat_folder(path: Path, format: str) -> bool:
    return format == "brat" or (format == "auto" and READERS["brat"].fits(path, b""))


def _head(path: Path) -> bytes:
    """The first bytes; of JSON lines the first line whole, as what tells may be at its end."""
    with open_corpus(path) as file:
        head = file.read(HEAD_BYTES)
        if first_record(head).startswith(b"{") and b"\n" not in head:
            head += file.readline(_LONGEST_RECORD)
        return head
