"""brat standoff: a text and its annotations in two files, `<id>.txt` and `<id>.ann`.

https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from spacy_bioner.corpora.document import Document, Entity, Offsets
from spacy_bioner.corpora.json_text import check_encodable
from spacy_bioner.corpora.mention_text import check_mention_text, check_offsets
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import LineError, open_corpus, read_lines

_BOM = b"\xef\xbb\xbf"
_OTHER = {".txt": ".ann", ".ann": ".txt"}
_ID = re.compile(r"[TNREAM][0-9]\S*|\*|#.*")
_MENTION_ID = re.compile(r"T[0-9]\S*")
_PLACE = re.compile(r"([^ ]+) ([0-9]{1,18} [0-9]{1,18}(?:;[0-9]{1,18} [0-9]{1,18})*)")
_SKIPPED = {
    "R": "relations",
    "*": "relations",
    "E": "events",
    "A": "attributes",
    "M": "attributes",
}


def read_brat(path: Path | str, *, log: ReadLog | None = None) -> Iterator[Document]:
    """Yield the documents of a brat folder, or the one of a pair of files.

    path: a folder, of which all .txt files are read, those in its subfolders too, in
    order of name, hidden ones (`.name`) left out; or the .txt or .ann file of a pair. A
    document's id is its file's path within the folder, without suffix, and with what the
    writer %-encoded decoded.

    Files are UTF-8. The text is taken as it stands, for offsets count each of its
    characters: both of a CRLF, and a byte order mark. T lines are mentions, of one or
    several fragments, N lines their concepts (several joined by "|"), and lines of
    type AnnotatorNotes their notes (joined by "; "). Relations, events, attributes,
    other notes, and names of concepts are counted in the log as skipped.

    Repaired and noted in the log: fragments that touch or stand out of order, and a
    mention's text that differs from that at its offsets in white space only.

    Raises CorpusError, with the line where there is one, if one file of a pair is missing
    (no mentions: an empty .ann), if a text is empty, for a line that is no annotation, an
    id used twice, offsets outside of the text, fragments that overlap, a mention's text
    that is not that at its offsets, and for a concept or note of a mention that is not there.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    for id, text_path in _folder(path, file_log) if path.is_dir() else _pair(path, file_log):
        yield _document(id, text_path, file_log)


def _pair(path: Path, log: FileLog) -> list[tuple[str, Path]]:
    open_corpus(path).close()
    if path.suffix not in _OTHER:
        raise log.error("neither a folder nor a .txt or .ann file, as brat has them. Name one.")
    _check_pair(path, path.with_suffix(_OTHER[path.suffix]).is_file(), log)
    return [(_decoded(path.stem, log), path.with_suffix(".txt"))]


def _folder(path: Path, log: FileLog) -> list[tuple[str, Path]]:
    """Id and .txt file of each pair below a folder. Raises CorpusError if one is not whole."""
    names = sorted(_names(path))
    known = set(names)
    pairs = []
    for name in names:
        stem, suffix = os.path.splitext(name)
        _check_pair(path / name, stem + _OTHER[suffix] in known, log)
        if suffix == ".txt":
            folder, slash, last = stem.rpartition("/")
            pairs.append((folder + slash + _decoded(last, log), path / name))
    if not pairs:
        raise log.error("no documents: the folder holds no .txt and .ann files. Check the path.")
    return pairs


