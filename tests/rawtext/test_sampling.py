from __future__ import annotations

from collections import Counter

import pytest

from spacy_bioner.rawtext.sampling import Reservoir


def sample(texts: list[str], count: int, seed: int = 0, heavy: str = "") -> list[str]:
    reservoir = Reservoir(count, seed)
    for text in texts:
        reservoir.offer(text, 3.0 if text in heavy else 1.0)
    return reservoir.texts()


TEXTS = list("abcdefghij")


def test_texts_are_drawn_once_and_in_their_order() -> None:
    drawn = sample([*TEXTS, *TEXTS], 4)
    assert len(drawn) == 4
    assert drawn == sorted(set(drawn))
    assert sample(TEXTS, 4) == drawn
    assert sample(TEXTS, 4, seed=1) != drawn


def test_all_are_drawn_where_there_are_no_more() -> None:
    assert sample(TEXTS, 50) == TEXTS
    assert sample([], 5) == []


@pytest.mark.parametrize("seed", range(5))
def test_a_text_offered_again_has_no_second_chance(seed: int) -> None:
    assert sample(TEXTS * 20, 3, seed) == sample(TEXTS, 3, seed)
    assert sample([*TEXTS, *TEXTS[::-1]], 3, seed) == sample(TEXTS, 3, seed)


def test_each_text_has_the_chance_of_its_weight() -> None:
    n = 4000
    counts = Counter(text for seed in range(n) for text in sample(TEXTS, 1, seed, heavy="ae"))
    for text in TEXTS:  # weights: two of 3 and eight of 1
        share = (3 if text in "ae" else 1) / 14
        assert counts[text] == pytest.approx(n * share, abs=5 * (n * share) ** 0.5)


def test_a_sample_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="1 text or more"):
        Reservoir(0)
