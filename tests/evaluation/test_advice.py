"""What advice is given, and the figures in it."""

from __future__ import annotations

from spacy_bioner.evaluation.advice import advise
from spacy_bioner.evaluation.analysis import NEVER, OTHER_TYPE, SEEN
from spacy_bioner.evaluation.errors import Kind, KindCount
from spacy_bioner.evaluation.scores import Scores

TOTAL = Scores(60, 90, 100)
TYPES = {"A": Scores(50, 60, 60), "B": Scores(10, 30, 40)}


def test_dearest_classes_come_first_with_their_types() -> None:
    kinds = [
        KindCount(Kind.missed, 30, {"B": 20, "A": 10}, 0.12),
        KindCount(Kind.split, 4, {"A": 4}, 0.01),
        KindCount(Kind.left, 1, {"A": 1}, 0.0),
    ]
    first, second, third = advise(TOTAL, TYPES, kinds, {}, 20)
    assert first.startswith("30 missed (20 of them B) cost 12.0 points of F1: ")
    assert second.startswith("4 split (4 of them A) cost 1.0 points of F1: train with a CRF")
    assert third == "B has F1 28.6 and 71% of all that is wrong: begin there."


def test_mentions_that_training_never_has() -> None:
    seen = {SEEN: Scores(55, 70, 70), NEVER: Scores(5, 15, 25), OTHER_TYPE: Scores(0, 5, 5)}
    never, other = advise(TOTAL, {}, [], seen, 20)
    assert "78.6 for mentions that training has" in never
    assert "20.0 for those it never has, which are 25% of the gold" in never
    assert "a pretrained encoder would help" in never
    assert other.startswith("5 mentions have another type in training than here, and 0.0 %")


def test_new_mentions_that_are_found_as_well_as_old_ones_call_for_nothing() -> None:
    seen = {SEEN: Scores(70, 80, 80), NEVER: Scores(18, 20, 20)}
    (never,) = advise(TOTAL, {}, [], seen, 20)
    assert never.endswith("what is new is not what is hard.")


def test_perfect_and_empty_systems() -> None:
    assert advise(Scores(5, 5, 5), {"A": Scores(5, 5, 5)}, [], {}, 20) == []
    (empty,) = advise(Scores(0, 3, 0), {}, [], {}, 20)
    assert "holds no mention" in empty


def test_few_documents_are_named() -> None:
    total = Scores(5, 5, 5)
    assert advise(total, {}, [], {}, 20) == []
    (few,) = advise(total, {}, [], {}, 19)
    assert few.startswith("With 19 of 20 documents that it takes at least, intervals, and p by")
