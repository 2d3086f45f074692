"""Findings about texts: odd characters, scripts, widths and runs."""

from __future__ import annotations

import pytest

from spacy_bioner.corpora.checks.chinese import FULL_WIDTH, ChineseText
from spacy_bioner.corpora.checks.findings import FindingKind
from spacy_bioner.corpora.checks.odd_characters import OddCharacters
from spacy_bioner.corpora.checks.runs import CutRuns
from spacy_bioner.corpora.checks.scripts import is_simplified_only, is_traditional_only
from spacy_bioner.corpora.document import Document, Entity
from tests.corpora.checked_documents import brief, found_by, places

# odd characters


@pytest.mark.parametrize(
    ("character", "kind", "severity", "name"),
    [
        ("\x00", FindingKind.CONTROL_CHARACTER, "warning", "U+0000 control"),
        ("\x0b", FindingKind.CONTROL_CHARACTER, "warning", "U+000B control"),
        ("\x85", FindingKind.CONTROL_CHARACTER, "warning", "U+0085 control"),
        ("\u200b", FindingKind.INVISIBLE_CHARACTER, "warning", "U+200B ZERO WIDTH SPACE"),
        ("\ufeff", FindingKind.INVISIBLE_CHARACTER, "warning", "U+FEFF ZERO WIDTH NO-BREAK SPACE"),
        ("\u00ad", FindingKind.INVISIBLE_CHARACTER, "warning", "U+00AD SOFT HYPHEN"),
        ("\ufffd", FindingKind.DAMAGED_CHARACTER, "warning", "U+FFFD REPLACEMENT CHARACTER"),
        ("\ue000", FindingKind.DAMAGED_CHARACTER, "warning", "U+E000 private use"),
        ("\u0378", FindingKind.DAMAGED_CHARACTER, "warning", "U+0378 unassigned"),
        ("\ud800", FindingKind.DAMAGED_CHARACTER, "warning", "U+D800 surrogate"),
        ("\u00a0", FindingKind.ODD_SPACE, "note", "U+00A0 NO-BREAK SPACE"),
        ("\u3000", FindingKind.ODD_SPACE, "note", "U+3000 IDEOGRAPHIC SPACE"),
        ("\u2028", FindingKind.ODD_SPACE, "note", "U+2028 LINE SEPARATOR"),
    ],
)
def test_odd_character_is_counted_and_named(character, kind, severity, name):
    docs = [Document("頭痛。"), Document(f"頭{character}痛{character}", (), "1")]
    (found,) = found_by(OddCharacters(), a=docs, b=docs[1:])
    assert brief([found]) == [(kind, severity, f"{name}: a 2, b 2")]
    assert (found.count, places(found)) == (4, [("a", "1", 1, 2)])
    assert found.places[0].text == character


@pytest.mark.parametrize(
    ("text", "places_of_mark"),
    [
        ("e\u0301", []),
        ("\u0301e", [0]),
        ("e \u0301 e\u0301\n\u0301", [2, 7]),
        ("\u0e01\u0e34", []),
        ("☺\ufe0f", []),
    ],
)
def test_combining_mark_is_odd_where_it_has_no_base(text, places_of_mark):
    findings = found_by(OddCharacters(), a=[Document(text)])
    assert [f.kind for f in findings] == [FindingKind.LONE_MARK] * bool(places_of_mark)
    assert [(f.count, f.places[0].start) for f in findings] == [
        (len(places_of_mark), at) for at in places_of_mark[:1]
    ]


def test_usual_characters_are_not_odd():
    text = "頭痛，Ｂ１２ of 5\tµg; naïve ☺\n(可)。\n𠮷"
    assert found_by(OddCharacters(), a=[Document(text)]) == []


def test_line_ends_of_several_kinds_are_found():
    docs = {"a": [Document("一\r\n二\r\n", (), "1")], "b": [Document("三\r四\n\r\n", (), "2")]}
    (found,) = found_by(OddCharacters(), **docs)
    assert brief([found]) == [
        (FindingKind.LINE_ENDS, "warning", "CR LF: a 2, b 1; LF: b 1; CR: b 1")
    ]
    assert places(found) == [("a", "1", 1, 3), ("b", "2", 3, 4), ("b", "2", 1, 2)]
    assert found.count == 5
    assert found_by(OddCharacters(), **{"a": docs["a"]}) == []


# scripts and widths


@pytest.mark.parametrize(
    ("character", "simplified", "traditional"),
    [("压", True, False), ("壓", False, True), ("痛", False, False), ("a", False, False)],
)
def test_script_is_judged_by_encodings(character, simplified, traditional):
    assert is_simplified_only(character) is simplified
    assert is_traditional_only(character) is traditional


