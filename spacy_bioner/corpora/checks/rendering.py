"""Findings as a text for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from spacy_bioner.corpora.checks.findings import Finding, FindingKind, Severity

_SHOWN_PLACES = 3

# What findings of a kind mean, and what to do about them, in one sentence.
ADVICE: dict[FindingKind, str] = {
    FindingKind.LEAKAGE: (
        "a model is evaluated on texts that it has seen: take them out of one part, or divide "
        "the corpus with `spacy bioner split`"
    ),
    FindingKind.CONTRADICTORY_TEXT: (
        "whatever a model predicts for these texts is wrong once: annotate all copies alike"
    ),
    FindingKind.SPAN_WITH_LABELS: (
        "a tagger can give a span one label only: decide for one of them"
    ),
    FindingKind.INCONSISTENT_STRING: (
        "the same string is annotated here and not there, or with another label: look whether "
        "the meaning differs, and correct what was overlooked (the worst come first)"
    ),
    FindingKind.REPAIR: (
        "the file says something illegal, and was read as shown: correct the file, or accept "
        "that reading"
    ),
    FindingKind.LABEL_IN_ONE_PART: (
        "it can be learned or evaluated, but not both: look for a misspelt label, or divide anew"
    ),
    FindingKind.SCRIPT: (
        "how many Han characters exist in one script only (nothing is converted): bring all "
        "parts into the script of the texts to come"
    ),
    FindingKind.WIDTH: (
        "how many letters, digits and signs have full width (nothing is converted): bring all "
        "parts into the width of the texts to come"
    ),
    FindingKind.CUT_RUN: (
        "a mention begins or ends in the middle of a run of letters and digits such as COVID-19: "
        "look whether the boundary is meant"
    ),
    FindingKind.EDGE_SPACE: (
        "a mention begins or ends with white space, which training may refuse: move the boundary"
    ),
    FindingKind.CROSSES_SENTENCE: (
        "a mention goes on after the end of a sentence: look whether these are two mentions"
    ),
    FindingKind.PUNCTUATION_MENTION: (
        "a single sign is annotated, often by a slip: remove the mention, or extend it"
    ),
    FindingKind.REPEATED_MENTION: (
        "the same span stands twice with the same label, and is counted twice: remove one"
    ),
    FindingKind.REPEATED_ID: (
        "one id names different documents of a part, which a conversion refuses: give each its own"
    ),
    FindingKind.DAMAGED_CHARACTER: (
        "characters were lost or stand for nothing agreed on, often by a wrong encoding: fetch "
        "the text again, or replace them"
    ),
    FindingKind.CONTROL_CHARACTER: (
        "nobody sees them, but a model does: remove them, and mind the offsets"
    ),
    FindingKind.INVISIBLE_CHARACTER: (
        "they have no width and split words unseen: remove them where they have no purpose, and "
        "mind the offsets"
    ),
    FindingKind.LONE_MARK: (
        "a mark has no letter to combine with, so something is missing or misplaced: mend the text"
    ),
    FindingKind.LINE_ENDS: (
        "lines end in several ways, so that offsets may have been counted in several ways: make "
        "them one, and check the offsets"
    ),
    FindingKind.REPEATED_TEXT: (
        "a text counts as often as it is repeated: keep one copy, unless its frequency is meant"
    ),
    FindingKind.ODD_SPACE: (
        "other spaces than the blank, which some tokenizers keep: replace them if they mean nothing"
    ),
    FindingKind.LABEL_SHARE: (
        "a label is more frequent in one part than chance explains: know it when you read scores, "
        "or divide anew"
    ),
    FindingKind.MENTION_FIGURES: (
        "mentions of two parts differ by more than a quarter in length or density: look whether "
        "both were annotated by the same rules"
    ),
    FindingKind.UNSEEN_MENTIONS: (
        "how many mentions have a string that the first part never annotates: a figure, no defect"
    ),
    FindingKind.OVERLAP: (
        "mentions lie within or across one another, of which a tagger learns one only: see "
        "`--overlap` of `spacy bioner convert`"
    ),
    FindingKind.LONG_MENTION: (
        "mentions of more than 50 characters, some of which may be clauses: look at them"
    ),
    FindingKind.WITHOUT_MENTION: (
        "documents with nothing annotated: look whether they were annotated at all"
    ),
    FindingKind.SKIPPED: ("the file holds things that are not used here: nothing needs to be done"),
}


def render_findings(findings: Sequence[Finding], limit: int | None = 5) -> str:
    """One text: a heading for each kind, what it means and what to do, and its findings.

    Kinds with errors come first, then those with warnings; so do findings within a kind.
    limit: findings shown of each kind (None: all). A last line counts them by severity.
    """
    groups: dict[FindingKind, list[Finding]] = {}
    for finding in sorted(findings, key=_rank):
        groups.setdefault(finding.kind, []).append(finding)
    order = {kind: number for number, kind in enumerate(FindingKind)}
    lines: list[str] = []
    for kind in sorted(groups, key=lambda kind: (_rank(groups[kind][0]), order[kind])):
        lines += [*_group(kind, groups[kind], limit), ""]
    return "\n".join([*lines, _totals(findings) or "nothing found"])


def _rank(finding: Finding) -> int:
    return list(Severity).index(finding.severity)


def _group(kind: FindingKind, findings: Sequence[Finding], limit: int | None) -> Iterator[str]:
    yield f"{kind} ({_totals(findings)}): {ADVICE[kind]}."
    for finding in findings[:limit]:
        yield f"  {finding.severity}: {finding.message}{_places(finding)}"
    if limit is not None and len(findings) > limit:
        yield f"  ... and {len(findings) - limit:,} more"


def _places(finding: Finding) -> str:
    if not finding.places:
        return ""
    shown = [str(place) for place in finding.places[:_SHOWN_PLACES]]
    return f" [{'; '.join(shown)}]"


def _totals(findings: Sequence[Finding]) -> str:
    """'1 error, 2 warnings'"""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(
        f"{counts[severity]:,} {severity}{'s' if counts[severity] > 1 else ''}"
        for severity in Severity
        if counts[severity]
    )
