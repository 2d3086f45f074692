from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.models.encoder.buckets import BucketSizes, plan_buckets

LENGTHS = st.lists(st.integers(2, 200), max_size=60)


SIZES = st.builds(BucketSizes, st.integers(1, 600), st.just(1), st.integers(0, 100), st.booleans())


@given(LENGTHS, SIZES)
def test_every_row_is_in_one_bucket_that_is_not_too_large(
    lengths: list[int], sizes: BucketSizes
) -> None:
    buckets = list(plan_buckets(lengths, sizes))
    assert sorted(i for bucket in buckets for i in bucket) == list(range(len(lengths)))
    for bucket in buckets:
        inside = [lengths[i] for i in bucket]
        assert len(bucket) * max(inside) <= sizes.largest or len(bucket) == 1
        assert sum(max(inside) - length for length in inside) <= sizes.overhead
        assert inside == sorted(inside, reverse=True)


def test_a_bucket_is_closed_only_where_it_must_be() -> None:
    def plan(largest: int, overhead: int) -> list[list[int]]:
        return list(plan_buckets([5, 9, 5, 9, 5], BucketSizes(largest, 1, overhead)))

    assert plan(100, 0) == [[1, 3], [0, 2, 4]]
    assert plan(100, 12) == [[1, 3, 0, 2, 4]]
    assert plan(18, 12) == [[1, 3], [0, 2, 4]]


def test_where_shapes_shall_be_few_numbers_of_rows_are_round() -> None:
    sizes = BucketSizes(largest=10_000, multiple=1, few_shapes=True)
    found = {len(bucket) for n in range(1, 600) for bucket in plan_buckets([3] * n, sizes)}
    assert sorted(found) == [*range(1, 9), 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]
    assert [len(bucket) for bucket in plan_buckets([3] * 79, sizes)] == [64, 12, 3]
