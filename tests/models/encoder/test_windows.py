from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spacy_bioner.models.encoder.windows import Windows, place_windows


@st.composite
def windows_and_sizes(draw: st.DrawFn) -> tuple[Windows, int, int, int]:
    size = draw(st.integers(2, 40))
    overlap = draw(st.integers(0, size // 2))
    n = draw(st.integers(0, 400))
    return place_windows(n, size, overlap), n, size, overlap


@given(windows_and_sizes())
def test_every_wordpiece_is_in_a_window_and_none_is_too_long(case) -> None:
    windows, n, size, _ = case
    covered = {i for start in windows.starts.tolist() for i in range(start, start + windows.length)}
    assert covered == set(range(n))
    assert windows.length <= size


@given(windows_and_sizes())
def test_neighbours_overlap_and_a_text_that_fits_is_read_once(case) -> None:
    windows, n, size, overlap = case
    assert (np.diff(windows.starts) <= windows.length - overlap).all()
    assert len(windows.starts) == 1 or n > size


@given(windows_and_sizes())
def test_one_window_less_would_not_do(case) -> None:
    windows, n, size, overlap = case
    fewer = len(windows.starts) - 1
    assert fewer == 0 or fewer * size - (fewer - 1) * overlap < n


@given(windows_and_sizes())
def test_each_wordpiece_counts_where_it_is_most_central(case) -> None:
    windows, n, _, _ = case
    starts, length = windows.starts, windows.length
    places = windows.places(np.arange(n), 1, 1)
    for i, place in enumerate(places.tolist()):
        window, column = divmod(place, length + 2)
        assert starts[window] + column - 1 == i
        distance = np.abs(2 * (i - starts) - (length - 1))
        assert distance[window] <= distance.min() + 1


def test_rows_and_places_agree() -> None:
    ids = np.arange(100, 150)
    windows = place_windows(len(ids), 20, 6)
    rows = np.pad(windows.rows(ids), ((0, 0), (1, 2)))
    np.testing.assert_array_equal(rows.reshape(-1)[windows.places(np.arange(50), 1, 2)], ids)