def scripts(**texts: str) -> list[tuple[str, str]]:
    found = found_by(ChineseText(), **{part: [Document(text)] for part, text in texts.items()})
    return [(str(f.severity), f.message) for f in found if f.kind is FindingKind.SCRIPT]


def test_scripts_of_one_kind_give_figures_only():
    assert scripts(a="血壓與氣體" * 10, b="血壓" * 30, c="blood") == [
        (
            "note",
            "a: of 50 Han characters 0 (0.00%) are simplified only, 40 (80.00%) traditional only",
        ),
        (
            "note",
            "b: of 60 Han characters 0 (0.00%) are simplified only, 30 (50.00%) traditional only",
        ),
    ]


def test_parts_in_different_scripts_are_a_warning():
    *_, warning = scripts(a="血壓" * 30, b="血压" * 29 + "血壓")
    assert warning == (
        "warning",
        "parts differ in script; simplified are, of the characters of one only: "
        "a 0 of 30, 0.0%; b 29 of 30, 96.7%",
    )


def test_part_of_both_scripts_is_a_warning():
    assert [
        message for severity, message in scripts(a="壓" * 27 + "压" * 3) if severity[0] == "w"
    ] == ["a mixes scripts: of the characters of one script only, 3 of 30, 10.0% are simplified"]
    assert [severity for severity, _ in scripts(a="壓" * 28 + "压" * 3)] == ["note"]


def test_few_characters_tell_no_script():
    assert [severity for severity, _ in scripts(a="壓" * 19, b="压" * 19)] == ["note", "note"]


def test_full_width_characters_have_their_half():
    assert len(FULL_WIDTH) == 94 + 2 + 7
    assert (FULL_WIDTH["Ａ"], FULL_WIDTH["～"], FULL_WIDTH["￥"]) == ("A", "~", "¥")
    assert "\u3000" not in FULL_WIDTH
    assert "ｱ" not in FULL_WIDTH


def widths(**texts: str) -> list[tuple[str, str]]:
    found = found_by(ChineseText(), **{part: [Document(text)] for part, text in texts.items()})
    return [(str(f.severity), f.message) for f in found if f.kind is FindingKind.WIDTH]


def test_widths_are_counted_by_part():
    assert widths(a="吃Ｂ１２，3片", b="好", c="all half width") == [
        ("note", "a: letters and digits of full width are 3 of 4, 75.0%"),
        ("note", "a: punctuation and signs of full width are 1 of 1, 100.0%"),
    ]


@pytest.mark.parametrize(("full", "differ"), [(30, True), (7, True), (6, False), (0, False)])
def test_parts_in_different_widths_are_a_warning(full, differ):
    full_text = "劑" + "Ａ" * full + "b" * (60 - full)
    found = widths(a=full_text, b="Ｂ劑" + "b" * 49, c="劑，" * 30)
    assert [message for severity, message in found if severity == "warning"] == [
        "parts differ in the width of letters and digits; of full width are: "
        f"a {full} of 60, {full / 60:.1%}; b 1 of 50, 2.0%"
    ] * differ


# runs


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (1, 6, "'COVID' ends within 'COVID-19' (1 to 9)"),
        (7, 11, "'19疫苗' begins within 'COVID-19' (1 to 9)"),
        (2, 5, "'OVI' lies within 'COVID-19' (1 to 9)"),
        (1, 9, None),
        (0, 11, None),
        (9, 11, None),
    ],
)
def test_mention_that_cuts_a_run_is_a_warning(start, end, message):
    found = found_by(CutRuns(), a=[Document("打COVID-19疫苗", (Entity(start, end, "DRUG"),), "1")])
    assert brief(found) == ([(FindingKind.CUT_RUN, "warning", message)] if message else [])
    assert [places(f) for f in found] == [[("a", "1", start, end)]] * len(found)


def test_mention_may_cut_two_runs():
    document = Document("B12與C3", (Entity(1, 5, "SUPP"),))
    assert [f.message for f in found_by(CutRuns(), a=[document])] == [
        "'12與C' begins within 'B12' (0 to 3)",
        "'12與C' ends within 'C3' (4 to 6)",
    ]


def test_runs_are_looked_for_in_chinese_text_only():
    document = Document("beta-blocker", (Entity(5, 12, "DRUG"),))
    assert found_by(CutRuns(), a=[document]) == []
    assert found_by(CutRuns(), a=[Document("B12片")]) == []
