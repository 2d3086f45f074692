"""Each file in tests/data/<format>/ is read; the expected outcome lies beside it.

`<file>.expected` holds the documents, one a line, then the error if there is one, the
repairs, and what was skipped. A case is a file, or a folder for formats that are folders.
A new case is a new pair of files. To write the expected file of a new case, run
`python -m tests.corpora.test_golden` and read what it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.errors import CorpusError

DATA = Path(__file__).parents[1] / "data"
CASES = sorted(
    path for name in READERS for path in (DATA / name).glob("*") if path.suffix != ".expected"
)


def describe(document: Document) -> str:
    text = document.text
    values = {"id": document.id, "genre": document.genre, "text": text}
    values |= {"entities": [describe_entity(entity, text) for entity in document.entities]}
    values |= {"tokens": [text[start:end] for start, end in document.tokens or ()]}
    if document.source:
        values["source"] = document.source
    if document.sections:
        values["sections"] = [[s.start, s.end, s.name] for s in document.sections]
    if document.sentences is not None:
        values["sentences"] = [text[start:end] for start, end in document.sentences]
    return json.dumps(values, ensure_ascii=False)


def describe_entity(entity: Entity, text: str) -> list[object]:
    """Offsets, label and text, then whatever else is said of the mention."""
    named = ("fragments", "id", "concept", "note", "role")
    more = {name: getattr(entity, name) for name in named if getattr(entity, name)}
    values = [entity.start, entity.end, entity.label, text[entity.start : entity.end]]
    return [*values, more] if more else values


def outcome(path: Path) -> Iterator[str]:
    log = ReadLog()
    try:
        for document in READERS[path.parent.name].read(path, log=log):
            yield describe(document)
    except CorpusError as error:
        yield f"CorpusError: {error}".replace(str(path), path.name)
    for repair in log.repairs:
        yield f"Repair: {repair}".replace(str(path), path.name)
    for skipped in log.skipped.values():
        yield f"Skipped: {skipped}".replace(str(path), path.name)


def expected_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.expected")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_reader_gives_the_expected_outcome(path):
    expected = expected_path(path).read_text(encoding="utf-8").split("\n")
    assert [*outcome(path), ""] == expected


@pytest.mark.parametrize("path", [path for path in CASES if "slips" in path.name])
def test_reader_refuses_slips_when_strict(path):
    with pytest.raises(CorpusError, match=r":1: 'i-\w+': prefix in lower case, continues no"):
        list(READERS[path.parent.name].read(path, log=ReadLog(strict=True)))


if __name__ == "__main__":
    for case in CASES:
        if not expected_path(case).exists():
            text = "".join(f"{line}\n" for line in outcome(case))
            expected_path(case).write_text(text, encoding="utf-8", newline="\n")
            print(f"{case.name}\n{text}")
