"""The Chinese HealthNER corpus: JSON lines, a sentence each.

https://github.com/NYCU-NLP/Chinese-HealthNER-Corpus
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.json_text import check_encodable, read_json_lines
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.tagged import (
    entities_from_tags,
    parse_tag,
    unit_offsets,
)
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.errors import CorpusError

Unit = Literal["character", "word"]


def read_healthner(
    path: Path | str,
    *,
    log: ReadLog | None = None,
    labels: Unit = "character",
) -> Iterator[Document]:
    """Yield the sentences of a HealthNER file, UTF-8 with or without byte order mark.

    labels: read `character` and `character_label` (BIO tags), or `word` and
    `word_label`, where every word with a bare type is one entity. These units are the
    Document's tokens. Genres are given in upper case (FT, SM), as in the later corpora
    of the same family. Slips in tags are repaired and noted in the log (see
    `spacy_bioner.corpora.tagged`).

    Raises CorpusError with the line for broken JSON, a missing key, lists whose
    lengths differ, and units that do not join to the sentence; also if there is no
    sentence at all.
    """
    path = Path(path)
    file_log = FileLog.open(path, log)
    n = 0
    for number, record in read_json_lines(path):
        n += 1
        try:
            _check(record, labels)
        except LineError as error:
            raise file_log.error(str(error), number) from None
        yield _document(record, labels, number, file_log)
    if n == 0:
        raise CorpusError("no sentences: the file is empty. Check the path.", path)


def _check(record: dict[str, Any], unit: Unit) -> None:
    """Raise LineError unless the record holds all that is read from it, and it fits."""
    missing = {"id", "genre", "sentence", unit, f"{unit}_label"} - record.keys()
    if missing:
        raise LineError(f"missing key {min(missing)!r}. Is this a HealthNER file?")
    sentence, units, tags = record["sentence"], record[unit], record[f"{unit}_label"]
    if not isinstance(record["id"], str | int) or not isinstance(record["genre"], str):
        raise LineError("'id' and 'genre' must be strings.")
    if not isinstance(sentence, str) or not sentence:
        raise LineError("'sentence' must be a string that is not empty. Remove the line.")
    if not _are_strings(units) or not _are_strings(tags):
        raise LineError(f"{unit!r} and '{unit}_label' must be lists of non-empty strings.")
    if len(units) != len(tags):
        raise LineError(
            f"{len(units)} entries in {unit!r} but {len(tags)} in '{unit}_label'. "
            "Give each its label."
        )
    if "".join(units) != sentence:
        raise LineError(
            f"the entries of {unit!r} do not join to 'sentence'; they differ from "
            f"character {_first_difference(''.join(units), sentence)} on. Correct one of them."
        )
    check_encodable("".join([str(record["id"]), record["genre"], sentence, *tags]))


def _are_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(v, str) and v for v in values)


def _first_difference(a: str, b: str) -> int:
    """Number, from 1, of the first character at which two unequal strings differ."""
    pairs = zip(a, b, strict=False)
    return next((i for i, (x, y) in enumerate(pairs, 1) if x != y), min(len(a), len(b)) + 1)


def _document(record: dict[str, Any], unit: Unit, number: int, log: FileLog) -> Document:
    tokens = unit_offsets(record[unit])
    tags = record[f"{unit}_label"]
    if unit == "word":
        tags = [tag if parse_tag(tag) else f"B-{tag}" for tag in tags]
    return Document(
        text=record["sentence"],
        entities=entities_from_tags(tags, tokens, [number] * len(tags), log),
        id=str(record["id"]),
        genre=record["genre"].upper(),
        tokens=tokens,
    )


def fits_healthner(path: Path, head: bytes) -> bool:
    """Whether the file begins with an object that has the key "sentence"."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and b'"sentence"' in start.split(b"\n", 1)[0]
