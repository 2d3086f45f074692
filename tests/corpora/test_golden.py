"""Each file in tests/data/<format>/ is read; the expected outcome lies beside it.

`<file>.expected` holds the documents, one a line, then the repairs, or else the error.
A new case is a new pair of files. To write the expected file of a new case, run
`python -m tests.corpora.test_golden` and read what it wrote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.readers import READERS
from spacy_bioner.corpora.tagged import Repair
from spacy_bioner.errors import CorpusError

DATA = Path(__file__).parents[1] / "data"
CASES = sorted(
    path
    for name in READERS
    for path in (DATA / name).glob("*")
    if path.suffix in (".txt", ".tsv", ".json")
)


def describe(document: Document) -> str:
    text = document.text
    entities = [[e.start, e.end, e.label, text[e.start : e.end]] for e in document.entities]
    tokens = [text[start:end] for start, end in document.tokens or ()]
    values = {"id": document.id, "genre": document.genre, "text": text, "entities": entities}
    return json.dumps(values | {"tokens": tokens}, ensure_ascii=False)


def outcome(path: Path) -> Iterator[str]:
    repairs: list[Repair] = []
    try:
        for document in READERS[path.parent.name](path, repairs=repairs):
            yield describe(document)
    except CorpusError as error:
        yield f"CorpusError: {error}".replace(str(path), path.name)
    for repair in repairs:
        yield f"Repair: {repair}".replace(str(path), path.name)


def expected_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.expected")


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_reader_gives_the_expected_outcome(path):
    expected = expected_path(path).read_text(encoding="utf-8").split("\n")
    assert [*outcome(path), ""] == expected


@pytest.mark.parametrize("path", [path for path in CASES if "slips" in path.name])
def test_reader_refuses_slips_when_strict(path):
    with pytest.raises(CorpusError, match=r":1: 'i-\w+': prefix in lower case, continues no"):
        list(READERS[path.parent.name](path, strict=True))


if __name__ == "__main__":
    for case in CASES:
        if not expected_path(case).exists():
            text = "".join(f"{line}\n" for line in outcome(case))
            expected_path(case).write_text(text, encoding="utf-8", newline="\n")
            print(f"{case.name}\n{text}")
