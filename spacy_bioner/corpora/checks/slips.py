"""What the readers mended and passed over, as findings."""

from __future__ import annotations

from collections.abc import Iterator

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Severity
from spacy_bioner.corpora.reading_log import ReadLog


def slips_of(log: ReadLog) -> Iterator[Finding]:
    """Illegal tags and other slips that were repaired, and things that were not read.

    To be asked when all parts have been read to their end.
    """
    for repair in log.repairs:
        yield Finding(FindingKind.REPAIR, Severity.WARNING, str(repair))
    for skipped in log.skipped.values():
        yield Finding(FindingKind.SKIPPED, Severity.NOTE, str(skipped), count=skipped.count)
