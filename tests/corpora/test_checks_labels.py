from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.corpora.checks.findings import Finding, FindingKind
from spacy_bioner.corpora.checks.labels import Labels, z_of_two_shares
from spacy_bioner.corpora.document import Document
from tests.corpora.checked_documents import annotated, found_by


@given(
    *[st.integers(0, 200)] * 2,
    *[st.integers(200, 400)] * 2,
)
def test_square_of_z_is_chi_square_of_the_table(x1, x2, n1, n2):
    z = z_of_two_shares(x1, n1, x2, n2)
    total, n = x1 + x2, n1 + n2
    if min(n1, n2) * min(total, n - total) / n < 5:
        assert z is None
        return
    table = [(x1, n1, total), (n1 - x1, n1, n - total), (x2, n2, total), (n2 - x2, n2, n - total)]
    chi_square = sum((x - row * column / n) ** 2 / (row * column / n) for x, row, column in table)
    assert z is not None
    assert abs(z) == pytest.approx(sqrt(chi_square), abs=1e-9)
    assert (z > 0) == (x1 * n2 > x2 * n1) or z == pytest.approx(0)


def of_kind(findings: list[Finding], kind: FindingKind) -> list[tuple[str, str]]:
    return [(str(f.severity), f.message) for f in findings if f.kind is kind]


def with_labels(**counts: int) -> list[Document]:
    return [annotated("她頭痛了", f"頭痛/{label}") for label, n in counts.items() for _ in range(n)]


def test_label_of_one_part_is_a_warning():
    found = found_by(Labels(), a=with_labels(S=2, B=1), b=with_labels(S=1), c=[Document("好")])
    assert of_kind(found, FindingKind.LABEL_IN_ONE_PART) == [
        ("warning", "B occurs in a only, 1 times")
    ]


def test_label_of_two_of_three_parts_is_none():
    found = found_by(Labels(), a=with_labels(S=2, B=1), b=with_labels(S=1), c=with_labels(S=1, B=1))
    assert of_kind(found, FindingKind.LABEL_IN_ONE_PART) == []


def test_shares_that_differ_significantly_are_a_note():
    found = found_by(Labels(), a=with_labels(S=80, B=20), b=with_labels(S=50, B=50))
    assert of_kind(found, FindingKind.LABEL_SHARE) == [
        ("note", "B is 20.0% of the mentions in a and 50.0% in b (z = -4.4)"),
        ("note", "S is 80.0% of the mentions in a and 50.0% in b (z = 4.4)"),
    ]


@pytest.mark.parametrize("counts", [{"S": 60, "B": 40}, {"S": 8, "B": 0}])
def test_shares_that_chance_explains_are_none(counts):
    found = found_by(Labels(), a=with_labels(S=80, B=20), b=with_labels(**counts))
    assert of_kind(found, FindingKind.LABEL_SHARE) == []


def test_length_and_density_that_differ_by_a_quarter_are_notes():
    a = [annotated("頭痛四個字", "頭痛/S")]
    assert of_kind(
        found_by(Labels(), a=a, b=[annotated("偏頭痛個字", "偏頭痛/S")]),
        FindingKind.MENTION_FIGURES,
    ) == [("note", "mean length of mentions: 2.00 in a, 3.00 in b")]
    assert of_kind(
        found_by(Labels(), a=a, b=[annotated("頭痛的七個字了", "頭痛/S")]),
        FindingKind.MENTION_FIGURES,
    ) == [("note", "mentions in 100 characters: 20.00 in a, 14.29 in b")]
    assert (
        of_kind(
            found_by(Labels(), a=a * 4, b=[annotated("頭痛四字", "頭痛/S")]),
            FindingKind.MENTION_FIGURES,
        )
        == []
    )


def test_unseen_mentions_are_those_that_the_first_part_never_annotates():
    a = [Document("咳嗽"), annotated("頭痛和Fever", "頭痛/S", "Fever/S")]
    b = [annotated("咳嗽頭痛fever", "咳嗽/S", "頭痛/B", "fever/S")]
    (found,) = of_kind(found_by(Labels(), a=a, b=b), FindingKind.UNSEEN_MENTIONS)
    assert found == (
        "note",
        "1 of 3 mentions (33.3%) of b have a string that a never annotates",
    )


def test_part_without_mentions_is_not_compared():
    docs = with_labels(S=3)
    assert found_by(Labels(), a=docs, b=[Document("好")]) == []
    assert found_by(Labels(), a=[Document("好")], b=docs) == []
    (found,) = found_by(Labels(), a=[Document("好")], b=docs, c=docs)
    assert found.message.startswith("0 of 3 mentions (0.0%) of c have a string that b never")
