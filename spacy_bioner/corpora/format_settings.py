"""A format's name with settings after it, as users write it: conll:tag_column=1,scheme=BIOES."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spacy_bioner.errors import ConfigError

Settings = Mapping[str, Callable[[str], Any]]
"""What each setting of a format makes of the text given for it; ValueError if it cannot."""


def split_format(text: str) -> tuple[str, dict[str, str]]:
    """The name and the settings, as they stand there. Raises ConfigError for what is neither."""
    name, colon, rest = text.partition(":")
    given = dict[str, str]()
    for part in rest.split(",") if colon else ():
        key, equals, value = part.partition("=")
        if not equals or key.strip() in given:
            raise ConfigError(
                f"format {text!r}: {part!r} is no setting, or a second one of its name. "
                "Write them as conll:tag_column=1,scheme=BIOES."
            )
        given[key.strip()] = value.strip()
    return name, given


def read_settings(name: str, given: Mapping[str, str], known: Settings) -> dict[str, Any]:
    """The values of the settings given for a format. Raises ConfigError for a wrong one."""
    values = dict[str, Any]()
    for key, text in given.items():
        if key not in known:
            has = f"its settings are {', '.join(known)}" if known else "it has no settings"
            raise ConfigError(f"format {name!r} has no setting {key!r}: {has}")
        try:
            values[key] = known[key](text)
        except ValueError as error:
            raise ConfigError(f"format {name!r}, setting {key!r}: {error}") from None
    return values


def one_of(names: Sequence[str]) -> Callable[[str], str]:
    """A setting that has a few values."""

    def choose(text: str) -> str:
        if text not in names:
            raise ValueError(f"{text!r} is not one of {', '.join(names)}")
        return text

    return choose


def joiner(text: str) -> str:
    """What stands between two tokens: auto, blank or nothing."""
    names = {"auto": "auto", "blank": " ", "nothing": ""}
    return names[one_of(list(names))(text)]


def column(text: str) -> int:
    """The number of a column, from 0, or from -1 backwards."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is no whole number") from None
