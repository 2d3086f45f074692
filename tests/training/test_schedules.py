"""The stepped warm-up and decay, value by value."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from spacy import registry
from thinc.schedules import slanted_triangular as thinc_slanted_triangular

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.schedules import slanted_triangular, stepped_warmup_decay

PAPER = {"warmup_rate": 1e-5, "learn_rate": 4e-5, "warmup_steps": 1760, "decay_every": 880}


def test_rates_are_warm_up_then_steps_down() -> None:
    rates = stepped_warmup_decay(1.0, 8.0, warmup_steps=3, decay_every=2)
    assert list(islice(rates, 11)) == [1, 1, 1, 8, 8, 4, 4, 2, 2, 1, 1]


def test_rates_do_not_fall_below_the_lowest() -> None:
    rates = stepped_warmup_decay(1.0, 8.0, 0, 1, decay_factor=0.25, lowest_rate=1.5)
    assert list(islice(rates, 4)) == [8, 2, 1.5, 1.5]


def test_factor_of_one_never_decays() -> None:
    assert set(islice(stepped_warmup_decay(1.0, 8.0, 0, 1, 1.0), 50)) == {8.0}


def test_rates_of_the_paper_as_in_the_config() -> None:
    rates = list(islice(stepped_warmup_decay(**PAPER), 5280))
    assert rates[:1760] == [1e-5] * 1760
    assert rates[1760:2640] == [4e-5] * 880
    assert rates[2640:3520] == [2e-5] * 880
    assert rates[3520:4400] == [1e-5] * 880
    assert rates[4400:] == [5e-6] * 880


def test_schedule_comes_from_a_config() -> None:
    block = {"@schedules": "spacy_bioner.stepped_warmup_decay.v1", **PAPER}
    assert next(registry.resolve({"rate": block})["rate"]) == 1e-5


@pytest.mark.parametrize(
    "wrong",
    [{"warmup_steps": -1}, {"decay_every": 0}, {"decay_factor": 0.0}, {"decay_factor": 1.5}],
)
def test_numbers_that_make_no_schedule_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        stepped_warmup_decay(**{**PAPER, **wrong})


def test_slanted_triangle_is_that_of_the_paper() -> None:
    """Howard and Ruder 2018, equation 3, value by value."""
    steps, cut, ratio = 50, 5, 32
    for t, rate in enumerate(islice(slanted_triangular(0.01, steps), steps), 1):
        p = t / cut if t < cut else 1 - (t - cut) / (cut * (1 / 0.1 - 1))
        assert rate == pytest.approx(0.01 * (1 + p * (ratio - 1)) / ratio)


def test_slanted_triangle_is_that_of_thinc_within_its_steps() -> None:
    ours = list(islice(slanted_triangular(0.02, 200, 0.2, 16), 200))
    theirs = list(islice(thinc_slanted_triangular(0.02, 200, cut_frac=0.2, ratio=16), 200))
    assert ours == pytest.approx(theirs)


def test_slanted_triangle_stays_at_its_lowest_rate_after_the_end() -> None:
    rates = list(islice(slanted_triangular(0.032, 20), 60))
    assert max(rates) == rates[1] == pytest.approx(0.032)
    assert rates[20:] == pytest.approx([0.001] * 40)


def test_slanted_triangle_has_a_way_up_of_one_update_at_least() -> None:
    assert next(slanted_triangular(1.0, 5)) == 1.0


def test_slanted_triangle_comes_from_a_config() -> None:
    block = {"@schedules": "spacy_bioner.slanted_triangular.v1", "max_rate": 1.0, "num_steps": 10}
    assert next(registry.resolve({"rate": block})["rate"]) == 1.0


@pytest.mark.parametrize(
    "wrong", [{"max_rate": -1.0}, {"num_steps": 1}, {"cut_frac": 0.0}, {"cut_frac": 1.0}]
)
def test_numbers_that_make_no_triangle_are_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
        slanted_triangular(**{"max_rate": 1.0, "num_steps": 10, **wrong})