def _names(path: Path) -> Iterator[str]:
    """Paths, within a folder, of all its .txt and .ann files."""

    def stop(error: OSError) -> None:
        raise FileLog.open(Path(error.filename), None).error(
            f"cannot be read: {error.strerror}. Check the path."
        )

    for folder, folders, names in os.walk(path, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if os.path.splitext(name)[1] in _OTHER and not name.startswith("."):
                yield (Path(folder) / name).relative_to(path).as_posix()


def _check_pair(path: Path, is_whole: bool, log: FileLog) -> None:
    if not is_whole:
        missing = path.with_suffix(_OTHER[path.suffix]).name
        raise FileLog(path, log.log).error(
            f"{missing} is missing beside it. Put it there; for a text without mentions "
            "it is an empty .ann file."
        )


def file_name(id: str) -> str:
    """A document's id as the name of a file, without suffix.

    Letters and digits of any script stay, and "-", "_", "~", "@" and "."; all else is
    %-encoded, a dot at the beginning too. Raises UnicodeEncodeError for half a surrogate.
    """
    name = "".join(c if c.isalnum() or c in "-_.@" else quote(c, safe="") for c in id)
    return f"%2E{name[1:]}" if name.startswith(".") else name


def _decoded(name: str, log: FileLog) -> str:
    """The id of which `file_name` makes this name; the name itself if there is none."""
    try:
        check_encodable(name)
    except LineError:
        raise log.error(f"the file name {name!r} is not UTF-8. Rename the file.") from None
    id = unquote(name)
    return id if file_name(id) == name else name


def _document(id: str, path: Path, log: FileLog) -> Document:
    text = "".join(line for _, line in read_lines(path))
    with open_corpus(path) as file:
        text = "\ufeff" * (file.read(len(_BOM)) == _BOM) + text
    if not text:
        raise FileLog(path, log.log).error("the text is empty. Remove it and its .ann file.")
    annotations = _Annotations(id, text, FileLog(path.with_suffix(".ann"), log.log), log)
    for number, line in read_lines(path.with_suffix(".ann")):
        annotations.add(number, line)
    return Document(text, annotations.entities(), id)


@dataclass(slots=True)
class _Annotations:
    """Gathers the lines of an .ann file. corpus_log: that of the path given to the reader."""

    id: str
    text: str
    log: FileLog
    corpus_log: FileLog
    mentions: dict[str, Entity] = field(default_factory=dict)
    concepts: dict[str, list[str]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    referred: dict[str, int] = field(default_factory=dict)  # the first line that names it

    def add(self, number: int, line: str) -> None:
        """Take one line. Raises CorpusError with its number if it is wrong."""
        if not line.strip():
            return
        try:
            self._add(number, line.removesuffix("\n").removesuffix("\r").split("\t", 2))
        except LineError as error:
            cut = "" if line.endswith("\n") else " The file ends within this line (half-written?)."
            raise self.log.error(f"{error}{cut}", number) from None

    def entities(self) -> tuple[Entity, ...]:
        """All mentions. Raises CorpusError for a concept or note of one that is not there."""
        for id, number in self.referred.items():
            if id not in self.mentions:
                raise self.log.error(
                    f"there is no mention {id!r}. Add it, or correct this.", number
                )
        full = (
            replace(
                entity,
                concept="|".join(self.concepts.get(id, ())),
                note="; ".join(self.notes.get(id, ())),
            )
            for id, entity in self.mentions.items()
        )
        return tuple(sorted(full, key=lambda entity: (entity.start, entity.end)))

    def _add(self, number: int, columns: list[str]) -> None:
        id = columns[0]
        if not _ID.fullmatch(id) or (len(columns) < 2 and id[0] != "#"):
            raise LineError(
                "not an annotation, which is an id (T1, N1, #1, ...), a tab and more. Correct it."
            )
        if id[0] == "T":
            self._add_mention(number, columns)
        elif id[0] == "N":
            self._add_concept(number, columns)
        elif id[0] == "#":
            self._add_note(number, columns)
        else:
            self._skip(_SKIPPED[id[0]], id)

    def _skip(self, what: str, id: str) -> None:
        self.corpus_log.skip(what, f"{id} in document {self.id!r}")

    def _add_mention(self, number: int, columns: list[str]) -> None:
        id, place = columns[:2]
        match = _PLACE.fullmatch(place)
        if match is None or len(columns) < 3:
            raise LineError(
                "not a mention, which is an id, a tab, TYPE START END (or START END;START END), "
                "a tab and its text. Correct it."
            )
        if id in self.mentions:
            raise LineError(f"a second mention {id!r}. Give it an id of its own.")
        pairs = (pair.split(" ") for pair in match[2].split(";"))
        pieces = [(int(start), int(end)) for start, end in pairs]
        check_offsets(pieces, self.text)
        check_mention_text(columns[2], pieces, self.text, number, self.log)
        merged = self._merge(number, pieces)
        fragments = merged if len(merged) > 1 else ()
        self.mentions[id] = Entity(merged[0][0], merged[-1][1], match[1], fragments, id)

    def _merge(self, number: int, pieces: list[tuple[int, int]]) -> Offsets:
        """The fragments in order and apart."""
        merged: list[tuple[int, int]] = []
        for start, end in sorted(pieces):
            if merged and start < merged[-1][1]:
                raise LineError(f"its fragments overlap at offset {start}. Correct them.")
            if merged and start == merged[-1][1]:
                start = merged.pop()[0]
            merged.append((start, end))
        if merged != pieces:
            found, read_as = (";".join(f"{a} {b}" for a, b in p) for p in (pieces, merged))
            self.log.repair(number, found, read_as, "fragments touch or are out of order")
        return tuple(merged)

    def _add_concept(self, number: int, columns: list[str]) -> None:
        _, target, concept = [*columns[1].split(" ", 2), "", ""][:3]
        if not concept.strip():
            raise LineError(
                "not a concept, which is an id, a tab, TYPE ID CONCEPT, and perhaps a tab and its "
                "name. Correct it."
            )
        if not _MENTION_ID.fullmatch(target):
            self._skip("concepts of other things than mentions", columns[0])
            return
        self.referred.setdefault(target, number)
        self.concepts.setdefault(target, []).append(concept.strip())
        if len(columns) > 2 and columns[2]:
            self._skip("names of concepts", columns[0])

    def _add_note(self, number: int, columns: list[str]) -> None:
        kind, _, target = columns[1].partition(" ") if len(columns) > 1 else ("", "", "")
        if not _MENTION_ID.fullmatch(target):
            self._skip("notes on other things than mentions", columns[0])
            return
        self.referred.setdefault(target, number)
        if kind != "AnnotatorNotes":
            self._skip("notes of other types than AnnotatorNotes", columns[0])
        elif len(columns) > 2 and columns[2]:
            self.notes.setdefault(target, []).append(columns[2])


def fits_brat(path: Path, head: bytes) -> bool:
    """Whether it is a folder with .ann files, in subfolders too, or one file of a pair."""
    try:
        if path.is_dir():
            return next(path.rglob("*.ann"), None) is not None
        return path.suffix in _OTHER and path.with_suffix(_OTHER[path.suffix]).is_file()
    except (OSError, ValueError):
        return False
