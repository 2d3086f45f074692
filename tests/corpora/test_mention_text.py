from __future__ import annotations

from pathlib import Path

import pytest

from spacy_bioner.corpora.mention_text import check_mention_text, check_offsets, on_one_line
from spacy_bioner.corpora.reading_log import FileLog, ReadLog
from spacy_bioner.corpora.text_lines import LineError
from spacy_bioner.errors import CorpusError

TEXT = "Pain in\tthe\r\nleg"


def test_on_one_line_keeps_offsets():
    assert on_one_line(TEXT) == "Pain in the  leg"


@pytest.mark.parametrize("pieces", [[(-1, 2)], [(2, 2)], [(3, 2)], [(0, 2), (5, 18)]])
def test_wrong_offsets_are_refused(pieces):
    with pytest.raises(LineError, match=r"^offsets .* to .* Correct them\.$"):
        check_offsets(pieces, TEXT)


def test_right_offsets_are_taken():
    check_offsets([(0, 17)], "x" * 17)


@pytest.mark.parametrize(
    ("found", "pieces", "repaired"),
    [
        ("Pain", [(0, 4)], []),
        ("in the", [(5, 11)], []),
        ("in\tthe", [(5, 11)], []),
        ("the  leg", [(8, 16)], []),
        ("Pain leg", [(0, 4), (13, 16)], []),
        ("Painleg", [(0, 4), (13, 16)], ["Pain leg"]),
        ("the leg", [(8, 16)], ["the  leg"]),
        ("Pain\u00a0", [(0, 4)], ["Pain"]),
    ],
)
def test_difference_in_white_space_is_repaired(found, pieces, repaired):
    log = ReadLog()
    check_mention_text(found, pieces, TEXT, 3, FileLog(Path("a"), log))
    assert [(r.line, r.found, r.read_as) for r in log.repairs] == [(3, found, r) for r in repaired]


def test_repair_is_refused_when_strict():
    with pytest.raises(CorpusError, match="a:3: 'Pain ': differs from the text in white space"):
        check_mention_text("Pain ", [(0, 4)], TEXT, 3, FileLog(Path("a"), ReadLog(strict=True)))


def test_other_difference_is_refused_with_both_texts():
    with pytest.raises(LineError) as caught:
        check_mention_text("Pain Leg", [(0, 4), (13, 16)], TEXT, 3, FileLog(Path("a"), ReadLog()))
    assert str(caught.value) == (
        "the mention is 'Pain Leg', but the text at offsets 0 to 4 and 13 to 16 is 'Pain leg'. "
        "Correct one of them."
    )
