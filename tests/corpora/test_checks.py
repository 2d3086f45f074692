from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.checks import (
    Finding,
    FindingKind,
    Severity,
    check_corpora,
    has_errors,
    render_findings,
)
from spacy_bioner.corpora.checks.findings import KEPT_PLACES, Place
from spacy_bioner.corpora.checks.rendering import ADVICE
from spacy_bioner.corpora.document import Document, Entity
from spacy_bioner.corpora.reading_log import ReadLog
from spacy_bioner.errors import CorpusError

PAGE = Path(__file__).parents[2] / "docs" / "checking.md"
LONG = "他已經連續三天頭痛又發燒。"


def some_findings() -> list[Finding]:
    """Findings of nearly all kinds, of documents made for it."""
    log = ReadLog()
    log.of(Path("a.txt")).repair(3, "i-SYMP", "I-SYMP", "prefix in lower case")
    log.of(Path("a.txt")).skip("relations", "R1")
    log.of(Path("a.txt")).skip("relations", "R2")
    train = [
        Document(LONG, (Entity(7, 9, "SYMP"), Entity(7, 9, "DISE")), "t1"),
        Document(LONG, (Entity(7, 9, "SYMP"), Entity(7, 9, "SYMP")), "t2"),
        Document("她 頭痛 。", (Entity(1, 4, "SYMP"),), "t3"),
        Document("她頭痛。", (Entity(1, 3, "BODY"),), "t3"),
        Document("用了 Ｂ１２ 片。", (Entity(3, 5, "SUPP"),), "t4"),
        Document("\ufeff這\u3000裡\x00有\u0301\ufffd \u0301\r\n、\n", (), "t5"),
        Document("ＡＢＣ咳嗽。發燒，以及很久" + "很" * 60, (Entity(3, 60, "SYMP"),), "t6"),
        *(Document("血压与气体的测量结果" * 3 + str(n), (), f"t7{n}") for n in range(2)),
        *(Document(f"第{n}天頭痛", (Entity(3, 5, "SYMP"),), f"t8{n}") for n in range(9)),
        *(Document(f"第{n}次頭痛", (Entity(3, 5, "SYMP"),), f"t9{n}") for n in range(9)),
    ]
    dev = [
        Document(LONG, (Entity(7, 9, "SYMP"), Entity(0, 12, "SYMP")), "d1"),
        Document("血壓與氣體的測量結果和B12" * 8, (Entity(0, 1, "BODY"),), "d2"),
        Document("血壓，結果", (Entity(2, 3, "EXAM"), Entity(0, 1, "BODY")), "d3"),
        *(Document(f"{n}頭痛", (Entity(0, 1, "TIME"),), f"d4{n}") for n in range(60)),
    ]
    return check_corpora({"train": train, "dev": dev}, log)


def test_all_kinds_of_findings_are_found():
    missing = set(FindingKind) - {finding.kind for finding in some_findings()}
    assert missing == set()


def test_findings_are_one_line_each_and_their_places_few():
    for finding in some_findings():
        assert finding.message.isprintable()
        assert len(finding.places) <= KEPT_PLACES


def test_page_describes_each_kind_with_its_severities():
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [^|]+ \|$", PAGE.read_text("utf-8"), re.M)[2:]
    assert [name for name, _ in rows] == [str(kind) for kind in FindingKind]
    severities = dict(rows)
    for finding in some_findings():
        assert finding.severity in severities[finding.kind]


def test_advice_is_one_sentence_for_each_kind():
    assert list(ADVICE) == list(FindingKind)
    assert not any(advice.endswith(".") or "\n" in advice for advice in ADVICE.values())


def test_slips_of_the_log_are_reported_after_reading():
    log = ReadLog()

    def documents():
        yield Document("他頭痛。", (Entity(1, 3, "SYMP"),), "a")
        log.of(Path("a.txt")).repair(2, "O-SYMP", "O", "O has no type")
        log.of(Path("a.txt")).skip("relations", "R1")

    found = {f.kind: f for f in check_corpora({"a": documents()}, log)}
    assert found[FindingKind.REPAIR].message == "a.txt:2: 'O-SYMP' read as 'O': O has no type"
    assert found[FindingKind.REPAIR].severity is Severity.WARNING
    assert found[FindingKind.SKIPPED].message == "a.txt: 1 relations (the first: R1)"
    assert found[FindingKind.SKIPPED].severity is Severity.NOTE


def test_errors_of_readers_come_through():
    def documents():
        yield Document("他頭痛。")
        raise CorpusError("broken. Correct it.", "a.txt", 2)

    with pytest.raises(CorpusError, match="broken"):
        check_corpora({"a": documents()}, ReadLog())


