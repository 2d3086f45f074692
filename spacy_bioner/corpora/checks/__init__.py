"""What is wrong within a corpus and between its parts, found before a model is trained.

Each module looks for one family of findings. See docs/checking.md for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spacy_bioner.corpora.checks.chinese import ChineseText
from spacy_bioner.corpora.checks.contradictions import Contradictions
from spacy_bioner.corpora.checks.duplicates import Duplicates
from spacy_bioner.corpora.checks.findings import (
    Check,
    Finding,
    FindingKind,
    Place,
    Severity,
    has_errors,
)
from spacy_bioner.corpora.checks.labels import Labels
from spacy_bioner.corpora.checks.mentions import Mentions
from spacy_bioner.corpora.checks.odd_characters import OddCharacters
from spacy_bioner.corpora.checks.rendering import render_findings
from spacy_bioner.corpora.checks.runs import CutRuns
from spacy_bioner.corpora.checks.slips import slips_of
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading_log import ReadLog

__all__ = [
    "Finding",
    "FindingKind",
    "Place",
    "Severity",
    "check_corpora",
    "has_errors",
    "render_findings",
]


def check_corpora(parts: Mapping[str, Iterable[Document]], log: ReadLog) -> list[Finding]:
    """Check the documents of all parts, and the parts against one another.

    parts: documents by the name of their part, the training part first; each is gone
    through once. log: that which the documents are read with: what it holds in the end
    is reported too.

    No Document is kept, but the texts and the extents of mentions are, to look for
    strings that are annotated in some places only: memory grows with the corpus.
    Raises what the readers raise.
    """
    checks: list[Check] = [
        Duplicates(),
        Contradictions(),
        OddCharacters(),
        Labels(),
        ChineseText(),
        CutRuns(),
        Mentions(),
    ]
    for part, documents in parts.items():
        for document in documents:
            for check in checks:
                check.add(part, document)
    found = [*slips_of(log), *(finding for check in checks for finding in check.findings())]
    order = {kind: number for number, kind in enumerate(FindingKind)}
    return sorted(found, key=lambda finding: order[finding.kind])
