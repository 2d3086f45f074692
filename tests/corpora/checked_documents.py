"""Documents made to be checked, and findings in short."""

from __future__ import annotations

from spacy_bioner.corpora.checks.findings import Check, Finding, FindingKind
from spacy_bioner.corpora.document import Document, Entity


def annotated(text: str, *mentions: str, id: str = "") -> Document:
    """A Document in which each 'string/LABEL' is a mention where the string first stands."""
    pairs = [mention.rsplit("/", 1) for mention in mentions]
    found = [Entity(text.index(s), text.index(s) + len(s), label) for s, label in pairs]
    return Document(text, tuple(sorted(found, key=lambda e: (e.start, e.end))), id)


def found_by(check: Check, **parts: list[Document]) -> list[Finding]:
    for part, documents in parts.items():
        for document in documents:
            check.add(part, document)
    return list(check.findings())


def brief(findings: list[Finding]) -> list[tuple[FindingKind, str, str]]:
    return [(f.kind, str(f.severity), f.message) for f in findings]


def places(finding: Finding) -> list[tuple[str, str, int, int]]:
    return [(p.part, p.document, p.start, p.end) for p in finding.places]
