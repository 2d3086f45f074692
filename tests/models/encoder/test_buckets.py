from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.models.encoder.buckets import plan_buckets

LENGTHS = st.lists(st.integers(2, 200), max_size=60)


@given(LENGTHS, st.integers(1, 600), st.integers(0, 100))
def test_every_row_is_in_one_bucket_that_is_not_too_large(
    lengths: list[int], largest: int, overhead: int
) -> None:
    buckets = list(plan_buckets(lengths, largest, overhead))
    assert sorted(i for bucket in buckets for i in bucket) == list(range(len(lengths)))
    for bucket in buckets:
        inside = [lengths[i] for i in bucket]
        assert len(bucket) * max(inside) <= largest or len(bucket) == 1
        assert sum(max(inside) - length for length in inside) <= overhead
        assert inside == sorted(inside, reverse=True)


def test_a_bucket_is_closed_only_where_it_must_be() -> None:
    assert list(plan_buckets([5, 9, 5, 9, 5], 100, 0)) == [[1, 3], [0, 2, 4]]
    assert list(plan_buckets([5, 9, 5, 9, 5], 100, 12)) == [[1, 3, 0, 2, 4]]
    assert list(plan_buckets([5, 9, 5, 9, 5], 18, 12)) == [[1, 3], [0, 2, 4]]
