from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.evaluation.reliability import (
    area_under_precision_recall,
    precision_at_recall,
    reliability,
    reliability_by_type,
    render_reliability,
)

pairs = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


def test_figures_of_a_small_case_by_hand():
    found = reliability([0.95, 0.85, 0.85, 0.15], [True, True, False, False])
    # bins (0.9, 1]: |0.95 - 1|; (0.8, 0.9]: |0.85 - 0.5| twice; (0.1, 0.2]: |0.15 - 0|
    assert found.ece == pytest.approx((0.05 + 2 * 0.35 + 0.15) / 4)
    assert found.brier == pytest.approx((0.05**2 + 0.15**2 + 0.85**2 + 0.15**2) / 4)
    assert (found.count, found.precision) == (4, 0.5)
    assert [(b.count, b.precision) for b in found.bins] == [(1, 0.0), (2, 0.5), (1, 1.0)]


def test_true_confidences_have_no_error():
    assert reliability([1.0, 1.0, 0.0], [True, True, False]).ece == 0.0
    assert reliability([0.5] * 4, [True, False, True, False]).ece == pytest.approx(0.0)


@given(pairs)
def test_bins_hold_every_entity_once(values):
    p, y = zip(*values, strict=True)
    found = reliability(p, y)
    assert sum(b.count for b in found.bins) == len(p)
    assert 0 <= found.ece <= 1
    for b in found.bins:
        assert b.low - 1e-12 <= b.confidence <= b.high + 1e-12


@given(pairs, st.integers(0, 5))
def test_area_equals_its_definition(values, missed):
    p, y = np.array([v[0] for v in values]), np.array([v[1] for v in values])
    gold = max(1, int(y.sum()) + missed)
    area, reached = 0.0, 0.0
    for threshold in sorted(set(p), reverse=True):
        kept = p >= threshold
        recall = y[kept].sum() / gold
        area += (recall - reached) * y[kept].mean()
        reached = recall
    assert area_under_precision_recall(p, y, gold) == pytest.approx(area)


def test_precision_at_recall_takes_the_best_threshold():
    found = precision_at_recall(
        [0.9, 0.8, 0.7, 0.6], [True, False, True, True], 4, [0.25, 0.75, 1.0]
    )
    assert found == [1.0, 0.75, None]


def test_table_has_a_row_for_each_type_and_part():
    by_type = reliability_by_type([0.9, 0.4], [True, False], ["A", "B"])
    lines = render_reliability({"before": by_type, "after": by_type}).splitlines()
    assert len(lines) == 2 + 6
    assert lines[2].startswith("| all | before | 2 | 0.650 | 0.500 |")


def test_a_type_named_all_does_not_take_the_place_of_all_types():
    by_type = reliability_by_type([0.9, 0.4], [True, False], ["all", "B"])
    lines = render_reliability({"": by_type}).splitlines()
    assert [line.split(" | ")[2] for line in lines[2:]] == ["2", "1", "1"]


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [([0.5], [True, False], "1 confidences but 2"), ([1.5], [True], "from 0 to 1")],
)
def test_values_that_make_no_sense_are_refused(p, y, message):
    with pytest.raises(ValueError, match=message):
        reliability(p, y)


@pytest.mark.parametrize("right", [[1, 0], [0, 1]])
def test_no_threshold_parts_equal_confidences(right):
    assert precision_at_recall([0.5, 0.5], right, 1, [1.0]) == [0.5]
