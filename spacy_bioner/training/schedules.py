"""Learning rates over time, as plain generators stepped once an update (thinc 8.3)."""

from collections.abc import Iterator

from spacy_bioner.errors import ConfigError


def stepped_warmup_decay(
    warmup_rate: float,
    learn_rate: float,
    warmup_steps: int,
    decay_every: int,
    decay_factor: float = 0.5,
    lowest_rate: float = 0.0,
) -> Iterator[float]:
    """Registered as `spacy_bioner.stepped_warmup_decay.v1`.

    `warmup_rate` for the first `warmup_steps` updates, then `learn_rate`, which is
    multiplied by `decay_factor` after every further `decay_every` updates, and
    never falls below `lowest_rate`. With one epoch for both step counts this is
    the schedule of Feng et al. (ROCLING 2022): a low rate in epoch 1, the full
    rate in epoch 2, less and less after.
    Raises ConfigError if the numbers make no schedule.
    """
    if warmup_steps < 0 or decay_every < 1 or not 0 < decay_factor <= 1:
        raise ConfigError(
            "stepped_warmup_decay.v1 needs warmup_steps >= 0, decay_every >= 1 and "
            f"0 < decay_factor <= 1, got {warmup_steps}, {decay_every} and {decay_factor}"
        )
    return _rates(warmup_rate, learn_rate, warmup_steps, decay_every, decay_factor, lowest_rate)


def _rates(
    warmup_rate: float,
    learn_rate: float,
    warmup_steps: int,
    decay_every: int,
    decay_factor: float,
    lowest_rate: float,
) -> Iterator[float]:
    for _ in range(warmup_steps):
        yield warmup_rate
    while True:
        for _ in range(decay_every):
            yield max(learn_rate, lowest_rate)
        learn_rate *= decay_factor


def slanted_triangular(
    max_rate: float, num_steps: int, cut_frac: float = 0.1, ratio: float = 32.0
) -> Iterator[float]:
    """Registered as `spacy_bioner.slanted_triangular.v1`.

    Up to `max_rate` in the first `cut_frac` of `num_steps` updates, then slowly down
    to `max_rate / ratio`, both in a straight line, and there it stays (Howard and Ruder 2018,
    equation 3). thinc's `slanted_triangular.v1` falls below 0 after `num_steps`, and
    fails where `cut_frac` of them is less than one update.
    Raises ConfigError if the numbers make no schedule.
    """
    if max_rate < 0 or num_steps < 2 or not 0 < cut_frac < 1 or ratio < 1:
        raise ConfigError(
            "slanted_triangular.v1 needs max_rate >= 0, num_steps >= 2, 0 < cut_frac < 1 and "
            f"ratio >= 1, got {max_rate}, {num_steps}, {cut_frac} and {ratio}"
        )
    return _slanted_rates(max_rate, num_steps, max(int(num_steps * cut_frac), 1), ratio)


def _slanted_rates(max_rate: float, num_steps: int, cut: int, ratio: float) -> Iterator[float]:
    for step in range(1, num_steps + 1):
        share = step / cut if step < cut else 1 - (step - cut) / (num_steps - cut)
        yield max_rate * (1 + share * (ratio - 1)) / ratio
    while True:
        yield max_rate / ratio
