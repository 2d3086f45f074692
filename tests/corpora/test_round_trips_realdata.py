"""Every real corpus through every writer and back: the same, or what the format cannot say.

`python -m tests.corpora.test_round_trips_realdata` prints what differs, by format and kind.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import pytest

from spacy_bioner.corpora.convert import ConversionReport, convert
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.tokenizers import blank_pipeline
from spacy_bioner.corpora.writers import WRITERS
from tests.corpora.conftest import SHARED_DATA

pytestmark = pytest.mark.realdata

FORMATS = ["spacy", *WRITERS]
CORPORA = [
    *("zh/healthner/test.json", "zh/multiner-health-2023/*.txt"),
    *("en/*/*.tsv", "en/bc5cdr/*.PubTator.txt", "en/bc5cdr/*.BioC.xml"),
    *("en/ncbi-disease/*_corpus.txt", "en/ncbi-disease/brat-devel"),
]
SOME = [  # the rest is more of the same, for the program below
    *("zh/multiner-health-2023/MultiNER-Health_truth_WA.txt", "en/ncbi-disease/devel.tsv"),
    *("en/bc5cdr/CDR_DevelopmentSet.PubTator.txt", "en/bc5cdr/CDR_DevelopmentSet.BioC.xml"),
    *("en/ncbi-disease/NCBIdevelopset_corpus.txt", "en/ncbi-disease/brat-devel"),
]
# Differences by kind, and how the conversion's report tells them.
TOLD = {
    "id": "ids of documents not kept",
    "text": "line breaks written as blanks|characters that XML forbids, written as blanks|"
    "texts not kept to the letter",
    "genre": "genres not kept",
    "source": "annotation sources not kept",
    "sections": "sections not kept",
    "sentences": "sentence boundaries not kept",
    "tokens": "token boundaries not kept|retokenised",
    "mention gone": "dropped",
    "fragments": "fragments of discontinuous mentions not kept",
    "id of mention": "ids of mentions not kept|ids of mentions renumbered",
    "concept": "concepts of mentions not kept",
    "note": "notes on mentions not kept",
    "role": "roles in composite mentions not kept",
}
# What is not lost, but added: tokens of the tokenizer, PubTator's title and abstract, brat's T1.
ADDED = {"tokens added", "sections added", "id of mention added"}


def corpora(folder: Path) -> list[Path]:
    return [path for pattern in CORPORA for path in sorted(folder.glob(pattern))]


def there_and_back(
    path: Path, format: str, folder: Path
) -> tuple[list[Document], list[Document], ConversionReport]:
    """What a corpus holds, what it holds after a conversion, and the report on that."""
    nlp = blank_pipeline("zh" if "/zh/" in str(path) else "en")
    suffix = ".spacy" if format == "spacy" else WRITERS[format].suffix
    out = folder / format / path.parent.name / f"{path.stem}{suffix}"
    report = convert([path], out, nlp=nlp, to=format)
    # one document of NCBI's training file stands there twice
    documents = list({d.id: d for d in read_corpus(path)}.values())
    found = list(read_corpus(out))
    by_id = {document.id: document for document in found}
    if by_id.keys() == {document.id for document in documents}:
        found = [by_id[document.id] for document in documents]  # brat's are in order of name
    return documents, found, report


def differences(old: Document, new: Document) -> Iterator[str]:
    for name in ("id", "text", "genre", "source", "sections", "sentences", "tokens"):
        a, b = getattr(old, name), getattr(new, name)
        if a != b:
            yield f"{name} added" if not a else name
    for entity, again in _pairs(old, new):
        if again is None:
            yield "mention gone"
            continue
        for name in ("fragments", "id", "concept", "note", "role"):
            a, b = getattr(entity, name), getattr(again, name)
            if a != b:
                yield f"{name}{' of mention' * (name == 'id')}{' added' * (not a)}"


def _pairs(old: Document, new: Document) -> Iterator[tuple[Entity, Entity | None]]:
    """Each mention with that of the same place and label; there may be no other new one."""
    left = dict[tuple[int, int, str], list[Entity]]()
    for place, entity in zip(_places(new, old), new.entities, strict=True):
        left.setdefault(place, []).append(entity)
    for place, entity in zip(_places(old, new), old.entities, strict=True):
        again = left.get(place)
        yield entity, again.pop(0) if again else None
    assert not any(left.values())


def _places(document: Document, other: Document) -> Iterator[tuple[int, int, str]]:
    """Extents, counted without white space if the texts differ in how much of it they have."""
    counts = list(range(len(document.text) + 1))
    if len(document.text) != len(other.text):
        assert "".join(document.text.split()) == "".join(other.text.split())
        counts = [0, *accumulate(not character.isspace() for character in document.text)]
    return ((counts[e.start], counts[e.end], e.label) for e in document.entities)


def told(report: ConversionReport, messages: str) -> bool:
    said = set(report.writing.losses)
    for receipt in report.parts.values():
        said |= {name for name in ("dropped", "retokenised") if getattr(receipt, name)}
    return not said.isdisjoint(messages.split("|"))


@pytest.mark.parametrize("format", FORMATS)
def test_what_differs_is_what_the_report_says(shared_data, tmp_path, format):
    for path in (shared_data / name for name in SOME):
        old, new, report = there_and_back(path, format, tmp_path)
        counts = Counter(kind for pair in zip(old, new, strict=True) for kind in differences(*pair))
        assert [k for k in counts if k not in ADDED and not told(report, TOLD[k])] == []
        dropped = sum(len(receipt.dropped) for receipt in report.parts.values())
        assert counts["mention gone"] == dropped


def main() -> None:
    """Print documents, those that are the same, and differences by kind, for each format."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED_DATA
    for format in sys.argv[2:] or FORMATS:
        same, counts = Counter[bool](), Counter[str]()
        with tempfile.TemporaryDirectory() as out:
            for path in corpora(folder):
                old, new, _ = there_and_back(path, format, Path(out))
                for pair in zip(old, new, strict=True):
                    found = list(differences(*pair))
                    same[not found] += 1
                    counts.update(found)
        kinds = ", ".join(f"{kind} {n:,}" for kind, n in sorted(counts.items()))
        print(f"{format:<15} {same[True]:>7,} of {same.total():,} same | {kinds}", flush=True)


if __name__ == "__main__":
    main()
