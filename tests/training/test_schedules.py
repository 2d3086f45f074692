from __future__ import annotations

from itertools import islice

import pytest

from spacy_bioner.errors import ConfigError
from spacy_bioner.training.schedules import stepped_warmup_decay


def test_schedule_warms_up_then_falls_in_steps():
    rates = stepped_warmup_decay(0.1, 1.0, warmup_steps=2, decay_every=3, decay_factor=0.5)
    assert list(islice(rates, 9)) == [0.1, 0.1, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_schedule_stops_falling_at_the_lowest_rate():
    rates = stepped_warmup_decay(0.1, 1.0, 0, 1, 0.1, lowest_rate=0.05)
    assert list(islice(rates, 4)) == [1.0, 0.1, 0.05, 0.05]


@pytest.mark.parametrize("numbers", [(-1, 1, 0.5), (0, 0, 0.5), (0, 1, 0.0), (0, 1, 1.5)])
def test_schedule_refuses_numbers_that_make_none(numbers):
    with pytest.raises(ConfigError, match="stepped_warmup_decay"):
        stepped_warmup_decay(0.1, 1.0, *numbers)
