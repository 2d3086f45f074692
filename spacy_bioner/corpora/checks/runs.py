"""Runs of letters and digits within Chinese text, and mentions that cut one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Place, Severity
from spacy_bioner.corpora.checks.scripts import has_han
from spacy_bioner.corpora.document import Document, Entity

# Latin and Greek letters, µ and digits, of half and full width.
_SIGN = "0-9A-Za-zµÀ-ÖØ-öø-ɏͰ-Ͽ０-９Ａ-Ｚａ-ｚ"
_DIGIT = "0-9０-９"
_JOINED = f"[-‐‑－'’＇](?=[{_SIGN}])|(?<=[{_DIGIT}])[.,．，](?=[{_DIGIT}])"
RUN = re.compile(f"[{_SIGN}]+(?:(?:{_JOINED})[{_SIGN}]+)*")


@dataclass(slots=True)
class CutRuns:
    """Mentions of documents with Han characters that begin or end within a run.

    A run is of Latin and Greek letters and digits, of any width, with hyphens and
    apostrophes between them, and full stops and commas between digits: COVID-19, 50µg, 5-FU,
    1.5mg, and B12 in 維生素B12. A slash joins nothing: in AST/ALT are two runs.
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
