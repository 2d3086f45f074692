"""Named groups of parameters: the sections `[training.optimizer.groups.NAME]`."""

import math
from dataclasses import dataclass
from typing import Any

from spacy_bioner.errors import ConfigError


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters by the name of a config section, and what holds for them.

    pattern: of their names, with * and ? as in a shell; rate_scale: factor on the
    rate of their block; weight_decay: None for that of the optimizer, and not for names
    that fit `no_decay`.
    """

    name: str
    pattern: str
    rate_scale: float = 1.0
    weight_decay: float | None = None


def parse_group(name: str, settings: dict[str, Any]) -> ParameterGroup:
    """A group from the settings of its config section. Raises ConfigError if they cannot work."""
    unknown = set(settings) - {"pattern", "rate_scale", "weight_decay"}
    if unknown or "pattern" not in settings:
        raise ConfigError(
            f"[training.optimizer.groups.{name}] takes pattern, rate_scale and weight_decay, "
            f"and needs a pattern; got {sorted(settings)}"
        )
    group = ParameterGroup(name, **settings)
    if not isinstance(group.pattern, str):
        raise ConfigError(
            f"[training.optimizer.groups.{name}] pattern must be text, got {group.pattern!r}"
        )
    for setting, value in (("rate_scale", group.rate_scale), ("weight_decay", group.weight_decay)):
        if value is not None and not (isinstance(value, int | float) and 0 <= value < math.inf):
            raise ConfigError(
                f"[training.optimizer.groups.{name}] {setting} must be a number and not below 0, "
                f"got {value!r}"
            )
    return group