def test_sound_corpus_gives_notes_only():
    parts = {
        "train": [Document("他頭痛了三天。", (Entity(1, 3, "SYMP"),), "a")],
        "dev": [Document("吃飯後她常頭痛。", (Entity(5, 7, "SYMP"),), "b")],
    }
    findings = check_corpora(parts, ReadLog())
    assert {f.severity for f in findings} == {Severity.NOTE}
    assert {f.kind for f in findings} <= {
        *(FindingKind.SCRIPT, FindingKind.WIDTH, FindingKind.UNSEEN_MENTIONS),
        FindingKind.MENTION_FIGURES,
    }
    assert not has_errors(findings)


@pytest.mark.parametrize("parts", [{}, {"a": []}, {"a": [], "b": []}])
def test_nothing_is_found_in_nothing(parts):
    findings = check_corpora(parts, ReadLog())
    assert findings == []
    assert render_findings(findings) == "nothing found"
    assert not has_errors(findings)


def finding(kind: FindingKind, severity: Severity, message: str, *places: Place) -> Finding:
    return Finding(kind, severity, message, places, max(1, len(places)))


def test_render_groups_by_kind_and_shows_errors_first():
    place = Place("dev", "a\n1", 3, 5, "頭痛")
    findings = [
        finding(FindingKind.LONG_MENTION, Severity.NOTE, "60 characters"),
        finding(FindingKind.LEAKAGE, Severity.WARNING, "one"),
        finding(FindingKind.LEAKAGE, Severity.ERROR, "two", place),
        finding(FindingKind.LEAKAGE, Severity.WARNING, "three"),
        finding(FindingKind.CUT_RUN, Severity.WARNING, "four", place, place, place, place),
    ]
    where = r"dev, document 'a\n1', 3 to 5: '頭痛'"
    assert render_findings(findings, 2).split("\n") == [
        f"same text in several parts (1 error, 2 warnings): {ADVICE[FindingKind.LEAKAGE]}.",
        f"  error: two [{where}]",
        "  warning: one",
        "  ... and 1 more",
        "",
        f"boundaries within a run (1 warning): {ADVICE[FindingKind.CUT_RUN]}.",
        f"  warning: four [{where}; {where}; {where}]",
        "",
        f"long mentions (1 note): {ADVICE[FindingKind.LONG_MENTION]}.",
        "  note: 60 characters",
        "",
        "1 error, 3 warnings, 1 note",
    ]
    assert "..." not in render_findings(findings, None)
    assert "..." not in render_findings(findings, 3)


def test_long_texts_are_cut_in_places():
    document = Document("頭" * 100, (), "a")
    assert Place.of("p", document).text == "頭" * 39 + "…"
    assert (Place.of("p", document).start, Place.of("p", document).end) == (0, 100)
    assert Place.of("p", document, 3, 43).text == "頭" * 40


ODD = ["\u3000", "\u0301", "\r", "\n", "\x00", "\ufeff", "\ufffd", "\ud800", "\ue000", "\u0378"]
pieces = st.sampled_from(
    ["頭痛", "血压", "B12", "Ｂ", "-", " ", "。", ". A", "abc", "ABC", "İ", "Σ", "ก", *ODD]
)
texts = st.lists(pieces | st.characters(), max_size=12).map("".join)
labels = st.sampled_from(["SYMP", "BODY"]) | st.text(min_size=1, max_size=2)


@st.composite
def documents(draw):
    """Any documents: with overlaps, repetitions and fragments."""
    text = draw(texts)
    offsets = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(offsets, offsets, labels), max_size=6)) if text else []
    entities = [Entity(*sorted((a, b)), label) for a, b, label in spans if a != b]
    entities += [
        Entity(e.start, e.end, e.label, ((e.start, e.start + 1), (e.end - 1, e.end)))
        for e in entities[:1]
        if e.end - e.start > 2
    ]
    entities.sort(key=lambda e: (e.start, e.end))
    return Document(text, tuple(entities), draw(st.text(max_size=2)))


@given(
    st.dictionaries(st.text(max_size=3), st.lists(documents(), max_size=5), max_size=3),
    st.none() | st.integers(0, 3),
)
def test_check_gives_findings_for_any_documents(parts, limit):
    findings = check_corpora(parts, ReadLog())
    texts = {
        (part, document.id, document.text) for part, found in parts.items() for document in found
    }
    for found in findings:
        assert found.message.isprintable()
        for place in found.places:
            assert any(
                (part, id) == (place.part, place.document)
                and text[place.start : place.end].startswith(place.text.removesuffix("…"))
                for part, id, text in texts
            )
    render_findings(findings, limit).encode()
