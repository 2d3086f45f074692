"""Runs of letters and digits within Chinese text, and mentions that cut one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Place, Severity
from spacy_bioner.corpora.checks.scripts import has_han
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.text_runs import RUN


@dataclass(slots=True)
class CutRuns:
    """Mentions of documents with Han characters that begin or end within a run.

    What a run is says `spacy_bioner.text_runs`.
    """

    _found: list[Finding] = field(default_factory=list)

    def add(self, part: str, document: Document) -> None:
        if not document.entities or not has_han(document.text):
            return
        inside = {
            offset: run.span()
            for run in RUN.finditer(document.text)
            for offset in range(run.start() + 1, run.end())
        }
        for entity in document.entities if inside else ():
            runs = {inside.get(entity.start), inside.get(entity.end)} - {None}
            for start, end in sorted(run for run in runs if run):
                self._found.append(_finding(part, document, entity, start, end))

    def findings(self) -> Iterator[Finding]:
        yield from self._found


def _finding(part: str, document: Document, entity: Entity, start: int, end: int) -> Finding:
    place = Place.of(part, document, entity.start, entity.end)
    run = Place.of(part, document, start, end)
    begins, ends = start < entity.start, entity.end < end
    how = "lies within" if begins and ends else "begins within" if begins else "ends within"
    message = f"{place.text!r} {how} {run.text!r} ({start} to {end})"
    return Finding(FindingKind.CUT_RUN, Severity.WARNING, message, (place,))
